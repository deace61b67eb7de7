#!/usr/bin/env bash
# Notebooks 2 to 6 and the report on a person's own photographs, with networks trained on ImageNet.
# "real.sh check" only says what is missing.
#   FOLDER=photographs  ROOT=data root  NETWORKS=names to fetch  ANNOTATIONS=Annotation.tar.gz, if there is one
set -euo pipefail

: "${ROOT:=data/real}"
: "${NETWORKS:=efficientnet-lite0 efficientnet-lite1 efficientnet-lite2}"
if [ -z "${FOLDER:-}" ] || [ ! -d "$FOLDER" ]; then
    cat >&2 <<TEXT
make real: $([ -z "${FOLDER:-}" ] && echo "no photographs were named" || echo "$FOLDER is no folder")
  hint: make real FOLDER=photographs, a folder for each class, named by its WordNet id (n01440764) or its ImageNet name (tench).
  With none at hand, Imagenette has ten classes of ImageNet: make lgf ARGS="--root $ROOT fetch imagenette" fetches its archive
  (1.5 GB); unpack it with tar, and name the folder that comes of it. ImageNet's terms are for research.
  It takes some 60 MB of weights, of each photograph about a second a network and 10 MB, and some minutes for the notebooks.
TEXT
    exit 2
fi
[ "${1:-}" != check ] || exit 0
lgf="$CARGO_TARGET_DIR/$CARGO_BUILD_TARGET/debug/lgf"
cargo build --quiet --bin lgf
# shellcheck disable=SC2086 # names, one or more
"$lgf" --root "$ROOT" fetch $NETWORKS
given=(--images "$FOLDER")
for name in $NETWORKS; do given+=(--network "$name"); done
[ -z "${ANNOTATIONS:-}" ] || given+=(--annotations "$ANNOTATIONS")
"$lgf" --root "$ROOT" init --replace "${given[@]}"
if [ -n "${ANNOTATIONS:-}" ]; then "$lgf" --root "$ROOT" boxes; fi
.lgf/venv/bin/python tools/run_notebooks.py --root "$ROOT" --from 2 --force
printf '\nreport: %s\n' "$ROOT/report.html"
