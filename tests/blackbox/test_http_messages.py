# SPDX-License-Identifier: MIT
"""Request lines, targets, Host, field lines and limits (RFC 9112 sections 2, 3 and 5): what is taken and what is refused."""
import re
import time
from email.utils import parsedate_to_datetime

import pytest

import wire
from sites import ECHO, site
from wire import request

CONFIG = """
[server]
workers = 1
[limits]
target_bytes = 1024
head_bytes = 4096
head_fields = 20
body_bytes = 1000
[access_log]
path = "access.log"
[[site]]
root = "www"
[[site.route]]
path = "/cgi-bin/*"
handler = "cgi"
root = "cgi-bin"
"""


@pytest.fixture(scope="module")
def messages(shared_server, shared_tmp):
    site(shared_tmp, {"index.html": "index", "a.txt": "the file a", "dir/index.html": "in dir"})
    site(shared_tmp, {"echo": ECHO}, "cgi-bin")
    return shared_server(CONFIG)


def head(*lines):
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def get(*fields):
    return head("GET /a.txt HTTP/1.1", "Host: localhost", *fields)


def post(*fields, body=b""):
    return head("POST /cgi-bin/echo HTTP/1.1", "Host: localhost", *fields) + body


def post_chunks(body):
    return post("Transfer-Encoding: chunked", body=body)


