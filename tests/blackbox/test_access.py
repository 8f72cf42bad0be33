# SPDX-License-Identifier: MIT
"""allow, deny and connections_per_ip: whom the server answers."""
import json
import re

import pytest

import wire
from sites import put, site

LISTENERS = """
[[listener]]
address = "127.0.0.1:0"

[[listener]]
address = "[::1]:0"

[[listener]]
address = "127.0.0.2:0"
trusted_proxies = ["127.0.0.0/8"]

[[listener]]
address = "127.0.0.3:0"
proxy_protocol = true

[[listener]]
address = "unix:http.sock"
"""
SITE = """
[[site]]
root = "www"
deny = ["203.0.113.0/24", "2001:db8::/32"]

[[site.route]]
path = "/internal/*"
handler = "static"
allow = ["127.0.0.0/8", "10.0.0.0/8"]
deny = ["10.1.0.0/16"]

[[site.route]]
path = "/six/*"
handler = "static"
allow = ["::1"]

[[site.route]]
path = "/form"
methods = ["POST"]
handler = "respond"
body = "taken"
"""
FILES = {"a.txt": "the file a", "internal/a.txt": "for us", "six/a.txt": "for IPv6"}


@pytest.fixture(scope="module")
def running(shared_server, shared_tmp):
    site(shared_tmp, FILES)
    return shared_server(LISTENERS + SITE, listeners=5)


def from_ipv4(running, target):
    return wire.fetch(("127.0.0.1", running.ports[0]), target).status


def from_ipv6(running, target):
    return wire.fetch(("::1", running.ports[1]), target).status


def by_proxy(running, target, client, method="GET"):
    return wire.fetch(("127.0.0.2", running.ports[2]), target, method, [("X-Forwarded-For", client)]).status


def by_proxy_protocol(running, target, client):
    with wire.Client(("127.0.0.3", running.ports[3])) as connection:
        family = "TCP6" if ":" in client else "TCP4"
        server = "::1" if ":" in client else "192.0.2.1"
        connection.send(f"PROXY {family} {client} {server} 5000 80\r\n".encode())
        return connection.request(target).status


def test_addresses_of_this_machine(running):
    assert from_ipv4(running, "/a.txt") == 200
    assert from_ipv4(running, "/internal/a.txt") == 200
    assert from_ipv4(running, "/six/a.txt") == 403
    assert from_ipv6(running, "/a.txt") == 200
    assert from_ipv6(running, "/internal/a.txt") == 403
    assert from_ipv6(running, "/six/a.txt") == 200


@pytest.mark.parametrize("ask", [by_proxy, by_proxy_protocol])
def test_clients_behind_proxies(running, ask):
    assert ask(running, "/a.txt", "198.51.100.1") == 200
    assert ask(running, "/a.txt", "203.0.113.1") == 403
    assert ask(running, "/a.txt", "2001:db8::1") == 403
    assert ask(running, "/a.txt", "2001:db9::1") == 200
    assert ask(running, "/internal/a.txt", "10.0.0.1") == 200
    assert ask(running, "/internal/a.txt", "10.1.0.1") == 403
    assert ask(running, "/internal/a.txt", "198.51.100.1") == 403


def test_claims_of_others_change_nothing(running):
    address = ("127.0.0.1", running.ports[0])
    assert wire.fetch(address, "/a.txt", fields=[("X-Forwarded-For", "203.0.113.1")]).status == 200
    assert wire.fetch(address, "/six/a.txt", fields=[("X-Forwarded-For", "::1"), ("Forwarded", 'for="[::1]"')]).status == 403


def test_client_of_a_unix_socket_is_in_no_network(running):
    path = str(running.tmp / "http.sock")
    assert wire.fetch(path, "/a.txt").status == 200
    assert wire.fetch(path, "/internal/a.txt").status == 403


def test_who_is_not_let_in_does_not_learn_what_there_is(running):
    assert by_proxy(running, "/nothing", "198.51.100.1") == 404
    assert by_proxy(running, "/nothing", "203.0.113.1") == 403
    assert by_proxy(running, "/form", "198.51.100.1", "POST") == 200
    assert by_proxy(running, "/form", "203.0.113.1", "POST") == 403
    assert by_proxy(running, "/form", "203.0.113.1", "DELETE") == 403


def test_body_of_who_is_not_let_in_is_read_and_forgotten(running):
    with wire.Client(("127.0.0.2", running.ports[2])) as client:
        fields = [("X-Forwarded-For", "203.0.113.1")]
        assert client.request("/form", "POST", fields, b"x" * 100_000).status == 403
        assert client.request("/a.txt").status == 200


@pytest.mark.parametrize("method", ["OPTIONS", "POST", "PROPFIND"])
def test_methods_that_no_route_takes_are_refused_by_the_rules_of_the_route(running, method):
    assert wire.fetch(running.address, "/six/a.txt", method).status == 403
    assert wire.fetch(running.address, "/a.txt", method).status == (204 if method == "OPTIONS" else 405)


