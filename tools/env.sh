# The one place where the environment of the project is set: make, the kernel and CI source it (bash).
#
# Cargo, the notebooks' kernel and the tests must agree on every value here: cargo compares them, and where they
# differ it compiles 300 crates again (about ten minutes on two cores).
#
# What may be set beforehand:
#   LGF_CACHE  downloads and build outputs, shared by all checkouts (default ~/.cache/lgf)
#   LGF_ROOT   data root of the notebooks (default data/out)
#   LIBTORCH   a libtorch 2.11 of your own; else $CONDA_PREFIX if it holds one, else the light one that make setup gets

LGF_REPO="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
LGF_STATE="$LGF_REPO/.lgf"
LGF_CACHE="${LGF_CACHE:-$HOME/.cache/lgf}"
case "$LGF_CACHE" in /*) ;; *) LGF_CACHE="$PWD/$LGF_CACHE" ;; esac
LGF_ROOT="${LGF_ROOT:-$LGF_REPO/data/out}"
case "$LGF_ROOT" in /*) ;; *) LGF_ROOT="$PWD/$LGF_ROOT" ;; esac
# Build outputs are kept for each checkout path: cargo judges its own crate by file times, which two checkouts do not share.
LGF_BUILD="$LGF_CACHE/checkouts/$(printf %s "$LGF_REPO" | sha256sum | cut -c1-12)"
export LGF_REPO LGF_STATE LGF_CACHE LGF_ROOT LGF_BUILD

# A kernel that VS Code starts from the desktop has not gone through the person's shell, which puts Rust on the path.
for dir in "${CARGO_HOME:-$HOME/.cargo}/bin" "${CONDA_PREFIX:+$CONDA_PREFIX/bin}"; do
    if [ -n "$dir" ] && [ -x "$dir/rustc" ] && ! command -v rustc >/dev/null; then export PATH="$dir:$PATH"; fi
done

# Nothing is written to the home folder beside the cache.
export PIP_CACHE_DIR="$LGF_CACHE/pip" PIP_DISABLE_PIP_VERSION_CHECK=1
export JUPYTER_CONFIG_DIR="$LGF_STATE/jupyter/config" JUPYTER_DATA_DIR="$LGF_STATE/jupyter"
export JUPYTER_RUNTIME_DIR="$LGF_STATE/jupyter/runtime" JUPYTERLAB_SETTINGS_DIR="$LGF_STATE/jupyter/lab/settings"
export JUPYTERLAB_WORKSPACES_DIR="$LGF_STATE/jupyter/lab/workspaces" IPYTHONDIR="$LGF_STATE/ipython"
# JupyterLab asks npm for its version where there is one, which writes logs.
export npm_config_cache="$LGF_CACHE/npm"

export CARGO_HOME="$LGF_CACHE/cargo" CARGO_TARGET_DIR="$LGF_BUILD/target"
CARGO_BUILD_TARGET="$(rustc --print host-tuple 2>/dev/null || true)"
if [ -n "$CARGO_BUILD_TARGET" ]; then export CARGO_BUILD_TARGET; else unset CARGO_BUILD_TARGET; fi
# As evcxr builds: it names the target, prefers dynamic linking, and takes lld when it is on the path and mold is not.
export RUSTFLAGS="-Cprefer-dynamic"
if ! command -v mold >/dev/null && command -v lld >/dev/null; then RUSTFLAGS+=" -Clink-arg=-fuse-ld=lld"; fi
unset CARGO_ENCODED_RUSTFLAGS CARGO_INCREMENTAL CARGO_BUILD_RUSTFLAGS RUSTC_WRAPPER
# Under make -j cargo would take make's own list of jobs, which recipes do not get.
unset MAKEFLAGS MFLAGS

if [ -z "${LIBTORCH:-}" ] && [ -n "${CONDA_PREFIX:-}" ]; then
    for candidate in "$CONDA_PREFIX"/lib/python3*/site-packages/torch "$CONDA_PREFIX"; do
        if [ -e "$candidate/lib/libtorch_cpu.so" ] && [ -d "$candidate/include/torch" ]; then
            LIBTORCH="$candidate"
            break
        fi
    done
    unset candidate
fi
export LIBTORCH="${LIBTORCH:-$LGF_CACHE/libtorch/torch}"
# A build script's rpath does not reach notebook cells, so libtorch and the CUDA run time beside it are named here; and
# Rust's own library, because the rpath that rustc writes is wrong by one folder for files that cargo or evcxr moves up.
LGF_RUST_LIBRARIES="$(rustc --print target-libdir 2>/dev/null || true)"
export LGF_RUST_LIBRARIES
for dir in "$LIBTORCH/lib" "$(dirname "$LIBTORCH")/nvidia/cu13/lib" "$LGF_RUST_LIBRARIES"; do
    case ":${LD_LIBRARY_PATH:-}:" in
    *":$dir:"* ) ;;
    *) LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$dir" ;;
    esac
done
unset dir
export LD_LIBRARY_PATH
