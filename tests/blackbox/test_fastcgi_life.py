# SPDX-License-Identifier: MIT
"""FastCGI: connections that are kept and those that are not, programs that fail, hang or are gone, and who waits how long."""
import concurrent.futures
import signal
import socket
import threading
import time

import pytest

import fastcgi_server as fcgi
import wire
from fastcgi_server import HEAD, errors, start_all, text
from wire import wait_until

@pytest.fixture
def start(server, tmp_path):
    yield from start_all(server, tmp_path)


# Connections.

def test_a_connection_serves_one_request_after_another(start):
    running, program = start('keep_alive_timeout = "60s"')
    for _ in range(5):
        assert running.fetch("/x", method="POST", body=b"body").status == 200
    assert (program.accepted, len(program.requests)) == (1, 5)


def test_a_connection_that_nobody_needs_is_closed(start):
    running, program = start('keep_alive_timeout = "200ms"')
    running.fetch("/x")
    wait_until(lambda: not program.open, "the connection closed")
    assert running.fetch("/x").status == 200 and program.accepted == 2


def test_a_connection_is_not_kept_while_another_waits_for_the_process(start):
    running, program = start('keep_alive_timeout = "60s"', processes=1)
    goes_on = threading.Event()

    def script(connection, request):
        assert goes_on.wait(wire.DEADLINE)
        text()(connection, request)
    program.script = script
    with running.client() as first, running.client() as second:
        first.send(wire.request("/first"))
        wait_until(lambda: program.requests, "the first at work")
        before = running.open_files()
        second.send(wire.request("/second"))
        wait_until(lambda: running.open_files() > before, "a connection for the second")
        goes_on.set()
        assert first.response().body == second.response().body == b"body"


def test_workers_share_one_process(start):
    running, program = start(workers=2, processes=1)
    program.script = text()

    def ask(_):
        with running.client() as client:
            for _ in range(5):
                assert client.request("/x").body == b"body"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    assert len(program.requests) == 40


def test_many_clients_do_not_have_connections_made_without_end(start):
    running, program = start('keep_alive_timeout = "60s"', processes=16)
    program.script = text()

    def ask(_):
        with running.client() as client:
            for _ in range(25):
                assert client.request("/x").body == b"body"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    assert program.accepted < 50, "of 200 requests"


def test_a_kept_connection_that_turns_out_to_be_closed_costs_no_request(start):
    running, program = start('keep_alive_timeout = "60s"\nretries = 0')
    used = set()

    def script(connection, request):
        if connection in used:
            return connection.close()
        used.add(connection)
        return text()(connection, request)
    program.script = script
    for _ in range(4):
        assert running.fetch("/x").body == b"body"
    assert (program.accepted, len(program.requests)) == (4, 7) and not errors(running)
    assert running.fetch("/x", method="POST").status == 502, "a POST was repeated"


# Programs that fail.

def closing(times):
    """A script that closes so often without a word, and then answers."""
    left = iter(range(times))

    def script(connection, request):
        if next(left, None) is not None:
            return connection.close()
        return text()(connection, request)
    return script


@pytest.mark.parametrize("method, times, status, tries", [("GET", 1, 200, 2), ("GET", 9, 502, 2), ("POST", 1, 502, 1)])
def test_who_closes_without_a_word_is_asked_again_where_nothing_can_happen_twice(start, method, times, status, tries):
    running, program = start()
    program.script = closing(times)
    assert running.fetch("/x", method=method, body=b"body" if method == "POST" else None).status == status
    assert len(program.requests) == tries and len(errors(running)) == (status == 502)


@pytest.mark.parametrize("octets", [fcgi.record(fcgi.STDOUT, b"Content-Ty"), b"\1", fcgi.record(fcgi.STDERR, b"oops\n")])
def test_who_closes_in_the_head_is_not_asked_again(start, octets):
    running, program = start()

    def script(connection, request):
        connection.send(octets)
        connection.close()
    program.script = script
    assert running.fetch("/x").status == 502
    assert len(program.requests) == 1 and len(errors(running)) == 1


@pytest.mark.parametrize("keys", ["", "buffer_response = true"])
@pytest.mark.parametrize("resets", [False, True])
def test_who_closes_in_the_body_breaks_the_answer(start, keys, resets):
    running, program = start(keys)

    def script(connection, request):
        connection.output(HEAD + b"begun")
        connection.close(resets)
    program.script = script
    with running.client() as client, pytest.raises(wire.Closed):
        client.request("/x")
    assert len(program.requests) == 1 and len(errors(running)) == 1


def test_a_body_that_has_its_length_needs_no_end(start):
    running, program = start()

    def script(connection, request):
        connection.output(b"Content-Length: 4\n" + HEAD + b"body")
        connection.close()
    program.script = script
    with running.client() as client:
        assert client.request("/x").body == b"body"
        assert client.request("/x").body == b"body"


