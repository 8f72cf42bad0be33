# SPDX-License-Identifier: MIT
"""Bodies of 1 GiB through `fastcgi` and `scgi`, in both directions. Slow: with `scripts/test --all` only."""
import hashlib
import os

import pytest

import wire
from fastcgi_server import HEAD, digesting, start_all

PIECE = os.urandom(1 << 20)
PIECES = 1 << 10
FLAT = 16 << 20


@pytest.fixture(params=["fastcgi", "scgi"])
def start(server, tmp_path, request):
    yield from start_all(server, tmp_path, request.param)


@pytest.fixture(scope="module")
def digest():
    sum_of_all = hashlib.sha256()
    for _ in range(PIECES):
        sum_of_all.update(PIECE)
    return sum_of_all.hexdigest()


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_gibibyte_goes_up(start, digest, is_chunked):
    running, program = start()
    program.script = digesting
    running.fetch("/x")
    before = running.memory()
    with running.client() as client:
        fields = ["Transfer-Encoding: chunked"] if is_chunked else [f"Content-Length: {PIECES << 20}"]
        client.send(wire.request("/x", "POST", fields))
        for _ in range(PIECES):
            client.send(b"%x\r\n%s\r\n" % (len(PIECE), PIECE) if is_chunked else PIECE)
        client.send(b"0\r\n\r\n" if is_chunked else b"")
        assert client.response().body.decode() == digest
    assert running.memory("VmHWM") - before < FLAT or not running.has_bounded_memory()


@pytest.mark.parametrize("keys", ["", "buffer_response = true"])
def test_a_gibibyte_comes_down(start, digest, keys):
    running, program = start(keys)

    def script(connection, request):
        assert request.body == b""
        connection.output(b"Content-Length: %d\n" % (PIECES << 20) + HEAD)
        for _ in range(PIECES):
            connection.output(PIECE)
        connection.end()
    running.fetch("/x")
    program.script = script
    before = running.memory()
    seen = hashlib.sha256()
    with running.client() as client:
        client.send(wire.request("/x"))
        client.read_until(b"\r\n\r\n")
        for _ in range(PIECES):
            seen.update(client.read(1 << 20))
    assert seen.hexdigest() == digest
    assert running.memory("VmHWM") - before < FLAT or not running.has_bounded_memory()
