#!/usr/bin/env bash
# Builds the unchanged Dockerfile and runs its images on base images that are built here to resemble the real ones:
# Debian 12 with Rust, Python and Node.js, and with no more than the C library. Needs root, Node.js below /usr, and
# Debian's buildah, mmdebstrap, crun.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
tool=(buildah --root "$work/root" --runroot "$work/runroot" --storage-driver overlay)
trap '"${tool[@]}" rm --all > /dev/null; "${tool[@]}" rmi --all --force > /dev/null; rm -rf "$work"' EXIT

step() {
  printf '%5ds  %s\n' "$SECONDS" "$*"
}

# base NAME TARBALL: an image of a file system, with this machine's certificate authorities added.
base() {
  local container
  container=$("${tool[@]}" from scratch)
  "${tool[@]}" add --quiet "$container" "$2" / > /dev/null
  "${tool[@]}" copy --quiet "$container" /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt > /dev/null
  "${tool[@]}" config \
    --env PATH=/usr/local/cargo/bin:/usr/local/rust/bin:/usr/local/bin:/usr/bin:/bin \
    --env CARGO_HOME=/usr/local/cargo \
    --env SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    --env PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
    "$container"
  "${tool[@]}" commit --quiet --rm "$container" "localhost/$1" > /dev/null
}

step "bases: Debian 12 with compiler and Node.js, with Python, and without anything"
# shellcheck disable=SC2016 # $1 is for the hook: the new root.
mmdebstrap --quiet --variant=minbase --include=ca-certificates,gcc,libc6-dev,libstdc++6 \
  --customize-hook='mkdir -p "$1/usr/local/rust"' \
  --customize-hook="cp -a $(rustc --print sysroot)/bin $(rustc --print sysroot)/lib \"\$1/usr/local/rust\"" \
  --customize-hook='tar -C /usr -c bin/node bin/npm lib/node_modules/npm | tar -C "$1/usr" -x' \
  bookworm "$work/build.tar"
# shellcheck disable=SC2016
mmdebstrap --quiet --variant=minbase --include=ca-certificates,python3,python3-venv \
  --customize-hook='ln -s python3 "$1/usr/bin/python"' \
  bookworm "$work/python.tar"
mmdebstrap --quiet --variant=extract --include=base-files,libc6,libgcc-s1,libssl3,netbase,tzdata \
  bookworm "$work/distroless.tar"
for base in build python distroless; do
  base "$base" "$work/$base.tar"
done
rm "$work"/*.tar

build() {
  local image=$1
  shift
  "${tool[@]}" build --quiet --layers --pull-never --isolation chroot --timestamp 0 --tag "localhost/$image" \
    --build-arg RUST_IMAGE=localhost/build \
    --build-arg JOB_IMAGE=localhost/distroless \
    --build-arg PYTHON_IMAGE=localhost/python \
    --build-arg NODE_IMAGE=localhost/build \
    --build-arg REVISION=image-test \
    "$@" . > /dev/null
  step "$image: $("${tool[@]}" images --format '{{.Size}}' "localhost/$image")"
}

# run IMAGE COMMAND...
run() {
  local container=$1
  shift
  "${tool[@]}" run --isolation chroot "$container" -- "$@"
}

check() {
  if ! "${@:2}"; then
    echo "failed: $1" >&2
    exit 1
  fi
}

for job in extract-job transform-job load-job dbt-runner; do
  target=job
  [[ $job == dbt-runner ]] && target=dbt-runner
  build "$job" --target "$target" --build-arg JOB="$job"
  container=$("${tool[@]}" from --pull-never "localhost/$job")

  user=$("${tool[@]}" inspect --format '{{.OCIv1.Config.User}}' "localhost/$job")
  revision=$("${tool[@]}" inspect --format '{{index .OCIv1.Config.Labels "org.opencontainers.image.revision"}}' "localhost/$job")
  check "$job is not root" test "$user" = 65532:65532
  check "$job has the revision of its source" test "$revision" = image-test

  # Without an environment a job reports what is missing, and ends with the exit code for that.
  started=$(date +%s%N)
  set +e
  printed=$(run "$container" /usr/local/bin/job)
  code=$?
  set -e
  milliseconds=$((($(date +%s%N) - started) / 1000000))
  check "$job starts, and ends with 10, not $code" test "$code" = 10
  check "$job reports what is missing: $printed" grep --quiet '"message":"stage failed"' <<< "$printed"
  check "$job reports what is missing: $printed" grep --quiet 'LAKE_URL is not set' <<< "$printed"
  step "$job: first log line after ${milliseconds} ms, the container's start among them"

  if [[ $target == job ]]; then
    check "$job has no shell" test -z "$(run "$container" /bin/sh -c 'echo shell' 2> /dev/null || true)"
  else
    version=$(run "$container" /opt/dbt/bin/dbt --version)
    check "dbt has the BigQuery adapter: $version" grep --quiet bigquery <<< "$version"
    check "Python finds a home directory" run "$container" /opt/dbt/bin/python -c 'import pathlib; pathlib.Path.home()'
    check "dbt reads the project" run "$container" \
      /opt/dbt/bin/dbt --quiet parse --target bigquery --project-dir /srv/dbt --profiles-dir /srv/dbt \
      --target-path /tmp/target --log-path /tmp/logs \
      --partial-parse-file-path /srv/dbt/target/bigquery/partial_parse.msgpack
    check "the image has it parsed" run "$container" grep --quiet '"parsed_path_count": 0' /tmp/target/perf_info.json
    check "it has the dashboard" run "$container" grep --quiet 'src="./assets/' /srv/dashboard/index.html
    check "nothing of dbt's installer is left" test -z "$(run "$container" ls /opt/dbt/bin | grep '^pip' || true)"
  fi
done

before=$("${tool[@]}" inspect --format '{{.FromImageDigest}}' localhost/extract-job)
build extract-job --no-cache --target job --build-arg JOB=extract-job
after=$("${tool[@]}" inspect --format '{{.FromImageDigest}}' localhost/extract-job)
check "a second build has the same image" test "$before" = "$after"
step "all images build and run"
