# SPDX-License-Identifier: MIT
"""The reverse proxy: upstreams whose answers are wrong, or end early, and which end of it the client sees."""
import re

import pytest

import upstreams
import wire
from upstreams import answer, route

OK = b"HTTP/1.1 200 OK\r\n"
LEAK = b"LEAKED"
# What no client may be given any of: {name: octets}.
FAULTS = {
    "length and coding": OK + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nLEAKED\r\n0\r\n\r\n",
    "two lengths": OK + b"Content-Length: 6\r\nContent-Length: 7\r\n\r\nLEAKED",
    "two lengths in a list": OK + b"Content-Length: 6, 7\r\n\r\nLEAKED",
    "signed length": OK + b"Content-Length: +6\r\n\r\nLEAKED",
    "negative length": OK + b"Content-Length: -6\r\n\r\nLEAKED",
    "hexadecimal length": OK + b"Content-Length: 0x6\r\n\r\nLEAKED",
    "empty length": OK + b"Content-Length: \r\n\r\nLEAKED",
    "vast length": OK + b"Content-Length: 99999999999999999999\r\n\r\nLEAKED",
    "other coding": OK + b"Transfer-Encoding: gzip\r\n\r\nLEAKED",
    "coding behind chunked": OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n6\r\nLEAKED\r\n0\r\n\r\n",
    "chunked twice": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nLEAKED\r\n0\r\n\r\n",
    "chunked in 1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nLEAKED\r\n0\r\n\r\n",
    "bare LF": OK + b"X-Leak: LEAKED\nContent-Length: 0\r\n\r\n",
    "bare LF at the end": b"HTTP/1.1 200 OK\nContent-Length: 6\n\nLEAKED",
    "bare CR": OK + b"X-Leak: LEAKED\rX-Other: 1\r\nContent-Length: 0\r\n\r\n",
    "fold": OK + b"X-Leak: LEAKED\r\n folded\r\nContent-Length: 0\r\n\r\n",
    "NUL in a value": OK + b"X-Leak: LEAK\0ED\r\nContent-Length: 0\r\n\r\n",
    "control in a value": OK + b"X-Leak: LEAKED\x1b[1m\r\nContent-Length: 0\r\n\r\n",
    "space before the colon": OK + b"Content-Length : 6\r\n\r\nLEAKED",
    "space in a name": OK + b"X Leak: LEAKED\r\nContent-Length: 0\r\n\r\n",
    "no colon": OK + b"LEAKED\r\nContent-Length: 0\r\n\r\n",
    "empty name": OK + b": LEAKED\r\nContent-Length: 0\r\n\r\n",
    "no status": b"HTTP/1.1 LEAKED\r\nContent-Length: 0\r\n\r\n",
    "status of two digits": b"HTTP/1.1 20 LEAKED\r\nContent-Length: 0\r\n\r\n",
    "status of four digits": b"HTTP/1.1 2000 LEAKED\r\nContent-Length: 0\r\n\r\n",
    "status below 100": b"HTTP/1.1 099 LEAKED\r\nContent-Length: 0\r\n\r\n",
    "status beyond 599": b"HTTP/1.1 600 LEAKED\r\nContent-Length: 0\r\n\r\n",
    "HTTP/2": b"HTTP/2 200 LEAKED\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.2 of another name": b"ICY 200 LEAKED\r\nContent-Length: 0\r\n\r\n",
    "HTTP/0.9": b"<p>LEAKED</p>",
    "lower case": b"http/1.1 200 LEAKED\r\nContent-Length: 0\r\n\r\n",
    "leading space": b" HTTP/1.1 200 LEAKED\r\nContent-Length: 0\r\n\r\n",
    "too many fields": OK + b"".join(b"X-%d: LEAKED\r\n" % i for i in range(300)) + b"Content-Length: 0\r\n\r\n",
    "17 interim answers": b"HTTP/1.1 102 LEAKED\r\n\r\n" * 17 + answer(LEAK),
    "101 unasked": b"HTTP/1.1 101 LEAKED\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nLEAKED",
    "interim answer with a length": b"HTTP/1.1 103 Hints\r\nContent-Length: 6\r\n\r\nLEAKED" + answer(LEAK),
    "random octets": bytes(range(256)) + LEAK,
    "TLS alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "early end in the status line": b"HTTP/1.1 200 LEAK",
    "early end in a field": OK + b"X-Leak: LEAKED",
    "early end before the empty line": OK + b"X-Leak: LEAKED\r\n",
    "early end behind an interim answer": b"HTTP/1.1 100 Continue\r\n\r\n",
}
# Heads that have no end are cut off at their limit.
ENDLESS = {"endless field": OK + b"X-Leak: ", "endless status line": b"HTTP/1.1 200 ", "endless fields": OK}

