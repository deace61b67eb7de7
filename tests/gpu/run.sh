#!/usr/bin/env bash
# The six networks of the thesis, and one of each family of today, at full size on a GPU, beside the processor. Builds nothing:
# it takes a finished command and a libtorch with its CUDA libraries.
#
#   tests/gpu/run.sh LGF LIBTORCH PICTURE…
#
#   LGF       the command, as `make lgf` builds it; libstd-*.so of its Rust is looked for beside it, too
#   LIBTORCH  a folder with lib/libtorch_cuda.so 2.11, such as site-packages/torch
#   PICTURE   photographs, or a folder of them: 224 x 224 for figures that are comparable
#
# Weights are random. Of each network: logits in 32 bits against the processor's (1e-3 of the largest), and in bfloat16 (at most
# twice as far from those in 32 bits as the processor's own in bfloat16 are); pictures a second of the forward pass and from
# files to logits, in both; relevance against the processor's in 64 bits: in as many (1e-6 of its size), in 32 (1e-2) and in
# bfloat16 (at most ten times as far as the processor's own). Ends with 1 if a difference is too large.
set -euo pipefail

if [ $# -lt 3 ]; then
    sed -n '2,14p' "$0" | sed 's/^# \{0,1\}//'
    exit 2
fi
lgf="$1" libtorch="$2"
shift 2
for needed in "$lgf" "$libtorch/lib/libtorch_cpu.so" "$libtorch/lib/libtorch_cuda.so"; do
    [ -e "$needed" ] || { echo "gpu: $needed is not there" >&2; exit 2; }
done
nvidia="$(find "$libtorch/../nvidia" -maxdepth 2 -name lib -type d 2>/dev/null | paste -sd: || true)"
export LD_LIBRARY_PATH="$libtorch/lib:$(dirname "$lgf"):${nvidia:+$nvidia:}${LD_LIBRARY_PATH:-}"

root="$(mktemp -d)"
trap 'rm -rf "$root"' EXIT
"$lgf" --root "$root" doctor
"$lgf" --root "$root" --device cuda:0 bench device "$@"
