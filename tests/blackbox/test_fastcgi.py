# SPDX-License-Identifier: MIT
"""FastCGI: what a program is sent, octet by octet, what becomes of its answers, and what when it fails."""
import itertools
import json
import os
import re
import threading

import pytest

import fastcgi_server as fcgi
import wire
from fastcgi_server import BROKEN_HEADS, Program, octets_only, records, seen, text
from sites import site

CONFIG = """
[server]
workers = 1
[limits]
head_bytes = "256KiB"
body_bytes = "64MiB"
[access_log]
path = "access.log"
[[site]]
root = "www"
[[site.route]]
path = "*.php"
handler = "fastcgi"
upstream = "UPSTREAM"
params = { FROM_CONFIG = "a value", SERVER_SOFTWARE = "mine", HTTP_ACCEPT = "all", EMPTY = "" }
[[site.route]]
path = "/app/*"
handler = "fastcgi"
upstream = "fastcgi://UPSTREAM"
split = ""
[[site.route]]
path = "/secret/*"
handler = "fastcgi"
upstream = "UPSTREAM"
split = ""
pass_authorization = false
[[site.route]]
path = "/buffered/*"
handler = "fastcgi"
upstream = "UPSTREAM"
split = ""
buffer_response = true
[[site.route]]
path = "/single/*"
handler = "fastcgi"
upstream = "UPSTREAM"
split = ""
keep_alive = 0
"""
FILES = {"x.php": "<?php secret", "found.txt": "the file found", "sub/y.php": "<?php secret"}


@pytest.fixture(scope="module")
def program(shared_tmp):
    started = Program(address=str(shared_tmp / "program.sock"))
    yield started
    started.kill()


@pytest.fixture(scope="module")
def fastcgi(program, shared_server, shared_tmp):
    site(shared_tmp, FILES)
    return shared_server(CONFIG.replace("UPSTREAM", program.upstream))


@pytest.fixture(autouse=True)
def no_failures(program):
    program.reset()
    yield
    program.reset()


# The request.

def test_a_request_is_its_begin_its_parameters_and_the_end_of_its_body(fastcgi, program):
    fastcgi.fetch("/x.php")
    request = program.requests[-1]
    kinds = [kind for kind, _, _ in request.records]
    assert kinds == [fcgi.BEGIN_REQUEST, fcgi.PARAMS, fcgi.PARAMS, fcgi.STDIN] and request.keeps
    assert [length for _, length, _ in request.records][2:] == [0, 0] and len(set(request.names)) == len(request.names)
    assert all((length + padding) % 8 == 0 for _, length, padding in request.records)
    fastcgi.fetch("/single/x")
    assert not program.requests[-1].keeps


@pytest.mark.parametrize("length", [127, 128, 65_000, 70_000, 200_000])
def test_parameters_of_any_length_arrive(fastcgi, program, length):
    value = "v" * length
    assert seen(fastcgi.fetch("/x.php", fields=[f"X-Long: {value}"]))["HTTP_X_LONG"] == value
    sizes = [size for kind, size, _ in program.requests[-1].records if kind == fcgi.PARAMS]
    assert sizes[-1] == 0 and 0 not in sizes[:-1] and (length < 65_536 or len(sizes) > 2)


def test_the_variables_are_exactly_the_request(fastcgi, shared_tmp):
    with fastcgi.client() as client:
        port = client.socket.getsockname()[1]
        answer = client.request("/sub//y.php/some/p%61th?a=1&b=%20", "POST", ["X-Some: thing", "Accept: */*", "Content-Type: text/x"],
                                b"12345", f"LocalHost:{fastcgi.port}")
    assert seen(answer) == {
        "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_SOFTWARE": "mine", "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "localhost",
        "SERVER_ADDR": "127.0.0.1", "SERVER_PORT": str(fastcgi.port), "REQUEST_METHOD": "POST", "REQUEST_SCHEME": "http",
        "REQUEST_URI": "/sub//y.php/some/p%61th?a=1&b=%20", "QUERY_STRING": "a=1&b=%20",
        "SCRIPT_NAME": "/sub/y.php", "DOCUMENT_URI": "/sub/y.php/some/path", "SCRIPT_FILENAME": f"{shared_tmp}/www/sub/y.php",
        "DOCUMENT_ROOT": f"{shared_tmp}/www", "PATH_INFO": "/some/path", "PATH_TRANSLATED": f"{shared_tmp}/www/some/path",
        "REMOTE_ADDR": "127.0.0.1", "REMOTE_HOST": "127.0.0.1", "REMOTE_PORT": str(port), "REDIRECT_STATUS": "200",
        "CONTENT_LENGTH": "5", "CONTENT_TYPE": "text/x", "HTTP_HOST": f"LocalHost:{fastcgi.port}", "HTTP_X_SOME": "thing",
        "HTTP_ACCEPT": "all", "FROM_CONFIG": "a value", "EMPTY": ""}