@pytest.mark.parametrize("phase", ["idle", "upload", "head", "body"])
def test_a_program_that_is_killed_heals_when_it_is_back(start, phase):
    running, program = start()
    reached = threading.Event()

    def script(connection, request):
        if phase != "upload":
            assert request.body is not None
        if phase == "idle":
            text()(connection, request)
        elif phase == "body":
            connection.output(HEAD + b"begun")
        reached.set()
        if phase in ("head", "body"):
            connection.wait_for_close()
    program.script = script
    with running.client() as client:
        is_upload = phase == "upload"
        client.send(wire.request("/x", "POST", ["Content-Length: 1000000"]) + b"x" * 100_000 if is_upload else wire.request("/x"))
        assert reached.wait(wire.DEADLINE)
        if phase == "body":
            client.read_until(b"begun")
        program.kill()
        if phase == "body":
            assert b"0\r\n\r\n" not in client.read_to_end()
        else:
            client.send_gently(b"x" * 900_000 if is_upload else b"")
            assert client.response().status == (200 if phase == "idle" else 502)
    assert running.fetch("/x").status == 502
    program.script = text()
    program.listen()
    assert running.fetch("/x").body == b"body"
    running.wait_for_log("answers again")


def test_requests_go_to_all_programs_in_turn_and_round_those_that_are_gone(start):
    running, one, other = start('balance = "round_robin"', count=2)
    for _ in range(6):
        assert running.fetch("/x").status == 200
    assert (len(one.requests), len(other.requests)) == (3, 3)
    one.kill()
    for _ in range(6):
        assert running.fetch("/x").status == 200
    assert len(other.requests) >= 8 and not errors(running)
    one.listen()
    before = len(one.requests)
    wait_until(lambda: running.fetch("/x").status == 200 and len(one.requests) > before, "the first is asked again")


def test_the_program_with_the_fewest_requests_is_asked(start):
    running, one, other = start(count=2)
    goes_on = threading.Event()

    def script(connection, request):
        assert request.variables["PATH_INFO"] != "/stuck" or goes_on.wait(wire.DEADLINE)
        text()(connection, request)
    one.script = other.script = script
    with running.client() as client:
        client.send(wire.request("/stuck"))
        busy, free = (one, other) if wait_until(lambda: one.requests or other.requests) is one.requests else (other, one)
        for _ in range(5):
            assert running.fetch("/x").body == b"body"
        assert (len(busy.requests), len(free.requests)) == (1, 5)
        goes_on.set()
        assert client.response().body == b"body"


# Time, and clients that go.