# A head that promises more than follows: {name: octets}.
SHORT = {
    "length": OK + b"Content-Length: 100\r\n\r\npart",
    "long length": OK + b"Content-Length: 1000000\r\n\r\n" + b"part" * 50_000,
    "nothing of a length": OK + b"Content-Length: 100\r\n\r\n",
    "chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n64\r\npart",
    "behind a chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
    "in the last chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n0\r\n",
    "in the trailers": OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n0\r\nX-Sum: 1\r\n",
    "bad chunk size": OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\nLEAKED\r\n0\r\n\r\n",
    "negative chunk size": OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n-1\r\nLEAKED",
    "vast chunk size": OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\nffffffffffffffffff\r\nLEAKED",
    "chunk that is too long": OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\npartLEAKED\r\n0\r\n\r\n",
    "chunk lines with bare LF": OK + b"Transfer-Encoding: chunked\r\n\r\n4\npart\n0\n\n",
    "bad trailer": OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n0\r\nLEAKED\r\n\r\n",
}


def behave(connection):
    while asked := connection.asked():
        kind, number = asked.target.strip("/").split("/")
        if kind == "good":
            connection.send(answer(b"good"))
            continue
        if kind == "endless":
            connection.send(list(ENDLESS.values())[int(number)])
            piece = b"X-Leak: LEAKED\r\n" * 4096 if int(number) == 2 else LEAK * 10_000
            while True:
                connection.send(piece)
        connection.send(list((FAULTS if kind == "fault" else SHORT).values())[int(number)])
        return connection.finish()
    return None


@pytest.fixture(scope="module")
def running(shared_server, shared_upstream):
    up = shared_upstream(behave)
    server = shared_server("[server]\nworkers = 1\n[[site]]\n" +
                           route(up, "strip_prefix = '/buffered'\nbuffer_response = true", "/buffered/*") + route(up))
    server.upstream = up
    return server


def complaints(running):
    return re.findall(r"(?m)^.*upstream http://\S+: (?!answers again).*$", running.log_text())


def refused(running, target):
    before = len(complaints(running))
    with running.client() as client:
        answered = client.request(target)
        assert answered.status == 502 and LEAK[:4] not in answered.body, answered
        assert "leak" not in repr(answered.fields).lower(), answered
        # The connection of the client is as good as before.
        assert client.request("/good/0").body == b"good"
    wire.wait_until(lambda: len(complaints(running)) > before, "a line in the log")
    logged = complaints(running)[before:]
    assert len(logged) == 1, logged
    assert "\x1b" not in logged[0] and "\0" not in logged[0]


@pytest.mark.parametrize("name", FAULTS)
def test_faulty_head_is_502_and_one_line_in_the_log(running, name):
    refused(running, f"/fault/{list(FAULTS).index(name)}")


@pytest.mark.parametrize("name", ENDLESS)
def test_endless_head_is_502_and_one_line_in_the_log(running, name):
    refused(running, f"/endless/{list(ENDLESS).index(name)}")


