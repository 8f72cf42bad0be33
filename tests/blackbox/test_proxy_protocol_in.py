# SPDX-License-Identifier: MIT
"""Who the client is, where a proxy stands before the server: the PROXY protocol, Forwarded and X-Forwarded-For."""
import socket
import struct

import pytest

import wire
from sites import site

SITE = """
[[site]]
root = "www"

[[site.route]]
path = "/scheme"
handler = "respond"
body = "{scheme}"

[[site.route]]
path = "/cgi-bin/*"
handler = "cgi"
root = "cgi-bin"

[[site.route]]
path = "/*"
handler = "static"
"""
V1 = b"PROXY TCP4 203.0.113.9 198.51.100.1 5000 443\r\n"
V1_LOCAL = b"PROXY UNKNOWN\r\n"
V2 = (b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack("!H", 12) + socket.inet_aton("203.0.113.9") +
      socket.inet_aton("198.51.100.1") + struct.pack("!HH", 5000, 443))


@pytest.fixture(autouse=True)
def files(tmp_path):
    program = tmp_path / "cgi-bin" / "who"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "Content-Type: text/plain\\n\\n%s %s %s" "$REMOTE_ADDR" "$REQUEST_SCHEME" "$HTTPS"\n')
    program.chmod(0o755)
    return site(tmp_path, {"a.txt": "the file a"})


def listen(keys, start=""):
    return f'{start}\n[[listener]]\naddress = "127.0.0.1:0"\n{keys}\n{SITE}'


def logged(running, line):
    wire.wait_until(lambda: line in running.stdout_text(), f"{line!r} in {running.stdout_text()}")


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
def test_header_names_the_client(server, header):
    running = server(listen("proxy_protocol = true"))
    with wire.Client(("127.0.0.1", running.port)) as client:
        for octet in header[:-1]:
            client.send(bytes([octet]))
        client.send(header[-1:] + wire.request("/a.txt"))
        assert client.response().body == b"the file a"
        assert client.request("/a.txt").body == b"the file a"
    logged(running, "203.0.113.9 - - [")
    assert "127.0.0.1 - -" not in running.stdout_text()


def with_tls(flags):
    """V2 whose balancer says what it knows of TLS, in section 2.2.5's form, behind something else."""
    more = b"\x02\x00\x01a" + b"\x20" + struct.pack("!HBI", 5, flags, 0)
    return V2[:14] + struct.pack("!H", 12 + len(more)) + V2[16:] + more


@pytest.mark.parametrize("header, scheme", [(V1, b"http"), (V2, b"http"), (with_tls(0), b"http"), (with_tls(1), b"https")],
                         ids=["v1", "v2", "v2 without TLS", "v2 with TLS"])
def test_header_names_the_scheme(server, header, scheme):
    running = server(listen("proxy_protocol = true"))
    with wire.Client(("127.0.0.1", running.port)) as client:
        client.send(header)
        assert client.request("/scheme").body == scheme
        assert client.request("/scheme", fields=[("X-Forwarded-Proto", "https")]).body == scheme


def test_who_speaks_tls_with_the_balancer_is_led_nowhere(server):
    running = server(listen("proxy_protocol = true").replace("[[site]]", "[[site]]\nredirect_https = true"))
    for header, status in ((V2, 301), (with_tls(1), 200)):
        with wire.Client(("127.0.0.1", running.port)) as client:
            client.send(header)
            assert client.request("/a.txt").status == status


def test_proxy_may_ask_for_itself(server):
    running = server(listen("proxy_protocol = true"))
    with wire.Client(("127.0.0.1", running.port)) as client:
        client.send(V1_LOCAL)
        assert client.request("/a.txt").status == 200
    logged(running, "127.0.0.1 - - [")


@pytest.mark.parametrize("octets", [wire.request("/a.txt"), b"PROXY TCP4 nonsense\r\n", b"\0"])
def test_what_is_no_header_gets_no_answer(server, octets):
    running = server(listen("proxy_protocol = true"))
    with wire.Client(("127.0.0.1", running.port)) as client:
        client.send(octets)
        try:
            assert client.socket.recv(1) == b""
        except ConnectionResetError:
            pass


