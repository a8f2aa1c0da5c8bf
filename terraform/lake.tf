# Objects are created once and never change: the jobs can neither overwrite nor delete (iam.tf).
resource "google_storage_bucket" "lake" {
  #checkov:skip=CKV_GCP_62:access logs of a bucket that only four service accounts can access would cost more than the bucket; Cloud Audit Logs has the changes of its settings
  #checkov:skip=CKV_GCP_78:objects are never overwritten, so versioning would keep nothing; soft delete keeps what an operator deletes
  name                        = "${var.project_id}-toronto-311-lake"
  location                    = var.region
  force_destroy               = !var.deletion_protection
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  soft_delete_policy {
    retention_duration_seconds = 30 * 24 * 60 * 60
  }

  dynamic "retention_policy" {
    for_each = var.retention_days == 0 ? [] : [var.retention_days]
    content {
      retention_period = tostring(retention_policy.value * 24 * 60 * 60)
    }
  }

  # Data are read again only when a rule changes or a year is redone. Manifests, which every run reads, keep their
  # class. The suffixes are those that the jobs give, not the publisher's, which may be in capitals.
  dynamic "lifecycle_rule" {
    for_each = [
      { prefix = "raw/", suffixes = [".csv", ".geojson"], class = "NEARLINE", age = 30 },
      { prefix = "raw/", suffixes = [".csv", ".geojson"], class = "COLDLINE", age = 120 },
      { prefix = "raw/", suffixes = [".csv", ".geojson"], class = "ARCHIVE", age = 400 },
      { prefix = "clean/", suffixes = [".parquet"], class = "NEARLINE", age = 60 },
      { prefix = "clean/", suffixes = [".parquet"], class = "COLDLINE", age = 180 },
    ]
    content {
      condition {
        age            = lifecycle_rule.value.age
        matches_prefix = [lifecycle_rule.value.prefix]
        matches_suffix = lifecycle_rule.value.suffixes
      }
      action {
        type          = "SetStorageClass"
        storage_class = lifecycle_rule.value.class
      }
    }
  }

  # Hand-overs and lineage of runs that are too old to be replayed.
  lifecycle_rule {
    condition {
      age            = 400
      matches_prefix = ["runs/", "lineage/"]
    }
    action {
      type = "Delete"
    }
  }

  lifecycle_rule {
    condition {
      age = 2
    }
    action {
      type = "AbortIncompleteMultipartUpload"
    }
  }

  depends_on = [google_project_service.this]
}
