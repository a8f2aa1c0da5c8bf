"""cloudbuild.yaml, its scripts and the Dockerfile."""

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from conftest import MODULE, ROOT

BUILD = yaml.safe_load((ROOT / "cloudbuild.yaml").read_text("utf-8"))
STEPS = {step["id"]: step for step in BUILD["steps"]}
JOBS = ["extract-job", "transform-job", "load-job", "dbt-runner"]
# https://cloud.google.com/build/docs/configuring-builds/substitute-variable-values
BUILT_IN = {"BUILD_ID", "COMMIT_SHA", "LOCATION", "PROJECT_ID"}


def run(*command: str, **options: object) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_cloudbuild_yaml_matches_its_schema() -> None:
    checked = run("check-jsonschema", "--builtin-schema", "vendor.cloudbuild", ROOT / "cloudbuild.yaml")
    assert checked.returncode == 0, checked.stdout


def test_yaml_is_tidy() -> None:
    files = ["cloudbuild.yaml", *sorted(MODULE.rglob("*.yaml"))]
    checked = run("yamllint", "--strict", "-c", MODULE / "tests/yamllint.yaml", *files, cwd=ROOT)
    assert checked.returncode == 0, checked.stdout


def test_every_substitution_is_declared_and_used() -> None:
    declared = set(BUILD["substitutions"])
    assert all(name.startswith("_") for name in declared)
    # Builds that are submitted by hand are refused if the file does not use all of their substitutions.
    used = set(re.findall(r"\$\{?([A-Z_]+)\b", (ROOT / "cloudbuild.yaml").read_text("utf-8")))
    assert used == declared | BUILT_IN


def test_scripts_are_given_what_they_read() -> None:
    given = dict(pair.split("=", 1) for pair in BUILD["options"]["env"])
    assert all(value == f"${{{name}}}" for name, value in given.items())
    read = set()
    for path in sorted((ROOT / "cloudbuild").glob("*.sh")):
        read |= set(re.findall(r"\$\{?(_[A-Z]+|BUILD_ID|LOCATION)\b", path.read_text("utf-8")))
    assert read == set(given)


def after(step: str) -> set[str]:
    """Returns the steps that have ended before a step starts."""
    direct = set(STEPS[step]["waitFor"]) - {"-"}
    return direct.union(*(after(earlier) for earlier in direct))


def test_steps_wait_for_what_they_need() -> None:
    for step in STEPS.values():
        assert set(step["waitFor"]) <= set(STEPS) | {"-"}
    # The jobs are changed last, after all tests and scans.
    assert after("roll-out") == set(STEPS) - {"roll-out"}
    assert set(STEPS["scan"]["waitFor"]) == set(JOBS)
    assert all(STEPS[job]["waitFor"] == ["compile"] for job in JOBS)


def test_nothing_runs_beside_the_tests() -> None:
    """They need the 8 GB of the machine, and a build with other steps at the same time would run out of it."""
    assert all(step in after("test") or "test" in after(step) for step in STEPS.keys() - {"test"})


def test_the_machine_is_one_that_every_project_may_use() -> None:
    """The standard one has 2 CPUs; the quota of a project may be 5: https://cloud.google.com/build/quotas"""
    assert "machineType" not in BUILD["options"]


def test_images_of_gcloud_are_pinned_and_have_its_scanner() -> None:
    """The tag of a version, like `latest` and unlike `stable` and `slim`, has local-extract:
    https://github.com/GoogleCloudPlatform/cloud-sdk-docker"""
    images = {step["name"] for step in STEPS.values() if "gcloud" in step["name"] or "cloudsdk" in step["name"]}
    (image,) = images
    assert re.fullmatch(r"gcr\.io/google\.com/cloudsdktool/google-cloud-cli:\d+\.0\.0", image)


# It keeps one image: the label of the last that was pushed.
DOCKER = """#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in
*imagetools*"{{.Manifest"*) printf 'Name: base\nDigest: %s\n' "$BASE" ;;
*imagetools*.Manifest.Digest*) echo "$BASE" ;;
*imagetools*.Config.Labels*) cat "$HOME/label" ;;
*push=true*)
  while [ "$1" != --label ]; do shift; done
  echo "${2#*=}" > "$HOME/label"
  ;;
esac
"""


@pytest.fixture
def sources(tmp_path: Path) -> "Sources":
    """A clone of this repository with the sources as they are here, and what builds them with a fake docker."""
    clone, folder = tmp_path / "sources", tmp_path / "bin"
    folder.mkdir()
    (folder / "docker").write_text(DOCKER)
    (folder / "docker").chmod(0o755)
    tracked = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).stdout.split("\0")
    for name in filter(None, tracked):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    return Sources(clone, folder, tmp_path)