def test_header_has_head_timeout(server):
    running = server(listen("proxy_protocol = true", '[limits]\nhead_timeout = "200ms"'))
    with wire.Client(("127.0.0.1", running.port)) as client:
        client.send(V1[:-1])
        assert client.socket.recv(1) == b""


def test_clients_behind_the_header_are_counted(server):
    running = server(listen("proxy_protocol = true", "[limits]\nconnections_per_ip = 1"))
    address = ("127.0.0.1", running.port)
    with wire.Client(address) as first, wire.Client(address) as same, wire.Client(address) as other:
        first.send(V1)
        assert first.request("/a.txt").status == 200
        same.send(V1 + wire.request("/a.txt"))
        assert same.response().status == 503
        other.send(V1.replace(b".9 ", b".8 "))
        assert other.request("/a.txt").status == 200


@pytest.mark.parametrize("fields", [
    [("Forwarded", "for=203.0.113.9;proto=https, for=127.0.0.1;proto=http")],
    [("X-Forwarded-For", "1.2.3.4, 203.0.113.9, 127.0.0.1"), ("X-Forwarded-Proto", "https")],
], ids=["Forwarded", "X-Forwarded-For"])
def test_trusted_proxies_name_client_and_scheme(server, fields):
    running = server(listen('trusted_proxies = ["127.0.0.0/8"]'))
    with wire.Client(("127.0.0.1", running.port)) as client:
        assert client.request("/scheme", fields=fields).body == b"https"
        assert client.request("/cgi-bin/who", fields=fields).body == b"203.0.113.9 https on"
        assert client.request("/scheme").body == b"http"
    logged(running, "203.0.113.9 - - [")
    logged(running, "127.0.0.1 - - [")


@pytest.mark.parametrize("forwarded, addresses, status", [
    ("for=203.0.113.9;proto=https", "203.0.113.9", 200),
    ("for=10.0.0.1, for=203.0.113.9", "1.2.3.4, 203.0.113.9", 200),  # what a client invents stands to the left of both
    ('for="[2001:db8::1]:80", for=127.0.0.1', "2001:db8::1, 127.0.0.1", 200),
    ("for=10.0.0.1", "203.0.113.9", 400), ("for=10.0.0.1", "203.0.113.9, 127.0.0.1", 400), ("for=unknown", "203.0.113.9", 200),
    ("for=127.0.0.2", "203.0.113.9, 127.0.0.2", 200), ("", "203.0.113.9", 200), ("proto=https", "203.0.113.9", 200),
])
def test_forwarded_and_x_forwarded_for_have_to_name_the_same_client(server, forwarded, addresses, status):
    running = server(listen('trusted_proxies = ["127.0.0.0/8"]'))
    with wire.Client(("127.0.0.1", running.port)) as client:
        fields = [("Forwarded", forwarded), ("X-Forwarded-For", addresses)]
        assert client.request("/a.txt", fields=fields).status == status
        if status == 400:
            running.wait_for_log(r"listener: 127\.0\.0\.1: .*refused.*Forwarded and X-Forwarded-For differ")
    assert running.fetch("/a.txt").status == 200


def test_other_peers_are_not_believed(server):
    running = server(listen('trusted_proxies = ["10.0.0.0/8"]'))
    fields = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https")]
    with wire.Client(("127.0.0.1", running.port)) as client:
        assert client.request("/scheme", fields=fields).body == b"http"
    logged(running, "127.0.0.1 - - [")


def test_whoever_is_on_a_unix_socket_may_be_trusted(server, tmp_path):
    running = server(f'[[listener]]\naddress = "unix:http.sock"\ntrusted_proxies = ["unix"]\n{SITE}')
    with wire.Client(str(tmp_path / "http.sock")) as client:
        fields = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https")]
        assert client.request("/scheme", fields=fields).body == b"https"
    logged(running, "203.0.113.9 - - [")


def test_reload_changes_who_is_believed_at_an_address_that_stays(server):
    running = server(listen(""))
    fields = [("X-Forwarded-Proto", "https")]
    with wire.Client(("127.0.0.1", running.port)) as before:
        assert before.request("/scheme", fields=fields).body == b"http"
        running.reload(listen('trusted_proxies = ["127.0.0.1"]'))
        with wire.Client(("127.0.0.1", running.port)) as after:
            assert after.request("/scheme", fields=fields).body == b"https"
