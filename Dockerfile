# The images of the four jobs: --target job with --build-arg JOB=extract-job (or transform-job, load-job), and --target
# dbt-runner. cloudbuild.yaml passes base images by digest; these tags are for builds by hand.
#checkov:skip=CKV_DOCKER_2:a job ends and needs no health check
#checkov:skip=CKV_DOCKER_7:the tags are in the arguments, which checkov does not read
ARG RUST_IMAGE=docker.io/library/rust:1.95.0-slim-bookworm
ARG JOB_IMAGE=gcr.io/distroless/cc-debian12:nonroot
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm
ARG NODE_IMAGE=docker.io/library/node:22-bookworm-slim

# The sources of the binaries; pages and models change more often.
FROM ${RUST_IMAGE} AS sources
WORKDIR /src
COPY . .
RUN rm -rf dashboard dbt-runner/project dev/python

# The manifests with empty sources: layers that change only with the dependencies.
FROM sources AS manifests
RUN find . -type f ! -name Cargo.toml ! -name Cargo.lock -delete && \
    for crate in */Cargo.toml dev/*/Cargo.toml; do \
      mkdir -p "${crate%/*}/src" && echo 'fn main() {}' > "${crate%/*}/src/main.rs" && touch "${crate%/*}/src/lib.rs"; \
    done

FROM ${RUST_IMAGE} AS build
WORKDIR /src
ENV CARGO_INCREMENTAL=0
COPY --from=manifests /src .
RUN cargo build --release --locked --bin extract-job --bin transform-job --bin load-job --bin dbt-runner
COPY --from=sources /src .
# Cargo compares modification times, so these sources must be newer than the empty ones.
RUN find . -name '*.rs' -exec touch {} + && \
    cargo build --release --locked --bin extract-job --bin transform-job --bin load-job --bin dbt-runner

# One binary, the C library, CA certificates; no shell.
FROM ${JOB_IMAGE} AS job
ARG JOB
ARG REVISION=unknown
ARG JOB_IMAGE
LABEL org.opencontainers.image.title="Toronto 311 ${JOB}" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.base.name="${JOB_IMAGE}"
COPY --from=build /src/target/release/${JOB} /usr/local/bin/job
ENV LOG_FORMAT=json
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/job"]

FROM ${PYTHON_IMAGE} AS dbt
ARG SOURCE_DATE_EPOCH=0
ENV SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /opt
COPY dev/python/dbt-bigquery.lock dbt-bigquery.lock
# Compiled here, because a start without it takes seconds longer. SOURCE_DATE_EPOCH makes the result reproducible.
RUN python -m venv /opt/dbt && \
    /opt/dbt/bin/pip install --no-cache-dir --no-compile --no-deps --require-hashes --requirement dbt-bigquery.lock && \
    /opt/dbt/bin/pip uninstall --yes pip setuptools && \
    /opt/dbt/bin/python -m compileall -q /opt/dbt

# Parsed here, because that takes seconds; dbt-runner looks for the result.
FROM dbt AS project
ENV DO_NOT_TRACK=1
WORKDIR /srv/dbt
COPY dbt-runner/project .
RUN /opt/dbt/bin/dbt --quiet --log-level-file none parse --target bigquery --target-path target/bigquery && \
    find target -type f ! -name partial_parse.msgpack -delete

FROM ${NODE_IMAGE} AS dashboard
WORKDIR /src
COPY dashboard/package.json dashboard/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY dashboard .
RUN npm run build -- --logLevel warn

FROM ${PYTHON_IMAGE} AS dbt-runner
ARG REVISION=unknown
ARG COMMIT=
ARG PYTHON_IMAGE
LABEL org.opencontainers.image.title="Toronto 311 dbt-runner" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.base.name="${PYTHON_IMAGE}"
COPY --from=dbt /opt/dbt /opt/dbt
COPY --from=build /src/target/release/dbt-runner /usr/local/bin/job
COPY --from=project /srv/dbt /srv/dbt
COPY --from=dashboard /src/dist /srv/dashboard
# The user has no home directory, and Python's libraries look for one. Cloud Run keeps /tmp in memory.
ENV HOME=/tmp \
    LOG_FORMAT=json \
    DBT_EXECUTABLE=/opt/dbt/bin/dbt \
    DBT_PROJECT_DIR=/srv/dbt \
    DASHBOARD_DIR=/srv/dashboard \
    COMMIT=${COMMIT}
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/job"]
