# SPDX-License-Identifier: MIT
"""Tomcat behind the proxy, with the servlets, pages and WebSockets that come with it as examples."""
import os
import re

import pytest

import forms
import sockets
import wire

CONFIG = """
[server]
workers = 2
[limits]
body_bytes = "64MiB"
[[site]]
[[site.route]]
path = "/examples/*"
handler = "proxy"
upstream = ["http://{tomcat}"]
"""

SERVLETS = "/examples/servlets/servlet"


@pytest.fixture(scope="module")
def tomcat(programs, shared_server):
    address = programs.tomcat("tomcat", programs.port())
    return shared_server(CONFIG.format(tomcat="%s:%d" % address))


@pytest.fixture
def visitor(tomcat):
    return forms.Visitor(tomcat, "example.org")


@pytest.fixture
def url(tomcat):
    return lambda name: f"ws://127.0.0.1:{tomcat.port}/examples/websocket/{name}"


def test_a_servlet_answers(tomcat):
    answer = tomcat.fetch(f"{SERVLETS}/HelloWorldExample")
    assert answer.status == 200 and b"<h1>Hello World!</h1>" in answer.body
    assert answer.get("Content-Type").lower() == "text/html;charset=utf-8"


def test_a_servlet_sees_the_request_as_it_was_made(visitor):
    page = visitor.fetch(f"{SERVLETS}/RequestInfoExample/more/path?a=b").body.decode()
    assert "/examples/servlets/servlet/RequestInfoExample/more/path" in page and "HTTP/1.1" in page
    page = visitor.fetch(f"{SERVLETS}/RequestHeaderExample", fields=["Accept: text/html", "X-Own: 1"]).body.decode()
    fields = dict(re.findall(r"<td[^>]*>\s*([a-z-]+)\s*</td><td>\s*(.*?)\s*</td>", page.lower()))
    assert (fields["host"], fields["x-forwarded-for"], fields["x-own"]) == ("example.org", "127.0.0.1", "1")


def test_forms_reach_a_servlet(visitor):
    page = visitor.post(f"{SERVLETS}/RequestParamExample", {"firstname": "Ada", "lastname": "Love <lace>"}).body.decode()
    assert "Ada" in page and "Love &lt;lace&gt;" in page


def test_a_session_lives_in_its_cookie(visitor):
    visitor.fetch(f"{SERVLETS}/SessionExample")
    assert "JSESSIONID" in visitor.cookies
    visitor.post(f"{SERVLETS}/SessionExample", {"dataname": "bird", "datavalue": "coot"})
    assert "bird = coot" in visitor.fetch(f"{SERVLETS}/SessionExample").body.decode()
    stranger = forms.Visitor(visitor.server, "example.org")
    assert "bird = coot" not in stranger.fetch(f"{SERVLETS}/SessionExample").body.decode()


def test_a_page_keeps_a_cart(visitor):
    visitor.fetch("/examples/jsp/sessions/carts.jsp?itemId=0&submit=add")
    page = visitor.fetch("/examples/jsp/sessions/carts.jsp?itemId=3&submit=add").body.decode()
    assert sorted(re.findall(r"<li>\s*(.*?)\s*\n", page)) == ["Beavis &amp; Butt-head Video collection", "NIN CD"]


def test_files_have_validators_and_ranges(tomcat):
    page = tomcat.fetch("/examples/index.html")
    assert page.status == 200 and page.get("ETag")
    assert tomcat.fetch("/examples/index.html", fields=[f"If-None-Match: {page.get('ETag')}"]).status == 304
    part = tomcat.fetch("/examples/index.html", fields=["Range: bytes=10-19"])
    assert (part.status, part.body) == (206, page.body[10:20])


def test_redirections_stay_on_our_server(visitor):
    answer = visitor.fetch("/examples/servlets")
    assert answer.status == 302 and answer.get("Location") in ("/examples/servlets/", "http://example.org/examples/servlets/")


def test_an_asynchronous_servlet_answers_later(tomcat):
    assert b"Completed async request" in tomcat.fetch("/examples/async/async1").body
    assert tomcat.fetch("/examples/async/async0").body.startswith(b"Async dispatch worked")


def test_a_stream_of_prices_arrives_while_it_is_made(tomcat):
    """It has no end: what is seen of it is seen before it is complete."""
    with tomcat.client() as client:
        client.send(wire.request("/examples/async/stockticker"))
        client.read_until(b"\r\n\r\n")
        for _ in range(3):
            client.read_until(b"STOCK#")
            assert b"\r\n0\r\n" not in client.unread


def test_large_bodies_are_counted_without_blocking(tomcat):
    body = os.urandom(20 << 20)
    assert str(len(body)).encode() in tomcat.fetch("/examples/servlets/nonblocking/bytecounter", method="POST", body=body).body
    with tomcat.client() as client:
        client.send(wire.request("/examples/servlets/nonblocking/bytecounter", "POST", ["Transfer-Encoding: chunked"]) +
                    wire.chunked(body[:1 << 20], 3000))
        assert b"1048576" in client.response("POST").body


def test_errors_are_tomcats(tomcat):
    answer = tomcat.fetch("/examples/no/such/page")
    assert answer.status == 404 and b"HTTP Status 404" in answer.body


@pytest.mark.parametrize("name", ["echoAnnotation", "echoProgrammatic"])
def test_websockets_echo(url, name):
    messages = ["hello", "grün", b"", bytes(range(256)), "x" * 8000, os.urandom(8000)]
    for compression in (None, "deflate"):
        sockets.run(sockets.echoes(url(name), messages, compression=compression))


def test_a_websocket_message_of_a_megabyte_comes_back(url):
    sockets.run(sockets.echoes(url("echoStreamAnnotation"), ["0123456789abcdef" * (1 << 16), os.urandom(1 << 20)]))


def test_websocket_pings_and_codes_are_passed_on(url):
    sockets.run(sockets.is_answered_to_pings(url("echoAnnotation")))
    assert sockets.run(sockets.closing(url("echoAnnotation"), code=4002, reason="enough"))[0] == 4002
    sockets.run(sockets.echoes_at_once(url("echoAnnotation"), 10, 20))


def test_a_handshake_for_nothing_is_a_404(url):
    assert sockets.run(sockets.refused(url("no-such"))) == 404
