# The time zone of the schedule is that of the data.
locals {
  contract = yamldecode(file("${path.module}/../contracts/service_requests.odcs.yaml"))
}

resource "google_workflows_workflow" "this" {
  name                = "toronto-311"
  description         = "From the City's portal to tested marts: extract, transform, load, dbt."
  region              = var.region
  service_account     = google_service_account.this["workflow"].id
  source_contents     = file("${path.module}/workflow.yaml")
  call_log_level      = "LOG_ERRORS_ONLY"
  deletion_protection = var.deletion_protection

  user_env_vars = {
    LAKE_BUCKET       = google_storage_bucket.lake.name
    MAX_TASKS         = tostring(var.max_tasks)
    PLACEHOLDER_IMAGE = local.placeholder_image
  }

  depends_on = [google_project_service.this]
}

resource "google_cloud_scheduler_job" "monthly" {
  name             = "toronto-311"
  description      = "Starts the workflow toronto-311."
  schedule         = var.schedule
  time_zone        = one([for property in local.contract.customProperties : property.value if property.property == "timeZone"])
  paused           = var.schedule_paused
  attempt_deadline = "60s"

  # A duplicate start is harmless: two concurrent runs have one result.
  retry_config {
    retry_count          = 5
    min_backoff_duration = "30s"
    max_backoff_duration = "600s"
  }

  http_target {
    http_method = "POST"
    uri         = "https://workflowexecutions.googleapis.com/v1/${google_workflows_workflow.this.id}/executions"
    headers     = { "Content-Type" = "application/json" }
    body        = base64encode(jsonencode({ argument = jsonencode({}) }))

    oauth_token {
      service_account_email = google_service_account.this["scheduler"].email
    }
  }
}
