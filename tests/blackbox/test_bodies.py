# SPDX-License-Identifier: MIT
"""Request bodies on their way to a program: lengths, chunks, trailers, Expect, and answers that come before the body's end."""
import hashlib
import os
import time

import pytest

import wire
from sites import ECHO, VARIABLES, site
from wire import chunked, request

CONFIG = """
[limits]
body_bytes = "8MiB"
body_timeout = "2s"
[[site]]
root = "www"
[[site.route]]
path = "/cgi-bin/*"
handler = "cgi"
root = "cgi-bin"
[[site.route]]
path = "/stream/*"
handler = "cgi"
root = "cgi-bin"
buffer_body = false
[[site.route]]
path = "/small/*"
handler = "cgi"
root = "cgi-bin"
body_bytes = 10
"""
SUM = "#!/bin/sh\nsum=$(cksum)\nprintf 'Content-Type: text/plain\\r\\n\\r\\n%s' \"$sum\"\n"
NO_BODY_READ = "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\nnot interested'\n"


@pytest.fixture(scope="module")
def bodies(shared_server, shared_tmp):
    site(shared_tmp, {"a.txt": "the file a"})
    site(shared_tmp, {"echo": ECHO, "variables": VARIABLES, "ignore": NO_BODY_READ, "sum": SUM}, "cgi-bin")
    return shared_server(CONFIG)


def post(target, *fields, version="HTTP/1.1"):
    return request(target, "POST", fields, version=version)


@pytest.mark.parametrize("route", ["/cgi-bin", "/stream"])
@pytest.mark.parametrize("octets", [0, 1, 7, 65535, 65536, 65537, 1_000_000, 5_000_000])
def test_body_of_known_length_reaches_the_program_and_comes_back(bodies, route, octets):
    body = os.urandom(octets)
    answer = bodies.fetch(f"{route}/echo", method="POST", body=body)
    assert answer.status == 200 and hashlib.sha256(answer.body).digest() == hashlib.sha256(body).digest()


@pytest.mark.parametrize("octets,size", [(0, 1), (1, 1), (300, 1), (70_000, 4096), (3_000_000, 1_000_000)])
def test_chunked_body_reaches_the_program_and_comes_back(bodies, octets, size):
    body = os.urandom(octets)
    with bodies.client() as client:
        for _ in range(2):
            client.send(post("/cgi-bin/echo", "Transfer-Encoding: chunked") + chunked(body, size))
            assert client.response("POST").body == body
        assert client.request("/a.txt").body == b"the file a"


