# SPDX-License-Identifier: MIT
"""SCGI: what a program is sent, octet by octet, and answers that end with their connection."""
import concurrent.futures
import os
import threading

import pytest

import fastcgi_server as fcgi
import wire
from fastcgi_server import BROKEN_HEADS, HEAD, Program, ScgiConnection, errors, octets_only, seen, start_all, text
from sites import site

CONFIG = """
[server]
workers = 1
[limits]
head_bytes = "256KiB"
[[site]]
root = "www"
[[site.route]]
path = "*.php"
handler = "scgi"
upstream = "UPSTREAM"
params = { FROM_CONFIG = "a value", SERVER_SOFTWARE = "mine", SCGI = "2" }
[[site.route]]
path = "/app/*"
handler = "scgi"
upstream = "scgi://UPSTREAM"
split = ""
[[site.route]]
path = "/secret/*"
handler = "scgi"
upstream = "UPSTREAM"
split = ""
pass_authorization = false
"""


@pytest.fixture(scope="module")
def program():
    started = Program(ScgiConnection)
    yield started
    started.kill()


@pytest.fixture(scope="module")
def scgi(program, shared_server, shared_tmp):
    site(shared_tmp, {"x.php": "<?php secret", "found.txt": "the file found"})
    return shared_server(CONFIG.replace("UPSTREAM", program.upstream))


@pytest.fixture
def start(server, tmp_path):
    yield from start_all(server, tmp_path, "scgi")


@pytest.fixture(autouse=True)
def no_failures(program):
    program.reset()
    yield
    program.reset()


# The request.

@pytest.mark.parametrize("body, length", [(None, "0"), (b"", "0"), (b"12345", "5")])
def test_the_length_comes_first_and_then_the_protocol(scgi, program, body, length):
    told = seen(scgi.fetch("/x.php", method="POST" if body else "GET", body=body))
    names = program.requests[-1].names
    assert names[:2] == ["CONTENT_LENGTH", "SCGI"] and len(set(names)) == len(names)
    assert (told["CONTENT_LENGTH"], told["SCGI"]) == (length, "1")


def test_the_variables_are_exactly_the_request(scgi, shared_tmp):
    with scgi.client() as client:
        port = client.socket.getsockname()[1]
        answer = client.request("/x.php/some/p%61th?a=1&b=%20", "POST", ["X-Some: thing", "Content-Type: text/x", "Proxy: http://evil",
                                "X_Some: lie", "Authorization: Basic eDp5"], b"12345", f"LocalHost:{scgi.port}")
    assert seen(answer) == {
        "SCGI": "1", "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_SOFTWARE": "mine", "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "localhost", "SERVER_ADDR": "127.0.0.1", "SERVER_PORT": str(scgi.port), "REQUEST_METHOD": "POST",
        "REQUEST_SCHEME": "http", "REQUEST_URI": "/x.php/some/p%61th?a=1&b=%20", "QUERY_STRING": "a=1&b=%20",
        "SCRIPT_NAME": "/x.php", "DOCUMENT_URI": "/x.php/some/path", "SCRIPT_FILENAME": f"{shared_tmp}/www/x.php",
        "DOCUMENT_ROOT": f"{shared_tmp}/www", "PATH_INFO": "/some/path", "PATH_TRANSLATED": f"{shared_tmp}/www/some/path",
        "REMOTE_ADDR": "127.0.0.1", "REMOTE_HOST": "127.0.0.1", "REMOTE_PORT": str(port), "REDIRECT_STATUS": "200",
        "CONTENT_LENGTH": "5", "CONTENT_TYPE": "text/x", "HTTP_HOST": f"LocalHost:{scgi.port}", "HTTP_X_SOME": "thing",
        "HTTP_AUTHORIZATION": "Basic eDp5", "FROM_CONFIG": "a value"}


def test_authorization_is_kept_where_the_route_says_so(scgi):
    assert "HTTP_AUTHORIZATION" not in seen(scgi.fetch("/secret/x", fields=["Authorization: Basic eDp5"]))


def test_an_application_is_named_by_its_route(scgi):
    told = seen(scgi.fetch("/app/some/path"))
    assert (told["SCRIPT_NAME"], told["PATH_INFO"]) == ("/app", "/some/path")
    assert "SCRIPT_FILENAME" not in told and "PATH_TRANSLATED" not in told


def test_variables_beyond_64_kib_arrive(scgi):
    assert seen(scgi.fetch("/app/x", fields=["X-Long: " + "v" * 200_000]))["HTTP_X_LONG"] == "v" * 200_000


