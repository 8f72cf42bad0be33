# SPDX-License-Identifier: MIT
"""The reverse proxy: how long it waits for upstreams, and that a slow client is not their fault."""
import socket
import threading
import time

import pytest

import upstreams
import wire
from upstreams import answer, proxy

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
SHORT = "300ms"


@pytest.fixture
def gate():
    """What upstreams wait for; opened at the end at the latest."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def deaf():
    """The address of a socket that takes no more connections: those that wait to be accepted are all it may have."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = []
        for _ in range(3):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(address)
        yield "http://{}:{}".format(*address)
        for each in waiting:
            each.close()


def wait_at(gate, before=b"", after=answer(b"late")):
    """A behaviour: sends these octets when asked, and those when the gate is open."""
    def behave(connection):
        connection.asked()
        connection.send(before)
        gate.wait(wire.DEADLINE)
        connection.send(after)
    return behave


def took(fetch):
    begun = time.monotonic()
    answered = fetch()
    return answered, time.monotonic() - begun


def test_connect_timeout_is_504(server, deaf):
    running = server(proxy(deaf, f'connect_timeout = "{SHORT}"\nretries = 0'))
    answered, seconds = took(lambda: running.fetch("/"))
    assert answered.status == 504 and 0.25 < seconds < 10
    running.wait_for_log("connect_timeout")


def test_connect_timeout_makes_another_upstream_answer(server, upstream, deaf):
    up = upstream(upstreams.saying(answer(b"good")))
    running = server(proxy([deaf, up], f'connect_timeout = "{SHORT}"\nbalance = "round_robin"'))
    assert [running.fetch("/", method="POST", body=b"x").body for _ in range(3)] == [b"good"] * 3


def test_head_timeout_is_504(server, upstream, gate):
    running = server(proxy(upstream(wait_at(gate)), f'head_timeout = "{SHORT}"'))
    answered, seconds = took(lambda: running.fetch("/"))
    assert answered.status == 504 and 0.25 < seconds < 10
    assert len(running.wait_for_log("upstream .* no answer within head_timeout").string) > 0


def test_silent_upstream_makes_another_answer_and_rests(server, upstream, gate):
    silent, good = upstream(wait_at(gate)), upstream(upstreams.saying(answer(b"good")))
    running = server(proxy([silent, good], f'head_timeout = "{SHORT}"\nbalance = "round_robin"'))
    assert [running.fetch("/").body for _ in range(6)] == [b"good"] * 6
    assert len(silent.requests) < 4
    running.wait_for_log("no answer within head_timeout; the others are asked")


def test_what_must_not_be_repeated_is_not_asked_of_another(server, upstream, gate):
    silent, good = upstream(wait_at(gate)), upstream(upstreams.saying(answer(b"good")))
    running = server(proxy([silent, good], f'head_timeout = "{SHORT}"\nbalance = "round_robin"'))
    statuses = [running.fetch("/", method="POST", body=b"x").status for _ in range(4)]
    assert statuses.count(504) == len(silent.requests) > 0 and set(statuses) == {200, 504}


def test_the_only_upstream_is_not_waited_for_again(server, upstream, gate):
    up = upstream(wait_at(gate))
    running = server(proxy(up, f'head_timeout = "{SHORT}"\nretries = 3'))
    assert running.fetch("/").status == 504
    assert len(up.requests) == 1


@pytest.mark.parametrize("before", [b"HTTP/1.1 200 OK\r\nX-Half", b"HTTP/1.1 103 Hints\r\nX: y\r\n\r\n"],
                         ids=["half a head", "interim"])
def test_head_timeout_is_for_the_whole_head(server, upstream, gate, before):
    running = server(proxy(upstream(wait_at(gate, before)), f'head_timeout = "{SHORT}"'))
    with running.client() as client:
        assert client.request("/").status == 504


