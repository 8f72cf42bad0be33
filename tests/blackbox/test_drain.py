# SPDX-License-Identifier: MIT
"""A stop as a balancer sees it: what it sends on a connection that looked good a moment ago is still answered."""
import os
import resource
import signal
import socket
import threading
import time

import pytest

import wire

CONFIG = """
[server]
workers = 1
[[listener]]
address = "127.0.0.1:0"
[[listener]]
address = "unix:preface.sock"
proxy_protocol = true
[[site]]
[[site.route]]
path = "/*"
handler = "respond"
body = "an answer"
"""
PREFACE = b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"
STOPS = 10
MOST_CONNECTIONS = 9_000
PATIENCE = 0.5  # seconds for a connection: less than a client waits until it begins it again
QUIET = 1.0  # seconds after which a proxy sends nothing on a kept connection that it could not send again


@pytest.fixture
def running(server):
    return server(CONFIG, listeners=2)


def begin_to_stop(running):
    """Returns when the server no longer takes connections, with those it had before as they were."""
    running.signal(signal.SIGTERM)

    def refuses():
        try:
            running.client().close()
        except OSError:
            return True
        return False
    wire.wait_until(refuses, "new connections are refused")


def is_answered_for_the_last_time(client, octets=b""):
    client.send(octets + wire.request("/", "POST", body=b"once only"))
    answer = client.response("POST")
    assert (answer.status, answer.body, answer.get("Connection")) == (200, b"an answer", "close")
    assert client.read_to_end() == b""


def test_a_connection_that_was_just_used_may_ask_once_more(running):
    with running.client() as client:
        assert client.request("/").status == 200
        begin_to_stop(running)
        is_answered_for_the_last_time(client)
    running.wait_for_end()


def test_a_connection_that_was_just_made_may_say_who_it_is_and_ask_once(running, tmp_path):
    with wire.Client(str(tmp_path / "preface.sock")) as client:
        assert running.fetch("/").status == 200
        begin_to_stop(running)
        is_answered_for_the_last_time(client, PREFACE)
    running.wait_for_end()


def test_connections_that_ask_nothing_more_do_not_keep_the_server(running):
    """However many there are, and without waiting for drain_timeout, which is 10 s."""
    clients = [running.client() for _ in range(20)]
    for client in clients:
        assert client.request("/").status == 200
    running.signal(signal.SIGTERM)
    assert running.process.wait(QUIET + 4) == 0
    for client in clients:
        assert client.read_to_end() == b""
        client.close()
    running.wait_for_end()


def test_a_server_that_nobody_has_used_lately_stops_at_once(running):
    """Nothing but time can show it: the connection has been quiet for longer than a proxy would trust it."""
    with running.client() as client:
        assert client.request("/").status == 200
        assert not client.is_closed(QUIET + 0.5)
        running.signal(signal.SIGTERM)
        assert client.is_closed(QUIET / 2)
    running.wait_for_end()


def test_an_answer_that_promised_more_before_the_stop_is_followed_by_another(server, tmp_path):
    """Its head went out without `Connection: close`: a proxy may use the connection again at once."""
    program = tmp_path / "programs" / "slow"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nbegun'\nwhile [ ! -e ../go ]; do sleep 0.02; done\necho ended\n")
    program.chmod(0o755)
    running = server(CONFIG.replace('path = "/*"', 'path = "/programs/*"\nhandler = "cgi"\nroot = "programs"\n[[site.route]]\npath = "/*"'),
                     listeners=2)
    with running.client() as client:
        client.send(wire.request("/programs/slow"))
        head = wire.parse_head(client.read_until(b"\r\n\r\n"))
        assert head.status == 200 and head.get("Connection") is None
        begin_to_stop(running)
        (tmp_path / "go").touch()
        assert client.read_until(b"\r\n0\r\n\r\n").endswith(b"ended\n\r\n0\r\n\r\n")
        is_answered_for_the_last_time(client)
    running.wait_for_end()


def test_a_connection_that_had_said_nothing_may_still_ask(server):
    """A proxy may have made it a moment before, and nobody has accepted it yet. A busy machine can make this test too slow to
    ask in time: it may try again."""
    def is_answered():
        running = server(CONFIG, listeners=2)
        with running.client() as quiet:
            assert quiet.request("/").status == 200
            assert not quiet.is_closed(QUIET + 0.5)
            with running.client() as client:
                running.signal(signal.SIGTERM)
                assert quiet.is_closed(wire.DEADLINE)  # the stop has begun
                try:
                    is_answered_for_the_last_time(client)
                    return True
                except OSError:
                    return False
                finally:
                    running.wait_for_end()
    assert any(is_answered() for _ in range(5))


def connected_until_refused(address):
    """Connections that were made one after the other, each with a request sent at once, until the server takes no more."""
    made = []
    while len(made) < MOST_CONNECTIONS:
        connection = socket.socket()
        made.append(connection)
        connection.settimeout(PATIENCE)
        try:
            connection.connect(address)
        except (ConnectionRefusedError, TimeoutError):
            made.pop().close()
            return made
        connection.sendall(wire.request("/", "POST", body=b"once only"))
    raise AssertionError("the server goes on to take connections")


def test_who_is_connected_when_the_listener_closes_is_answered(server):
    """A connection may be made between the last accept and the close. That takes luck, so it is tried several times."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2 * MOST_CONNECTIONS)), hard))
    for _ in range(STOPS):
        running = server(CONFIG, listeners=2)
        threading.Timer(0.1, running.signal, (signal.SIGTERM,)).start()
        made = connected_until_refused(running.address)
        for number, connection in enumerate(made):
            with connection:
                connection.settimeout(wire.DEADLINE)
                assert connection.recv(64).startswith(b"HTTP/1.1 200 "), f"{number} of {len(made)}"
        running.wait_for_end()


NAME_SERVICE = "127.0.0.97"  # that nobody answers at
ASKS_IT = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
           'mount --bind "$PWD/resolv.conf" /etc/resolv.conf && mount --bind "$PWD/nsswitch.conf" /etc/nsswitch.conf && exec "$@"',
           "sh"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a resolv.conf of its own")
@pytest.mark.parametrize("workers", [1, 3])
def test_a_name_service_that_does_not_answer_holds_no_stop_up(server, tmp_path, workers):
    (tmp_path / "resolv.conf").write_text(f"nameserver {NAME_SERVICE}\noptions timeout:30 attempts:2\n", encoding="ascii")
    (tmp_path / "nsswitch.conf").write_text("hosts: dns\n", encoding="ascii")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as names:
        names.bind((NAME_SERVICE, 53))
        names.settimeout(wire.DEADLINE)
        running = server(f"""
[server]
workers = {workers}
[access_log]
path = "access.log"
[[site]]
[[site.route]]
path = "/app"
handler = "proxy"
upstream = "http://nobody.example:80"
[[site.route]]
path = "/*"
handler = "respond"
body = "an answer"
""", prefix=ASKS_IT)
        assert b"nobody" in names.recv(512)
        assert running.fetch("/x").body == b"an answer"
        began = time.monotonic()
        running.signal(signal.SIGTERM)
        running.wait_for_end()
        assert time.monotonic() - began < 20, "the look-up takes a minute"
    assert "GET /x" in (tmp_path / "access.log").read_text(encoding="ascii")
