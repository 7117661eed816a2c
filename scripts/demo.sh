#!/bin/sh
# Indexes a folder (by default this project's own documentation) with the embedded defaults and searches it:
#   sh scripts/demo.sh [FOLDER [QUERY]]
set -eu
caller=$PWD
for_tests=no
. "$(dirname "$0")/setup.sh"
query=${2:-"what happens after a crash"}
if [ $# -gt 0 ]; then
  dataset=demo/$(basename "$1" | sed 's/[^A-Za-z0-9]/-/g; s/^-*//; s/-*$//')
  set -- "$(cd "$caller" && realpath "$1")"
else
  dataset=demo/documents
  set -- ARCHITECTURE.md CONTRIBUTING.md docs src/actors/SPEC.md
fi
bun src/cli/main.ts --embedder local --data-dir .syncline/demo add --dataset "$dataset" "$@" ||
  echo "Not everything was taken in (see above); what was is searched all the same."
echo
bun src/cli/main.ts --embedder local --data-dir .syncline/demo search --dataset "$dataset" --limit 3 "$query"
