# SPDX-License-Identifier: MIT
"""The reverse proxy: upstreams that are gone, come back, or die while they answer."""
import subprocess
import sys
import threading
import time

import pytest

import upstreams
import wire
from upstreams import answer, proxy, refusing, url_of

GOOD = upstreams.saying(answer(b"good"))


@pytest.fixture
def gone():
    with refusing() as bound:
        yield url_of(bound)


def closing(connection):
    """A behaviour: takes a request and closes without an answer."""
    connection.asked()
    connection.finish()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_upstream_answers_where_a_connection_is_refused(server, upstream, gone, method):
    running = server(proxy([gone, upstream(GOOD)], 'balance = "round_robin"'))
    assert [running.fetch("/", method=method, body=b"body").body for _ in range(4)] == [b"good"] * 4


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_each_upstream_is_asked_where_others_take_no_connection(server, upstream, method):
    with refusing() as first, refusing() as second, refusing() as third:
        running = server("[server]\nworkers = 1\n[[site]]\n" + upstreams.route(
            [url_of(first), url_of(second), url_of(third), upstream(GOOD)], 'balance = "round_robin"\nretries = 1'))
        assert [running.fetch("/", method=method).body for _ in range(4)] == [b"good"] * 4


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_each_socket_is_asked_where_others_are_not_there(server, upstream, tmp_path, method):
    gone = [f"http://unix:{tmp_path}/{name}" for name in "abc"]
    running = server("[server]\nworkers = 1\n[[site]]\n" + upstreams.route([*gone, upstream(GOOD)], 'balance = "round_robin"'))
    assert [running.fetch("/", method=method).body for _ in range(4)] == [b"good"] * 4


def test_no_retries_means_none(server, upstream, gone):
    up = upstream(GOOD)
    running = server(proxy([gone, up], 'balance = "round_robin"\nretries = 0'))
    assert sorted(running.fetch("/").status for _ in range(2)) == [200, 502]


def test_all_refused_is_502(server, gone):
    running = server(proxy(gone, "retries = 3"))
    assert running.fetch("/").status == 502
    running.wait_for_log("upstream http://.*refused")


def test_retries_have_an_end(server, upstream):
    up = upstream(closing)
    assert server(proxy(up, "retries = 3")).fetch("/").status == 502
    assert len(up.requests) == 4


@pytest.mark.parametrize("method, attempts", [("GET", 2), ("HEAD", 2), ("PUT", 2), ("DELETE", 2), ("OPTIONS", 2), ("POST", 1),
                                              ("PATCH", 1), ("REPORT", 1)])
def test_only_idempotent_requests_are_sent_again(server, upstream, method, attempts):
    up = upstream(closing)
    assert server(proxy(up)).fetch("/", method=method).status == 502
    assert len(up.requests) == attempts


def test_request_whose_body_is_gone_is_not_sent_again(server, upstream):
    up = upstream(closing)
    assert server(proxy(up)).fetch("/", method="PUT", body=b"body").status == 502
    assert len(up.requests) == 1


def test_buffered_body_is_sent_again(server, upstream):
    echo = upstreams.serving(lambda asked: answer(asked.body))
    up = upstream(lambda connection: (closing if connection.number == 0 else echo)(connection))
    assert server(proxy(up, "buffer_body = true")).fetch("/", method="PUT", body=b"x" * 300_000).body == b"x" * 300_000
    assert len(up.requests) == 2


