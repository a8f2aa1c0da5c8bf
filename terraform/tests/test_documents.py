"""The commands and links in the documentation, and the cost arithmetic."""

import ast
import csv
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

import policies
from conftest import COMMAND, MODULE, ROOT, Terraform, copy_of_module, variables

DEPLOY = (ROOT / "docs/deploy.md").read_text("utf-8")
RUNBOOK = (ROOT / "docs/runbook.md").read_text("utf-8")
PATTERNS = ["*.md", "docs/*.md", "*/README.md", "*/*/README.md", "dev/bench/*/README.md"]
# A build has Node.js, with pages of its own, in a hidden folder.
PAGES = sorted(
    page
    for page in {page for pattern in PATTERNS for page in ROOT.glob(pattern)}
    if not page.relative_to(ROOT).parts[0].startswith(".")
)
# Other regions than those of the documents, which no command may fall back to.
PROJECT, REGION, BUILD_REGION = "toronto-311-test", "europe-west4", "europe-west1"


def commands() -> list[str]:
    """Returns every command in a shell block or in backquotes of all pages, without variables set before it."""
    found = []
    for page in PAGES:
        for match in re.finditer(r"^ *```(\w*)\n(.*?)^ *```|`([^`]+)`", page.read_text("utf-8"), re.M | re.S):
            language, block, inline = match.groups()
            found += [inline] if inline else block.splitlines() if language == "sh" else []
    found = [command.strip() for line in found for command in line.split(" && ")]
    found = [re.sub(r"^\w+=\$\((.*)\)$", r"\1", command) for command in found]
    found = [re.sub(r"^(?:\w+=[^\s$]\S* )+", "", command) for command in found]
    named = [command for command in found if command.startswith(("gcloud ", "terraform -", "bq ", "printf "))]
    values = {"PROJECT": PROJECT, "REGION": REGION, "BUILD_REGION": BUILD_REGION}
    return [re.sub(r"\$(PROJECT|REGION|BUILD_REGION)\b", lambda name: values[name[1]], one) for one in named]


def shell_blocks(page: Path) -> list[str]:
    return re.findall(r"^ *```sh\n(.*?)^ *```", page.read_text("utf-8"), re.M | re.S)


# Every line of a shell block, of all pages.
SHELL = [line.strip() for page in PAGES for block in shell_blocks(page) for line in block.splitlines()]
COMMANDS = commands()
GCLOUD = [shlex.split(command) for command in COMMANDS if command.startswith("gcloud ")]
TERRAFORM = [shlex.split(command) for command in COMMANDS if command.startswith("terraform ")]


BUCKETS = {f"{PROJECT}-toronto-311-{name}" for name in ("builds", "lake", "site")}


def flags(command: list[str]) -> dict[str, str]:
    return dict(word.partition("=")[::2] for word in command if word.startswith("-"))


def test_there_are_commands() -> None:
    assert len(GCLOUD) > 20
    assert len(TERRAFORM) > 4


def test_names_are_those_of_the_plan(full_plan: dict) -> None:
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
    assert named == {"toronto-311", "transform-job", "load-job", "dbt-runner"}
    assert named <= made
    buckets = set(re.findall(rf"gs://({PROJECT}-toronto-311-\w+)", " ".join(COMMANDS)))
    assert buckets == BUCKETS
    assert buckets <= made


def test_arguments_of_the_workflow_are_read_by_it() -> None:
    workflow = (MODULE / "workflow.yaml").read_text("utf-8")
    read = set(re.findall(r'map\.get\(given, "(\w+)"\)', workflow))
    data = [json.loads(flags(command)["--data"]) for command in GCLOUD if "--data" in flags(command)]
    assert len(data) >= 4
    for arguments in data:
        assert set(arguments) <= read


