#!/usr/bin/env bash
# One reader under libFuzzer: tools/fuzz.sh READER [libFuzzer's options, such as -max_total_time=3600]. A stable toolchain does.
#
# The kept inputs of tests/corpus/READER are where it begins; what is new goes to .lgf/fuzz/READER, and what fails to
# .lgf/fuzz/failed/. What is worth keeping: tools/fuzz.sh READER -merge=1, then what came into tests/corpus/READER.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$LGF_REPO"

readers="$(sed -nE 's/^    ([a-z_]+) [0-9_]+ [A-Z]+ .*;$/\1/p' src/readers.rs)"
reader="${1:-}"
grep -qx "$reader" <<<"$readers" || {
    printf 'tools/fuzz.sh READER [options]; the readers:\n%s\n' "$readers" >&2
    exit 2
}
shift
found="$LGF_STATE/fuzz/$reader" kept="tests/corpus/$reader"
mkdir -p "$found" "$LGF_STATE/fuzz/failed" "$kept"

# What is compiled for the library already is taken as it is.
target="$LGF_BUILD/fuzz"
[ -d "$target" ] || python3 kernel/link_target.py "$CARGO_TARGET_DIR" "$target" --without \
    lgf main local-global-features csv csv-core csv_core fdeflate image png postcard quick-xml quick_xml safetensors serde_json tar
cp Cargo.lock fuzz/Cargo.lock
RUSTC_WRAPPER="$LGF_REPO/tools/instrumented" cargo build --quiet --manifest-path fuzz/Cargo.toml --target-dir "$target"

case " $* " in
*" -merge=1 "*) folders=("$kept" "$found") ;;
*) folders=("$found" "$kept") ;;
esac
LGF_READER="$reader" exec "$target/$CARGO_BUILD_TARGET/debug/reader" -max_len=8192 -timeout=10 -rss_limit_mb=1024 \
    -artifact_prefix="$LGF_STATE/fuzz/failed/$reader-" "$@" "${folders[@]}"