def test_without_query_and_body_their_variables_say_so(fastcgi):
    told = seen(fastcgi.fetch("/x.php"))
    assert (told["QUERY_STRING"], told["REQUEST_URI"], told["PATH_INFO"]) == ("", "/x.php", "")
    assert not {"CONTENT_LENGTH", "CONTENT_TYPE", "PATH_TRANSLATED", "HTTPS", "AUTH_TYPE", "REMOTE_USER"} & set(told)


def test_fields_that_lie_never_reach_the_program(fastcgi):
    told = seen(fastcgi.fetch("/app/x", fields=[
        "X-Forwarded-For: 6.6.6.6", "X-Real-IP: 6.6.6.6", "Remote-User: mallory", "SSL-Client-Verify: SUCCESS", "Forwarded: for=6.6.6.6",
        "Proxy: http://evil", "X_Under: a", "X-Under: b", "X.Dot: c", "Keep-Alive: 5", "TE: x", "Cookie: a=1", "Cookie: b=2",
        "X-Twice: 1", "x-twice: 2", "Proxy-Authorization: x", "X-Hop: y", "Connection: x-hop", "Content_Length: 7"]))
    assert {name: value for name, value in told.items() if name.startswith("HTTP_")} == {
        "HTTP_HOST": "localhost", "HTTP_X_UNDER": "b", "HTTP_COOKIE": "a=1; b=2", "HTTP_X_TWICE": "1, 2"}


def test_authorization_is_passed_unless_the_route_says_otherwise(fastcgi):
    fields = ["Authorization: Basic eDp5"]
    assert seen(fastcgi.fetch("/x.php", fields=fields))["HTTP_AUTHORIZATION"] == "Basic eDp5"
    assert "HTTP_AUTHORIZATION" not in seen(fastcgi.fetch("/secret/x", fields=fields))


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 3_000_000])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_arrives_whole_and_its_length_is_true(fastcgi, program, size, is_chunked):
    body = os.urandom(size)
    with fastcgi.client() as client:
        program.script = text()
        fields = ["Transfer-Encoding: chunked"] if is_chunked else [f"Content-Length: {size}"]
        client.send(wire.request("/x.php", "POST", fields) + (wire.chunked(body, 50_000) if is_chunked else body))
        assert client.response().body == b"body"
    request = program.requests[-1]
    assert request.body == body and request.variables["CONTENT_LENGTH"] == str(size)
    assert request.records[-1][:2] == (fcgi.STDIN, 0)


def test_a_client_of_http_1_0_is_told_as_such_and_gets_no_chunks(fastcgi):
    with fastcgi.client() as client:
        client.send(b"GET /x.php HTTP/1.0\r\n\r\n")
        head, _, body = client.read_to_end().partition(b"\r\n\r\n")
    told = json.loads(body)["variables"]
    assert b"Transfer-Encoding" not in head and "HTTP_HOST" not in told
    assert (told["SERVER_PROTOCOL"], told["SERVER_NAME"]) == ("HTTP/1.0", "127.0.0.1")


def test_who_asks_whether_to_send_a_body_is_told(fastcgi, program):
    with fastcgi.client() as client:
        client.send(wire.request("/x.php", "POST", ["Expect: 100-continue", "Content-Length: 4"]))
        assert client.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"body")
        assert client.response().status == 200
    assert program.requests[-1].body == b"body"


# The answer.

def test_an_answer_keeps_its_status_and_fields_but_no_framing(fastcgi, program):
    program.script = fcgi.raw(b"Status: 418 Short and stout\nContent-Type: a/b\nX-Own: yes\nSet-Cookie: a=1\nSet-Cookie: b=2\n"
                              b"Connection: close, x-hop\nX-Hop: 1\nTransfer-Encoding: chunked\nServer: other\nX-Powered-By: PHP\n\nbody")
    with fastcgi.client() as client:
        answer = client.request("/x.php")
        assert (answer.status, answer.reason, answer.body) == (418, "Short and stout", b"body")
        assert answer.get("Content-Type") == "a/b" and answer.get("X-Own") == "yes" and answer.get("X-Powered-By") == "PHP"
        assert answer.all("Set-Cookie") == ["a=1", "b=2"] and answer.all("Server") == ["uvhttpd"]
        assert not answer.all("Status") and not answer.all("Connection") and not answer.all("X-Hop")
        assert client.request("/x.php").status == 418


