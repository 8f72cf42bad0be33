# SPDX-License-Identifier: MIT
"""The reverse proxy: which of several upstreams gets a request, and where names are looked up."""
import collections
import os
import re
import threading

import pytest

import upstreams
import wire
from upstreams import answer, named, proxy


@pytest.fixture
def several(upstream):
    """several(count): upstreams that say their number."""
    def start(count):
        return [upstream(upstreams.saying(answer(str(i).encode()))) for i in range(count)]
    return start


def ask(running, count, target=lambda i: "/", fields=lambda i: ()):
    """Who answered each of the requests, on one connection."""
    with running.client() as client:
        return [client.request(target(i), fields=fields(i)).body for i in range(count)]


def test_round_robin_is_even(server, several):
    running = server(proxy(several(3), 'balance = "round_robin"'))
    answered = ask(running, 30)
    assert set(collections.Counter(answered).values()) == {10}
    assert answered[:3] * 10 == answered


@pytest.mark.parametrize("octets", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x01\x00\x02\x02\x46", b"HTTP/1.1 200 OK\r\nX-A"])
def test_who_does_not_speak_http_is_out_of_order(server, upstream, octets):
    def say(connection):
        connection.asked()
        connection.send(octets)

    good, wrong = upstream(upstreams.saying(answer(b"good"))), upstream(say)
    running = server(proxy([wrong, good], 'balance = "round_robin"'))
    with running.client() as client:
        statuses = [client.request("/").status for _ in range(20)]
    assert sorted(statuses) == [200] * 19 + [502], statuses


@pytest.mark.parametrize("balance", ['balance = "least_connections"', ""], ids=["said", "default"])
def test_least_connections_avoids_the_busy(server, upstream, several, balance):
    release = threading.Event()

    def behave(connection):
        while connection.asked():
            release.wait(wire.DEADLINE)
            connection.send(answer(b"busy"))

    busy = upstream(behave)
    running = server(proxy([busy, *several(1)], balance))
    waiting = []
    while not busy.requests:
        waiting.append(running.client())
        waiting[-1].send(wire.request("/"))
        wire.wait_until(lambda: busy.requests or waiting[-1].is_closed() or waiting[-1].unread)
    assert ask(running, 20) == [b"0"] * 20
    release.set()
    for client in waiting:
        client.response()
        client.close()
    assert set(ask(running, 20)) == {b"0", b"busy"}


def test_least_connections_shares_when_none_is_busy(server, several):
    assert min(collections.Counter(ask(server(proxy(several(4))), 40)).values()) >= 8


def test_random_two_asks_everyone_and_nobody_much_more(server, several):
    counted = collections.Counter(ask(server(proxy(several(4), 'balance = "random_two"')), 400))
    assert len(counted) == 4 and min(counted.values()) >= 50 and max(counted.values()) <= 160


KEYS = {"path": (lambda i: f"/{i}?{os.urandom(4).hex()}", lambda i: ()),
        "cookie:id": (lambda i: "/", lambda i: [f"Cookie: other={os.urandom(4).hex()}; id={i}; more=1"]),
        "header:X-Key": (lambda i: "/", lambda i: [f"x-key: {i}"])}


@pytest.mark.parametrize("key", KEYS)
def test_hash_sticks_and_moves_only_what_a_lost_upstream_had(server, several, key):
    ups = several(4)
    running = server(proxy(ups, f'balance = "hash"\nhash_key = "{key}"'))
    target, fields = KEYS[key]
    before = ask(running, 80, target, fields)
    assert ask(running, 80, target, fields) == before
    assert min(collections.Counter(before).values()) >= 5 and len(set(before)) == 4
    ups[2].stop()
    after = ask(running, 80, target, fields)
    assert [now for now, then in zip(after, before) if then != b"2"] == [then for then in before if then != b"2"]
    moved = {now for now, then in zip(after, before) if then == b"2"}
    assert len(moved) > 1 and b"2" not in moved


def test_hash_of_the_client_is_the_default_and_each_address_is_one(server, several):
    running = server(proxy(several(4), 'balance = "hash"'))
    found = {}
    for i in range(2, 22):
        with running.client(source=f"127.0.0.{i}") as client:
            assert len(said := {client.request(f"/{turn}").body for turn in range(3)}) == 1
            found[i] = said.pop()
    assert len(set(found.values())) > 1


def test_requests_without_the_cookie_stick_to_their_client(server, several):
    assert len(set(ask(server(proxy(several(4), 'balance = "hash"\nhash_key = "cookie:id"')), 20))) == 1


@pytest.mark.threads
def test_workers_agree_on_the_hash(server, several):
    text = proxy(several(4), 'balance = "hash"\nhash_key = "path"').replace("workers = 1", "workers = 4")
    running = server(text)
    for path in range(5):
        assert len({running.fetch(f"/{path}").body for _ in range(12)}) == 1


# ---- Names.

def test_name_is_resolved(server, several):
    running = server(proxy(named(several(1)[0], "localhost")))
    assert ask(running, 10) == [b"0"] * 10


def test_name_of_the_hosts_file_is_resolved_and_the_host_of_the_client_kept(server, upstream, hosts):
    hosts("127.0.0.1 app.example\n")
    running = server(proxy(named(upstream(upstreams.serving(upstreams.mirror)))), prefix=hosts.prefix)
    assert upstreams.Request(running.fetch("/").body).get("Host") == "localhost"


def test_name_without_an_address_is_a_warning_and_502_until_there_is_one(server, several, hosts):
    running = server(proxy(named(several(1)[0]), 'resolve_every = "100ms"'), prefix=hosts.prefix)
    running.wait_for_log("warn .*app.example")
    assert running.fetch("/").status == 502
    hosts("127.0.0.1 app.example\n")
    wire.wait_until(lambda: running.fetch("/").status == 200, "resolved", 10)


def test_log_says_once_for_all_workers_that_a_name_has_no_address(server, several, hosts):
    text = proxy(named(several(1)[0]), 'resolve_every = "100ms"').replace("workers = 1", "workers = 3")
    running = server(text, prefix=hosts.prefix)
    assert [running.fetch("/").status for _ in range(30)] == [502] * 30
    hosts("127.0.0.1 app.example\n")
    wire.wait_until(lambda: all(running.fetch("/").status == 200 for _ in range(30)), "resolved by all", 10)
    assert len(re.findall("warn .*app.example", running.log_text())) == 1, running.log_text()
    assert running.log_text().count("has addresses again") == 1


def test_other_upstream_answers_where_a_name_has_no_address(server, several, hosts):
    ups = several(2)
    running = server(proxy([named(ups[0]), ups[1]], 'balance = "round_robin"'), prefix=hosts.prefix)
    assert ask(running, 6) == [b"1"] * 6


def test_name_is_looked_up_again(server, upstream, hosts):
    first = upstream(upstreams.saying(answer(b"first", fields=["Connection: close"])))
    second = upstream(upstreams.saying(answer(b"second", fields=["Connection: close"])), host="127.0.0.2", port=first.address[1])
    hosts("127.0.0.1 app.example\n")
    running = server(proxy(named(first), 'resolve_every = "100ms"'), prefix=hosts.prefix)
    assert ask(running, 3) == [b"first"] * 3
    hosts("127.0.0.2 app.example\n")
    wire.wait_until(lambda: running.fetch("/").body == b"second", "looked up again", 10)
    assert second.requests
    # What was known stays in use when the name cannot be looked up any more.
    hosts("")
    running.wait_for_log("warn .*app.example")
    assert running.fetch("/").body == b"second"


def test_address_that_a_name_has_lost_is_asked_no_more(server, upstream, hosts):
    """Though connections to it are kept, and in use all the time."""
    first = upstream(upstreams.saying(answer(b"first")))
    upstream(upstreams.saying(answer(b"second")), host="127.0.0.2", port=first.address[1])
    hosts("127.0.0.1 app.example\n")
    running = server(proxy(named(first), 'resolve_every = "100ms"'), prefix=hosts.prefix)
    assert ask(running, 3) == [b"first"] * 3 and len(first.connections) == 1
    hosts("127.0.0.2 app.example\n")
    wire.wait_until(lambda: running.fetch("/").body == b"second", "the new address", 10)
    assert ask(running, 5) == [b"second"] * 5


def test_all_addresses_of_a_name_are_used(server, upstream, hosts):
    first = upstream(upstreams.saying(answer(b"first")))
    upstream(upstreams.saying(answer(b"second")), host="127.0.0.2", port=first.address[1])
    hosts("127.0.0.1 app.example\n127.0.0.2 app.example\n")
    running = server(proxy(named(first), "keep_alive = 0"), prefix=hosts.prefix)
    assert set(ask(running, 10)) == {b"first", b"second"}
    first.stop()
    assert ask(running, 10) == [b"second"] * 10
