# Tables are those of the data contracts, read where they are: nothing of a schema is said here.
locals {
  contracts = [
    for file in ["service_requests", "city_wards", "forward_sortation_areas"] :
    yamldecode(file("${path.module}/../contracts/${file}.odcs.yaml"))
  ]

  tables = {
    for object in flatten(local.contracts[*].schema) : object.name => object
    if object.physicalType == "table"
  }

  # Clustered by the columns that the clean files are sorted by.
  clustering = { service_requests = ["service_request_type", "ward_id"] }
}

resource "google_bigquery_dataset" "warehouse" {
  #checkov:skip=CKV_GCP_81:open data; Google's own keys encrypt them at rest
  for_each = {
    toronto_311 = "What load-job keeps: the clean service requests, the quarantine, the boundaries and the history of loads."
    reference   = "What dbt is told: wards, statuses, and the types of requests with their groups."
    staging     = "Views that name and type what load-job keeps, made by dbt."
    marts       = "Compact tables to query, made and tested by dbt."
  }

  dataset_id                 = each.key
  description                = each.value
  location                   = var.region
  delete_contents_on_destroy = !var.deletion_protection

  depends_on = [google_project_service.this]
}

resource "google_bigquery_table" "this" {
  #checkov:skip=CKV_GCP_80:open data; Google's own keys encrypt them at rest
  #checkov:skip=CKV_GCP_121:on unless deletion_protection, which is on by default, is turned off to tear down; the tests of the plan check it
  for_each = local.tables

  dataset_id          = google_bigquery_dataset.warehouse["toronto_311"].dataset_id
  table_id            = each.key
  description         = each.value.description
  deletion_protection = var.deletion_protection
  clustering          = lookup(local.clustering, each.key, null)

  schema = jsonencode([
    for column in each.value.properties : {
      name        = column.name
      type        = column.name == "geometry" ? "GEOGRAPHY" : column.physicalType
      mode        = column.required ? "REQUIRED" : "NULLABLE"
      description = column.description
    }
  ])

  dynamic "time_partitioning" {
    for_each = [for column in each.value.properties : column.name if try(column.partitioned, false)]
    content {
      type  = "MONTH"
      field = time_partitioning.value
    }
  }

  dynamic "range_partitioning" {
    for_each = each.key == "quarantined_requests" ? ["source_year"] : []
    content {
      field = range_partitioning.value
      range {
        start    = 2000
        end      = 2100
        interval = 1
      }
    }
  }
}
