#!/usr/bin/env bash
# The steps of the set-up: setup.sh STEP. The Makefile calls each once; each does nothing when its work is there.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

RUST_MINIMUM=1.95
TORCH=2.11
FREE_GIB=8
# One for each step, since two run beside each other.
log="setup-$1.log"
# make's own places for jobs are not handed to a step, and cargo would look for them.
unset MAKEFLAGS MFLAGS

say() { printf '== %s\n' "$*"; }
# Once more at the end: the other of two steps beside each other goes on talking.
fail() {
    mkdir -p "$LGF_STATE" 2>/dev/null || true
    printf 'set-up: %s\n  hint: %s\n' "$1" "$2" | tee "$LGF_STATE/failed" >&2 || true
    exit 1
}
newer_or_same() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort --version-sort | head -n 1)" = "$1" ]; }

# Keeps a command's output on the screen and in a file, so that a failure can be named by its cause.
logged() {
    mkdir -p "$LGF_STATE"
    "$@" 2>&1 | tee "$LGF_STATE/$log"
}
cause() {
    if grep -qiE 'no space left' "$LGF_STATE/$log"; then
        fail "$1: the disk is full." "free $FREE_GIB GiB, or put the cache elsewhere with LGF_CACHE=/path make ..., then run it again"
    elif grep -qiE 'temporary failure|name resolution|could not resolve|connection (error|refused|reset|timed out)|network is unreachable|failed to (download|fetch)|max retries|spurious network|proxy|timed out' "$LGF_STATE/$log"; then
        fail "$1: the network or the package registry cannot be reached." "check the connection (and proxy settings), then run it again: what has been downloaded is kept"
    fi
    fail "$1 failed; its messages are above and in .lgf/$log." "$2"
}

step_check() {
    local version free
    command -v rustc >/dev/null && command -v cargo >/dev/null ||
        fail "Rust is not installed." "install Rust $RUST_MINIMUM or newer with rustup (https://rustup.rs), or use environment.yml"
    version="$(rustc -V | cut -d' ' -f2)"
    newer_or_same "$RUST_MINIMUM" "${version%%-*}" ||
        fail "Rust $version is too old; $RUST_MINIMUM or newer is needed." "rustup update stable"
    for tool in cc c++; do
        command -v "$tool" >/dev/null ||
            fail "the compiler \"$tool\" is missing." "install gcc and g++ (Debian, Ubuntu: apt install build-essential)"
    done
    command -v flock >/dev/null || fail "the tool \"flock\" is missing." "install util-linux"
    [ -d "$(rustc --print sysroot)/lib/rustlib/src/rust/library" ] || { command -v rustup >/dev/null && rustup component add rust-src; } ||
        fail "the source of Rust's standard library is missing, without which cells cannot keep its types." "rustup component add rust-src (conda: rust-src)"
    command -v python3 >/dev/null && python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "Python 3.11 or newer is missing." "install python3 (tested with 3.11 to 3.13)"
    case "$LGF_CACHE" in *[[:space:]]*) fail "the cache folder has a blank in its name: $LGF_CACHE" "set LGF_CACHE to a folder without one: evcxr cannot load cells from there" ;; esac
    mkdir -p "$LGF_STATE" "$LGF_CACHE" 2>/dev/null && [ -w "$LGF_STATE" ] && [ -w "$LGF_CACHE" ] ||
        fail "cannot write to $LGF_CACHE or $LGF_STATE." "set LGF_CACHE to a folder that can be written"
    free="$(df --output=avail -k "$LGF_CACHE" | tail -n 1)"
    if [ ! -d "$LGF_CACHE/cargo/registry" ] && [ "$free" -lt $((FREE_GIB * 1024 * 1024)) ]; then
        fail "only $((free / 1024 / 1024)) GiB are free for $LGF_CACHE; $FREE_GIB GiB are needed." "free some, or set LGF_CACHE to a folder on a larger disk"
    fi
}

step_cargo() {
    mkdir -p "$CARGO_HOME" "$LGF_BUILD"
    # A person's own registry mirror or proxy serves here too.
    local own="$HOME/.cargo/config.toml"
    if [ -e "$own" ] && [ ! -e "$CARGO_HOME/config.toml" ]; then ln -s "$own" "$CARGO_HOME/config.toml"; fi
    printf '%s\n' "$LGF_REPO" >"$LGF_BUILD/path"
    say "crates: downloading what Cargo.lock names"
    (cd "$LGF_REPO" && logged cargo fetch --locked ${CARGO_BUILD_TARGET:+--target "$CARGO_BUILD_TARGET"}) || cause "downloading the crates" "read the messages; is Cargo.lock unchanged?"
    adopt_build
}

