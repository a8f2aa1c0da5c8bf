#!/bin/sh
# Builds and pushes one image: image.sh JOB TARGET. An existing image of the same sources is kept.
set -eu
job=$1 target=$2
revision=$(cat target/tag)
image=$_IMAGES/$job:$revision
if docker buildx imagetools inspect "$image" > /dev/null 2>&1; then
  echo "$image already exists"
  exit 0
fi

set --
while read -r base; do
  set -- "$@" --build-arg "$base"
done < target/bases
docker buildx build . --target "$target" "$@" \
  --build-arg "JOB=$job" \
  --build-arg "REVISION=$revision" \
  --build-arg "COMMIT=$(cat target/commit)" \
  --build-arg SOURCE_DATE_EPOCH=0 \
  --provenance=false \
  --output "type=image,name=$image,push=true,rewrite-timestamp=true"
