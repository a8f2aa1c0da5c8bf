"""Checks the stand-in provider's schema against the provider's documentation."""

import json

import pytest

from conftest import MODULE, PROVIDERS
from provider.schema import used_types


@pytest.fixture(params=PROVIDERS, ids=lambda schema: schema.parent.name)
def schemas(request: pytest.FixtureRequest) -> dict:
    read = json.loads(request.param.read_text("utf-8"))
    assert read["version"] == request.param.parent.name
    return read["schemas"]


def test_every_type_of_the_module_exists(schemas: dict) -> None:
    assert set(schemas) == used_types(MODULE) | {"provider"}


def test_attributes_are_typed_and_required_as_documented(schemas: dict) -> None:
    bucket = schemas["resource google_storage_bucket"]["attributes"]
    assert (bucket["location"]["type"], bucket["location"]["required"]) == ("string", True)
    assert bucket["labels"]["type"] == ["map", "string"]
    assert (bucket["force_destroy"]["type"], bucket["force_destroy"]["optional"]) == ("bool", True)
    assert (bucket["url"]["computed"], bucket["url"]["optional"]) == (True, False)
    policy = schemas["resource google_monitoring_alert_policy"]["attributes"]
    assert policy["notification_channels"]["type"] == ["list", "string"]
    assert "OR" in policy["combiner"]["values"]
    condition = schemas["resource google_cloud_run_v2_job"]["attributes"]["conditions"]["type"]
    assert condition[0] == "list"
    assert condition[1][1]["state"] == "string"


def test_blocks_nest_and_repeat_as_documented(schemas: dict) -> None:
    bucket = schemas["resource google_storage_bucket"]["blocks"]
    assert (bucket["soft_delete_policy"]["max"], bucket["lifecycle_rule"]["max"]) == (1, 0)
    assert bucket["lifecycle_rule"]["block"]["blocks"]["action"]["nesting"] == "set"
    assert bucket["timeouts"]["nesting"] == "single"
    job = schemas["resource google_cloud_run_v2_job"]["blocks"]["template"]
    assert (job["min"], job["max"]) == (1, 1)
    assert job["block"]["blocks"]["template"]["block"]["blocks"]["containers"]["max"] == 0


def test_versions_differ() -> None:
    """The two versions differ: 8.0 requires an argument that is optional in 7.46."""
    source = [
        json.loads(schema.read_text("utf-8"))["schemas"]["resource google_workflows_workflow"]["attributes"]
        for schema in PROVIDERS
    ]
    assert [attributes["source_contents"]["required"] for attributes in source] == [False, True]
