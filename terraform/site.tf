# The published marts and the dashboard. The one bucket whose objects are replaced.
resource "google_storage_bucket" "site" {
  #checkov:skip=CKV_GCP_62:what is published is public; who reads it is nobody's business
  #checkov:skip=CKV_GCP_78:its content is made anew from the warehouse by one job; soft delete keeps a week of it
  #checkov:skip=CKV_GCP_114:enforced unless publish_site asks for the contrary, which the tests of the plan check
  name                        = "${var.project_id}-toronto-311-site"
  location                    = var.region
  force_destroy               = !var.deletion_protection
  uniform_bucket_level_access = true
  public_access_prevention    = var.publish_site ? "inherited" : "enforced"

  soft_delete_policy {
    retention_duration_seconds = 7 * 24 * 60 * 60
  }

  website {
    main_page_suffix = "index.html"
  }

  depends_on = [google_project_service.this]
}

resource "google_storage_bucket_iam_member" "site_public" {
  #checkov:skip=CKV_GCP_28:made only where publish_site asks for it
  count = var.publish_site ? 1 : 0

  bucket = google_storage_bucket.site.name
  role   = "roles/storage.objectViewer"
  member = "allUsers"
}
