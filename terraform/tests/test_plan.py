"""The plan of the module, against what has to hold of it."""

import json
import re

import yaml

import policies
from conftest import EVERYTHING, ROOT


def test_policies_hold_by_default(plan):
    assert policies.violations(plan) == []


def test_policies_hold_with_every_option(full_plan):
    assert policies.violations(full_plan) == []


def test_tables_are_those_of_the_contracts(plan):
    planned = {
        value["table_id"]: [
            (field["name"], field["type"], field["mode"] == "REQUIRED", field["description"])
            for field in json.loads(value["schema"])
        ]
        for _, value in policies.resources(plan, "google_bigquery_table")
    }
    contracts = [yaml.safe_load(file.read_text("utf-8")) for file in (ROOT / "contracts").glob("*.odcs.yaml")]
    expected = {
        table["name"]: [
            (
                column["name"],
                "GEOGRAPHY" if column["name"] == "geometry" else column["physicalType"],
                column["required"],
                column["description"],
            )
            for column in table["properties"]
        ]
        for contract in contracts
        for table in contract["schema"]
        if table["physicalType"] == "table"
    }
    assert set(planned) == {"service_requests", "quarantined_requests", "city_wards", "forward_sortation_areas"}
    assert planned == expected


def test_tables_are_partitioned_as_load_job_would(plan):
    tables = {value["table_id"]: value for _, value in policies.resources(plan, "google_bigquery_table")}
    definition = (ROOT / "load-job/src/warehouse/bigquery/definition.rs").read_text("utf-8")
    requests, quarantine = tables["service_requests"], tables["quarantined_requests"]
    (by_month,), (by_year,) = requests["time_partitioning"], quarantine["range_partitioning"]
    (years,) = by_year["range"]
    clustering = ", ".join(f'"{column}"' for column in requests["clustering"])
    for said in (
        f'.set_type("{by_month["type"]}")',
        f'.set_field("{by_month["field"]}")',
        f"Clustering::new().set_fields([{clustering}])",
        f'.set_field("{by_year["field"]}")',
        *(f'.set_{bound}("{years[bound]}")' for bound in ("start", "end", "interval")),
    ):
        assert said in definition
    others = [table for name, table in tables.items() if name not in ("service_requests", "quarantined_requests")]
    assert not any(table["time_partitioning"] or table["range_partitioning"] or table["clustering"] for table in others)


def test_datasets_are_those_that_dbt_builds_in(plan):
    project = yaml.safe_load((ROOT / "dbt-runner/project/dbt_project.yml").read_text("utf-8"))
    schemas = {folder["+schema"] for folder in project["models"]["toronto_311"].values() if "+schema" in folder}
    planned = {
        value["dataset_id"] for _, value in policies.resources(plan, "google_bigquery_dataset") if "location" in value
    }
    assert schemas <= planned


VARIABLE = re.compile(r'^    ([A-Z_]+), (?:None|Some\("[^"]*"\)), "([^"]*)", "((?:[^"\\]|\\.)*)";$', re.M)
SET_BY_CLOUD_RUN_OR_WORKFLOW = {"RUN_ID", "YEARS", "FORCE"}
READ_BY = {"extract-job": "extract", "transform-job": "transform", "load-job": "load", "dbt-runner": "dbt"}


def test_environment_is_what_the_jobs_read(plan):
    declared = VARIABLE.findall((ROOT / "shared/src/settings/variables.rs").read_text("utf-8"))
    assert len(declared) > 15
    # What the image sets, once and for all.
    image = set(re.findall(r"^ENV ([A-Z_]+)=|^ {4}([A-Z_]+)=", (ROOT / "Dockerfile").read_text("utf-8"), re.M))
    in_image = {name for pair in image for name in pair if name}
    for _, job in policies.resources(plan, "google_cloud_run_v2_job"):
        if "template" not in job:
            continue
        environment = {item["name"] for item in policies.container(job)["env"]}
        read = {name: meaning for name, jobs, meaning in declared if jobs == "all" or READ_BY[job["name"]] in jobs}
        required = {name for name, meaning in read.items() if "Required." in meaning}
        assert environment <= set(read), job["name"]
        assert required <= environment | in_image, job["name"]
        assert not environment & SET_BY_CLOUD_RUN_OR_WORKFLOW


def test_every_option_is_tried(full_plan):
    optional = {name for name, variable in full_plan["configuration"]["root_module"]["variables"].items()}
    assert set(EVERYTHING) <= optional
    types = {address.split(".")[0] for address, _ in policies.resources(full_plan)}
    assert {"google_billing_budget", "google_cloudbuild_trigger", "google_iam_workload_identity_pool_provider"} <= types