def test_reload_changes_who_is_let_in(server, tmp_path):
    site(tmp_path, FILES)
    running = server('[[site]]\nroot = "www"')
    with running.client() as client:
        assert client.request("/a.txt").status == 200
        running.reload('[[site]]\nroot = "www"\nallow = ["10.0.0.0/8"]')
        assert client.request("/a.txt").status == 403


def test_explain_says_which_network_decided(uvhttpd, tmp_path):
    site(tmp_path, FILES)
    file = put(tmp_path / "uvhttpd.toml", '[[listener]]\naddress = "127.0.0.1:0"\n' + SITE)

    def explain(path, client, *more):
        result = uvhttpd("explain", "-c", file, "http://127.0.0.1" + path, "--client", client, *more)
        assert result.returncode == 0, result.stderr
        return result.stdout

    assert "  client    10.1.2.3: not let in, in 10.1.0.0/16 of deny\n" in explain("/internal/a.txt", "10.1.2.3")
    assert "  client    10.2.2.3: let in, in 10.0.0.0/8 of allow\n" in explain("/internal/a.txt", "10.2.2.3")
    assert "  client    192.0.2.1: not let in, in none of allow\n" in explain("/internal/a.txt", "192.0.2.1")
    assert "  client    192.0.2.1: let in, in none of deny\n" in explain("/a.txt", "192.0.2.1")
    lines = (tmp_path / "uvhttpd.toml").read_text().splitlines()
    for client, key in ("10.1.2.3", "deny"), ("192.0.2.1", "allow"):
        line = int(re.search(rf"^  because   {key} in line (\d+)$", explain("/internal/a.txt", client), re.M)[1])
        assert lines[line - 1].startswith(key + " = ")
    assert "because" not in explain("/internal/a.txt", "10.2.2.3")
    answer = json.loads(explain("/internal/a.txt", "10.1.2.3", "--json"))
    assert answer["client"] == {"client": "10.1.2.3", "is_let_in": False, "network": "10.1.0.0/16"}
    assert answer["status"] == 403
    assert uvhttpd("explain", "-c", file, "http://127.0.0.1/", "--client", "nobody").returncode == 2


CROWDED = r"limits: 127\.0\.0\.1( and others)?: ([0-9]+) connections? refused \(connections_per_ip\)"


def test_connections_per_ip_counts_each_address_and_says_so_once_a_second(server, tmp_path):
    site(tmp_path, FILES)
    running = server('[limits]\nconnections_per_ip = 2\n[[site]]\nroot = "www"\n[[listener]]\naddress = "0.0.0.0:0"')
    with running.client() as first, running.client() as second:
        assert first.request("/a.txt").status == 200
        assert second.request("/a.txt").status == 200
        for _ in range(20):
            with running.client() as refused:
                refused.send_gently(wire.request("/a.txt"))
                assert refused.response().status == 503
        with wire.Client(running.address, source="127.0.0.9") as other:
            assert other.request("/a.txt").status == 200
    running.wait_for_log(CROWDED)
    assert len([line for line in running.log_text().splitlines() if "refused" in line]) <= 5
    wire.wait_until(lambda: running.fetch("/a.txt").status == 200, "a place that is free again")


def test_connections_from_before_the_limit_make_no_room_when_they_go(server, tmp_path):
    site(tmp_path, FILES)
    text = '[limits]\nconnections_per_ip = {}\n[[site]]\nroot = "www"'
    running = server(text.format(0))
    old = [running.client() for _ in range(4)]
    assert [client.request("/a.txt").status for client in old] == [200] * 4
    running.reload(text.format(1))
    with running.client() as only:
        assert only.request("/a.txt").status == 200
        for client in old:
            client.send(wire.request("/a.txt", fields=["Connection: close"]))
            assert client.response().status == 200 and client.read_to_end() == b""
            with running.client() as refused:
                refused.send_gently(wire.request("/a.txt"))
                assert refused.response().status == 503


def test_connections_per_ip_takes_an_ipv6_network_of_64_bits_for_one_client(server, tmp_path):
    site(tmp_path, FILES)
    running = server('[limits]\nconnections_per_ip = 1\n[[site]]\nroot = "www"\n'
                     '[[listener]]\naddress = "127.0.0.1:0"\nproxy_protocol = true')

    def ask(connection, client):
        connection.send(f"PROXY TCP6 {client} ::1 5000 80\r\n".encode())
        return connection.request("/a.txt").status

    with running.client() as first, running.client() as same, running.client() as other:
        assert ask(first, "2001:db8:0:1::1") == 200
        assert ask(same, "2001:db8:0:1:ffff::2") == 503
        assert ask(other, "2001:db8:0:2::1") == 200
    running.wait_for_log(r"2001:db8:0:1::/64: 1 connection refused \(connections_per_ip\)")