CHUNKS = {
    "upper-case size": (b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    "zeros before the size": (b"00000a\r\n0123456789\r\n000\r\n\r\n", b"0123456789"),
    "extension": (b"3;name\r\nabc\r\n0;name\r\n\r\n", b"abc"),
    "extension with a value": (b"3;name=value;b=c\r\nabc\r\n0\r\n\r\n", b"abc"),
    "extension with a quoted value": (b'3;name="a;\\"b"\r\nabc\r\n0\r\n\r\n', b"abc"),
    "white space around the extension": (b"3 ; name = value\r\nabc\r\n0\r\n\r\n", b"abc"),
    "line ends inside": (b"6\r\n\r\n0\r\n\r\r\n0\r\n\r\n", b"\r\n0\r\n\r"),
    "trailers": (b"3\r\nabc\r\n0\r\nX-Trailer: value\r\nProxy: evil\r\n\r\n", b"abc"),
}


@pytest.mark.parametrize("octets,body", CHUNKS.values(), ids=list(CHUNKS))
@pytest.mark.parametrize("step", [1, 2, 1000])
def test_chunks_are_decoded(bodies, octets, body, step):
    with bodies.client() as client:
        client.send(post("/cgi-bin/echo", "Transfer-Encoding: chunked"))
        for at in range(0, len(octets), step):
            client.send(octets[at:at + step])
        assert client.response("POST").body == body
        assert client.request("/a.txt").body == b"the file a"


def test_program_is_told_the_length_of_a_chunked_body_and_no_trailers(bodies):
    with bodies.client() as client:
        client.send(post("/cgi-bin/variables", "Transfer-Encoding: chunked", "Trailer: X-Trailer")
                    + b"3\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: evil\r\nProxy: evil\r\nContent-Length: 99\r\n\r\n")
        variables = client.response("POST").body.decode().splitlines()
    assert "CONTENT_LENGTH=5" in variables
    assert not [line for line in variables if "evil" in line or line.startswith("HTTP_TRANSFER_ENCODING")]


def test_streamed_route_takes_a_body_without_a_length(bodies):
    with bodies.client() as client:
        client.send(post("/stream/echo", "Transfer-Encoding: chunked") + chunked(b"abc"))
        assert client.response("POST").body == b"abc"


def test_post_without_length_has_no_body(bodies):
    with bodies.client() as client:
        client.send(post("/cgi-bin/echo"))
        answer = client.response("POST")
        assert (answer.status, answer.body) == (200, b"")
        assert client.request("/a.txt").status == 200


# Expect: RFC 9110 section 10.1.1.

@pytest.mark.parametrize("route", ["/cgi-bin", "/stream"])
@pytest.mark.parametrize("value", ["100-continue", "100-Continue"])
def test_client_that_waits_is_told_to_continue(bodies, route, value):
    with bodies.client() as client:
        client.send(post(f"{route}/echo", f"Expect: {value}", "Content-Length: 5"))
        assert wire.parse_head(client.read_until(b"\r\n\r\n")).status == 100
        client.send(b"hello")
        answer = client.response("POST")
        assert (answer.status, answer.body) == (200, b"hello") and not answer.interim
        assert client.request("/a.txt").status == 200


def test_client_that_does_not_wait_gets_one_answer(bodies):
    with bodies.client() as client:
        client.send(post("/cgi-bin/echo", "Expect: 100-continue", "Content-Length: 5") + b"hello")
        assert client.response("POST").body == b"hello"
        assert client.request("/a.txt").status == 200


def test_expect_without_a_body_means_nothing(bodies):
    with bodies.client() as client:
        answer = client.request("/a.txt", fields=["Expect: 100-continue"])
        assert answer.status == 200 and not answer.interim


def test_http_1_0_is_never_told_to_continue(bodies):
    with bodies.client() as client:
        client.send(post("/cgi-bin/echo", "Expect: 100-continue", "Content-Length: 5", version="HTTP/1.0") + b"hello")
        answer = client.response("POST")
        assert answer.body == b"hello" and not answer.interim


@pytest.mark.parametrize("target,length,status", [("/a.txt", 5, 405), ("/small/echo", 11, 413),
                                                  ("/cgi-bin/echo", 1 << 40, 413), ("/cgi-bin/missing", 5, 404)])
def test_client_that_waits_in_vain_gets_the_final_answer_at_once(bodies, target, length, status):
    with bodies.client() as client:
        client.send(post(target, "Expect: 100-continue", f"Content-Length: {length}"))
        answer = client.response("POST")
        assert answer.status == status and not answer.interim
        # The client may send the body or not, and only it knows: the connection cannot go on.
        assert answer.get("Connection") == "close"
        assert client.read_to_end() == b""


# Answers that do not need the body.

@pytest.mark.parametrize("target,status", [("/cgi-bin/missing", 404), ("/a.txt", 405), ("/small/echo", 413), ("/cgi-bin/ignore", 200)])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_unread_body_is_never_taken_for_a_request(bodies, target, status, framing):
    body = request("/smuggled") * 30
    with bodies.client() as client:
        if framing == "length":
            client.send(post(target, f"Content-Length: {len(body)}") + body)
        else:
            client.send(post(target, "Transfer-Encoding: chunked") + chunked(body, 100))
        client.send(request("/a.txt"))
        answer = client.response("POST")
        assert answer.status == status
        if answer.get("Connection") == "close":
            assert client.read_to_end() == b""
        else:
            assert client.response().body == b"the file a"


def test_early_answer_comes_before_the_body_and_the_connection_goes_on_behind_it(bodies):
    with bodies.client() as client:
        client.send(post("/cgi-bin/missing", "Content-Length: 1000"))
        answer = client.response("POST")
        assert answer.status == 404
        assert answer.get("Connection") is None
        client.send(b"x" * 1000 + request("/a.txt"))
        assert client.response().body == b"the file a"


@pytest.mark.parametrize("chunks", [b"zz\r\n", b"5\r\nhelloX", b"5\nhello\r\n0\r\n\r\n"])
def test_broken_body_behind_an_early_answer_gets_no_second_one(bodies, chunks):
    with bodies.client() as client:
        client.send(post("/a.txt", "Transfer-Encoding: chunked"))
        assert client.response("POST").status == 405
        client.send_gently(chunks + request("/smuggled"))
        assert client.read_to_end() == b""


@pytest.mark.parametrize("octets", [300_000, 900_000])
def test_answer_arrives_though_the_client_goes_on_sending(bodies, octets):
    with bodies.client() as client:
        client.send(post("/cgi-bin/missing", f"Content-Length: {octets}"))
        client.send_gently(b"x" * octets)
        assert client.response("POST").status == 404


def test_promised_body_that_never_ends_is_cut_off(server, bodies, shared_tmp):
    """By time: whoever sends fast may send much before it reads the answer."""
    running = server(CONFIG.replace("[limits]", '[limits]\nsend_timeout = "500ms"'), tmp=shared_tmp)
    with running.client() as client:
        client.send(post("/cgi-bin/echo", f"Content-Length: {1 << 40}"))
        answer = client.response("POST")
        assert (answer.status, answer.get("Connection")) == (413, "close")
        until = time.monotonic() + wire.DEADLINE
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while time.monotonic() < until:
                client.send(b"x" * 65536)


@pytest.mark.parametrize("octets", [300_000, 20_000_000])
def test_refusal_of_a_large_body_arrives(bodies, octets):
    with bodies.client() as client:
        client.send(post("/small/echo", "Transfer-Encoding: chunked"))
        client.send_gently(chunked(b"x" * octets, 100_000))
        assert client.response("POST").status == 413


@pytest.mark.parametrize("route", ["/cgi-bin", "/stream"])
def test_body_that_stays_away_is_timed_out(bodies, route):
    with bodies.client() as client:
        client.send(post(f"{route}/sum", "Content-Length: 10") + b"12345")
        answer = client.response("POST")
        assert (answer.status, answer.get("Connection")) == (408, "close")
        assert client.read_to_end() == b""


@pytest.mark.parametrize("route", ["/cgi-bin", "/stream"])
@pytest.mark.parametrize("octets", [b"Content-Length: 10\r\n\r\n12345", b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"],
                         ids=["length", "chunked"])
def test_body_cut_short_by_the_client_gets_no_good_answer(bodies, route, octets):
    with bodies.client() as client:
        client.send(f"POST {route}/sum HTTP/1.1\r\nHost: x\r\n".encode() + octets)
        client.half_close()
        assert not client.read_to_end().startswith(b"HTTP/1.1 200")