@pytest.mark.parametrize("size", [0, 1, 65_536, 3_000_000])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_arrives_whole_and_its_length_is_true(scgi, program, size, is_chunked):
    body = os.urandom(size)
    program.script = text()
    with scgi.client() as client:
        fields = ["Transfer-Encoding: chunked"] if is_chunked else [f"Content-Length: {size}"]
        client.send(wire.request("/app/x", "POST", fields) + (wire.chunked(body, 50_000) if is_chunked else body))
        assert client.response().body == b"body"
    assert program.requests[-1].body == body and program.requests[-1].variables["CONTENT_LENGTH"] == str(size)


# The answer.

def test_an_answer_ends_with_its_connection(scgi, program):
    program.script = fcgi.raw(b"Status: 418 Short and stout\nContent-Type: a/b\nX-Own: yes\n\nbody")
    with scgi.client() as client:
        for _ in range(3):
            answer = client.request("/x.php")
            assert (answer.status, answer.reason, answer.body, answer.get("X-Own")) == (418, "Short and stout", b"body", "yes")
            assert answer.is_chunked
    wire.wait_until(lambda: not program.open)


def test_an_answer_with_its_length_does_not_wait_for_the_end(scgi, program):
    program.script = lambda connection, request: (connection.output(b"Content-Length: 4\n" + HEAD + b"body"),
                                                  connection.wait_for_close())
    assert scgi.fetch("/x.php").body == b"body"


def test_head_and_204_have_no_body(scgi, program):
    program.script = text(fields=b"Content-Length: 4\r\n")
    with scgi.client() as client:
        assert client.request("/x.php", "HEAD").get("Content-Length") == "4"
        program.script = fcgi.raw(b"Status: 204\n\n")
        assert client.request("/x.php").status == 204


def test_local_redirects_are_answered_within_the_server_and_have_an_end(scgi, program):
    program.script = fcgi.raw(b"Location: /found.txt\n\n")
    answer = scgi.fetch("/x.php", method="POST", body=b"gone")
    assert (answer.status, answer.body) == (200, b"the file found")
    program.script = fcgi.raw(b"Location: /x.php\n\n")
    program.requests.clear()
    assert scgi.fetch("/x.php").status == 502 and len(program.requests) == 6


@pytest.mark.parametrize("name", BROKEN_HEADS)
def test_a_broken_head_is_not_passed_on_and_told_once(start, name):
    running, program = start("retries = 0")
    program.script = octets_only(BROKEN_HEADS[name])
    with running.client() as client:
        answer = client.request("/x")
        assert answer.status == 502 and b"secret" not in answer.body
        program.script = text()
        assert client.request("/x").body == b"body"
    lines = errors(running)
    assert len(lines) == 1 and "(502)" in lines[0] and program.upstream in lines[0], lines


@pytest.mark.parametrize("method, tries", [("GET", 2), ("POST", 1)])
def test_who_closes_without_a_word_is_asked_again_where_nothing_can_happen_twice(start, method, tries):
    running, program = start()
    program.script = lambda connection, request: connection.close()
    assert running.fetch("/x", method=method, body=b"body" if method == "POST" else None).status == 502
    assert len(program.requests) == tries and len(errors(running)) == 1


@pytest.mark.parametrize("keys", ["", "buffer_response = true"])
def test_an_answer_that_is_too_short_or_reset_is_broken_off(start, keys):
    running, program = start(keys, tcp=True)
    program.script = text(b"body", b"Content-Length: 40\r\n")
    with running.client() as client, pytest.raises(wire.Closed):
        client.request("/x")
    assert len(errors(running)) == 1
    client_has_it = threading.Event()

    def script(connection, request):
        assert request.body is not None
        connection.output(HEAD + b"begun")
        assert client_has_it.wait(wire.DEADLINE)
        connection.close(resets=True)
    program.script = script
    with running.client() as client:
        client.send(wire.request("/x"))
        client.read_until(b"begun")
        client_has_it.set()
        assert b"0\r\n\r\n" not in client.read_to_end(), "what was reset looks whole"
    assert len(errors(running)) == 2


def test_a_program_that_is_slow_or_gone(start):
    running, program = start('head_timeout = "200ms"')
    program.script = lambda connection, request: connection.wait_for_close()
    assert running.fetch("/x").status == 504
    program.kill()
    assert running.fetch("/x").status == 502
    program.script = text()
    program.listen()
    assert running.fetch("/x").body == b"body"


def test_one_process_serves_all_workers(start):
    running, program = start(workers=2, processes=1)
    program.script = text()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert {answer.body for answer in pool.map(lambda _: running.fetch("/x"), range(40))} == {b"body"}
    assert program.accepted == 40