def test_builds_are_submitted_as_cloudbuild_yaml_expects() -> None:
    (submit,) = [command for command in GCLOUD if command[2:4] == ["builds", "submit"]]
    build = yaml.safe_load((ROOT / flags(submit)["--config"]).read_text("utf-8"))
    given = dict(pair.split("=", 1) for pair in flags(submit)["--substitutions"].split(","))
    assert set(given) <= set(build["substitutions"])
    assert given["_REGION"] == REGION
    # `gcloud builds submit` shows no log of a build that logs to Cloud Logging.
    assert submit[1] == "beta" or build["options"]["logging"] != "CLOUD_LOGGING_ONLY"


def test_builds_run_where_any_project_may_build() -> None:
    """https://cloud.google.com/build/docs/locations#restricted_regions_for_some_projects"""
    unrestricted = {
        "us-central1",
        "us-west2",
        "europe-west1",
        "asia-east1",
        "australia-southeast1",
        "southamerica-east1",
    }
    (default,) = set(re.findall(r"BUILD_REGION=([\w-]+)", DEPLOY))
    assert default in unrestricted
    builds = [command for command in GCLOUD if "builds" in command[1:3]]
    assert len(builds) > 2
    assert {flags(command)["--region"] for command in builds} == {BUILD_REGION}


def test_examples_have_one_region() -> None:
    """Copied from several pages, they have to fit together."""
    region = r"\b(?:northamerica|us|europe|asia|australia|southamerica)-[a-z]+\d\b"
    outside = re.sub(r"\[\s*six regions only\].*?```", "", DEPLOY, flags=re.S)
    named = {found for page in PAGES if page.name != "performance.md" for found in re.findall(region, page.read_text())}
    assert set(re.findall(region, outside)) == {"northamerica-northeast1", "us-central1"}
    assert {found for found in named if found.startswith("northamerica")} == {"northamerica-northeast1"}
    assert yaml.safe_load((ROOT / "cloudbuild.yaml").read_text("utf-8"))["substitutions"]["_REGION"] in named


def test_jobs_read_the_variables_they_are_given() -> None:
    given = [flags(command).get("--update-env-vars", "") for command in GCLOUD]
    given += [line.split("target/debug/")[0] for line in SHELL if "target/debug/" in line]
    names = {name for text in given for name in re.findall(r"([A-Z_]+)=", text)}
    assert len(names) > 4
    assert names <= set(variables())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_shell_reads_every_block(page: Path) -> None:
    for block in shell_blocks(page):
        subprocess.run(["bash", "-n"], input=block, text=True, check=True)


def test_what_commands_name_exists() -> None:
    programs = {path.parts[-3] for path in (*ROOT.glob("*/src/main.rs"), *ROOT.glob("dev/*/src/main.rs"))}
    environments = {path.stem for path in (ROOT / "dev/python").glob("*.lock")}
    rust = [path for pattern in ("*/src/**/*.rs", "*/tests/**/*.rs", "tests/**/*.rs") for path in ROOT.glob(pattern)]
    for line in SHELL:
        assert set(re.findall(r"\btarget/(?:debug|release)/([\w-]+)", line)) <= programs, line
        assert set(re.findall(r"\bcargo run -p ([\w-]+)", line)) <= programs, line
        assert set(re.findall(r"\.deps/([\w-]+)/", line)) <= environments, line
        for words in re.findall(r"nextest run --workspace (\w+)", line):
            assert any(words in path.stem or f" {words}" in path.read_text("utf-8") for path in rust), line
        # What a command writes does not exist.
        read = re.sub(r"> \S+|^cp .*", "", line)
        for path in re.findall(r"(?<![\w./-])((?:contracts|dashboard|dbt-runner|dev|terraform|tests)/[\w./-]+)", read):
            assert (ROOT / path).exists(), line
        for code in re.findall(r'python -c "([^"]+)"', line):
            ast.parse(code)
            for mart in re.findall(r"\bmarts\.(\w+)", code):
                assert (ROOT / f"dbt-runner/project/models/marts/{mart}.sql").exists(), line


