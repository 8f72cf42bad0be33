# SPDX-License-Identifier: MIT
"""scripts/serve on a machine that has nothing: each Debian release that the README promises."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SUPPORT = ROOT / "tests/support"
CHECKS = re.findall(r"^check (\w+) ", (SUPPORT / "bare-debian-test.sh").read_text(), re.MULTILINE)
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "uvhttpd/debian"


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def report(request):
    run = subprocess.run([SUPPORT / "bare-debian-test.sh", request.param, ROOT, CACHE], timeout=1800, text=True,
                         errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return run.stdout


@pytest.mark.parametrize("check", CHECKS)
def test_bare_debian(report, check):
    assert f"\nok {check}\n" in "\n" + report, report[-8000:]
