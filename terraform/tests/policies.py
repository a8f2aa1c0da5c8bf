"""Policies that every plan has to satisfy. Each policy returns its violations, in words."""

import json
import re
from collections.abc import Iterable

import yaml

from conftest import ROOT

JOBS = ("extract-job", "transform-job", "load-job", "dbt-runner")
ROLES = json.loads((ROOT / "terraform/tests/roles.json").read_text("utf-8"))["roles"]
# What the jobs hold at the same time, generated from shared/src/limits.rs.
LIMITS = json.loads((ROOT / "terraform/tests/limits.json").read_text("utf-8"))
CONTRACT = yaml.safe_load((ROOT / "contracts/service_requests.odcs.yaml").read_text("utf-8"))
(TIME_ZONE,) = [each["value"] for each in CONTRACT["customProperties"] if each["property"] == "timeZone"]
DATASETS = ("toronto_311", "reference", "staging", "marts")

# The tasks of each account, as permissions from Google's API references.
NEEDED = {
    **{(job, "lake"): {"storage.objects.create", "storage.objects.get"} for job in JOBS},
    ("dbt-runner", "site"): {"storage.objects.create", "storage.objects.delete"},
    # https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet#permissions-load-data-from-cloud-storage
    ("load-job", "lake"): {
        "storage.buckets.get",
        "storage.objects.create",
        "storage.objects.get",
        "storage.objects.list",
    },
    ("load-job", "dataset toronto_311"): {
        "bigquery.tables.create",
        "bigquery.tables.delete",
        "bigquery.tables.get",
        "bigquery.tables.getData",
        "bigquery.tables.update",
        "bigquery.tables.updateData",
    },
    **{
        ("dbt-runner", f"dataset {dataset}"): {
            "bigquery.datasets.get",
            "bigquery.tables.create",
            "bigquery.tables.delete",
            "bigquery.tables.get",
            "bigquery.tables.getData",
            "bigquery.tables.list",
            "bigquery.tables.updateData",
        }
        for dataset in DATASETS
    },
    ("load-job", "project"): {"bigquery.jobs.create"},
    ("dbt-runner", "project"): {"bigquery.jobs.create"},
    **{
        ("workflow", f"job {job}"): {
            "run.jobs.get",
            "run.jobs.run",
            "run.jobs.runWithOverrides",
            "run.executions.get",
            "run.tasks.list",
        }
        for job in JOBS
    },
    ("workflow", "lake"): {"storage.objects.get", "storage.objects.list"},
    ("workflow", "project"): {"workflows.executions.list", "logging.logEntries.create"},
    ("scheduler", "project"): {"workflows.executions.create"},
    **{("build", f"job {job}"): {"run.jobs.get", "run.jobs.update"} for job in JOBS},
    **{("build", f"account {job}"): {"iam.serviceAccounts.actAs"} for job in JOBS},
    ("build", "cache"): {
        "artifactregistry.repositories.downloadArtifacts",
        "artifactregistry.repositories.uploadArtifacts",
    },
    ("build", "images"): {
        "artifactregistry.repositories.downloadArtifacts",
        "artifactregistry.repositories.uploadArtifacts",
        "artifactregistry.tags.create",
        "artifactregistry.tags.update",
    },
    ("build", "builds"): {"storage.objects.get"},
    ("build", "project"): {
        "cloudbuild.builds.list",
        "logging.logEntries.create",
        "ondemandscanning.scans.scan",
        "ondemandscanning.scans.listVulnerabilities",
    },
}
# What belongs to a resource is granted on the resource.
NARROWER = ("artifactregistry.", "bigquery.tables.", "iam.", "run.", "storage.")
NEEDED_BY_GITHUB = {
    ("github", "project"): {"cloudbuild.builds.create", "cloudbuild.builds.get", "serviceusage.services.use"},
    ("github", "builds"): {"storage.buckets.get", "storage.objects.create", "storage.objects.get"},
    ("github", "account build"): {"iam.serviceAccounts.actAs"},
}


def resources(plan: dict, type_prefix: str = "google_") -> Iterable[tuple[str, dict]]:
    """Returns the address and planned values of the resources whose type starts with a prefix."""
    for change in plan["resource_changes"]:
        if change["mode"] == "managed" and change["type"].startswith(type_prefix):
            yield change["address"], change["change"]["after"]


def container(job: dict) -> dict:
    """Returns the only container of a planned job."""
    return job["template"][0]["template"][0]["containers"][0]


def account_of(member: str) -> str:
    match = re.fullmatch(r"serviceAccount:toronto-311-([\w-]+)@.+", member)
    return match[1] if match else "GitHub" if member.startswith("principalSet:") else member


