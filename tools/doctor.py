#!/usr/bin/env python3
"""Says what is there and what is missing: make doctor. Runs with any Python 3, before the set-up as well as after."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPO = Path(os.environ["LGF_REPO"])
STATE, CACHE = Path(os.environ["LGF_STATE"]), Path(os.environ["LGF_CACHE"])
ROOT, LIBTORCH = Path(os.environ["LGF_ROOT"]), Path(os.environ["LIBTORCH"])
BUILD = Path(os.environ["LGF_BUILD"])
RUST, TORCH, FREE_GIB, MEMORY_GIB = (1, 95), "2.11", 8, 4
missing = 0


def report(good, what, found, advice="", required=True):
    global missing
    if good:
        print(f"ok       {what:<13} {found}")
    else:
        missing += required
        print(f"{'MISSING ' if required else 'without '} {what:<13} {found}: {advice}")


def output_of(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def version_in(text):
    found = re.search(r"(\d+)\.(\d+)", text)
    return tuple(int(part) for part in found.groups()) if found else (0, 0)


def existing(path):
    while not path.exists():
        path = path.parent
    return path


def tools():
    rust = output_of("rustc", "-V")
    report(version_in(rust) >= RUST, "Rust", rust or "not found", "install 1.95 or newer with rustup, or rustup update stable")
    library = output_of("rustc", "--print", "sysroot")
    source = bool(library) and Path(library, "lib/rustlib/src/rust/library").is_dir()
    report(source, "rust-src", "there" if source else "not installed", "rustup component add rust-src, for types of variables in notebooks", bool(rust))
    for tool, package in (("cc", "gcc"), ("c++", "g++"), ("make", "make"), ("flock", "util-linux")):
        report(shutil.which(tool), tool, shutil.which(tool) or "not found", f"install {package}")
    python = ".".join(map(str, sys.version_info[:3]))
    report(sys.version_info >= (3, 11), "Python", python, "3.11 or newer is needed")


def machine():
    free = shutil.disk_usage(existing(CACHE)).free / 2**30
    have = (CACHE / "libtorch").exists()
    report(free >= (1 if have else FREE_GIB), "disk", f"{free:.0f} GiB free for {CACHE}", f"{FREE_GIB} GiB are needed; LGF_CACHE=/path puts the cache elsewhere")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    report(memory >= MEMORY_GIB, "memory", f"{memory:.0f} GiB, {os.cpu_count()} cores", f"{MEMORY_GIB} GiB are needed")
    driver = Path("/proc/driver/nvidia/version")
    gpu = output_of("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader") or (driver.read_text().splitlines()[0] if driver.exists() else "")
    report(bool(gpu), "GPU", gpu or "none", "all runs on the CPU", required=False)
    cuda = (LIBTORCH / "lib" / "libtorch_cuda.so").exists()
    if gpu:
        report(cuda, "CUDA libtorch", "there" if cuda else "not there", "set LIBTORCH to a libtorch with CUDA, and run make again", required=False)


def parts():
    header = LIBTORCH / "include/torch/headeronly/version.h"
    header = header if header.exists() else LIBTORCH / "include/torch/csrc/api/include/torch/version.h"
    numbers = re.findall(r"TORCH_VERSION_(?:MAJOR|MINOR|PATCH) +(\d+)", header.read_text()) if header.exists() else []
    version = ".".join(numbers)
    report(version.startswith(TORCH + "."), "libtorch", f"{version or 'none'} at {LIBTORCH}", f"{TORCH} is needed: make setup (with LIBTORCH unset)")
    for what, path in (("Python packages", STATE / "venv/bin/jupyter-lab"), ("kernel", STATE / "kernel/lgf-kernel"), ("kernelspec", STATE / "jupyter/kernels/lgf/kernel.json")):
        shown = path.relative_to(REPO) if path.is_relative_to(REPO) else path
        report(path.exists(), what, shown if path.exists() else "not set up", "make setup")
    warm = (BUILD / "kernel/warm/stamp").exists()
    report(warm, "warm kernel", "there" if warm else "not built", "make lab and make notebooks build it", required=False)


def data_root():
    place = existing(ROOT)
    try:
        with tempfile.TemporaryFile(dir=place):
            writable = True
    except OSError:
        writable = False
    report(writable, "data root", ROOT, "cannot be written: LGF_ROOT=/path make ... chooses another")


def main():
    tools()
    machine()
    parts()
    data_root()
    print("\nall that is required is there" if missing == 0 else f"\n{missing} missing")
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