@pytest.mark.parametrize("head, status, location, body", [
    (b"Location: http://example.org/x\n\n", 302, "http://example.org/x", b""),
    (b"Status: 301\nLocation: /found.txt\n\n", 301, "/found.txt", b""),
    (b"Content-Type: a/b\nLocation: /found.txt\n\nsee there", 302, "/found.txt", b"see there")])
def test_redirects_of_the_client_go_out(fastcgi, program, head, status, location, body):
    program.script = fcgi.raw(head)
    answer = fastcgi.fetch("/x.php")
    assert (answer.status, answer.get("Location"), answer.body) == (status, location, body)


def test_a_local_redirect_is_answered_within_the_server(fastcgi, program):
    program.script = fcgi.raw(b"Location: /found.txt\n\n")
    for method, body in (("POST", b"the file found"), ("HEAD", b"")):
        answer = fastcgi.fetch("/x.php", method=method, body=b"gone")
        assert (answer.status, answer.body, answer.get("Location")) == (200, body, None)


def test_a_local_redirect_to_a_program_has_its_own_query_and_no_body(fastcgi, program):
    def script(connection, request):
        if request.variables["SCRIPT_NAME"] == "/x.php":
            return connection.answer(b"Location: /sub/y.php?to=here\n\n")
        return fcgi.tell(connection, request)
    program.script = script
    told = seen(fastcgi.fetch("/x.php?from=there", method="POST", body=b"12345", fields=["Content-Type: a/b", "X-Own: yes"]))
    assert (told["SCRIPT_NAME"], told["QUERY_STRING"], told["REQUEST_METHOD"]) == ("/sub/y.php", "to=here", "GET")
    assert told["HTTP_X_OWN"] == "yes" and "CONTENT_TYPE" not in told and "CONTENT_LENGTH" not in told


def test_local_redirects_have_an_end(fastcgi, program):
    program.script = fcgi.raw(b"Location: /x.php\n\n")
    assert fastcgi.fetch("/x.php").status == 502
    assert len(program.requests) == 6
    fastcgi.wait_for_log("too many local redirects")


@pytest.mark.parametrize("name", BROKEN_HEADS)
def test_a_broken_head_is_not_passed_on_and_told_once(fastcgi, program, name):
    assert_refused_once(fastcgi, program, fcgi.raw(BROKEN_HEADS[name]))


BROKEN_RECORDS = {
    "another version": fcgi.record(fcgi.STDOUT, b"Content-Type: a/b\n\nsecret", version=2),
    "another request": fcgi.record(fcgi.STDOUT, b"Content-Type: a/b\n\nsecret", request=2),
    "no records": b"HTTP/1.1 200 OK\r\n\r\nsecret",
    "an end of a wrong length": fcgi.record(fcgi.END_REQUEST, bytes(16)),
    "an unknown end": fcgi.end_request(protocol_status=9),
    "no such role": fcgi.end_request(protocol_status=fcgi.UNKNOWN_ROLE),
    "no place on this connection": fcgi.end_request(protocol_status=fcgi.CANT_MPX_CONN),
}


@pytest.mark.parametrize("name", BROKEN_RECORDS)
def test_broken_records_are_not_passed_on_and_told_once(fastcgi, program, name):
    assert_refused_once(fastcgi, program, octets_only(BROKEN_RECORDS[name]))


def assert_refused_once(fastcgi, program, script):
    program.script = script
    path = f"/app/{next(NUMBERS)}"
    with fastcgi.client() as client:
        answer = client.request(path)
        assert answer.status == 502 and b"secret" not in answer.body
        program.script = text()
        assert client.request(path).body == b"body"
    assert len(program.requests) == 2
    lines = [line for line in fastcgi.log_text().splitlines() if f"GET {path}:" in line]
    assert len(lines) == 1 and "(502)" in lines[0] and program.upstream in lines[0] and "\0" not in lines[0], lines


NUMBERS = itertools.count()


@pytest.mark.parametrize("name", ["another version", "another request", "an end of a wrong length", "an unknown end", "no such role"])
@pytest.mark.parametrize("route", ["/app", "/buffered"])
def test_broken_records_in_the_body_break_it_off(fastcgi, program, name, route):
    program.script = octets_only(fcgi.record(fcgi.STDOUT, fcgi.HEAD + b"begun") + BROKEN_RECORDS[name])
    path = f"{route}/{next(NUMBERS)}"
    with fastcgi.client() as client, pytest.raises(wire.Closed):
        client.request(path)
    program.script = text()
    assert fastcgi.fetch(path).body == b"body"


