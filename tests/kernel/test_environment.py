"""environment.yml: it parses, and names what the Makefile needs. Solving it takes conda channels, which tests do not have."""

import re
from pathlib import Path

import yaml

REPO = Path(__file__).resolve().parents[2]
# What the Makefile and tools/setup.sh call or import, and the package that brings it.
NEEDED = {
    "python3": "python",
    "jupyter lab": "jupyterlab",
    "latex2mathml": "latex2mathml",
    "nbclient": "nbclient",
    "nbconvert": "nbconvert",
    "pytest": "pytest",
    "psutil": "psutil",
    "cargo, rustc, rustfmt, clippy": "rust",
    "the standard library's source": "rust-src",
    "cc": "c-compiler",
    "c++": "cxx-compiler",
    "make": "make",
    "flock": "util-linux",
    "libtorch": "pytorch",
}


def packages():
    environment = yaml.safe_load((REPO / "environment.yml").read_text())
    return dict(re.match(r"([\w-]+)=?(.*)", entry).groups() for entry in environment["dependencies"])


def test_it_names_what_the_makefile_needs():
    missing = {use: package for use, package in NEEDED.items() if package not in packages()}
    assert not missing


def test_its_versions_are_those_of_the_set_up():
    setup = (REPO / "tools/setup.sh").read_text()
    assert packages()["pytorch"] == re.search(r"^TORCH=(.*)$", setup, re.MULTILINE).group(1) + ".*"
    assert packages()["rust"] == re.search(r"^RUST_MINIMUM=(.*)$", setup, re.MULTILINE).group(1) + ".*"
    assert packages()["python"] == "3.11"
