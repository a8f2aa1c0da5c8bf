#!/usr/bin/env bash
# Rolls the four jobs out to the images of this commit, by digest. If one fails, the others are rolled back.
set -euo pipefail

declare -A before
restore() {
  for job in "${!before[@]}"; do
    gcloud run jobs update "$job" --region="$_REGION" --image="${before[$job]}" --quiet ||
      echo "$job could not be rolled back to ${before[$job]}" >&2
  done
}
trap restore ERR

for job in extract-job transform-job load-job dbt-runner; do
  digest=$(gcloud artifacts docker images describe "$_IMAGES/$job:$COMMIT_SHA" --format='value(image_summary.digest)')
  held=$(gcloud run jobs describe "$job" --region="$_REGION" \
    --format='value(spec.template.spec.template.spec.containers[0].image)')
  before[$job]=$held
  gcloud run jobs update "$job" --region="$_REGION" --image="$_IMAGES/$job@$digest" --quiet
done
