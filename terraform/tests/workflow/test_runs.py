"""Executes the workflow: the real binaries on a sample portal, in an emulated Google Cloud project."""

import json
import os
import re
import shlex
import shutil
import subprocess
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

import emulator
import policies
from cloud import BINARIES, Cloud

STAGES = ["extract-job", "transform-job", "load-job", "dbt-runner"]
# A year without the column Status.
BROKEN_YEAR = """\
Creation Date,First 3 Chars of Postal Code,Intersection Street 1,Intersection Street 2,Ward,Service Request Type,Division,Section
2024-01-01 00:01:05.0000000,M4C,,,Beaches-East York (19),Sinking Water Service,Toronto Water,District Ops
"""  # noqa: E501


class Portal:
    """The sample portal as a process."""

    def __init__(self, process: subprocess.Popen) -> None:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        self.urls = dict(pair.split("=", 1) for pair in line.split())

    def post(self, path: str) -> None:
        request = urllib.request.Request(f"{self.urls['PORTAL_URL']}/_sample/{path}", method="POST")
        urllib.request.urlopen(request, timeout=10).close()


@pytest.fixture
def portal(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Portal]:
    """Two synthetic years, or those of the parameter: `years`, and `files` by name."""
    options = getattr(request, "param", {})
    files = tmp_path / "files"
    (files / "service-requests").mkdir(parents=True)
    for name, text in options.get("files", {}).items():
        (files / "service-requests" / name).write_text(text)
    environment = {
        "SAMPLE_YEARS": options.get("years", "2018,2025"),
        "SAMPLE_ROWS": "500",
        "SAMPLE_FILES": str(files),
        "SAMPLE_TODAY": "2026-11-02",
    }
    with subprocess.Popen(
        [BINARIES / "sample-portal"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield Portal(process)
        process.kill()


@pytest.fixture(scope="session")
def emulators() -> Iterator[list[str]]:
    """The addresses of the Cloud Storage and BigQuery emulators."""
    tell = 'echo "$STORAGE_EMULATOR_HOST $BIGQUERY_EMULATOR_HOST"; cat'
    with subprocess.Popen(
        [BINARIES / "emulators", "sh", "-c", tell], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process.stdout.readline().split()
        process.stdin.close()


@pytest.fixture(scope="session")
def few_marts() -> Iterator[str]:
    """A dbt project with few marts, which is soon built. The scenario `equality` builds all of them."""
    command = [BINARIES / "few-marts", "bigquery_emulator"]
    folder = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    yield folder
    shutil.rmtree(folder)


def create(url: str, resource: dict) -> None:
    request = urllib.request.Request(
        url, method="POST", data=json.dumps(resource).encode(), headers={"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=60).close()


@pytest.fixture
def dashboard(tmp_path: Path) -> Path:
    """The built dashboard of the image."""
    (tmp_path / "dashboard/assets").mkdir(parents=True)
    for name in ("index.html", "assets/index-0.js"):
        (tmp_path / "dashboard" / name).write_text(name)
    return tmp_path / "dashboard"


@pytest.fixture
def cloud(portal: Portal, emulators: list[str], plan: dict, few_marts: str, dashboard: Path) -> Iterator[Cloud]:
    """A new project with the resources of the plan: bucket, datasets, and jobs with their environment."""
    storage, bigquery = emulators
    project = f"toronto-311-{uuid.uuid4().hex[:8]}"
    for bucket in ("lake", "site"):
        create(f"{storage}/storage/v1/b?project={project}", {"name": f"{project}-{bucket}"})
    for _, dataset in policies.resources(plan, "google_bigquery_dataset"):
        if "location" in dataset:
            reference = {"projectId": project, "datasetId": dataset["dataset_id"]}
            resource = {"datasetReference": reference, "location": dataset["location"]}
            create(f"{bigquery}/bigquery/v2/projects/{project}/datasets", resource)
    environments = {
        job["name"]: {item["name"]: item["value"] for item in policies.container(job)["env"]}
        for _, job in policies.resources(plan, "google_cloud_run_v2_job")
        if "template" in job
    }
    (workflow,) = (value for _, value in policies.resources(plan, "google_workflows_workflow"))
    with Cloud(storage, f"{project}-lake", workflow["user_env_vars"], environments) as cloud:
        # The replacements on this machine for Google's services, the image and the internet.
        emulated = {"STORAGE_EMULATOR_HOST": storage, "BIGQUERY_EMULATOR_HOST": bigquery}
        lake = emulated | {"LAKE_URL": f"gs://{project}-lake"}
        warehouse = lake | {"WAREHOUSE_URL": f"bigquery://{project}/toronto_311?location=northamerica-northeast1"}
        dbt = {
            "DBT_EXECUTABLE": os.environ["DBT_EXECUTABLE"],
            "DBT_PROJECT_DIR": few_marts,
            "DASHBOARD_DIR": str(dashboard),
        }
        cloud.settings = {
            "extract-job": lake | portal.urls,
            "transform-job": lake,
            "load-job": warehouse,
            "dbt-runner": warehouse | dbt | {"SITE_URL": f"gs://{project}-site"},
        }
        cloud.lake, cloud.site = (f"{storage}/storage/v1/b/{project}-{bucket}/o" for bucket in ("lake", "site"))
        yield cloud


def names(objects: str) -> set[str]:
    """The objects of a bucket."""
    with urllib.request.urlopen(objects, timeout=10) as response:
        return {item["name"] for item in json.load(response).get("items", [])}


def gets_cheaper(name: str, plan: dict) -> bool:
    """Whether a rule of the lake's bucket gives the object a cheaper class when it is old."""
    lake = dict(policies.resources(plan, "google_storage_bucket"))["google_storage_bucket.lake"]
    rules = [rule for rule in lake["lifecycle_rule"] if rule["action"][0]["type"] == "SetStorageClass"]
    return any(
        name.startswith(tuple(condition["matches_prefix"])) and name.endswith(tuple(condition["matches_suffix"]))
        for rule in rules
        for condition in rule["condition"]
    )


def monitored(plan: dict, message: str) -> set[str]:
    """Returns the fields of a log line that alerts and metrics read."""
    found = set()
    for prefix in ("google_monitoring_alert_policy", "google_logging_metric"):
        for _, value in policies.resources(plan, prefix):
            # An alert's mail has other commands.
            read = {name: part for name, part in value.items() if name != "documentation"}
            if f'"{message}"' in (text := json.dumps(read).replace('\\"', '"')):
                found |= set(re.findall(r"jsonPayload\.(\w+)", text))
    assert len(found) > 3
    return found


def logged(cloud: Cloud, message: str) -> set[str]:
    """Returns the fields that every line with this message has."""
    lines = [json.loads(line) for log in cloud.logs for line in log.splitlines()]
    return set.intersection(*(set(line) for line in lines if line["message"] == message))


def found(cloud: Cloud, count: int) -> dict[str, int]:
    """Returns how many partitions each job executed since then found and produced."""
    sums = {}
    for log in cloud.logs[count:]:
        for line in map(json.loads, log.splitlines()):
            if line["message"] == "stage finished":
                found, produced = sums.get(line["stage"], (0, 0))
                sums[line["stage"]] = (found + line["found"], produced + line["produced"])
    return sums


def test_months_of_runs(cloud: Cloud, portal: Portal, plan: dict) -> None:
    """A first run, one with nothing new, one after a correction, and a replay with a release."""
    first = cloud.run()
    assert [job for job, _, _ in cloud.executed] == STAGES
    assert all(set(codes) == {0} for _, codes, _ in cloud.executed)
    assert [len(codes) for _, codes, _ in cloud.executed] == [4, 4, 1, 1]
    assert {given["RUN_ID"] for _, _, given in cloud.executed} == {first["run"]}
    assert {"index.html", "assets/index-0.js", "data/catalog.json", "docs/index.html"} <= names(cloud.site)
    # Files get cheaper with age, whatever the City calls them; manifests, which every run reads, do not.
    lake = names(cloud.lake)
    files = {name for name in lake if not name.endswith((".json", ".ndjson"))}
    assert files == {name for name in lake if gets_cheaper(name, plan)} != set()

    # Nothing new: every stage, including dbt, finds its results in a new run.
    count, logs = len(cloud.executed), len(cloud.logs)
    second = cloud.run(None)
    assert cloud.stages_since(count) == STAGES
    assert second["run"] != first["run"]
    assert found(cloud, logs) == {"extract": (4, 0), "transform": (4, 0), "load": (4, 0), "dbt": (1, 0)}

    # The City corrects a year.
    portal.post("years/2025/correct")
    count, logs = len(cloud.executed), len(cloud.logs)
    corrected = cloud.run({})
    assert cloud.stages_since(count) == STAGES
    assert found(cloud, logs) == {"extract": (3, 1), "transform": (3, 1), "load": (3, 1), "dbt": (0, 1)}

    # A replay of one year from transform on, in the run of the last success.
    count = len(cloud.executed)
    cloud.settings["dbt-runner"]["COMMIT"] = "0" * 40
    replay = cloud.run({"from": "transform", "years": "2025", "force": True, "release": "2025Q4"})
    assert cloud.stages_since(count) == STAGES[1:]
    assert all(
        given == {"RUN_ID": corrected["run"], "YEARS": "2025", "FORCE": "1", "RELEASE": "2025Q4"}
        for _, _, given in cloud.executed[count:]
    )
    assert [len(codes) for _, codes, _ in cloud.executed[count:]] == [1, 1, 1]
    assert replay == corrected
    assert "releases/2025Q4/SHA256SUMS" in names(cloud.site)

    finished = [line for log in cloud.logs for line in log.splitlines() if '"stage finished"' in line]
    assert len(finished) == sum(len(codes) for _, codes, _ in cloud.executed)
    for message in ("stage finished", "partition transformed"):
        assert monitored(plan, message) <= logged(cloud, message)


@pytest.mark.parametrize("content_type", ["application/json", "application/octet-stream"])
def test_a_transient_failure_is_retried(cloud: Cloud, portal: Portal, content_type: str) -> None:
    """The portal is down, and up again when the workflow retries."""
    cloud.content_type = content_type
    cloud.settings["extract-job"] |= {
        "PORTAL_URL": "http://127.0.0.1:9",
        "PORTAL_HOSTS": "127.0.0.1",
        "DOWNLOAD_TIMEOUT_SECONDS": "2",
    }
    cloud.meanwhile = lambda: cloud.settings["extract-job"].update(portal.urls)
    result = cloud.run({"years": "2018"})
    assert result == {"run": cloud.executed[0][2]["RUN_ID"]}
    assert [(job, codes) for job, codes, _ in cloud.executed] == [
        ("extract-job", [30]),
        ("extract-job", [0]),
        ("transform-job", [0]),
        ("load-job", [0]),
        ("dbt-runner", [0]),
    ]
    assert waits(cloud) == [60]


def waits(cloud: Cloud) -> list[float]:
    """Returns the pauses before retries; shorter ones are between two polls of an execution."""
    return [seconds for seconds in cloud.slept if seconds >= 60]


@pytest.mark.parametrize("portal", [{"years": "2018,2019", "files": {"SR2024.csv": BROKEN_YEAR}}], indirect=True)
def test_bad_years_do_not_hold_up_the_others(cloud: Cloud, portal: Portal) -> None:
    """One of three years is on a host that is down, and one violates the contract."""
    portal.post("file-host/down")
    cloud.settings["extract-job"]["DOWNLOAD_TIMEOUT_SECONDS"] = "1"
    with pytest.raises(emulator.Failed) as failed:
        cloud.run({})
    extracted = [sorted(codes) for job, codes, _ in cloud.executed if job == "extract-job"]
    assert extracted == [[0, 0, 0, 30]] * 5
    assert waits(cloud) == [60, 300, 900, 1800]
    assert cloud.stages_since(5) == STAGES[1:]
    assert [sorted(codes) for _, codes, _ in cloud.executed[5:]] == [[0, 0, 0, 20], [0], [0]]
    error = failed.value.error
    refused = [(one["partition"], one["stage"], one["exit"]) for one in error["refused"]]
    assert refused == [("2019", "extract", 30), ("2024", "transform", 20)]
    for name in ("2019 by extract with exit code 30, ", "2024 by transform with exit code 20, "):
        assert name in error["message"]
    assert arguments_of(error["resume"])["from"] == "extract"
    assert loaded_years(cloud) == {2018}
    assert "data/catalog.json" in names(cloud.site)

    # The host is up again: its year is loaded, and the other one is refused again.
    portal.post("file-host/up")
    count = len(cloud.executed)
    with pytest.raises(emulator.Failed) as failed:
        cloud.run(arguments_of(error["resume"]))
    assert cloud.stages_since(count) == STAGES
    assert [one["partition"] for one in failed.value.error["refused"]] == ["2024"]
    assert loaded_years(cloud) == {2018, 2019}


@pytest.mark.parametrize("portal", [{"years": "2018,2019"}], indirect=True)
def test_a_permanent_failure_does_not_keep_a_transient_one_from_being_retried(cloud: Cloud, portal: Portal) -> None:
    """In one task, a year is on a host that is down, and a boundary file is larger than allowed."""
    portal.post("file-host/down")
    cloud.settings["extract-job"] |= {"DOWNLOAD_TIMEOUT_SECONDS": "1", "MAX_CSV_BYTES": "10"}
    with pytest.raises(emulator.Failed):
        cloud.run({"years": "2018,2019"})
    assert [codes for job, codes, _ in cloud.executed if job == "extract-job"] == [[20, 20]] * 5


@pytest.mark.parametrize("job", ["extract-job", "transform-job"])
def test_a_killed_task_is_retried(cloud: Cloud, job: str) -> None:
    """Once: the second attempt needs less memory and time, because it finds what the first has finished."""
    cloud.killed = {(job, 1)}
    cloud.meanwhile = cloud.killed.clear
    cloud.run({})
    assert waits(cloud) == [60]
    codes = [codes for name, codes, _ in cloud.executed if name == job]
    assert codes == [[0, -9, 0, 0], [0, 0, 0, 0]]


def test_a_run_does_not_continue_without_a_task(cloud: Cloud) -> None:
    """The partitions of a killed task are unknown, and an earlier execution's rows are out of date."""
    run = cloud.run({})["run"]
    count = len(cloud.executed)
    cloud.killed = {("extract-job", 1), ("extract-job", 2)}
    with pytest.raises(emulator.Failed) as failed:
        cloud.run({"run": run, "from": "extract", "force": True})
    assert cloud.stages_since(count) == ["extract-job"] * 2
    assert waits(cloud) == [60]
    error = failed.value.error
    assert error["message"] == (
        f"stage extract of run {run} failed, 2 of 4 tasks were killed by signal 9, 2 of 4 tasks have not handed over"
    )
    assert error["details"] == "Memory limit of 4096 MiB exceeded"
    assert (error["stage"], error["exit_code"], error["killed"], error["attempts"]) == ("extract", 0, 2, 2)
    assert arguments_of(error["resume"]) == {"run": run, "from": "extract", "years": "changed"}


def test_a_killed_task_does_not_keep_another_from_being_retried(cloud: Cloud, portal: Portal) -> None:
    """A task is killed in every attempt, and another does not reach the portal until the last one."""
    cloud.killed = {("extract-job", 1)}
    cloud.settings["extract-job"] |= {"PORTAL_URL": "http://127.0.0.1:9", "DOWNLOAD_TIMEOUT_SECONDS": "1"}

    def recover() -> None:
        if len(waits(cloud)) == 4:
            cloud.settings["extract-job"].update(portal.urls)

    cloud.meanwhile = recover
    with pytest.raises(emulator.Failed) as failed:
        cloud.run({"years": "2018,2025"})
    assert [codes for _, codes, _ in cloud.executed] == [[30, -9]] * 4 + [[0, -9]]
    assert failed.value.error["message"].endswith(
        "failed, 1 of 2 tasks were killed by signal 9, 1 of 2 tasks have not handed over"
    )


def test_a_task_that_cannot_be_started_is_retried(cloud: Cloud) -> None:
    """It has neither an exit code nor a signal, and the data are not the reason."""
    cloud.unstarted = {("extract-job", 1)}
    with pytest.raises(emulator.Failed) as failed:
        cloud.run({})
    assert [codes for _, codes, _ in cloud.executed] == [[0, None, 0, 0]] * 5
    assert waits(cloud) == [60, 300, 900, 1800]
    error = failed.value.error
    run = cloud.executed[0][2]["RUN_ID"]
    assert error["message"] == f"stage extract of run {run} failed with exit code 30, 1 of 4 tasks have not handed over"
    assert error["details"] == "Image not found"
    assert (error["exit_code"], error["killed"], error["attempts"]) == (30, 0, 5)


def test_a_job_that_does_nothing_is_reported(cloud: Cloud) -> None:
    cloud.binaries = dict.fromkeys(cloud.binaries, shutil.which("true"))
    with pytest.raises(emulator.Failed) as failed:
        cloud.run({})
    assert cloud.stages_since(0) == ["extract-job"]
    run = cloud.executed[0][2]["RUN_ID"]
    assert failed.value.error["message"] == (f"stage extract of run {run} succeeded, 4 of 4 tasks have not handed over")


def test_no_job_is_started_before_the_first_build(cloud: Cloud, plan: dict) -> None:
    """The schedule is live from `terraform apply` on, and a build may fail."""
    images = {
        job["name"]: policies.container(job)["image"]
        for _, job in policies.resources(plan, "google_cloud_run_v2_job")
        if "template" in job
    }
    cloud.images |= {"dbt-runner": images["dbt-runner"]}
    with pytest.raises(emulator.Failed, match="no build has been rolled out to dbt-runner - submit one"):
        cloud.run({})
    cloud.images = images
    with pytest.raises(emulator.Failed, match="no build has been rolled out to extract-job - submit one"):
        cloud.run({})
    assert cloud.executed == []


def test_files_fetched_on_a_laptop_are_loaded_in_the_cloud(cloud: Cloud) -> None:
    """What docs/deploy.md describes for a server that refuses Google's addresses."""
    laptop = cloud.settings["extract-job"] | {"RUN_ID": "laptop", "PATH": os.environ["PATH"]}
    subprocess.run([BINARIES / "extract-job"], env=laptop, check=True, capture_output=True)
    assert cloud.run({"run": "laptop", "from": "transform"}) == {"run": "laptop"}
    assert cloud.stages_since(0) == STAGES[1:]
    assert loaded_years(cloud) == {2018, 2025}


@pytest.mark.parametrize(
    ("years", "tasks"),
    [
        ("latest", 1),
        (2018, 1),
        ("2018", 1),
        ("2017-2018,2025", 3),
        ("2010-2025", 4),
        ("all", 4),
        ("2025-2010", 1),
        ("18", 4),
    ],
)
def test_there_are_no_more_tasks_than_years(cloud: Cloud, years: str | int, tasks: int) -> None:
    cloud.settings["extract-job"]["PORTAL_URL"] = "no address"
    with pytest.raises(emulator.Failed):
        cloud.run({"years": years})
    assert [codes for _, codes, _ in cloud.executed] == [[10] * tasks]
    assert {given["YEARS"] for _, _, given in cloud.executed} == {str(years)}


def test_an_outage_ends_the_run_after_all_retries(cloud: Cloud, portal: Portal) -> None:
    cloud.settings["extract-job"] |= {
        "PORTAL_URL": "http://127.0.0.1:9",
        "DOWNLOAD_TIMEOUT_SECONDS": "1",
    }
    with pytest.raises(emulator.Failed) as failed:
        cloud.run({"years": "2018"})
    assert [codes for job, codes, _ in cloud.executed if job == "extract-job"] == [[30]] * 5
    assert waits(cloud) == [60, 300, 900, 1800]
    error = failed.value.error
    assert "exit code 30" in error["message"]
    assert arguments_of(error["resume"])["from"] == "extract"


def test_a_run_that_cannot_list_the_years_is_not_a_success(cloud: Cloud, portal: Portal) -> None:
    """The portal does not list the years, so they are unknown."""
    cloud.run({"years": "2018"})
    portal.post("faults?path=package_show&kind=status:503&times=1000000")
    cloud.settings["extract-job"]["DOWNLOAD_TIMEOUT_SECONDS"] = "1"
    count = len(cloud.executed)
    with pytest.raises(emulator.Failed) as failed:
        cloud.run({"years": "2018"})
    assert cloud.stages_since(count) == ["extract-job"] * 5 + STAGES[1:]
    error = failed.value.error
    assert [(failure["stage"], failure["exit_code"]) for failure in error["failures"]] == [("extract", 30)]
    assert "stage extract ended with exit code 30, log https://console.cloud.google.com/" in error["message"]
    # It is loaded, and so it is known that it is not up to date.
    refused = [("2018", "extract", 30), ("city-wards", "extract", 30)]
    assert [(year["partition"], year["stage"], year["exit"]) for year in error["refused"]] == refused
    assert arguments_of(error["resume"])["from"] == "extract"


def arguments_of(command: str) -> dict:
    """Returns the arguments of a command that continues a run."""
    words = shlex.split(command)
    assert words[:4] == ["gcloud", "workflows", "run", "toronto-311"]
    (data,) = [word.removeprefix("--data=") for word in words if word.startswith("--data=")]
    return json.loads(data)


def loaded_years(cloud: Cloud) -> set[int]:
    """Returns the years that load-job has loaded."""
    loaded = [json.loads(line) for log in cloud.logs for line in log.splitlines()]
    loaded = {line["partition"] for line in loaded if line["message"] == "partition loaded"}
    return {int(partition) for partition in loaded if partition.isdigit()}


@pytest.mark.parametrize("portal", [{"files": {"SR2024.csv": BROKEN_YEAR}}], indirect=True)
def test_a_year_that_violates_the_contract_does_not_hold_up_the_others(
    cloud: Cloud, portal: Portal, plan: dict
) -> None:
    with pytest.raises(emulator.Failed) as failed:
        cloud.run({})
    assert [job for job, _, _ in cloud.executed] == STAGES, "no retry helps"
    assert [sorted(codes) for _, codes, _ in cloud.executed] == [[0] * 4, [0, 0, 0, 20], [0], [0]]
    assert waits(cloud) == []
    assert loaded_years(cloud) == {2018, 2025}
    assert "data/catalog.json" in names(cloud.site)
    assert monitored(plan, "stage failed") <= logged(cloud, "stage failed")

    error = failed.value.error
    run = cloud.executed[0][2]["RUN_ID"]
    (refused,) = error["refused"]
    assert (refused["partition"], refused["stage"], refused["exit"]) == ("2024", "transform", 20)
    assert len(refused["cause"]) <= 300
    log = error["failures"][0]["log"]
    assert log.startswith("https://console.cloud.google.com/logs/transform-job-")
    assert error["message"] == (
        f"run {run} has built the marts without some partitions; 2024 by transform with exit code 20, "
        f"{refused['cause']}; stage transform ended with exit code 20, log {log}"
    )
    assert arguments_of(error["resume"]) == {"run": run, "from": "transform", "years": "changed"}

    # A run with a refused year is not a success: there is none to continue by default, and the next run repeats it.
    with pytest.raises(emulator.Failed, match="set run, or start"):
        cloud.run({"from": "load"})
    with pytest.raises(emulator.Failed, match="2024 by transform"):
        cloud.run({})
    assert [job for job, _, _ in cloud.executed[4:]] == STAGES

    # The good years can be run alone.
    assert set(cloud.run({"years": "2018"})) == {"run"}


def test_invalid_arguments_are_refused(cloud: Cloud) -> None:
    with pytest.raises(emulator.Failed, match="use extract, transform, load or dbt"):
        cloud.run({"from": "clean"})
    with pytest.raises(emulator.Failed, match="set run, or start"):
        cloud.run({"from": "load"})
    assert cloud.executed == []
