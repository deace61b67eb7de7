"""What the tests of the kernel share: one kernel a file, its setup cell run."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from kernel import SETUP, Kernel  # noqa: E402


@pytest.fixture(scope="module")
def kernel():
    with Kernel() as kernel:
        kernel.run(SETUP).check()
        yield kernel
