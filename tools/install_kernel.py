"""Shows the kernel "Rust (lgf)" to VS Code and to any Jupyter of the person: install_kernel.py install|remove.

The one thing that is written outside the project and its cache, and only when asked for. Plain Python without the
environment of tools/env.sh, which turns Jupyter's folders into the project's.
"""

import json
import os
import shutil
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
NAME = "lgf"


class Refused(Exception):
    """What the person must decide; the text says what was found and what to do."""


def main():
    action = {"install": install, "remove": remove}[sys.argv[1]]
    try:
        print(action(data_folder(os.environ, sys.platform) / "kernels" / NAME, os.environ))
    except Refused as cause:
        sys.exit(str(cause))
    except OSError as cause:
        sys.exit(f"kernel: {cause.filename} cannot be written: {cause.strerror}\n  hint: JUPYTER_DATA_DIR names the folder of Jupyter's data")


def data_folder(environment, platform):
    """Where Jupyter looks for a person's own data: as `jupyter --data-dir` says on Linux and macOS."""
    if environment.get("JUPYTER_DATA_DIR"):
        return Path(environment["JUPYTER_DATA_DIR"])
    home = Path(environment["HOME"])
    if platform == "darwin":
        return home / "Library" / "Jupyter"
    return Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share") / "jupyter"


def specification(environment):
    """The set-up's kernelspec for this checkout, with those choices of `make` that a kernel started elsewhere would miss."""
    spec = json.loads((REPO / "kernel/kernel.json").read_text(encoding="utf-8"))
    spec["argv"] = [word.replace("@LGF_REPO@", str(REPO)) for word in spec["argv"]]
    folders = ("LGF_CACHE", "LGF_ROOT", "LIBTORCH", "CONDA_PREFIX")
    chosen = {name: os.path.abspath(environment[name]) for name in folders if environment.get(name)}
    # The default, which make sets, follows the checkout.
    if chosen.get("LGF_ROOT") == str(REPO / "data/out"):
        del chosen["LGF_ROOT"]
    if chosen:
        spec["env"] = {**spec.get("env", {}), **chosen}
    return spec


def owner(folder):
    """The checkout that an installed kernelspec starts, or None where there is none."""
    file = folder / "kernel.json"
    if not file.exists():
        return None
    try:
        return Path(json.loads(file.read_text(encoding="utf-8"))["argv"][0]).parent.parent
    except (ValueError, KeyError, IndexError, TypeError):
        return file


def check_owner(folder, environment):
    other = owner(folder)
    if other not in (None, REPO) and environment.get("FORCE") != "1":
        raise Refused(f"kernel: what is in {folder} belongs to {other}, not to this checkout\n  hint: FORCE=1 does it all the same")
    return other


def install(folder, environment):
    """Writes the kernelspec; says so in one line."""
    check_owner(folder, environment)
    text = json.dumps(specification(environment), indent=1) + "\n"
    file = folder / "kernel.json"
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return f'kernel "Rust (lgf)" is already in {folder}'
    folder.mkdir(parents=True, exist_ok=True)
    part = file.with_name("kernel.json.tmp")
    part.write_text(text, encoding="utf-8")
    part.rename(file)
    return f'kernel "Rust (lgf)" is now in {folder}; make remove-kernel takes it away'


def remove(folder, environment):
    """Takes the kernelspec away; says so in one line."""
    if check_owner(folder, environment) is None:
        return f'kernel "Rust (lgf)" is not in {folder}'
    shutil.rmtree(folder)
    return f'kernel "Rust (lgf)" is no longer in {folder}'


if __name__ == "__main__":
    main()