@pytest.mark.parametrize("prefix", ["", "/buffered"], ids=["streamed", "buffered"])
@pytest.mark.parametrize("name", SHORT)
def test_body_that_ends_early_is_seen_to_end_early(running, name, prefix):
    before = len(complaints(running))
    with running.client() as client:
        client.send(wire.request(f"{prefix}/short/{list(SHORT).index(name)}"))
        got = client.read_to_end()
    if got.startswith(b"HTTP/1.1 502 "):
        assert LEAK not in got
    else:
        with pytest.raises(wire.Closed):
            wire.responses(got, ["GET"])
        assert LEAK not in got and not got.endswith(b"\r\n0\r\n\r\n"), got[-100:]
    wire.wait_until(lambda: len(complaints(running)) > before, "a line in the log")
    assert len(complaints(running)) == before + 1, complaints(running)[before:]


@pytest.mark.parametrize("name", SHORT)
def test_http_1_0_client_sees_an_early_end_too(running, name):
    """Where no length says so the connection has to be reset: an end in order would be the end of the body."""
    with running.client() as client:
        client.send(f"GET /short/{list(SHORT).index(name)} HTTP/1.0\r\n\r\n".encode())
        try:
            got = b""
            while more := client.receive():
                got += more
        except ConnectionResetError:
            return
    if got.startswith(b"HTTP/1.1 502 "):
        return
    with pytest.raises(wire.Closed):
        wire.responses(got, ["GET"])


def test_answer_longer_than_its_length_is_cut_off(server, upstream):
    up = upstream(upstreams.saying(OK + b"Content-Length: 4\r\n\r\ngood" + LEAK))
    running = server(upstreams.proxy(up))
    with running.client() as client:
        for _ in range(3):
            assert client.request("/").body == b"good"
    assert len(up.connections) == 3


@pytest.mark.parametrize("octets", [b"stray", answer(LEAK)], ids=["garbage", "an answer"])
def test_octets_on_an_idle_connection_answer_no_request(server, upstream, octets):
    def behave_badly(connection):
        while connection.asked():
            connection.send(answer(b"good"))
            if connection.number == 0:
                wire.wait_until(lambda: up.is_told)
                connection.send_gently(octets)

    up = upstream(behave_badly)
    up.is_told = False
    running = server(upstreams.proxy(up))
    with running.client() as client:
        assert client.request("/").body == b"good"
        up.is_told = True
        wire.wait_until(lambda: up.connections[0].socket.fileno() < 0, "closed")
        assert client.request("/").body == b"good"
    assert len(up.connections) == 2


def test_head_octet_by_octet_is_a_head(server, upstream):
    def drip(connection):
        while connection.asked():
            connection.socket.setsockopt(6, 1, 1)
            for octet in answer(b"body", fields=["X-A: b"]):
                connection.send(bytes([octet]))

    with server(upstreams.proxy(upstream(drip))).client() as client:
        for _ in range(3):
            answered = client.request("/")
            assert answered.body == b"body" and answered.get("X-A") == "b"


@pytest.mark.parametrize("method, said", [("HEAD", answer(LEAK)), ("GET", b"HTTP/1.1 204 No Content\r\n\r\n" + LEAK),
                                          ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\n" + LEAK),
                                          ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\n" + LEAK)],
                         ids=["HEAD", "204", "304", "204 with a length"])
def test_body_where_none_may_be_is_nobodys_answer(server, upstream, method, said):
    up = upstream(upstreams.serving(lambda asked: said if asked.target == "/odd" else answer(b"good")))
    with server(upstreams.proxy(up)).client() as client:
        for _ in range(3):
            assert client.request("/odd", method).body == b""
            assert client.request("/").body == b"good"


def test_body_that_was_not_read_is_nobodys_request(server, upstream):
    smuggled = wire.request("/smuggled")

    def hasty(connection):
        while asked := connection.head():
            has_body = asked.get("Content-Length")
            connection.send(answer(b"early") if has_body else upstreams.mirror(asked))
            connection.body_of(asked)

    up = upstream(hasty)
    with server(upstreams.proxy(up)).client() as client:
        client.send(wire.request("/first", "POST", [f"Content-Length: {len(smuggled)}"]))
        assert client.response("POST").body == b"early"
        client.send_gently(smuggled)
        if not client.is_closed(0.2):
            assert upstreams.Request(client.request("/second").body).target == "/second"
    assert "/smuggled" not in up.targets
