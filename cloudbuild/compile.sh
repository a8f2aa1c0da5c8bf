#!/bin/sh
# Compiles all binaries once, using the layers of earlier builds, and keeps them for the next. The images only copy
# them.
set -eu

# The tag of the images is the tree of the sources, as in `git rev-parse COMMIT^{tree}`: other sources, committed or not,
# have another. Sources that were submitted by hand have no repository, which the tests need as well.
git config --global --add safe.directory "$PWD"
[ -e .git ] || git init --quiet
mkdir -p target
git add --all
git write-tree > target/tag
cat target/tag

docker buildx create --name images --driver docker-container --buildkitd-config cloudbuild/buildkitd.toml --bootstrap --use

# The arguments of every image of this build: the commit, which releases of the data name, and base images by digest. Until
# 2026 a format that begins with .Manifest printed a table: https://github.com/docker/buildx/issues/1175
echo "COMMIT=$_COMMIT" > target/arguments
for argument in RUST_IMAGE JOB_IMAGE PYTHON_IMAGE NODE_IMAGE; do
  tag=$(sed -n "s/^ARG $argument=\(.*\)/\1/p" Dockerfile)
  digest=$(docker buildx imagetools inspect "$tag" --format '{{print .Manifest.Digest}}')
  echo "$argument=$tag@$digest" >> target/arguments
done
cat target/arguments

docker buildx build . --target build \
  --build-arg "$(grep RUST_IMAGE target/arguments)" \
  --cache-from "type=registry,ref=$_CACHE" \
  --cache-to "type=registry,ref=$_CACHE,mode=max"