def test_files_of_the_recipes_exist() -> None:
    recipes = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("## Recipes")[1]
    named = re.findall(r"`([\w./-]+\.(?:rs|py|sql|tf|tsx?|yml|yaml|css|in|md))`", recipes)
    named = [name for name in named if "NAME" not in name]
    assert len(named) > 40
    folders = [folder for folder in ROOT.iterdir() if folder.name[0] != "." and folder.name != "target"]
    files = {str(path) for folder in folders for path in folder.rglob("*") if "node_modules" not in path.parts}
    assert [name for name in named if not any(file.endswith(f"/{name}") for file in files)] == []


def test_contributing_lists_every_target_of_make() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    helped = set(re.findall(r"^([a-z-]+):.*##", makefile, re.M)) - {"help", "clean", "generate"}
    table = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("## Make targets")[1].split("###")[0]
    assert set(re.findall(r"^\|[^|]*\| `make ([a-z-]+)", table, re.M)) == helped


@pytest.mark.parametrize("command", TERRAFORM, ids=lambda command: command[2])
def test_terraform_knows_its_flags(command: list[str]) -> None:
    directory, verb, *rest = command[1:]
    assert (ROOT / directory.removeprefix("-chdir=") / "versions.tf").is_file()
    text = subprocess.run([*COMMAND, verb, "-help"], capture_output=True, text=True, check=True).stdout
    for word in rest:
        if word.startswith("-"):
            assert word.split("=")[0] in text, word
    if verb == "output":
        assert f'output "{rest[-1]}"' in (MODULE / "outputs.tf").read_text("utf-8")


def test_every_command_plans_the_same_places(newest: Terraform, tmp_path_factory: pytest.TempPathFactory) -> None:
    """In the order of the documents, with the files that they write: a forgotten variable would move everything."""
    copy = copy_of_module(tmp_path_factory.mktemp("documents"))
    shutil.copy(newest.module / "backend_override.tf", copy)
    shutil.copytree(newest.module / ".terraform", copy / ".terraform")
    planned = []
    for command in [line for line in COMMANDS if line.startswith(("printf ", "terraform "))]:
        if command.startswith("printf "):
            subprocess.run(["bash", "-euc", command], cwd=copy.parent, check=True)
            continue
        _, directory, verb, *rest = shlex.split(command)
        if verb in ("apply", "destroy"):
            assert directory == "-chdir=terraform"
            planned.append(places(newest.plan({}, copy, *rest)))
    assert len(planned) > 4
    assert len(planned[0]) > 10
    assert {place for *_, place in planned[0]} == {REGION}
    assert all(made == planned[0] for made in planned)


def places(plan: dict) -> set[tuple]:
    """Returns the address, name and place of every resource that has a place."""
    return {
        (address, value.get("name"), value.get("location") or value.get("region"))
        for address, value in policies.resources(plan)
        if (value.get("location") or value.get("region"))
    }


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")
def test_gcloud_knows_its_commands_and_flags() -> None:
    """Commands of the documents and of the build's scripts, in the tree from which gcloud itself completes words."""
    scripts = [path.read_text("utf-8") for path in sorted((ROOT / "cloudbuild").glob("*.sh"))]
    lines = re.findall(r"\bgcloud (.*)", "\n".join(scripts).replace("\\\n", " "))
    in_scripts = [["gcloud", *line.split(" "), *re.findall(r"--[a-z-]+", line)] for line in lines]
    assert len(in_scripts) == 8
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


def test_costs_are_computed_right() -> None:
    rows = re.findall(r"([\d.]+) × ([\d.]+) = \$([\d.]+) \| \$([\d.]+)", DEPLOY)
    assert len(rows) == 19
    for amount, price, product, stated in rows:
        assert abs(float(amount) * float(price) - float(product)) < 0.0051
        assert product == stated


def test_costs_have_the_prices_of_the_marts() -> None:
    units = {"vCPU-s": "dollars_per_vcpu_second", "GiB-s": "dollars_per_gib_second", "TiB": "dollars_per_tib_billed"}
    for stage in stages():
        for unit, column in units.items():
            (price,) = re.findall(rf"[\d.]+ {unit}: [\d.]+ × ([\d.]+) =", DEPLOY)
            assert float(price) == float(stage[column]), unit


