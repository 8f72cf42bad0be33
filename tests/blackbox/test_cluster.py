# SPDX-License-Identifier: MIT
"""A cluster of machines, each a network namespace: HAProxy in front of three servers, these in front of three servers of
applications. One after the other is restarted, killed or unplugged while clients go on. What runs is
config/examples/balanced-cluster.toml and haproxy.cfg, at the addresses that are written there."""
import collections
import os
import re
import subprocess
import threading
import time

import pytest

import wire
from conftest import Server
from examples import example
from machines import Network
from sites import site

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes network namespaces")

FRONT = "10.9.0.1"
WEBS = ["10.9.0.11", "10.9.0.12", "10.9.0.13"]
APPS = ["10.9.0.21", "10.9.0.22", "10.9.0.23"]
HAPROXY = (FRONT, 8000)
CLIENTS = 8
SLOW = 0.3             # seconds that /slow takes
CONNECT_TIMEOUT = 1.0  # of the examples
HEALTH_KNOWN = 3 * (1.0 + 1.0)  # likewise: fall * (every + timeout)
UNCHANGED = {}

# An application for which doing something twice would matter: it writes down each POST, and answers it with its body.
APPLICATION = """
[[listener]]
address = "0.0.0.0:9000"
[[site]]
[[site.route]]
path = "/health"
handler = "respond"
[[site.route]]
path = "/hello"
handler = "respond"
body = "hello"
headers = {{ X-Application = "{name}" }}
[[site.route]]
path = "/*"
handler = "cgi"
root = "programs"
headers = {{ X-Application = "{name}" }}
"""
ECHO = """#!/bin/sh
[ "$REQUEST_METHOD" = GET ] || echo "$HTTP_X_NUMBER" >> {posts}
printf 'Content-Type: application/octet-stream\\r\\n\\r\\n'
exec cat
"""
SLOWLY = """#!/bin/sh
[ "$REQUEST_METHOD" = GET ] || echo "$HTTP_X_NUMBER" >> {posts}
sleep {seconds}
printf 'Content-Type: text/plain\\r\\n\\r\\nslow'
"""
BODY = bytes(range(256)) * 32


class Node:
    """A server on its machine, which may be started again and again."""

    def __init__(self, machine, tmp, text):
        self.machine, self.tmp, self.text = machine, tmp / machine.name, text
        self.tmp.mkdir()
        self.server = None

    def start(self):
        self.server = Server(self.tmp, self.text, prefix=self.machine.prefix, listeners=self.text.count("[[listener]]"))

    def restart(self):
        self.server.stop()
        self.start()

    def kill(self):
        self.server.process.kill()
        self.server.process.wait()
        self.server.is_over = True

    def requests(self):
        """How many it has answered since it was started: lines of its access log."""
        return self.server.stdout_text().count("\n")

    def wait_until_used(self):
        before = self.requests()
        wire.wait_until(lambda: self.requests() > before, f"requests to {self.machine.name}")


class Load:
    """Clients that each keep a connection and use it as fast as it goes, until the end of the `with`."""

    def __init__(self, machine, address, targets=(("GET", "/hello"), ("POST", "/echo")), clients=CLIENTS):
        self.machine, self.address, self.targets = machine, address, targets
        self.failures, self.answered = [], 0
        self.lock = threading.Lock()
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=self.use, args=(number,)) for number in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.wait_for(CLIENTS * 10)
        return self

    def __exit__(self, *_):
        self.is_over.set()
        for thread in self.threads:
            thread.join()

    def wait_for(self, more):
        before = self.answered
        wire.wait_until(lambda: self.answered >= before + more, f"{more} more answers")

    def use(self, number):
        self.machine.enter()
        client, turn = None, number
        while not self.is_over.is_set():
            method, target = self.targets[turn % len(self.targets)]
            turn += 1
            try:
                client = client or wire.Client(self.address)
                answer = client.request(target, method, [f"X-Number: {id(self)}-{number}-{turn}"], BODY if method == "POST" else None)
                problem = self.problem_of(method, target, answer)
                is_last = answer.get("Connection") == "close"
            except (wire.Closed, OSError) as failure:
                problem, is_last = repr(failure), True
            if is_last and client:
                client.close()
                client = None
            with self.lock:
                self.answered += 1
                if problem:
                    self.failures.append((method, target, problem))
        if client:
            client.close()

    @staticmethod
    def problem_of(method, target, answer):
        if answer.status != 200:
            return f"{answer.status} {answer.body[:200]!r}"
        expected = {"/hello": b"hello", "/slow": b"slow", "/echo": BODY if method == "POST" else b""}[target]
        return None if answer.body == expected else f"another body: {answer.body[:80]!r}"


