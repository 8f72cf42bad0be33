# SPDX-License-Identifier: MIT
"""WebSockets through the proxy: Tornado, and programs behind websocketd, with a client that knows the protocol."""
import asyncio
import json
import os
import time

import pytest

import sockets
import wire

CONFIG = """
[server]
workers = 2
[limits]
head_timeout = "1s"
body_timeout = "1s"
keep_alive_timeout = "1s"
[[site]]
[[site.route]]
path = "/tornado/*"
handler = "proxy"
upstream = ["http://{tornado}"]
strip_prefix = "/tornado"
idle_timeout = "1s"
[[site.route]]
path = "/short/*"
handler = "proxy"
upstream = ["http://{tornado}"]
strip_prefix = "/short"
tunnel_timeout = "1s"
[[site.route]]
path = "/none/*"
handler = "proxy"
upstream = ["http://{tornado}"]
strip_prefix = "/none"
websocket = false
[[site.route]]
path = "/cat/*"
handler = "proxy"
upstream = ["http://{cat}"]
[[site.route]]
path = "/greeter/*"
handler = "proxy"
upstream = ["http://{greeter}"]
"""

HANDSHAKE = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 section 1.3
MEGABYTE = "0123456789abcdef" * (1 << 16)


@pytest.fixture(scope="module")
def proxy(programs, shared_server):
    tornado = programs.python("tornado", "tornado_app.py", programs.port())
    cat = programs.websocketd("cat", programs.port(), "cat")
    greeter = programs.websocketd("greeter", programs.port(), "sh", "-c", "echo hello; exec cat")
    names = {"tornado": tornado, "cat": cat, "greeter": greeter}
    return shared_server(CONFIG.format(**{name: "%s:%d" % address for name, address in names.items()}))


@pytest.fixture
def url(proxy):
    return lambda path: f"ws://127.0.0.1:{proxy.port}{path}"


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("path", ["/tornado/echo", "/cat/"])
def test_messages_come_back(url, path, compression):
    sockets.run(sockets.echoes(url(path), ["hello", "grün", "x" * 125, "x" * 126, "x" * 65_535, "x" * 65_536], compression=compression))


def test_binary_and_empty_messages_come_back(url):
    sockets.run(sockets.echoes(url("/tornado/echo"), ["", b"", bytes(range(256)), os.urandom(70_000)]))


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("path", ["/tornado/echo", "/cat/"])
def test_a_message_of_a_megabyte_comes_back(url, path, compression):
    sockets.run(sockets.echoes(url(path), [MEGABYTE], compression=compression))


def test_many_clients_do_not_mix(url):
    sockets.run(sockets.echoes_at_once(url("/tornado/echo"), 20, 50))


def test_pings_are_answered_by_the_application(url):
    sockets.run(sockets.is_answered_to_pings(url("/tornado/echo")))


@pytest.mark.parametrize("code, reason", [(1000, "done"), (1001, ""), (4001, "because")])
def test_the_client_sees_with_which_code_the_application_closes(url, code, reason):
    assert sockets.run(sockets.closing(url("/tornado/echo"), f"close {code} {reason}")) == (code, reason)


def test_the_application_sees_with_which_code_the_client_closes(proxy, url):
    sockets.run(sockets.closing(url("/tornado/last"), code=4002, reason="enough"))
    wire.wait_until(lambda: [4002, "enough"] in json.loads(proxy.fetch("/tornado/codes").body)["codes"], "the code")


def test_the_application_sees_that_a_client_is_gone(proxy):
    with proxy.client() as client:
        client.send(wire.request("/tornado/last", fields=HANDSHAKE))
        assert client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
        client.reset()
    wire.wait_until(lambda: [None, None] in json.loads(proxy.fetch("/tornado/codes").body)["codes"], "the end")


def test_the_client_sees_that_the_application_is_gone(programs, server, tmp_path):
    address = programs.port()
    programs.python("mortal", "tornado_app.py", address)
    mortal = programs.running[-1]
    running = server(CONFIG.format(tornado="%s:%d" % address, cat="127.0.0.1:9", greeter="127.0.0.1:9"))

    async def outlive():
        async with sockets.connect(f"ws://127.0.0.1:{running.port}/tornado/echo") as client:
            await client.send("alive")
            assert await client.recv() == "alive"
            mortal.kill()
            await client.wait_closed()
            return client.close_code
    assert sockets.run(outlive()) == 1006


