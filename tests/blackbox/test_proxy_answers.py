# SPDX-License-Identifier: MIT
"""The reverse proxy: what of an upstream's answer the client gets."""
import threading
import time

import pytest

import upstreams
import wire
from upstreams import answer, proxy, route

DATE = "Tue, 15 Nov 1994 08:12:31 GMT"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SAID = {
    "fields": answer(b"body", "418 Short and stout", [
        "X-B: 2", "X-A: 1", "Content-Type: a/b", "Set-Cookie: a=1", "Set-Cookie: b=2, c", "ETag: W/\"x\"", "X-Octets: \xe4\xff",
        "Last-Modified: " + DATE, "Cache-Control: no-store", "Content-Encoding: gzip", "Via: 1.1 other", "X-Empty: "]),
    "date": answer(b"", fields=["Date: " + DATE, "Server: other"]),
    "hop": answer(b"body", fields=["Connection: X-Hop, keep-alive", "Keep-Alive: timeout=5", "X-Hop: 1", "X-Kept: 1",
                                   "Upgrade: h2c", "Proxy-Connection: close", "TE: trailers"]),
    "hidden": answer(b"body", fields=["X-Secret: 1", "x-secret: 2", "X-Powered-By: that", "X-Kept: 1"]),
    "empty": answer(b""),
    "chunked": CHUNKED + wire.chunked(b"the whole body"),
    "empty-chunked": CHUNKED + b"0\r\n\r\n",
    "trailers": b"HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nX-Sum: 17\r\n\r\n",
    "bad-trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 17\r\nContent-Length: 7\r\n"
                    b"Transfer-Encoding: chunked\r\nConnection: close\r\nX-Secret: 1\r\nx-powered-by: that\r\nUpgrade: h2c\r\n\r\n",
    "204": b"HTTP/1.1 204 No Content\r\nX-Kept: 1\r\n\r\n",
    "304": b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 17\r\n\r\n",
    "205": b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
    "205-length": b"HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\nhello",
    "205-chunked": b"HTTP/1.1 205 Reset Content\r\nTransfer-Encoding: chunked\r\n\r\n" + wire.chunked(b"hello"),
    "426": b"HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: HTTP/2.0, h3\r\nContent-Length: 4\r\n\r\nbody",
    "304-chunked": b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
    "early": b"HTTP/1.1 103 Hints\r\nLink: </a.css>; rel=preload\r\nX-Hop: 1\r\nConnection: X-Hop\r\n\r\n" * 2 + answer(b"body"),
    "processing": b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 199 Odd\r\n\r\n" + answer(b"body"),
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"body"),
    "no-reason": b"HTTP/1.1 200 \r\nContent-Length: 4\r\n\r\nbody",
    "299": b"HTTP/1.1 299 Of its own\r\nContent-Length: 4\r\n\r\nbody",
    "599": b"HTTP/1.1 599 Of its own\r\nContent-Length: 4\r\n\r\nbody",
}


def behave(connection):
    """Answers as the target says; what begins with /end lasts until the connection is closed."""
    while asked := connection.asked():
        name = asked.target.strip("/").split("/")[-1]
        if asked.target.startswith("/end"):
            fields = {"old": b"HTTP/1.0 200 OK\r\n\r\n", "new": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"}
            connection.send(fields[name] + b"until the end")
            return connection.finish()
        if asked.method == "HEAD":
            head, _, _ = SAID[name].partition(b"\r\n\r\n")
            connection.send(head + b"\r\n\r\n")
        else:
            connection.send(SAID[name])
    return None


@pytest.fixture(scope="module")
def running(shared_server, shared_upstream):
    up = shared_upstream(behave)
    hide = 'hide_headers = ["X-Secret", "X-Powered-By"]\nheaders = { "X-Own" = "route", "X-Kept" = "replaced" }'
    server = shared_server(f"[server]\nworkers = 1\n[[site]]\n{route(up, hide, '/hide/*')}{route(up)}")
    server.upstream = up
    return server


def got(running, target, method="GET"):
    with running.client() as client:
        answered = client.request(target, method)
        # The connection is as before: nothing was left over in it.
        assert client.request("/empty").body == b""
    return answered


def test_status_reason_and_fields_are_kept(running):
    answered = got(running, "/fields")
    assert (answered.status, answered.reason, answered.body) == (418, "Short and stout", b"body")
    want = [(name, value.strip()) for name, _, value in
            (line.partition(":") for line in SAID["fields"].partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:])]
    assert [field for field in answered.fields if field in want and field[0] != "Content-Length"] == want[:-1]
    assert answered.get("Content-Length") == "4" and len(answered.all("Content-Encoding")) == 1


