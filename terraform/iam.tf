# Grants what access.yaml lists: one service account per component, with roles on the resource where Google offers that.
locals {
  access = yamldecode(file("${path.module}/access.yaml"))

  options = {
    github_repository = var.github_repository != null
    publish_site      = var.publish_site
  }

  each_job = {
    "every job"           = [for job in keys(local.jobs) : "job ${job}"]
    "every job's account" = [for job in keys(local.jobs) : "account ${job}"]
  }

  # One entry per account, role and resource.
  grants = merge([
    for grant in local.access.grants : {
      for pair in setproduct(
        grant.account == "every job" ? keys(local.jobs) : [grant.account],
        flatten([for resource in flatten([grant.resource]) : lookup(local.each_job, resource, [resource])]),
      ) :
      "${pair[0]} ${grant.role} ${pair[1]}" => {
        account = pair[0]
        role    = "roles/${grant.role}"
        kind    = split(" ", pair[1])[0]
        name    = trimprefix(pair[1], "${split(" ", pair[1])[0]} ")
      }
    } if can(grant.with) ? local.options[grant.with] : true
  ]...)

  grants_on = {
    for kind in ["account", "bucket", "dataset", "job", "project", "repository"] :
    kind => { for key, grant in local.grants : key => grant if grant.kind == kind }
  }

  members = merge(
    { for name, account in google_service_account.this : name => account.member },
    {
      allUsers = "allUsers"
      GitHub = one([
        for pool in google_iam_workload_identity_pool.github :
        "principalSet://iam.googleapis.com/${pool.name}/attribute.repository/${var.github_repository}"
      ])
    },
  )
}

resource "google_service_account" "this" {
  for_each = {
    for name, description in local.access.accounts : name => description
    if contains([for grant in local.grants : grant.account], name)
  }

  account_id   = "toronto-311-${each.key}"
  display_name = "Toronto 311 ${each.key}"
  description  = each.value

  depends_on = [google_project_service.this]
}

resource "google_service_account_iam_member" "this" {
  for_each = local.grants_on["account"]

  service_account_id = google_service_account.this[each.value.name].name
  role               = each.value.role
  member             = local.members[each.value.account]
}

resource "google_storage_bucket_iam_member" "this" {
  for_each = local.grants_on["bucket"]

  bucket = {
    builds = google_storage_bucket.builds.name
    lake   = google_storage_bucket.lake.name
    site   = google_storage_bucket.site.name
  }[each.value.name]
  role   = each.value.role
  member = local.members[each.value.account]
}

resource "google_bigquery_dataset_iam_member" "this" {
  for_each = local.grants_on["dataset"]

  dataset_id = google_bigquery_dataset.warehouse[each.value.name].dataset_id
  role       = each.value.role
  member     = local.members[each.value.account]
}

resource "google_cloud_run_v2_job_iam_member" "this" {
  for_each = local.grants_on["job"]

  name     = google_cloud_run_v2_job.this[each.value.name].name
  location = var.region
  role     = each.value.role
  member   = local.members[each.value.account]
}

resource "google_artifact_registry_repository_iam_member" "this" {
  for_each = local.grants_on["repository"]

  repository = {
    cache  = google_artifact_registry_repository.cache.repository_id
    images = google_artifact_registry_repository.images.repository_id
  }[each.value.name]
  location = var.region
  role     = each.value.role
  member   = local.members[each.value.account]
}

resource "google_project_iam_member" "this" {
  #checkov:skip=CKV_GCP_49:cloudbuild.builds.editor submits builds, which run as the one account that `github` may act as
  for_each = local.grants_on["project"]

  project = var.project_id
  role    = each.value.role
  member  = local.members[each.value.account]
}
