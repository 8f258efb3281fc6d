"""examples/first-call runs as it is published."""

import subprocess
import sys

from strowger import BINARY, ROOT


def test_first_call_example():
    done = subprocess.run([sys.executable, ROOT / "examples/first-call/first_call.py", "--binary", BINARY],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "all is well" in done.stdout, done.stdout + done.stderr
