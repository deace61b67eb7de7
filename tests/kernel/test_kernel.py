"""The kernel "Rust (lgf)" as a person uses it: two notebooks at once, restarts, the stop button, failing cells, displays.

Run by `make test`, in the environment of tools/env.sh.
"""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tools"))
from kernel import SETUP, Kernel  # noqa: E402

# A stage as the library's own are: it asks after each item whether to stop, and what is finished is on disk.
STAGE = """
let done = {
    let stage = lgf::notebook::Progress::bar("counting").start(600, "items");
    let mut done = 0;
    while done < 600 && !stage.stopped() {
        std::thread::sleep(std::time::Duration::from_millis(50));
        std::fs::write(format!("{folder}/{done}"), "finished").unwrap();
        done += 1;
        stage.tick();
    }
    done
};
"""


def test_displays_carry_plain_text(kernel):
    kernel.run('let frame = lgf::polars::df!("name" => ["a < b", "c"], "value" => [1.5, 2.5])?;').check()
    bundle = kernel.run("frame.clone()").check().bundles[0]
    assert "2 of 2 rows" in bundle["text/html"] and "a &lt; b" in bundle["text/html"]
    assert "a < b" in bundle["text/plain"]
    svg = '"<svg xmlns=\\"http://www.w3.org/2000/svg\\"/>".to_string()'
    drawn = f"lgf::notebook::Drawn {{ svg: {svg}, ..Default::default() }}"
    picture = f'lgf::notebook::Figure::new("f", "a line", (9, 9), {drawn})'
    bundle = kernel.run(picture).check().bundles[0]
    assert bundle["image/svg+xml"].startswith("<svg") and "a line" in bundle["text/plain"]


def test_values_of_all_kinds_can_be_kept(kernel):
    kernel.run('let words = vec![String::from("a"), String::from("b")];').check()
    kernel.run("let device = inference::Device::Cpu;").check()
    kernel.run('let architecture = models::architecture("resnet50")?;').check()
    kernel.run('let column = frame.column("value")?.clone();').check()
    assert kernel.run("(words.len() as i64 + column.len() as i64) * architecture.classes()").text() == "4000"
    assert kernel.run('format!("{device:?}")').text() == "Cpu"


def test_an_error_and_a_panic_keep_variables(kernel):
    kernel.run("let kept = 41;").check()
    assert "invalid digit" in kernel.run('let number: i32 = "x".parse()?;').error
    assert "on purpose" in kernel.run('if kept > 0 { panic!("on purpose") }').error
    assert kernel.run("kept + 1").text() == "42"


def test_stop_while_idle_does_nothing(kernel):
    kernel.run("let before = 5;").check()
    kernel.interrupt()
    time.sleep(0.5)
    assert kernel.run("before + 1").text() == "6"


def test_stop_ends_a_stage_and_keeps_everything(kernel, tmp_path):
    kernel.run(f'let folder = String::from("{tmp_path}");').check()
    request = kernel.send(STAGE)
    deadline = time.monotonic() + 60
    while not any(tmp_path.iterdir()):
        assert time.monotonic() < deadline, "the stage did not start"
        time.sleep(0.05)
    kernel.interrupt()
    pressed = time.monotonic()
    cell = kernel.collect(request, timeout=30).check()
    assert time.monotonic() - pressed < 5
    done = int(kernel.run("done").text())
    assert 0 < done < 600
    assert len(list(tmp_path.iterdir())) == done
    assert "stopped" in cell.stdout
    assert kernel.run("folder.len()").text() == str(len(str(tmp_path)))


def test_two_notebooks_at_once():
    def work(number):
        with Kernel() as kernel:
            kernel.run(SETUP).check()
            kernel.run(f"let mine = vec![{number}; 3];").check()
            return kernel.run("mine.iter().sum::<i32>()").text()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(work, (1, 2))) == ["3", "6"]


def test_twenty_restarts():
    with Kernel() as kernel:
        for number in range(20):
            kernel.restart()
            assert kernel.run(f"{number} + 1").text() == str(number + 1)


def write_notebook(path, *cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in (SETUP, *cells)])
    nbformat.write(notebook, path)
    return path


def run_notebooks(root, *paths):
    command = [sys.executable, REPO / "tools/run_notebooks.py", "--root", root, *paths]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=dict(os.environ))


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ('let n: i32 = "abc".parse()?;', "invalid digit found in string"),
        ('let n: Option<i32> = None;\nn.expect("a number is there");', "a number is there"),
        ('let n: i32 = "abc";', "mismatched types"),
    ],
)
def test_a_failing_cell_fails_the_run(tmp_path, cell, said):
    path = write_notebook(tmp_path / "9-broken.ipynb", "let fine = 1;", cell, "let after = 2;")
    ended = run_notebooks(tmp_path / "out", path)
    assert ended.returncode == 1
    assert "9-broken.ipynb, cell 3 of 4" in ended.stderr and said in ended.stderr
    assert not (tmp_path / "out/notebooks/.9-broken.done.json").exists()


def test_a_run_is_kept_and_skipped_when_nothing_changed(tmp_path):
    path = write_notebook(tmp_path / "8-fine.ipynb", 'String::from("seen")')
    first = run_notebooks(tmp_path / "out", path)
    assert first.returncode == 0, first.stderr
    executed = json.loads((tmp_path / "out/notebooks/8-fine.ipynb").read_text())
    assert "".join(executed["cells"][0]["source"]) == SETUP
    assert "seen" in json.dumps(executed["cells"][1]["outputs"])
    page = (tmp_path / "out/notebooks/8-fine.html").read_text()
    assert "seen" in page and 'src="http' not in page
    again = run_notebooks(tmp_path / "out", path)
    assert again.returncode == 0 and "unchanged, skipped" in again.stdout