def grants(plan: dict) -> set[tuple[str, str, str]]:
    """Returns the granted roles by account and resource."""
    found = set()
    for address, value in resources(plan):
        kind = address.split(".")[0]
        if not kind.endswith("_iam_member"):
            continue
        where = {
            "google_project_iam_member": lambda v: "project",
            "google_storage_bucket_iam_member": lambda v: v["bucket"].rsplit("-", 1)[1],
            "google_bigquery_dataset_iam_member": lambda v: f"dataset {v['dataset_id']}",
            "google_cloud_run_v2_job_iam_member": lambda v: f"job {v['name']}",
            "google_artifact_registry_repository_iam_member": lambda v: (
                "cache" if v["repository"].endswith("-cache") else "images"
            ),
            "google_service_account_iam_member": lambda v: (
                "account " + account_of("serviceAccount:" + v["service_account_id"].rsplit("/", 1)[1])
            ),
        }[kind](value)
        # A pool's name is known only once it exists.
        member = value.get("member", "principalSet:")
        found.add((account_of(member), value["role"], where))
    return found


def roles(plan: dict) -> Iterable[str]:
    """The granted roles exist, and contain what is needed and nothing dangerous."""
    held = grants(plan)
    permissions: dict[tuple[str, str], set[str]] = {}
    for account, role, where in held:
        if role not in ROLES:
            yield f"{role} is not a known role: {account} on {where}"
            continue
        permissions.setdefault((account, where), set()).update(ROLES[role])
    needed = NEEDED | (NEEDED_BY_GITHUB if "github" in {account for account, _, _ in held} else {})
    for key, wanted in needed.items():
        if lacking := wanted - permissions.get(key, set()):
            yield f"{key[0]} lacks {sorted(lacking)} on {key[1]}"
    for (account, where), granted in permissions.items():
        if where == "lake" and (broken := granted & {"storage.objects.delete", "storage.objects.update"}):
            yield f"{account} could change the lake: {sorted(broken)}"
        if where == "project" and (wide := {one for one in granted if one.startswith(NARROWER)}):
            yield f"{account} has {sorted(wide)} on everything in the project"
        for permission in granted:
            if permission.endswith("setIamPolicy") or "serviceAccountKeys" in permission:
                yield f"{account} could widen its rights by {permission} on {where}"


def grants_are_needed(plan: dict) -> Iterable[str]:
    """No account holds a role on something of which it needs nothing."""
    for account, role, where in grants(plan):
        wanted = (NEEDED | NEEDED_BY_GITHUB).get((account, where), set())
        if account in ("GitHub", "allUsers"):
            continue
        if not wanted & set(ROLES.get(role, ())):
            yield f"{account} does not need {role} on {where}"


def private(plan: dict) -> Iterable[str]:
    """Nothing is public except the objects of the site, which cannot be listed, and only if its variable is set."""
    published = plan["variables"]["publish_site"]["value"]
    for address, value in resources(plan):
        if str(value.get("member")) in ("allUsers", "allAuthenticatedUsers") and not (
            published and value["bucket"].endswith("-site") and ROLES[value["role"]] == ["storage.objects.get"]
        ):
            yield f"{address} is public"
    for address, value in resources(plan, "google_storage_bucket"):
        if "public_access_prevention" not in value:
            continue
        if not value["uniform_bucket_level_access"]:
            yield f"{address} has access lists"
        if value["public_access_prevention"] != "enforced" and not (published and address.endswith(".site")):
            yield f"{address} could be made public"


def embeddable(plan: dict) -> Iterable[str]:
    """The site works in a frame without an origin, whose scripts and data the browser requests from another one.

    Pages elsewhere read parts of its files.
    """
    site = dict(resources(plan, "google_storage_bucket"))["google_storage_bucket.site"]
    rules = [rule for rule in site["cors"] if rule["origin"] == ["*"] and {"GET", "HEAD"} <= set(rule["method"])]
    if not rules:
        yield "google_storage_bucket.site cannot be read from other origins"
    for rule in rules:
        for header in {"Range", "If-Match", "Content-Range", "ETag"} - set(rule["response_header"]):
            yield f"google_storage_bucket.site cannot be read in parts from other origins without {header}"


