locals {
  lake      = { LAKE_URL = "gs://${google_storage_bucket.lake.name}", LOG_FORMAT = "json" }
  warehouse = { WAREHOUSE_URL = "bigquery://${var.project_id}/${google_bigquery_dataset.warehouse["toronto_311"].dataset_id}?location=${var.region}" }
  site      = { SITE_URL = "gs://${google_storage_bucket.site.name}" }

  # Temporary files also use the memory, because Cloud Run has no disk.
  jobs = {
    extract-job   = { cpu = "2", memory = "4Gi", timeout = "3600s", env = local.lake }
    transform-job = { cpu = "2", memory = "2Gi", timeout = "1800s", env = local.lake }
    load-job      = { cpu = "1", memory = "512Mi", timeout = "3600s", env = merge(local.lake, local.warehouse) }
    dbt-runner    = { cpu = "1", memory = "2Gi", timeout = "3600s", env = merge(local.lake, local.warehouse, local.site) }
  }
}

resource "google_cloud_run_v2_job" "this" {
  for_each = local.jobs

  name                = each.key
  location            = var.region
  deletion_protection = var.deletion_protection

  template {
    task_count = 1

    template {
      service_account       = google_service_account.this[each.key].email
      execution_environment = "EXECUTION_ENVIRONMENT_GEN2"
      timeout               = each.value.timeout
      # Cloud Run would retry any exit code; the workflow retries only those that are worth it.
      max_retries = 0

      containers {
        # A placeholder until the first build deploys the real one: cloudbuild.yaml.
        image = "us-docker.pkg.dev/cloudrun/container/job:latest"

        resources {
          limits = {
            cpu    = each.value.cpu
            memory = each.value.memory
          }
        }

        dynamic "env" {
          for_each = each.value.env
          content {
            name  = env.key
            value = env.value
          }
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [client, client_version, template[0].template[0].containers[0].image]
  }

  depends_on = [google_project_service.this]
}