def test_a_program_that_is_overloaded_is_no_fault_of_anybody(fastcgi, program):
    program.script = octets_only(fcgi.end_request(protocol_status=fcgi.OVERLOADED))
    answer = fastcgi.fetch("/x.php")
    assert (answer.status, answer.get("Retry-After")) == (503, "1")


def test_records_that_nobody_knows_are_skipped(fastcgi, program):
    odd = fcgi.record(99, b"odd") + fcgi.record(10, b"management", request=0) + fcgi.record(fcgi.STDOUT, b"", padding=255)
    head = b"Content-Type: a/b\n\n"
    program.script = octets_only(odd + records(fcgi.STDOUT, head + b"bo") + odd + fcgi.record(fcgi.STDOUT, b"dy", padding=200)
                                 + fcgi.end_request(app_status=3))
    with fastcgi.client() as client:
        assert client.request("/x.php").body == b"body"
        assert client.request("/x.php").body == b"body"


@pytest.mark.parametrize("route", ["/app", "/buffered"])
def test_records_may_be_cut_anywhere(fastcgi, program, route):
    octets = b"".join(fcgi.record(fcgi.STDOUT, bytes([each])) for each in b"Content-Type: a/b\r\n\r\nbody") + fcgi.end_request()

    def script(connection, request):
        assert request.body == b""
        for octet in octets:
            connection.send(bytes([octet]))
    program.script = script
    assert fastcgi.fetch(f"{route}/x").body == b"body"


def test_an_answer_without_a_body(fastcgi, program):
    program.script = fcgi.raw(b"Status: 204\n\n")
    assert fastcgi.fetch("/x.php").status == 204
    program.script = text(fields=b"Content-Length: 4\r\n")
    with fastcgi.client() as client:
        answer = client.request("/x.php", "HEAD")
        assert (answer.get("Content-Length"), client.request("/x.php").body) == ("4", b"body")


@pytest.mark.parametrize("route", ["/app", "/buffered"])
def test_the_length_that_was_said_counts(fastcgi, program, route):
    program.script = text(b"body and more" * 10_000, b"Content-Length: 4\r\n")
    with fastcgi.client() as client:
        assert client.request(f"{route}/more").body == b"body"
        program.script = text(b"body", b"Content-Length: 40\r\n")
        with pytest.raises(wire.Closed):
            client.request(f"{route}/less")
    fastcgi.wait_for_log("shorter than its Content-Length")


@pytest.mark.parametrize("route", ["/app", "/buffered"])
def test_output_arrives_while_the_program_runs(fastcgi, program, route):
    goes_on = threading.Event()

    def script(connection, request):
        assert request.body == b""
        for piece in (b"first", b"second"):
            connection.output((b"Content-Type: a/b\n\n" if piece == b"first" else b"") + piece)
            assert goes_on.wait(wire.DEADLINE)
            goes_on.clear()
        connection.end()
    program.script = script
    with fastcgi.client() as client:
        client.send(wire.request(f"{route}/x"))
        for piece in (b"first", b"second"):
            client.read_until(piece + b"\r\n")
            goes_on.set()
        client.read_until(b"0\r\n\r\n")


# Standard error.

def test_standard_error_goes_to_the_log_with_the_id_of_the_request(fastcgi, program):
    def script(connection, request):
        assert request.body == b""
        connection.errors(b"first \x1b[1m comp")
        connection.errors(b"laint\n\nlong " + b"y" * 5000 + b"\n")
        connection.output(b"Content-Type: a/b\n\nbo")
        connection.errors(b"in between\n")
        connection.output(b"dy")
        connection.errors(b"last complaint")
        connection.end()
    program.script = script
    assert fastcgi.fetch("/x.php").body == b"body"
    line = fastcgi.wait_for_log(r"warn (\S+): upstream (\S+): first \\x1b\[1m complaint\n")
    begin = re.escape(f"warn {line[1]}: upstream {program.upstream}: ")
    long = fastcgi.wait_for_log(begin + r"(long y+ \.\.\.)\n")
    assert len(long[1]) < 1100
    fastcgi.wait_for_log(begin + "in between\n")
    fastcgi.wait_for_log(begin + "last complaint\n")


def test_standard_error_without_end_does_not_fill_the_disk(fastcgi, program):
    def script(connection, request):
        assert request.body == b""
        for _ in range(100):
            connection.errors(b"flood of words\n" * 1000)
        connection.answer(b"Content-Type: a/b\n\nbody")
    program.script = script
    assert fastcgi.fetch("/x.php").body == b"body"
    fastcgi.wait_for_log("writes more to standard error than is logged")
    assert fastcgi.log_text().count("flood of words") < 5000
