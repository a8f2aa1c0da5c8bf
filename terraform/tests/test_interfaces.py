"""Checks the calls of Google's APIs against their discovery documents."""

import json
from collections.abc import Iterator

import pytest
import yaml

import policies
from conftest import MODULE
from discovery import DOCUMENTS, Method, document, value_problems

WORKFLOW = yaml.safe_load((MODULE / "workflow.yaml").read_text("utf-8"))


def calls(node: object) -> Iterator[tuple[str, dict]]:
    """Returns every call of a workflow: name and arguments."""
    if isinstance(node, dict):
        if isinstance(node.get("call"), str):
            yield node["call"], node.get("args", {})
        for child in node.values():
            yield from calls(child)
    elif isinstance(node, list):
        for child in node:
            yield from calls(child)


def step_names(node: object) -> Iterator[str]:
    """Returns the name of every step of a workflow, nested ones too."""
    if isinstance(node, dict):
        for step in node.get("steps", []):
            yield from step
        for child in node.values():
            yield from step_names(child)
    elif isinstance(node, list):
        for child in node:
            yield from step_names(child)


@pytest.mark.parametrize("workflow", WORKFLOW)
def test_step_names_are_unique(workflow: str) -> None:
    """The service refuses others: https://docs.cloud.google.com/workflows/docs/reference/syntax/steps."""
    names = list(step_names(WORKFLOW[workflow]))
    assert sorted(names) == sorted(set(names))


def test_calls_of_connectors_match_the_apis() -> None:
    connectors = [(name, arguments) for name, arguments in calls(WORKFLOW) if name.startswith("googleapis.")]
    assert len(connectors) == 7
    assert {name for name, _ in connectors} == {
        "googleapis.run.v2.projects.locations.jobs.executions.get",
        "googleapis.run.v2.projects.locations.jobs.executions.tasks.list",
        "googleapis.run.v2.projects.locations.jobs.get",
        "googleapis.run.v2.projects.locations.jobs.run",
        "googleapis.storage.v1.objects.get",
        "googleapis.storage.v1.objects.list",
        "googleapis.workflowexecutions.v1.projects.locations.workflows.executions.list",
    }
    for name, arguments in connectors:
        assert list(Method.named(name).problems(arguments)) == [], name


def test_other_calls_are_of_the_standard_library_or_the_workflow() -> None:
    names = {name for name, _ in calls(WORKFLOW) if not name.startswith("googleapis.")}
    assert names <= {"sys.log", "sys.sleep"} | set(WORKFLOW)


def test_fields_that_the_workflow_reads_exist() -> None:
    run, storage, executions = (
        document(*name)["schemas"] for name in (("run", "v2"), ("storage", "v1"), ("workflowexecutions", "v1"))
    )
    execution = run["GoogleCloudRunV2Execution"]["properties"]
    assert {"name", "completionTime", "succeededCount", "logUri"} <= set(execution)
    assert {"exitCode", "status", "termSignal"} <= set(run["GoogleCloudRunV2TaskAttemptResult"]["properties"])
    assert "lastAttemptResult" in run["GoogleCloudRunV2Task"]["properties"]
    assert "tasks" in run["GoogleCloudRunV2ListTasksResponse"]["properties"]
    assert "metadata" in run["GoogleLongrunningOperation"]["properties"]
    assert {"items", "nextPageToken"} <= set(storage["Objects"]["properties"])
    assert "name" in storage["Object"]["properties"]
    assert "result" in executions["Execution"]["properties"]
    assert "nextPageToken" in executions["ListExecutionsResponse"]["properties"]
    assert "template" in run["GoogleCloudRunV2Job"]["properties"]
    assert "template" in run["GoogleCloudRunV2ExecutionTemplate"]["properties"]
    assert "containers" in run["GoogleCloudRunV2TaskTemplate"]["properties"]
    assert "image" in run["GoogleCloudRunV2Container"]["properties"]


@pytest.mark.parametrize(
    ("name", "arguments", "problem"),
    [
        ("run.v2.projects.locations.jobs.run", {}, "needs name"),
        ("run.v2.projects.locations.jobs.run", {"name": "j", "bodi": {}}, "bodi is not an argument"),
        ("run.v2.projects.locations.jobs.run", {"name": "j", "body": {"override": {}}}, "body.override is not a field"),
        ("run.v2.projects.locations.jobs.run", {"name": "j", "body": {"overrides": {"taskCount": "4"}}}, "taskCount"),
        ("workflowexecutions.v1.projects.locations.workflows.executions.list", {"parent": "p", "view": "ALL"}, "view"),
    ],
)
def test_wrong_calls_are_found(name: str, arguments: dict, problem: str) -> None:
    assert problem in "; ".join(Method.named("googleapis." + name).problems(arguments))


def test_dashboard_is_valid() -> None:
    dashboard = json.loads((MODULE / "dashboard.json").read_text("utf-8"))
    api = document("monitoring", "v1")
    assert list(value_problems(api, {"$ref": "Dashboard"}, dashboard, "dashboard")) == []
    broken = json.loads(json.dumps(dashboard).replace("ALIGN_DELTA", "ALIGN_DELT").replace('"xyChart"', '"xychart"', 1))
    assert len(list(value_problems(api, {"$ref": "Dashboard"}, broken, "dashboard"))) > 1


def test_dashboard_shows_metrics_of_the_module(plan: dict) -> None:
    made = {value["name"] for _, value in policies.resources(plan, "google_logging_metric")}
    text = (MODULE / "dashboard.json").read_text("utf-8")
    shown = {name.split("\\")[0] for name in text.split("logging.googleapis.com/user/")[1:]}
    assert shown == made


def test_services_are_those_of_google(full_plan: dict) -> None:
    hosts = {
        json.loads(file.read_text("utf-8")).get("rootUrl", "").removeprefix("https://").strip("/")
        for file in DOCUMENTS.iterdir()
        if file.name.endswith(".json")
    }
    enabled = {value["service"] for _, value in policies.resources(full_plan, "google_project_service")}
    assert enabled <= hosts
