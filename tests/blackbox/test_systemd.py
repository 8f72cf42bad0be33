# SPDX-License-Identifier: MIT
"""The installed units under a real systemd that runs as PID 1: start, reload, crash, hang, stop and
socket activation. The container boots once; each check of systemd-checks.sh is a test here."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

SUPPORT = pathlib.Path(__file__).resolve().parent.parent / "support"
BUILD = pathlib.Path(os.environ["UVHTTPD_BINARY"]).resolve().parent.parent
CHECKS = re.findall(r"^check_(\w+)\(\)", (SUPPORT / "systemd-checks.sh").read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    share = tmp_path_factory.mktemp("systemd")
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet"], check=True,
                   env=dict(os.environ, DESTDIR=str(share / "root")), stdout=subprocess.DEVNULL)
    shutil.copy(SUPPORT / "systemd-checks.sh", share / "run.sh")
    run = subprocess.run([SUPPORT / "systemd-test.sh", share], timeout=240, text=True, errors="replace",
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return run.stdout


@pytest.mark.parametrize("check", CHECKS)
def test_service(report, check):
    if f"\nok {check}\n" in "\n" + report:
        return
    # Each check ends with its line `ok NAME` or, after its trace, `FAILED NAME`.
    before = report.split(f"FAILED {check}\n")[0]
    pytest.fail(re.split(r"^(?:ok|FAILED) \w+\n", before, flags=re.MULTILINE)[-1], pytrace=False)
