# SPDX-License-Identifier: MIT
"""The reverse proxy: prefixes that are stripped or put in front, and what upstreams say of their own addresses."""
import posixpath
import urllib.parse

import pytest

import upstreams
from upstreams import answer, route


def behave(asked):
    """Says the field that the client has sent as X-Say, or mirrors the request."""
    say = asked.get("X-Say")
    return answer(b"", "302 Found", [say.replace("{host}", asked.get("Host"))]) if say else upstreams.mirror(asked)


REWRITE = "rewrite_redirects = true\nrewrite_cookies = true"


@pytest.fixture(scope="module")
def running(shared_server, shared_upstream):
    up = shared_upstream(upstreams.serving(behave))
    server = shared_server("[server]\nworkers = 1\n[[site]]\n" +
                           route(up, "strip_prefix = true", "/app/*") +
                           route(up, 'strip_prefix = "/one"', "/one/two/*") +
                           route(up.url + "/base", "strip_prefix = true", "/deep/*") +
                           route(up.url + "/base/", "strip_prefix = true", "/slash/*") +
                           route(up.url + "/b%20s", "strip_prefix = true", "/coded/*") +
                           route(up.url + "/base", "", "/kept/*") +
                           route(up.url + "/base", "strip_prefix = true\n" + REWRITE, "/shop/*") +
                           route(up, REWRITE, "/same/*") +
                           route(up, 'strip_prefix = "/other/app"', "/other/*"))
    server.upstream = up
    return server


def asked_for(running, target):
    with running.client() as client:
        answered = client.request(target)
    return upstreams.Request(answered.body) if answered.status == 200 else answered.status


@pytest.mark.parametrize("target, want", [
    ("/app/a", "/a"), ("/app/", "/"), ("/app", "/"), ("/app?x=/app", "/?x=/app"), ("/app/?", "/?"), ("/app/app/a", "/app/a"),
    ("/app/a%2Fb", "/a%2Fb"), ("/app//a", "//a"), ("/app/%C3%A4%20", "/%C3%A4%20"), ("/app/a?b=%2F..", "/a?b=%2F.."),
    ("/%61pp/a", "/a"), ("/a%70%70/a%20b", "/a%20b"), ("/one/two/a", "/two/a"), ("/one/two", "/two"),
    ("/deep/a", "/base/a"), ("/deep", "/base/"), ("/deep/", "/base/"), ("/slash/a", "/base/a"), ("/slash/", "/base/"),
    ("/coded/a", "/b%20s/a"), ("/kept/a", "/base/kept/a"), ("/kept/a%2fb?c", "/base/kept/a%2fb?c"), ("/kept", "/base/kept"),
    ("/other/a%2Fb", "/other/a%2Fb"), ("/other//b", "/other//b"), ("/other/a;b", "/other/a;b"), ("/other/ap%70/a", "/a"),
    ("/x/../app/a", "/a"), ("/app/b/../a", "/a"), ("/app/./a", "/a"), ("/x/%2e%2E/app/a%20b", "/a%20b")])
def test_prefix_is_stripped(running, target, want):
    assert asked_for(running, target).target == want


def test_stripped_prefix_is_told(running):
    assert asked_for(running, "/app/a").all("X-Forwarded-Prefix") == ["/app"]
    assert asked_for(running, "/one/two/a").all("X-Forwarded-Prefix") == ["/one"]


@pytest.mark.parametrize("target, status", [
    ("/staff/a", 401), ("/staff;v=1/a", 400), ("/staff;/a", 400), ("/;/staff/a", 400), ("/;a=b/staff/a", 400), ("/%73taff;x/a", 400),
    ("/x/..;/staff/a", 400), ("/staff/a;v=1", 401), ("/staff/a;v=1/b", 401), ("/app;x/a", 400),
    ("/b/a.css;jsessionid=1", 200), ("/staff/a.css;v=1", 400), ("/b/a.txt;jsessionid=1", 400),
    ("/a;v=1", 200), ("/a;v=1/b;w=2?staff;x/a", 200), ("/a/b;jsessionid=1/", 200), ("/;a", 200), ("/st;aff/a", 200), ("/staff%3Bx/a", 200)])
def test_parameters_of_a_path_do_not_lead_around_another_route(server, upstream, tmp_path, target, status):
    up = upstream(upstreams.serving(upstreams.mirror))
    (tmp_path / "users").write_text("")
    own = '[[site.route]]\npath = "/app/*"\nhandler = "respond"\nbody = "own"\n'
    (tmp_path / "www").mkdir()
    for name, keys in ("*.css", ""), ("*.txt", 'deny = ["127.0.0.0/8"]\n'):
        own += f'[[site.route]]\npath = "{name}"\nhandler = "static"\nroot = "www"\n{keys}'
    running = server("[[site]]\n" + own + route(up, 'auth = { users = "users" }', "/staff/*") + route(up))
    answered = running.fetch(target)
    assert answered.status == status
    if status == 200:
        assert upstreams.Request(answered.body).target == target


