resource "google_artifact_registry_repository" "images" {
  #checkov:skip=CKV_GCP_84:images of open source; Google's own keys encrypt them at rest
  repository_id = "toronto-311"
  description   = "Images of the four jobs, tagged by commit."
  location      = var.region
  format        = "DOCKER"

  # What jobs may be rolled back to is kept; the rest goes. Tags may go with it, and so are not immutable: jobs run digests.
  cleanup_policies {
    id     = "keep-recent"
    action = "KEEP"
    most_recent_versions {
      keep_count = 10
    }
  }
  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "2592000s"
    }
  }

  depends_on = [google_project_service.this]
}

# Layers that builds share. Its one tag moves, so that it has a repository of its own.
resource "google_artifact_registry_repository" "cache" {
  #checkov:skip=CKV_GCP_84:layers of open source; Google's own keys encrypt them at rest
  repository_id = "toronto-311-cache"
  description   = "Build cache of the images."
  location      = var.region
  format        = "DOCKER"

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "1209600s"
    }
  }

  depends_on = [google_project_service.this]
}
