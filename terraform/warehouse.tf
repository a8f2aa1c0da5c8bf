# Tables are made by the jobs: load-job from the data contracts, dbt from its models.
resource "google_bigquery_dataset" "warehouse" {
  #checkov:skip=CKV_GCP_81:open data, encrypted at rest with Google's own keys
  for_each = {
    toronto_311 = "The tables of load-job: the clean service requests, the quarantine, the boundaries and the history of loads."
    reference   = "dbt's seeds: wards, statuses, and the types of requests with their groups."
    staging     = "Candidates of the marts, which dbt builds and tests before they are published. They expire after a day."
    marts       = "Compact tables for queries, built and tested by dbt."
  }

  dataset_id                 = each.key
  description                = each.value
  location                   = var.region
  delete_contents_on_destroy = !var.deletion_protection
  # Tables and views that a build leaves when it fails: https://cloud.google.com/bigquery/docs/updating-datasets#table-expiration
  default_table_expiration_ms = each.key == "staging" ? 24 * 60 * 60 * 1000 : null

  depends_on = [google_project_service.this]
}

# Earlier versions of this module made the tables of load-job: they stay, with their rows.
removed {
  from = google_bigquery_table.this

  lifecycle {
    destroy = false
  }
}