@pytest.mark.parametrize("name", ["no-reason", "299", "599"])
def test_unusual_status_lines_are_passed_on(running, name):
    answered = got(running, "/" + name)
    assert answered.body == b"body" and str(answered.status) in ("200", name)


def test_date_is_the_upstreams_and_server_is_ours(running):
    answered = got(running, "/date")
    assert answered.all("Date") == [DATE] and answered.all("Server") == ["uvhttpd"]


def test_date_is_added_where_there_is_none(running):
    assert wire.DATE.fullmatch(got(running, "/empty").get("Date"))


def test_fields_for_one_connection_are_dropped(running):
    answered = got(running, "/hop")
    names = {name.lower() for name, _ in answered.fields}
    assert not names & {"x-hop", "keep-alive", "upgrade", "proxy-connection", "te"} and "x-kept" in names
    assert "close" not in (answered.get("Connection") or "")


def test_hidden_fields_are_dropped_and_those_of_the_route_set(running):
    answered = got(running, "/hide/hidden")
    assert not answered.all("X-Secret") and not answered.all("X-Powered-By")
    assert answered.all("X-Own") == ["route"] and answered.all("X-Kept") == ["replaced"]
    assert got(running, "/hidden").all("X-Secret") == ["1", "2"]


@pytest.mark.parametrize("name, body", [("chunked", b"the whole body"), ("empty-chunked", b""), ("empty", b""), ("205", b"")])
def test_framed_body_is_passed_on(running, name, body):
    answered = got(running, "/" + name)
    assert answered.body == body and answered.is_chunked == ("chunked" in name)


def test_trailers_of_an_answer_are_passed_on(running):
    answered = got(running, "/trailers")
    assert answered.body == b"abc" and answered.trailers == [b"X-Sum: 17\r\n"]


def test_trailers_bring_in_nothing_that_fields_must_not(running):
    assert got(running, "/hide/bad-trailers").trailers == [b"X-Sum: 17\r\n"]


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
@pytest.mark.parametrize("kind", ["old", "new"])
def test_body_until_the_end_is_passed_on(running, kind, version):
    with running.client() as client:
        client.send(f"GET /end/{kind} {version}\r\nHost: localhost\r\n\r\n".encode())
        answered = client.response()
        assert answered.body == b"until the end" and answered.is_chunked == (version == "HTTP/1.1")
        if version == "HTTP/1.1":
            assert client.request("/empty").status == 200


@pytest.mark.parametrize("name", ["chunked", "trailers"])
def test_http_1_0_client_gets_no_chunks(running, name):
    with running.client() as client:
        client.send(f"GET /{name} HTTP/1.0\r\n\r\n".encode())
        answered = client.response()
    assert answered.body in (b"abc", b"the whole body") and not answered.is_chunked and not answered.trailers


def test_http_1_0_client_gets_no_interim_answers(running):
    with running.client() as client:
        client.send(b"GET /early HTTP/1.0\r\n\r\n")
        answered = client.response()
    assert answered.body == b"body" and not answered.interim


@pytest.mark.parametrize("name, length", [("fields", "4"), ("chunked", None), ("empty", "0")])
def test_head_is_answered_with_a_head(running, name, length):
    answered = got(running, "/" + name, "HEAD")
    assert answered.get("Content-Length") == length and answered.body == b""