@pytest.fixture
def full(tmp_path, request):
    """The address of a program that accepts nothing, and whose queue is full."""
    listener = socket.socket(socket.AF_UNIX if request.param == "unix" else socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(str(tmp_path / "full.sock") if request.param == "unix" else ("127.0.0.1", 0))
    listener.listen(0)
    waiting = []
    for _ in range(4):
        waiting.append(socket.socket(listener.family, socket.SOCK_STREAM))
        waiting[-1].setblocking(False)
        waiting[-1].connect_ex(listener.getsockname())
    address = listener.getsockname()
    yield f"unix:{address}" if request.param == "unix" else f"{address[0]}:{address[1]}"
    for each in [listener, *waiting]:
        each.close()


@pytest.mark.parametrize("full, status", [("tcp", 504), ("unix", 503)], indirect=["full"])
def test_a_program_whose_queue_is_full(server, full, status):
    running = server(f'[[site]]\n[[site.route]]\npath = "/*"\nhandler = "fastcgi"\nupstream = "{full}"\nconnect_timeout = "200ms"\n')
    answer = running.fetch("/x")
    assert (answer.status, answer.get("Retry-After")) == (status, "1" if status == 503 else None)
    assert len(errors(running)) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_program_that_gives_no_head_in_time(start, method):
    running, program = start('head_timeout = "200ms"')
    program.script = lambda connection, request: request.body is not None and connection.wait_for_close()
    assert running.fetch("/x", method=method, body=b"body" if method == "POST" else None).status == 504
    running.wait_for_log(r"no answer within head_timeout \(504\)")
    assert len(program.requests) == 1
    wait_until(lambda: not program.open, "the connection closed")


@pytest.mark.parametrize("keys", ["", "buffer_response = true"])
def test_a_program_that_stops_in_its_answer_breaks_it(start, keys):
    running, program = start('idle_timeout = "200ms"\n' + keys)

    def script(connection, request):
        connection.output(HEAD + b"begun")
        connection.wait_for_close()
    program.script = script
    with running.client() as client, pytest.raises(wire.Closed):
        client.request("/x")
    running.wait_for_log("nothing has come within idle_timeout")


def test_a_program_that_does_not_read_its_request_is_given_up(start):
    running, program = start('idle_timeout = "200ms"')
    goes_on = threading.Event()
    program.script = lambda connection, request: goes_on.wait(wire.DEADLINE)
    with running.client() as client:
        client.socket.setblocking(False)
        client.socket.send(wire.request("/x", "POST", ["Content-Length: 50000000"]))
        unsent = memoryview(bytes(50_000_000))

        def is_answered():
            nonlocal unsent
            try:
                unsent = unsent[client.socket.send(unsent):]
            except OSError:
                pass
            try:
                client.unread += client.socket.recv(1000)
            except OSError:
                pass
            return b"\r\n\r\n" in client.unread
        wait_until(is_answered, "an answer")
        assert client.unread.startswith(b"HTTP/1.1 504 ")
    goes_on.set()
    running.wait_for_log("takes nothing within idle_timeout")


def test_a_client_that_is_slow_is_not_the_programs_fault(start):
    running, program = start('head_timeout = "200ms"\nidle_timeout = "200ms"')
    program.script = text(b"x" * 5_000_000)
    with running.client(receive_buffer=4096) as client:
        client.send(wire.request("/x", "POST", ["Content-Length: 3"]))
        for octet in (b"a", b"b"):
            assert not client.is_closed(0.7)
            client.send(octet)
        client.send(b"c")
        client.read_until(b"\r\n\r\n")
        end = time.monotonic() + 0.6
        wait_until(lambda: time.monotonic() > end, "longer than idle_timeout")
        assert client.read_until(b"\r\n0\r\n\r\n")
    assert program.requests[-1].body == b"abc" and not errors(running)


@pytest.mark.parametrize("begins", [False, True])
@pytest.mark.parametrize("leave", ["close", "reset"])
def test_a_client_that_goes_takes_the_connection_along(start, begins, leave):
    running, program = start()
    gone = threading.Event()

    def script(connection, request):
        if begins:
            connection.output(HEAD + b"begun")
        connection.wait_for_close()
        gone.set()
    program.script = script
    client = running.client()
    client.send(wire.request("/x"))
    wait_until(lambda: program.requests, "the program at work")
    if begins:
        client.read_until(b"begun")
    getattr(client, leave)()
    assert gone.wait(wire.DEADLINE)
    assert not errors(running)


# The server's own life.

def test_a_reload_lets_requests_end_and_closes_what_was_kept(start):
    running, program = start('keep_alive_timeout = "60s"')
    goes_on = threading.Event()
    assert running.fetch("/x").status == 200

    def script(connection, request):
        assert goes_on.wait(wire.DEADLINE)
        text()(connection, request)
    program.script = script
    with running.client() as client:
        client.send(wire.request("/x"))
        wait_until(lambda: len(program.requests) == 2, "the program at work")
        assert running.reload() == "Reloaded"
        goes_on.set()
        assert client.response().body == b"body"
    wait_until(lambda: not program.open, "the connection closed")
    assert running.fetch("/x").body == b"body"


def test_a_server_that_stops_lets_a_request_end(start):
    running, program = start()
    goes_on = threading.Event()

    def script(connection, request):
        connection.output(HEAD + b"begun")
        assert goes_on.wait(wire.DEADLINE)
        connection.end()
    program.script = script
    with running.client() as client:
        client.send(wire.request("/x"))
        client.read_until(b"begun")
        running.signal(signal.SIGTERM)
        running.wait_for_log("stopping: ")
        goes_on.set()
        assert client.read_until(b"0\r\n\r\n")
    running.wait_for_end()
    wait_until(lambda: not program.open, "the connection closed")


def test_no_descriptor_is_left_behind(start):
    running, program = start('head_timeout = "50ms"\nkeep_alive_timeout = "50ms"')
    before = running.open_files()
    for script in (text(), closing(9), text(fields=b"Content-Length: 40\r\n"), fcgi.raw(b"no head"),
                   lambda connection, request: connection.wait_for_close()):
        program.script = script
        for _ in range(3):
            with running.client() as client:
                client.send(wire.request("/x", "POST", ["Transfer-Encoding: chunked"]) + wire.chunked(b"x" * 100_000, 10_000))
                client.read_until(b"\r\n\r\n")
    wait_until(lambda: running.open_files() <= before, "as many descriptors as before")


def test_a_program_is_watched_by_connecting_to_it(start):
    running, program = start('health = { every = "50ms", rise = 1, fall = 1 }')
    assert running.fetch("/x").status == 200
    program.kill()
    wait_until(lambda: running.fetch("/x").status == 503, "it is seen that it is gone")
    program.listen()
    wait_until(lambda: running.fetch("/x").status == 200, "it is seen that it is back")
    assert all(request.variables["PATH_INFO"] == "/x" for request in program.requests)
