# SPDX-License-Identifier: MIT
"""The Dockerfile, built as it stands, and its container: unprivileged, read-only, stopped by TERM."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SUPPORT = ROOT / "tests/support"
CHECKS = re.findall(r"^check (\w+) ", (SUPPORT / "container-checks.sh").read_text(), re.MULTILINE)
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "uvhttpd/container"


@pytest.fixture(scope="module")
def report():
    run = subprocess.run([SUPPORT / "container-test.sh", ROOT, CACHE], timeout=1800, text=True, errors="replace",
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return run.stdout


@pytest.mark.parametrize("check", CHECKS)
def test_container(report, check):
    if f"\nok {check}\n" in report:
        return
    before = report.split(f"FAILED {check}\n")[0]
    pytest.fail(re.split(r"^(?:ok|FAILED) \w+\n", before, flags=re.MULTILINE)[-1], pytrace=False)
