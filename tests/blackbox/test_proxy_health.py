# SPDX-License-Identifier: MIT
"""The reverse proxy: upstreams whose health is checked."""
import collections
import itertools
import json
import re
import threading

import pytest

import wire
from upstreams import answer, named, proxy

HEALTH = 'health = { path = "/health?deep=1", every = "30ms", timeout = "200ms", rise = 3, fall = 2 }\n'


class Patient:
    """A behaviour whose health the test decides: a status, or an exception of what it does instead."""

    def __init__(self, name):
        self.name = name
        self.health = "200 OK"
        self.checks = []
        self.served = 0
        self.hang = threading.Event()

    def __call__(self, connection):
        while asked := connection.asked():
            if not asked.target.startswith("/health"):
                self.served += 1
                connection.send(answer(self.name))
                continue
            self.checks.append(asked)
            if self.health == "hang":
                self.hang.wait(wire.DEADLINE)
            elif self.health == "close":
                connection.finish()
                return
            else:
                connection.send(answer(b"", self.health))


@pytest.fixture
def two(upstream):
    patients = [Patient(b"a"), Patient(b"b")]
    for each in patients:
        each.upstream = upstream(each)
    yield patients
    for each in patients:
        each.hang.set()


def bodies(running, count=6):
    return {running.fetch("/").body for _ in range(count)}


def start(server, two, more=""):
    return server(proxy([each.upstream for each in two], HEALTH + 'balance = "round_robin"\n' + more))


def test_health_is_asked_for_with_get(server, two):
    start(server, two)
    wire.wait_until(lambda: all(len(each.checks) >= 3 for each in two))
    asked = two[0].checks[0]
    assert (asked.method, asked.target) == ("GET", "/health?deep=1")
    assert asked.get("Host") and asked.get("User-Agent").startswith("uvhttpd") and asked.get("Connection") == "close"


def test_health_of_applications_that_answer_to_their_names_only(server, two):
    text = proxy([each.upstream for each in two], HEALTH)
    running = server(text)
    wire.wait_until(lambda: all(each.checks for each in two))
    hosts = ["%s:%s" % each.upstream.address[:2] for each in two]
    assert [each.checks[0].get("Host") for each in two] == hosts
    running.reload(text.replace('deep=1"', 'deep=1", host = "app.example"'))
    wire.wait_until(lambda: all(each.checks[-1].get("Host") == "app.example" for each in two))


@pytest.mark.parametrize("ill", ["500 Ill", "404 None", "close", "hang"])
def test_upstream_that_is_not_well_gets_no_requests_until_it_is(server, two, ill):
    running = start(server, two)
    assert bodies(running) == {b"a", b"b"}
    two[0].health = ill
    running.wait_for_log("out of order")
    assert bodies(running) == {b"b"}
    two[0].health = "302 Found"
    two[0].hang.set()
    running.wait_for_log("in order again")
    assert bodies(running) == {b"a", b"b"}


def test_one_bad_answer_is_not_enough(server, two):
    running = start(server, two)
    wire.wait_until(lambda: len(two[0].checks) >= 2)
    two[0].health = "500 Ill"
    before = len(two[0].checks)
    wire.wait_until(lambda: len(two[0].checks) > before)
    two[0].health = "200 OK"
    wire.wait_until(lambda: len(two[0].checks) > before + 4)
    assert "in order again" in running.log_text() or "out of order" not in running.log_text()


def test_rise_is_counted(server, two):
    two[0].health = "500 Ill"
    running = start(server, two)
    running.wait_for_log("out of order")
    before = len(two[0].checks)
    two[0].health = "200 OK"
    running.wait_for_log("in order again")
    assert len(two[0].checks) >= before + 3


def test_all_out_of_order_is_503_with_retry_after(server, two):
    for each in two:
        each.health = "500 Ill"
    running = start(server, two)
    running.wait_for_log("out of order", 2)
    answered = running.fetch("/")
    assert answered.status == 503 and int(answered.get("Retry-After")) >= 1
    assert not any(each.served for each in two)
    two[1].health = "200 OK"
    running.wait_for_log("in order again")
    assert bodies(running) == {b"b"}


def test_upstream_that_is_not_there_is_found_out_and_found_again(server, two):
    running = start(server, two)
    two[0].upstream.stop()
    running.wait_for_log("out of order")
    assert bodies(running) == {b"b"}
    two[0].upstream.start()
    running.wait_for_log("in order again")
    assert bodies(running) == {b"a", b"b"}


