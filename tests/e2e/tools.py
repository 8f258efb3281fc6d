"""Programs from the Python package index that some tests need. `scripts/test` installs them where it can."""

import os
from pathlib import Path

import pytest

from strowger import ROOT

FOLDER = Path(os.environ.get("STROWGER_PYTHON_TOOLS", ROOT / "target" / "python-tools"))


def tool(name):
    """The path of a program, or the test is skipped and says what it misses."""
    program = FOLDER / "bin" / name
    if not program.exists():
        pytest.skip(f"{name} is not installed in {FOLDER}: scripts/test installs it where the package index can be reached")
    return str(program)
