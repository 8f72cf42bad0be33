# SPDX-License-Identifier: MIT
"""Which site and which route answers, with which methods, header fields, redirects and error pages."""
import re

import pytest

import wire
from sites import ECHO, replace, site

HOSTS = """
[[site]]
hosts = ["example.org", "www.example.org"]
root = "exact"
[[site]]
hosts = ["*.example.org"]
root = "wildcard"
[[site]]
hosts = ["*.deep.example.org"]
root = "deep"
[[site]]
hosts = ["127.0.0.1", "[::1]"]
root = "literal"
"""
DEFAULT = '[[site]]\nroot = "default"\n'

NAMES = {
    "exact": ("example.org", "exact"), "another name": ("www.example.org", "exact"), "in capitals": ("EXAMPLE.org", "exact"),
    "with a port": ("example.org:8080", "exact"), "with a final point": ("example.org.", "exact"),
    "both": ("Example.Org.:80", "exact"), "wildcard": ("a.example.org", "wildcard"), "wildcard of two labels": ("b.a.example.org", "wildcard"),
    "longer wildcard": ("a.deep.example.org", "deep"), "below the longer wildcard": ("b.a.deep.example.org", "deep"),
    "name of the longer wildcard itself": ("deep.example.org", "wildcard"), "address": ("127.0.0.1:80", "literal"),
    "IPv6 address": ("[::1]:80", "literal"), "unknown": ("example.net", None), "only the end agrees": ("badexample.org", None),
}


def make_sites(tmp):
    for name in ("exact", "wildcard", "deep", "literal", "default"):
        site(tmp, {"index.html": name}, name)


@pytest.fixture(scope="module")
def named(shared_server, tmp_path_factory):
    tmp = tmp_path_factory.mktemp("named")
    make_sites(tmp)
    return shared_server(HOSTS, tmp=tmp)


@pytest.fixture(scope="module")
def with_default(shared_server, tmp_path_factory):
    tmp = tmp_path_factory.mktemp("with_default")
    make_sites(tmp)
    return shared_server(HOSTS + DEFAULT, tmp=tmp)


@pytest.mark.parametrize("host,name", NAMES.values(), ids=list(NAMES))
def test_site_is_found_by_host(named, with_default, host, name):
    answer = named.fetch("/", host=host)
    if name:
        assert (answer.status, answer.body.decode()) == (200, name)
    else:
        assert answer.status == 421 and answer.body and answer.get("Date")
    answer = with_default.fetch("/", host=host)
    assert answer.body.decode() == (name or "default")


def test_authority_of_the_target_beats_host(named):
    assert named.fetch("http://a.example.org/", host="example.org").body == b"wildcard"
    assert named.fetch("http://EXAMPLE.ORG:80/", host="a.example.org").body == b"exact"
    assert named.fetch("https://example.net/", host="example.org").status == 421


def test_unknown_host_is_misdirected_and_the_connection_goes_on(named):
    with named.client() as client:
        assert client.request("/", host="example.net").status == 421
        assert client.request("/", host="example.org").body == b"exact"


def test_http_1_0_without_host_goes_to_the_default_site(named, with_default):
    for running, status in ((named, 421), (with_default, 200)):
        with running.client() as client:
            assert client.request("/", host=None, version="HTTP/1.0").status == status


ROUTES = """
[[site]]
root = "www"
headers = { "X-Site" = "site", "X-Both" = "of the site", "X-Content-Type-Options" = "nosniff" }
error_pages = { 404 = "/404.html", 405 = "/405.txt", "5xx" = "/50x.html" }

[[site.route]]
path = "/exact"
handler = "respond"
body = "exact"

[[site.route]]
path = "/docs/special/*"
handler = "respond"
body = "special"

[[site.route]]
path = "/docs/*"
handler = "static"
root = "manual"
headers = { "X-Both" = "of the route", "X-Route" = "route" }

[[site.route]]
path = "/api/*"
methods = ["POST", "DELETE"]
handler = "respond"
body = "changed"

[[site.route]]
path = "/api/*"
methods = ["GET"]
handler = "respond"
body = "read"
type = "application/json"

[[site.route]]
path = "/only-get"
methods = ["GET"]
handler = "respond"
body = "got"

[[site.route]]
path = "*.test"
handler = "respond"
body = "extension"

[[site.route]]
path = "/sub/*.txt"
handler = "respond"
body = "text below sub"

[[site.route]]
path = "/old/*"
handler = "redirect"
to = "/new/{path}"

[[site.route]]
path = "/shop/*"
handler = "redirect"
to = "{scheme}://shop.example/{host}/{path}?from=old&{query}"
status = 308

[[site.route]]
path = "/noquery"
handler = "redirect"
to = "/there?fixed=1"
status = 302

[[site.route]]
path = "/other/*"
handler = "redirect"
to = "https://other.example"
status = 307

[[site.route]]
path = "/teapot"
handler = "respond"
status = 418
body = "short and stout\\n"

[[site.route]]
path = "/empty"
handler = "respond"
status = 204

[[site.route]]
path = "/failed"
handler = "cgi"
program = "broken"

[[site.route]]
path = "/cgi-bin/*"
handler = "cgi"
root = "cgi-bin"
headers = { "Cache-Control" = "no-store" }

[[site.route]]
path = "/quiet"
handler = "respond"
body = "not in the log"
access_log = false
"""


