# Tests of the variables' validation and of the options. They also run with the real provider.
mock_provider "google" {
  mock_data "google_project" {
    defaults = {
      number          = "123456789012"
      billing_account = "012345-6789AB-CDEF01"
    }
  }
}

variables {
  project_id = "toronto-311-test"
  region     = "northamerica-northeast1"
}

run "defaults" {
  command = plan

  assert {
    condition     = google_storage_bucket.lake.name == "toronto-311-test-toronto-311-lake"
    error_message = "The lake is named after the project, because bucket names are global."
  }
  assert {
    condition     = google_storage_bucket.site.public_access_prevention == "enforced" && output.dashboard_url == null && output.data_url == null
    error_message = "The site is private by default."
  }
  assert {
    condition     = alltrue([for grant in google_storage_bucket_iam_member.this : grant.role != "roles/storage.legacyObjectReader"])
    error_message = "Nothing is public by default."
  }
  assert {
    condition     = length(google_cloudbuild_trigger.main) == 0 && length(google_iam_workload_identity_pool.github) == 0 && !contains(keys(google_service_account.this), "github")
    error_message = "Options are off by default."
  }
  assert {
    condition     = google_billing_budget.this[0].amount[0].specified_amount[0].units == "20" && google_billing_budget.this[0].billing_account == "012345-6789AB-CDEF01"
    error_message = "There is a budget by default, on the billing account of the project."
  }
  assert {
    condition     = alltrue([for policy in google_monitoring_alert_policy.metrics : policy.conditions[0].condition_prometheus_query_language[0].disable_metric_validation])
    error_message = "Alerts can be created before their metrics exist."
  }
  assert {
    condition     = google_logging_metric.stages["milliseconds"].value_extractor == "EXTRACT(jsonPayload.milliseconds)"
    error_message = "The duration of stages is a metric in milliseconds."
  }
}

run "options" {
  command = plan

  variables {
    publish_site      = true
    alert_emails      = ["data-team@example.org"]
    github_repository = "example/toronto-311"
    monthly_budget    = 50
    build_repository  = "projects/p/locations/us-central1/connections/c/repositories/n"
  }

  assert {
    condition     = google_storage_bucket_iam_member.this["allUsers storage.legacyObjectReader bucket site"].member == "allUsers"
    error_message = "Objects of a published site can be read by everyone, and not written or listed."
  }
  assert {
    condition     = output.dashboard_url == "https://storage.googleapis.com/toronto-311-test-toronto-311-site/index.html" && output.data_url == "https://storage.googleapis.com/toronto-311-test-toronto-311-site/data/catalog.json"
    error_message = "The published site has addresses."
  }
  assert {
    condition     = google_cloudbuild_trigger.main[0].location == "us-central1" && google_cloudbuild_trigger.main[0].substitutions["_REGION"] == "northamerica-northeast1"
    error_message = "Builds run where the repository is, for the region of the jobs."
  }
  assert {
    condition     = strcontains(google_iam_workload_identity_pool_provider.github[0].attribute_condition, "'example/toronto-311' && assertion.ref == 'refs/heads/main'")
    error_message = "Only main of the configured repository may submit builds."
  }
  assert {
    condition     = google_billing_budget.this[0].amount[0].specified_amount[0].units == "50"
    error_message = "The budget is the given one."
  }
}

run "teardown" {
  command = plan

  variables {
    deletion_protection = false
    monthly_budget      = null
  }

  assert {
    condition     = length(google_billing_budget.this) == 0 && length(data.google_project.this) == 0
    error_message = "Without a budget the billing account is not read."
  }
  assert {
    condition     = google_storage_bucket.lake.force_destroy && alltrue([for job in google_cloud_run_v2_job.this : !job.deletion_protection])
    error_message = "Without protection everything can be destroyed."
  }
}

run "bad_project" {
  command = plan
  variables {
    project_id = "Toronto 311"
  }
  expect_failures = [var.project_id]
}

run "a_zone_is_no_region" {
  command = plan
  variables {
    region = "northamerica-northeast1-a"
  }
  expect_failures = [var.region]
}

run "bad_schedule" {
  command = plan
  variables {
    schedule = "monthly"
  }
  expect_failures = [var.schedule]
}

run "bad_tasks" {
  command = plan
  variables {
    max_tasks = 100
  }
  expect_failures = [var.max_tasks]
}

run "bad_retention" {
  command = plan
  variables {
    retention_days = -1
  }
  expect_failures = [var.retention_days]
}

run "bad_email" {
  command = plan
  variables {
    alert_emails = ["nobody"]
  }
  expect_failures = [var.alert_emails]
}

run "a_threshold" {
  command = plan
  variables {
    alert_thresholds = { "Much in quarantine" = 0.02 }
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.logs["Much in quarantine"].conditions[0].condition_matched_log[0].filter, "quarantinedPerMillion>20000")
    error_message = "The threshold is the given one."
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.metrics["Much billed by BigQuery"].conditions[0].condition_prometheus_query_language[0].query, "> ${100 * 1024 * 1024 * 1024}")
    error_message = "The other threshold is the default."
  }
}

run "a_threshold_of_no_alert" {
  command = plan
  variables {
    alert_thresholds = { "Much in quarantaine" = 0.02 }
  }
  expect_failures = [var.alert_thresholds]
}

run "a_threshold_of_nothing" {
  command = plan
  variables {
    alert_thresholds = { "Much billed by BigQuery" = 0 }
  }
  expect_failures = [var.alert_thresholds]
}

run "a_variable_of_the_module" {
  command = plan
  variables {
    environment = { LAKE_URL = "gs://another" }
  }
  expect_failures = [var.environment]
}

run "bad_build_repository" {
  command = plan
  variables {
    build_repository = "https://github.com/example/toronto-311"
  }
  expect_failures = [var.build_repository]
}

run "bad_github_repository" {
  command = plan
  variables {
    github_repository = "toronto-311"
  }
  expect_failures = [var.github_repository]
}

run "a_trigger_is_not_global" {
  command = plan
  variables {
    build_repository = "projects/p/locations/global/connections/c/repositories/n"
  }
  expect_failures = [var.build_repository]
}

run "bad_budget" {
  command = plan
  variables {
    monthly_budget = 0.5
  }
  expect_failures = [var.monthly_budget]
}