def test_checks_end_with_the_configuration_that_has_them(server, two):
    running = start(server, two)
    wire.wait_until(lambda: len(two[0].checks) >= 2)
    running.reload(proxy([each.upstream for each in two]))
    assert bodies(running) == {b"a", b"b"}
    wire.wait_until(lambda: all(each.socket.fileno() < 0 or each.upstream.requests for each in two[0].upstream.connections))
    before = len(two[0].checks)
    assert bodies(running, 50) == {b"a", b"b"}
    assert len(two[0].checks) <= before + 1


# So slow to fall that it would not be found out again while a test looks.
SLOW = 'health = { path = "/health", every = "10ms", timeout = "1s", rise = 3, fall = 100 }\n'


def states(running):
    """How many workers take each upstream for resolving, up, down."""
    return [tuple(each[f"workers_{state}"] for state in ("resolving", "up", "down")) for each in json.loads(running.fetch("/status?json").body)["upstreams"]]


@pytest.mark.threads
def test_reload_does_not_forget_what_is_out_of_order(server, two):
    two[0].health = "500 Ill"
    text = proxy([each.upstream for each in two], SLOW).replace("workers = 1", "workers = 3")
    running = server(text)
    running.wait_for_log("out of order", 3)
    for new in [None, text + "# another\n", text.replace('path = "/*"', 'path = "/*"\nretries = 0')]:
        served = two[0].served
        running.reload(new)
        assert bodies(running, 20) == {b"b"} and two[0].served == served
    assert running.log_text().count("out of order") == 3
    two[0].health = "200 OK"
    running.wait_for_log("in order again", 3)
    wire.wait_until(lambda: bodies(running, 20) == {b"a", b"b"})


def test_reload_with_another_check_begins_anew(server, two):
    two[0].health = "500 Ill"
    text = proxy([each.upstream for each in two], SLOW)
    running = server(text)
    running.wait_for_log("out of order")
    running.reload(text.replace('"/health", every = "10ms"', '"/healthy", every = "1m"'))
    assert bodies(running) == {b"a", b"b"}


def test_reloads_that_are_refused_change_nothing(server, two):
    two[0].health = "500 Ill"
    text = proxy([each.upstream for each in two], SLOW)
    running = server(text)
    running.wait_for_log("out of order")
    assert "refused" in running.reload(text + "nonsense\n")
    running.reload(text)
    assert bodies(running) == {b"b"}


def test_status_page_says_down_behind_a_reload(server, two):
    two[0].health = "500 Ill"
    text = proxy([each.upstream for each in two], SLOW) + '[[site.route]]\npath = "/status"\nhandler = "status"\n'
    text = text.replace('path = "/*"', 'path = "/app/*"')
    running = server(text)
    running.wait_for_log("out of order")
    seen = states(running)
    assert sorted(seen) == [(0, 0, 1), (0, 1, 0)]
    running.reload()
    # Until the old runtime has gone both are counted.
    wire.wait_until(lambda: states(running) == seen)
    assert running.log_text().count("out of order") == 1


# ---- Names with several addresses.

@pytest.fixture
def addresses(upstream):
    """Patients at 127.0.0.1 and so on, all on one port; the letters are what they say."""
    patients = [Patient(letter) for letter in (b"a", b"b", b"c")]
    port = 0
    for number, each in enumerate(patients, 1):
        each.upstream = upstream(each, host=f"127.0.0.{number}", port=port)
        port = each.upstream.address[1]
    yield patients
    for each in patients:
        each.hang.set()


def hosts_of(*numbers):
    return "".join(f"127.0.0.{number} app.example\n" for number in numbers)


def start_named(server, hosts, addresses, keys=HEALTH):
    return server(proxy(named(addresses[0].upstream), keys + "keep_alive = 0\n"), prefix=hosts.prefix)


def answers(running, count=12):
    return collections.Counter((answered := running.fetch("/")).status == 200 and answered.body for _ in range(count))


@pytest.mark.parametrize("ill", ["500 Ill", "close", "hang"])
def test_address_that_is_not_well_gets_no_requests_until_it_is(server, hosts, addresses, ill):
    hosts(hosts_of(1, 2))
    running = start_named(server, hosts, addresses)
    assert answers(running) == {b"a": 6, b"b": 6}
    addresses[0].health = ill
    running.wait_for_log("warn .*app.example:[0-9]+ at 127.0.0.1:[0-9]+: out of order")
    assert answers(running) == {b"b": 12}
    addresses[0].health = "200 OK"
    addresses[0].hang.set()
    running.wait_for_log("info .*app.example:[0-9]+ at 127.0.0.1:[0-9]+: in order again")
    assert answers(running) == {b"a": 6, b"b": 6}