def test_costs_have_the_sizes_of_the_jobs() -> None:
    assert "extract and transform in four tasks of one minute each, load and dbt in one of five minutes each" in DEPLOY
    seconds = {"extract": 4 * 60, "transform": 4 * 60, "load": 300, "dbt": 300}
    for unit, column in {"vCPU-s": "vcpus", "GiB-s": "memory_gib"}.items():
        spent = sum(float(stage[column]) * seconds[stage["stage"]] for stage in stages())
        assert f"| {spent:.0f} {unit}: {spent:.0f} × " in DEPLOY


def stages() -> list[dict[str, str]]:
    """Returns the size and the prices of each stage's job, which are generated from the module."""
    seed = (ROOT / "dbt-runner/project/seeds/stage_prices.csv").read_text("utf-8")
    return list(csv.DictReader(seed.splitlines()))


def test_costs_have_what_the_module_makes() -> None:
    """Each of these was forgotten once."""
    table = DEPLOY.split("## What it costs")[1].split("##")[0]
    rows = ("build cache", "published site", "raw files out of Archive", "Class A", "Class B", "alert condition")
    rows += ("to `BUILD_REGION`", "of the site to another region")
    assert [row for row in rows if row not in table] == []


def test_queries_quote_regions() -> None:
    """`region-x.INFORMATION_SCHEMA` without backticks is read as a subtraction."""
    queries = [command for command in COMMANDS if "INFORMATION_SCHEMA" in command]
    assert len(queries) == 1
    assert all(f"`region-'{REGION}'`.INFORMATION_SCHEMA" in query for query in queries)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
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


def test_targets_of_make_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    exported = " ".join(re.findall(r"^export ([A-Z_ ]+)$", makefile, re.M))
    settings = {*exported.split(), "LARGEST", "PART", "ROUNDS"}
    for page in PAGES:
        for command in re.findall(r"^make [^#\n]+|(?<=`)make [^`]+", page.read_text("utf-8"), re.M):
            for word in shlex.split(command)[1:]:
                name, is_variable, _ = word.partition("=")
                assert name in (settings if is_variable else targets) or name.startswith(".deps/"), command


def test_scripts_of_npm_exist() -> None:
    scripts = json.loads((ROOT / "dashboard/package.json").read_text("utf-8"))["scripts"]
    for page in PAGES:
        named = re.findall(r"\bnpm run ([a-z0-9-]+)", page.read_text("utf-8"))
        assert set(named) <= set(scripts), page


def test_every_section_of_the_runbook_is_an_alert(plan: dict) -> None:
    sections = re.split(r"^## ", RUNBOOK, flags=re.M)
    # What every section needs.
    (names,) = re.findall(r"^```sh\nexport (.+)\n(.+)\n```$", sections.pop(0), re.M)
    alerts = {
        value["display_name"].removeprefix("Toronto 311: "): value["documentation"][0]["content"]
        for _, value in policies.resources(plan, "google_monitoring_alert_policy")
    }
    assert {section.split("\n")[0] for section in sections} == set(alerts)
    set_names = re.findall(r"(\w+)=", names[0])
    for content in alerts.values():
        (given,) = re.findall(r"\A```\nexport (.+)\n(.+)\n```$", content, re.M)
        assert re.findall(r"(\w+)=", given[0]) == set_names
        assert given[1] == names[1]


def test_links_of_the_runbook_lead_somewhere_in_a_mail() -> None:
    assert re.findall(r"\]\((?!https:)[^)]*\)", RUNBOOK) == []


def test_deleted_objects_are_kept_as_the_documents_say(plan: dict) -> None:
    seconds = {
        value["name"].rsplit("-", 1)[1]: value["soft_delete_policy"][0]["retention_duration_seconds"]
        for _, value in policies.resources(plan, "google_storage_bucket")
        if "soft_delete_policy" in value
    }
    words = " ".join(DEPLOY.split("## Tear down")[1].split("\n## ")[0].split())
    assert f"for {seconds['lake'] // 86400} days if they were in the lake" in words
    assert f"for {seconds['site'] // 86400} days if they were in the site" in words
