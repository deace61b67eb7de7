#!/usr/bin/env python3
"""Gives cargo the library as the main build has compiled it, where cargo would compile it once more: library.py RUSTC ARGUMENT ...

kernel/warm sets it as RUSTC_WRAPPER. Cargo names a crate otherwise in another workspace, so that it takes the library of
the main build for another one; sources, features, flags and profile are the same, which kernel/warm sees to. LGF_LIBRARY
is the main build's .rlib, as `library.py --built` reads it from cargo's messages. Every other call goes to the compiler.
"""

import json
import os
import re
import shutil
import sys
from pathlib import Path

CRATE = "lgf"


def value_of(call, flag):
    return call[call.index(flag) + 1] if flag in call else ""


def codegen(call, name):
    """The value of `-C NAME=VALUE`."""
    pairs = zip(call, call[1:])
    return next((word.split("=", 1)[1] for flag, word in pairs if flag == "-C" and word.startswith(name + "=")), "")


def is_library(call):
    emit = next((word for word in call if word.startswith("--emit=")), "")
    return value_of(call, "--crate-name") == CRATE and value_of(call, "--crate-type") == "lib" and emit.endswith("link")


def notes(text, library, made):
    """What the compiler notes of the files that a crate is made of, with this build's names and paths from the root."""
    for old, new in ((library, made), (library.with_name(library.name.removeprefix("lib")), made.with_name(made.name.removeprefix("lib")))):
        text = text.replace(str(old.with_suffix("")), str(new.with_suffix("")))
    text = re.sub(r"/[^\s=]*/build/local-global-features-\w+/out", lambda _: os.environ["OUT_DIR"], text)
    here = os.getcwd().replace(" ", "\\ ")
    relative = re.compile(r"(^|(?<!\\) )(?=[^/\s#])")
    return "".join(
        line if line.startswith("#") else relative.sub(lambda found: f"{found[1]}{here}/", line)
        for line in text.splitlines(keepends=True)
    )


def give(library, call):
    made = Path(value_of(call, "--out-dir"), f"lib{CRATE}{codegen(call, 'extra-filename')}.rlib")
    noted, here = (path.with_name(path.name.removeprefix("lib")).with_suffix(".d") for path in (library, made))
    here.write_text(notes(noted.read_text(), library, made))
    # Copies, since cargo goes by their times: they are newer than what the build script wrote for this build.
    for ending, emitted in ((".rmeta", "metadata"), (".rlib", "link")):
        copy = made.with_suffix(ending)
        copy.unlink(missing_ok=True)
        shutil.copyfile(library.with_suffix(ending), copy)
        print(json.dumps({"$message_type": "artifact", "artifact": str(copy), "emit": emitted}), file=sys.stderr)


def built(messages):
    """The .rlib among what `cargo build --lib` says in JSON: of the two names that it has, the one that its notes lie beside."""
    made = (json.loads(line) for line in messages)
    files = [file for message in made if message.get("target", {}).get("name") == CRATE for file in message.get("filenames", [])]
    noted = next((file for file in files if file.endswith(".rmeta")), None)
    return noted and Path(noted).with_suffix(".rlib")


def main():
    if sys.argv[1:] == ["--built"]:
        library = built(sys.stdin)
        if library is None:
            # Cargo has said why.
            sys.exit(1)
        print(library)
        return
    rustc, *call = sys.argv[1:]
    library = os.environ.get("LGF_LIBRARY")
    if library and is_library(call):
        give(Path(library), call)
    else:
        os.execvp(rustc, [rustc, *call])


if __name__ == "__main__":
    main()
