#!/usr/bin/env bash
# Refuses images with critical vulnerabilities that are fixed in a newer base or dependency.
set -euo pipefail
tag=$(cat target/tag)
refused=0
for job in extract-job transform-job load-job dbt-runner; do
  scan=$(gcloud artifacts docker images scan "$_IMAGES/$job:$tag" --remote --format='value(response.scan)')
  found=$(gcloud artifacts docker images list-vulnerabilities "$scan" \
    --format='value(vulnerability.effectiveSeverity, vulnerability.fixAvailable, noteName)')
  if grep --extended-regexp '^CRITICAL[[:space:]]+True' <<< "$found"; then
    echo "$job has critical vulnerabilities with a fix: build it with newer bases and dependencies" >&2
    refused=1
  fi
done
exit $refused
