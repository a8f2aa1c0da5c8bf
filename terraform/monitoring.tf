locals {
  # Every alert includes its section of the runbook.
  runbook = {
    for section in slice(split("\n## ", file("${path.module}/../docs/runbook.md")), 1, length(split("\n## ", file("${path.module}/../docs/runbook.md")))) :
    split("\n", section)[0] => "```\nexport PROJECT=${var.project_id} REGION=${var.region}\n```\n\n${section}"
  }

  stage_log = "resource.type=\"cloud_run_job\" AND resource.labels.job_name=(\"${join("\" OR \"", keys(local.jobs))}\")"

  log_alerts = {
    "Stage failed" = {
      severity = "ERROR"
      filter   = "jsonPayload.message=\"stage failed\""
      labels = {
        stage  = "EXTRACT(jsonPayload.stage)"
        exit   = "EXTRACT(jsonPayload.exit)"
        advice = "EXTRACT(jsonPayload.advice)"
        cause  = "EXTRACT(jsonPayload.cause)"
      }
    }
    "Much in quarantine" = {
      severity = "WARNING"
      filter   = "jsonPayload.message=\"partition transformed\" AND jsonPayload.quarantinedPerMillion>${floor(var.alert_quarantine_ratio * 1000000)}"
      labels = {
        partition   = "EXTRACT(jsonPayload.partition)"
        rows        = "EXTRACT(jsonPayload.rows)"
        quarantined = "EXTRACT(jsonPayload.quarantined)"
      }
    }
    "Drift from the contract" = {
      severity = "WARNING"
      filter   = "jsonPayload.message=\"stage finished\" AND jsonPayload.drift>0"
      labels = {
        stage = "EXTRACT(jsonPayload.stage)"
        drift = "EXTRACT(jsonPayload.drift)"
      }
    }
  }

  finished_executions = "workflows_googleapis_com:finished_execution_count{monitored_resource=\"workflows.googleapis.com/Workflow\",workflow_id=\"${google_workflows_workflow.this.name}\",status=\"SUCCEEDED\"}"

  log_metrics = {
    rows        = "Rows of the partitions that a stage produced."
    seconds     = "Duration of a stage in seconds."
    quarantined = "Quarantined rows of the partitions that a stage produced."
  }
}

resource "google_monitoring_notification_channel" "email" {
  for_each = var.alert_emails

  display_name = each.value
  type         = "email"
  labels       = { email_address = each.value }

  depends_on = [google_project_service.this]
}

# Alerts on the logs of the jobs.
resource "google_monitoring_alert_policy" "logs" {
  for_each = local.log_alerts

  display_name          = "Toronto 311: ${each.key}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]

  conditions {
    display_name = each.key
    condition_matched_log {
      filter           = "${local.stage_log} AND ${each.value.filter}"
      label_extractors = each.value.labels
    }
  }

  alert_strategy {
    auto_close = "604800s"
    notification_rate_limit {
      period = "3600s"
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = local.runbook[each.key]
  }

  depends_on = [google_project_service.this]
}

# An alert for jobs that are killed or never start, and so log nothing.
resource "google_monitoring_alert_policy" "run_failed" {
  display_name          = "Toronto 311: Run failed"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]

  conditions {
    display_name = "Run failed"
    condition_threshold {
      filter          = "resource.type=\"workflows.googleapis.com/Workflow\" AND resource.labels.workflow_id=\"${google_workflows_workflow.this.name}\" AND metric.type=\"workflows.googleapis.com/finished_execution_count\" AND metric.labels.status=\"FAILED\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"
      aggregations {
        alignment_period     = "600s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  alert_strategy {
    auto_close = "604800s"
  }

  documentation {
    mime_type = "text/markdown"
    content   = local.runbook["Run failed"]
  }
}

# A metric-absence condition covers one day at most; PromQL covers the metric's whole retention.
resource "google_monitoring_alert_policy" "silence" {
  display_name          = "Toronto 311: No success in 35 days"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]

  conditions {
    display_name = "No success in 35 days"
    condition_prometheus_query_language {
      query                     = "(sum(increase(${local.finished_executions}[35d])) or vector(0)) < 1"
      duration                  = "0s"
      evaluation_interval       = "3600s"
      disable_metric_validation = true # In a new project no execution has finished.
    }
  }

  alert_strategy {
    auto_close = "604800s"
  }

  documentation {
    mime_type = "text/markdown"
    content   = local.runbook["No success in 35 days"]
  }
}

resource "google_monitoring_alert_policy" "cost" {
  display_name          = "Toronto 311: Much billed by BigQuery"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]

  conditions {
    display_name = "Much billed by BigQuery"
    condition_threshold {
      filter          = "resource.type=\"global\" AND metric.type=\"bigquery.googleapis.com/query/scanned_bytes_billed\""
      comparison      = "COMPARISON_GT"
      threshold_value = var.alert_billed_gib_per_day * 1024 * 1024 * 1024
      duration        = "0s"
      aggregations {
        alignment_period     = "86400s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  alert_strategy {
    auto_close = "604800s"
  }

  documentation {
    mime_type = "text/markdown"
    content   = local.runbook["Much billed by BigQuery"]
  }

  depends_on = [google_project_service.this]
}

resource "google_logging_metric" "stages" {
  for_each = local.log_metrics

  name            = "toronto_311/${each.key}"
  description     = each.value
  filter          = "${local.stage_log} AND jsonPayload.message=\"stage finished\""
  value_extractor = "EXTRACT(jsonPayload.${each.key})"

  label_extractors = {
    stage = "EXTRACT(jsonPayload.stage)"
  }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    labels {
      key         = "stage"
      value_type  = "STRING"
      description = "extract, transform, load or dbt."
    }
  }

  bucket_options {
    exponential_buckets {
      num_finite_buckets = 32
      growth_factor      = 2
      scale              = 0.1
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