class Cluster:
    def __init__(self, tmp, network):
        self.tmp, self.network = tmp, network
        self.processes, self.nodes = [], []
        self.front = network.machine("front", FRONT)

    def apps(self):
        nodes = []
        for number, address in enumerate(APPS, 1):
            node = Node(self.network.machine(f"app{number}", address), self.tmp, APPLICATION.format(name=f"app{number}"))
            posts = self.tmp / "posts"
            site(node.tmp, {"echo": ECHO.format(posts=posts), "slow": SLOWLY.format(posts=posts, seconds=SLOW)}, "programs")
            nodes.append(node)
        return self.started(nodes)

    def webs(self, addresses=tuple(WEBS), changes=UNCHANGED):
        text = example("balanced-cluster.toml", changes)
        machines = [self.network.machine(f"web{number}", address) for number, address in enumerate(addresses, 1)]
        return self.started([Node(machine, self.tmp, text) for machine in machines])

    def done_twice(self):
        """The numbers of POSTs that reached an application more than once."""
        numbers = (self.tmp / "posts").read_text(encoding="ascii").split()
        assert numbers
        return sorted(number for number, times in collections.Counter(numbers).items() if times > 1)

    def started(self, nodes):
        self.nodes += nodes
        for node in nodes:
            node.start()
        return nodes

    def haproxy(self, changes=UNCHANGED):
        file = self.tmp / "haproxy.cfg"
        file.write_text(example("haproxy.cfg", changes), encoding="utf-8")
        with open(self.tmp / "haproxy.log", "wb") as log:
            process = subprocess.Popen([*self.front.prefix, "/usr/sbin/haproxy", "-db", "-f", file], stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=subprocess.STDOUT)
        self.processes.append(process)
        wire.wait_until(lambda: process.poll() is not None or self.answers(HAPROXY), "HAProxy")
        assert process.poll() is None, self.haproxy_log()

    def haproxy_log(self):
        return (self.tmp / "haproxy.log").read_text(encoding="utf-8")

    def answers(self, address):
        with self.front.entered():
            try:
                return wire.fetch(address, "/hello").status == 200
            except (OSError, wire.Closed):
                return False

    def stop(self):
        servers = [node.server for node in self.nodes if node.server]
        try:
            for process in self.processes:
                process.terminate()
                process.wait()
            for server in servers:
                server.stop()
        finally:
            for server in servers:
                server.process.kill()


@pytest.fixture
def network():
    network = Network()
    yield network
    network.remove()


@pytest.fixture
def cluster(network, tmp_path):
    running = Cluster(tmp_path, network)
    yield running
    running.stop()


def idempotent(failures):
    return [failure for failure in failures if failure[0] == "GET"]


# --- HAProxy in front ---

