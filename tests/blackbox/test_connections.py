# SPDX-License-Identifier: MIT
"""The life of a connection: keep-alive, pipelining, half-close, resets, slow and stuck clients, timeouts and limits."""
import re
import time

import pytest

import wire
from sites import ECHO, site
from wire import Client, request

LARGE = 20 << 20
CONFIG = """
[server]
workers = 1
[limits]
head_timeout = "1500ms"
body_timeout = "1500ms"
send_timeout = "1s"
keep_alive_timeout = "1s"
[[site]]
root = "www"
[[site.route]]
path = "/cgi-bin/*"
handler = "cgi"
root = "cgi-bin"
"""
SITE = '[[site]]\nroot = "www"\n'
PROGRAMS = '[[site.route]]\npath = "/cgi-bin/*"\nhandler = "cgi"\nroot = "cgi-bin"\n'


@pytest.fixture(scope="module")
def files(shared_tmp):
    numbers = {f"n/{n}.txt": f"number {n}\n" for n in range(20)}
    site(shared_tmp, {"a.txt": "the file a", "large": b"0123456789abcdef" * (LARGE // 16), **numbers})
    site(shared_tmp, {"echo": ECHO}, "cgi-bin")


@pytest.fixture(scope="module")
def running(shared_server, files):
    """With ordinary timeouts."""
    return shared_server(SITE + PROGRAMS)


@pytest.fixture
def impatient(server, files, shared_tmp):
    """With timeouts of about a second."""
    return server(CONFIG, tmp=shared_tmp)


# Which connections go on: RFC 9112 section 9.3.

PERSISTENCE = {
    "HTTP/1.1": ("HTTP/1.1", [], True),
    "HTTP/1.1 keep-alive": ("HTTP/1.1", ["Connection: keep-alive"], True),
    "HTTP/1.1 with another option": ("HTTP/1.1", ["Connection: x-thing"], True),
    "HTTP/1.1 close": ("HTTP/1.1", ["Connection: close"], False),
    "HTTP/1.1 Close": ("HTTP/1.1", ["Connection: Close"], False),
    "close beats keep-alive": ("HTTP/1.1", ["Connection: keep-alive, close"], False),
    "close in a second line": ("HTTP/1.1", ["Connection: keep-alive", "Connection: close"], False),
    "close between tabs and commas": ("HTTP/1.1", ["Connection: x-thing,\tclose\t,,"], False),
    "HTTP/1.0": ("HTTP/1.0", [], False),
    "HTTP/1.0 keep-alive": ("HTTP/1.0", ["Connection: keep-alive"], True),
    "HTTP/1.0 Keep-Alive": ("HTTP/1.0", ["Connection: Keep-Alive"], True),
    "HTTP/1.0 keep-alive and close": ("HTTP/1.0", ["Connection: keep-alive, close"], False),
}


@pytest.mark.parametrize("version,fields,goes_on", PERSISTENCE.values(), ids=list(PERSISTENCE))
@pytest.mark.parametrize("target", ["/a.txt", "/missing", "/cgi-bin/echo"])
def test_connection_goes_on_or_closes(running, version, fields, goes_on, target):
    with running.client() as client:
        answer = client.request(target, fields=fields, version=version)
        options = answer.get("Connection")
        if version == "HTTP/1.0" and target == "/cgi-bin/echo":
            # What is of unknown length ends with the connection in HTTP/1.0.
            goes_on = goes_on and answer.get("Content-Length") is not None
        if goes_on:
            assert options == ("keep-alive" if version == "HTTP/1.0" else None), answer
            assert client.request("/a.txt").body == b"the file a"
        else:
            assert options == "close", answer
            assert client.read_to_end() == b""


def test_http_1_0_gets_no_chunks(running):
    with running.client() as client:
        client.send(request("/cgi-bin/echo", "POST", ["Connection: keep-alive"], b"hello", version="HTTP/1.0"))
        answer = client.response("POST")
        assert answer.body == b"hello" and not answer.is_chunked


def test_many_requests_use_one_connection(running):
    with running.client() as client:
        for n in range(500):
            assert client.request(f"/n/{n % 20}.txt").body == b"number %d\n" % (n % 20)


# Pipelining: RFC 9112 section 9.3.2.

@pytest.mark.parametrize("step", [1 << 20, 1000, 61])
def test_thousand_pipelined_requests_are_answered_in_order(running, step):
    octets = b"".join(request(f"/n/{n % 20}.txt?{n}") for n in range(999)) + request("/a.txt", fields=["Connection: close"])
    with running.client() as client:
        for at in range(0, len(octets), step):
            client.send(octets[at:at + step])
        answers = wire.responses(client.read_to_end(), ["GET"] * 1000)
    assert [answer.body for answer in answers] == [b"number %d\n" % (n % 20) for n in range(999)] + [b"the file a"]


def test_pipelined_requests_of_every_kind_are_answered_in_order(running):
    kinds = [("GET", "/a.txt", None, 200), ("HEAD", "/a.txt", None, 200), ("GET", "/missing", None, 404),
             ("POST", "/cgi-bin/echo", b"hello", 200), ("POST", "/a.txt", b"unread", 405), ("OPTIONS", "/a.txt", None, 204),
             ("GET", "/large", None, 200), ("GET", "/n", None, 301), ("HEAD", "/large", None, 200),
             ("POST", "/cgi-bin/echo", b"x" * 100_000, 200)]
    with running.client() as client:
        octets = b"".join(request(target, method, body=body) for method, target, body, _ in kinds)
        client.send(octets * 2 + request("/a.txt", fields=["Connection: close"]))
        for method, _, body, status in kinds * 2:
            answer = client.response(method)
            assert answer.status == status
            if status == 200 and body:
                assert answer.body == body
        assert client.response().body == b"the file a"
        assert client.read_to_end() == b""


def test_requests_behind_close_are_not_answered(running):
    with running.client() as client:
        client.send(request("/a.txt", fields=["Connection: close"]) + request("/n/1.txt") * 100)
        assert client.response().body == b"the file a"
        assert client.read_to_end() == b""


def test_answers_before_a_fault_arrive_and_nothing_behind_it(running):
    with running.client() as client:
        client.send(request("/a.txt") * 5 + b"GET / HTTP/1.1\r\nHost : x\r\n\r\n" + request("/a.txt") * 100)
        answers = wire.responses(client.read_to_end(), ["GET"] * 6)
    assert [answer.status for answer in answers] == [200] * 5 + [400]


# A client's half-close is not an abort: the answers are still owed.

@pytest.mark.parametrize("target,body", [("/a.txt", b"the file a"), ("/large", b"0123456789abcdef" * (LARGE // 16)),
                                         ("/cgi-bin/echo", b"")], ids=["file", "large file", "program"])
def test_half_close_behind_a_request_still_gets_the_answer(running, target, body):
    with running.client() as client:
        client.send(request(target))
        client.half_close()
        assert client.response().body == body
        assert client.read_to_end() == b""


def test_half_close_behind_pipelined_requests_still_gets_all_answers(running):
    with running.client() as client:
        client.send(b"".join(request(f"/n/{n % 20}.txt") for n in range(300)))
        client.half_close()
        assert len(wire.responses(client.read_to_end(), ["GET"] * 300)) == 300


def test_half_close_while_a_program_works_still_gets_the_answer(running, tmp_path):
    gate = tmp_path / "gate"
    gate.mkdir()
    program = f"""#!/bin/sh
: > {gate}/started
until [ -e {gate}/open ]; do sleep 0.01; done
printf 'Content-Type: text/plain\\r\\n\\r\\nslow'
"""
    site(running.tmp, {"slow": program}, "cgi-bin")
    with running.client() as client:
        client.send(request("/cgi-bin/slow"))
        client.half_close()
        wire.wait_until((gate / "started").exists)
        assert not client.is_closed(0.3)
        (gate / "open").touch()
        assert client.response().body == b"slow"


def test_half_close_inside_a_head_ends_the_connection(running):
    with running.client() as client:
        client.send(b"GET /a.txt HTTP/1.1\r\nHost: x\r\n")
        client.half_close()
        assert not client.read_to_end().startswith(b"HTTP/1.1 200")


# Clients that go away or stand still disturb nobody.

def test_reset_in_mid_transfer_frees_what_was_held(running):
    before = running.open_files()
    for _ in range(30):
        client = running.client(receive_buffer=4096)
        client.send(request("/large") * 3)
        client.receive()
        client.reset()
    assert running.fetch("/a.txt").body == b"the file a"
    wire.wait_until(lambda: running.open_files() <= before, "no descriptors are left over")


def test_client_that_never_reads_is_dropped_and_others_are_served(impatient):
    before = impatient.open_files()
    stuck = [impatient.client(receive_buffer=4096) for _ in range(5)]
    for client in stuck:
        client.send(request("/large"))
    wire.wait_until(lambda: impatient.open_files() > before)
    assert impatient.fetch("/a.txt").body == b"the file a"
    wire.wait_until(lambda: impatient.open_files() <= before, "the stuck connections are closed", 20)
    for client in stuck:
        assert len(client.read_to_end()) < LARGE
        client.close()


def test_client_that_reads_slowly_but_steadily_is_not_dropped(impatient):
    with impatient.client(receive_buffer=65536) as client:
        client.send(request("/large", fields=["Connection: close"]))
        client.socket.settimeout(wire.DEADLINE)
        received = 0
        begin = time.monotonic()
        # For three times send_timeout, a little at a time.
        while time.monotonic() - begin < 3:
            received += len(client.socket.recv(20_000))
            time.sleep(0.02)
        received += len(client.read_to_end())
        assert received > LARGE


def trickle(client, octets, pace):
    """Sends octet by octet, one each `pace` seconds, until the server closes or answers; the seconds that took."""
    begin = time.monotonic()
    for octet in octets:
        client.send_gently(bytes([octet]))
        if client.is_closed(pace) or client.unread:
            break
    return time.monotonic() - begin


def test_head_that_comes_an_octet_at_a_time_is_timed_from_its_first(impatient):
    with impatient.client() as client:
        seconds = trickle(client, b"GET /a.txt HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 500, 0.2)
        answer = client.response()
        assert (answer.status, answer.get("Connection")) == (408, "close")
        assert len(answer.all("Date")) == 1
        assert 1.2 < seconds < 10
        assert client.read_to_end() == b""


def test_second_head_of_a_connection_is_timed_from_its_first_octet_too(impatient):
    with impatient.client() as client:
        assert client.request("/a.txt").status == 200
        seconds = trickle(client, b"GET /a.txt HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 500, 0.2)
        assert client.response().status == 408
        assert 1.2 < seconds < 10


def test_empty_lines_before_a_request_do_not_keep_a_connection(impatient):
    with impatient.client() as client:
        seconds = trickle(client, b"\r\n" * 500, 0.2)
        assert client.is_closed(5) and seconds < 10


def test_body_that_comes_an_octet_at_a_time_falls_below_the_least_rate(server, files, shared_tmp):
    running = server('[limits]\nbody_timeout = "5s"\nbody_min_rate = 500\n' + SITE + PROGRAMS, tmp=shared_tmp)
    site(shared_tmp, {"sum": "#!/bin/sh\nsum=$(cksum)\nprintf 'Content-Type: text/plain\\r\\n\\r\\n%s' \"$sum\"\n"}, "cgi-bin")
    with running.client() as client:
        client.send(request("/cgi-bin/sum", "POST", ["Content-Length: 100000"]))
        seconds = trickle(client, b"x" * 100000, 1)
        answer = client.response("POST")
        assert (answer.status, answer.get("Connection")) == (408, "close")
        assert 9 < seconds < 25


def test_idle_connection_is_closed_without_a_word(impatient):
    with impatient.client() as client:
        assert client.request("/a.txt").status == 200
        assert not client.is_closed(0.5)
        assert client.read_to_end() == b""


def test_connection_that_never_says_anything_is_closed_without_a_word(impatient):
    with impatient.client() as client:
        assert client.read_to_end() == b""


def test_use_of_a_connection_puts_its_idle_timeout_off(impatient):
    with impatient.client() as client:
        for _ in range(6):
            assert client.request("/a.txt").status == 200
            assert not client.is_closed(0.3)


# Limits on the number of connections and requests.

def assert_turned_away(client):
    client.send_gently(request("/a.txt"))
    answer = client.response()
    assert (answer.status, answer.get("Connection")) == (503, "close")
    assert answer.get("Retry-After") and len(answer.all("Date")) == 1
    assert client.read_to_end() == b""


def test_connection_beyond_the_limit_gets_503_until_one_is_free(server, files, shared_tmp):
    running = server('[limits]\nbody_timeout = "5m"\nconnections = 3\n' + SITE + PROGRAMS, tmp=shared_tmp)
    clients = [running.client() for _ in range(3)]
    for client in clients:
        be_busy(client)
    for _ in range(5):
        with running.client() as turned_away:
            assert_turned_away(turned_away)
    clients.pop().close()
    wire.wait_until(lambda: running.fetch("/a.txt").status == 200, "a free place")
    for client in clients:
        client.send(b"x")
        assert client.response("POST").body == b"x"
        client.close()


def be_busy(client):
    client.send(request("/cgi-bin/echo", "POST", ["Content-Length: 1", "Expect: 100-continue"]))
    client.read_until(b" 100 Continue\r\n\r\n")


def test_who_is_idle_longest_gives_way_to_a_newcomer(server, files, shared_tmp):
    running = server('[server]\nworkers = 1\n[limits]\nbody_timeout = "5m"\nconnections = 3\n' + SITE + PROGRAMS, tmp=shared_tmp)
    busy, first, second = [running.client() for _ in range(3)]
    be_busy(busy)
    for client in (first, second, first):
        assert client.request("/a.txt").status == 200
    with running.client() as newcomer:
        assert newcomer.request("/a.txt").status == 200
        assert second.is_closed(wire.DEADLINE) and first.request("/a.txt").status == 200
    running.wait_for_log("limits.connections are open")
    busy.send(b"x")
    assert busy.response("POST").body == b"x"
    for client in (busy, first, second):
        client.close()


def test_one_address_cannot_take_all_connections(server, files, shared_tmp):
    running = server('[limits]\nconnections_per_ip = 2\n' + SITE, tmp=shared_tmp)
    clients = [running.client() for _ in range(2)]
    for client in clients:
        assert client.request("/a.txt").status == 200
    with running.client() as turned_away:
        assert_turned_away(turned_away)
    with running.client(source="127.0.0.2") as other:
        assert other.request("/a.txt").status == 200
    for client in clients:
        client.close()
    wire.wait_until(lambda: running.fetch("/a.txt").status == 200, "a free place")


def test_connection_ends_with_its_last_request(server, files, shared_tmp):
    running = server('[limits]\nrequests_per_connection = 3\n' + SITE, tmp=shared_tmp)
    with running.client() as client:
        client.send(request("/a.txt") * 5)
        answers = [client.response() for _ in range(3)]
        assert [answer.get("Connection") for answer in answers] == [None, None, "close"]
        assert client.read_to_end() == b""


def test_lack_of_descriptors_is_survived_and_told(server, files, shared_tmp):
    running = server('[server]\nworkers = 1\n' + SITE, tmp=shared_tmp, prefix=["prlimit", "--nofile=32:32"])
    clients = [running.client() for _ in range(60)]
    for client in clients:
        client.send_gently(request("/a.txt"))
    running.wait_for_log(r"error .*[Tt]oo many open files")
    served = clients[0].response()
    assert served.status == 200
    for client in clients:
        client.close()
    wire.wait_until(lambda: works(running), "the server serves again")
    assert len(re.findall("oo many open files", running.stderr_text())) < 1000


def works(running):
    try:
        return running.fetch("/a.txt").status == 200
    except (wire.Closed, ConnectionResetError):
        return False


def test_lack_of_descriptors_while_files_are_read_gives_503_and_no_500(server, files, shared_tmp):
    running = server('[server]\nworkers = 1\n[cache]\nmemory = 0\n' + SITE, tmp=shared_tmp, prefix=["prlimit", "--nofile=32:32"])
    clients = [Client(running.address) for _ in range(60)]
    statuses = set()
    for client in clients:
        client.send_gently(request("/n/1.txt", fields=["Connection: close"]))
    for client in clients:
        got = client.read_to_end()
        if got:
            statuses.add(wire.parse_head(got[:got.index(b"\r\n\r\n") + 4]).status)
        client.close()
    assert statuses <= {200, 503} and 200 in statuses
    wire.wait_until(lambda: works(running), "the server serves again")
