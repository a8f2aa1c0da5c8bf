"""The commands and links in the documentation, and the cost arithmetic."""

import ast
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

import policies
from conftest import COMMAND, MODULE, ROOT

DEPLOY = (ROOT / "docs/deploy.md").read_text("utf-8")
RUNBOOK = (ROOT / "docs/runbook.md").read_text("utf-8")
PATTERNS = ["*.md", "docs/*.md", "*/README.md", "*/*/README.md"]
PAGES = sorted({page for pattern in PATTERNS for page in ROOT.glob(pattern)})
PROJECT, REGION = "toronto-311-test", "northamerica-northeast1"


def commands() -> list[str]:
    """Returns every command in a shell block or in backquotes."""
    found = []
    for text in (DEPLOY, RUNBOOK):
        blocks = re.findall(r"^ *```sh\n(.*?)^ *```", text, re.M | re.S)
        found += [line.strip() for block in blocks for line in block.splitlines()]
        found += re.findall(r"`([^`]+)`", re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S))
    named = [command for command in found if command.startswith(("gcloud ", "terraform ", "bq "))]
    return [re.sub(r"\$PROJECT\b", PROJECT, command).replace("$REGION", REGION) for command in named]


COMMANDS = commands()
GCLOUD = [shlex.split(command) for command in COMMANDS if command.startswith("gcloud ")]
TERRAFORM = [shlex.split(command) for command in COMMANDS if command.startswith("terraform ")]


def flags(command: list[str]) -> dict[str, str]:
    return dict(word.partition("=")[::2] for word in command if word.startswith("-"))


def test_there_are_commands():
    assert len(GCLOUD) > 20
    assert len(TERRAFORM) > 4


def test_names_are_those_of_the_plan(full_plan):
    """The mentioned workflow, schedule, jobs, trigger and buckets are those of the plan."""
    made = {value["name"] for _, value in policies.resources(full_plan) if isinstance(value.get("name"), str)}
    groups = {
        ("workflows", "run"): 3,
        ("workflows", "executions", "list"): 4,
        ("scheduler", "jobs"): 4,
        ("run", "jobs", "execute"): 4,
    }
    named = {
        command[position]
        for command in GCLOUD
        for group, position in groups.items()
        if tuple(command[1 : 1 + len(group)]) == group
    }
    assert named == {"toronto-311", "transform-job"}
    assert named <= made
    buckets = set(re.findall(rf"gs://({PROJECT}-toronto-311-\w+)", " ".join(COMMANDS)))
    assert buckets == {f"{PROJECT}-toronto-311-lake", f"{PROJECT}-toronto-311-builds"}
    assert buckets <= made


def test_arguments_of_the_workflow_are_read_by_it():
    workflow = (MODULE / "workflow.yaml").read_text("utf-8")
    read = set(re.findall(r'map\.get\(given, "(\w+)"\)', workflow))
    data = [json.loads(flags(command)["--data"]) for command in GCLOUD if "--data" in flags(command)]
    assert len(data) >= 4
    for arguments in data:
        assert set(arguments) <= read


def test_builds_are_submitted_as_cloudbuild_yaml_expects():
    (submit,) = [command for command in GCLOUD if command[1:3] == ["builds", "submit"]]
    build = yaml.safe_load((ROOT / flags(submit)["--config"]).read_text("utf-8"))
    given = re.findall(r"(\w+)=", flags(submit)["--substitutions"])
    assert set(given) <= set(build["substitutions"]) | {"COMMIT_SHA"}
    assert "COMMIT_SHA" in given


def test_jobs_read_the_variables_they_are_given():
    declared = (ROOT / "shared/src/settings/variables.rs").read_text("utf-8")
    for command in GCLOUD:
        for name in re.findall(r"(\w+)=", flags(command).get("--update-env-vars", "")):
            assert f"    {name}, " in declared