@pytest.fixture(scope="module")
def routed(shared_server, shared_tmp):
    site(shared_tmp, {"index.html": "index", "a.txt": "file", "exact/a.txt": "not this", "404.html": "<p>our own 404</p>",
                      "405.txt": "our own 405", "50x.html": "our own 5xx", "b.test": "not this", "api/file": "not this"})
    site(shared_tmp, {"index.html": "the manual", "a.html": "page a", "special/a.html": "not this"}, "manual")
    site(shared_tmp, {"echo": ECHO}, "cgi-bin")
    broken = shared_tmp / "broken"
    broken.write_text("#!/bin/sh\necho no head\n")
    broken.chmod(0o755)
    return shared_server(ROUTES)


CHOICES = {
    "exact path": ("GET", "/exact", 200, b"exact"),
    "exact path and no more": ("GET", "/exact/a.txt", 200, b"not this"),
    "exact path with a query": ("GET", "/exact?a=b", 200, b"exact"),
    "exact path after dot segments": ("GET", "/x/../exact", 200, b"exact"),
    "exact path escaped": ("GET", "/%65xact", 200, b"exact"),
    "earlier route": ("GET", "/docs/special/a.html", 200, b"special"),
    "prefix without its slash": ("GET", "/docs/special", 200, b"special"),
    "own root stands for the star": ("GET", "/docs/a.html", 200, b"page a"),
    "index of the own root": ("GET", "/docs/", 200, b"the manual"),
    "no file in the own root": ("GET", "/docs/a.txt", 404, b"<p>our own 404</p>"),
    "prefix is of segments": ("GET", "/docsx/a.html", 404, b"<p>our own 404</p>"),
    "first of two by method": ("POST", "/api/x", 200, b"changed"),
    "second of two by method": ("GET", "/api/x", 200, b"read"),
    "HEAD goes with GET": ("HEAD", "/api/x", 200, b""),
    "extension": ("GET", "/b.test", 200, b"extension"),
    "extension anywhere": ("GET", "/x/y/z.test", 200, b"extension"),
    "extension below a prefix": ("GET", "/sub/x/y.txt", 200, b"text below sub"),
    "prefix with another extension": ("GET", "/sub/x/y.html", 404, b"<p>our own 404</p>"),
    "no route: below the root of the site": ("GET", "/a.txt", 200, b"file"),
    "any status": ("GET", "/teapot", 418, b"short and stout\n"),
    "empty answer": ("GET", "/empty", 204, b""),
}


@pytest.mark.parametrize("method,target,status,body", CHOICES.values(), ids=list(CHOICES))
def test_first_route_that_takes_path_and_method_answers(routed, method, target, status, body):
    answer = routed.fetch(target, method=method)
    assert (answer.status, answer.body) == (status, body)


def test_prefix_route_of_files_is_redirected_to_its_slash(routed):
    answer = routed.fetch("/docs?x=1")
    assert (answer.status, answer.get("Location")) == (301, "/docs/?x=1")


ALLOWED = {
    "file": ("/a.txt", {"GET", "HEAD", "OPTIONS"}),
    "two routes together": ("/api/x", {"GET", "HEAD", "POST", "DELETE", "OPTIONS"}),
    "methods of the route": ("/only-get", {"GET", "HEAD", "OPTIONS"}),
}


@pytest.mark.parametrize("target,methods", ALLOWED.values(), ids=list(ALLOWED))
def test_method_that_a_resource_does_not_take_is_refused_with_those_it_takes(routed, target, methods):
    for method in ("PUT", "PATCH"):
        answer = routed.fetch(target, method=method, body=b"x")
        assert answer.status == 405 and answer.body == b"our own 405"
        assert set(answer.get("Allow").split(", ")) >= methods - {"OPTIONS"}
        assert method not in answer.get("Allow")
    answer = routed.fetch(target, method="OPTIONS")
    assert answer.status in (200, 204) and set(answer.get("Allow").split(", ")) == methods


def test_trace_and_connect_are_refused(routed):
    answer = routed.fetch("/a.txt", method="TRACE", fields=["Cookie: secret"])
    assert answer.status == 405 and b"secret" not in answer.body and "TRACE" not in answer.get("Allow")
    with routed.client() as client:
        answer = client.request("localhost:80", "CONNECT")
        assert answer.status == 405 and answer.get("Allow") is not None


