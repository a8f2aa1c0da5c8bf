resource "google_artifact_registry_repository" "images" {
  #checkov:skip=CKV_GCP_84:images of open source, encrypted at rest with Google's own keys
  repository_id = "toronto-311"
  description   = "Images of the four jobs, tagged by the tree of their sources."
  location      = var.region
  format        = "DOCKER"

  # Images to which jobs may be rolled back are kept; the others are deleted. Tags may be deleted with them and are
  # therefore not immutable: jobs run digests.
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

# Layers shared by builds. Its only tag moves, so it has its own repository.
resource "google_artifact_registry_repository" "cache" {
  #checkov:skip=CKV_GCP_84:layers of open source, encrypted at rest with Google's own keys
  repository_id = "toronto-311-cache"
  description   = "Build cache of the images."
  location      = var.region
  format        = "DOCKER"

  # Each build moves the tag and leaves gigabytes without one.
  cleanup_policies {
    id     = "delete-untagged"
    action = "DELETE"
    condition {
      tag_state  = "UNTAGGED"
      older_than = "86400s"
    }
  }
  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "1209600s"
    }
  }

  depends_on = [google_project_service.this]
}
