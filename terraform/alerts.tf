# Every alert includes its section of the runbook, and before it the section's variables, with the values of this project.
locals {
  parts = split("\n## ", file("${path.module}/../docs/runbook.md"))
  runbook = {
    for section in slice(local.parts, 1, length(local.parts)) :
    split("\n", section)[0] => "```\nexport PROJECT=${var.project_id} REGION=${var.region}\ngcloud config set project $PROJECT\n```\n\n${section}"
  }

  channels = [for channel in google_monitoring_notification_channel.email : channel.id]

  # By the name of the alert.
  default_thresholds = {
    # The ratio of quarantined to read rows of a year.
    "Much in quarantine" = 0.01
    # GiB per day.
    "Much billed by BigQuery" = 100
  }
  thresholds = merge(local.default_thresholds, var.alert_thresholds)

  # Alerts on an event in the log of a job.
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
      filter   = "jsonPayload.message=\"partition transformed\" AND jsonPayload.quarantinedPerMillion>${floor(local.thresholds["Much in quarantine"] * 1000000)}"
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

  # Alerts on a metric of Google Cloud, in PromQL: https://cloud.google.com/monitoring/promql/promql-mapping has its names.
  # A query may look back two years: https://cloud.google.com/monitoring/alerts/using-promql
  executions = "workflows_googleapis_com:finished_execution_count{monitored_resource=\"workflows.googleapis.com/Workflow\",workflow_id=\"${google_workflows_workflow.this.name}\",status=\"%s\"}"
  succeeded  = format(local.executions, "SUCCEEDED")
  metric_alerts = {
    # For jobs that are killed or never start, and so log nothing.
    "Run failed" = {
      severity = "ERROR"
      query    = "sum(increase(${format(local.executions, "FAILED")}[10m])) > 0"
      interval = "60s"
    }
    # Silent until the first success.
    "No success in 35 days" = {
      severity = "ERROR"
      query    = "sum(increase(${local.succeeded}[1y])) > 0 unless sum(increase(${local.succeeded}[35d])) > 0"
      interval = "3600s"
    }
    "Much billed by BigQuery" = {
      severity = "WARNING"
      query    = "sum(increase(bigquery_googleapis_com:query_scanned_bytes_billed{monitored_resource=\"global\"}[1d])) > ${local.thresholds["Much billed by BigQuery"] * 1024 * 1024 * 1024}"
      interval = "600s"
    }
  }
}

resource "google_monitoring_alert_policy" "logs" {
  for_each = local.log_alerts

  display_name          = "Toronto 311: ${each.key}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels

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

resource "google_monitoring_alert_policy" "metrics" {
  for_each = local.metric_alerts

  display_name          = "Toronto 311: ${each.key}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels

  conditions {
    display_name = each.key
    condition_prometheus_query_language {
      query               = each.value.query
      duration            = "0s"
      evaluation_interval = each.value.interval
      # In a new project the metrics do not exist, and a policy on one that does not exist is refused:
      # https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies#PrometheusQueryLanguageCondition
      disable_metric_validation = true
    }
  }

  alert_strategy {
    auto_close = "604800s"
  }

  documentation {
    mime_type = "text/markdown"
    content   = local.runbook[each.key]
  }

  depends_on = [google_project_service.this]
}

resource "google_monitoring_notification_channel" "email" {
  for_each = var.alert_emails

  display_name = each.value
  type         = "email"
  labels       = { email_address = each.value }

  depends_on = [google_project_service.this]
}
