#!/usr/bin/env bash
# Runs `make test` in the Rust image, and installs its other dependencies.
set -euo pipefail
apt-get update --quiet
apt-get install --quiet --yes --no-install-recommends python3-venv
export PATH="$PWD/.node/bin:$PATH"
make test
