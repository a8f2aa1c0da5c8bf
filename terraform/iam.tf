# One service account per component, with roles granted on the resource. `project_roles` has those that can only be
# granted on the project.
locals {
  service_accounts = merge(
    {
      extract-job   = "Fetches files from the portal into the lake."
      transform-job = "Transforms the lake's raw files to clean ones."
      load-job      = "Loads clean files into the warehouse."
      dbt-runner    = "Builds the marts and publishes them."
      workflow      = "Runs the jobs in order."
      scheduler     = "Starts the workflow."
      build         = "Tests, builds and rolls out the images."
    },
    var.github_repository == null ? {} : { github = "Submits builds for GitHub's workflows." },
  )

  # The lake's objects can only be created and read: no job can overwrite or delete one.
  lake_roles = merge(
    {
      for pair in setproduct(keys(local.jobs), ["roles/storage.objectCreator", "roles/storage.objectViewer"]) :
      "${pair[0]} ${pair[1]}" => { account = pair[0], role = pair[1] }
    },
    { "workflow roles/storage.objectViewer" = { account = "workflow", role = "roles/storage.objectViewer" } },
  )

  dataset_editors = {
    "load-job toronto_311" = { account = "load-job", dataset = "toronto_311" }
    # dbt records the fingerprint of its last build beside its sources.
    "dbt-runner toronto_311" = { account = "dbt-runner", dataset = "toronto_311" }
    "dbt-runner reference"   = { account = "dbt-runner", dataset = "reference" }
    "dbt-runner staging"     = { account = "dbt-runner", dataset = "staging" }
    "dbt-runner marts"       = { account = "dbt-runner", dataset = "marts" }
  }

  job_roles = merge([
    for job in keys(local.jobs) : {
      # Starts an execution with overrides of its environment, and watches it: executions and tasks belong to their job.
      "${job} workflow starts"  = { job = job, account = "workflow", role = "roles/run.jobsExecutorWithOverrides" }
      "${job} workflow watches" = { job = job, account = "workflow", role = "roles/run.viewer" }
      # Replaces its image.
      "${job} build" = { job = job, account = "build", role = "roles/run.developer" }
    }
  ]...)

  project_roles = merge(
    {
      # Query and load jobs belong to the project, not to a dataset.
      "load-job roles/bigquery.jobUser"   = { account = "load-job", role = "roles/bigquery.jobUser" }
      "dbt-runner roles/bigquery.jobUser" = { account = "dbt-runner", role = "roles/bigquery.jobUser" }
      # Cloud Workflows has no policy for a single workflow.
      "scheduler roles/workflows.invoker" = { account = "scheduler", role = "roles/workflows.invoker" }
      "workflow roles/workflows.viewer"   = { account = "workflow", role = "roles/workflows.viewer" }
      "workflow roles/logging.logWriter"  = { account = "workflow", role = "roles/logging.logWriter" }
      "build roles/logging.logWriter"     = { account = "build", role = "roles/logging.logWriter" }
      # Scans belong to the project.
      "build roles/ondemandscanning.admin" = { account = "build", role = "roles/ondemandscanning.admin" }
    },
    var.github_repository == null ? {} : {
      "github roles/cloudbuild.builds.editor" = { account = "github", role = "roles/cloudbuild.builds.editor" }
    },
  )

  # Which account may act as which other one.
  impersonations = merge(
    { for job in keys(local.jobs) : "build ${job}" => { account = "build", as = job } },
    var.github_repository == null ? {} : { "github build" = { account = "github", as = "build" } },
  )

  build_source_roles = merge(
    { build = { account = "build", role = "roles/storage.objectViewer" } },
    var.github_repository == null ? {} : {
      github = { account = "github", role = "roles/storage.objectUser" }
      # gcloud reads the bucket before it uploads to it.
      "github looks" = { account = "github", role = "roles/storage.legacyBucketReader" }
    },
  )
}

resource "google_service_account" "this" {
  for_each = local.service_accounts

  account_id   = "toronto-311-${each.key}"
  display_name = "Toronto 311 ${each.key}"
  description  = each.value

  depends_on = [google_project_service.this]
}

resource "google_storage_bucket_iam_member" "lake" {
  for_each = local.lake_roles

  bucket = google_storage_bucket.lake.name
  role   = each.value.role
  member = google_service_account.this[each.value.account].member
}

resource "google_storage_bucket_iam_member" "site" {
  bucket = google_storage_bucket.site.name
  role   = "roles/storage.objectUser"
  member = google_service_account.this["dbt-runner"].member
}

resource "google_storage_bucket_iam_member" "builds" {
  for_each = local.build_source_roles

  bucket = google_storage_bucket.builds.name
  role   = each.value.role
  member = google_service_account.this[each.value.account].member
}

resource "google_bigquery_dataset_iam_member" "editors" {
  for_each = local.dataset_editors

  dataset_id = google_bigquery_dataset.warehouse[each.value.dataset].dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = google_service_account.this[each.value.account].member
}

resource "google_cloud_run_v2_job_iam_member" "this" {
  for_each = local.job_roles

  name     = google_cloud_run_v2_job.this[each.value.job].name
  location = var.region
  role     = each.value.role
  member   = google_service_account.this[each.value.account].member
}

resource "google_artifact_registry_repository_iam_member" "build" {
  for_each = {
    images = google_artifact_registry_repository.images.repository_id
    cache  = google_artifact_registry_repository.cache.repository_id
  }

  repository = each.value
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.this["build"].member
}

resource "google_project_iam_member" "this" {
  #checkov:skip=CKV_GCP_49:cloudbuild.builds.editor submits builds, which run as the one account that `github` may act as
  for_each = local.project_roles

  project = var.project_id
  role    = each.value.role
  member  = google_service_account.this[each.value.account].member
}

resource "google_service_account_iam_member" "impersonations" {
  for_each = local.impersonations

  service_account_id = google_service_account.this[each.value.as].name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.this[each.value.account].member
}
