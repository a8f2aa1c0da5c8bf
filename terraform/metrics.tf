# Metrics from the logs of the jobs, and the dashboard that shows them.
locals {
  stage_log = "resource.type=\"cloud_run_job\" AND resource.labels.job_name=(\"${join("\" OR \"", keys(local.jobs))}\")"

  # By the field of the log.
  stage_metrics = {
    rows         = { unit = "1", description = "Rows of the partitions that a stage produced." }
    milliseconds = { unit = "ms", description = "Duration of a stage." }
    quarantined  = { unit = "1", description = "Quarantined rows of the partitions that a stage produced." }
  }
}

resource "google_logging_metric" "stages" {
  for_each = local.stage_metrics

  name            = "toronto_311/${each.key}"
  description     = each.value.description
  filter          = "${local.stage_log} AND jsonPayload.message=\"stage finished\""
  value_extractor = "EXTRACT(jsonPayload.${each.key})"

  label_extractors = {
    stage = "EXTRACT(jsonPayload.stage)"
  }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = each.value.unit
    labels {
      key         = "stage"
      value_type  = "STRING"
      description = "extract, transform, load or dbt."
    }
  }

  # From 1 to 2^32.
  bucket_options {
    exponential_buckets {
      num_finite_buckets = 32
      growth_factor      = 2
      scale              = 1
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_logging_metric" "failures" {
  name        = "toronto_311/failures"
  description = "Stages that failed, by exit code."
  filter      = "${local.stage_log} AND jsonPayload.message=\"stage failed\""

  label_extractors = {
    stage = "EXTRACT(jsonPayload.stage)"
    exit  = "EXTRACT(jsonPayload.exit)"
  }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    labels {
      key         = "stage"
      value_type  = "STRING"
      description = "extract, transform, load or dbt."
    }
    labels {
      key         = "exit"
      value_type  = "STRING"
      description = "10 configuration, 20 contract, 30 upstream, 70 bug."
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_monitoring_dashboard" "this" {
  dashboard_json = file("${path.module}/dashboard.json")

  depends_on = [google_logging_metric.stages, google_logging_metric.failures]
}
