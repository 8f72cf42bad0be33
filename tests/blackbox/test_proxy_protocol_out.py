# SPDX-License-Identifier: MIT
"""The reverse proxy: the PROXY protocol towards upstreams."""
import re
import socket
import struct

import pytest

import upstreams
import wire
from upstreams import answer, proxy, route

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def read_v1(connection):
    line = connection.read_until(b"\r\n").decode()
    if line == "PROXY UNKNOWN\r\n":
        return None
    parts = re.fullmatch(r"PROXY (TCP[46]) (\S+) (\S+) ([0-9]+) ([0-9]+)\r\n", line)
    assert parts and len(line) <= 107, line
    return (parts[1], parts[2], parts[3], int(parts[4]), int(parts[5]))


def read_v2(connection):
    head = connection.read(16)
    version, family, size = struct.unpack("!BBH", head[12:])
    assert head[:12] == SIGNATURE and version >> 4 == 2, head
    rest = connection.read(size)
    if version & 15 == 0 or family >> 4 not in (1, 2):
        return None
    octets, name, kind = (4, "TCP4", socket.AF_INET) if family == 0x11 else (16, "TCP6", socket.AF_INET6)
    assert family in (0x11, 0x21)
    source, target = (socket.inet_ntop(kind, rest[i * octets:(i + 1) * octets]) for i in range(2))
    return (name, source, target, *struct.unpack("!HH", rest[2 * octets:2 * octets + 4]))


READERS = {"v1": read_v1, "v2": read_v2}


@pytest.fixture(params=READERS)
def announced(request, upstream):
    """An upstream that reads the header of each connection into .headers, and a route's keys."""
    def behave(connection):
        up.headers.append(READERS[request.param](connection))
        while asked := connection.asked():
            up.by_connection.setdefault(connection.number, []).append(asked.target)
            connection.send(answer(b"x"))

    up = upstream(behave)
    up.headers, up.by_connection = [], {}
    up.keys = f'proxy_protocol = "{request.param}"'
    return up


@pytest.mark.parametrize("address, name", [("127.0.0.1", "TCP4"), ("::1", "TCP6")])
def test_header_names_both_ends_of_the_clients_connection(server, announced, address, name):
    written = f"[{address}]" if ":" in address else address
    running = server(f'[[listener]]\naddress = "{written}:0"\n[[site]]\n{route(announced, announced.keys)}')
    with wire.Client((address, running.port)) as client:
        assert client.request("/").body == b"x"
        assert announced.headers == [(name, address, address, client.socket.getsockname()[1], running.port)]


def test_header_names_whom_a_trusted_proxy_names(server, announced):
    running = server('[[listener]]\naddress = "127.0.0.1:0"\ntrusted_proxies = ["127.0.0.1"]\n[[site]]\n' +
                     route(announced, announced.keys))
    with running.client() as client:
        assert client.request("/", fields=["X-Forwarded-For: 203.0.113.9"]).body == b"x"
    assert announced.headers[0][1] == "203.0.113.9"


def test_client_of_a_unix_socket_has_no_address(server, announced, tmp_path):
    server(f'[[listener]]\naddress = "unix:{tmp_path}/in.sock"\n[[site]]\n' + route(announced, announced.keys))
    with wire.Client(str(tmp_path / "in.sock")) as client:
        assert client.request("/").body == b"x"
    assert announced.headers == [None]


def test_no_two_clients_share_a_connection(server, announced):
    running = server(proxy(announced, announced.keys))
    with running.client() as first, running.client() as second:
        for i in range(3):
            assert first.request(f"/first/{i}").body == b"x"
            assert second.request(f"/second/{i}").body == b"x"
        ports = {"first": first.socket.getsockname()[1], "second": second.socket.getsockname()[1]}
    for number, targets in announced.by_connection.items():
        names = {target.split("/")[1] for target in targets}
        assert len(names) == 1 and announced.headers[number][3] == ports[names.pop()]


def test_without_it_there_is_no_header(server, upstream):
    up = upstream(upstreams.saying(answer(b"x")))
    assert server(proxy(up, 'proxy_protocol = "off"')).fetch("/").body == b"x"
    assert up.requests[0].target == "/"
