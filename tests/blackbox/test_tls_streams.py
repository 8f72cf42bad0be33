# SPDX-License-Identifier: MIT
"""TLS: much of it, slowly, at once, through gateways, and behind what comes before it."""
import base64
import hashlib
import json
import random
import socket
import ssl
import struct
import threading

import pytest

import tls
import upstreams
import wire
from sites import put, site
from test_proxy_websocket import ASK, echo, frame, read_frame

MIB = 1 << 20
LARGE = 200 * MIB
UPLOAD = 100 * MIB
GROWTH = 24 * MIB  # of the memory of the server, whatever is sent
DIGEST = """#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
exec sha256sum
"""
V1 = b"PROXY TCP4 203.0.113.9 198.51.100.1 5000 443\r\n"
V2 = (b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack("!H", 12) + socket.inet_aton("203.0.113.9") +
      socket.inet_aton("198.51.100.1") + struct.pack("!HH", 5000, 443))

CONFIG = """
[server]
workers = 2
[limits]
body_bytes = "200MiB"
[access_log]
format = "json"
[[listener]]
address = "127.0.0.1:0"
tls = true
[[listener]]
address = "127.0.0.2:0"
tls = true
proxy_protocol = true
[[listener]]
address = "unix:https.sock"
tls = true
[[site]]
root = "www"
tls = {{ {localhost} }}
[[site.route]]
path = "/digest"
handler = "cgi"
program = "cgi-bin/digest"
[[site.route]]
path = "/behind/*"
handler = "proxy"
upstream = ["{behind}"]
[[site.route]]
path = "/cut/*"
handler = "proxy"
upstream = ["{cut}"]
retries = 0
[[site.route]]
path = "/*"
handler = "static"
"""


def cut(connection):
    """A behaviour: an answer that ends before it is whole."""
    asked = connection.asked()
    if asked.target.endswith("chunked"):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    else:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello")


