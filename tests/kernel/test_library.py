"""The library that notebooks are built with is that of the main build, under another name."""

import importlib.util
import json
import os
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("library", REPO / "kernel/library.py")
library = importlib.util.module_from_spec(spec)
spec.loader.exec_module(library)


def call(out, crate="lgf", kind="lib", emit="--emit=dep-info,metadata,link"):
    return ["--crate-name", crate, "--crate-type", kind, emit, "-C", "metadata=1", "-C", "extra-filename=-new", "--out-dir", str(out)]


def test_only_the_library_itself_is_given(tmp_path):
    assert library.is_library(call(tmp_path))
    assert not library.is_library(call(tmp_path, crate="ctx"))
    assert not library.is_library(call(tmp_path, kind="cdylib"))
    assert not library.is_library(call(tmp_path, emit="--emit=dep-info,metadata")), "what is only checked has no library"
    assert not library.is_library(["-vV"])


def test_notes_have_this_builds_names_and_paths_from_the_root(tmp_path, monkeypatch, capsys):
    old, new, out = tmp_path / "old", tmp_path / "new", tmp_path / "new/build/local-global-features-2/out"
    old.mkdir()
    new.mkdir()
    for ending in ("rlib", "rmeta"):
        (old / f"liblgf-old.{ending}").write_text(ending)
    keys = tmp_path / "old/build/local-global-features-1/out/keys.rs"
    (old / "lgf-old.d").write_text(
        f"{old}/lgf-old.d: src/lib.rs src/a\\ b.rs {keys}\n\n{old}/liblgf-old.rlib: src/lib.rs\n\nsrc/lib.rs:\n\n# env-dep:OUT_DIR={keys.parent}\n"
    )
    monkeypatch.setenv("OUT_DIR", str(out))
    monkeypatch.chdir(tmp_path)
    library.give(old / "liblgf-old.rlib", call(new))
    text = (new / "lgf-new.d").read_text().splitlines()
    assert text[0] == f"{new}/lgf-new.d: {tmp_path}/src/lib.rs {tmp_path}/src/a\\ b.rs {out}/keys.rs"
    assert text[2] == f"{new}/liblgf-new.rlib: {tmp_path}/src/lib.rs"
    assert text[4] == f"{tmp_path}/src/lib.rs:" and text[6] == f"# env-dep:OUT_DIR={out}"
    assert (new / "liblgf-new.rlib").read_text() == "rlib" and (new / "liblgf-new.rmeta").read_text() == "rmeta"
    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(one["emit"], Path(one["artifact"]).name) for one in said] == [("metadata", "liblgf-new.rmeta"), ("link", "liblgf-new.rlib")]


def test_of_the_two_names_that_cargo_says_the_one_in_deps_is_taken():
    lines = [
        {"reason": "build-script-executed"},
        {"target": {"name": "polars"}, "filenames": ["/t/deps/libpolars-1.rmeta"]},
        {"target": {"name": "lgf"}, "filenames": ["/t/liblgf.rlib", "/t/deps/liblgf-1.rmeta"]},
    ]
    assert library.built(json.dumps(line) for line in lines) == Path("/t/deps/liblgf-1.rlib")


def test_notebooks_and_the_command_line_have_one_library():
    """Byte by byte, where both are built."""
    kernels, target = Path(os.environ["LGF_BUILD"]) / "kernel", os.environ["CARGO_BUILD_TARGET"]
    newest = lambda folder: max(folder.glob("liblgf-*.rlib"), key=lambda path: path.stat().st_mtime, default=None)
    warm = newest(kernels / f"warm/ctx/target/{target}/debug/deps")
    if warm is None:
        pytest.skip("not built")
    mains = list(Path(os.environ["CARGO_TARGET_DIR"], target, "debug/deps").glob("liblgf-*.rlib"))
    if any(main.stat().st_mtime > warm.stat().st_mtime for main in mains):
        pytest.skip("the library was built since")
    assert any(main.read_bytes() == warm.read_bytes() for main in mains)
