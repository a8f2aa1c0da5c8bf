# The pipeline on one machine. `make run` and `make test` install what they need below .deps, pinned by lock files.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:

UV_VERSION := 0.13.9
export UV_SYSTEM_CERTS := 1
export UV_PYTHON_DOWNLOADS := never

DUCKDB_PACKAGE := load-job/duckdb/node_modules/@duckdb/node-bindings-linux-x64
export DUCKDB_LIBRARY := $(CURDIR)/$(DUCKDB_PACKAGE)/libduckdb.so
export DBT_EXECUTABLE := $(CURDIR)/.deps/dbt/bin/dbt
export DBT_PROJECT_DIR := $(CURDIR)/dbt-runner/project
export READERS_PYTHON := $(CURDIR)/.deps/readers/bin/python
export EMULATORS_DIR := $(CURDIR)/.deps/emulators
export LOCAL_DIR := $(CURDIR)/.local

# What `make run` and `make replay` may be told: see `make help`.
export SOURCE YEARS STAGE FORCE SAMPLE_YEARS SAMPLE_ROWS SAMPLE_FILES SAMPLE_PORT

.PHONY: help setup run replay test lint-dbt fmt clean

help: ## This list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

setup: $(DUCKDB_LIBRARY) .deps/dbt/.ready ## Install DuckDB and dbt below this directory

run: setup ## Run the pipeline; SOURCE=https://... for a real portal, YEARS=2024 for some years, FORCE=1 to redo
	@cargo build --release --locked --bins
	target/release/local-workflow

replay: setup ## Replay one stage of the latest run: STAGE=transform YEARS=2023
	@cargo build --release --locked --bins
	target/release/local-workflow

test: setup lint-dbt .deps/readers/.ready .deps/emulators/.ready ## All tests and linters
	.deps/readers/bin/python contracts/validate.py contracts/*.odcs.yaml
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
	cargo build --workspace --bins --locked
	RUST_BACKTRACE=0 cargo nextest run --workspace --locked --no-fail-fast
	cargo test --workspace --doc --locked

# What dbt needs to render the project, and where it leaves what it made of it.
LINT := .deps/lint
LINT_DBT := DUCKDB_FILE=$(CURDIR)/$(LINT)/empty.duckdb DBT_TARGET_PATH=$(CURDIR)/$(LINT) DBT_LOG_PATH=$(CURDIR)/$(LINT) DO_NOT_TRACK=1
SQLFLUFF := .deps/linters/bin/sqlfluff
SQLFLUFF_ARGUMENTS := --config dbt-runner/linters/sqlfluff.cfg dbt-runner/project/models dbt-runner/project/tests

lint-dbt: .deps/linters/.ready
	mkdir -p $(LINT)
	export $(LINT_DBT)
	.deps/linters/bin/dbt --quiet parse --project-dir dbt-runner/project --profiles-dir dbt-runner/project
	.deps/linters/bin/dbt-bouncer run --config-file dbt-runner/linters/dbt-bouncer.yml
	$(SQLFLUFF) lint --disable-progress-bar $(SQLFLUFF_ARGUMENTS)

fmt: .deps/linters/.ready ## Format the code
	cargo fmt --all
	mkdir -p $(LINT)
	export $(LINT_DBT)
	$(SQLFLUFF) fix --disable-progress-bar $(SQLFLUFF_ARGUMENTS)

clean: ## Remove what was built, installed and made by runs
	rm -rf target .deps .local load-job/duckdb/node_modules

$(DUCKDB_LIBRARY): load-job/duckdb/package-lock.json
	npm ci --no-audit --no-fund --prefix load-job/duckdb
	touch $@

.deps/uv/bin/uv: Makefile
	python3 -m venv .deps/uv
	.deps/uv/bin/pip install --quiet uv==$(UV_VERSION)
	touch $@

# A Python environment from a lock file with hashes.
define python_environment
	.deps/uv/bin/uv venv --quiet --clear $(@D)
	.deps/uv/bin/uv pip sync --quiet --compile-bytecode --require-hashes --python $(@D)/bin/python $<
	touch $@
endef

.deps/dbt/.ready: dbt-runner/project/requirements.lock .deps/uv/bin/uv
	$(python_environment)

.deps/linters/.ready: dbt-runner/linters/requirements.lock .deps/uv/bin/uv
	$(python_environment)

.deps/readers/.ready: local-workflow/tests/readers/requirements.lock .deps/uv/bin/uv
	$(python_environment)

# DuckDB, below the BigQuery emulator, finds its spatial extension under HOME: it is here, so that nothing is downloaded.
.deps/emulators/.ready: emulators/requirements.lock .deps/uv/bin/uv
	$(python_environment)
	HOME=$(EMULATORS_DIR) $(@D)/bin/python -c \
		"import duckdb, duckdb_extensions; duckdb_extensions.import_extension('spatial', con=duckdb.connect())"