@pytest.mark.parametrize("alive", [0, 1, 2])
def test_one_address_that_is_well_is_enough(server, hosts, addresses, alive):
    hosts(hosts_of(1, 2, 3))
    for number, each in enumerate(addresses):
        if number != alive:
            each.upstream.stop()
    running = start_named(server, hosts, addresses)
    running.wait_for_log("out of order: connecting", 2)
    before = len(addresses[alive].checks)
    wire.wait_until(lambda: len(addresses[alive].checks) > before + 3)
    assert answers(running) == {addresses[alive].name: 12}
    assert len(re.findall("out of order", running.log_text())) == 2


def test_all_addresses_out_of_order_is_503(server, hosts, addresses):
    hosts(hosts_of(1, 2))
    for each in addresses[:2]:
        each.health = "500 Ill"
    running = start_named(server, hosts, addresses)
    running.wait_for_log("out of order: it answers 500", 2)
    assert answers(running, 3) == {False: 3} and not any(each.served for each in addresses)
    addresses[1].health = "200 OK"
    running.wait_for_log("in order again")
    assert answers(running) == {b"b": 12}


def test_checks_take_no_turns_of_requests(server, hosts, addresses):
    hosts(hosts_of(1, 2))
    running = start_named(server, hosts, addresses)
    answered = []
    for _ in range(10):
        before = sum(len(each.checks) for each in addresses)
        wire.wait_until(lambda: sum(len(each.checks) for each in addresses) > before)
        answered.append(running.fetch("/").body)
    assert all(one != other for one, other in itertools.pairwise(answered)), answered


def test_addresses_that_stay_stay_out_of_order(server, hosts, addresses):
    hosts(hosts_of(1, 2))
    addresses[0].health = "500 Ill"
    running = start_named(server, hosts, addresses, HEALTH + 'resolve_every = "50ms"\n')
    running.wait_for_log("out of order")
    hosts(hosts_of(3, 1))
    wire.wait_until(lambda: addresses[2].checks)
    assert answers(running) == {b"c": 12}
    assert not addresses[0].served and len(re.findall("out of order", running.log_text())) == 1
    # Those that have gone are asked no more.
    before = len(addresses[1].checks)
    more = len(addresses[2].checks)
    wire.wait_until(lambda: len(addresses[2].checks) > more + 5)
    assert len(addresses[1].checks) <= before + 1


def test_address_that_cannot_even_be_asked_is_out_of_order_at_once(server, hosts, addresses):
    """The kernel has no way to it, so its first check is over before it has begun."""
    hosts(hosts_of(1))
    running = start_named(server, hosts, addresses, HEALTH.replace("fall = 2", "fall = 1") + 'resolve_every = "50ms"\n')
    assert answers(running) == {b"a": 12}
    hosts(hosts_of(1) + "255.255.255.255 app.example\n")
    running.wait_for_log(r"255\.255\.255\.255.*out of order")
    assert answers(running) == {b"a": 12}


def test_address_that_fails_requests_rests_while_there_are_others(server, hosts, addresses):
    def fail(connection):
        if connection.asked():
            connection.finish()

    hosts(hosts_of(1, 2))
    addresses[0].upstream.behaviour = fail
    running = start_named(server, hosts, addresses, "")
    statuses = [running.fetch("/", method="POST").status for _ in range(30)]
    # Its rests are of 1, 2, 4 … seconds.
    assert set(statuses) == {200, 502} and statuses.count(502) <= 4, statuses
    running.wait_for_log("info .* at 127.0.0.1:[0-9]+: it closed the connection .*; its other addresses are asked")


def test_reload_does_not_forget_which_address_is_out_of_order(server, hosts, addresses):
    hosts(hosts_of(1, 2))
    addresses[0].health = "500 Ill"
    running = start_named(server, hosts, addresses, SLOW)
    running.wait_for_log("out of order")
    served = addresses[0].served
    running.reload()
    assert answers(running) == {b"b": 12} and addresses[0].served == served
    addresses[0].health = "200 OK"
    running.wait_for_log("at 127.0.0.1:[0-9]+: in order again")
    assert answers(running) == {b"a": 6, b"b": 6}
