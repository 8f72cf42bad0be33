# SPDX-License-Identifier: MIT
"""Tornado and Twisted behind the proxy: bodies in pieces, both ways."""
import hashlib
import json
import os

import pytest

import wire

CONFIG = """
[server]
workers = 2
[limits]
body_bytes = "128MiB"
[[site]]
[[site.route]]
path = "/tornado/*"
handler = "proxy"
upstream = ["http://{tornado}"]
strip_prefix = "/tornado"
[[site.route]]
path = "/twisted/*"
handler = "proxy"
upstream = ["http://{twisted}"]
strip_prefix = "/twisted"
"""


@pytest.fixture(scope="module")
def proxy(programs, shared_server):
    tornado = programs.python("tornado", "tornado_app.py", programs.port())
    twisted = programs.python("twisted", "twisted_app.py", programs.port())
    return shared_server(CONFIG.format(tornado="%s:%d" % tornado, twisted="%s:%d" % twisted))


def told(proxy, target, **more):
    answer = proxy.fetch(target, **more)
    assert answer.status == 200, answer
    return json.loads(answer.body)


def test_a_target_arrives_as_it_was_written(proxy):
    for target in ("/told/a%20b?x=%26&y", "/told/%e2%82%ac?", "/told/a%2Fb", "/told/a+b?a=b?c=d"):
        assert told(proxy, f"/tornado{target}")["uri"] == target


def test_each_event_arrives_before_the_next_is_made(proxy):
    with proxy.client() as client:
        client.send(wire.request("/tornado/events/stream"))
        assert b"text/event-stream" in client.read_until(b"\r\n\r\n")
        for number in range(3):
            client.read_until(f"data: event {number}\n\n".encode())
            assert b"data" not in client.unread
            assert proxy.fetch(f"/tornado/gate/stream{number}", method="POST", body=b"").status == 204
        client.read_until(b"0\r\n\r\n")
        assert client.request("/tornado/told").status == 200, "the connection goes on"


def test_an_application_reads_the_beginning_of_an_upload_before_its_end_is_sent(proxy):
    body = os.urandom(1 << 20)
    with proxy.client() as client:
        client.send(wire.request("/tornado/upload", "POST", [f"Content-Length: {len(body)}"]) + body[:1 << 19])
        assert proxy.fetch("/tornado/piece").status == 204
        client.send(body[1 << 19:])
        assert json.loads(client.response("POST").body)["sha1"] == hashlib.sha1(body).hexdigest()


@pytest.mark.parametrize("size", [1, 1000, 65_536, 1_000_000])
def test_an_upload_in_chunks_is_whole(proxy, size):
    body = os.urandom(min(5 << 20, 2000 * size))
    with proxy.client() as client:
        client.send(wire.request("/tornado/upload", "POST", ["Transfer-Encoding: chunked"]) + wire.chunked(body, size))
        answer = json.loads(client.response("POST").body)
        assert (answer["length"], answer["sha1"]) == (len(body), hashlib.sha1(body).hexdigest())
        assert client.request("/tornado/told").status == 200


def test_a_large_upload_is_whole_and_is_not_kept(proxy):
    body, before = os.urandom(1 << 20), proxy.memory()
    with proxy.client() as client:
        client.send(wire.request("/tornado/upload", "POST", ["Content-Length: %d" % (100 * len(body))]))
        for _ in range(100):
            client.send(body)
        if proxy.has_bounded_memory():
            assert proxy.memory() - before < 32 << 20
        assert json.loads(client.response("POST").body)["length"] == 100 * len(body)


@pytest.mark.parametrize("octets", [0, 1, 100_000, 50_000_000])
def test_a_download_in_chunks_is_whole(proxy, octets):
    answer = proxy.fetch(f"/tornado/download/{octets}")
    assert hashlib.sha1(answer.body).digest() == hashlib.sha1((bytes(range(256)) * (octets // 256 + 1))[:octets]).digest()


def test_twisted_answers(proxy):
    answer = proxy.fetch("/twisted/told?a=b", host="example.org", fields=["X-Own: a", "X-Own: b"])
    found = json.loads(answer.body)
    assert (found["uri"], found["host"]) == ("/told?a=b", "example.org")
    assert found["fields"]["X-Own"] in (["a", "b"], ["a, b"]) and found["fields"]["X-Forwarded-For"] == ["127.0.0.1"]
    assert answer.get("Set-Cookie").startswith("twisted=yes")
    assert proxy.fetch("/twisted/later").body == b"one two three"
    assert proxy.fetch("/twisted/nothing").status == 404


def test_twisted_takes_and_gives_large_bodies(proxy):
    whole = bytes(range(256)) * 4096
    assert proxy.fetch("/twisted/data").body == whole
    body = os.urandom(1 << 20)
    assert proxy.fetch("/twisted/told", method="POST", body=body).body == b"%d %s" % (len(body), hashlib.sha1(body).hexdigest().encode())
    with proxy.client() as client:
        client.send(wire.request("/twisted/told", "POST", ["Transfer-Encoding: chunked"]) + wire.chunked(body, 10_000))
        assert client.response("POST").body.startswith(b"1048576 ")
        head = client.request("/twisted/data", method="HEAD")
        assert (head.status, head.get("Content-Length"), head.body) == (200, str(len(whole)), b"")
        assert client.request("/twisted/told").status == 200