def test_begun_answer_is_not_asked_for_again(server, upstream):
    def half(connection):
        connection.asked()
        connection.send(b"HTTP/1.1 200 O")
        connection.finish()

    up = upstream(half)
    assert server(proxy(up, "retries = 3")).fetch("/").status == 502
    assert len(up.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_errors_of_the_upstream_are_passed_on(server, upstream, status):
    up = upstream(upstreams.saying(answer(b"own page", f"{status} Own", ["Retry-After: 17"])))
    answered = server(proxy(up, "retries = 3")).fetch("/")
    assert (answered.status, answered.body, answered.get("Retry-After")) == (status, b"own page", "17")
    assert len(up.requests) == 1


class Closable:
    """A behaviour that answers, and closes all connections on demand without a word, as one that is restarted does."""

    def __init__(self):
        self.closed = 0

    def __call__(self, connection):
        while connection.asked():
            if connection.number < self.closed:
                connection.reset()
                return
            connection.send(answer(b"good"))


@pytest.mark.parametrize("kept", [1, 10])
def test_get_is_sent_again_where_kept_connections_turn_out_closed(server, upstream, kept):
    behaviour = Closable()
    up = upstream(behaviour)
    running = server(proxy(up, "retries = 0"))
    clients = [running.client() for _ in range(kept)]
    for client in clients:
        client.send(wire.request("/"))
    assert all(client.response().body == b"good" for client in clients)
    behaviour.closed = len(up.connections)  # they look alive until a request comes
    assert clients[0].request("/").body == b"good"
    for client in clients:
        assert client.request("/").body == b"good"
        client.close()


def test_post_on_a_kept_connection_that_is_closed_at_once_is_not_sent_twice(server, upstream):
    behaviour = Closable()
    up = upstream(behaviour)
    running = server(proxy(up))
    with running.client() as client:
        assert client.request("/").body == b"good"
        behaviour.closed = len(up.connections)
        before = len(up.requests)
        assert client.request("/", "POST", body=b"body").status == 502
        assert len(up.requests) == before + 1
        assert client.request("/", "POST", body=b"body").body == b"good"


def test_post_does_not_go_out_on_an_old_connection(server, upstream):
    up = upstream(GOOD)
    running = server(proxy(up))
    with running.client() as client:
        assert client.request("/").body == b"good"
        time.sleep(1.2)  # older than what a POST trusts
        assert client.request("/", "POST", body=b"body").body == b"good"
    assert len(up.connections) == 2


def test_failed_upstream_rests_while_another_answers(server, upstream):
    broken, fine = upstream(closing), upstream(GOOD)
    running = server(proxy([broken, fine], 'balance = "round_robin"'))
    begun = time.monotonic()
    asked = 0
    while time.monotonic() < begun + 0.5:
        assert running.fetch("/").body == b"good"
        asked += 1
    assert asked > 4 and len(broken.requests) == 1
    # Then it is tried again; it still does not cost the client its answer.
    wire.wait_until(lambda: running.fetch("/").body == b"good" and len(broken.requests) >= 2, "asked again", 10)


def test_failed_upstream_comes_back(server, upstream):
    first, second = upstream(GOOD), upstream(GOOD)
    first.stop()
    running = server(proxy([first, second], 'balance = "round_robin"'))
    assert all(running.fetch("/").body == b"good" for _ in range(4))
    first.start()
    wire.wait_until(lambda: running.fetch("/").body == b"good" and first.requests, "in use again", 20)


PROGRAM = """
import signal, socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(16)
print(listener.getsockname()[1], flush=True)
head = b"HTTP/1.1 200 OK\\r\\nContent-Length: 8\\r\\n\\r\\n"
while True:
    connection, _ = listener.accept()
    while request := connection.recv(65536):
        phase = request.split(b" ")[1][1:].decode()
        said = {"accepted": b"", "head": head[:20], "body": head + b"half", "idle": head + b"all of it"[:8]}
        connection.sendall(said[phase])
        print(phase, flush=True)
        if phase != "idle":
            signal.pause()
"""


class Process:
    def __init__(self, port=0):
        self.process = subprocess.Popen([sys.executable, "-S", "-E", "-c", PROGRAM, str(port)], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.mark.parametrize("phase, method", [("accepted", "GET"), ("accepted", "POST"), ("head", "GET"), ("body", "GET"),
                                           ("idle", "GET"), ("idle", "POST")])
def test_killed_upstream_is_told_as_it_was_and_the_pool_heals(server, phase, method):
    process = Process()
    try:
        running = server(proxy(f"http://127.0.0.1:{process.port}"))
        with running.client() as client:
            client.send(wire.request("/" + phase, method))
            assert process.process.stdout.readline() == phase + "\n"
            if phase == "idle":
                assert client.response().body == b"all of i"
                process.kill()
                client.send(wire.request("/idle", method))
            else:
                process.kill()
            if phase == "body":
                assert client.read_to_end().endswith(b"\r\n\r\nhalf")
            else:
                assert client.response().status == 502
        process = Process(process.port)
        with running.client() as client:
            for _ in range(5):
                assert client.request("/idle").body == b"all of i"
    finally:
        process.kill()


def test_client_that_goes_while_nothing_answers_leaves_nothing(server, upstream):
    release = threading.Event()
    up = upstream(lambda connection: (connection.asked(), release.wait(wire.DEADLINE)))
    running = server(proxy(up))
    before = running.open_files()
    clients = [running.client() for _ in range(20)]
    for client in clients:
        client.send(wire.request("/"))
    wire.wait_until(lambda: len(up.requests) == 20)
    for client in clients:
        client.reset()
    wire.wait_until(lambda: running.open_files() <= before, "all closed")
    release.set()
