"""Notebooks 5 to 6 for a study of one network, without boxes and with one photograph of each class: all of them run."""

import json
import os
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
LGF = Path(os.environ["CARGO_TARGET_DIR"]) / os.environ.get("CARGO_BUILD_TARGET", "") / "debug" / "lgf"


def lgf(root, *arguments):
    done = subprocess.run([LGF, "--root", root, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"lgf {arguments}: {done.stderr}"


def test_one_network_goes_through_notebooks_5_to_6(tmp_path):
    lgf(tmp_path, "sample")
    path = tmp_path / "study.json"
    study = json.loads(path.read_text())
    own = {"name": "one network", "annotations": None, "images_per_class": 1, "networks": study["networks"][:1]}
    path.write_text(json.dumps(study | own))
    for step in ("boxes", "subset", "edges", "datasets"):
        lgf(tmp_path, step)
    notebooks = sorted(REPO.glob("notebooks/5*.ipynb")) + sorted(REPO.glob("notebooks/6*.ipynb"))
    assert len(notebooks) == 5
    # In their order: 5 before 5.1.
    notebooks.sort(key=lambda path: path.name.replace("5_", "5.0_"))
    command = [sys.executable, REPO / "tools/run_notebooks.py", "--root", tmp_path, *notebooks]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert "5 notebooks: 5 run" in done.stdout
    report = (tmp_path / "report.html").read_text()
    assert study["networks"][0]["name"] in report