def test_the_handshake_is_the_applications(proxy):
    with proxy.client() as client:
        client.send(wire.request("/tornado/echo", fields=[*HANDSHAKE, "Sec-WebSocket-Protocol: first, second"]))
        answer = wire.parse_head(client.read_until(b"\r\n\r\n"))
        assert (answer.status, answer.get("Sec-WebSocket-Accept"), answer.get("Sec-WebSocket-Protocol")) == (101, ACCEPT, "second")
        assert answer.get("Upgrade").lower() == "websocket" and answer.get("Connection").lower() == "upgrade"
        assert answer.get("Content-Length") is None and answer.get("Transfer-Encoding") is None


def test_what_the_client_sends_right_behind_its_handshake_is_not_lost(proxy):
    frame = b"\x81\x85\x00\x00\x00\x00hello"  # masked with zeros
    with proxy.client() as client:
        client.send(wire.request("/tornado/echo", fields=HANDSHAKE) + frame)
        client.read_until(b"\r\n\r\n")
        assert client.read(7) == b"\x81\x05hello"


def test_what_the_application_sends_first_is_not_lost(url):
    async def greeted():
        async with sockets.connect(url("/greeter/")) as client:
            return await client.recv()
    for _ in range(5):
        assert sockets.run(greeted()) == "hello"


def test_an_application_that_ends_closes_its_client(url):
    async def told():
        async with sockets.connect(url("/greeter/")) as client:
            assert await client.recv() == "hello"
            await client.send("x")
            assert await client.recv() == "x"
    sockets.run(told())


def test_the_application_knows_who_asks(url):
    async def fields():
        async with sockets.connect(url("/tornado/echo"), origin="http://allowed.example") as client:
            await client.send("fields")
            return json.loads(await client.recv())
    told = sockets.run(fields())
    assert told["X-Forwarded-For"] == "127.0.0.1" and told["X-Forwarded-Proto"] == "http"
    assert told["Origin"] == "http://allowed.example"


def test_a_handshake_that_the_application_refuses_is_an_ordinary_answer(proxy, url):
    assert sockets.run(sockets.refused(url("/tornado/echo"), origin="http://evil.example")) == 403
    with proxy.client() as client:
        assert client.request("/tornado/echo", fields=[*HANDSHAKE, "Origin: http://evil.example"]).status == 403
        assert client.request("/tornado/told").status == 200, "the connection goes on"
    assert proxy.fetch("/tornado/nothing", fields=[field for field in HANDSHAKE if not field.startswith("Connection")]).status == 404


def test_a_route_without_websockets_asks_for_none(proxy, url):
    with proxy.client() as client:
        answer = client.request("/none/echo", fields=HANDSHAKE)
        assert answer.status == 400 and b"Upgrade" in answer.body
        assert client.request("/none/told").status == 200


def test_a_websocket_may_be_idle_for_longer_than_a_request(url):
    """All the timeouts of requests are a second here; nothing but time can show that none applies."""
    async def idle():
        async with sockets.connect(url("/tornado/echo")) as client:
            await client.send("before")
            assert await client.recv() == "before"
            await asyncio.sleep(2.5)
            await client.send("after")
            assert await client.recv() == "after"
    sockets.run(idle())


def test_a_websocket_that_is_idle_for_its_own_timeout_is_closed(url):
    async def idle():
        async with sockets.connect(url("/short/echo")) as client:
            started = time.monotonic()
            await client.wait_closed()
            return time.monotonic() - started
    assert 0.5 < sockets.run(idle()) < 20


def test_a_websocket_survives_a_reload_and_new_ones_use_the_new_configuration(proxy, url):
    async def through_reload():
        async with sockets.connect(url("/tornado/echo")) as client:
            await client.send("before")
            assert await client.recv() == "before"
            assert "Reloaded" in await asyncio.to_thread(proxy.reload)
            await client.send("after")
            assert await client.recv() == "after"
    sockets.run(through_reload())
    sockets.run(sockets.echoes(url("/tornado/echo"), ["anew"]))