def resolved(path):
    """The worst that an upstream can make of a path: decoded first, then resolved."""
    return posixpath.normpath(urllib.parse.unquote(path.partition("?")[0]).replace("\\", "/"))


@pytest.mark.parametrize("target", [
    "/deep/../secret", "/deep/%2e%2e/secret", "/deep/.%2E/secret", "/deep/..%2fsecret", "/deep/..%2Fdeep/secret",
    "/deep/x/../../secret", "/deep/x/../../deep/secret", "/deep/x%2f..%2f..%2fdeep/secret", "/deep/%2e%2e%2fdeep%2fsecret",
    "/deep//../../deep/secret", "/x/..%2fdeep/secret", "/x%2f../deep/a", "/deep/..",
    "/deep/x/..%2f..%2fdeep%2f..%2fdeep/a", "/deep/%2e%2e%2f%2e%2e%2fdeep/a",
    "/deep/../deep/../deep/a", "/deep/a/..;/../../deep/b", "/deep/..;/secret", "/deep/%252e%252e/secret"])
def test_no_path_leads_out_of_the_base(running, target):
    asked = asked_for(running, target)
    if not isinstance(asked, int):
        assert asked.target.startswith("/base") and (resolved(asked.target) + "/").startswith("/base/"), asked.target


def said(running, target, say, name):
    fields = [("X-Say", say.replace("{port}", str(running.upstream.address[1])))]
    with running.client() as client:
        return client.request(target, fields=fields, host="site.example:81").get(name)


@pytest.mark.parametrize("location, want", [
    ("http://127.0.0.1:{port}/base/x", "/shop/x"), ("http://127.0.0.1:{port}/base/x?a=/base#f", "/shop/x?a=/base#f"),
    ("http://site.example:81/base/x", "/shop/x"), ("/base/x", "/shop/x"), ("/base", "/shop"), ("/base/", "/shop/"),
    ("x", "x"), ("?a", "?a"), ("../x", "../x")])
def test_redirect_to_the_upstream_leads_here(running, location, want):
    found = said(running, "/shop/a/b", "Location: " + location, "Location")
    here = "http://site.example:81/shop/a/b"
    assert urllib.parse.urljoin(here, found) == urllib.parse.urljoin(here, want)


@pytest.mark.parametrize("location", ["http://127.0.0.1:1/base/x", "http://other.example/base/x", "//other.example/base/x",
                                      "/elsewhere", "/basement/x", "https://127.0.0.1:{port}.example/base/x", "mailto:a@b.example",
                                      "http://127.0.0.1:{port}@other.example/base/x"])
def test_redirect_elsewhere_stays(running, location):
    found = said(running, "/shop/a", "Location: " + location, "Location")
    assert found == location.replace("{port}", str(running.upstream.address[1]))


@pytest.mark.parametrize("location", ["http://127.0.0.1:{port}/base//other.example/", "/base//other.example/"])
def test_redirect_never_leads_to_a_server_that_was_not_named(running, location):
    found = said(running, "/shop/a", "Location: " + location, "Location")
    host = urllib.parse.urlsplit(urllib.parse.urljoin("http://site.example:81/shop/a", found)).hostname
    assert host in ("site.example", "127.0.0.1")


def test_redirects_and_cookies_stay_unless_asked(running):
    assert said(running, "/deep/a", "Location: /base/x", "Location") == "/base/x"
    cookie = "a=b; Path=/base/; Domain=127.0.0.1"
    assert said(running, "/deep/a", "Set-Cookie: " + cookie, "Set-Cookie") == cookie


@pytest.mark.parametrize("cookie, want", [
    ("a=b; Path=/base", "a=b; Path=/shop"), ("a=b; Path=/base/x; HttpOnly", "a=b; Path=/shop/x; HttpOnly"),
    ("a=b; path=/base/", "a=b; path=/shop"), ("a=b; Path=/other", "a=b; Path=/other"), ("a=b", "a=b"),
    ("a=b; Path=/basement", "a=b; Path=/basement"),
    ("a=\"/base\"; Secure", "a=\"/base\"; Secure"),
    ("a=b; Domain=other.example; Path=/base", "a=b; Domain=other.example; Path=/shop"),
    ("__Host-a=b; Path=/; Secure", "__Host-a=b; Path=/; Secure"),
    ("a=b; Domain=127.0.0.1; Secure", "a=b; Secure"), ("a=b; SameSite=Lax; Max-Age=5", "a=b; SameSite=Lax; Max-Age=5")])
def test_cookies_of_the_upstream_are_ours(running, cookie, want):
    assert said(running, "/shop/a", "Set-Cookie: " + cookie, "Set-Cookie") == want


def test_without_prefix_and_base_only_the_server_is_replaced(running):
    found = said(running, "/same/a", "Location: http://127.0.0.1:{port}/x", "Location")
    assert urllib.parse.urljoin("http://site.example:81/same/a", found) == "http://site.example:81/x"
    assert said(running, "/same/a", "Set-Cookie: a=b; Path=/x", "Set-Cookie") == "a=b; Path=/x"