def test_head_that_drips_has_no_more_time(server, upstream, gate):
    def drip(connection):
        connection.asked()
        connection.send(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        while not gate.wait(0.05):
            connection.send(b"x")

    running = server(proxy(upstream(drip), f'head_timeout = "{SHORT}"\nidle_timeout = "200ms"'))
    answered, seconds = took(lambda: running.fetch("/"))
    assert answered.status == 504 and seconds < 10


def test_head_timeout_begins_behind_the_request(server, upstream):
    running = server(proxy(upstream(upstreams.serving(lambda asked: answer(asked.body))), f'head_timeout = "{SHORT}"'))
    with running.client() as client:
        client.send(wire.request("/", "POST", ["Content-Length: 6"]))
        for octet in b"slowly":
            assert not client.is_closed(0.1)
            client.send(bytes([octet]))
        assert client.response().body == b"slowly"


@pytest.mark.parametrize("keys", ["", "buffer_response = true\n"], ids=["streamed", "buffered"])
def test_idle_timeout_in_a_body_ends_it_early(server, upstream, gate, keys):
    running = server(proxy(upstream(wait_at(gate, HEAD + b"half")), keys + f'idle_timeout = "{SHORT}"'))
    with running.client() as client:
        client.send(wire.request("/"))
        got, seconds = took(client.read_to_end)
    assert got.endswith(b"\r\n\r\nhalf") and 0.25 < seconds < 10
    running.wait_for_log("upstream .* nothing has come within idle_timeout")


@pytest.mark.parametrize("keys", ["", "buffer_response = true\n"], ids=["streamed", "buffered"])
def test_slow_drip_within_the_timeouts_is_fine(server, upstream, keys):
    def drip(connection):
        while connection.asked():
            for octet in HEAD + b"0123456789":
                connection.send(bytes([octet]))
                time.sleep(0.01 if octet != ord("0") else 0.2)

    running = server(proxy(upstream(drip), keys + 'head_timeout = "5s"\nidle_timeout = "1s"'))
    assert running.fetch("/").body == b"0123456789"


def test_upstream_that_takes_no_body_is_504(server, upstream, gate):
    up = upstream(lambda connection: gate.wait(wire.DEADLINE))
    running = server(proxy(up, f'idle_timeout = "{SHORT}"\nbody_bytes = "64MiB"'))
    with running.client() as client:
        client.send(wire.request("/", "POST", ["Content-Length: 33554432"]))
        sender = threading.Thread(target=client.send_gently, args=[b"x" * (32 << 20)])
        sender.start()
        assert client.response().status == 504
        client.read_to_end()
        sender.join()
    running.wait_for_log("takes nothing within idle_timeout")


def test_slow_taker_of_a_body_is_fine(server, upstream):
    """The socket buffers hold less than the body, so the taker's pauses are what the sender waits for."""
    def slowly(connection):
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        asked = connection.head()
        left = int(asked.get("Content-Length"))
        while left > 0:
            time.sleep(0.002)
            left -= len(connection.read(min(left, 65536)))
        connection.send(answer(b"all"))

    running = server(proxy(upstream(slowly), 'idle_timeout = "1s"\nhead_timeout = "1s"\nbody_bytes = "64MiB"'))
    assert running.fetch("/", method="POST", body=b"x" * (16 << 20)).body == b"all"


@pytest.mark.parametrize("keys", ["", "buffer_response = true\n"], ids=["streamed", "buffered"])
def test_client_that_reads_late_is_not_the_upstreams_fault(server, upstream, keys):
    body = b"0123456789abcdef" * (1 << 19)
    running = server(proxy(upstream(upstreams.saying(answer(body))), keys + f'idle_timeout = "{SHORT}"\nhead_timeout = "{SHORT}"'))
    with running.client(receive_buffer=4096) as client:
        client.send(wire.request("/"))
        client.read_until(b"\r\n\r\n")
        time.sleep(1)  # what must not happen in that time is an end
        assert client.read(len(body)) == body
    assert "idle_timeout" not in running.log_text()


def test_client_that_sends_slowly_is_not_the_upstreams_fault(server, upstream):
    up = upstream(upstreams.serving(lambda asked: answer(asked.body)))
    running = server(proxy(up, f'idle_timeout = "{SHORT}"\nhead_timeout = "{SHORT}"'))
    with running.client() as client:
        client.send(wire.request("/", "POST", ["Content-Length: 10"]) + b"01234")
        assert not client.is_closed(1.0) and client.unread == b""
        client.send(b"56789")
        assert client.response().body == b"0123456789"


def test_client_that_goes_away_frees_the_upstream(server, upstream, gate):
    up = upstream(wait_at(gate, HEAD + b"half"))
    running = server(proxy(up))
    client = running.client()
    client.send(wire.request("/"))
    client.read_until(b"half")
    client.reset()
    wire.wait_until(lambda: up.connections[0].is_closed(), "the upstream sees an end")


def test_client_that_goes_away_before_the_head_frees_the_upstream(server, upstream, gate):
    def behave(connection):
        connection.asked()
        up.ended = connection.is_closed(wire.DEADLINE)

    up = upstream(behave)
    up.ended = False
    running = server(proxy(up))
    client = running.client()
    client.send(wire.request("/"))
    wire.wait_until(lambda: up.requests)
    client.reset()
    wire.wait_until(lambda: up.ended, "the upstream sees an end")
