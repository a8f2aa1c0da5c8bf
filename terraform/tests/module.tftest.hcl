# Tests of the variables' validation and of the options. They also run with the real provider.
mock_provider "google" {
  mock_data "google_project" {
    defaults = {
      number = "123456789012"
    }
  }
}

variables {
  project_id = "toronto-311-test"
}

run "defaults" {
  command = plan

  assert {
    condition     = google_storage_bucket.lake.name == "toronto-311-test-toronto-311-lake"
    error_message = "The lake is named after the project, because bucket names are global."
  }
  assert {
    condition     = google_storage_bucket.site.public_access_prevention == "enforced" && length(google_storage_bucket_iam_member.site_public) == 0
    error_message = "The site is private by default."
  }
  assert {
    condition     = length(google_cloudbuild_trigger.main) == 0 && length(google_billing_budget.this) == 0 && length(google_iam_workload_identity_pool.github) == 0
    error_message = "Options are off by default."
  }
}

run "options" {
  command = plan

  variables {
    publish_site      = true
    alert_emails      = ["data-team@example.org"]
    github_repository = "example/toronto-311"
    budget            = { billing_account = "012345-6789AB-CDEF01", monthly_amount = 20 }
    build_repository  = "projects/p/locations/r/connections/c/repositories/n"
  }

  assert {
    condition     = google_storage_bucket_iam_member.site_public[0].member == "allUsers" && google_storage_bucket_iam_member.site_public[0].role == "roles/storage.objectViewer"
    error_message = "A published site can be read by everyone, and not written."
  }
  assert {
    condition     = strcontains(google_iam_workload_identity_pool_provider.github[0].attribute_condition, "'example/toronto-311' && assertion.ref == 'refs/heads/main'")
    error_message = "Only main of the configured repository may submit builds."
  }
  assert {
    condition     = google_billing_budget.this[0].amount[0].specified_amount[0].units == "20"
    error_message = "The budget is the given one."
  }
}

run "teardown" {
  command = plan

  variables {
    deletion_protection = false
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

run "bad_ratio" {
  command = plan
  variables {
    alert_quarantine_ratio = 5
  }
  expect_failures = [var.alert_quarantine_ratio]
}

run "bad_billed" {
  command = plan
  variables {
    alert_billed_gib_per_day = 0
  }
  expect_failures = [var.alert_billed_gib_per_day]
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

run "bad_budget" {
  command = plan
  variables {
    budget = { billing_account = "mine", monthly_amount = 0.5 }
  }
  expect_failures = [var.budget]
}
