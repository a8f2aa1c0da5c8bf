locals {
  lake      = { LAKE_URL = "gs://${google_storage_bucket.lake.name}" }
  warehouse = { WAREHOUSE_URL = "bigquery://${var.project_id}/${google_bigquery_dataset.warehouse["toronto_311"].dataset_id}?location=${var.region}" }
  site = merge(
    { SITE_URL = "gs://${google_storage_bucket.site.name}" },
    # Feeds and descriptions of the data link to it.
    var.publish_site ? { SITE_ADDRESS = "${local.site_address}/" } : {},
  )

  # What is larger than its limit is refused with exit 20; what does not fit into memory would be killed. A task works on
  # two partitions at once, each with its download. In the worst case one of them is the boundaries of the postal areas,
  # with three more files, and the other a year, with one. The City's largest CSV has less than a fifth of the limit.
  # What transform-job and dbt-runner make of a CSV fits into their memory too, because rows and texts are limited:
  # terraform/tests/policies.py has the sums.
  extract_mib = { memory = 4096, program = 512, download = 256 }
  extract_limits = {
    MAX_DOWNLOAD_BYTES = tostring(local.extract_mib.download * 1024 * 1024)
    MAX_CSV_BYTES      = tostring(floor((local.extract_mib.memory - local.extract_mib.program - 2 * local.extract_mib.download) / 4) * 1024 * 1024)
  }

  # It succeeds and does nothing, until the first build rolls out the real ones: cloudbuild.yaml.
  placeholder_image = "us-docker.pkg.dev/cloudrun/container/job:latest"

  # Files in /tmp use the memory: https://cloud.google.com/run/docs/container-contract#filesystem
  jobs = {
    extract-job   = { cpu = "2", memory = "${local.extract_mib.memory}Mi", timeout = "3600s", env = merge(local.lake, local.extract_limits) }
    transform-job = { cpu = "2", memory = "4Gi", timeout = "1800s", env = local.lake }
    load-job      = { cpu = "1", memory = "512Mi", timeout = "3600s", env = merge(local.lake, local.warehouse) }
    dbt-runner    = { cpu = "1", memory = "4Gi", timeout = "3600s", env = merge(local.lake, local.warehouse, local.site) }
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
      # Cloud Run retries a task whatever its exit code, and the workflow only if it is worth it:
      # https://cloud.google.com/run/docs/configuring/max-retries
      max_retries = 0

      containers {
        image = local.placeholder_image

        resources {
          limits = {
            cpu    = each.value.cpu
            memory = each.value.memory
          }
        }

        dynamic "env" {
          for_each = merge(var.environment, each.value.env)
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