# A new checkout starts from the compiled dependencies of another one.
adopt_build() {
    local other path
    [ ! -d "$CARGO_TARGET_DIR" ] || return 0
    for other in $(ls -dt "$LGF_CACHE"/checkouts/*/target 2>/dev/null); do
        say "dependencies: linked from an earlier build"
        python3 "$LGF_REPO/kernel/link_target.py" "$other" "$CARGO_TARGET_DIR" --without lgf main local-global-features
        break
    done
    # Build outputs of checkouts that are gone are of no more use.
    for other in "$LGF_CACHE"/checkouts/*/; do
        path="$(cat "$other/path" 2>/dev/null || true)"
        if [ -n "$path" ] && [ ! -d "$path" ]; then rm -rf "$other"; fi
    done
}

step_venv() {
    local venv="$LGF_STATE/venv"
    say "Python: JupyterLab and the notebook runner into .lgf/venv"
    logged python3 -m venv --clear "$venv" ||
        fail "python3 cannot make a virtual environment." "install its venv module (Debian, Ubuntu: apt install python3-venv)"
    logged "$venv/bin/pip" install --progress-bar on --requirement "$LGF_REPO/tools/requirements.txt" ||
        cause "installing the Python packages" "read the messages; Python 3.11 to 3.13 are known to work"
}

torch_version() {
    local file="$LIBTORCH/include/torch/headeronly/version.h"
    [ -e "$file" ] || file="$LIBTORCH/include/torch/csrc/api/include/torch/version.h"
    sed -nE 's/^#define TORCH_VERSION_(MAJOR|MINOR|PATCH) +([0-9]+).*/\2/p' "$file" 2>/dev/null | paste -sd.
}

step_libtorch() {
    local home="$LGF_CACHE/libtorch" part="$LGF_CACHE/libtorch.part" version
    if [ "$LIBTORCH" = "$home/torch" ] && [ ! -e "$LIBTORCH/lib/libtorch_cpu.so" ]; then
        say "libtorch: downloading $TORCH for the CPU (0.6 GB)"
        rm -rf "$part"
        logged "$LGF_STATE/venv/bin/pip" install --no-deps --no-compile --progress-bar on --target "$part" --requirement "$LGF_REPO/tools/libtorch.txt" ||
            cause "downloading libtorch" "read the messages, or set LIBTORCH to a libtorch $TORCH of your own"
        # The C++ library, its headers and licence stay. The CUDA part cannot load without the 2 GB of CUDA libraries.
        find "$part/torch" -mindepth 1 -maxdepth 1 ! -name lib ! -name include ! -name share ! -name version.py -exec rm -rf {} +
        rm -rf "$part"/functorch "$part"/torchgen "$part"/bin
        rm -f "$part"/torch/lib/libtorch_{cuda,cuda_linalg,python,nvshmem}.so "$part"/torch/lib/libc10_cuda.so
        rm -rf "$home"
        mv "$part" "$home"
    fi
    [ -e "$LIBTORCH/lib/libtorch_cpu.so" ] || [ -e "$LIBTORCH/lib/libtorch.so" ] ||
        fail "there is no libtorch at $LIBTORCH." "unset LIBTORCH to have one downloaded, or set it to the folder that holds lib/libtorch.so"
    version="$(torch_version || true)"
    case "$version" in
    "$TORCH".*) say "libtorch $version at $LIBTORCH" ;;
    *) fail "libtorch at $LIBTORCH is ${version:-of an unknown version}; $TORCH is needed." "unset LIBTORCH (or leave the conda environment) to have the right one downloaded" ;;
    esac
}

step_kernel() {
    local folder="$LGF_STATE/kernel" target="$LGF_CACHE/kernel-target"
    say "kernel: evcxr and what compiles its cells (about 6 minutes by itself, once)"
    # Without the flags of the notebooks' crates: the kernel is an ordinary program.
    (unset RUSTFLAGS CARGO_BUILD_TARGET && logged cargo build --release --locked --manifest-path "$LGF_REPO/kernel/Cargo.toml" --target-dir "$target") ||
        cause "building the kernel" "read the messages; a C compiler is needed, and 5 GB of memory (2 with JOBS=1)"
    mkdir -p "$folder" "$LGF_STATE/evcxr/config"
    # Replaced, never rewritten: a kernel that runs keeps its own.
    for program in lgf-kernel lgf-compile; do
        cp "$target/release/$program" "$folder/$program.new"
        mv "$folder/$program.new" "$folder/$program"
    done
}

step_kernelspec() {
    local folder="$JUPYTER_DATA_DIR/kernels/lgf"
    mkdir -p "$folder" "$JUPYTER_CONFIG_DIR" "$JUPYTER_RUNTIME_DIR"
    sed "s|@LGF_REPO@|$LGF_REPO|" "$LGF_REPO/kernel/kernel.json" >"$folder/kernel.json"
}

step_build() {
    say "library"
    local built="$CARGO_TARGET_DIR/$CARGO_BUILD_TARGET/debug" first=yes
    ! compgen -G "$built/deps/liblgf-*.rlib" >/dev/null || first=no
    (cd "$LGF_REPO" && logged cargo build --lib) || cause "building the library" "correct the error above, then run it again"
    # 0.4 GB that make the next build shorter after an edit: made again by the first edit, if there is one.
    [ $first = no ] || rm -rf "$built/incremental"
}

step_warm() {
    say "kernel: the library as notebook cells use it"
    logged "$LGF_REPO/kernel/warm" || cause "building the library for notebooks" "correct the error above, then run it again"
}

"step_$1"
