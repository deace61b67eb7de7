#!/usr/bin/env python3
"""Copies a cargo target folder by hard links: link_target.py FROM TO [--without NAME ...]

Compiled files are replaced when they change, never rewritten, so a link is as good as a copy and takes no space. The
small files beside them (fingerprints, outputs of build scripts) are rewritten in place, so those are copied, with
their times, which cargo compares.
"""

import argparse
import os
import shutil
from pathlib import Path

LINKED_FROM_BYTES = 64 * 1024


def belongs_to(name, crates):
    """True for `liblgf-0123.rlib`, `lgf-0123.d`, `lgf-0123` when `lgf` is in crates."""
    stem = name.rsplit(".", 1)[0].removeprefix("lib")
    return stem.rsplit("-", 1)[0] in crates


def link_tree(source, target, without):
    for folder, folders, files in os.walk(source):
        folders[:] = [name for name in folders if not belongs_to(name, without)]
        here = target / Path(folder).relative_to(source)
        here.mkdir(parents=True, exist_ok=True)
        for name in files:
            if belongs_to(name, without):
                continue
            old, new = Path(folder, name), here / name
            if old.stat().st_size >= LINKED_FROM_BYTES:
                os.link(old, new)
            else:
                shutil.copy2(old, new)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--without", nargs="*", default=[], help="crates whose files are left out")
    arguments = parser.parse_args()
    # Made beside and renamed, so that an interrupted copy is never taken for a whole one.
    part = arguments.target.with_name(arguments.target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    link_tree(arguments.source, part, set(arguments.without))
    shutil.rmtree(arguments.target, ignore_errors=True)
    part.rename(arguments.target)


if __name__ == "__main__":
    main()
