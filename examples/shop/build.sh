#!/usr/bin/env bash
# Builds the shop's three releases: build.sh OUT makes OUT/v1, OUT/v2 and OUT/v3, each a
# folder that `understudy release create` takes as it is. The same sources give the same
# bytes on every machine.
set -euo pipefail

out=${1:?usage: build.sh OUT}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$here"

for release in v1 v2 v3; do
  # Made beside and moved into place, so that a folder that is there is whole.
  next=$out/.$release.next
  rm -rf "$next"
  mkdir -p "$next/bin" "$next/migrations"
  CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -buildid=" -o "$next/bin/" "./$release/cmd/..."
  # The binaries carry the migrations; these are for people to read.
  for brought in v1 v2 v3; do
    cp "$brought"/migrations/*.sql "$next/migrations/"
    [ "$brought" = "$release" ] && break
  done
  if [ -f "$release/understudy.yaml" ]; then
    cp "$release/understudy.yaml" "$next/"
  else
    cp understudy.yaml "$next/" # v1 is what the project's own file describes
  fi
  if [ -f "$release/flags.json" ]; then cp "$release/flags.json" "$next/"; fi
  rm -rf "${out:?}/$release"
  mv "$next" "$out/$release"
  echo "$out/$release"
done
