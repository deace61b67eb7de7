#!/usr/bin/env python3
"""What the project is made of, held to rules.

  supply.py check  lock files, licences and pins, in two seconds, without the network
  supply.py deny   the same of Rust, and known faults, by cargo-deny where it is installed (LGF_SUPPLY=install installs it)
  supply.py pin    writes the hashes of pinned wheels again, as the index that pip is set to names them
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
# Folders with a lock file; that of the fuzz targets is made where somebody fuzzes.
WORKSPACES, MADE_ELSEWHERE = (".", "kernel", "fuzz"), {"fuzz"}
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"
CARGO_DENY = "0.20.2"
DATABASE, DATABASE_SECONDS = "https://github.com/RustSec/advisory-db", 60
OF_THE_BUILD = ("RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_TARGET_DIR")
# Wheels that are pinned: those for Linux on these machines, and CPython from 3.11 on.
MACHINES, PYTHONS = ("x86_64", "aarch64"), (11, 12, 13, 14)
OPTIONS = {"--require-hashes", "--only-binary :all:"}
PIN = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[\w.+!]+)(?P<marker>\s*;[^\\]+?)?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def packages_of(lock):
    """The packages of a Cargo.lock."""
    return tomllib.loads(lock.read_text())["package"]


def own_packages():
    """The names of the project's own packages: what is fuzzed is the library."""
    return {tomllib.loads((REPO / folder / "Cargo.toml").read_text())["package"]["name"] for folder in WORKSPACES}


def faults_of_lock(packages, own):
    """A line for each package that is not a checked one from Rust's public registry, or one of the project's own."""
    for package in packages:
        name, source = f"{package['name']} {package['version']}", package.get("source")
        if source is None and package["name"] not in own:
            yield f"{name} has no source: it is a folder of this machine"
        elif source is not None and source != REGISTRY:
            yield f"{name} comes from {source}, not from Rust's public registry"
        elif source is not None and not re.fullmatch(r"[0-9a-f]{64}", package.get("checksum", "")):
            yield f"{name} has no checksum"


def yanked(packages, home):
    """Names of packages that their authors have withdrawn, as far as cargo's copy of the index knows."""
    for package in packages:
        name = package["name"].lower()
        folder = {1: "1", 2: "2", 3: f"3/{name[0]}"}.get(len(name), f"{name[:2]}/{name[2:4]}")
        for entry in home.glob(f"registry/index/*/.cache/{folder}/{name}"):
            for line in entry.read_bytes().split(b"\0"):
                if line.startswith(b"{") and package["version"].encode() in line:
                    release = json.loads(line)
                    if release["vers"] == package["version"] and release["yanked"]:
                        yield f"{package['name']} {package['version']}"


def doubled(packages):
    """Names that are there in several versions."""
    return sorted(name for name, count in Counter(package["name"] for package in packages).items() if count > 1)


def is_allowed(expression, allowed):
    """Whether a licence expression (SPDX; "/" means OR) can be met by what is allowed."""
    words = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))

    def one():
        word = words.pop(0)
        if word == "(":
            met = either()
            words.pop(0)
            return met
        if words[:1] == ["WITH"]:
            word = f"{word} WITH {words[1]}"
            del words[:2]
        return word in allowed

    def both():
        met = one()
        while words[:1] == ["AND"]:
            del words[0]
            met = one() and met
        return met

    def either():
        met = both()
        while words[:1] == ["OR"]:
            del words[0]
            met = both() or met
        return met

    return either()


def faults_of_licences(packages, policy):
    """A line for each package whose licence is not on the list."""
    own = {entry["crate"]: set(entry["allow"]) for entry in policy["exceptions"]}
    for package in packages:
        name, licence = package["name"], package["license"]
        if not licence:
            yield f"{name} {package['version']} names no licence"
        elif not is_allowed(licence, set(policy["allow"]) | own.get(name, set())):
            yield f"{name} {package['version']} has the licence {licence}, which is not on the list of deny.toml"


def metadata(folder):
    """What cargo knows of the packages that this machine builds, without the network; or what it said."""
    target = subprocess.run(["rustc", "--print", "host-tuple"], capture_output=True, text=True, check=True).stdout.strip()
    asked = ["cargo", "metadata", "--locked", "--offline", "--format-version=1", f"--filter-platform={target}"]
    done = subprocess.run([*asked, f"--manifest-path={folder / 'Cargo.toml'}"], capture_output=True, text=True)
    return (done.stdout, None) if done.returncode == 0 else (None, done.stderr.strip())


