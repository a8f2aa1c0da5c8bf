"""The workflow executed: the real binaries on a sample portal, in a project that stands in for Google's."""

import json
import os
import re
import subprocess
import urllib.request
import uuid
from pathlib import Path

import emulator
import pytest
from cloud import Cloud

import policies
from conftest import ROOT

STAGES = ["extract-job", "transform-job", "load-job", "dbt-runner"]
# A year without the column Status.
BROKEN_YEAR = """\
Creation Date,First 3 Chars of Postal Code,Intersection Street 1,Intersection Street 2,Ward,Service Request Type,Division,Section
2024-01-01 00:01:05.0000000,M4C,,,Beaches-East York (19),Sinking Water Service,Toronto Water,District Ops
"""  # noqa: E501


class Portal:
    """The sample portal as a process."""

    def __init__(self, process: subprocess.Popen):
        line = process.stdout.readline()
        assert line, process.stderr.read()
        self.urls = dict(pair.split("=", 1) for pair in line.split())

    def post(self, path: str) -> None:
        request = urllib.request.Request(f"{self.urls['PORTAL_URL']}/_sample/{path}", method="POST")
        urllib.request.urlopen(request, timeout=10).close()


@pytest.fixture
def portal(tmp_path: Path, request):
    files = tmp_path / "files"
    (files / "service-requests").mkdir(parents=True)
    for name, text in getattr(request, "param", {}).items():
        (files / "service-requests" / name).write_text(text)
    environment = {"SAMPLE_YEARS": "2018,2025", "SAMPLE_ROWS": "500", "SAMPLE_FILES": str(files)}
    with subprocess.Popen(
        [ROOT / "target/release/sample-portal"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield Portal(process)
        process.kill()


@pytest.fixture(scope="session")
def emulators():
    """The addresses of emulators of Cloud Storage and BigQuery."""
    tell = 'echo "$STORAGE_EMULATOR_HOST $BIGQUERY_EMULATOR_HOST"; cat'
    with subprocess.Popen(
        [ROOT / "target/release/emulators", "sh", "-c", tell], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process.stdout.readline().split()
        process.stdin.close()


def create(url: str, resource: dict) -> None:
    request = urllib.request.Request(
        url, method="POST", data=json.dumps(resource).encode(), headers={"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=60).close()


@pytest.fixture
def dashboard(tmp_path: Path):
    """What the image has a build of."""
    (tmp_path / "dashboard/assets").mkdir(parents=True)
    for name in ("index.html", "assets/index-0.js"):
        (tmp_path / "dashboard" / name).write_text(name)
    return tmp_path / "dashboard"


@pytest.fixture
def cloud(portal, emulators, plan, dashboard):
    """A project of its own with what the plan makes: bucket, datasets, and jobs with their environment."""
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
    with Cloud(storage, f"{project}-lake", environments) as cloud:
        # What stands on this machine in place of Google's services, of the image and of the internet.
        emulated = {"STORAGE_EMULATOR_HOST": storage, "BIGQUERY_EMULATOR_HOST": bigquery}
        lake = emulated | {"LAKE_URL": f"gs://{project}-lake"}
        warehouse = lake | {"WAREHOUSE_URL": f"bigquery://{project}/toronto_311?location=northamerica-northeast1"}
        dbt = {name: os.environ[name] for name in ("DBT_EXECUTABLE", "DBT_PROJECT_DIR")}
        dbt["DASHBOARD_DIR"] = str(dashboard)
        cloud.settings = {
            "extract-job": lake | portal.urls,
            "transform-job": lake,
            "load-job": warehouse,
            "dbt-runner": warehouse | dbt | {"SITE_URL": f"gs://{project}-site"},
        }
        cloud.site = f"{storage}/storage/v1/b/{project}-site/o"
        yield cloud


def names(objects: str) -> set[str]:
    """The objects of a bucket."""
    with urllib.request.urlopen(objects, timeout=10) as response:
        return {item["name"] for item in json.load(response).get("items", [])}


def monitored(plan: dict, message: str) -> set[str]:
    """The fields of a log line that alerts and metrics read."""
    found = set()
    for prefix in ("google_monitoring_alert_policy", "google_logging_metric"):
        for _, value in policies.resources(plan, prefix):
            if f'"{message}"' in (text := json.dumps(value).replace('\\"', '"')):
                found |= set(re.findall(r"jsonPayload\.(\w+)", text))
    assert len(found) > 3
    return found


def logged(cloud: Cloud, message: str) -> set[str]:
    """The fields that every line of this message has."""
    lines = [json.loads(line) for log in cloud.logs for line in log.splitlines()]
    return set.intersection(*(set(line) for line in lines if line["message"] == message))


def test_months_of_runs(cloud, portal, plan):
    """A first run, one with nothing new, one after a correction, one after a roll-out, and a replay."""
    first = cloud.run()
    assert [job for job, _, _ in cloud.executed] == STAGES
    assert all(set(codes) == {0} for _, codes, _ in cloud.executed)
    assert [len(codes) for _, codes, _ in cloud.executed] == [4, 4, 1, 1]
    assert {given["RUN_ID"] for _, _, given in cloud.executed} == {first["run"]}
    assert first["changed"] is True
    assert first["built_from"]
    assert {"index.html", "assets/index-0.js", "data/catalog.json", "docs/index.html"} <= names(cloud.site)

    # Nothing new: extract alone, and the run that is whole stays the one to go on with.
    count = len(cloud.executed)
    assert cloud.run(None) == {**first, "changed": False}
    assert cloud.stages_since(count) == ["extract-job"]

    # The City corrects a year.
    portal.post("years/2025/correct")
    count = len(cloud.executed)
    corrected = cloud.run({})
    assert cloud.stages_since(count) == STAGES
    assert corrected["run"] != first["run"]
    assert corrected["built_from"] != first["built_from"]

    # A job has a new image: its rules may have changed.
    cloud.images["transform-job"] = "images/transform-job@sha256:second"
    count = len(cloud.executed)
    rolled_out = cloud.run({})
    assert cloud.stages_since(count) == STAGES

    # A replay of one year from transform on, in the run that is whole.
    count = len(cloud.executed)
    replay = cloud.run({"from": "transform", "years": "2025", "force": True})
    assert cloud.stages_since(count) == STAGES[1:]
    assert all(
        given == {"RUN_ID": rolled_out["run"], "YEARS": "2025", "FORCE": "1"} for _, _, given in cloud.executed[count:]
    )
    assert [len(codes) for _, codes, _ in cloud.executed[count:]] == [1, 1, 1]
    assert replay["run"] == rolled_out["run"]

    # After a part, the next run goes through.
    count = len(cloud.executed)
    cloud.run({})
    assert cloud.stages_since(count) == STAGES
    finished = [line for log in cloud.logs for line in log.splitlines() if '"stage finished"' in line]
    assert len(finished) == sum(len(codes) for _, codes, _ in cloud.executed)
    for message in ("stage finished", "partition transformed"):
        assert monitored(plan, message) <= logged(cloud, message)


def test_a_transient_failure_is_retried(cloud, portal):
    """The portal is down, and up again when the workflow tries once more."""
    cloud.settings["extract-job"] |= {
        "PORTAL_URL": "http://127.0.0.1:9",
        "PORTAL_HOSTS": "127.0.0.1",
        "DOWNLOAD_TIMEOUT_SECONDS": "2",
    }
    cloud.meanwhile = lambda: cloud.settings["extract-job"].update(portal.urls)
    result = cloud.run({"years": "2018"})
    assert result == {"run": cloud.executed[0][2]["RUN_ID"], "built_from": "", "changed": True}
    assert [(job, codes) for job, codes, _ in cloud.executed] == [
        ("extract-job", [30]),
        ("extract-job", [0]),
        ("transform-job", [0]),
        ("load-job", [0]),
        ("dbt-runner", [0]),
    ]
    assert [seconds for seconds in cloud.slept if seconds >= 60] == [60]


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
def test_there_are_no_more_tasks_than_years(cloud, years, tasks):
    cloud.settings["extract-job"]["PORTAL_URL"] = "no address"
    with pytest.raises(emulator.Failed):
        cloud.run({"years": years})
    assert [codes for _, codes, _ in cloud.executed] == [[10] * tasks]
    assert {given["YEARS"] for _, _, given in cloud.executed} == {str(years)}


def test_an_outage_ends_the_run_after_all_retries(cloud, portal):
    cloud.settings["extract-job"] |= {
        "PORTAL_URL": "http://127.0.0.1:9",
        "DOWNLOAD_TIMEOUT_SECONDS": "1",
    }
    with pytest.raises(emulator.Failed) as failed:
        cloud.run({"years": "2018"})
    assert [codes for _, codes, _ in cloud.executed] == [[30]] * 5
    assert [seconds for seconds in cloud.slept if seconds >= 60] == [60, 300, 900, 1800]
    assert (failed.value.error["exit_code"], failed.value.error["attempts"]) == (30, 5)


@pytest.mark.parametrize("portal", [{"SR2024.csv": BROKEN_YEAR}], indirect=True)
def test_a_contract_failure_is_not_retried(cloud, portal, plan):
    with pytest.raises(emulator.Failed) as failed:
        cloud.run({})
    assert [job for job, _, _ in cloud.executed] == STAGES[:2]
    assert sorted(cloud.executed[1][1]) == [0, 0, 0, 20]
    error = failed.value.error
    run = cloud.executed[0][2]["RUN_ID"]
    assert error["message"] == f"stage transform of run {run} failed with exit code 20"
    assert (error["stage"], error["exit_code"], error["attempts"]) == ("transform", 20, 1)
    assert error["log"].startswith("https://console.cloud.google.com/logs/transform-job-")
    assert not set(cloud.slept) & {60, 300, 900, 1800}
    assert monitored(plan, "stage failed") <= logged(cloud, "stage failed")

    # A failed run is no success: the next one does not take its files for done, but fails where it did.
    with pytest.raises(emulator.Failed):
        cloud.run({})
    assert [job for job, _, _ in cloud.executed[2:]] == STAGES[:2]

    # Nothing is in the way of the other years, and the failed run can be gone on with as the error says.
    cloud.run({"years": "2018"})
    assert '"run"' in error["resume"]
    assert run in error["resume"]
    assert '"from"' in error["resume"]


def test_arguments_that_mean_nothing_are_refused(cloud):
    with pytest.raises(emulator.Failed, match="give extract, transform, load or dbt"):
        cloud.run({"from": "clean"})
    with pytest.raises(emulator.Failed, match="name it by run"):
        cloud.run({"from": "load"})
    assert cloud.executed == []
