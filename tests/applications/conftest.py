# SPDX-License-Identifier: MIT
"""The server and its client as the tests in tests/blackbox have them, and real programs for behind it."""
import importlib.util
import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BLACKBOX = HERE.parent / "blackbox"
sys.path.insert(0, str(BLACKBOX))

from programs import Programs  # noqa: E402  (it needs what is in BLACKBOX)


def fixtures_of(path):
    """The module at the path: this file is called `conftest`, too, and hides it."""
    spec = importlib.util.spec_from_file_location("blackbox_conftest", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


blackbox = fixtures_of(BLACKBOX / "conftest.py")
server, shared_server, shared_tmp = blackbox.server, blackbox.shared_server, blackbox.shared_tmp
authority, localhost = blackbox.authority, blackbox.localhost
BINARY = blackbox.BINARY  # for those who ask `conftest`


def pytest_collection_modifyitems(items):
    if "UVHTTPD_APPLICATIONS" in os.environ:
        return
    # This hook sees the tests of other directories as well.
    for item in filter(lambda item: HERE in item.path.parents, items):
        item.add_marker(pytest.mark.skip(reason="UVHTTPD_APPLICATIONS is not set: the programs need not be there"))


@pytest.fixture(scope="module")
def programs(shared_tmp):
    """Programs that run as long as the tests of a file; they come first, so the server ends before them."""
    running = Programs(shared_tmp)
    yield running
    running.stop()