REDIRECTS = {
    "path": ("/old/a/b.html", 301, "/new/a/b.html"),
    "query is kept": ("/old/a?x=1&y=%20", 301, "/new/a?x=1&y=%20"),
    "path is encoded again": ("/old/a%20b%3Fc%25", 301, "/new/a%20b%3Fc%25"),
    "line end in the path": ("/old/a%0d%0aSet-Cookie:x=1", 301, "/new/a%0D%0ASet-Cookie:x=1"),
    "nothing matched": ("/old", 301, "/new/"),
    "slash only": ("/old/", 301, "/new/"),
    "slashes are collapsed": ("/old//evil.example/", 301, "/new/evil.example/"),
    "all placeholders": ("/shop/a?b=c", 308, "http://shop.example/localhost/a?from=old&b=c"),
    "query of its own": ("/noquery?a=b", 302, "/there?fixed=1"),
    "another host": ("/other/x", 307, "https://other.example"),
}


@pytest.mark.parametrize("target,status,location", REDIRECTS.values(), ids=list(REDIRECTS))
def test_redirect_fills_its_placeholders(routed, target, status, location):
    answer = routed.fetch(target)
    assert (answer.status, answer.get("Location")) == (status, location)


def test_redirect_cannot_be_made_to_lead_to_another_host(server, tmp_path):
    running = server('[[site]]\n[[site.route]]\npath = "/go/*"\nhandler = "redirect"\nto = "/{path}"\n')
    for target in ("/go//evil.example", "/go/%2fevil.example", "/go/%5cevil.example", "/go/\\evil.example", "/go///evil.example",
                   "/go/%2f%2fevil.example", "/go/.//evil.example", "/go/%09/evil.example"):
        location = running.fetch(target).get("Location")
        assert location is None or re.match(r"/(?![/\\])", location), (target, location)


def test_respond_has_its_type_and_length(routed):
    answer = routed.fetch("/api/x")
    assert (answer.get("Content-Type"), answer.get("Content-Length")) == ("application/json", "4")
    assert routed.fetch("/exact").get("Content-Type") == "text/plain; charset=utf-8"


@pytest.mark.parametrize("target", ["/a.txt", "/missing", "/exact", "/old/a", "/teapot", "/cgi-bin/echo", "/failed", "/empty"])
def test_fields_of_the_site_are_sent_with_every_answer(routed, target):
    answer = routed.fetch(target)
    assert answer.all("X-Site") == ["site"] and answer.all("X-Content-Type-Options") == ["nosniff"]


def test_fields_of_site_and_route_are_merged_and_the_route_wins(routed):
    for answer in (routed.fetch("/docs/a.html"), routed.fetch("/docs/missing"), routed.fetch("/docs/a.html", fields=["If-None-Match: *"]),
                   routed.fetch("/docs/a.html", fields=["Range: bytes=0-0"]), routed.fetch("/docs")):
        assert answer.all("X-Site") == ["site"] and answer.all("X-Route") == ["route"] and answer.all("X-Both") == ["of the route"]
    assert routed.fetch("/a.txt").all("X-Both") == ["of the site"]


def test_field_of_a_route_replaces_that_of_its_handler(server, tmp_path):
    site(tmp_path, {"a.txt": "a"})
    running = server('[[site]]\nroot = "www"\nheaders = { "cache-control" = "no-store" }\ncache_control = { "*.txt" = "public" }\n')
    assert running.fetch("/a.txt").all("Cache-Control") == ["no-store"]


def test_error_pages_replace_ours_and_keep_the_status(routed):
    answer = routed.fetch("/missing")
    assert (answer.status, answer.body, answer.get("Content-Type")) == (404, b"<p>our own 404</p>", "text/html; charset=utf-8")
    answer = routed.fetch("/a.txt", method="DELETE")
    assert (answer.status, answer.get("Content-Type")) == (405, "text/plain; charset=utf-8")
    answer = routed.fetch("/failed")
    assert (answer.status, answer.body) == (502, b"our own 5xx")
    head = routed.fetch("/missing", method="HEAD")
    assert (head.status, head.get("Content-Length")) == (404, "18")


def test_error_page_that_vanishes_or_changes_is_no_error_itself(server, tmp_path):
    root = site(tmp_path, {"404.html": "one", "403.html": "x"})
    running = server('[cache]\nrevalidate = 0\n[[site]]\nroot = "www"\nerror_pages = { "4xx" = "/404.html" }\n')
    assert running.fetch("/missing").body == b"one"
    replace(root / "404.html", "another")
    wire.wait_until(lambda: running.fetch("/missing").body == b"another")
    (root / "404.html").unlink()
    answer = wire.wait_until(lambda: (lambda got: got if got.body != b"another" else None)(running.fetch("/missing")))
    assert answer.status == 404 and b"404" in answer.body


def test_route_may_stay_out_of_the_log(routed):
    assert routed.fetch("/quiet").body == b"not in the log"
    assert routed.fetch("/exact?loud").body == b"exact"
    wire.wait_until(lambda: "/exact?loud" in routed.stdout_text())
    assert "/quiet" not in routed.stdout_text()
