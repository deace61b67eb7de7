"""Two notebooks on one data root, and a notebook beside a shard: both are right, or the second says who is there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tools"))
from kernel import SETUP, Kernel  # noqa: E402

LGF = Path(os.environ["CARGO_TARGET_DIR"]) / os.environ["CARGO_BUILD_TARGET"] / "debug/lgf"


def lgf(root, *words):
    return subprocess.run([str(LGF), "--root", str(root), *words], capture_output=True, text=True, check=True)


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A data root with what step 3 reads, and what it comes to."""
    folder = tmp_path_factory.mktemp("together")
    for name in ("notebooks", "shard", "alone"):
        root = folder / name
        lgf(root, "sample")
        lgf(root, "boxes")
        lgf(root, "subset")
    lgf(folder / "alone", "edges")
    return folder


def same_edges(folder, name):
    """Tables and masks are those of one process alone, and nothing is left beside them."""
    files = lambda root: {path.relative_to(root): path.read_bytes() for path in (root / "edges").rglob("*") if path.is_file()}
    assert files(folder / name) == files(folder / "alone")
    table = "edges_data.parquet"
    assert (folder / name / table).read_bytes() == (folder / "alone" / table).read_bytes()
    assert not [path for path in (folder / name).rglob("*") if ".tmp" in path.name]


def kernel_on(root):
    kernel = Kernel({**os.environ, "LGF_ROOT": str(root)})
    kernel.run(SETUP + "\nlet run = lgf::open()?;").check()
    return kernel


def test_two_notebooks_do_one_step_at_once(given):
    with kernel_on(given / "notebooks") as first, kernel_on(given / "notebooks") as second:
        cells = [(kernel, kernel.send("run.edges()?.all.height()")) for kernel in (first, second)]
        ended = [kernel.collect(cell) for kernel, cell in cells]
        assert any(cell.status == "ok" for cell in ended), [cell.error for cell in ended]
        for cell in ended:
            assert cell.status == "ok" or "another process" in cell.error, cell.error
        heights = {kernel.run("run.edges()?.all.height()").text() for kernel in (first, second)}
    assert len(heights) == 1
    same_edges(given, "notebooks")


def test_a_notebook_works_beside_a_shard(given):
    root = given / "shard"
    with kernel_on(root) as kernel:
        shard = subprocess.Popen([str(LGF), "--root", str(root), "edges", "--shard", "0/2"], stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True)
        cell = kernel.run("run.edges()?.all.height()")
        said = shard.communicate(timeout=120)[0]
        assert shard.returncode == 0 or "another process" in said, said
        assert cell.status == "ok" or "another process" in cell.error, cell.error
        kernel.run("run.edges()?.all.height()").check()
    same_edges(given, "shard")