@pytest.mark.parametrize("name", ["204", "304", "304-chunked"])
def test_answer_without_a_body_is_passed_on(running, name):
    answered = got(running, "/" + name)
    assert answered.status == int(name[:3]) and answered.body == b""
    # RFC 9110 section 8.6: that of a 304 is the length that 200 would have; any other is a lie.
    assert answered.get("Content-Length") in (None, "17")
    assert not answered.all("Transfer-Encoding")


@pytest.mark.parametrize("name", ["205", "205-length", "205-chunked"])
def test_answer_whose_body_must_be_empty_gets_an_empty_one(running, name):
    with running.client() as client:
        answered = client.request("/" + name)
        assert (answered.status, answered.get("Content-Length"), answered.body) == (205, "0", b"")
        assert client.request("/empty").status == 200


def test_protocols_that_are_required_are_named(running):
    answered = got(running, "/426")
    assert (answered.status, answered.get("Upgrade"), answered.body) == (426, "HTTP/2.0, h3", b"body")
    assert "Upgrade" in ", ".join(answered.all("Connection"))


def test_early_hints_are_passed_on(running):
    answered = got(running, "/early")
    assert [each.status for each in answered.interim] == [103, 103] and answered.body == b"body"
    assert answered.interim[0].get("Link") == "</a.css>; rel=preload"
    assert not answered.interim[0].all("X-Hop") and not answered.interim[0].all("Connection")


def test_unasked_100_is_not_passed_on(running):
    answered = got(running, "/continue")
    assert answered.body == b"body" and not answered.interim


def test_other_interim_answers_do_not_stand_for_the_answer(running):
    answered = got(running, "/processing")
    assert answered.body == b"body" and answered.status == 200


def test_upstream_at_a_unix_socket_answers(server, upstream, tmp_path):
    up = upstream(upstreams.serving(upstreams.mirror), path=str(tmp_path / "up.sock"))
    running = server(proxy(up))
    assert upstreams.Request(running.fetch("/a%2Fb").body).target == "/a%2Fb"


def test_upstream_at_a_unix_socket_has_a_base(server, upstream, tmp_path):
    up = upstream(upstreams.serving(upstreams.mirror), path=str(tmp_path / "up.sock"))
    running = server(proxy(up.url + ":/base"))
    assert upstreams.Request(running.fetch("/a").body).target == "/base/a"


def expecting(client, size=5):
    client.send(wire.request("/", "POST", ["Expect: 100-continue", f"Content-Length: {size}"]))


def test_expectation_is_handed_on_and_its_100_handed_back(server, upstream):
    def behave_well(connection):
        asked = connection.head()
        assert asked.all("Expect") == ["100-continue"]
        assert connection.unread == b"" and not connection.is_closed(0.2) and connection.unread == b"", "the body came unasked"
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.send(answer(connection.body_of(asked).body))

    running = server(proxy(upstream(behave_well)))
    with running.client() as client:
        expecting(client)
        assert client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        client.send(b"abcde")
        assert client.response().body == b"abcde"


def test_answer_may_begin_with_the_100_in_one_piece(server, upstream):
    running = server(proxy(upstream(upstreams.echoing_early(b"HTTP/1.1 100 Continue\r\n\r\n"))))
    with running.client() as client:
        expecting(client)
        assert client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        client.send(b"abcde")
        assert client.response().body == b"abcde"


def test_upstream_may_refuse_without_reading_the_body(server, upstream):
    def refuse(connection):
        connection.head()
        connection.send(answer(b"no", "413 Too large", ["Connection: close"]))
        connection.finish()

    running = server(proxy(upstream(refuse)))
    with running.client() as client:
        expecting(client, 1 << 20)
        answered = client.response()
        assert (answered.status, answered.body, answered.interim) == (413, b"no", [])


def test_upstream_that_does_not_know_expectations_gets_the_body_after_a_second(server, upstream):
    running = server(proxy(upstream(upstreams.serving(lambda asked: answer(asked.body)))))
    with running.client() as client:
        expecting(client)
        begun = time.monotonic()
        assert client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        assert 0.5 < time.monotonic() - begun
        client.send(b"abcde")
        assert client.response().body == b"abcde"


