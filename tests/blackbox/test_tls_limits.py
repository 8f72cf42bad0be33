# SPDX-License-Identifier: MIT
"""TLS: handshakes are bounded in time and number."""
import resource
import time

import pytest

import tls
import wire
from sites import site

MANY = 2000

CONFIG = """
{start}
[[listener]]
address = "127.0.0.1:0"
tls = true
[[site]]
root = "www"
tls = {{ {localhost} }}
"""


@pytest.fixture
def serve(server, tmp_path, localhost):
    """serve(limits) starts a server with one file."""
    site(tmp_path, {"a.txt": "the file a"})

    def start(limits, start=""):
        return server(CONFIG.format(start=f"[server]\nworkers = 1\n{start}\n[limits]\n{limits}", localhost=localhost))
    return start


@pytest.fixture
def trusting(authority):
    return tls.trusting(authority)


def ended_after(client, began):
    assert client.is_closed(wire.DEADLINE)
    return time.monotonic() - began


def test_who_says_nothing_is_not_waited_for(serve, trusting):
    running = serve('handshake_timeout = "300ms"')
    began = time.monotonic()
    with running.client() as silent:
        assert ended_after(silent, began) >= 0.3
        assert silent.unread == b""
    assert tls.fetch(running.address, trusting, "/a.txt").status == 200


def test_octets_that_drip_do_not_make_the_handshake_longer(serve, trusting):
    running = serve('handshake_timeout = "500ms"')
    with tls.Octets(running.address, trusting) as client:
        hello, began, sent = client.hello(), time.monotonic(), 0
        while sent < len(hello) and not client.wire.is_closed(0.02):
            client.wire.send_gently(hello[sent:sent + 1])
            sent += 1
        assert sent < len(hello)
        assert 0.5 <= time.monotonic() - began < wire.DEADLINE
    assert tls.fetch(running.address, trusting, "/a.txt").status == 200


def test_who_stops_after_the_hello_is_not_waited_for(serve, trusting):
    running = serve('handshake_timeout = "300ms"')
    with tls.Octets(running.address, trusting) as client:
        client.wire.send(client.hello())
        began = time.monotonic()
        assert ended_after(client.wire, began) >= 0.25


def test_the_time_for_handshakes_is_none_for_requests(serve, trusting):
    running = serve('handshake_timeout = "300ms"\nhead_timeout = "60s"')
    with tls.Client(running.address, trusting) as client:
        request = wire.request("/a.txt")
        client.send(request[:5])
        assert not client.is_closed(0.6)
        client.send(request[5:])
        assert client.response().body == b"the file a"


def test_a_head_has_its_own_time_behind_the_handshake(serve, trusting):
    running = serve('handshake_timeout = "60s"\nhead_timeout = "300ms"')
    with tls.Client(running.address, trusting) as client:
        client.send(b"GET /a.txt HT")
        assert client.response().status == 408


def test_the_oldest_handshake_gives_way_when_the_limit_is_reached(serve, trusting):
    running = serve("handshakes = 3", 'log_level = "warn"')
    with tls.Client(running.address, trusting) as established:
        assert established.request("/a.txt").status == 200
        begun = []
        for _ in range(6):
            begun.append(running.client())
            begun[-1].send(b"\x16\x03\x01")
        wire.wait_until(lambda: [client.is_closed() for client in begun] == [True] * 3 + [False] * 3, "three are left")
        assert tls.fetch(running.address, trusting, "/a.txt").body == b"the file a"
        wire.wait_until(lambda: [client.is_closed() for client in begun] == [True] * 4 + [False] * 2, "two are left")
        for _ in range(20):
            assert tls.fetch(running.address, trusting, "/a.txt").body == b"the file a"
        assert [client.is_closed() for client in begun] == [True] * 4 + [False] * 2
        assert established.request("/a.txt").body == b"the file a"
        for client in begun:
            client.close()
    assert 1 <= running.log_text().count("limits.handshakes") <= 3, running.log_text()


@pytest.mark.parametrize("limits", ["", f"handshakes = {2 * MANY}"], ids=["of the default", "of more than there are"])
def test_thousands_of_handshakes_that_do_not_end_stop_no_client(serve, trusting, limits):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, MANY * 2), hard))
    running = serve(f'{limits}\nhandshake_timeout = "60s"')
    before = running.memory()
    idle = []
    try:
        for number in range(MANY):
            client = tls.Octets(running.address, trusting)
            idle.append(client.wire)
            hello = client.hello()
            client.wire.send(hello if number % 2 else hello[:100])
        for _ in range(10):
            began = time.monotonic()
            assert tls.fetch(running.address, trusting, "/a.txt").body == b"the file a"
            assert time.monotonic() - began < 5
        if running.has_bounded_memory():
            assert running.memory() - before < MANY * (64 << 10)
    finally:
        for client in idle:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    wire.wait_until(lambda: running.open_files() < MANY // 10, "they are gone")
