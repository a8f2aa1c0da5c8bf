output "lake_bucket" {
  description = "The bucket of the lake: raw files, clean files, manifests."
  value       = google_storage_bucket.lake.name
}

output "site_bucket" {
  description = "The bucket of the published marts and the dashboard."
  value       = google_storage_bucket.site.name
}

output "dashboard_url" {
  description = "The address of the dashboard for everyone; null without publish_site."
  value       = var.publish_site ? "${local.site_address}/index.html" : null
}

output "data_url" {
  description = "The address of the list of the published marts, each with its address relative to it; null without publish_site."
  value       = var.publish_site ? "${local.site_address}/data/catalog.json" : null
}

output "builds_bucket" {
  description = "The bucket for the sources of builds that are submitted by hand."
  value       = google_storage_bucket.builds.name
}

output "warehouse_url" {
  description = "WAREHOUSE_URL of load-job and dbt-runner."
  value       = local.warehouse.WAREHOUSE_URL
}

output "images" {
  description = "The repository of the jobs' images."
  value       = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.images.repository_id}"
}

output "workflow" {
  description = "The workflow's full name."
  value       = google_workflows_workflow.this.id
}

output "build_service_account" {
  description = "The service account of builds."
  value       = google_service_account.this["build"].email
}

output "service_accounts" {
  description = "The service accounts of the jobs and of the components around them, by name."
  value       = { for name, account in google_service_account.this : name => account.email }
}

output "github_identity_provider" {
  description = "The workload_identity_provider for GitHub's google-github-actions/auth; null without github_repository."
  value       = one(google_iam_workload_identity_pool_provider.github[*].name)
}
