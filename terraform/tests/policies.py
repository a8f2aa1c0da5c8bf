"""Policies that every plan has to satisfy. Each policy returns its violations, in words."""

import json
import re
from collections.abc import Iterable

from conftest import ROOT

JOBS = ("extract-job", "transform-job", "load-job", "dbt-runner")
ROLES = json.loads((ROOT / "terraform/tests/roles.json").read_text("utf-8"))["roles"]
DATASETS = ("toronto_311", "reference", "staging", "marts")
TABLE = re.compile(r"^\| `([\w-]+|every job)` \| `([A-Za-z]+\.[\w.]+)` \| ([^|]+) \| ([^|]+) \|$", re.M)

# The tasks of each account, as permissions from Google's API references.
NEEDED = {
    **{(job, "lake"): {"storage.objects.create", "storage.objects.get"} for job in JOBS},
    ("dbt-runner", "site"): {"storage.objects.create", "storage.objects.delete"},
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
    **{
        ("build", repository): {
            "artifactregistry.repositories.downloadArtifacts",
            "artifactregistry.repositories.uploadArtifacts",
        }
        for repository in ("images", "cache")
    },
    ("build", "builds"): {"storage.objects.get"},
    ("build", "project"): {
        "logging.logEntries.create",
        "ondemandscanning.scans.scan",
        "ondemandscanning.scans.listVulnerabilities",
    },
}
NEEDED_BY_GITHUB = {
    ("github", "project"): {"cloudbuild.builds.create", "cloudbuild.builds.get"},
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


def documented_grants(text: str) -> set[tuple[str, str, str]]:
    """The table of roles in docs/deploy.md; a row for every job represents one row per job."""
    each = {"every job": "job {}", "every job's account": "account {}"}
    found = set()
    for account, role, where, _ in TABLE.findall(text):
        for holder in JOBS if account == "every job" else [account]:
            for place in where.split(", "):
                places = [each[place].format(job) for job in JOBS] if place in each else [place]
                found |= {(holder, f"roles/{role}", place) for place in places}
    return found


def roles(plan: dict) -> Iterable[str]:
    """Only the documented roles are granted. They exist, and contain what is needed and nothing dangerous."""
    held = grants(plan)
    options = {"GitHub", "github", "allUsers"}
    expected = documented_grants((ROOT / "docs/deploy.md").read_text("utf-8"))
    present = {account for account, _, _ in held}
    expected = {grant for grant in expected if grant[0] in present or grant[0] not in options}
    yield from (f"undocumented grant: {grant}" for grant in sorted(held - expected))
    yield from (f"missing grant: {grant}" for grant in sorted(expected - held))
    permissions: dict[tuple[str, str], set[str]] = {}
    for account, role, where in held:
        if role not in ROLES:
            yield f"{role} is not a known role: {account} on {where}"
            continue
        permissions.setdefault((account, where), set()).update(ROLES[role])
    needed = NEEDED | (NEEDED_BY_GITHUB if "github" in present else {})
    for key, wanted in needed.items():
        if lacking := wanted - permissions.get(key, set()):
            yield f"{key[0]} lacks {sorted(lacking)} on {key[1]}"
    for (account, where), granted in permissions.items():
        if where == "lake" and (broken := granted & {"storage.objects.delete", "storage.objects.update"}):
            yield f"{account} could change the lake: {sorted(broken)}"
        for permission in granted:
            if permission.endswith("setIamPolicy") or "serviceAccountKeys" in permission:
                yield f"{account} could widen its rights by {permission} on {where}"


def private(plan: dict) -> Iterable[str]:
    """Nothing is public except the site, and only if its variable is set."""
    published = plan["variables"]["publish_site"]["value"]
    for address, value in resources(plan):
        if str(value.get("member")) in ("allUsers", "allAuthenticatedUsers") and not (
            published
            and address == "google_storage_bucket_iam_member.site_public[0]"
            and value["role"] == "roles/storage.objectViewer"
        ):
            yield f"{address} is public"
    for address, value in resources(plan, "google_storage_bucket"):
        if "public_access_prevention" not in value:
            continue
        if not value["uniform_bucket_level_access"]:
            yield f"{address} has access lists"
        if value["public_access_prevention"] != "enforced" and not (published and address.endswith(".site")):
            yield f"{address} could be made public"


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
        if rule["action"][0]["type"] == "Delete" and condition["matches_prefix"] != ["runs/"]:
            yield "google_storage_bucket.lake deletes data"


def labelled(plan: dict) -> Iterable[str]:
    for address, value in resources(plan):
        if "effective_labels" in value and value["effective_labels"].get("app") != "toronto-311":
            yield f"{address} has no label app"


def in_one_region(plan: dict) -> Iterable[str]:
    region = plan["variables"]["region"]["value"]
    for address, value in resources(plan):
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
        if value["time_zone"] != "America/Toronto":
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
        # Ids of channels are known only once they exist.
        if recipients and not (value.get("notification_channels") or unknown[address].get("notification_channels")):
            yield f"{address} notifies nobody"


def builds(plan: dict) -> Iterable[str]:
    """A pushed commit is built for the region where its images and jobs are."""
    region = plan["variables"]["region"]["value"]
    for address, value in resources(plan, "google_cloudbuild_trigger"):
        if (value.get("substitutions") or {}).get("_REGION") != region:
            yield f"{address} builds for another region"


ALL = (
    roles,
    private,
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
