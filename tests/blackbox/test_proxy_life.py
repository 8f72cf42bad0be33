# SPDX-License-Identifier: MIT
"""The reverse proxy: requests that are under way while the server is reloaded or stopped."""
import signal
import threading

import pytest

import upstreams
import wire
from upstreams import answer, proxy

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"


@pytest.fixture
def gated(upstream):
    """An upstream that answers the first half, and the second when .gate is open."""
    def behave(connection):
        while asked := connection.asked():
            if asked.target == "/fast":
                connection.send(answer(b"fast"))
                continue
            connection.send(HEAD + b"half")
            up.gate.wait(wire.DEADLINE)
            connection.send(b"rest")

    up = upstream(behave)
    up.gate = threading.Event()
    yield up
    up.gate.set()


# For reloads to other ports, which the sandbox refuses.
UNCONFINED = 'sandbox = "off"'


def half(running):
    client = running.client()
    client.send(wire.request("/"))
    client.read_until(b"half")
    return client


def test_answer_under_way_outlives_a_reload_to_other_upstreams(server, gated, upstream):
    running = server(proxy(gated, start=UNCONFINED))
    client = half(running)
    assert running.reload(proxy(upstream(upstreams.saying(answer(b"new"))))) == "Reloaded"
    assert running.fetch("/").body == b"new"
    gated.gate.set()
    assert client.read(4) == b"rest"
    client.send(wire.request("/"))
    assert client.response().body == b"new"
    client.close()


def test_upload_under_way_outlives_a_reload(server, upstream):
    up = upstream(upstreams.serving(lambda asked: answer(asked.body)))
    running = server(proxy(up, start=UNCONFINED))
    with running.client() as client:
        client.send(wire.request("/", "POST", ["Content-Length: 8"]) + b"half")
        wire.wait_until(lambda: up.requests)
        assert running.reload(proxy(upstream(upstreams.saying(answer(b"new"))))) == "Reloaded"
        client.send(b"rest")
        assert client.response().body == b"halfrest"


def test_connections_kept_for_a_route_that_is_gone_are_closed(server, gated, upstream):
    running = server(proxy(gated, start=UNCONFINED))
    assert running.fetch("/fast").body == b"fast"
    running.reload(proxy(upstream(upstreams.saying(answer(b"new")))))
    assert running.fetch("/").body == b"new"
    wire.wait_until(lambda: gated.connections[0].socket.fileno() < 0, "closed")


def test_many_reloads_leave_no_files_open(server, gated):
    running = server(proxy(gated))
    assert running.fetch("/fast").body == b"fast"
    before = running.open_files()
    for _ in range(10):
        assert running.reload(proxy(gated)) == "Reloaded"
        assert running.fetch("/fast").body == b"fast"
    wire.wait_until(lambda: running.open_files() <= before + 1, "no more files than before")


def test_answer_under_way_outlives_the_signal_to_stop(server, gated):
    running = server(proxy(gated))
    client = half(running)
    running.signal(signal.SIGTERM)
    running.wait_for_log("stopping")
    gated.gate.set()
    assert client.read(4) == b"rest" and client.read_to_end() == b""
    running.wait_for_end()
    client.close()


def test_stop_does_not_wait_for_upstreams_longer_than_told(server, gated):
    running = server(proxy(gated).replace("workers = 1", 'workers = 1\ndrain_timeout = "300ms"'))
    client = half(running)
    running.signal(signal.SIGTERM)
    assert client.read_to_end() == b""
    running.wait_for_end()
    client.close()


@pytest.mark.threads
def test_workers_pass_on_together(server, upstream):
    up = upstream(upstreams.serving(lambda asked: answer(asked.target.encode())))
    running = server(proxy([up, upstream(upstreams.serving(lambda asked: answer(asked.target.encode())))]).replace(
        "workers = 1", "workers = 4"))
    failures = []

    def ask(number):
        try:
            with running.client() as client:
                for i in range(50):
                    assert client.request(f"/{number}/{i}").body == f"/{number}/{i}".encode()
        except Exception as failure:  # pylint: disable=broad-except
            failures.append(failure)

    threads = [threading.Thread(target=ask, args=[number]) for number in range(16)]
    for thread in threads:
        thread.start()
    assert running.reload() == "Reloaded"
    for thread in threads:
        thread.join()
    assert not failures


def test_upstream_need_not_be_there_for_a_check_of_the_file(uvhttpd, tmp_path):
    with upstreams.refusing() as gone:
        file = tmp_path / "a.toml"
        file.write_text(proxy([upstreams.url_of(gone), "http://no-such-name.invalid:80"]), encoding="ascii")
        assert uvhttpd("check", "-c", file).returncode == 0