def check_rust(folder):
    """The faults of one workspace."""
    lock = REPO / folder / "Cargo.lock"
    where = os.path.relpath(lock, REPO)
    if not lock.exists():
        return [] if folder in MADE_ELSEWHERE else [f"{where} is missing"]
    packages = packages_of(lock)
    faults = list(faults_of_lock(packages, own_packages()))
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    faults += [f"{name} was withdrawn (yanked) by its author" for name in yanked(packages, home)]
    several = doubled(packages)
    # The licences are in the packages themselves, which a doubtful lock file is not asked for.
    built, said = (None, None) if faults else metadata(REPO / folder)
    if built is not None:
        faults += faults_of_licences(json.loads(built)["packages"], tomllib.loads((REPO / "deny.toml").read_text())["licenses"])
    elif said and folder in MADE_ELSEWHERE:
        print(f"{where}: licences not looked at, its packages are not on this machine")
    elif said:
        faults.append(f"the packages cannot be listed (make setup fetches them): {said.splitlines()[0]}")
    print(f"{where}: {len(packages)} packages, {len(several)} in several versions ({' '.join(several)})")
    return [f"{where}: {fault}" for fault in faults]


def requirement_files():
    return sorted([*REPO.glob("tools/*.txt"), *REPO.glob("tests/reference/*.txt")])


def requirements(text):
    """The lines of a requirements file, those that go on joined, without comments."""
    joined = re.sub(r"\\\n\s*", " ", text)
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def faults_of_requirements(text):
    """A line for each requirement that is not one version with its hashes."""
    lines = requirements(text)
    for option in sorted(OPTIONS - set(lines)):
        yield f"the option {option} is missing"
    for line in lines:
        pin, *hashes = re.split(r"\s+(?=--hash)", line)
        if line in OPTIONS:
            continue
        if not PIN.fullmatch(pin):
            yield f"{pin!r} names no exact version"
        elif not hashes or not all(HASH.fullmatch(entry) for entry in hashes):
            yield f"{pin} has no hash, or one that is no sha256"


def faults_of_environment(text):
    """A line for each package of environment.yml without a version, and for a channel other than conda-forge alone."""
    import yaml

    environment = yaml.safe_load(text)
    if environment["channels"] != ["conda-forge", "nodefaults"]:
        yield f"the channels are {environment['channels']}, expected conda-forge and nodefaults"
    for entry in environment["dependencies"]:
        if not isinstance(entry, str) or not re.fullmatch(r"[\w.-]+=\d[\w.]*(\.\*)?", entry):
            yield f"{entry!r} names no version"


def check():
    faults = [fault for folder in WORKSPACES for fault in check_rust(folder)]
    for path in requirement_files():
        faults += [f"{path.relative_to(REPO)}: {fault}" for fault in faults_of_requirements(path.read_text())]
    faults += [f"environment.yml: {fault}" for fault in faults_of_environment((REPO / "environment.yml").read_text())]
    print("\n".join(faults) or "supply: sources, checksums, licences and pins are as they should be")
    return bool(faults)


def answers(*command):
    """Whether a program that asks the network ends well, and soon."""
    try:
        own = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
        return subprocess.run(command, cwd=REPO, env=own, capture_output=True, timeout=DATABASE_SECONDS).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def cargo_deny():
    """The path of cargo-deny, or None where it is not there and cannot be of use."""
    tools = Path(os.environ.get("LGF_CACHE", Path.home() / ".cache/lgf"), "tools")
    install = ["cargo", "install", "cargo-deny", "--locked", "--version", CARGO_DENY]
    found = shutil.which("cargo-deny", path=f"{tools / 'bin'}:{os.environ['PATH']}")
    if found:
        return found
    if os.environ.get("LGF_SUPPLY") != "install":
        print(f"advisories: not looked at, cargo-deny is not installed ({' '.join(install)}; or LGF_SUPPLY=install make lint)")
        return None
    if not answers("git", "ls-remote", DATABASE, "HEAD"):
        print("advisories: not looked at, their database cannot be reached, so cargo-deny is not installed")
        return None
    # A program of its own: without the flags and the folder of the project's build. Unoptimised it is built in two fifths of the
    # time, and looks at both lock files in six seconds.
    own = {name: value for name, value in os.environ.items() if name not in OF_THE_BUILD}
    subprocess.run([*install, "--debug", "--root", str(tools)], env={**own, "CARGO_PROFILE_DEV_DEBUG": "0"}, check=True)
    return str(tools / "bin/cargo-deny")