@pytest.mark.parametrize("command", TERRAFORM, ids=lambda command: command[2])
def test_terraform_knows_its_flags(command):
    directory, verb, *rest = command[1:]
    assert (ROOT / directory.removeprefix("-chdir=") / "versions.tf").is_file()
    text = subprocess.run([*COMMAND, verb, "-help"], capture_output=True, text=True, check=True).stdout
    if verb == "destroy":
        text += subprocess.run([*COMMAND, "plan", "-help"], capture_output=True, text=True, check=True).stdout
    elif verb == "apply":
        assert "accepts all of the options supported by" in re.sub(r"\s+", " ", text) or "-var" in text
        text += subprocess.run([*COMMAND, "plan", "-help"], capture_output=True, text=True, check=True).stdout
    for word in rest:
        assert word.split("=")[0] in text, word
    variables = set(re.findall(r'^variable "(\w+)"', (MODULE / "variables.tf").read_text("utf-8"), re.M))
    assert set(re.findall(r"-var=(\w+)=", " ".join(rest))) <= variables


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")
def test_gcloud_knows_its_commands_and_flags():
    """Commands of the documents and of the build's scripts, in the tree from which gcloud itself completes words."""
    scripts = [path.read_text("utf-8") for path in sorted((ROOT / "cloudbuild").glob("*.sh"))]
    lines = re.findall(r"\bgcloud (.*)", "\n".join(scripts).replace("\\\n", " "))
    in_scripts = [["gcloud", *line.split(" "), *re.findall(r"--[a-z-]+", line)] for line in lines]
    assert len(in_scripts) == 6
    completions = Path(shutil.which("gcloud")).resolve().parents[1] / "data/cli/gcloud_completions.py"
    tree = ast.literal_eval(completions.read_text("utf-8").split("STATIC_COMPLETION_CLI_TREE = ")[1])
    for command in GCLOUD + in_scripts:
        node, known = tree, set(tree["flags"])
        for word in command[1:]:
            if word not in node["commands"]:
                break
            node = node["commands"][word]
            known |= set(node["flags"])
        assert not node["commands"], f"{command}: incomplete command"
        assert {flag for flag in flags(command) if flag.startswith("--")} <= known, command


def test_example_of_variables_is_of_the_module():
    example = (MODULE / "terraform.tfvars.example").read_text("utf-8")
    variables = set(re.findall(r'^variable "(\w+)"', (MODULE / "variables.tf").read_text("utf-8"), re.M))
    assert set(re.findall(r"^#? ?(\w+) += ", example, re.M)) <= variables


def test_costs_are_computed_right():
    rows = re.findall(r"([\d.]+) × ([\d.]+) = \$([\d.]+) \| \$([\d.]+)", DEPLOY)
    assert len(rows) == 11
    for amount, price, product, stated in rows:
        assert abs(float(amount) * float(price) - float(product)) < 0.0051
        assert product == stated


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text("utf-8")):
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked.read_text("utf-8")), target


def anchors(text: str) -> set[str]:
    """The names that GitHub gives the headings of a page."""
    outside = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", outside, re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_targets_of_make_exist():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    variables = set(re.findall(r"^export ([A-Z_ ]+)$", makefile, re.M)[0].split()) | {"LARGEST", "ROUNDS"}
    for page in PAGES:
        for command in re.findall(r"^make [^#\n]+|(?<=`)make [^`]+", page.read_text("utf-8"), re.M):
            for word in shlex.split(command)[1:]:
                name, is_variable, _ = word.partition("=")
                assert name in (variables if is_variable else targets) or name.startswith(".deps/"), command


def test_scripts_of_npm_exist():
    scripts = json.loads((ROOT / "dashboard/package.json").read_text("utf-8"))["scripts"]
    for page in PAGES:
        named = re.findall(r"\bnpm run ([a-z0-9-]+)", page.read_text("utf-8"))
        assert set(named) <= set(scripts), page


def test_every_section_of_the_runbook_is_an_alert(plan):
    sections = set(re.findall(r"^## (.+)$", RUNBOOK, re.M))
    alerts = {
        value["display_name"].removeprefix("Toronto 311: ")
        for _, value in policies.resources(plan, "google_monitoring_alert_policy")
    }
    assert sections == alerts
