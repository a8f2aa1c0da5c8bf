terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.46, < 9.0"
    }
  }

  # The bucket of the state is set by `terraform init -backend-config=bucket=...`.
  backend "gcs" {
    prefix = "toronto-311"
  }
}

provider "google" {
  project = var.project_id
  region  = var.region
  # The budget API bills its quota to the calling project.
  billing_project       = var.project_id
  user_project_override = true

  default_labels = {
    app = "toronto-311"
  }
}
