# SPDX-License-Identifier: MIT
"""FastCGI and SCGI: large bodies of requests and answers, those that nobody reads, and what they cost."""
import hashlib
import os
import threading

import pytest

import wire
from fastcgi_server import HEAD, digesting, start_all, text

LARGE = 20 << 20
FLAT = 12 << 20  # what the server may grow by, whatever goes through


@pytest.fixture(params=["fastcgi", "scgi"])
def start(server, tmp_path, request):
    yield from start_all(server, tmp_path, request.param)


@pytest.mark.parametrize("closes", [False, True])
@pytest.mark.parametrize("tcp", [False, True])
def test_a_program_may_answer_before_it_has_read_the_body(start, closes, tcp):
    running, program = start(tcp=tcp)

    def script(connection, request):
        connection.answer(HEAD + b"not interested")
        if closes:
            connection.close()  # which resets it, since there is more to read
    program.script = script
    with running.client() as client:
        client.send_gently(wire.request("/x", "POST", body=b"x" * 5_000_000))
        answer = client.response()
        assert (answer.status, answer.body) == (200, b"not interested")
    program.script = text()
    assert running.fetch("/x").body == b"body"


def test_a_body_is_kept_until_it_is_whole_where_the_route_says_so(start):
    running, program = start("buffer_body = true")
    with running.client() as client:
        client.send(wire.request("/slow", "POST", ["Content-Length: 4"]) + b"bo")
        assert running.fetch("/quick").status == 200
        assert [request.variables["PATH_INFO"] for request in program.requests] == ["/quick"]
        client.send(b"dy")
        assert client.response().status == 200
    assert program.requests[-1].body == b"body"


@pytest.mark.parametrize("keys", ["", "buffer_body = true"])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_large_upload_arrives_and_takes_no_memory(start, keys, is_chunked):
    running, program = start(keys)
    program.script = digesting
    running.fetch("/x")
    before = running.memory()
    piece = os.urandom(1 << 20)
    with running.client() as client:
        client.send(wire.request("/x", "POST", ["Transfer-Encoding: chunked"] if is_chunked else [f"Content-Length: {LARGE}"]))
        for _ in range(LARGE >> 20):
            client.send(b"%x\r\n%s\r\n" % (len(piece), piece) if is_chunked else piece)
        client.send(b"0\r\n\r\n" if is_chunked else b"")
        assert client.response().body.decode() == hashlib.sha256(piece * (LARGE >> 20)).hexdigest()
    assert running.memory("VmHWM") - before < FLAT or not running.has_bounded_memory()
    assert program.requests[-1].variables["CONTENT_LENGTH"] == str(LARGE)


@pytest.mark.parametrize("keys", ["", "buffer_response = true"])
def test_a_large_download_takes_no_memory_however_slow_its_client(start, keys):
    running, program = start(keys)
    piece = os.urandom(1 << 20)
    given = threading.Event()

    def script(connection, request):
        connection.output(HEAD)
        for _ in range(LARGE >> 20):
            connection.output(piece)
        connection.end()
        given.set()
    running.fetch("/x")
    program.script = script
    before = running.memory()
    with running.client(receive_buffer=1 << 16) as client:
        client.send(wire.request("/x"))
        client.read_until(b"\r\n\r\n")
        assert given.wait(wire.DEADLINE if keys else 0.3) == bool(keys)
        client.unread = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + client.unread
        assert client.response().body == piece * (LARGE >> 20)
    assert running.memory("VmHWM") - before < FLAT or not running.has_bounded_memory()
