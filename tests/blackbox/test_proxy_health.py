# SPDX-License-Identifier: MIT
"""The reverse proxy: upstreams whose health is checked."""
import threading

import pytest

import wire
from upstreams import answer, proxy

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