class Sources(NamedTuple):
    """The sources of a build."""

    clone: Path
    binaries: Path
    home: Path

    def git(self, *arguments: str) -> str:
        environment = os.environ | {"HOME": str(self.home)}
        identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        done = run("git", *identity, *arguments, cwd=self.clone, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def build(self, base: str = "sha256:base", commit: str = "") -> tuple[str, list[str]]:
        """Builds one image as Cloud Build does. Returns the tag and the calls of docker."""
        calls = self.home / "calls"
        calls.write_text("")
        path = f"{self.binaries}:{os.environ['PATH']}"
        environment = {
            "PATH": path,
            "HOME": str(self.home),
            "CALLS": str(calls),
            "_IMAGES": "images",
            "_CACHE": "cache",
            "_COMMIT": commit,
            "BASE": base,
        }
        for script in (["compile.sh"], ["image.sh", "extract-job", "job"]):
            done = run("sh", "cloudbuild/" + script[0], *script[1:], cwd=self.clone, env=environment)
            assert done.returncode == 0, done.stderr
        tag = (self.clone / "target/tag").read_text().strip()
        return tag, calls.read_text().splitlines()


def pushed(calls: list[str]) -> list[str]:
    """Returns the tags that were pushed."""
    return re.findall(r"name=images/extract-job:(\w+),push=true", "\n".join(calls))


def test_other_sources_have_another_tag(sources: Sources) -> None:
    """A second submission of changed, uncommitted sources must not find the images of the first."""
    first, calls = sources.build()
    assert pushed(calls) == [first]
    assert sources.build()[0] == first
    with (sources.clone / "README.md").open("a") as readme:
        readme.write("changed\n")
    changed, _ = sources.build()
    (sources.clone / "new.txt").write_text("untracked\n")
    assert len({first, changed, sources.build()[0]}) == 3


def test_the_tag_of_a_commit_is_its_tree(sources: Sources) -> None:
    """A pushed commit is cloned, and its sources may be submitted by hand: both have the tag that git computes."""
    by_hand, _ = sources.build()
    shutil.rmtree(sources.clone / ".git")
    sources.git("init", "--quiet")
    sources.git("add", "--all")
    sources.git("commit", "--quiet", "--message", "test")
    assert sources.build()[0] == by_hand == sources.git("rev-parse", "HEAD^{tree}")


def test_an_image_is_built_again_with_other_bases_or_commits_only(sources: Sources) -> None:
    """The scan refuses an image for good if newer bases do not replace it, and a release needs the image's commit."""
    tag, _ = sources.build()
    assert pushed(sources.build()[1]) == []
    assert pushed(sources.build(base="sha256:fixed")[1]) == [tag]
    _, calls = sources.build(base="sha256:fixed", commit="c0ffee")
    assert pushed(calls) == [tag]
    assert "--build-arg COMMIT=c0ffee" in calls[-1]
    assert pushed(sources.build(base="sha256:fixed", commit="c0ffee")[1]) == []


def test_base_images_are_given_by_digest(sources: Sources) -> None:
    _, calls = sources.build()
    bases = re.findall(r"--build-arg \w+_IMAGE=(\S+)", calls[-1])
    assert len(bases) == 4
    assert all(base.endswith("@sha256:base") for base in bases)


def test_base_images_are_pulled_through_the_mirror(sources: Sources) -> None:
    _, calls = sources.build()
    (create,) = [call for call in calls if "buildx create" in call]
    config = create.split("--buildkitd-config ")[1].split()[0]
    mirrors = tomllib.loads((sources.clone / config).read_text("utf-8"))["registry"]["docker.io"]["mirrors"]
    assert mirrors == ["mirror.gcr.io"]
    assert calls.index(create) < min(index for index, call in enumerate(calls) if "imagetools" in call)


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")
def test_gcloud_uploads_what_git_tracks(sources: Sources) -> None:
    sources.git("init", "--quiet")
    sources.git("add", "--all")
    (sources.clone / "target").mkdir()
    (sources.clone / "target/ignored").touch()
    environment = os.environ | {"CLOUDSDK_CONFIG": str(sources.home)}
    listed = run("gcloud", "meta", "list-files-for-upload", cwd=sources.clone, env=environment)
    assert sorted(listed.stdout.splitlines()) == sorted(sources.git("ls-files").splitlines())


def test_every_image_is_a_target_of_the_dockerfile() -> None:
    targets = set(re.findall(r"^FROM \S+ AS ([\w-]+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.M))
    for job in JOBS:
        _, name, target = STEPS[job]["args"]
        assert name == job
        assert target in targets


def test_scripts_are_sound() -> None:
    checked = run("shellcheck", *(ROOT / "cloudbuild").glob("*.sh"), ROOT / ".ci/run")
    assert checked.returncode == 0, checked.stdout


def test_dockerfile_is_sound() -> None:
    checked = run("hadolint", "--failure-threshold", "style", ROOT / "Dockerfile")
    assert checked.returncode == 0, checked.stdout


def test_the_image_has_the_dbt_that_the_tests_have() -> None:
    def versions(path: str) -> dict:
        return dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / path).read_text("utf-8"), re.M))

    image, tested = versions("dev/python/dbt-bigquery.lock"), versions("dev/python/dbt.lock")
    for package in ("dbt-core", "dbt-adapters", "dbt-bigquery"):
        assert image[package] == tested.get(package, image[package])