def deny():
    program = cargo_deny()
    if program is None:
        return False
    always = [program, "--frozen", "--log-level=error", f"--config={REPO / 'deny.toml'}"]
    parts = ["licenses", "bans", "sources"]
    if answers(program, f"--config={REPO / 'deny.toml'}", "fetch", "db"):
        parts.insert(0, "advisories")
    else:
        print("advisories: not looked at, their database cannot be reached")
    return not all([denied_nothing(always, parts, folder) for folder in WORKSPACES])


def denied_nothing(call, parts, folder):
    """Whether cargo-deny finds nothing in a workspace; what it finds is printed."""
    packages, said = metadata(REPO / folder)
    if packages is None:
        if folder not in MADE_ELSEWHERE:
            print(f"{folder}: the packages cannot be listed (make setup fetches them): {said}")
        return folder in MADE_ELSEWHERE
    with tempfile.NamedTemporaryFile("w", suffix=".json") as listed:
        listed.write(packages)
        listed.flush()
        of_it = [f"--manifest-path={REPO / folder / 'Cargo.toml'}", f"--metadata-path={listed.name}"]
        asked = [*call, *of_it, "check", "--hide-inclusion-graph", *parts]
        done = subprocess.run(asked, capture_output=True, text=True)
    # Before its findings it says which packages of other machines are not here, which is no fault.
    found = done.stderr[max(done.stderr.find("error["), 0) :] if done.returncode else f"nothing found in {', '.join(parts)}"
    print(f"{os.path.relpath(REPO / folder / 'Cargo.lock', REPO)}, cargo-deny: {found}")
    return done.returncode == 0


def serves(wheel):
    """Whether a wheel is for Linux on the machines and Pythons named above."""
    from pip._vendor.packaging.utils import parse_wheel_filename

    _, _, _, tags = parse_wheel_filename(wheel)
    for tag in tags:
        python = re.fullmatch(r"(?:cp|py)3(\d*)", tag.interpreter)
        machine = tag.platform == "any" or tag.platform.startswith("manylinux") and tag.platform.endswith(MACHINES)
        number = int(python[1] or 0) if python else None
        of_all = python and (tag.interpreter.startswith("py") or tag.abi == "abi3") and number <= PYTHONS[-1]
        if machine and (of_all or python and number in PYTHONS and tag.abi in (tag.interpreter, "none")):
            return True
    return False


def links_of(finder, name):
    """All files that the index has of a package."""
    from pip._internal.index.collector import parse_links

    collector = finder._link_collector
    pages = collector.collect_sources(name, lambda url: list(parse_links(collector.fetch_response(url)))).index_urls
    return [link for page in pages if page for link in page.page_candidates()]


def hashes_of(finder, name, version):
    """The hashes of all wheels of one version that serve."""
    from pip._vendor.packaging.specifiers import SpecifierSet
    from pip._vendor.packaging.utils import parse_wheel_filename
    from pip._vendor.packaging.version import Version

    wheels = [link for link in links_of(finder, name) if link.is_wheel]
    wheels = [link for link in wheels if parse_wheel_filename(link.filename)[1] == Version(version) and serves(link.filename)]
    oldest = f"3.{PYTHONS[0]}.0"
    if not wheels or not all(SpecifierSet(link.requires_python or "").contains(oldest) for link in wheels):
        sys.exit(f"{name} {version}: the index has no wheel that serves Python {oldest}")
    if any(link.is_yanked for link in wheels):
        sys.exit(f"{name} {version} was withdrawn (yanked) by its author: name another version")
    return sorted(link.hash for link in wheels)


def pin():
    from pip._internal.commands import create_command

    command = create_command("download")
    options, _ = command.parse_args(["--no-input"])
    with command.main_context():
        finder = command._build_package_finder(options, command.get_default_session(options))
        for path in requirement_files():
            path.write_text(pinned(finder, path.read_text()))
            print(f"{path.relative_to(REPO)}: written")


def pinned(finder, text):
    """The requirements file with the hashes as they are in the index; comments and options stay."""
    lines = []
    for line in re.sub(r"\s*\\\n\s*--hash=\S+", "", text).splitlines():
        found = PIN.fullmatch(line.strip())
        lines.append(line)
        if found:
            hashes = hashes_of(finder, found["name"], found["version"])
            lines[-1] = " \\\n".join([line, *(f"    --hash=sha256:{value}" for value in hashes)])
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    modes = {"check": check, "deny": deny, "pin": pin}
    if len(sys.argv) != 2 or sys.argv[1] not in modes:
        sys.exit(__doc__)
    sys.exit(modes[sys.argv[1]]())
