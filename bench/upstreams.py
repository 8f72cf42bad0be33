# SPDX-License-Identifier: MIT
"""What stands behind the servers: on the generator's CPU, and in no server's process tree.

So the CPU of a server is what handing on costs, and what answering costs counts nowhere.
"""

import contextlib
import os
import socket
import time
from collections.abc import Iterator

import process
from servers import START_SECONDS, Failure, Place
from workloads import Workload


def connects(place: Place) -> bool:
    is_path = place.upstream.startswith("/")
    host, _, port = place.upstream.rpartition(":")
    with contextlib.suppress(OSError), \
            socket.socket(socket.AF_UNIX if is_path else socket.AF_INET) as probe:
        probe.connect(place.upstream if is_path else (host, int(port)))
        return True
    return False


def needed(workload: Workload) -> bool:
    return workload.source in ("proxy", "fastcgi")


@contextlib.contextmanager
def running(program: str, place: Place, cpu: int) -> Iterator[process.Child]:
    """The upstream, at place.upstream, until the block ends."""
    document = str(place.root / place.workload.document)
    where = ["-l", place.upstream] if place.workload.source == "fastcgi" \
        else ["-p", place.upstream.rpartition(":")[2]]
    child = process.Child([program, *where, "-f", document], place.home / "upstream.log", cpu)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not connects(place):
            if child.has_ended() or time.monotonic() > deadline:
                raise Failure(f"the upstream does not start: {child.log.read_text().strip()}")
            time.sleep(0.01)
        yield child
    finally:
        child.stop()
        if place.upstream.startswith("/"):
            with contextlib.suppress(OSError):
                os.unlink(place.upstream)