def test_haproxy_takes_its_example(tmp_path):
    (tmp_path / "haproxy.cfg").write_text(example("haproxy.cfg", UNCHANGED), encoding="utf-8")
    result = subprocess.run(["/usr/sbin/haproxy", "-c", "-f", tmp_path / "haproxy.cfg"], text=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert result.returncode == 0 and "WARNING" not in result.stdout, result.stdout


# The same by fields, with connections that HAProxy keeps and gives from client to client.
KEPT = {"  option http-server-close\n": "  option forwardfor\n  http-reuse always\n", " send-proxy-v2 check-send-proxy": "",
        **{f"{web}:8080": f"{web}:8081" for web in WEBS}}


@pytest.mark.parametrize("changes", [UNCHANGED, KEPT], ids=["proxy-protocol", "kept-connections"])
def test_servers_behind_haproxy_are_restarted_and_no_request_fails(cluster, changes):
    cluster.apps()
    webs = cluster.webs()
    cluster.haproxy(changes)
    with Load(cluster.front, HAPROXY) as load:
        for web in webs * 2:
            web.restart()
            web.wait_until_used()
        load.wait_for(200)
    assert not load.failures, f"{len(load.failures)} of {load.answered}: {load.failures[:5]}"
    assert not cluster.done_twice()


def test_the_servers_know_the_client_behind_haproxy(cluster):
    cluster.apps()
    webs = cluster.webs()
    cluster.haproxy()
    wire.wait_until(lambda: any(web.requests() for web in webs), "a line of an access log")
    logged = "".join(web.server.stdout_text() for web in webs)
    assert set(re.findall(r"^(\S+) .*/hello", logged, re.MULTILINE)) == {FRONT}


def test_a_server_behind_haproxy_that_is_unplugged_is_gone_round(cluster):
    cluster.apps()
    webs = cluster.webs()
    cluster.haproxy()
    with Load(cluster.front, HAPROXY, targets=(("GET", "/hello"),)) as load:
        webs[1].machine.unplug()
        # What it had been sent is lost: HAProxy waits for those answers. New requests have the others.
        wire.wait_until(lambda: re.search(r"web2 is DOWN", cluster.haproxy_log()), "HAProxy's health check")
        load.wait_for(200)
        webs[1].machine.plug_in()
        webs[1].wait_until_used()
    assert all("504" in failure[2] for failure in load.failures) and len(load.failures) <= CLIENTS, load.failures[:5]


# --- the server in front of applications ---

def balanced(cluster, changes=UNCHANGED):
    """One server in front of three applications: (its node, its address, theirs)."""
    apps = cluster.apps()
    web = cluster.webs(WEBS[:1], changes)[0]
    address = (WEBS[0], 8081)
    wire.wait_until(lambda: cluster.answers(address), "the server")
    return web, address, apps


def test_applications_are_restarted_and_no_request_fails(cluster):
    _, address, apps = balanced(cluster)
    with Load(cluster.front, address) as load:
        for app in apps * 2:
            app.restart()
            app.wait_until_used()
        load.wait_for(200)
    assert not load.failures, f"{len(load.failures)} of {load.answered}: {load.failures[:5]}"
    assert not cluster.done_twice()


def test_an_application_that_is_killed_takes_only_what_it_was_doing_along(cluster):
    _, address, apps = balanced(cluster)
    with Load(cluster.front, address, targets=(("GET", "/hello"), ("POST", "/echo"), ("POST", "/slow"), ("GET", "/slow"))) as load:
        for app in apps:
            app.wait_until_used()
            app.kill()
            load.wait_for(100)
            app.start()
            app.wait_until_used()
    # An answer that had begun cannot be begun again.
    unbegun = [failure for failure in load.failures if not failure[2].startswith("Closed")]
    assert not idempotent(unbegun), unbegun[:5]
    assert all(failure[2].startswith("502") for failure in unbegun), unbegun[:5]
    assert len(load.failures) <= CLIENTS * len(apps), load.failures
    assert not cluster.done_twice()


def test_an_application_whose_machine_is_unplugged_is_gone_round_when_its_health_is_known(cluster):
    _, address, apps = balanced(cluster)
    gone = apps[2]
    with cluster.front.entered(), wire.Client(address) as client:
        # So that there is a connection to it that is kept.
        wire.wait_until(lambda: client.request("/hello").get("X-Application") == "app3", "an answer of it")
        gone.machine.unplug()
        for method in ["GET"] * 20 + ["POST"] * 20:
            began = time.monotonic()
            answer = client.request("/echo", method, body=BODY if method == "POST" else None)
            took = time.monotonic() - began
            assert answer.status == 200 and answer.get("X-Application") != "app3", f"{method}, {took:.1f} s: {answer}"
            # A new connection is given up after connect_timeout; on a kept one only the checks tell that nobody is there.
            assert took < HEALTH_KNOWN + CONNECT_TIMEOUT + 1.0, f"{method}: {took:.1f} s"
    gone.machine.plug_in()
    with Load(cluster.front, address) as load:
        gone.wait_until_used()
    assert not load.failures, load.failures[:5]


def test_what_an_unplugged_application_was_doing_is_asked_of_another_if_it_may_be(cluster):
    web, address, apps = balanced(cluster, {'head_timeout    = "30s"': 'head_timeout    = "10s"'})
    with Load(cluster.front, address) as load:
        apps[0].machine.unplug()
        web.server.wait_for_log(f"{APPS[0]}:9000: out of order")
        with Load(cluster.front, address) as others:
            others.wait_for(200)
        apps[0].machine.plug_in()
        apps[0].wait_until_used()
    assert not others.failures, f"after it was found out: {others.failures[:5]}"
    assert not idempotent(load.failures), load.failures[:5]
    assert len(load.failures) <= CLIENTS, load.failures
    assert not cluster.done_twice()


def test_with_no_application_left_the_server_says_so_at_once_and_recovers(cluster):
    _, address, apps = balanced(cluster)
    for app in apps:
        app.server.stop()
    with cluster.front.entered():
        assert wire.fetch(address, "/hello").status in (502, 503)
        assert wire.fetch(address, "/health").status == 200, "the server itself is well"
    for app in apps:
        app.start()
    wire.wait_until(lambda: cluster.answers(address), "the applications are found again")
