"""`make install-kernel` and `make remove-kernel`, with a home of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tools"))
import install_kernel  # noqa: E402


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def call(action, home, **environment):
    """The program as make calls it, in an environment that is not the project's."""
    clean = {"PATH": os.environ["PATH"], "HOME": str(home)}
    command = [sys.executable, REPO / "tools/install_kernel.py", action]
    return subprocess.run(command, env=clean | environment, capture_output=True, text=True, timeout=60)


def said(action, home, **environment):
    done = call(action, home, **environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    return done.stdout


def test_the_folder_is_jupyters(home):
    for environment in ({}, {"XDG_DATA_HOME": "/data"}, {"JUPYTER_DATA_DIR": "/mine"}):
        clean = {"HOME": str(home), **environment}
        ask = "import jupyter_core.paths as paths; print(paths.jupyter_data_dir())"
        jupyters = subprocess.run([sys.executable, "-c", ask], env=clean, capture_output=True, text=True, check=True).stdout.strip()
        assert str(install_kernel.data_folder(clean, "linux")) == jupyters
    assert install_kernel.data_folder({"HOME": "/Users/a"}, "darwin") == Path("/Users/a/Library/Jupyter")


def test_it_is_installed_once_and_removed_once(home):
    folder = home / ".local/share/jupyter/kernels/lgf"
    assert "is now in" in said("install", home)
    spec = json.loads((folder / "kernel.json").read_text())
    assert spec["argv"][0] == str(REPO / "kernel/launch") and os.access(spec["argv"][0], os.X_OK)
    assert spec["display_name"] == "Rust (lgf)" and "@" not in json.dumps(spec)
    assert KernelSpecManager(kernel_dirs=[str(folder.parent)]).get_kernel_spec("lgf").argv == spec["argv"]
    assert "already" in said("install", home)
    assert "no longer" in said("remove", home)
    assert not folder.exists() and folder.parent.is_dir()
    assert "is not in" in said("remove", home)


def test_it_keeps_what_was_chosen_for_make(home):
    said("install", home, LGF_CACHE="/cache", LGF_ROOT="/study", JUPYTER_DATA_DIR=str(home / "jupyter"))
    file = home / "jupyter/kernels/lgf/kernel.json"
    assert json.loads(file.read_text())["env"] == {"LGF_CACHE": "/cache", "LGF_ROOT": "/study"}
    said("install", home, LGF_ROOT=str(REPO / "data/out"), JUPYTER_DATA_DIR=str(home / "jupyter"))
    assert "env" not in json.loads(file.read_text())


@pytest.mark.parametrize("text", ['{"argv": ["/other/kernel/launch", "{connection_file}"]}', "{", "[]"])
@pytest.mark.parametrize("action", ["install", "remove"])
def test_another_checkouts_is_left_alone_unless_forced(home, action, text):
    file = home / ".local/share/jupyter/kernels/lgf/kernel.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    refused = call(action, home)
    assert refused.returncode == 1 and "belongs to" in refused.stderr and "FORCE=1" in refused.stderr
    assert file.read_text() == text
    said(action, home, FORCE="1")
    assert file.exists() == (action == "install")


def test_make_passes_the_persons_own_folder(home):
    """`make remove-kernel`, which needs no set-up, looks where the person's Jupyter does."""
    clean = {"PATH": os.environ["PATH"], "HOME": str(home)}
    done = subprocess.run(["make", "remove-kernel"], cwd=REPO, env=clean, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and str(home / ".local/share/jupyter/kernels/lgf") in done.stdout
    assert not home.exists()
