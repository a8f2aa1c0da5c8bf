variable "project_id" {
  description = "The Google Cloud project of all resources."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be 6 to 30 lower-case letters, digits and hyphens, as `gcloud projects list` shows it."
  }
}

variable "region" {
  description = "The region of all resources: jobs, lake, warehouse and images. Transfers within it are free. Builds run where their repository is."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region must be a region such as northamerica-northeast1, not a zone or a multi-region."
  }
}

variable "schedule" {
  description = "The schedule of the pipeline, as a cron expression in America/Toronto time. The City republishes the current year monthly."
  type        = string
  nullable    = false
  default     = "0 6 1 * *"

  validation {
    condition     = can(regex("^[0-9*/,-]+( [0-9A-Za-z*/,-]+){4}$", var.schedule))
    error_message = "schedule must be five cron fields, such as \"0 6 1 * *\"."
  }
}

variable "schedule_paused" {
  description = "Whether the schedule is paused."
  type        = bool
  nullable    = false
  default     = false
}

variable "max_tasks" {
  description = "The maximum number of tasks among which extract-job and transform-job share the years."
  type        = number
  nullable    = false
  default     = 4

  validation {
    condition     = var.max_tasks >= 1 && var.max_tasks <= 20 && floor(var.max_tasks) == var.max_tasks
    error_message = "max_tasks must be a whole number from 1 to 20: there are fewer years, and the portal is shared with others."
  }
}

variable "retention_days" {
  description = "Days for which nobody can delete or replace an object of the lake, regardless of permissions."
  type        = number
  nullable    = false
  default     = 30

  validation {
    condition     = var.retention_days >= 0 && var.retention_days <= 365
    error_message = "retention_days must be from 0 to 365."
  }
}

variable "publish_site" {
  description = "Whether the published marts and the dashboard may be read by anyone. Nothing else is ever public."
  type        = bool
  nullable    = false
  default     = false
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to destroy jobs, tables, workflow and buckets with their content. Turn it off to tear down."
  type        = bool
  nullable    = false
  default     = true
}

variable "alert_emails" {
  description = "The recipients of alerts. Without any, incidents are opened but nobody is notified."
  type        = set(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for email in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "alert_emails must be e-mail addresses."
  }
}

variable "alert_thresholds" {
  description = "Thresholds by the name of the alert, in place of the `default_thresholds` in `terraform/alerts.tf`."
  type        = map(number)
  nullable    = false
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.alert_thresholds), keys(local.default_thresholds))) == 0
    error_message = "alert_thresholds must have names of alerts with a threshold: ${join(", ", keys(local.default_thresholds))}."
  }
  validation {
    condition     = alltrue([for threshold in values(var.alert_thresholds) : threshold > 0])
    error_message = "alert_thresholds must be more than 0."
  }
}

variable "build_repository" {
  description = "The 2nd-generation Cloud Build repository whose main branch is built and rolled out: projects/P/locations/R/connections/C/repositories/N. Null: builds are submitted by hand."
  type        = string
  default     = null

  validation {
    condition     = var.build_repository == null || can(regex("^projects/[^/]+/locations/[a-z]+-[a-z]+[0-9]+/connections/[^/]+/repositories/[^/]+$", var.build_repository))
    error_message = "build_repository must have the form projects/P/locations/R/connections/C/repositories/N with a region R, as `gcloud builds repositories list` shows it."
  }
}

variable "github_repository" {
  description = "The GitHub repository, OWNER/NAME, whose workflows on main may submit builds without a key, by Workload Identity Federation. Null: none may."
  type        = string
  default     = null

  validation {
    condition     = var.github_repository == null || can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "github_repository must have the form OWNER/NAME."
  }
}

variable "environment" {
  description = "Environment variables of all jobs, beyond those that the module sets: docs/configuration.md lists them. With `OPENLINEAGE_URL`, the jobs post what they read and write to a collector, which has to be reachable from Cloud Run. Values are not secret: everyone who may see a job sees them."
  type        = map(string)
  nullable    = false
  default     = {}

  validation {
    condition     = length(setintersection(keys(var.environment), flatten([for job in local.jobs : keys(job.env)]))) == 0
    error_message = "environment must not have variables that the module sets: ${join(", ", setunion([for job in local.jobs : keys(job.env)]...))}."
  }
}

variable "monthly_budget" {
  description = "The amount per month, in whole units of the billing account's currency, of a budget on the project that sends e-mails to the billing account's administrators at 50, 90 and 100 %. It limits nothing. Creating it needs `roles/billing.costsManager` on the billing account. Null: no budget."
  type        = number
  default     = 20

  validation {
    condition     = var.monthly_budget == null || try(var.monthly_budget >= 1 && floor(var.monthly_budget) == var.monthly_budget, false)
    error_message = "monthly_budget must be a whole number, at least 1."
  }
}
