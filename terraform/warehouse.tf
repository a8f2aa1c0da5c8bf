# Tables are made by the jobs: load-job from the data contracts, dbt from its models.
resource "google_bigquery_dataset" "warehouse" {
  #checkov:skip=CKV_GCP_81:open data, encrypted at rest with Google's own keys
  for_each = {
    toronto_311 = "The tables of load-job: the clean service requests, the quarantine, the boundaries and the history of loads."
    reference   = "dbt's seeds: wards, statuses, and the types of requests with their groups."
    staging     = "Views that rename and type the tables of load-job, created by dbt."
    marts       = "Compact tables for queries, built and tested by dbt."
  }

  dataset_id                 = each.key
  description                = each.value
  location                   = var.region
  delete_contents_on_destroy = !var.deletion_protection

  depends_on = [google_project_service.this]
}

# Earlier versions of this module made the tables of load-job: they stay, with their rows.
removed {
  from = google_bigquery_table.this

  lifecycle {
    destroy = false
  }
}
