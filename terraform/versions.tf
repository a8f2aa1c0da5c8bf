terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.46, < 9.0"
    }
  }

  # Whose state this is, is said at `terraform init -backend-config=bucket=...`.
  backend "gcs" {
    prefix = "toronto-311"
  }
}

provider "google" {
  project = var.project_id
  region  = var.region
  # Budgets are billed to, and counted against, the project that asks.
  billing_project       = var.project_id
  user_project_override = true

  default_labels = {
    app = "toronto-311"
  }
}