def protected(plan: dict) -> Iterable[str]:
    """Resources with data or in use are not destroyed by mistake."""
    for address, value in resources(plan):
        if value.get("deletion_protection") is False:
            yield f"{address} is not protected from deletion"
        if value.get("delete_contents_on_destroy"):
            yield f"{address} is destroyed with its content"
        if value.get("force_destroy") and not address.endswith(".builds"):
            yield f"{address} is destroyed with its content"
        if value.get("disable_on_destroy") is True:
            yield f"{address} is disabled for others too"
    lake = dict(resources(plan, "google_storage_bucket"))["google_storage_bucket.lake"]
    if not lake["retention_policy"] or lake["soft_delete_policy"][0]["retention_duration_seconds"] < 7 * 24 * 3600:
        yield "google_storage_bucket.lake does not keep deleted objects"
    for rule in lake["lifecycle_rule"]:
        condition = rule["condition"][0]
        if rule["action"][0]["type"] == "Delete" and condition["matches_prefix"] != ["runs/", "lineage/"]:
            yield "google_storage_bucket.lake deletes data"


def labelled(plan: dict) -> Iterable[str]:
    for address, value in resources(plan):
        if "effective_labels" in value and value["effective_labels"].get("app") != "toronto-311":
            yield f"{address} has no label app"


def in_one_region(plan: dict) -> Iterable[str]:
    """Everything is in the region of the data, but triggers, which are where their repository is."""
    region = plan["variables"]["region"]["value"]
    for address, value in resources(plan):
        if address.startswith("google_cloudbuild_trigger."):
            continue
        for name in ("location", "region"):
            place = value.get(name)
            if place not in (None, region) and place.upper() != region.upper():
                yield f"{address} is in {place}"


def jobs(plan: dict) -> Iterable[str]:
    """Each job runs as its own account and is retried only by the workflow."""
    found = {value["name"]: value for _, value in resources(plan, "google_cloud_run_v2_job") if "template" in value}
    if set(found) != set(JOBS):
        yield f"jobs are {sorted(found)}"
    for name, value in found.items():
        task = value["template"][0]["template"][0]
        if not str(task.get("service_account")).startswith(f"toronto-311-{name}@"):
            yield f"{name} runs as {task.get('service_account')}"
        if task["max_retries"] != 0:
            yield f"{name} is retried whatever its exit code"
        if not 0 < int((task["timeout"] or "0s")[:-1]) <= 24 * 3600:
            yield f"{name} has the timeout {task['timeout']}"
        if not set(container(value)["resources"][0]["limits"]) >= {"cpu", "memory"}:
            yield f"{name} has no limits"
    yield from fits_into_memory(found["extract-job"])
    yield from has_memory_for(found["transform-job"], found["extract-job"])
    yield from has_memory_to_publish(found["dbt-runner"], found["extract-job"])


def memory_of(job: dict) -> int:
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", container(job)["resources"][0]["limits"]["memory"]).groups()
    return int(number) * {"Mi": 2**20, "Gi": 2**30}[unit]


def limits_of(job: dict) -> dict[str, int]:
    return {item["name"]: int(item["value"]) for item in container(job)["env"] if item["name"].startswith("MAX_")}


def has_memory_for(transform: dict, extract: dict) -> Iterable[str]:
    """What transform-job may make of the largest CSV is less than its memory, where Cloud Run keeps files."""
    # Rows wait for the end of their month, and as many are written: sorted into a copy, with an index of 4 bytes for
    # each of several columns.
    rows = LIMITS["max_rows"] * (2 * LIMITS["row_bytes"] + 110)
    # Distinct texts, and about as much in what they were resolved to. Refused rows, the columns that are written of
    # them, and the encoded file.
    texts = LIMITS["max_text_bytes"] * (2 + 3)
    # Parquet files are smaller than the CSV they are written from.
    spool = limits_of(extract)["MAX_CSV_BYTES"]
    if rows + texts + spool > memory_of(transform) - 2**28:
        yield f"transform-job may need {rows + texts + spool} bytes, of {memory_of(transform)}"


def has_memory_to_publish(dbt: dict, extract: dict) -> Iterable[str]:
    """What dbt-runner makes of the largest year is less than its memory, where Cloud Run keeps files.

    Marts count requests and are smaller.
    """
    contract = yaml.safe_load((ROOT / "contracts/service_requests.odcs.yaml").read_text("utf-8"))
    columns = next(table["properties"] for table in contract["schema"] if table["name"] == "service_requests")
    rules = {rule["property"]: rule["value"] for table in contract["schema"] for rule in table["customProperties"]}
    # A month has ids of 16 bytes, times of 8, and for each other column and the order 4. Its file is at most as large.
    rows = LIMITS["max_rows"] * 2 * (16 + 8 + 4 * (len(columns) - 1))
    # Distinct texts, in the file and decoded.
    texts = LIMITS["max_text_bytes"] * 2
    # Pages of the longest lines: of each writer, between them and in making; and what is encoded of a row group.
    pages = 4 * LIMITS["page_rows"] * rules["maxLineBytes"] + LIMITS["row_group_bytes"]
    # A published file, of which there are two, is smaller than the CSV it is written from.
    spool = 2 * limits_of(extract)["MAX_CSV_BYTES"]
    if rows + texts + pages + spool > memory_of(dbt) - 2**28:
        yield f"dbt-runner may need {rows + texts + pages + spool} bytes, of {memory_of(dbt)}"


