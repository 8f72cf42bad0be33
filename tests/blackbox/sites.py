# SPDX-License-Identifier: MIT
"""Files to serve and programs to run, written where a test wants them."""
import os

ECHO = """#!/bin/sh
printf 'Content-Type: application/octet-stream\\r\\n\\r\\n'
exec cat
"""
VARIABLES = """#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
cat >/dev/null
env
"""


def site(tmp, files=None, name="www"):
    """The directory tmp/name with these files: {path: octets or text}; an executable text begins with `#!`."""
    root = tmp / name
    root.mkdir(exist_ok=True)
    for path, content in (files or {}).items():
        put(root / path, content)
    return root


def put(path, content, mtime=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if isinstance(content, str) and content.startswith("#!"):
        path.chmod(0o755)
    if mtime is not None:
        os.utime(path, (mtime, mtime))
    return path


def replace(path, content):
    """Puts the new content in the place of the old one at once, as editors and packages do."""
    return os.replace(put(path.with_name(path.name + "~new"), content), path)


def without_override():
    """A command to put before another, so that root too is refused what the bits of a file refuse."""
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
