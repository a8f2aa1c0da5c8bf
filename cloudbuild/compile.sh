#!/bin/sh
# Compiles all binaries once, using the layers of earlier builds, and keeps them for the next. The images only copy
# them.
set -eu
docker buildx create --name images --driver docker-container --bootstrap --use

# Every image of this build uses the same base images, recorded by digest.
: > bases
for argument in RUST_IMAGE JOB_IMAGE PYTHON_IMAGE NODE_IMAGE; do
  tag=$(sed -n "s/^ARG $argument=\(.*\)/\1/p" Dockerfile)
  digest=$(docker buildx imagetools inspect "$tag" --format '{{.Manifest.Digest}}')
  echo "$argument=$tag@$digest" >> bases
done
cat bases

docker buildx build . --target build \
  --build-arg "$(grep RUST_IMAGE bases)" \
  --cache-from "type=registry,ref=$_CACHE" \
  --cache-to "type=registry,ref=$_CACHE,mode=max"
