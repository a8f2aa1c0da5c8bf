#!/bin/sh
# Builds and pushes one image: image.sh JOB TARGET. An existing image of the same sources and arguments is kept; with newer
# bases or another commit it is built again, and the tag moves.
set -eu
job=$1 target=$2
revision=$(cat target/tag)
image=$_IMAGES/$job:$revision
arguments=$(tr '\n' ' ' < target/arguments)
label=toronto-311.arguments
existing=$(docker buildx imagetools inspect "$image" --format "{{index .Image.Config.Labels \"$label\"}}" 2> /dev/null || true)
if [ "$existing" = "$arguments" ]; then
  echo "$image already exists"
  exit 0
fi

set --
while read -r argument; do
  set -- "$@" --build-arg "$argument"
done < target/arguments
docker buildx build . --target "$target" "$@" \
  --label "$label=$arguments" \
  --build-arg "JOB=$job" \
  --build-arg "REVISION=$revision" \
  --build-arg SOURCE_DATE_EPOCH=0 \
  --provenance=false \
  --output "type=image,name=$image,push=true,rewrite-timestamp=true"
