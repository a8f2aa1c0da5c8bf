resource "google_artifact_registry_repository" "images" {
  #checkov:skip=CKV_GCP_84:images of open source, encrypted at rest with Google's own keys
  repository_id = "toronto-311"
  description   = "Images of the four jobs, tagged by the tree of their sources."
  location      = var.region
  format        = "DOCKER"

  # Images that jobs run, and those to which they may be rolled back, are kept: cloudbuild/roll_out.sh tags them. The others,
  # of builds that were refused among them, are deleted. What matches both policies is kept:
  # https://cloud.google.com/artifact-registry/docs/repositories/cleanup-policy-overview
  # Tags move, and are therefore not immutable: jobs run digests.
  cleanup_policies {
    id     = "keep-rolled-out"
    action = "KEEP"
    condition {
      tag_state    = "TAGGED"
      tag_prefixes = ["rolled-out-"]
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
