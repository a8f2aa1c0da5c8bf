#!/usr/bin/env bash
# Every test and linter, in the image of Rust with what else `make test` stands on.
set -euo pipefail
apt-get update --quiet
apt-get install --quiet --yes --no-install-recommends python3-venv
export PATH="$PWD/.node/bin:$PATH"
cargo install cargo-nextest --version 0.9.143 --locked
make test
