# SPDX-License-Identifier: MIT
"""One sample: a server answers correctly, is put under load, and its figures are read."""

import contextlib
import gzip
import http.client
import json
import re
import resource
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import process
import servers
from servers import Failure, Place, Server
from workloads import Workload

SCRIPT = Path(__file__).with_name("load.lua")
PATIENCE_SECONDS = 10
Sample = dict[str, float]
Take = Callable[["Target", float], Sample]


@dataclass(frozen=True)
class Cpus:
    server: int
    load: int


@dataclass
class Target:
    """A server in a place: running, or (kinds that start it themselves) ready to be."""

    server: Server
    program: str
    place: Place
    cpus: Cpus
    child: process.Child | None = None
    upstream: process.Child | None = None
    headers: tuple[str, ...] = ()  # found by check(): the workload's, and the server's own tag
    answer_bytes: int = 0  # head and body of one answer

    @property
    def url(self) -> str:
        scheme = "https" if self.place.workload.tls else "http"
        return f"{scheme}://127.0.0.1:{self.place.port}/{self.place.workload.document}"


def connect(place: Place) -> http.client.HTTPConnection:
    if not place.workload.tls:
        return http.client.HTTPConnection("127.0.0.1", place.port, timeout=PATIENCE_SECONDS)
    context = ssl.create_default_context(cafile=place.certificate)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return http.client.HTTPSConnection("127.0.0.1", place.port, timeout=PATIENCE_SECONDS,
                                       context=context)


def check(target: Target) -> None:
    """Fails unless the server answers the workload's request as it must."""
    workload, place = target.place.workload, target.place
    connection = connect(place)
    path = "/" + workload.document
    try:
        with contextlib.closing(connection):
            headers = list(workload.headers)
            if workload.status == 304:
                connection.request("GET", path)
                first = connection.getresponse()
                first.read()
                headers.append(f"If-None-Match: {first.headers.get('ETag', '')}")
            target.headers = tuple(headers)
            for _ in range(1 if workload.closes else 2):
                request_once(target, connection, path)
    except (OSError, http.client.HTTPException) as error:
        raise Failure(f"no answer to {path}: {error!r}") from error


def request_once(target: Target, connection: http.client.HTTPConnection, path: str) -> None:
    workload = target.place.workload
    connection.request("GET", path, headers=dict(h.split(": ", 1) for h in target.headers))
    open_socket = connection.sock
    answer = connection.getresponse()
    body = answer.read()
    wire_bytes = len(body)
    if answer.status != workload.status:
        raise Failure(f"{path}: status {answer.status}, not {workload.status}")
    if answer.status == 200:
        document = workload.body if workload.body is not None else \
            (target.place.root / workload.document).read_bytes()
        coding = answer.headers.get("Content-Encoding", "")
        if coding != workload.coding:
            raise Failure(f"{path}: Content-Encoding {coding!r}")
        if coding:
            body = gzip.decompress(body)
        elif answer.headers.get("Content-Length") != str(len(document)):
            raise Failure(f"{path}: Content-Length {answer.headers.get('Content-Length')}")
        if body != document:
            raise Failure(f"{path}: {len(body)} bytes that are not the document's")
    keeps = connection.sock is open_socket
    if keeps == workload.closes:
        raise Failure(f"{path}: the connection {'stays open' if keeps else 'is closed'}")
    head = sum(len(name) + len(value) + 4 for name, value in answer.getheaders())
    status_line = f"HTTP/1.1 {answer.status} {answer.reason}\r\n\r\n"
    target.answer_bytes = len(status_line) + head + wire_bytes


