"""Running a command as a user whom file permissions bind, which root's tests are not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

_CAPABILITIES = "-dac_override,-dac_read_search"


def run_cli(*args: object) -> subprocess.CompletedProcess[str]:
    """Run `edgekit *args` without the right to read what isn't one's own."""
    prefix: list[str] = []
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("root may read everything, and setpriv is not here")
        prefix = ["setpriv", f"--bounding-set={_CAPABILITIES}", f"--inh-caps={_CAPABILITIES}"]
    command = [*prefix, sys.executable, "-m", "edgekit", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
