# SPDX-License-Identifier: MIT
"""rate_limit: how often a client may ask, whichever worker it comes to."""
import re
import threading
import time

import pytest

import wire
from sites import site

HOUR = 3600


def config(limit, start="", site_keys="", route_keys=""):
    return f"""
{start}
[[site]]
root = "www"
rate_limit = {limit}
{site_keys}
[[site.route]]
path = "/login"
handler = "respond"
body = "who are you?"
{route_keys}
"""


def limit(requests, per=f"{HOUR}s", burst=None, key="client"):
    return f'{{ requests = {requests}, per = "{per}", burst = {burst or requests}, key = "{key}" }}'


PROXIES = '[[listener]]\naddress = "127.0.0.1:0"\ntrusted_proxies = ["127.0.0.1"]\n'


@pytest.fixture(autouse=True)
def files(tmp_path):
    return site(tmp_path, {"a.txt": "the file a"})


def statuses(running, count, target="/a.txt", fields=()):
    with running.client() as client:
        return [client.request(target, fields=fields).status for _ in range(count)]


def test_retry_after_is_true(server):
    running = server(config(limit(1, "2s")))
    with running.client() as client:
        assert client.request("/a.txt").status == 200
        refused = client.request("/a.txt")
        assert refused.status == 429
        wait = int(refused.get("Retry-After"))
        assert 1 <= wait <= 2
        end = time.monotonic() + wait
        wire.wait_until(lambda: time.monotonic() >= end, "the time that the server asked for")
        assert client.request("/a.txt").status == 200


def test_burst_then_429_until_the_bucket_fills(server):
    running = server(config(limit(5, "1s", burst=10)))
    got = statuses(running, 30)
    assert got[:10] == [200] * 10
    assert 429 in got[10:]
    wire.wait_until(lambda: running.fetch("/a.txt").status == 200, "a token")


def test_routes_without_a_limit_of_their_own_share_that_of_the_site(server):
    running = server(config(limit(2)))
    assert statuses(running, 1) + statuses(running, 1, "/login") + statuses(running, 1) == [200, 200, 429]


def test_route_has_its_own_limit_or_none(server):
    running = server(config(limit(2), route_keys=f"rate_limit = {limit(1)}"))
    assert statuses(running, 3) == [200, 200, 429]
    assert statuses(running, 2, "/login") == [200, 429]
    running = server(config(limit(2), route_keys="rate_limit = false"))
    assert statuses(running, 9, "/login") == [200] * 9


def test_clients_that_trusted_proxies_name_are_counted(server):
    running = server(config(limit(2), PROXIES))

    def ask(client, count):
        return statuses(running, count, fields=[("X-Forwarded-For", client)])
    assert ask("203.0.113.1", 3) == [200, 200, 429]
    assert ask("203.0.113.2", 1) == [200]
    assert ask("2001:db8:0:1::1", 1) + ask("2001:db8:0:1:ffff::1", 2) == [200, 200, 429]
    assert ask("2001:db8:0:2::1", 1) == [200]
    # What a client claims stands to the left of what the proxy says.
    assert ask("192.0.2.1, 203.0.113.1", 1) == [429]


def test_claims_of_others_get_nobody_around_the_limit(server):
    running = server(config(limit(2)))
    got = [statuses(running, 1, fields=[("X-Forwarded-For", f"203.0.113.{i}"), ("Forwarded", f"for=10.0.0.{i}")])[0]
           for i in range(4)]
    assert got == [200, 200, 429, 429]


def test_clients_of_the_proxy_protocol_are_counted(server):
    running = server(config(limit(1), '[[listener]]\naddress = "127.0.0.1:0"\nproxy_protocol = true\n'))

    def ask(client):
        with running.client() as connection:
            connection.send(f"PROXY TCP4 {client} 192.0.2.1 5000 80\r\n".encode())
            return connection.request("/a.txt").status
    assert [ask("203.0.113.1"), ask("203.0.113.1"), ask("203.0.113.2")] == [200, 429, 200]


def test_field_may_be_what_is_counted(server):
    running = server(config(limit(2, key="header:X-API-Key")))

    def ask(count, *fields):
        return statuses(running, count, fields=fields)
    assert ask(3, "X-API-Key: one") == [200, 200, 429]
    assert ask(1, "x-api-key: two") == [200]
    assert ask(3) == [200, 200, 429]
    assert ask(1, "X-API-Key:") == [429]


def test_ipv6_clients_are_counted(server):
    running = server(config(limit(1), '[[listener]]\naddress = "[::1]:0"\n'))
    got = [wire.fetch(("::1", running.port), "/a.txt").status for _ in range(2)]
    assert got == [200, 429]


@pytest.mark.threads
def test_workers_count_together(server):
    running = server(config(limit(100), "[server]\nworkers = 4"))
    got = []

    def ask():
        for _ in range(50):
            got.append(running.fetch("/a.txt").status)
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got.count(200) == 100 and got.count(429) == 100


def test_reload_keeps_the_count_unless_the_limit_changes(server):
    running = server(config(limit(2)))
    assert statuses(running, 3) == [200, 200, 429]
    running.reload(config(limit(2), site_keys='headers = { "X-New" = "yes" }'))
    with running.client() as client:
        refused = client.request("/a.txt")
        assert refused.status == 429 and refused.get("X-New") == "yes"
    running.reload(config(limit(3)))
    assert statuses(running, 4) == [200, 200, 200, 429]


def test_refusals_are_told_once_a_second(server):
    running = server(config(limit(1), PROXIES))
    statuses(running, 1, fields=["X-Forwarded-For: 203.0.113.1"])
    statuses(running, 200, fields=["X-Forwarded-For: 203.0.113.1"])
    statuses(running, 2, fields=["X-Forwarded-For: 203.0.113.2"])
    line = r"rate_limit: (203\.0\.113\.[12])( and others)?: ([0-9]+) requests? refused \(default\)"

    def told():
        return sum(int(match[3]) for match in re.finditer(line, running.log_text()))
    began = time.monotonic()
    wire.wait_until(lambda: told() == 201, "all refusals in the log")
    lines = len(re.findall(line, running.log_text()))
    assert lines <= 2 + time.monotonic() - began, running.log_text()


def test_last_refusals_are_told_when_the_server_ends(server):
    running = server(config(limit(1)))
    assert statuses(running, 2) == [200, 429]
    running.stop()
    assert "127.0.0.1: 1 request refused (default)" in running.log_text()


def test_many_clients_keep_memory_flat(server):
    running = server(config(limit(1, burst=2), PROXIES + '[access_log]\npath = "off"\n'))

    def flood(first, last, step=500):
        with running.client() as client:
            for at in range(first, last, step):
                client.send(b"".join(
                    wire.request("/a.txt", fields=[f"X-Forwarded-For: 11.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"])
                    for n in range(at, at + step)))
                for _ in range(step):
                    assert client.response().status == 200
    # The table is in memory as a whole when so many have come.
    flood(0, 65_000)
    before = running.memory()
    flood(65_000, 200_000)
    assert running.memory() - before < 512 << 10 or not running.has_bounded_memory()