def test_client_that_does_not_wait_is_served(server, upstream):
    running = server(proxy(upstream(upstreams.serving(lambda asked: answer(asked.body)))))
    with running.client() as client:
        client.send(wire.request("/", "POST", ["Expect: 100-continue", "Content-Length: 5"]) + b"abcde")
        assert client.response().body == b"abcde"


@pytest.mark.parametrize("size", [5, 1 << 20])
def test_answer_that_comes_before_the_body_is_read_is_passed_on(server, upstream, size):
    def hasty(connection):
        asked = connection.head()
        connection.send(answer(b"already"))
        connection.body_of(asked)

    running = server(proxy(upstream(hasty)))
    with running.client() as client:
        client.send_gently(wire.request("/", "POST", body=b"x" * size))
        assert client.response().body == b"already"


def test_connections_are_kept(server, upstream):
    up = upstream(upstreams.serving(upstreams.mirror))
    running = server(proxy(up))
    for i in range(20):
        assert running.fetch(f"/{i}").status == 200
    with running.client() as client:
        client.send(b"".join(wire.request("/", "POST", body=b"x") for i in range(20)))
        assert all(client.response().status == 200 for _ in range(20))
    assert len(up.connections) == 1 and len(up.requests) == 40


@pytest.mark.parametrize("keys, said", [("keep_alive = 0", answer(b"a")), ("", answer(b"a", fields=["Connection: close"])),
                                        ("", b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na"),
                                        ("", answer(b"a") + b"garbage"), ("", answer(b"a") + answer(b"b"))],
                         ids=["none kept", "close", "1.0", "garbage", "two answers"])
def test_connection_is_not_used_again(server, upstream, keys, said):
    up = upstream(upstreams.saying(said))
    running = server(proxy(up, keys))
    for _ in range(5):
        assert running.fetch("/").body == b"a"
    assert len(up.connections) == 5
    wire.wait_until(lambda: all(each.socket.fileno() < 0 for each in up.connections), "closed")


@pytest.mark.parametrize("size", [1, 40_000, 65_536, 1_000_000])
def test_what_comes_behind_an_answer_is_nobodys(server, upstream, size):
    up = upstream(upstreams.serving(
        lambda asked: answer(b"x" * size) + answer(b"POISON") if asked.target == "/long" else answer(b"good")))
    running = server("[server]\nworkers = 1\n[[site]]\n" + upstreams.route(up))
    for _ in range(10):
        with running.client() as client:
            client.send(wire.request("/long") + wire.request("/next"))
            assert len(client.response().body) == size
            assert client.response().body == b"good"


def test_the_body_of_an_answer_to_head_is_nobodys(server, upstream):
    def behave(connection):
        while asked := connection.asked():
            connection.send(answer(b"good") if asked.method == "GET" else b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
            if asked.method == "HEAD":
                sent.wait(wire.DEADLINE)
                connection.send(answer(b"POISON"))

    sent = threading.Event()
    running = server("[server]\nworkers = 1\n[[site]]\n" + upstreams.route(upstream(behave)))
    assert running.fetch("/", method="HEAD").status == 200
    with running.client() as client:
        client.send(wire.request("/"))
        sent.set()
        assert client.response().body == b"good"


def test_no_more_connections_are_kept_than_allowed(server, upstream):
    up = upstream(upstreams.saying(answer(b"a")))
    running = server(proxy(up, "keep_alive = 2"))
    clients = [running.client() for _ in range(8)]
    for client in clients:
        client.send(wire.request("/"))
    assert all(client.response().body == b"a" for client in clients)
    wire.wait_until(lambda: sum(each.socket.fileno() >= 0 for each in up.connections) <= 2, "closed")
    for client in clients:
        client.close()


def test_kept_connection_ends_with_its_time(server, upstream):
    up = upstream(upstreams.saying(answer(b"a")))
    running = server(proxy(up, 'keep_alive_timeout = "200ms"'))
    assert running.fetch("/").body == b"a"
    wire.wait_until(lambda: up.connections[0].socket.fileno() < 0, "closed", 10)