def blocks(octets):
    """What the large file holds: no two blocks of a MiB are the same."""
    base = random.Random(7).randbytes(MIB - 8)
    return (struct.pack("!Q", number) + base for number in range(octets // MIB))


@pytest.fixture(scope="module")
def running(shared_server, shared_tmp, shared_upstream, localhost):
    site(shared_tmp, {"a.txt": "the file a"})
    with open(shared_tmp / "www" / "large.bin", "wb") as large:
        large.writelines(blocks(LARGE))
    put(shared_tmp / "cgi-bin" / "digest", DIGEST)
    behind, broken = shared_upstream(echo), shared_upstream(cut)
    yield shared_server(CONFIG.format(localhost=localhost, behind=behind.url, cut=broken.url), listeners=3)
    (shared_tmp / "www" / "large.bin").unlink()


@pytest.fixture(scope="module")
def trusting(authority):
    return tls.trusting(authority)


def read_digest(client, octets):
    digest = hashlib.sha256(client.unread)
    octets -= len(client.unread)
    client.unread = b""
    while octets > 0:
        more = client.receive()
        assert more
        digest.update(more)
        octets -= len(more)
    assert octets == 0
    return digest.hexdigest()


def digest_of(pieces):
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_slow_reader_gets_all_of_a_large_file_and_costs_no_memory(running, authority, version):
    before = running.memory()
    with tls.Client(running.address, tls.of_version(authority, version), receive_buffer=64 << 10) as slow, \
            tls.Client(running.address, tls.trusting(authority)) as other:
        slow.send(wire.request("/large.bin"))
        assert wire.parse_head(slow.read_until(b"\r\n\r\n")).get("Content-Length") == str(LARGE)
        for _ in range(100):  # meanwhile nothing is read
            assert other.request("/a.txt").body == b"the file a"
        most = running.memory()
        assert read_digest(slow, LARGE) == digest_of(blocks(LARGE))
        assert slow.request("/a.txt").body == b"the file a"
        most = max(most, running.memory())
    if running.has_bounded_memory():
        assert most - before < GROWTH, f"{before} bytes, then {most}"


def test_ranges_of_a_large_file(running, trusting):
    with tls.Client(running.address, trusting) as client:
        numbers = random.Random(3)
        for _ in range(20):
            block = numbers.randrange(LARGE // MIB)
            answer = client.request("/large.bin", fields=[f"Range: bytes={block * MIB}-{block * MIB + 7}"])
            assert (answer.status, answer.body) == (206, struct.pack("!Q", block))
        answer = client.request("/large.bin", fields=[f"Range: bytes=-{3 * MIB}"])
        assert digest_of([answer.body]) == digest_of(list(blocks(LARGE))[-3:])
        answer = client.request("/large.bin", fields=["Range: bytes=0-0,-1"])
        assert answer.status == 206 and answer.get("Content-Type").startswith("multipart/byteranges")


def test_a_large_body_goes_to_a_program(running, trusting):
    before = running.memory()
    with tls.Client(running.address, trusting) as client:
        client.send(wire.request("/digest", "POST", fields=[f"Content-Length: {UPLOAD}"]))
        for block in blocks(UPLOAD):
            client.send(block)
        answer = client.response("POST")
        assert (answer.status, answer.body.split()[0].decode()) == (200, digest_of(blocks(UPLOAD)))
    if running.has_bounded_memory():
        assert running.memory() - before < GROWTH


def test_a_client_that_stops_reading_stops_nobody(running, trusting):
    with tls.Client(running.address, trusting, receive_buffer=4096) as stopped:
        stopped.send(wire.request("/large.bin"))
        for _ in range(10):
            assert tls.fetch(running.address, trusting, "/a.txt").status == 200


def test_requests_are_pipelined(running, trusting):
    with tls.Client(running.address, trusting) as client:
        client.send(wire.request("/a.txt") * 500)
        assert [client.response().body for _ in range(500)] == [b"the file a"] * 500


def test_a_connection_is_kept(running, trusting):
    with tls.Client(running.address, trusting) as client:
        for _ in range(50):
            assert client.request("/a.txt").body == b"the file a"
            assert client.request("/missing").status == 404
        assert client.request("/digest", "POST", body=b"abc").body.split()[0].decode() == digest_of([b"abc"])


def test_a_hundred_clients_at_once(running, trusting):
    failures = []

    def work(number):
        try:
            with tls.Client(running.address, trusting) as client:
                everybody.wait(wire.DEADLINE)
                for at in range(5):
                    start = (number * 5 + at) * 1000
                    answer = client.request("/large.bin", fields=[f"Range: bytes={start}-{start + 99_999}"])
                    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(some[start:start + 100_000]).digest()
        except Exception as failure:  # pylint: disable=broad-except
            failures.append(repr(failure))

    some = b"".join(blocks(MIB)) + b"".join(blocks(2 * MIB))[MIB:]
    everybody = threading.Barrier(100)
    clients = [threading.Thread(target=work, args=[number]) for number in range(100)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert not failures, failures[:3]


def test_websockets_go_through(running, trusting):
    with tls.Client(running.address, trusting) as client:
        client.send(wire.request("/behind/", fields=ASK))
        assert wire.parse_head(client.read_until(b"\r\n\r\n")).status == 101
        for size in (0, 1, 125, 126, 16_384, 65_536, 300_000):
            payload = random.Random(size).randbytes(size)
            client.send(frame(payload, mask=b"mask"))
            assert read_frame(client) == (2, payload)
        client.send(frame(b"\x03\xe8", 8, mask=b"mask"))
        assert read_frame(client)[0] == 8


def test_many_messages_may_be_under_way_in_both_directions(running, trusting):
    with tls.Client(running.address, trusting) as client:
        client.send(wire.request("/behind/", fields=ASK))
        client.read_until(b"\r\n\r\n")
        payload = bytes(10_000)
        for _ in range(20):
            client.send(frame(payload, mask=b"abcd") * 10)
            assert [read_frame(client) for _ in range(10)] == [(2, payload)] * 10


@pytest.mark.parametrize("target", ["/cut/length", "/cut/chunked"])
def test_an_answer_that_an_upstream_cuts_off_is_seen_to_be_cut(running, trusting, target):
    with pytest.raises((wire.Closed, ssl.SSLError, ConnectionError)):
        tls.fetch(running.address, trusting, target)


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
def test_the_proxy_protocol_comes_before_tls(running, trusting, header):
    address = ("127.0.0.2", running.ports[1])
    target = f"/a.txt?{base64.b16encode(header[:4]).decode()}"
    with tls.Client(address, trusting, preface=header) as client:
        assert client.request(target).body == b"the file a"

    def logged():
        lines = [json.loads(line) for line in running.stdout_text().splitlines() if line.endswith("}")]
        return [line["client"] for line in lines if line["target"] == target]
    assert wire.wait_until(logged, "the line in the access log") == ["203.0.113.9"]


def test_the_proxy_protocol_may_come_in_one_piece_with_tls(running, authority):
    with tls.Octets(("127.0.0.2", running.ports[1]), tls.trusting(authority)) as client:
        client.wire.send(V2 + client.hello())
        client.shake()
        client.wire.send(client.records(wire.request("/a.txt")))
        assert client.responses().response().body == b"the file a"


def test_tls_without_the_header_of_the_proxy_protocol_gets_no_answer(running, trusting):
    with pytest.raises((ssl.SSLError, ConnectionError)):
        tls.Client(("127.0.0.2", running.ports[1]), trusting)


def test_tls_on_a_unix_socket(running, trusting):
    with tls.Client(str(running.tmp / "https.sock"), trusting) as client:
        assert client.request("/a.txt").body == b"the file a"
        answer = client.request("/large.bin", fields=[f"Range: bytes=0-{8 * MIB - 1}"])
        assert digest_of([answer.body]) == digest_of(blocks(8 * MIB))


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_a_client_that_goes_is_noticed_though_it_has_said_more(server, upstream, localhost, trusting, leave):
    asked, left = threading.Event(), threading.Event()

    def answer_nothing(connection):
        connection.asked()
        asked.set()
        assert connection.asked() is None
        left.set()
    running = server(f'[[listener]]\naddress = "127.0.0.1:0"\ntls = true\n[[site]]\ntls = {{ {localhost} }}\n'
                     + upstreams.route(upstream(answer_nothing), 'head_timeout = "10m"'))
    client = tls.Client(running.address, trusting)
    client.send(wire.request("/") + wire.request("/next"))
    assert asked.wait(wire.DEADLINE)
    getattr(client, leave)()
    assert left.wait(wire.DEADLINE)
