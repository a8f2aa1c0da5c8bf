#!/usr/bin/env bash
# Every test and linter, in the Rust image with the other dependencies of `make test`.
set -euo pipefail
apt-get update --quiet
apt-get install --quiet --yes --no-install-recommends python3-venv
export PATH="$PWD/.node/bin:$PATH"
make test