def wrk(target: Target, seconds: float) -> dict[str, int]:
    """Runs the generator, bounded by the workload, and returns what it counted."""
    workload = target.place.workload
    command = ["wrk", "-t1", f"-c{workload.connections}", f"-d{max(1, round(seconds))}s",
               "--timeout", f"{PATIENCE_SECONDS}s", "-s", str(SCRIPT)]
    for header in target.headers:
        command += ["-H", header]
    log = target.place.home / "wrk.log"
    child = process.Child([*command, target.url, "--", str(workload.depth)], log, target.cpus.load)
    try:
        child.process.wait(seconds + 3 * PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        raise Failure("wrk does not end") from None
    finally:
        child.stop()
    found = re.search(r"^RESULT (\{.*\})$", log.read_text(), re.MULTILINE)
    if not found:
        raise Failure(f"wrk failed: {log.read_text().strip()[-300:]}")
    return json.loads(found[1])


def require_clean(counted: dict[str, int], workload: Workload) -> None:
    expected = counted["requests"] if workload.status >= 400 else 0
    faults = {kind: counted[kind] for kind in ("connect", "read", "write", "timeout")}
    faults["status"] = abs(counted["status"] - expected)
    if counted["requests"] == 0 or any(faults.values()):
        named = ", ".join(f"{count} {kind}" for kind, count in faults.items() if count)
        raise Failure(f"wrk reports in {counted['requests']} requests: {named or 'none done'}")


def load_seconds(target: Target) -> float:
    """CPU time of the upstream and of children that have ended, wrk's while the servers run."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    behind = process.cpu_nanoseconds(target.upstream.pid) / 1e9 if target.upstream else 0.0
    return used.ru_utime + used.ru_stime + behind


def under_load(target: Target, seconds: float) -> Sample:
    assert target.child is not None
    workload, pid = target.place.workload, target.child.pid
    load = load_seconds(target)
    began, busy = time.monotonic(), process.machine_busy_seconds()
    cpu = process.cpu_nanoseconds(pid)
    counted = wrk(target, seconds)
    cpu_ns = process.settled_cpu_nanoseconds(pid) - cpu
    wall = time.monotonic() - began
    require_clean(counted, workload)
    ours = cpu_ns / 1e9 + load_seconds(target) - load
    others = process.machine_busy_seconds() - busy - ours
    duration = counted["duration_us"] / 1e6
    requests = counted["bytes"] / target.answer_bytes if workload.by_bytes else counted["requests"]
    return {
        "rps": requests / duration,
        "p99_ms": counted["p99_us"] / 1e3,
        "mb_s": counted["bytes"] / duration / 1e6,
        "cpu_us": cpu_ns / 1e3 / requests,
        "busy": cpu_ns / 1e9 / duration,
        "others": max(0.0, others / wall),
    }


def under_handshakes(target: Target, seconds: float) -> Sample:
    """What a new connection costs: openssl resumes no session when it is told so."""
    assert target.child is not None
    workload, pid = target.place.workload, target.child.pid
    command = ["openssl", "s_time", "-connect", f"127.0.0.1:{target.place.port}", "-new", "-tls1_3",
               "-time", str(max(1, round(seconds))), "-www", f"/{workload.document}"]
    logs = [target.place.home / f"s_time-{number}.log" for number in range(workload.connections)]
    busy, load = process.machine_busy_seconds(), load_seconds(target)
    cpu = process.settled_cpu_nanoseconds(pid)
    began = time.monotonic()
    clients = [process.Child(command, log, target.cpus.load) for log in logs]
    try:
        for client in clients:
            client.process.wait(seconds + 3 * PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        raise Failure("openssl s_time does not end") from None
    finally:
        for client in clients:
            client.stop()
    cpu_ns = process.settled_cpu_nanoseconds(pid) - cpu
    wall = time.monotonic() - began
    ours = cpu_ns / 1e9 + load_seconds(target) - load
    done = [re.search(r"^(\d+) connections in \d+ real seconds, (\d+) bytes read per connection$",
                      log.read_text(), re.MULTILINE) for log in logs]
    # It asks in HTTP/1.0 and reads to the end.
    if not all(found and int(found[2]) > len(workload.document) for found in done):
        raise Failure(f"openssl s_time failed: {logs[0].read_text().strip()[-300:]}")
    handshakes = sum(int(found[1]) for found in done if found)
    return {
        "rps": handshakes / seconds,
        "cpu_us": cpu_ns / 1e3 / handshakes,
        "others": max(0.0, (process.machine_busy_seconds() - busy - ours) / wall),
    }


def first_answer(target: Target, _seconds: float) -> Sample:
    """Milliseconds from starting the process to the first bytes of its first answer."""
    request = f"GET /{target.place.workload.document} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    began = time.monotonic()
    child = servers.start(target.server, target.program, target.place, target.cpus.server)
    try:
        while time.monotonic() - began < PATIENCE_SECONDS and not child.has_ended():
            with contextlib.suppress(ConnectionError), \
                    socket.create_connection(("127.0.0.1", target.place.port), 5) as connection:
                connection.sendall(request)
                if connection.recv(4096).startswith(b"HTTP/1.1 200 "):
                    return {"start_ms": (time.monotonic() - began) * 1e3}
                break
            time.sleep(0.0002)
        raise Failure("no answer after the start")
    finally:
        child.stop()


def idle_memory(target: Target, _seconds: float) -> Sample:
    """Bytes each idle connection adds to a fresh server, after one answered request on it."""
    place = target.place
    with servers.running(target.server, target.program, place, target.cpus.server) as child, \
            contextlib.ExitStack() as connections:
        check(target)
        before = process.memory_bytes(child.pid)
        for _ in range(place.workload.connections):
            connection = connections.enter_context(contextlib.closing(
                http.client.HTTPConnection("127.0.0.1", place.port, timeout=PATIENCE_SECONDS)))
            connection.request("GET", "/" + place.workload.document)
            connection.getresponse().read()
        process.settled_cpu_nanoseconds(child.pid)
        grown = process.memory_bytes(child.pid) - before
        return {"idle_bytes": grown / place.workload.connections}


# How a sample is taken, and whether the server runs through all rounds.
KINDS: dict[str, tuple[Take, bool]] = {
    "load": (under_load, True),
    "handshake": (under_handshakes, True),
    "start": (first_answer, False),
    "idle": (idle_memory, False),
}
