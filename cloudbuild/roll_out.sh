#!/usr/bin/env bash
# Rolls the four jobs out to the images of this build, by digest, or to those of a tag: roll_out.sh TAG. If one fails, the
# others are rolled back.
set -euo pipefail
tag=${1:-$(cat target/tag)}

declare -A before
restore() {
  for job in "${!before[@]}"; do
    gcloud run jobs update "$job" --region="$_REGION" --image="${before[$job]}" --quiet ||
      echo "$job could not be rolled back to ${before[$job]}" >&2
  done
}
trap restore ERR

for job in extract-job transform-job load-job dbt-runner; do
  digest=$(gcloud artifacts docker images describe "$_IMAGES/$job:$tag" --format='value(image_summary.digest)')
  current=$(gcloud run jobs describe "$job" --region="$_REGION" \
    --format='value(spec.template.spec.template.spec.containers[0].image)')
  before[$job]=$current
  gcloud run jobs update "$job" --region="$_REGION" --image="$_IMAGES/$job@$digest" --quiet
done
