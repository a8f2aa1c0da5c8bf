# Reads the billing account of the project, which cloudbilling.googleapis.com answers.
data "google_project" "this" {
  count = var.monthly_budget == null ? 0 : 1
}

resource "google_billing_budget" "this" {
  count = var.monthly_budget == null ? 0 : 1

  billing_account = data.google_project.this[0].billing_account
  display_name    = "Toronto 311"

  budget_filter {
    projects = ["projects/${data.google_project.this[0].number}"]
  }

  amount {
    specified_amount {
      units = tostring(var.monthly_budget)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]
    content {
      threshold_percent = threshold_rules.value
    }
  }

  lifecycle {
    precondition {
      condition     = data.google_project.this[0].billing_account != null && data.google_project.this[0].billing_account != ""
      error_message = "The project has no billing account, or its API is off: enable cloudbilling.googleapis.com, or set monthly_budget = null."
    }
  }

  depends_on = [google_project_service.this]
}
