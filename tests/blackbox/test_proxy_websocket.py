# SPDX-License-Identifier: MIT
"""The reverse proxy: WebSockets (RFC 6455) and what else goes through the tunnel that they need."""
import base64
import hashlib
import json
import os
import struct
import threading
import time

import pytest

import upstreams
import wire
from upstreams import answer, proxy

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ASK = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}",
       "Origin: http://localhost"]


def accept(asked, fields=""):
    key = hashlib.sha1((asked.get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    return (f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{fields}"
            f"Sec-WebSocket-Accept: {base64.b64encode(key).decode()}\r\n\r\n").encode()


def frame(payload, opcode=2, mask=None):
    size = len(payload)
    bit = 128 if mask else 0
    longer = struct.pack("!BH", bit | 126, size) if size < 65536 else struct.pack("!BQ", bit | 127, size)
    length = bytes([bit | size]) if size < 126 else longer
    if mask:
        masks = (mask * (size // 4 + 1))[:size]
        payload = (int.from_bytes(payload, "big") ^ int.from_bytes(masks, "big")).to_bytes(size, "big")
    return bytes([128 | opcode]) + length + (mask or b"") + payload


def read_frame(peer):
    first, second = peer.read(2)
    size = second & 127
    if size == 126:
        size, = struct.unpack("!H", peer.read(2))
    elif size == 127:
        size, = struct.unpack("!Q", peer.read(8))
    mask = peer.read(4) if second & 128 else None
    payload = peer.read(size)
    return first & 15, frame(payload, mask=mask)[-size:] if mask and size else payload


def echo(connection):
    """A behaviour: a WebSocket server that sends back each message, and plain answers besides."""
    while asked := connection.asked():
        if not asked.all("Upgrade"):
            connection.send(answer(b"plain"))
            continue
        connection.send(accept(asked))
        opcode = None
        while opcode != 8:
            opcode, payload = read_frame(connection)
            connection.send(frame(payload, opcode))
        return


def hold(connection):
    """A behaviour: opens the tunnel, and leaves the connection to the test."""
    connection.send(accept(connection.asked()))
    connection.upstream.opened.append(connection)
    connection.upstream.release.wait(wire.DEADLINE)


@pytest.fixture
def holding(upstream):
    up = upstream(hold)
    up.opened, up.release = [], threading.Event()
    yield up
    up.release.set()


def opened(running, fields=()):
    client = running.client()
    client.send(wire.request("/chat?a=b", fields=[*ASK, *fields]))
    head = wire.parse_head(client.read_until(b"\r\n\r\n"))
    assert head.status == 101, head
    return client, head


def held(running, up):
    client, _ = opened(running)
    return client, wire.wait_until(lambda: up.opened and up.opened[-1])


def test_handshake_passes(server, upstream):
    up = upstream(echo)
    client, head = opened(server(proxy(up)), ["Sec-WebSocket-Protocol: chat"])
    assert head.get("Upgrade").lower() == "websocket" and head.get("Connection").lower() == "upgrade"
    assert head.all("Sec-WebSocket-Accept") == ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]
    assert not head.all("Content-Length") and not head.all("Transfer-Encoding")
    asked = up.requests[0]
    assert asked.target == "/chat?a=b" and asked.get("Connection").lower() == "upgrade" and asked.all("Upgrade") == ["websocket"]
    assert asked.all("Sec-WebSocket-Key") == [KEY] and asked.all("Sec-WebSocket-Protocol") == ["chat"]
    assert asked.all("X-Forwarded-For") == ["127.0.0.1"] and asked.all("Origin") == ["http://localhost"]
    client.close()


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 1 << 20, 16 << 20])
def test_messages_pass_both_ways(server, upstream, size):
    client, _ = opened(server(proxy(upstream(echo))))
    payload = os.urandom(size)
    sender = threading.Thread(target=client.send, args=[frame(payload, mask=b"mask")])
    sender.start()
    assert read_frame(client) == (2, payload)
    sender.join()
    client.send(frame(b"\x03\xe8", 8, b"mask"))
    assert read_frame(client) == (8, b"\x03\xe8")
    assert client.read_to_end() == b""
    client.close()


def test_many_small_messages_pass(server, upstream):
    client, _ = opened(server(proxy(upstream(echo))))
    for i in range(300):
        client.send(frame(str(i).encode(), 1, b"mask"))
        assert read_frame(client) == (1, str(i).encode())
    client.close()


def test_what_the_server_says_directly_behind_its_101_arrives(server, upstream):
    first = frame(b"hello" * 1000)
    up = upstream(lambda connection: (connection.send(accept(connection.asked()) + first), connection.read_to_end()))
    client, _ = opened(server(proxy(up)))
    assert read_frame(client) == (2, b"hello" * 1000)
    client.close()


def test_what_the_client_says_directly_behind_its_request_arrives(server, upstream):
    with server(proxy(upstream(echo))).client() as client:
        client.send(wire.request("/", fields=ASK) + frame(b"hello", 1, b"mask"))
        assert wire.parse_head(client.read_until(b"\r\n\r\n")).status == 101
        assert read_frame(client) == (1, b"hello")


def test_octets_that_are_no_frames_pass_too(server, holding):
    client, peer = held(server(proxy(holding)), holding)
    octets = bytes(range(256)) + b"GET / HTTP/1.1\r\n\r\n"
    client.send(octets)
    assert peer.read(len(octets)) == octets
    peer.send(octets)
    assert client.read(len(octets)) == octets
    client.close()


def test_client_may_end_and_still_be_told(server, holding):
    client, peer = held(server(proxy(holding)), holding)
    client.send(b"last words")
    client.half_close()
    assert peer.read_to_end() == b"last words"
    peer.send(b"an answer")
    assert client.read(9) == b"an answer"
    peer.close()
    assert client.read_to_end() == b""
    client.close()


def test_end_of_the_upstream_arrives_behind_what_it_has_said(server, holding):
    client, peer = held(server(proxy(holding)), holding)
    peer.send(b"x" * 1_000_000)
    peer.half_close()
    assert client.read_to_end() == b"x" * 1_000_000
    client.close()


@pytest.mark.parametrize("who", ["client", "upstream"])
def test_reset_of_one_ends_the_other(server, holding, who):
    running = server(proxy(holding))
    client, peer = held(running, holding)
    (client if who == "client" else peer).reset()
    other = peer if who == "client" else client
    wire.wait_until(lambda: other.is_closed(0.1), "the other end is told")
    other.close()


def test_silence_ends_with_tunnel_timeout_and_any_octet_puts_it_off(server, holding):
    client, peer = held(server(proxy(holding, 'tunnel_timeout = "500ms"\nidle_timeout = "100ms"\nhead_timeout = "100ms"')), holding)
    for _ in range(4):
        assert not client.is_closed(0.2)
        client.send(b"c")
        assert peer.read(1) == b"c" and not client.is_closed(0.2)
        peer.send(b"u")
        assert client.read(1) == b"u"
    begun = time.monotonic()
    assert client.is_closed(10) and time.monotonic() - begun > 0.3
    assert peer.read_to_end() == b""
    client.close()


def test_limits_of_requests_are_none_of_tunnels(server, holding):
    limits = "[limits]\nbody_bytes = 10\n" + "".join(
        f'{name}_timeout = "200ms"\n' for name in ("head", "body", "keep_alive", "send"))
    client, peer = held(server(proxy(holding, start=limits)), holding)
    assert not client.is_closed(1.0)
    client.send(b"x" * 1000)
    assert peer.read(1000) == b"x" * 1000
    peer.send(b"x" * 1000)
    assert client.read(1000) == b"x" * 1000
    client.close()


def test_websocket_false_sends_a_plain_request(server, upstream):
    up = upstream(echo)
    with server(proxy(up, "websocket = false")).client() as client:
        answered = client.request("/", fields=ASK)
        assert answered.status == 200 and answered.body == b"plain"
        assert not up.requests[0].all("Upgrade") and not up.requests[0].all("Connection")


@pytest.mark.parametrize("status", ["403 Forbidden", "200 OK", "426 Upgrade Required"])
def test_refused_upgrade_is_passed_on_and_the_connection_goes_on(server, upstream, status):
    up = upstream(upstreams.saying(answer(b"no", status)))
    with server(proxy(up)).client() as client:
        for _ in range(2):
            answered = client.request("/", fields=ASK)
            assert f"{answered.status} {answered.reason}" == status and answered.body == b"no"
    assert len(up.connections) == 1


@pytest.mark.parametrize("said", [b"Upgrade: h2c\r\n", b""], ids=["other", "none"])
def test_101_to_another_protocol_is_502(server, upstream, said):
    up = upstream(upstreams.saying(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n" + said + b"\r\nrest"))
    with server(proxy(up)).client() as client:
        answered = client.request("/", fields=ASK)
        assert answered.status == 502 and b"rest" not in answered.body


@pytest.mark.parametrize("method, fields, version", [("POST", ASK, "HTTP/1.1"), ("GET", ASK[1:], "HTTP/1.1"),
                                                     ("GET", ASK, "HTTP/1.0")],
                         ids=["POST", "no Connection", "HTTP/1.0"])
def test_what_is_no_handshake_opens_no_tunnel(server, upstream, method, fields, version):
    up = upstream(upstreams.saying(answer(b"plain")))
    with server(proxy(up)).client() as client:
        assert client.request("/", method, fields, version=version).body == b"plain"
    assert not up.requests[0].all("Upgrade")


@pytest.mark.parametrize("from_upstream", [True, False])
def test_side_that_does_not_read_stops_the_other(server, holding, from_upstream):
    running = server(proxy(holding))
    client, peer = held(running, holding)
    before = running.memory()
    giver = peer if from_upstream else client
    giver.socket.settimeout(1)
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < 1 << 30:
            sent += giver.socket.send(b"x" * 262_144)
    taker = client if from_upstream else peer
    if running.has_bounded_memory():
        assert running.memory() - before < 32 << 20
    assert taker.read(sent) == b"x" * sent
    client.close()


def test_tunnel_outlives_a_reload(server, holding):
    running = server(proxy(holding))
    client, peer = held(running, holding)
    assert running.reload(proxy(holding, "websocket = false")) == "Reloaded"
    for _ in range(3):
        client.send(b"there")
        assert peer.read(5) == b"there"
        peer.send(b"back")
        assert client.read(4) == b"back"
    client.close()
    wire.wait_until(lambda: peer.is_closed(0.1), "the upstream is told")


def test_stop_leaves_tunnels_their_time_and_then_ends_them(server, holding):
    running = server(proxy(holding).replace("workers = 1", 'workers = 1\ndrain_timeout = "1s"'))
    client, peer = held(running, holding)
    begun = time.monotonic()
    running.signal(15)
    client.send(b"there")
    assert peer.read(5) == b"there"
    client.read_to_end()
    running.wait_for_end()
    assert time.monotonic() - begun < 10
    client.close()


def test_tunnel_is_one_line_in_the_access_log(server, holding):
    running = server(proxy(holding))
    client, peer = held(running, holding)
    peer.send(b"x" * 1000)
    client.read(1000)
    client.close()
    peer.close()
    wire.wait_until(lambda: '"GET /chat?a=b HTTP/1.1" 101 ' in running.stdout_text())
    assert running.stdout_text().count("\n") == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_tunnels_over_reloads_make_no_worker_count_twice(server, holding, workers):
    text = proxy(holding).replace("workers = 1", f"workers = {workers}").replace(
        "[[site]]\n", '[[site]]\n[[site.route]]\npath = "/status"\nhandler = "status"\n')
    running = server(text)

    def state():
        seen = json.loads(running.fetch("/status?json").body)["upstreams"][0]
        return [seen[key] for key in ("workers_resolving", "workers_up", "workers_down", "active")]

    tunnels = []
    for reloads in range(4):
        tunnels.append(held(running, holding))
        assert state() == [0, workers, 0, reloads + 1]
        assert running.reload(text) == "Reloaded"
        assert state() == [0, workers, 0, reloads + 1]
    holding.release.set()
    for client, _ in tunnels:
        client.close()
    wire.wait_until(lambda: state() == [0, workers, 0, 0], "the tunnels have ended")
