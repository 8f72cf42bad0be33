# SPDX-License-Identifier: MIT
"""The reverse proxy: bodies that are passed on as they come, or are taken whole first, and how much memory that needs."""
import contextlib
import socket
import threading

import pytest

import upstreams
import wire
from upstreams import answer, proxy

MANY = 128 << 20
PIECE = bytes(range(256)) * 1024
ENOUGH = 32 << 20  # of growth: the socket buffers of the kernel are none of it
LIMIT = 'body_bytes = "8GiB"'


def head(size):
    return f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode()


def pour(connection, octets):
    for _ in range(octets // len(PIECE)):
        connection.send(PIECE)
        connection.upstream.poured += len(PIECE)


def drain(connection, octets):
    """Reads so much and forgets it; octets that are wrong are told."""
    left, at = octets, 0
    while left > 0:
        piece = connection.read(min(left, len(PIECE)))
        assert piece == PIECE[:len(piece)], f"wrong octets near {at}"
        left -= len(piece)
        at += len(piece)


def stalls(value):
    """Waits until the value, which grows, has not for a while, and returns it."""
    seen = [value()]

    def is_still():
        seen.append(value())
        return len(seen) > 50 and seen[-1] > 0 and len(set(seen[-50:])) == 1

    wire.wait_until(is_still, "it stops growing")
    return seen[-1]


@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
def test_first_octets_of_an_answer_arrive_before_the_last_are_made(server, upstream, is_chunked):
    go_on = threading.Event()

    def behave(connection):
        connection.asked()
        chunk = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"
        connection.send(chunk if is_chunked else head(9) + b"first")
        assert go_on.wait(wire.DEADLINE)
        connection.send(b"4\r\nlast\r\n0\r\n\r\n" if is_chunked else b"last")

    with server(proxy(upstream(behave))).client() as client:
        client.send(wire.request("/"))
        client.read_until(b"first")
        go_on.set()
        assert client.read_until(b"last")


def test_head_arrives_before_the_body_is_made(server, upstream):
    go_on = threading.Event()

    def behave(connection):
        connection.asked()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert go_on.wait(wire.DEADLINE)
        connection.send(b"0\r\n\r\n")

    with server(proxy(upstream(behave))).client() as client:
        client.send(wire.request("/"))
        assert b"event-stream" in client.read_until(b"\r\n\r\n")
        go_on.set()
        assert client.read_until(b"0\r\n\r\n")


@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
def test_first_octets_of_a_body_arrive_before_the_last_are_sent(server, upstream, is_chunked):
    arrived = threading.Event()

    def behave(connection):
        asked = connection.head()
        connection.read_until(b"first")
        arrived.set()
        connection.read_until(b"last")
        if is_chunked:
            connection.read_until(b"0\r\n\r\n")
        connection.send(answer(asked.method.encode()))

    with server(proxy(upstream(behave))).client() as client:
        client.send(wire.request("/", "POST", ["Transfer-Encoding: chunked" if is_chunked else "Content-Length: 9"]))
        client.send(b"5\r\nfirst\r\n" if is_chunked else b"first")
        assert arrived.wait(wire.DEADLINE)
        client.send(b"4\r\nlast\r\n0\r\n\r\n" if is_chunked else b"last")
        assert client.response().body == b"POST"


@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("size", [9, 300_000])
def test_buffered_body_is_whole_before_the_upstream_hears_of_it(server, upstream, is_chunked, size):
    up = upstream(upstreams.serving(lambda asked: answer(asked.get("Content-Length").encode() + b" " + asked.body)))
    running = server(proxy(up, "buffer_body = true"))
    body = (PIECE * 2)[:size]
    octets = wire.chunked(body, 1000) if is_chunked else body
    with running.client() as client:
        client.send(wire.request("/", "POST", ["Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {size}"]))
        client.send(octets[:-1])
        assert not client.is_closed(0.2) and not up.connections
        client.send(octets[-1:])
        assert client.response().body == f"{size} ".encode() + body


def test_buffered_body_announces_no_trailers(server, upstream):
    up = upstream(upstreams.serving(lambda asked: answer(asked.body)))
    with server(proxy(up, "buffer_body = true")).client() as client:
        client.send(wire.request("/", "POST", ["Transfer-Encoding: chunked", "Trailer: X-Sum"]) + b"3\r\nabc\r\n0\r\nX-Sum: 17\r\n\r\n")
        assert client.response().body == b"abc"
    assert not up.requests[0].all("Trailer") and up.requests[0].get("Content-Length") == "3"


def test_buffered_body_answers_an_expectation_itself(server, upstream):
    up = upstream(upstreams.serving(lambda asked: answer(asked.body)))
    with server(proxy(up, "buffer_body = true")).client() as client:
        client.send(wire.request("/", "POST", ["Expect: 100-continue", "Content-Length: 4"]))
        assert client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        client.send(b"body")
        assert client.response().body == b"body"
    assert not up.requests[0].all("Expect")


def test_client_that_sends_before_it_reads_is_not_left_waiting(server, upstream):
    """Its upstream has answered and gone, while a part of its body waited."""
    size = 20 << 20
    page = b"p" * (3 << 20)

    def answer_and_go(connection):
        connection.head()
        connection.send(answer(page, fields=["Connection: close"]))
        connection.half_close()
        gone.wait(wire.DEADLINE)

    gone = threading.Event()
    running = server(proxy(upstream(answer_and_go), "buffer_response = true\nbody_bytes = '1GiB'"))
    try:
        with running.client() as client:
            client.send(wire.request("/", "POST", [f"Content-Length: {size}"]) + b"x" * size)
            assert client.response().body == page
    finally:
        gone.set()


def test_upstream_that_waits_for_the_client_has_time(server, upstream):
    """An answer that begins before the request has ended, and a client that pauses for longer than idle_timeout."""
    running = server(proxy(upstream(upstreams.echoing_early()), 'idle_timeout = "100ms"'))
    with running.client() as client:
        client.send(wire.request("/", "POST", ["Content-Length: 6"]) + b"abc")
        assert client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")
        assert not client.is_closed(0.5)
        client.send(b"def")
        assert client.read_until(b"0\r\n\r\n") == b"6\r\nabcdef\r\n0\r\n\r\n"


def test_client_that_leaves_in_a_buffered_body_asks_nobody(server, upstream):
    up = upstream(upstreams.serving(lambda asked: answer(asked.body)))
    running = server(proxy(up, "buffer_body = true"))
    before = running.open_files()
    client = running.client()
    client.send(wire.request("/", "POST", ["Content-Length: 300000"]) + b"x" * 200_000)
    client.reset()
    wire.wait_until(lambda: running.open_files() <= before, "forgotten")
    assert not up.connections


def test_buffered_answer_frees_the_upstream_though_the_client_reads_nothing(server, upstream):
    def behave(connection):
        while connection.asked():
            connection.send(head(MANY))
            pour(connection, MANY)

    up = upstream(behave)
    up.poured = 0
    running = server(proxy(up, "buffer_response = true"))
    before = running.memory()
    with running.client(receive_buffer=65536) as client:
        client.send(wire.request("/"))
        wire.wait_until(lambda: up.poured == MANY, "all of it is taken")
        if running.has_bounded_memory():
            assert running.memory() - before < ENOUGH
        client.read_until(b"\r\n\r\n")
        drain(client, MANY)


def test_upstream_is_stopped_where_the_client_reads_nothing(server, upstream):
    def behave(connection):
        connection.asked()
        connection.send(head(1 << 30))
        pour(connection, 1 << 30)

    up = upstream(behave)
    up.poured = 0
    running = server(proxy(up))
    before = running.memory()
    with running.client(receive_buffer=65536) as client:
        client.send(wire.request("/"))
        assert stalls(lambda: up.poured) < 64 << 20
        if running.has_bounded_memory():
            assert running.memory() - before < ENOUGH
        client.read_until(b"\r\n\r\n")
        drain(client, 64 << 20)
        client.reset()


def test_client_is_stopped_where_the_upstream_reads_nothing(server, upstream):
    release = threading.Event()
    up = upstream(lambda connection: (connection.head(), release.wait(wire.DEADLINE)))
    running = server(proxy(up, LIMIT))
    before = running.memory()
    sent = [0]
    with running.client() as client:
        client.send(wire.request("/", "POST", [f"Content-Length: {1 << 30}"]))

        def send_all():
            try:
                while sent[0] < 1 << 30:
                    client.send(PIECE)
                    sent[0] += len(PIECE)
            except OSError:
                pass

        sender = threading.Thread(target=send_all)
        sender.start()
        assert stalls(lambda: sent[0]) < 64 << 20
        if running.has_bounded_memory():
            assert running.memory() - before < ENOUGH
        release.set()
        with contextlib.suppress(OSError):  # the server may have broken off already
            client.socket.shutdown(socket.SHUT_RDWR)
        sender.join()


def drain_chunks(peer):
    """Reads chunks to their end, forgets them, and returns how many octets they had."""
    at = 0
    while octets := int(peer.read_until(b"\r\n"), 16):
        assert peer.read(octets) == (PIECE + PIECE)[at % 256:at % 256 + octets], f"wrong octets behind {at}"
        assert peer.read(2) == b"\r\n"
        at += octets
    assert peer.read(2) == b"\r\n"
    return at


def pass_both_ways(server, upstream, size, is_chunked):
    framing = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {size}"

    def give(peer):
        for _ in range(size // len(PIECE)):
            peer.send(b"%x\r\n%s\r\n" % (len(PIECE), PIECE) if is_chunked else PIECE)
        peer.send(b"0\r\n\r\n" if is_chunked else b"")

    def take(peer):
        assert not is_chunked or drain_chunks(peer) == size
        assert is_chunked or drain(peer, size) is None

    def behave(connection):
        connection.head()
        take(connection)
        connection.send(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode())
        give(connection)

    running = server(proxy(upstream(behave), LIMIT))
    before = running.memory()
    with running.client() as client:
        client.send(wire.request("/", "POST", [framing]))
        give(client)
        client.read_until(b"\r\n\r\n")
        take(client)
    if running.has_bounded_memory():
        assert running.memory("VmHWM") - before < ENOUGH


@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
def test_large_bodies_pass_both_ways_in_flat_memory(server, upstream, is_chunked):
    pass_both_ways(server, upstream, MANY, is_chunked)
