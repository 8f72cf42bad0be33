# SPDX-License-Identifier: MIT
"""The reverse proxy: while all that it can do is wait, it waits, and does not ask the kernel again and again."""
import threading
import time

import pytest

import upstreams
import wire
from upstreams import answer, proxy

LARGE = 32 << 20
HEAD = f"HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n".encode()
ASK = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
# Some of these fill the buffers of the kernel on the way to the client and not those on the way from the upstream,
# so that its end arrives behind octets that nobody takes.
SIZES = range(2 << 20, 6 << 20, 1 << 19)


@pytest.fixture
def release():
    event = threading.Event()
    yield event
    event.set()


def behave(connection):
    """Gives what the case says that its target names, as much as is taken, and ends then, or does not."""
    octets, end, _, _ = CASES[connection.head().get("X-Case")]
    connection.send(octets)
    if end == "ended":
        connection.half_close()
    if end == "gone":
        connection.close()
    connection.upstream.release.wait(wire.DEADLINE)


def share(running, seconds=0.5):
    """How much of a CPU is used."""
    before = running.cpu_seconds()
    time.sleep(seconds)
    return (running.cpu_seconds() - before) / seconds


def is_calm(running):
    """Whether hardly any time is used twice in a row: at first much is under way."""
    shares = [share(running)]
    while len(shares) < 8 and max([1.0, *shares][-2:]) >= 0.1:
        shares.append(share(running))
    return max(shares[-2:]) < 0.1


def get(method="GET", fields=(), body=b""):
    return lambda name: wire.request("/", method, [*fields, f"X-Case: {name}"]) + body


HALF = get("POST", ["Content-Length: 10"], b"half")
TUNNEL = get(fields=ASK)
# What the upstream gives, how it ends then, what the client sends, and whether it ends its side.
CASES = {
    "silent upstream": (b"", None, get(), False),
    "silent upstream, client ended": (b"", None, get(), True),
    "half an answer": (HEAD + b"half", None, get(), False),
    "half an answer, client ended": (HEAD + b"half", None, get(), True),
    "client reads nothing": (HEAD + b"x" * LARGE, None, get(), False),
    **{f"client reads nothing of {size}, upstream {end}": (answer(b"x" * size), end, get(), False)
       for size in SIZES for end in ("ended", "gone")},
    "body that does not come": (b"", None, HALF, False),
    "answer before the body": (answer(b"early"), None, HALF, False),
    "answer before the body, upstream ended": (answer(b"early"), "ended", HALF, False),
    "answer before the body, upstream gone": (answer(b"early"), "gone", HALF, False),
    "silent tunnel": (SWITCH, None, TUNNEL, False),
    "tunnel that the client ended": (SWITCH, None, TUNNEL, True),
    "tunnel that the upstream ended": (SWITCH, "ended", TUNNEL, False),
    "tunnel that the upstream left": (SWITCH, "gone", TUNNEL, False),
    "tunnel, client reads nothing": (SWITCH + b"x" * LARGE, None, TUNNEL, False),
    **{f"tunnel, client reads nothing of {size}, upstream {end}": (SWITCH + b"x" * size, end, TUNNEL, False)
       for size in SIZES for end in ("ended", "gone")},
}


@pytest.mark.parametrize("keys", ["", "buffer_response = true"], ids=["streamed", "buffered"])
def test_waiting_costs_nothing(server, upstream, release, keys):
    up = upstream(behave)
    up.release = release
    running = server(proxy(up, keys))
    clients = {}
    for name, (_, _, request, client_ends) in CASES.items():
        clients[name] = running.client(receive_buffer=4096)
        clients[name].send(request(name))
        if client_ends:
            clients[name].half_close()
    wire.wait_until(lambda: len(up.requests) == len(CASES))
    guilty = []
    if not is_calm(running):
        # Whose end makes it better?
        for name, client in clients.items():
            before = share(running)
            client.reset()
            if share(running) < before - 0.2:
                guilty.append(name)
        assert guilty == [] and is_calm(running), guilty
    for client in clients.values():
        client.close()


def test_upstream_that_takes_nothing_costs_nothing(server, upstream, release):
    up = upstream(lambda connection: (connection.head(), release.wait(wire.DEADLINE)))
    running = server(proxy(up, 'body_bytes = "1GiB"'))
    with running.client() as client:
        client.send(wire.request("/", "POST", [f"Content-Length: {1 << 30}"]))
        client.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            while True:
                client.send(b"x" * 65536)
        assert is_calm(running)
        client.reset()


def test_nothing_to_do_costs_nothing(server, upstream):
    up = upstream(upstreams.saying(answer(b"x")))
    running = server(proxy([up, "http://localhost:1"], 'health = { path = "/", every = "1s" }'))
    assert running.fetch("/").body == b"x"
    assert is_calm(running)