GCLOUD = """#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in
*"builds list"*) printf "%s" "$BUILDS" ;;
*"images describe images/"*":tree "*) echo "sha256:new" ;;
*"images describe images/"*":rolled-out-earlier "*) echo "sha256:old" ;;
*"images describe"*) exit 1 ;;
*"jobs describe"*) echo "held-$4" ;;
*"jobs update $REFUSED"*"@sha256:new"*) exit 1 ;;
esac
"""


def run_with(
    gcloud: str, folder: Path, script: str, *arguments: str, **environment: str
) -> subprocess.CompletedProcess:
    """Runs a script of cloudbuild/ with a fake gcloud from a folder."""
    (folder / "gcloud").write_text(gcloud)
    (folder / "gcloud").chmod(0o755)
    given = {"_IMAGES": "images", "_REGION": "region", "LOCATION": "builds", "BUILD_ID": "this"}
    path = f"{folder}:{os.environ['PATH']}"
    (folder / "target").mkdir(exist_ok=True)
    (folder / "target/tag").write_text("tree\n")
    words = [ROOT / "cloudbuild" / script, *arguments]
    return run("bash", *words, cwd=folder, env={"PATH": path} | given | environment)


# Runs roll_out.sh, and returns its exit code and the changes of jobs and tags.
RollOut = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def gcloud(tmp_path: Path) -> RollOut:
    """A gcloud that records its calls and refuses to update one job to its new image."""

    def roll_out(
        *arguments: str, refused: str = "none", builds: str = "WORKING this\nSUCCESS earlier\n"
    ) -> tuple[int, list[str]]:
        given = {"CALLS": str(tmp_path / "calls"), "REFUSED": refused, "BUILDS": builds.replace(" ", "\t")}
        done = run_with(GCLOUD, tmp_path, "roll_out.sh", *arguments, **given)
        calls = (tmp_path / "calls").read_text().splitlines()
        return done.returncode, [call for call in calls if "jobs update" in call or "tags add" in call]

    return roll_out


def test_roll_out_takes_all_jobs_to_digests(gcloud: RollOut) -> None:
    code, changes = gcloud()
    assert code == 0
    assert changes[:4] == [
        f"artifacts docker tags add images/{job}@sha256:new images/{job}:rolled-out-tree --quiet" for job in JOBS
    ]
    assert changes[4:] == [
        f"run jobs update {job} --region=region --image=images/{job}@sha256:new --quiet" for job in JOBS
    ]


def test_a_roll_back_takes_all_jobs_to_the_images_of_a_tag(gcloud: RollOut) -> None:
    code, updates = gcloud("earlier")
    assert code == 0
    assert updates == [f"run jobs update {job} --region=region --image=images/{job}@sha256:old --quiet" for job in JOBS]


def test_a_roll_back_takes_no_image_that_was_never_rolled_out(gcloud: RollOut) -> None:
    assert gcloud("tree") == (1, [])


@pytest.mark.parametrize(
    ("builds", "changes"),
    [
        ("SUCCESS later\nWORKING this\n", 0),
        ("QUEUED later\nWORKING this\n", 0),
        ("FAILURE later\nCANCELLED later\nWORKING this\nWORKING earlier\n", 8),
    ],
)
def test_the_latest_build_that_has_not_failed_rolls_out(gcloud: RollOut, builds: str, changes: int) -> None:
    """A faster build of a later push would be undone."""
    code, changed = gcloud(builds=builds)
    assert code == 0
    assert len(changed) == changes


def test_a_roll_out_that_fails_takes_all_jobs_back(gcloud: RollOut) -> None:
    code, changes = gcloud(refused="load-job")
    assert code != 0
    updates = [change for change in changes if "jobs update" in change]
    forward = [update for update in updates if "@sha256:new" in update]
    back = {update.split()[3]: update for update in updates if "held-" in update}
    assert len(forward) == 3
    assert set(back) == set(JOBS[:3])
    assert all(f"--image=held-{job} " in update for job, update in back.items())


SCANNER = """#!/bin/sh
case "$*" in
*"images scan images/load-job:tree"*) echo "scan-of-load-job" ;;
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
def test_images_with_fixable_critical_vulnerabilities_are_refused(tmp_path: Path, found: str, code: int) -> None:
    done = run_with(SCANNER, tmp_path, "scan.sh", FOUND=found)
    assert done.returncode == code, done.stderr
    assert ("load-job" in done.stderr) == bool(code)


def test_images_set_a_home_directory() -> None:
    """Python's libraries look for one, and the images' user has none. The test of the images does not set it."""
    stage = (ROOT / "Dockerfile").read_text("utf-8").split(" AS dbt-runner\n")[1]
    assert re.search(r"^ENV HOME=/tmp ", stage, re.M)
    assert "HOME=" not in (ROOT / "cloudbuild/image_test.sh").read_text("utf-8").replace("CARGO_HOME=", "")


def test_nothing_but_sources_is_sent_to_the_builder() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert ignored[1] == "*"
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    assert not allowed & {".", "target", ".deps", ".local", ".git", "terraform"}
    members = tomllib.loads((ROOT / "Cargo.toml").read_text("utf-8"))["workspace"]["members"]
    assert len(members) > 5
    assert {member.split("/")[0] for member in members} <= allowed
