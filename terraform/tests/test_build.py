"""cloudbuild.yaml, its scripts and the Dockerfile."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from conftest import MODULE, ROOT

BUILD = yaml.safe_load((ROOT / "cloudbuild.yaml").read_text("utf-8"))
STEPS = {step["id"]: step for step in BUILD["steps"]}
JOBS = ["extract-job", "transform-job", "load-job", "dbt-runner"]
# https://cloud.google.com/build/docs/configuring-builds/substitute-variable-values
BUILT_IN = {"PROJECT_ID", "COMMIT_SHA"}


def run(*command: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_cloudbuild_yaml_matches_its_schema():
    checked = run("check-jsonschema", "--builtin-schema", "vendor.cloudbuild", ROOT / "cloudbuild.yaml")
    assert checked.returncode == 0, checked.stdout


def test_yaml_is_tidy():
    files = ["cloudbuild.yaml", *sorted(MODULE.rglob("*.yaml"))]
    checked = run("yamllint", "--strict", "-c", MODULE / "tests/yamllint.yaml", *files, cwd=ROOT)
    assert checked.returncode == 0, checked.stdout


def test_every_substitution_is_declared_and_used():
    declared = set(BUILD["substitutions"])
    assert all(name.startswith("_") for name in declared)
    # Builds that are submitted by hand are refused if the file does not use all of their substitutions.
    used = set(re.findall(r"\$\{?(_[A-Z]+|[A-Z]+_[A-Z]+)\b", (ROOT / "cloudbuild.yaml").read_text("utf-8")))
    assert used == declared | BUILT_IN


def test_scripts_are_given_what_they_read():
    given = dict(pair.split("=", 1) for pair in BUILD["options"]["env"])
    assert all(value == f"${{{name}}}" for name, value in given.items())
    read = set()
    for path in sorted((ROOT / "cloudbuild").glob("*.sh")):
        read |= set(re.findall(r"\$\{?(_[A-Z]+|COMMIT_SHA)\b", path.read_text("utf-8")))
    assert read == set(given)


def test_steps_wait_for_what_they_need():
    for step in STEPS.values():
        assert set(step["waitFor"]) <= set(STEPS) | {"-"}
    # The jobs are changed last, after all tests and scans.
    assert set(STEPS["roll-out"]["waitFor"]) == {"test", "scan"}
    assert set(STEPS["scan"]["waitFor"]) == set(JOBS)
    assert all(STEPS[job]["waitFor"] == ["compile"] for job in JOBS)


def test_every_image_is_a_target_of_the_dockerfile():
    targets = set(re.findall(r"^FROM \S+ AS ([\w-]+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.M))
    for job in JOBS:
        _, name, target = STEPS[job]["args"]
        assert name == job
        assert target in targets


def test_scripts_are_sound():
    checked = run("shellcheck", *(ROOT / "cloudbuild").glob("*.sh"), ROOT / ".ci/run")
    assert checked.returncode == 0, checked.stdout


def test_dockerfile_is_sound():
    checked = run("hadolint", "--failure-threshold", "style", ROOT / "Dockerfile")
    assert checked.returncode == 0, checked.stdout


def test_the_image_has_the_dbt_that_the_tests_have():
    def versions(path: str) -> dict:
        return dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / path).read_text("utf-8"), re.M))

    image, tested = versions("dev/python/dbt-bigquery.lock"), versions("dev/python/dbt.lock")
    for package in ("dbt-core", "dbt-adapters", "dbt-bigquery"):
        assert image[package] == tested.get(package, image[package])


GCLOUD = """#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in
*"images describe"*) echo "sha256:new" ;;
*"jobs describe"*) echo "held-$4" ;;
*"jobs update $REFUSED"*"@sha256:new"*) exit 1 ;;
esac
"""


def run_with(gcloud: str, folder: Path, script: str, **environment: str) -> subprocess.CompletedProcess:
    """Runs a script of cloudbuild/ with a fake gcloud from a folder."""
    (folder / "gcloud").write_text(gcloud)
    (folder / "gcloud").chmod(0o755)
    given = {"_IMAGES": "images", "_REGION": "region", "COMMIT_SHA": "commit"}
    path = f"{folder}:{os.environ['PATH']}"
    return run("bash", ROOT / "cloudbuild" / script, env={"PATH": path} | given | environment)


@pytest.fixture
def gcloud(tmp_path: Path):
    """A gcloud that records its calls and refuses to update one job to its new image."""

    def roll_out(refused: str) -> tuple[int, list[str]]:
        done = run_with(GCLOUD, tmp_path, "roll_out.sh", CALLS=str(tmp_path / "calls"), REFUSED=refused)
        calls = (tmp_path / "calls").read_text().splitlines()
        return done.returncode, [call for call in calls if "jobs update" in call]

    return roll_out


def test_roll_out_takes_all_jobs_to_digests(gcloud):
    code, updates = gcloud(refused="none")
    assert code == 0
    assert updates == [f"run jobs update {job} --region=region --image=images/{job}@sha256:new --quiet" for job in JOBS]


def test_a_roll_out_that_fails_takes_all_jobs_back(gcloud):
    code, updates = gcloud(refused="load-job")
    assert code != 0
    forward = [update for update in updates if "@sha256:new" in update]
    back = {update.split()[3]: update for update in updates if "held-" in update}
    assert len(forward) == 3
    assert set(back) == set(JOBS[:3])
    assert all(f"--image=held-{job} " in update for job, update in back.items())


SCANNER = """#!/bin/sh
case "$*" in
*"images scan images/load-job:commit"*) echo "scan-of-load-job" ;;
*"images scan"*) echo "scan" ;;
*"list-vulnerabilities scan-of-load-job"*) printf '%s' "$FOUND" ;;
esac
"""


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ("", 0),
        ("CRITICAL\tFalse\tCVE-1\nHIGH\tTrue\tCVE-2\n", 0),
        ("HIGH\tTrue\tCVE-2\nCRITICAL\tTrue\tCVE-3\n", 1),
    ],
)
def test_images_with_fixable_critical_vulnerabilities_are_refused(tmp_path, found, code):
    done = run_with(SCANNER, tmp_path, "scan.sh", FOUND=found)
    assert done.returncode == code, done.stderr
    assert ("load-job" in done.stderr) == bool(code)


def test_nothing_but_sources_is_sent_to_the_builder():
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert ignored[1] == "*"
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    assert not allowed & {".", "target", ".deps", ".local", ".git", "terraform"}
    manifest = (ROOT / "Cargo.toml").read_text("utf-8")
    members = re.findall(r'^    "([^"]+)",$', manifest.split("members = [")[1].split("]")[0], re.M)
    assert len(members) > 5
    assert {member.split("/")[0] for member in members} <= allowed
