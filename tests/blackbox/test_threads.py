# SPDX-License-Identifier: MIT
"""Four workers under load while configuration and logs change under them: what the threads share is shared properly."""
import os
import signal
import threading

import pytest

import wire
from sites import ECHO, replace, site
from wire import request

pytestmark = pytest.mark.threads
BODY = b"0123456789abcdef" * 100
LARGE = b"x" * (2 << 20)


def config(version):
    return f"""
[server]
workers = 4
log = "error.log"
drain_timeout = "5s"
[limits]
connections = {60 + version % 3}
connections_per_ip = {50 + version % 2}
[cache]
revalidate = "5ms"
memory = "{1 + version % 2}MiB"
[access_log]
path = "access.log"
format = "{'json' if version % 2 else 'combined'}"
[[site]]
root = "www"
error_pages = {{ 404 = "/404.html" }}
headers = {{ "X-Version" = "{version}" }}
[[site.route]]
path = "/cgi-bin/*"
handler = "cgi"
root = "cgi-bin"
max_running = {4 + version % 4}
"""


class Load:
    """Clients that ask again and again, each in a thread, until they are told to stop."""

    def __init__(self, running, clients):
        self.running = running
        self.is_over = threading.Event()
        self.failures = []
        self.answers = 0
        self.threads = [threading.Thread(target=self.use, args=(number,)) for number in range(clients)]
        for thread in self.threads:
            thread.start()

    def use(self, number):
        try:
            while not self.is_over.is_set():
                with self.running.client() as client:
                    for turn in range(10):
                        self.ask(client, number, turn)
                        self.answers += 1
        except BaseException as failure:
            self.failures.append(failure)
            self.is_over.set()

    def ask(self, client, number, turn):
        kind = (number + turn) % 6
        if kind == 0:
            answer = client.request("/cgi-bin/echo", "POST", body=BODY)
            assert (answer.status == 200 and answer.body == BODY) or answer.status == 503, answer
        elif kind == 1:
            assert client.request("/large").body == LARGE
        elif kind == 2:
            assert client.request("/missing").status == 404
        elif kind == 3:
            client.send(request("/a.txt") * 20)
            for _ in range(20):
                assert client.response().status == 200
        else:
            assert client.request("/changing.txt").body in (b"one", b"another")

    def stop(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join()
        assert not self.failures, self.failures


@pytest.fixture
def root(tmp_path):
    site(tmp_path, {"echo": ECHO}, "cgi-bin")
    return site(tmp_path, {"a.txt": "the file a", "large": LARGE, "changing.txt": "one", "404.html": "not here"})


def test_reloads_and_reopened_logs_under_load(server, root, tmp_path):
    running = server(config(0))
    load = Load(running, 12)
    for version in range(1, 9):
        seen = load.answers
        assert running.reload(config(version)) == "Reloaded"
        for turn in range(3):
            replace(root / "changing.txt", "another" if turn % 2 else "one")
            replace(root / "404.html", f"not here {turn}")
            if (tmp_path / "access.log").exists():
                os.replace(tmp_path / "access.log", tmp_path / f"access.log.{version}.{turn}")
            running.signal(signal.SIGUSR1)
        wire.wait_until(lambda: load.answers > seen + 50 or load.failures)
    load.stop()
    assert running.fetch("/a.txt").get("X-Version") == "8"


def test_limits_are_counted_over_all_workers(server, root):
    running = server('[server]\nworkers = 4\n[limits]\nhead_timeout = "5m"\nconnections = 20\nconnections_per_ip = 10\n[[site]]\nroot = "www"\n')
    free = running.open_files()
    for _ in range(3):
        clients = []
        for source in ("127.0.0.1", "127.0.0.2"):
            clients += [running.client(source=source) for _ in range(10)]
        for client in clients:
            client.send(b"GET /a.txt HTTP/1.1\r\n")  # who has begun to ask gives way to nobody
        wire.wait_until(lambda: running.open_files() >= free + len(clients), "all are in")
        for source in ("127.0.0.1", "127.0.0.3"):
            with running.client(source=source) as beyond:
                beyond.send_gently(request("/a.txt"))
                assert beyond.response().status == 503
        for client in clients:
            client.send(b"Host: localhost\r\n\r\n")
            assert client.response().status == 200
            client.close()
        wire.wait_until(lambda: running.open_files() <= free, "all places are free again")


@pytest.mark.parametrize("how", ["drained", "at once"])
def test_stop_under_load(server, root, tmp_path, how):
    running = server(config(0))
    load = Load(running, 12)
    wire.wait_until(lambda: load.answers > 100 or load.failures)
    assert not load.failures, load.failures
    load.is_over.set()
    running.signal(signal.SIGTERM)
    if how == "at once":
        running.signal(signal.SIGINT)
    for thread in load.threads:
        thread.join()
    running.wait_for_end()


def test_stop_during_a_reload(server, root, tmp_path):
    for turn in range(5):
        running = server(config(turn))
        assert running.fetch("/a.txt").status == 200
        running.configure(config(turn + 1))
        running.signal(signal.SIGHUP)
        running.signal(signal.SIGTERM)
        running.wait_for_end()
