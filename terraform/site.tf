# The bucket of the published marts and the dashboard, the only one whose objects are overwritten.
resource "google_storage_bucket" "site" {
  #checkov:skip=CKV_GCP_62:its content is public, and readers' privacy matters more than access logs
  #checkov:skip=CKV_GCP_78:its content can be rebuilt from the warehouse by one job; soft delete keeps a week of it
  #checkov:skip=CKV_GCP_114:enforced unless publish_site is set, which the tests of the plan check
  name                        = "${var.project_id}-toronto-311-site"
  location                    = var.region
  force_destroy               = !var.deletion_protection
  uniform_bucket_level_access = true
  public_access_prevention    = var.publish_site ? "inherited" : "enforced"

  soft_delete_policy {
    retention_duration_seconds = 7 * 24 * 60 * 60
  }

  # A page in a sandboxed frame has no origin, and pages elsewhere read the data:
  # https://cloud.google.com/storage/docs/cross-origin. Who may read is not decided here. Browsers ask first whether a request may
  # have the headers with which readers of Parquet fetch parts of one version of a file; the list is of both directions.
  cors {
    origin          = ["*"]
    method          = ["GET", "HEAD"]
    response_header = ["Content-Length", "Content-Range", "Content-Type", "ETag", "If-Match", "Range"]
    max_age_seconds = 24 * 60 * 60
  }

  depends_on = [google_project_service.this]
}

# Objects have an address each. There is none for the bucket, whose website settings apply to custom domains only:
# https://cloud.google.com/storage/docs/static-website
locals {
  site_address = "https://storage.googleapis.com/${google_storage_bucket.site.name}"
}