def fits_into_memory(job: dict) -> Iterable[str]:
    """What extract-job may download and unpack at once is less than its memory, where Cloud Run keeps files."""
    memory, limits = memory_of(job), limits_of(job)
    # Each partition at work has its download and a file from it. One of them may have three files, which are read at
    # once: the boundaries' shapes, their properties and the result.
    partitions = LIMITS["concurrent_partitions"]
    largest = partitions * limits["MAX_DOWNLOAD_BYTES"] + (partitions + 2) * limits["MAX_CSV_BYTES"]
    if largest > memory - 2**29:
        yield f"extract-job may need {largest} bytes for files, of {memory}"


def services(plan: dict) -> Iterable[str]:
    """The services of all resources are enabled."""
    enabled = {value["service"] for _, value in resources(plan, "google_project_service")}
    owners = {
        "artifact_registry": "artifactregistry",
        "bigquery": "bigquery",
        "billing_budget": "billingbudgets",
        "cloud_run_v2": "run",
        "cloud_scheduler": "cloudscheduler",
        "cloudbuild": "cloudbuild",
        "iam_workload": "iam",
        "logging": "logging",
        "monitoring": "monitoring",
        "service_account": "iam",
        "storage": "storage",
        "workflows": "workflows",
    }
    for address, _ in resources(plan):
        kind = address.split(".")[0].removeprefix("google_")
        if kind in ("project_service", "project_iam_member"):
            continue
        owner = next((service for prefix, service in owners.items() if kind.startswith(prefix)), None)
        if f"{owner}.googleapis.com" not in enabled:
            yield f"{address} needs {owner or 'a service of'} {'' if owner else kind}"


def schedule(plan: dict) -> Iterable[str]:
    for address, value in resources(plan, "google_cloud_scheduler_job"):
        target = value["http_target"][0]
        if not target["oauth_token"] or target["oidc_token"]:
            yield f"{address}: Google's APIs take an OAuth token"
        if value["time_zone"] != TIME_ZONE:
            yield f"{address} follows the clock of {value['time_zone']}"
        if not value["retry_config"] or not value["retry_config"][0]["retry_count"]:
            yield f"{address} is not retried"


def alerts(plan: dict) -> Iterable[str]:
    """Every alert has instructions and notifies all recipients."""
    recipients = len(plan["variables"]["alert_emails"]["value"])
    unknown = {change["address"]: change["change"]["after_unknown"] for change in plan["resource_changes"]}
    for address, value in resources(plan, "google_monitoring_alert_policy"):
        if not (value["documentation"] or [{}])[0].get("content"):
            yield f"{address} has no instructions"
        # A condition on a metric that does not exist yet is refused; only PromQL's can be exempt from that.
        (condition,) = value["conditions"]
        promql = (condition["condition_prometheus_query_language"] or [{}])[0]
        if not condition["condition_matched_log"] and not promql.get("disable_metric_validation"):
            yield f"{address} is refused in a project without its metric"
        # Ids of channels are known only once they exist.
        if recipients and not (value.get("notification_channels") or unknown[address].get("notification_channels")):
            yield f"{address} notifies nobody"


def builds(plan: dict) -> Iterable[str]:
    """A pushed commit is built where its repository is, for the region where its images and jobs are."""
    region = plan["variables"]["region"]["value"]
    for address, value in resources(plan, "google_cloudbuild_trigger"):
        repository = value["repository_event_config"][0]["repository"]
        if value["location"] == "global" or f"/locations/{value['location']}/" not in repository:
            yield f"{address} is in {value['location']}, and its repository is {repository}"
        if (value.get("substitutions") or {}).get("_REGION") != region:
            yield f"{address} builds for another region"


ALL = (
    roles,
    grants_are_needed,
    private,
    embeddable,
    protected,
    labelled,
    in_one_region,
    jobs,
    services,
    schedule,
    alerts,
    builds,
)


def violations(plan: dict) -> list[str]:
    return [f"{policy.__name__}: {found}" for policy in ALL for found in policy(plan)]
