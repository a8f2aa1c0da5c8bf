# The bucket for the sources of builds that are submitted by hand.
resource "google_storage_bucket" "builds" {
  #checkov:skip=CKV_GCP_62:it contains copies of the source for a week
  #checkov:skip=CKV_GCP_78:it contains copies of the source for a week
  name                        = "${var.project_id}-toronto-311-builds"
  location                    = var.region
  force_destroy               = true
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  soft_delete_policy {
    retention_duration_seconds = 0
  }

  lifecycle_rule {
    condition {
      age = 7
    }
    action {
      type = "Delete"
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_cloudbuild_trigger" "main" {
  count = var.build_repository == null ? 0 : 1

  name        = "toronto-311-main"
  description = "Tests, builds and rolls out every push to main."
  # A trigger is where its repository is, which need not be the region of the data: docs/deploy.md, "Where builds run".
  location        = split("/", var.build_repository)[3]
  filename        = "cloudbuild.yaml"
  service_account = google_service_account.this["build"].id
  substitutions   = { _REGION = var.region }

  repository_event_config {
    repository = var.build_repository
    push {
      branch = "^main$"
    }
  }

  depends_on = [google_project_service.this]
}
