"""Checks the plan of the module against its policies."""

import re

import yaml

import policies
from conftest import EVERYTHING, ROOT, variables


def test_policies_hold_by_default(plan: dict) -> None:
    assert policies.violations(plan) == []


def test_policies_hold_with_every_option(full_plan: dict) -> None:
    assert policies.violations(full_plan) == []


def test_datasets_are_those_that_dbt_builds_in(plan: dict) -> None:
    project = yaml.safe_load((ROOT / "dbt-runner/project/dbt_project.yml").read_text("utf-8"))
    schemas = {folder["+schema"] for folder in project["models"]["toronto_311"].values() if "+schema" in folder}
    planned = {
        value["dataset_id"] for _, value in policies.resources(plan, "google_bigquery_dataset") if "location" in value
    }
    assert schemas <= planned


SET_BY_CLOUD_RUN_OR_WORKFLOW = {"RUN_ID", "YEARS", "FORCE", "RELEASE"}
READ_BY = {"extract-job": "extract", "transform-job": "transform", "load-job": "load", "dbt-runner": "dbt"}


def test_environment_is_what_the_jobs_read(plan: dict) -> None:
    declared = variables()
    assert len(declared) > 15
    # Variables that the image sets.
    image = set(re.findall(r"^ENV ([A-Z_]+)=|^ {4}([A-Z_]+)=", (ROOT / "Dockerfile").read_text("utf-8"), re.M))
    in_image = {name for pair in image for name in pair if name}
    for _, job in policies.resources(plan, "google_cloud_run_v2_job"):
        if "template" not in job:
            continue
        environment = {item["name"] for item in policies.container(job)["env"]}
        stage = READ_BY[job["name"]]
        read = {name: meaning for name, (stages, meaning) in declared.items() if stages == "all" or stage in stages}
        required = {name for name, meaning in read.items() if "Required." in meaning}
        assert environment <= set(read), job["name"]
        assert required <= environment | in_image, job["name"]
        assert not environment & SET_BY_CLOUD_RUN_OR_WORKFLOW


def collectors(plan: dict) -> list[list[str]]:
    jobs = [job for _, job in policies.resources(plan, "google_cloud_run_v2_job") if "template" in job]
    environments = [policies.container(job)["env"] for job in jobs]
    return [[item["value"] for item in given if item["name"] == "OPENLINEAGE_URL"] for given in environments]


def test_every_job_has_the_variables_of_the_operator(plan: dict, full_plan: dict) -> None:
    assert collectors(plan) == [[]] * 4
    assert collectors(full_plan) == [[EVERYTHING["environment"]["OPENLINEAGE_URL"]]] * 4


def test_every_option_is_tried(full_plan: dict) -> None:
    optional = {name for name, variable in full_plan["configuration"]["root_module"]["variables"].items()}
    assert set(EVERYTHING) <= optional
    types = {address.split(".")[0] for address, _ in policies.resources(full_plan)}
    assert {"google_billing_budget", "google_cloudbuild_trigger", "google_iam_workload_identity_pool_provider"} <= types


def test_images_that_were_rolled_out_are_kept(plan: dict) -> None:
    """Builds that tests or scans refuse push images as well, and must not displace those of the jobs."""
    (images,) = [
        value
        for _, value in policies.resources(plan, "google_artifact_registry_repository")
        if value.get("repository_id") == "toronto-311" and "cleanup_policies" in value
    ]
    (kept,) = [policy for policy in images["cleanup_policies"] if policy["action"] == "KEEP"]
    (prefix,) = kept["condition"][0]["tag_prefixes"]
    assert f":{prefix}$tag" in (ROOT / "cloudbuild/roll_out.sh").read_text("utf-8")


def test_silence_is_noticed_after_the_first_success_only(plan: dict) -> None:
    """An alert that a new project raises until its first run would be ignored later."""
    queries = {
        value["display_name"]: condition["query"]
        for _, value in policies.resources(plan, "google_monitoring_alert_policy")
        for condition in value["conditions"][0]["condition_prometheus_query_language"]
    }
    query = queries["Toronto 311: No success in 35 days"]
    match = re.fullmatch(r"sum\(increase\((\S+)\[1y\]\)\) > 0 unless sum\(increase\((\S+)\[35d\]\)\) > 0", query)
    assert match
    assert match[1] == match[2]
    assert 'status="SUCCEEDED"' in match[1]
