#!/usr/bin/env bash
# Rolls the four jobs out to the images of this build, or to those that a build of the tag has rolled out before:
# roll_out.sh TAG. If one fails, the others are rolled back. It runs in the bash 3.2 of macOS too.
set -euo pipefail
if [[ $# == 0 ]]; then
  # Builds run at the same time, and a later one may be faster: only the latest that has not failed rolls out.
  builds=$(gcloud builds list --region="$LOCATION" --filter=tags=toronto-311 --sort-by=~createTime --format='value(status,id)')
  latest=$(grep --extended-regexp --max-count=1 '^(PENDING|QUEUED|WORKING|SUCCESS)' <<< "$builds")
  if [[ $latest != *$BUILD_ID ]]; then
    echo "the jobs are left to a later build: $latest"
    exit 0
  fi
  tag=$(cat target/tag)
else
  tag=rolled-out-$1
fi

jobs=(extract-job transform-job load-job dbt-runner)
images=()
before=()
for job in "${jobs[@]}"; do
  if ! digest=$(gcloud artifacts docker images describe "$_IMAGES/$job:$tag" --format='value(image_summary.digest)'); then
    echo "cannot roll out $job: it has no image with the tag $tag" >&2
    exit 1
  fi
  current=$(gcloud run jobs describe "$job" --region="$_REGION" \
    --format='value(spec.template.spec.template.spec.containers[0].image)')
  images+=("$_IMAGES/$job@$digest")
  before+=("$current")
done

# Images with this tag are kept, and are those that roll_out.sh TAG finds.
if [[ $# == 0 ]]; then
  for i in "${!jobs[@]}"; do
    gcloud artifacts docker tags add "${images[i]}" "$_IMAGES/${jobs[i]}:rolled-out-$tag" --quiet
  done
fi

restore() {
  for ((j = 0; j <= i; j++)); do
    gcloud run jobs update "${jobs[j]}" --region="$_REGION" --image="${before[j]}" --quiet ||
      echo "${jobs[j]} could not be rolled back to ${before[j]}" >&2
  done
}
trap restore ERR

for i in "${!jobs[@]}"; do
  gcloud run jobs update "${jobs[i]}" --region="$_REGION" --image="${images[i]}" --quiet
done