# What makes the next request's place uncertain, or is no request: (octets, statuses any of which is right).
REFUSED = {
    # Request line.
    "white space in the target": (head("GET /a b HTTP/1.1", "Host: x"), {400}),
    "tab in the target": (head("GET /a\tb HTTP/1.1", "Host: x"), {400}),
    "two spaces before the target": (head("GET  / HTTP/1.1", "Host: x"), {400}),
    "two spaces before the version": (head("GET /  HTTP/1.1", "Host: x"), {400}),
    "space before the method": (head(" GET / HTTP/1.1", "Host: x"), {400}),
    "space behind the version": (head("GET / HTTP/1.1 ", "Host: x"), {400}),
    "tab for a space": (head("GET\t/\tHTTP/1.1", "Host: x"), {400}),
    "method that is no token": (head("G(T / HTTP/1.1", "Host: x"), {400}),
    "empty target": (head("GET  HTTP/1.1", "Host: x"), {400}),
    "no version": (head("GET /", "Host: x"), {400}),
    "HTTP/0.9": (b"GET /\r\n", {400}),
    "HTTP/0.9 by name": (head("GET / HTTP/0.9", "Host: x"), {400, 505}),
    "lower-case http": (head("GET / http/1.1", "Host: x"), {400}),
    "version of three digits": (head("GET / HTTP/1.10", "Host: x"), {400}),
    "version without a point": (head("GET / HTTP/11", "Host: x"), {400}),
    "HTTP/2.0": (head("GET / HTTP/2.0", "Host: x"), {505}),
    "HTTP/2.0 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {505}),
    "HTTP/3.0": (head("GET / HTTP/3.0", "Host: x"), {505}),
    "TLS hello": (bytes.fromhex("16030100c8010000c40303") + bytes(range(1, 200)) + b"\r\n\r\n", {400}),
    "many empty lines first": (b"\r\n" * 50 + get(), {400}),
    # Target.
    "target without a slash": (head("GET a.txt HTTP/1.1", "Host: x"), {400}),
    "asterisk with GET": (head("GET * HTTP/1.1", "Host: x"), {400}),
    "percent sign alone": (head("GET /% HTTP/1.1", "Host: x"), {400}),
    "percent and one digit": (head("GET /%4 HTTP/1.1", "Host: x"), {400}),
    "percent and no digits": (head("GET /%zz HTTP/1.1", "Host: x"), {400}),
    "encoded NUL": (head("GET /a.txt%00.html HTTP/1.1", "Host: x"), {400}),
    "fragment": (head("GET /a.txt#top HTTP/1.1", "Host: x"), {400}),
    "octet above ASCII": (head("GET /caf\xe9 HTTP/1.1", "Host: x"), {400}),
    "control octet": (head("GET /a\x01 HTTP/1.1", "Host: x"), {400}),
    "DEL": (head("GET /a\x7f HTTP/1.1", "Host: x"), {400}),
    "NUL": (head("GET /a\0b HTTP/1.1", "Host: x"), {400}),
    "another scheme": (head("GET ftp://localhost/a.txt HTTP/1.1", "Host: localhost"), {400}),
    "URI without host": (head("GET http:///a.txt HTTP/1.1", "Host: localhost"), {400}),
    "user in the URI": (head("GET http://me@localhost/a.txt HTTP/1.1", "Host: localhost"), {400}),
    "URI with a bad port": (head("GET http://localhost:0x50/a.txt HTTP/1.1", "Host: localhost"), {400}),
    "CONNECT without a port": (head("CONNECT localhost HTTP/1.1", "Host: localhost"), {400}),
    # Host.
    "no Host": (head("GET /a.txt HTTP/1.1"), {400}),
    "no Host with a URI": (head("GET http://localhost/a.txt HTTP/1.1"), {400}),
    "two Hosts": (head("GET /a.txt HTTP/1.1", "Host: a", "Host: b"), {400}),
    "the same Host twice": (head("GET /a.txt HTTP/1.1", "Host: a", "Host: a"), {400}),
    "two Hosts in HTTP/1.0": (head("GET /a.txt HTTP/1.0", "Host: a", "Host: b"), {400}),
    "Host with a space": (head("GET /a.txt HTTP/1.1", "Host: a b"), {400}),
    "Host with a path": (head("GET /a.txt HTTP/1.1", "Host: a/b"), {400}),
    "Host with a user": (head("GET /a.txt HTTP/1.1", "Host: me@a"), {400}),
    "Host with a bad port": (head("GET /a.txt HTTP/1.1", "Host: a:http"), {400}),
    "Host with port 65536": (head("GET /a.txt HTTP/1.1", "Host: a:65536"), {400}),
    "Host with an open bracket": (head("GET /a.txt HTTP/1.1", "Host: [::1"), {400}),
    "Host with a bad IPv6 address": (head("GET /a.txt HTTP/1.1", "Host: [::g]"), {400}),
    "Host with a percent sign": (head("GET /a.txt HTTP/1.1", "Host: a%zz"), {400}),
    "Host above ASCII": (head("GET /a.txt HTTP/1.1", "Host: caf\xe9"), {400}),
    # Field lines.
    "space before the colon": (get("X-A : b"), {400}),
    "tab before the colon": (get("X-A\t: b"), {400}),
    "line without a colon": (get("X-A"), {400}),
    "empty field name": (get(": b"), {400}),
    "field name that is no token": (get("X(A: b"), {400}),
    "field name above ASCII": (get("X-\xe9: b"), {400}),
    "folded line": (get("X-A: b", " c"), {400}),
    "line folded with a tab": (get("X-A: b", "\tc"), {400}),
    "folded first line": (head("GET /a.txt HTTP/1.1", " Host: localhost"), {400}),
    "empty folded line": (get("X-A: b", " "), {400}),
    "CR in a value": (get("X-A: b\rc"), {400}),
    "CR at the end of a value": (get("X-A: b\r"), {400}),
    "NUL in a value": (get("X-A: b\0c"), {400}),
    "NUL in a name": (get("X-\0A: b"), {400}),
    "control octet in a value": (get("X-A: b\x01c"), {400}),
    "DEL in a value": (get("X-A: b\x7fc"), {400}),
    "LF ends a field line": (b"GET /a.txt HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n", {400}),
    "LF ends the request line": (b"GET /a.txt HTTP/1.1\nHost: x\r\n\r\n", {400}),
    "LF ends everything": (b"GET /a.txt HTTP/1.1\nHost: x\n\n", {400}),
    "LF ends the head": (b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\n", {400}),
    "LF before the request": (b"\nGET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
    "CR ends the lines": (b"GET /a.txt HTTP/1.1\rHost: x\r\r", {400}),
    "CR CR LF": (b"GET /a.txt HTTP/1.1\r\r\nHost: x\r\n\r\n", {400}),
    # The length of the body.
    "two lengths": (post("Content-Length: 3", "Content-Length: 4", body=b"abcd"), {400}),
    "the same length twice": (post("Content-Length: 3", "Content-Length: 3", body=b"abc"), {400}),
    "list of lengths": (post("Content-Length: 3, 3", body=b"abc"), {400}),
    "length and chunked": (post("Content-Length: 3", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"), {400}),
    "chunked and length": (post("Transfer-Encoding: chunked", "Content-Length: 3", body=b"0\r\n\r\n"), {400}),
    "negative length": (post("Content-Length: -1"), {400}),
    "length with a plus": (post("Content-Length: +3", body=b"abc"), {400}),
    "hexadecimal length": (post("Content-Length: 0x3", body=b"abc"), {400}),
    "length with a point": (post("Content-Length: 3.0", body=b"abc"), {400}),
    "length with a space in it": (post("Content-Length: 1 0", body=b"abc"), {400}),
    "empty length": (post("Content-Length:"), {400}),
    "length beyond 64 bits": (post("Content-Length: 18446744073709551617", body=b"a"), {400, 413}),
    "length that wraps": (get("Content-Length: 340282366920938463463374607431768211456"), {400, 413}),
    "unknown transfer coding": (post("Transfer-Encoding: foo, chunked", body=b"0\r\n\r\n"), {501}),
    "only an unknown transfer coding": (post("Transfer-Encoding: foo", body=b"0\r\n\r\n"), {400, 501}),
    "identity": (post("Transfer-Encoding: identity"), {400, 501}),
    "chunked not last": (post("Transfer-Encoding: chunked, foo", body=b"0\r\n\r\n"), {400, 501}),
    "chunked twice": (post("Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"), {400}),
    "chunked in two lines": (post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"), {400}),
    "no transfer coding": (post("Transfer-Encoding:", body=b"0\r\n\r\n"), {400}),
    "something before chunked": (post("Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"), {400, 501}),
    "quoted chunked": (post('Transfer-Encoding: "chunked"', body=b"0\r\n\r\n"), {400, 501}),
    "chunked with a parameter": (post("Transfer-Encoding: chunked;q=1", body=b"0\r\n\r\n"), {400, 501}),
    "chunked in HTTP/1.0": (head("POST /cgi-bin/echo HTTP/1.0", "Transfer-Encoding: chunked") + b"0\r\n\r\n", {400}),
    # Chunks.
    "chunk size that is no number": (post_chunks(b"zz\r\nabc\r\n0\r\n\r\n"), {400}),
    "chunk size with 0x": (post_chunks(b"0x3\r\nabc\r\n0\r\n\r\n"), {400}),
    "negative chunk size": (post_chunks(b"-3\r\nabc\r\n0\r\n\r\n"), {400}),
    "empty chunk size": (post_chunks(b"\r\nabc\r\n0\r\n\r\n"), {400}),
    "space before the chunk size": (post_chunks(b" 3\r\nabc\r\n0\r\n\r\n"), {400}),
    "chunk size beyond 64 bits": (post_chunks(b"10000000000000003\r\nabc\r\n0\r\n\r\n"), {400, 413}),
    "chunk longer than its size": (post_chunks(b"3\r\nabcd\r\n0\r\n\r\n"), {400}),
    "chunk without its end": (post_chunks(b"3\r\nabc0\r\n\r\n"), {400}),
    "LF behind the chunk size": (post_chunks(b"3\nabc\r\n0\r\n\r\n"), {400}),
    "LF behind the chunk": (post_chunks(b"3\r\nabc\n0\r\n\r\n"), {400}),
    "CR in a chunk extension": (post_chunks(b"3;a=b\rc\r\nabc\r\n0\r\n\r\n"), {400}),
    "LF in a chunk extension": (post_chunks(b"3;a\n\r\nabc\r\n0\r\n\r\n"), {400}),
    "NUL in a chunk extension": (post_chunks(b"3;a=\0\r\nabc\r\n0\r\n\r\n"), {400}),
    "endless chunk extension": (post_chunks(b"3;" + b"a" * 9000 + b"\r\nabc\r\n0\r\n\r\n"), {400, 431}),
    "folded trailer": (post_chunks(b"0\r\nX-A: b\r\n c\r\n\r\n"), {400}),
    "trailer with a space before its colon": (post_chunks(b"0\r\nX-A : b\r\n\r\n"), {400}),
    "trailer with a LF": (post_chunks(b"0\r\nX-A: b\n\r\n"), {400}),
    "trailers end with a LF": (post_chunks(b"0\r\n\n"), {400}),
    "too many trailers": (post_chunks(b"0\r\n" + b"X-A: b\r\n" * 200 + b"\r\n"), {400, 431}),
    "trailers too long": (post_chunks(b"0\r\nX-A: " + b"b" * 9000 + b"\r\n\r\n"), {400, 431}),
    # Limits.
    "too many fields": (get(*["X-A: b"] * 20), {431}),
    "field too long": (get("X-A: " + "b" * 5000), {431}),
    "head too long": (get(*["X-A: " + "b" * 300] * 15), {431}),
    "head that never ends": (b"GET /a.txt HTTP/1.1\r\nHost: x\r\nX-A: " + b"b" * 5000, {431}),
    "target too long": (head("GET /" + "a" * 1024 + " HTTP/1.1", "Host: x"), {414}),
    "target longer than the head may be": (head("GET /" + "a" * 20000 + " HTTP/1.1", "Host: x"), {414}),
    "target that never ends": (b"GET /" + b"a" * 20000, {414}),
    "query too long": (head("GET /?" + "a" * 1024 + " HTTP/1.1", "Host: x"), {414}),
    "chunks too long": (post_chunks(wire.chunked(b"a" * 1001, 100)), {413}),
    "one chunk too long": (post_chunks(b"40000000\r\n" + b"a" * 1001), {413}),
    # Others.
    "unknown expectation": (get("Expect: the-impossible"), {417}),
    "unknown expectation beside the known": (get("Expect: 100-continue, foo"), {417}),
}


@pytest.mark.parametrize("octets,statuses", REFUSED.values(), ids=list(REFUSED))
def test_refused_request_is_answered_once_and_the_connection_closed(messages, octets, statuses):
    with messages.client() as client:
        # Were the connection to go on, the request behind it would be answered too.
        client.send_gently(octets + request("/smuggled"))
        answer = client.response()
        assert answer.status in statuses, answer
        assert answer.get("Connection") == "close", answer
        assert len(answer.all("Date")) == 1, answer
        assert client.read_to_end() == b""


def test_nothing_behind_a_refused_request_reaches_the_log_and_the_server_goes_on(messages):
    for octets, _ in REFUSED.values():
        with messages.client() as client:
            client.send_gently(octets + request("/smuggled"))
            client.response()
            client.read_to_end()
    assert messages.fetch("/a.txt?the-end").status == 200
    log = messages.tmp / "access.log"
    wire.wait_until(lambda: "the-end" in log.read_text(), "the last line of the log")
    assert "smuggled" not in log.read_text()
    assert not re.search(r'" 500 ', log.read_text())


@pytest.mark.parametrize("octets,statuses", REFUSED.values(), ids=list(REFUSED))
def test_refused_request_is_refused_octet_by_octet_too(messages, octets, statuses):
    step = 1 if len(octets) < 500 else 97
    with messages.client() as client:
        for at in range(0, len(octets), step):
            client.send_gently(octets[at:at + step])
        client.send_gently(request("/smuggled"))
        answer = client.response()
        assert answer.status in statuses and answer.get("Connection") == "close", answer
        assert client.read_to_end() == b""


TAKEN = {
    "plain": (get(), 200),
    "no white space behind the colon": (head("GET /a.txt HTTP/1.1", "Host:localhost"), 200),
    "tabs around a value": (head("GET /a.txt HTTP/1.1", "Host:\t localhost \t"), 200),
    "field names in any case": (head("GET /a.txt HTTP/1.1", "hOST: localhost"), 200),
    "value above ASCII": (get("X-A: caf\xe9"), 200),
    "empty value": (get("X-A:"), 200),
    "empty line first": (b"\r\n" + get(), 200),
    "host with a port": (head("GET /a.txt HTTP/1.1", "Host: localhost:8080"), 200),
    "host with an empty port": (head("GET /a.txt HTTP/1.1", "Host: localhost:"), 200),
    "IPv6 host": (head("GET /a.txt HTTP/1.1", "Host: [::1]:80"), 200),
    "host with a final point": (head("GET /a.txt HTTP/1.1", "Host: localhost."), 200),
    "absolute form": (head("GET http://localhost/a.txt HTTP/1.1", "Host: localhost"), 200),
    "absolute form in capitals": (head("GET HTTP://LOCALHOST/a.txt HTTP/1.1", "Host: localhost"), 200),
    "absolute form without a path": (head("GET http://localhost HTTP/1.1", "Host: localhost"), 200),
    "absolute form with only a query": (head("GET http://localhost?a=b HTTP/1.1", "Host: localhost"), 200),
    "query": (head("GET /a.txt?x=/../&y=%zz?# HTTP/1.1".replace("#", ""), "Host: x"), 200),
    "HTTP/1.2": (head("GET /a.txt HTTP/1.2", "Host: localhost"), 200),
    "HTTP/1.9": (head("GET /a.txt HTTP/1.9", "Host: localhost"), 200),
    "length of nothing": (get("Content-Length: 0"), 200),
    "length with zeros before it": (post("Content-Length: 0003", body=b"abc"), 200),
    "body on GET": (get("Content-Length: 3") + b"abc", 200),
    "Chunked in capitals": (post("Transfer-Encoding: CHUNKED", body=b"0\r\n\r\n"), 200),
    "most fields": (get(*["X-A: b"] * 19), 200),
    "longest target": (head("GET /a.txt?" + "a" * 1017 + " HTTP/1.1", "Host: x"), 200),
    "longest body": (post("Content-Length: 1000", body=b"a" * 1000), 200),
    "longest body in chunks": (post_chunks(wire.chunked(b"a" * 1000, 100)), 200),
    "length too long": (post("Content-Length: 1001", body=b"a" * 1001), 413),
    "unknown method": (head("BREW /a.txt HTTP/1.1", "Host: x"), 501),
    "lower-case method": (head("get /a.txt HTTP/1.1", "Host: x"), 501),
    "TRACE": (head("TRACE /a.txt HTTP/1.1", "Host: x"), 405),
    "CONNECT": (head("CONNECT localhost:80 HTTP/1.1", "Host: localhost:80"), 405),
    "POST to a file": (head("POST /a.txt HTTP/1.1", "Host: x", "Content-Length: 3") + b"abc", 405),
    "OPTIONS of the server": (head("OPTIONS * HTTP/1.1", "Host: x"), 204),
    "unknown file": (head("GET /missing HTTP/1.1", "Host: x"), 404),
}


@pytest.mark.parametrize("octets,status", TAKEN.values(), ids=list(TAKEN))
def test_request_is_answered_with_its_status(messages, octets, status):
    with messages.client() as client:
        client.send(octets)
        answer = client.response()
        assert answer.status == status, answer
        assert len(answer.all("Date")) == 1 and wire.DATE.fullmatch(answer.get("Date")), answer
        if status in (405, 501):
            assert status == 501 or answer.get("Allow"), answer


@pytest.mark.parametrize("fill,status", [(0, 200), (1, 431)], ids=["fits", "one octet more"])
def test_head_bytes_counts_the_whole_head(messages, fill, status):
    octets = get("X-A: ")
    octets = get("X-A: " + "b" * (4096 - len(octets) + fill))
    assert len(octets) == 4096 + fill
    with messages.client() as client:
        client.send_gently(octets)
        assert client.response().status == status


@pytest.mark.parametrize("path", ["/a.txt", "/dir/../a.txt", "/./a.txt", "/dir/./../a.txt", "/../../a.txt", "//a.txt",
                                  "/%61.txt", "/a%2etxt", "/%2e%2e/a.txt", "/dir/%2E%2E/a.txt", "///dir//..//a.txt",
                                  "/.//a.txt", "/dir/%2e./a.txt", "http://localhost/dir/../a.txt"])
def test_dot_segments_and_escapes_are_resolved_once(messages, path):
    assert messages.fetch(path).body == b"the file a"


@pytest.mark.parametrize("path", ["/%2561.txt", "/dir/%252e%252e/a.txt", "/dir%2F..%2Fa.txt", "/dir%2f%2e%2e%2fa.txt",
                                  "/a.txt/", "/a.txt/x", "/a.txt%20", "/A.TXT", "/dir\\..\\a.txt", "/dir/index.html/"])
def test_path_that_names_no_file_is_not_found(messages, path):
    assert messages.fetch(path).status == 404


def test_options_of_the_server_names_methods(messages):
    with messages.client() as client:
        answer = client.request("*", "OPTIONS")
        assert answer.status in (200, 204) and "GET" in answer.get("Allow"), answer


def test_date_is_now_and_server_is_named(messages):
    answer = messages.fetch("/a.txt")
    assert abs(parsedate_to_datetime(answer.get("Date")).timestamp() - time.time()) < 5
    assert answer.get("Server") == "uvhttpd"


def test_server_field_can_be_changed_and_left_out(server, tmp_path):
    site(tmp_path, {"a.txt": "a"})
    for value, expected in [("thing/1", "thing/1"), ("", None)]:
        running = server(f'[server]\nserver_header = "{value}"\n[[site]]\nroot = "www"\n')
        assert running.fetch("/a.txt").get("Server") == expected
        running.stop()


@pytest.mark.parametrize("fields,status", [((), 200), (("Host: localhost",), 200), (("Host: a b",), 400)],
                         ids=["no Host", "Host", "bad Host"])
def test_http_1_0_needs_no_host(messages, fields, status):
    with messages.client() as client:
        client.send(head("GET /a.txt HTTP/1.0", *fields))
        assert client.response().status == status
        assert client.read_to_end() == b""


def test_error_pages_of_our_own_are_small_and_plain(messages):
    for octets in (get("X : b"), head("GET /missing HTTP/1.1", "Host: x")):
        with messages.client() as client:
            client.send(octets)
            answer = client.response()
            assert answer.get("Content-Type") == "text/html; charset=utf-8"
            assert 0 < len(answer.body) < 2048 and str(answer.status).encode() in answer.body
