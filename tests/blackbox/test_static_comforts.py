# SPDX-License-Identifier: MIT
"""What makes a site comfortable: fallback, listings, clean addresses, pages for errors, fields by path, placeholders, other origins, the guard
over sources, and tests in the configuration."""
import gzip
import html.parser
import json
import os
import re
import threading
import urllib.parse

import pytest

from sites import VARIABLES, put, site, without_override

MTIME = 1_700_000_000  # 2023-11-14 22:13:20
SITE = '[[site]]\nroot = "www"\n'
BROWSER = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
BROKEN = "#!/bin/sh\necho no head\n"


def route(path, handler, *lines):
    return "\n".join(["[[site.route]]", f'path = "{path}"', f'handler = "{handler}"', *lines, ""])


def without_date(answer):
    return [(name, value) for name, value in answer.fields if name != "Date"]


def list_of(answer, name):
    """The members of a field that is a list."""
    return {member.strip() for member in (answer.get(name) or "").split(",")} - {""}


@pytest.fixture
def check(uvhttpd, tmp_path):
    """check(text, *arguments) of a file with that text in tmp_path."""
    def run(text, *arguments):
        return uvhttpd("check", "-c", put(tmp_path / "uvhttpd.toml", text), *arguments)
    return run


# fallback

@pytest.fixture(scope="module")
def app(shared_server, tmp_path_factory):
    tmp = tmp_path_factory.mktemp("app")
    site(tmp, {"index.html": "the app", "app.js": "run()", "bare/a.txt": "a", ".env": "secret", "page.html~": "secret"})
    return shared_server(f'{SITE}fallback = "/index.html"\n', tmp=tmp)


# (target, Accept, status, body, whether the answer depends on Accept)
FALLBACK = {
    "deep link": ("/users/7", None, 200, b"the app", False),
    "deep link of a browser": ("/users/7", BROWSER, 200, b"the app", False),
    "deep link with a slash": ("/users/", None, 200, b"the app", False),
    "deep link below a file": ("/app.js/more", None, 200, b"the app", False),
    "deep link with a dot": ("/users/jane.doe", None, 200, b"the app", False),
    "missing page": ("/missing.html", None, 200, b"the app", False),
    "directory without an index": ("/bare/", None, 200, b"the app", False),
    "query that names a script": ("/users/7?next=/app.js", None, 200, b"the app", False),
    "file": ("/app.js", None, 200, b"run()", False),
    "missing script": ("/missing.js", "Accept: */*", 404, None, True),
    "missing script with a query": ("/missing.js?v=/users", None, 404, None, True),
    "missing picture": ("/img/logo.png", "Accept: image/avif,image/webp,*/*", 404, None, True),
    "missing script that somebody follows": ("/missing.js", BROWSER, 200, b"the app", True),
    "hidden file": ("/.env", BROWSER, 404, None, False),
    "hidden file that is missing": ("/users/.git/config", BROWSER, 404, None, False),
    "backup": ("/page.html~", BROWSER, 404, None, False),
}


@pytest.mark.parametrize("target,accept,status,body,varies", FALLBACK.values(), ids=list(FALLBACK))
def test_fallback_answers_addresses_of_pages_and_of_nothing_else(app, target, accept, status, body, varies):
    answer = app.fetch(target, fields=[accept] if accept else [])
    assert answer.status == status and (b"secret" not in answer.body if body is None else answer.body == body)
    assert ("Accept" in list_of(answer, "Vary")) == varies
    if body == b"the app":
        assert answer.get("Content-Type") == "text/html; charset=utf-8"


@pytest.mark.parametrize("target", ["/users/7", "/missing.js", "/app.js"])
def test_fallback_has_head_and_conditions_of_its_file(app, target):
    get, head = (app.fetch(target, method=method, fields=[BROWSER]) for method in ("GET", "HEAD"))
    assert (head.status, without_date(head), head.body) == (200, without_date(get), b"")
    again = app.fetch(target, fields=[BROWSER, f"If-None-Match: {get.get('ETag')}"])
    assert (again.status, again.get("ETag"), again.get("Vary")) == (304, get.get("ETag"), get.get("Vary"))
    if target != "/app.js":
        assert get.get("ETag") == app.fetch("/index.html").get("ETag")


def test_fallback_takes_no_other_methods(app):
    answer = app.fetch("/users/7", method="POST", body=b"x")
    assert answer.status == 405 and list_of(answer, "Allow") == {"GET", "HEAD", "OPTIONS"}


# serve --listing, serve --fallback

def test_serve_lists_directories_when_told_to(server, tmp_path):
    site(tmp_path, {"bare/a.txt": "a"})
    running = server(arguments=["serve", "www", "-p", "0"])
    assert running.fetch("/bare/").status == 404
    running.stop()
    answer = server(arguments=["serve", "www", "-p", "0", "--listing"]).fetch("/bare/")
    assert answer.status == 200 and [row.name for row in Page(answer.body).rows] == ["a.txt"]


@pytest.mark.parametrize("name", ["app.html", "/app.html"])
def test_serve_has_a_fallback_when_told_to(server, tmp_path, name):
    site(tmp_path, {"app.html": "the app"})
    running = server(arguments=["serve", "www", "-p", "0", "--fallback", name])
    assert running.fetch("/users/7").body == b"the app" and running.fetch("/missing.js").status == 404


def test_serve_refuses_a_fallback_that_is_missing(uvhttpd, tmp_path):
    site(tmp_path)
    result = uvhttpd("serve", "www", "-p", "0", "--fallback", "app.html", cwd=tmp_path)
    assert result.returncode == 2 and "app.html" in result.stderr and "No such file" in result.stderr


# clean_urls

@pytest.fixture(scope="module")
def clean(shared_server, tmp_path_factory):
    tmp = tmp_path_factory.mktemp("clean")
    site(tmp, {"about.html": "about", "docs.html": "page docs", "docs/index.html": "index of docs", "both": "file both",
               "both.html": "page both", "only/a.html": "a", ".secret.html": "secret", "a b.html": "spaces", "line\nend.html": "line",
               "dir.html/index.html": "directory"})
    site(tmp, {"start.html": "start"}, "manual")
    return shared_server(f'{SITE}clean_urls = true\n' + route("/manual/*", "static", 'root = "manual"') +
                         route("/plain/*", "static", 'root = "www"\nclean_urls = false'), tmp=tmp)


# (target, status, body, Content-Location)
CLEAN = {
    "page": ("/about", 200, b"about", "/about.html"),
    "page with a query": ("/about?x=1", 200, b"about", "/about.html"),
    "page by its own name": ("/about.html", 200, b"about", None),
    "page below a directory": ("/only/a", 200, b"a", "/only/a.html"),
    "page before a directory": ("/docs", 200, b"page docs", "/docs.html"),
    "directory by its slash": ("/docs/", 200, b"index of docs", None),
    "file before a page": ("/both", 200, b"file both", None),
    "page with a slash": ("/about/", 404, None, None),
    "directory that ends like a page": ("/dir", 404, None, None),
    "directory without a page": ("/only", 301, None, None),
    "hidden page": ("/.secret", 404, None, None),
    "space": ("/a%20b", 200, b"spaces", "/a%20b.html"),
    "line end": ("/line%0aend", 200, b"line", "/line%0Aend.html"),
    "route with a root of its own": ("/manual/start", 200, b"start", "/manual/start.html"),
    "route that does without": ("/plain/about", 404, None, None),
}


@pytest.mark.parametrize("target,status,body,location", CLEAN.values(), ids=list(CLEAN))
def test_clean_address_stands_for_its_page_and_names_it(clean, target, status, body, location):
    answer = clean.fetch(target)
    assert (answer.status, answer.get("Content-Location")) == (status, location)
    assert body is None or answer.body == body
    if status == 200:
        head = clean.fetch(target, method="HEAD")
        assert without_date(head) == without_date(answer)
        # RFC 9110 section 15.4.5: 304 has the Content-Location of the 200.
        again = clean.fetch(target, fields=[f"If-None-Match: {answer.get('ETag')}"])
        assert (again.status, again.get("Content-Location")) == (304, location)


def test_page_needs_its_ending_where_the_site_does_not_say_otherwise(server, tmp_path):
    site(tmp_path, {"about.html": "about"})
    assert server(SITE).fetch("/about").status == 404


# error_pages

ERRORS = f"""
[types]
".err" = "text/x-err"
{SITE}
body_bytes = 10
error_pages = {{ 404 = "/lost.html", "4xx" = "/refused.err", 503 = "/busy.json", "5xx" = "/broken.txt" }}
{route("/fails", "cgi", 'program = "broken"')}
{route("/own", "cgi", 'program = "own"')}
{route("/teapot", "respond", 'status = 418', 'body = "short"')}
"""


@pytest.fixture
def erring(server, tmp_path):
    site(tmp_path, {"lost.html": "our lost", "refused.err": "our refused", "broken.txt": "our broken", "busy.json": "{}", "a.txt": "0123456789"})
    put(tmp_path / "broken", BROKEN)
    put(tmp_path / "own", "#!/bin/sh\nprintf 'Status: 404\\r\\nContent-Type: text/plain\\r\\n\\r\\nthe program says'\n")
    return server("[cache]\nrevalidate = 0\n" + ERRORS)


# (method, target, fields, status, type, body)
ERROR_PAGES = {
    "exact before class": ("GET", "/missing", [], 404, "text/html; charset=utf-8", b"our lost"),
    "method": ("DELETE", "/a.txt", [], 405, "text/x-err; charset=utf-8", b"our refused"),
    "condition": ("GET", "/a.txt", ['If-Match: "x"'], 412, "text/x-err; charset=utf-8", b"our refused"),
    "body too large": ("POST", "/own", [], 413, "text/x-err; charset=utf-8", b"our refused"),
    "range": ("GET", "/a.txt", ["Range: bytes=100-"], 416, "text/x-err; charset=utf-8", b"our refused"),
    "program that fails": ("GET", "/fails", [], 502, "text/plain; charset=utf-8", b"our broken"),
    "answer of a program": ("GET", "/own", [], 404, "text/plain", b"the program says"),
    "answer of the configuration": ("GET", "/teapot", [], 418, "text/plain; charset=utf-8", b"short"),
}


@pytest.mark.parametrize("method,target,fields,status,media_type,body", ERROR_PAGES.values(), ids=list(ERROR_PAGES))
def test_error_has_the_page_of_its_status_or_else_of_its_class(erring, method, target, fields, status, media_type, body):
    answer = erring.fetch(target, method=method, fields=fields, body=b"x" * 11 if method == "POST" else None)
    assert (answer.status, answer.get("Content-Type"), answer.body) == (status, media_type, body)
    assert answer.get("Allow" if status == 405 else "Content-Range" if status == 416 else "Date")
    if method == "GET":
        head = erring.fetch(target, method="HEAD", fields=fields)
        assert head.status == (200 if status == 416 else status) and head.body == b""


def test_error_page_is_itself_a_file(erring):
    assert [erring.fetch(target).status for target in ("/lost.html", "/refused.err")] == [200, 200]


def test_error_page_that_vanishes_gives_the_plain_one(erring, tmp_path):
    for name, target, status in (("lost.html", "/missing", 404), ("broken.txt", "/fails", 502)):
        (tmp_path / "www" / name).unlink()
        answer = erring.fetch(target)
        assert (answer.status, answer.get("Content-Type")) == (status, "text/html; charset=utf-8")
        assert str(status).encode() in answer.body and b"our" not in answer.body


# cache_control and headers by pattern

FIELDS = f"""
{SITE}
cache_control = {{ "/assets/*.html" = "no-cache", "*.html" = "max-age=1", "/assets/*" = "immutable" }}
[site.headers]
X-Site = "site"
X-Both = "site"
Vary = "X-Operator"
[site.headers."/assets/*"]
X-Both = "assets"
X-Assets = "yes"
[site.headers."*.css"]
x-both = "css"
[site.headers."/index.html"]
X-Index = "yes"
[site.headers."/docs/*.html"]
X-Doc = "site"
{route("/assets/deep/*", "static", 'headers = { X-Route = "route", X-Assets = "route", "*.css" = { X-Both = "route css" } }')}
{route("/docs/*", "static", 'root = "manual"', 'headers = { "/docs/guide.html" = { X-Doc = "route" }, "/guide.html" = { X-Doc = "no" } }')}
{route("/app/*", "static", 'root = "www"', 'fallback = "/index.html"', 'cache_control = { "/app/index.html" = "no-store" }')}
{route("/fails.css", "cgi", 'program = "broken"')}
{route("/ok.css", "respond", 'body = "ok"')}
{route("/old.css", "redirect", 'to = "/new.css"')}
"""


@pytest.fixture(scope="module")
def fielded(shared_server, tmp_path_factory):
    tmp = tmp_path_factory.mktemp("fielded")
    site(tmp, {"index.html": "index", "sub/index.html": "index of sub", "a.txt": "a", "a.css": "css", "assets/x.css": "css", "assets/x.js": "js",
               "assets/page.html": "page", "assets/deep/x.css": "css", "assets/deep/x.js": "js"})
    site(tmp, {"guide.html": "guide", "index.html": "index of the manual"}, "manual")
    put(tmp / "broken", BROKEN)
    return shared_server(FIELDS, tmp=tmp)


# (target, status, X-Both, the other fields that come from patterns and routes)
BY_PATTERN = {
    "no pattern": ("/a.txt", 200, "site", {}),
    "pattern replaces": ("/assets/x.js", 200, "assets", {"X-Assets": "yes"}),
    "later pattern replaces, in any case": ("/assets/x.css", 200, "css", {"X-Assets": "yes"}),
    "route replaces the site's pattern": ("/assets/deep/x.js", 200, "assets", {"X-Assets": "route", "X-Route": "route"}),
    "route's pattern comes last": ("/assets/deep/x.css", 200, "route css", {"X-Assets": "route", "X-Route": "route"}),
    "index by its own path": ("/", 200, "site", {"X-Index": "yes"}),
    "index elsewhere": ("/sub/", 200, "site", {}),
    "path as asked for, not as stored": ("/docs/guide.html", 200, "site", {"X-Doc": "route"}),
    "index of a route by its own path": ("/docs/", 200, "site", {"X-Doc": "site"}),
    "missing file": ("/assets/none.css", 404, "css", {"X-Assets": "yes"}),
    "missing file of a route": ("/assets/deep/none.css", 404, "route css", {"X-Assets": "route", "X-Route": "route"}),
    "program that fails": ("/fails.css", 502, "css", {}),
    "fixed answer": ("/ok.css", 200, "css", {}),
    "redirect": ("/old.css", 301, "css", {}),
    "directory without its slash": ("/assets", 301, "assets", {"X-Assets": "yes"}),
}


@pytest.mark.parametrize("target,status,both,others", BY_PATTERN.values(), ids=list(BY_PATTERN))
def test_fields_are_merged_in_their_order_and_later_ones_replace(fielded, target, status, both, others):
    answers = [fielded.fetch(target), fielded.fetch(target, method="HEAD")]
    if answers[0].get("ETag"):
        answers += [fielded.fetch(target, fields=[field]) for field in ("If-None-Match: *", "Range: bytes=0-0")]
        assert [answer.status for answer in answers[2:]] == [304, 206]
        if not target.endswith("/"):
            answers += [fielded.fetch(target, fields=[field]) for field in ('If-Match: "x"', "Range: bytes=9999-")]
            assert [answer.status for answer in answers[4:]] == [412, 416]
    assert answers[0].status == status
    for answer in answers:
        assert answer.all("X-Site") == ["site"] and answer.all("X-Both") == [both], answer
        for name in ("X-Assets", "X-Route", "X-Index", "X-Doc"):
            assert answer.get(name) == others.get(name), answer
        assert "X-Operator" in list_of(answer, "Vary")


CACHE_CONTROL = {
    "first of several": ("/assets/page.html", "no-cache"), "prefix": ("/assets/x.js", "immutable"), "index": ("/", "max-age=1"),
    "index elsewhere": ("/sub/", "max-age=1"), "none": ("/a.txt", None), "route without its own": ("/docs/guide.html", "max-age=1"),
    "fallback of a route by its own path": ("/app/users/7", "no-store"), "route with its own": ("/app/a.txt", None),
}


@pytest.mark.parametrize("target,value", CACHE_CONTROL.values(), ids=list(CACHE_CONTROL))
def test_cache_control_goes_with_the_file_that_answers(fielded, target, value):
    for field, status in (("Accept: */*", 200), ("If-None-Match: *", 304), ("Range: bytes=0-0", 206)):
        answer = fielded.fetch(target, fields=[field])
        assert (answer.status, answer.get("Cache-Control")) == (status, value)


def test_no_error_may_be_kept_as_long_as_the_file(fielded):
    for more in ({"target": "/assets/none.js"}, {"target": "/assets/x.js", "fields": ['If-Match: "x"']}, {"target": "/assets/x.js", "method": "PUT"}):
        answer = fielded.fetch(**more)
        assert answer.status >= 400 and answer.get("Cache-Control") is None


# Placeholders of redirect and respond.

HTML = """body = '''<p title='{path}'>{path}</p><a href="?{query}">{host}</a>{other} {{scheme}}'''"""
JSON_BODY = """body = '{"path": "{path}", "query": "{query}", "host": "{host}", "n": {"scheme": "{scheme}"}}'"""
PLACEHOLDERS = "".join([
    "[[site]]\n", route("/html/*", "respond", 'type = "text/html; charset=utf-8"', HTML), route("/svg/*", "respond", 'type = "image/svg+xml"', HTML),
    route("/json/*", "respond", 'type = "application/problem+json"', JSON_BODY),
    route("/text/*", "respond", 'body = "{path}|{query}|{host}|{scheme}|{nothing}|{"'),
    route("/go/*", "redirect", 'to = "/to/{path}?from={host}&{query}"'), route("/to-host", "redirect", 'to = "{scheme}://{host}/"')])


class Markup(html.parser.HTMLParser):
    """The tags of a page with their attributes, and the text between them."""

    def __init__(self, body):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(body)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def filled(shared_server, tmp_path_factory):
    return shared_server(PLACEHOLDERS, tmp=tmp_path_factory.mktemp("filled"))


NASTY = {
    "element": "<script>alert(1)", "attribute in double quotes": '" onclick="alert(1)', "attribute in single quotes": "' onclick='alert(1)",
    "reference": "&lt;&amp;&#60;", "end of a string": '","admin":true,"x":"', "backslash": "\\", "escape": "\\u0022",
    "line end": "a\r\nSet-Cookie: x=1\r\n\r\nb", "control characters": "\x01\x1b[31m\x7f", "other scripts": "\u00e9\u20ac\U0001f600",
    "placeholder": "{host}{query}{path}",
}


@pytest.mark.parametrize("value", NASTY.values(), ids=list(NASTY))
def test_no_path_becomes_markup_or_syntax_or_a_field(filled, value):
    path = urllib.parse.quote(value, safe="")
    for target in (f"/html/{path}", f"/svg/{path}"):
        answer = filled.fetch(target)
        page = Markup(answer.body.decode())
        assert [tag for tag, _ in page.tags] == ["p", "a"] and page.tags[0][1] == {"title": value} and page.tags[1][1] == {"href": "?"}
        assert page.text == f"{value}localhost{{other}} {{http}}"
        assert answer.get("Set-Cookie") is None
    assert json.loads(filled.fetch(f"/json/{path}").body) == {"path": value, "query": "", "host": "localhost", "n": {"scheme": "http"}}
    answer = filled.fetch(f"/go/{path}?q")
    encoded_again = urllib.parse.quote(value, safe="!$&'()*+,;=:@")
    assert answer.status == 301 and answer.get("Location") == f"/to/{encoded_again}?from=localhost&q"
    assert answer.get("Set-Cookie") is None and b"<script" not in answer.body and b"onclick" not in answer.body


def test_every_octet_of_a_path_is_answered_well_formed(filled):
    with filled.client() as client:
        for octet in sorted(set(range(1, 256)) - {ord("/")}):
            shown = bytes([octet]).decode("utf-8", "replace")
            assert json.loads(client.request(f"/json/x%{octet:02x}y").body)["path"] == f"x{shown}y"
            page = Markup(client.request(f"/html/x%{octet:02x}y").body.decode("utf-8", "replace"))
            assert [tag for tag, _ in page.tags] == ["p", "a"] and page.tags[0][1]["title"] == f"x{shown}y"
            location = client.request(f"/go/x%{octet:02x}y").get("Location")
            assert re.fullmatch(r"/to/[!-~]+\?from=localhost&?", location), location


# What may stand in a query by RFC 3986, and what clients send all the same.
QUERIES = {
    "quotes": "a='&b=x", "escaped": "%3Cscript%3E%22%0d%0aSet-Cookie:%20x", "element": '"><script>alert(1)</script>', "attribute": "'onclick='x",
    "end of a string": '\\","admin":true,"', "placeholder": "{path}",
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=list(QUERIES))
def test_no_query_becomes_markup_or_syntax_or_a_field(filled, query):
    page = Markup(filled.fetch(f"/html/x?{query}").body.decode())
    assert [(tag, list(attributes)) for tag, attributes in page.tags] == [("p", ["title"]), ("a", ["href"])]
    assert page.tags[1][1]["href"] == f"?{query}"
    assert json.loads(filled.fetch(f"/json/x?{query}").body)["query"] == query
    answer = filled.fetch(f"/go/x?{query}")
    assert answer.get("Location") == f"/to/x?from=localhost&{query}" and answer.get("Set-Cookie") is None


@pytest.mark.parametrize("host", ["a'b", "a&b=c", "x(1);y", "%3Cb%3E", "[::1]:80"])
def test_no_host_becomes_markup_or_syntax(filled, host):
    page = Markup(filled.fetch("/html/x", host=host).body.decode())
    assert [(tag, list(attributes)) for tag, attributes in page.tags] == [("p", ["title"]), ("a", ["href"])]
    assert page.text == f"x{host}{{other}} {{http}}"
    assert json.loads(filled.fetch("/json/x", host=host).body)["host"] == host
    assert filled.fetch("/to-host", host=host).get("Location") == f"http://{host}/"


@pytest.mark.parametrize("host", ['"><b>', "<b>", "a b", "a\\b", "a/b", "a@b", "a\tb"])
def test_host_that_is_none_gets_no_answer_that_names_it(filled, host):
    for target in ("/html/x", "/json/x", "/to-host"):
        answer = filled.fetch(target, host=host)
        assert answer.status == 400 and host.encode() not in answer.body and answer.get("Location") is None


def test_text_is_filled_in_as_it_is_and_other_braces_are_text(filled):
    answer = filled.fetch("/text/a%3Cb?c=d")
    assert answer.body == b"a<b|c=d|localhost|http|{nothing}|{" and answer.get("Content-Type") == "text/plain; charset=utf-8"


# cors

CORS = f"""
{SITE}
error_pages = {{ 404 = "/lost.html" }}
[site.cors]
origins = ["https://app.example.org", "https://*.example.net"]
methods = ["PUT"]
headers = ["X-Token"]
expose = ["X-Count"]
credentials = true
max_age = "1h"
{route("/open/*", "static", 'cors = { origins = ["*"], headers = ["*"], max_age = 0 }')}
{route("/run/*", "cgi", 'root = "programs"')}
{route("/put", "respond", 'body = "put"')}
{route("/items", "respond", 'methods = ["GET", "DELETE"]', 'cors = { origins = ["https://app.example.org"] }')}
[[site]]
hosts = ["silent.example"]
root = "www"
"""
ORIGIN = "https://app.example.org"


@pytest.fixture(scope="module")
def crossed(shared_server, tmp_path_factory):
    tmp = tmp_path_factory.mktemp("crossed")
    site(tmp, {"index.html": "index", "lost.html": "lost", "big.css": "x" * 2000, "open/a.txt": "a"})
    put(tmp / "programs/count", f"#!/bin/sh\ntouch {tmp}/ran-$REQUEST_METHOD\n"
        "printf 'Access-Control-Allow-Origin: *\\r\\nContent-Type: text/plain\\r\\n\\r\\n1'\n")
    return shared_server(CORS, tmp=tmp)


def cors_fields(answer):
    return {name.lower().removeprefix("access-control-"): value for name, value in answer.fields if name.lower().startswith("access-control-")}


def preflight(running, target, origin=ORIGIN, method="PUT", more=()):
    return running.fetch(target, method="OPTIONS", fields=[f"Origin: {origin}", f"Access-Control-Request-Method: {method}", *more])


ORIGINS = {
    "named": (ORIGIN, True), "below a name": ("https://a.example.net", True), "further below": ("https://b.a.example.net", True),
    "the name itself": ("https://example.net", False), "only the end agrees": ("https://badexample.net", False),
    "only the beginning agrees": ("https://app.example.org.evil.example", False), "another scheme": ("http://app.example.org", False),
    "another port": ("https://app.example.org:8443", False), "port below a name": ("https://a.example.net:8443", False),
    "null": ("null", False), "empty": ("", False), "star": ("*", False),
}


@pytest.mark.parametrize("origin,allowed", ORIGINS.values(), ids=list(ORIGINS))
def test_only_origins_that_are_named_are_allowed(crossed, origin, allowed):
    answer = crossed.fetch("/", fields=[f"Origin: {origin}"])
    expected = {"allow-origin": origin, "allow-credentials": "true", "expose-headers": "X-Count"} if allowed else {}
    assert answer.status == 200 and cors_fields(answer) == expected and "Origin" in list_of(answer, "Vary")
    asked = preflight(crossed, "/put", origin)
    assert (asked.status == 204) == allowed and asked.body == b""
    assert cors_fields(asked) == ({"allow-origin": origin, "allow-credentials": "true", "allow-methods": "PUT", "allow-headers": "X-Token",
                                   "max-age": "3600"} if allowed else {})
    assert list_of(asked, "Vary") >= {"Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"}


# (target, method, field, status)
CORS_ANSWERS = {
    "200": ("/", "GET", "Accept: */*", 200), "HEAD": ("/", "HEAD", "Accept: */*", 200), "304": ("/", "GET", "If-None-Match: *", 304),
    "206": ("/", "GET", "Range: bytes=0-1", 206), "412": ("/", "GET", 'If-Match: "x"', 412), "404": ("/missing", "GET", "Accept: */*", 404),
    "405": ("/", "POST", "Accept: */*", 405), "301": ("/open", "GET", "Accept: */*", 301),
    "compressed": ("/big.css", "GET", "Accept-Encoding: gzip", 200), "program": ("/run/count", "GET", "Accept: */*", 200),
    "missing program": ("/run/none", "GET", "Accept: */*", 404),
}


@pytest.mark.parametrize("target,method,field,status", CORS_ANSWERS.values(), ids=list(CORS_ANSWERS))
def test_every_answer_says_who_may_read_it(crossed, target, method, field, status):
    answer = crossed.fetch(target, method=method, fields=[field, f"Origin: {ORIGIN}"])
    assert answer.status == status
    if target == "/open":
        assert cors_fields(answer) == {"allow-origin": "*"}
        return
    assert answer.all("Access-Control-Allow-Origin") == [ORIGIN] and answer.all("Access-Control-Allow-Credentials") == ["true"]
    assert "Origin" in list_of(answer, "Vary")
    # A cache may have got the answer without an origin first.
    assert "Origin" in list_of(crossed.fetch(target, method=method, fields=[field]), "Vary")
    if target == "/big.css":
        assert list_of(answer, "Vary") == {"Origin", "Accept-Encoding"} and answer.get("Content-Encoding") == "gzip"


def test_route_says_it_in_the_place_of_its_site(crossed):
    answer = crossed.fetch("/open/a.txt", fields=["Origin: https://anybody.example"])
    assert cors_fields(answer) == {"allow-origin": "*"} and "Origin" not in list_of(answer, "Vary")
    asked = preflight(crossed, "/open/a.txt", "https://anybody.example", "GET", ["Access-Control-Request-Headers: x-any"])
    assert asked.status == 204 and asked.get("Access-Control-Allow-Origin") == "*"
    assert (asked.get("Access-Control-Allow-Headers"), asked.get("Access-Control-Max-Age")) == ("*", "0")
    asked = preflight(crossed, "/items", method="DELETE")
    assert asked.status == 204 and list_of(asked, "Access-Control-Allow-Methods") >= {"GET", "DELETE"}
    assert asked.get("Access-Control-Max-Age") == "600" and asked.get("Access-Control-Allow-Credentials") is None
    assert cors_fields(crossed.fetch("/items", fields=["Origin: https://a.example.net"])) == {}


def test_preflight_reaches_no_program(crossed):
    assert preflight(crossed, "/run/count").status == 204
    assert crossed.fetch("/run/count", fields=[f"Origin: {ORIGIN}"]).body == b"1"
    assert [path.name for path in crossed.tmp.glob("ran-*")] == ["ran-GET"]


def test_options_without_its_fields_is_no_preflight(crossed):
    for fields in ([], [f"Origin: {ORIGIN}"], ["Access-Control-Request-Method: PUT"]):
        answer = crossed.fetch("/", method="OPTIONS", fields=fields)
        assert answer.get("Access-Control-Allow-Methods") is None and list_of(answer, "Allow") == {"GET", "HEAD", "OPTIONS"}


def test_preflight_for_a_method_that_no_route_takes_lets_the_refusal_be_read(crossed):
    asked = preflight(crossed, "/", method="PUT")
    assert asked.status == 204 and cors_fields(asked)["allow-origin"] == ORIGIN
    refused = crossed.fetch("/", method="PUT", fields=[f"Origin: {ORIGIN}"], body=b"")
    assert refused.status == 405 and cors_fields(refused)["allow-origin"] == ORIGIN


def test_site_without_cors_allows_nobody(crossed):
    answer = crossed.fetch("/", host="silent.example", fields=[f"Origin: {ORIGIN}"])
    assert answer.status == 200 and cors_fields(answer) == {} and "Origin" not in list_of(answer, "Vary")
    asked = crossed.fetch("/", host="silent.example", method="OPTIONS", fields=[f"Origin: {ORIGIN}", "Access-Control-Request-Method: PUT"])
    assert cors_fields(asked) == {}


# charset and [types]

# (keys, name, Content-Type)
TYPES = {
    "text": ("", "a.txt", "text/plain; charset=utf-8"),
    "another charset": ('charset = "iso-8859-1"', "a.html", "text/html; charset=iso-8859-1"),
    "no charset": ('charset = ""', "a.css", "text/css"),
    "no text": ('charset = "iso-8859-1"', "a.png", "image/png"),
    "JSON has none": ('charset = "iso-8859-1"', "a.json", "application/json"),
    "type of the file": ("", "a.glb", "model/x-own"),
    "type of the file in capitals": ("", "a.GLB", "model/x-own"),
    "type that replaces": ("", "a.xyz", "text/x-own; charset=utf-8"),
    "type with a charset of its own": ('charset = "iso-8859-1"', "a.log", "text/plain; charset=utf-16"),
    "last extension": ("", "a.log.glb", "model/x-own"),
}


@pytest.mark.parametrize("keys,name,media_type", TYPES.values(), ids=list(TYPES))
def test_type_and_charset_are_those_of_the_configuration(server, tmp_path, keys, name, media_type):
    site(tmp_path, {name: "x"})
    types = '[types]\n".GLB" = "model/x-own"\n".xyz" = "text/x-own"\n".log" = "text/plain; charset=utf-16"\n'
    assert server(f"{types}{SITE}{keys}\n").fetch(f"/{name}").get("Content-Type") == media_type


# Keys of a route in the place of those of its site.

def status_and_body(answer):
    return (answer.status, answer.body if answer.status == 200 else None)


# (keys of the site, keys of the route, path below the route, what to look at, without the route's key, with it)
OVERRIDES = {
    "index": ('index = ["index.html"]', 'index = ["b.html"]', "", status_and_body, (200, b"index"), (200, b"b")),
    "listing on": ("", "listing = true", "bare/", lambda answer: answer.status, 404, 200),
    "listing off": ("listing = true", "listing = false", "bare/", lambda answer: answer.status, 200, 404),
    "fallback on": ("", 'fallback = "/b.html"', "none", status_and_body, (404, None), (200, b"b")),
    "fallback off": ('fallback = "/index.html"', 'fallback = ""', "none", status_and_body, (200, b"index"), (404, None)),
    "clean_urls": ("clean_urls = true", "clean_urls = false", "b", status_and_body, (200, b"b"), (404, None)),
    "hidden_files": ("", "hidden_files = true", ".hidden", status_and_body, (404, None), (200, b"hidden")),
    "symlinks": ("", 'symlinks = "deny"', "link.txt", status_and_body, (200, b"a"), (404, None)),
    "precompressed": ("", "precompressed = false", "a.txt", lambda answer: answer.get("Content-Encoding"), "gzip", None),
    "compress": ("", "compress = []", "large.css", lambda answer: answer.get("Content-Encoding"), "gzip", None),
    "charset": ('charset = "utf-16"', 'charset = ""', "a.txt", lambda answer: answer.get("Content-Type"), "text/plain; charset=utf-16", "text/plain"),
    "cache_control": ('cache_control = { "*.txt" = "public" }', 'cache_control = { "*.html" = "private" }', "a.txt",
                      lambda answer: answer.get("Cache-Control"), "public", None),
}


@pytest.mark.parametrize("of_site,of_route,path,look,before,after", OVERRIDES.values(), ids=list(OVERRIDES))
def test_key_of_a_route_stands_in_the_place_of_its_sites(server, tmp_path, of_site, of_route, path, look, before, after):
    root = site(tmp_path, {"index.html": "index", "b.html": "b", "bare/x.txt": "x", ".hidden": "hidden", "large.css": "x" * 5000})
    put(root / "a.txt", "a", MTIME)
    put(root / "a.txt.gz", gzip.compress(b"a"), MTIME)
    (root / "link.txt").symlink_to("a.txt")
    running = server(f"{SITE}{of_site}\n" + route("/same/*", "static", 'root = "www"') + route("/other/*", "static", f'root = "www"\n{of_route}'))
    results = [look(running.fetch(f"{prefix}/{path}", fields=["Accept-Encoding: gzip"])) for prefix in ("", "/same", "/other")]
    assert results == [before, before, after]


# listing

class Row:
    """A line of a listing: where it leads to, and what it shows."""

    def __init__(self):
        self.href = self.time = None
        self.cells, self.titles = [], []

    @property
    def name(self):
        return self.cells[0]


class Page(html.parser.HTMLParser):
    """What a listing shows."""

    def __init__(self, body):
        super().__init__()
        self.rows, self.tags, self.links = [], [], []
        self.in_rows = False
        self.feed(body.decode("utf-8"))
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        if tag == "tbody":
            self.in_rows = True
        elif tag == "a":
            self.links.append(attributes["href"])
        if not self.in_rows:
            return
        if tag == "tr":
            self.rows.append(Row())
        elif tag == "td":
            self.rows[-1].cells.append("")
            self.rows[-1].titles.append(attributes.get("title"))
        elif tag == "a":
            self.rows[-1].href = attributes["href"]
        elif tag == "time":
            self.rows[-1].time = attributes["datetime"]

    def handle_endtag(self, tag):
        if tag == "table":
            self.in_rows = False

    def handle_data(self, data):
        if self.in_rows and self.rows and self.rows[-1].cells:
            self.rows[-1].cells[-1] += data.rstrip("\n") if len(self.rows[-1].cells) == 1 else data.strip("\n")


PAGE_TAGS = {"html", "meta", "link", "style", "title", "nav", "h1", "main", "a", "bdi", "span", "p", "time",
             "table", "thead", "tbody", "tr", "th", "td"}
JSON = "Accept: application/json"


def names(answer):
    """The names that a listing shows, directories with their slash."""
    if answer.get("Content-Type") == "application/json":
        return [entry["name"] + ("/" if entry["type"] == "directory" else "") for entry in json.loads(answer.body)]
    return [row.name for row in Page(answer.body).rows]


@pytest.fixture(scope="module")
def listed(shared_server, tmp_path_factory):
    tmp = tmp_path_factory.mktemp("listed")
    root = site(tmp, {"indexed/index.html": "index", "indexed/a.txt": "a", "empty.d/.hidden": ""})
    for name, size, mtime in (("a.txt", 1536, 30), ("B.txt", 1, 10), ("c.txt", 0, 20)):
        put(root / "d" / name, "x" * size, MTIME + mtime)
    for name, mtime in (("d1", 40), ("D2", 5)):
        put(root / "d" / name / "x", "x")
        os.utime(root / "d" / name, (MTIME + mtime, MTIME + mtime))
    for name in (".hidden", "backup~", "x.swp", "#x#"):
        put(root / "d" / name, "secret")
    put(root / "d/.well-known/x", "x")
    os.utime(root / "d/.well-known", (MTIME, MTIME))
    os.mkfifo(root / "d/fifo")
    for n in range(60):
        put(root / f"many/file-{n:02}.txt", "x")
    return shared_server(f'{SITE}listing = true\ncache_control = {{ "/d/*" = "no-cache" }}\n' +
                         route("/plain/*", "static", 'root = "www"\ncompress = []'), tmp=tmp)


def test_listing_shows_names_sizes_and_times(listed):
    answer = listed.fetch("/d/")
    assert (answer.status, answer.get("Content-Type"), answer.get("Cache-Control")) == (200, "text/html; charset=utf-8", "no-cache")
    page = Page(answer.body)
    assert set(page.tags) <= PAGE_TAGS and "../" in page.links
    rows = [(row.href, row.cells[1], row.titles[1], row.time) for row in page.rows]
    assert rows == [(".well-known/", "–", None, "2023-11-14T22:13:20Z"), ("d1/", "–", None, "2023-11-14T22:14:00Z"),
                    ("D2/", "–", None, "2023-11-14T22:13:25Z"), ("a.txt", "1.5 KiB", "1536 bytes", "2023-11-14T22:13:50Z"),
                    ("B.txt", "1 B", "1 byte", "2023-11-14T22:13:30Z"), ("c.txt", "0 B", "0 bytes", "2023-11-14T22:13:40Z")]
    assert page.rows[3].cells[2].split() == ["2023-11-14", "22:13"]


def test_listing_as_json_says_the_same(listed):
    answer = listed.fetch("/d/", fields=[JSON])
    assert (answer.status, answer.get("Content-Type"), answer.get("Cache-Control")) == (200, "application/json", "no-cache")
    entries = json.loads(answer.body)
    assert entries[1] == {"name": "d1", "type": "directory", "size": None, "mtime": "2023-11-14T22:14:00Z", "url": "d1/"}
    assert entries[3] == {"name": "a.txt", "type": "file", "size": 1536, "mtime": "2023-11-14T22:13:50Z", "url": "a.txt"}
    assert names(answer) == names(listed.fetch("/d/"))


def test_listing_is_for_directories_without_an_index(listed):
    assert listed.fetch("/indexed/").body == b"index"
    assert (listed.fetch("/d").status, listed.fetch("/d").get("Location")) == (301, "/d/")
    assert listed.fetch("/none/").status == 404 and listed.fetch("/d/a.txt/").status == 404
    assert names(listed.fetch("/empty.d/")) == [] and json.loads(listed.fetch("/empty.d/", fields=[JSON]).body) == []
    top = Page(listed.fetch("/").body)
    assert "../" not in top.links and [row.href for row in top.rows] == ["d/", "empty.d/", "indexed/", "many/"]


W = [".well-known/"]
ORDERS = {
    "": W + ["d1/", "D2/", "a.txt", "B.txt", "c.txt"],
    "sort=name&order=asc": W + ["d1/", "D2/", "a.txt", "B.txt", "c.txt"],
    "sort=name&order=desc": ["D2/", "d1/"] + W + ["c.txt", "B.txt", "a.txt"],
    "sort=size&order=asc": W + ["d1/", "D2/", "c.txt", "B.txt", "a.txt"],
    "sort=size&order=desc": W + ["d1/", "D2/", "a.txt", "B.txt", "c.txt"],
    "sort=time&order=asc": W + ["D2/", "d1/", "B.txt", "c.txt", "a.txt"],
    "sort=time&order=desc": ["d1/", "D2/"] + W + ["a.txt", "c.txt", "B.txt"],
    "order=desc": ["D2/", "d1/"] + W + ["c.txt", "B.txt", "a.txt"],
    "sort=size&order=asc&x=%22": W + ["d1/", "D2/", "c.txt", "B.txt", "a.txt"],
    "sort=nonsense&order=<script>": W + ["d1/", "D2/", "a.txt", "B.txt", "c.txt"],
}


@pytest.mark.parametrize("fields", [[], [JSON]], ids=["html", "json"])
@pytest.mark.parametrize("query", ORDERS, ids=lambda query: query or "none")
def test_listing_is_in_the_order_that_is_asked_for(listed, query, fields):
    answer = listed.fetch(f"/d/?{query.replace('<', '%3C').replace('>', '%3E')}", fields=fields)
    assert names(answer) == ORDERS[query] and b"nonsense" not in answer.body and b"order=<" not in answer.body


def test_headings_of_a_listing_lead_to_its_orders(listed):
    for query in ("", "?sort=size&order=desc"):
        sorts = [link for link in Page(listed.fetch(f"/d/{query}").body).links if link.startswith("?")]
        assert [re.match(r"\?sort=(\w+)&order=(asc|desc)$", link)[1] for link in sorts] == ["name", "size", "time"]
        for link in sorts:
            assert names(listed.fetch(f"/d/{link}")) == ORDERS[link[1:]]


# (Accept, whether the answer is JSON)
ACCEPTS = {
    "nothing": (None, False), "anything": ("*/*", False), "browser": (BROWSER.removeprefix("Accept: "), False),
    "json": ("application/json", True), "in capitals": ("Application/JSON", True), "script": ("application/json, text/plain, */*", True),
    "json rather": ("text/html;q=0.8, application/json;q=0.9", True), "page rather": ("text/html, application/json;q=0.9", False),
    "both alike": ("text/html, application/json", False), "json refused": ("application/json;q=0", False),
    "hardly": ("application/json;q=0.001", True), "page refused": ("text/html;q=0, */*", True),
    "type of json": ("application/*, text/html;q=0.5", True),
    "neither": ("image/png", False), "anything but json": ("*/*, application/json;q=0", False), "malformed": ("json", False),
}


@pytest.mark.parametrize("accept,is_json", ACCEPTS.values(), ids=list(ACCEPTS))
def test_form_of_a_listing_is_chosen_by_accept(listed, accept, is_json):
    answer = listed.fetch("/d/", fields=[] if accept is None else [f"Accept: {accept}"])
    assert (answer.status, answer.get("Content-Type") == "application/json") == (200, is_json)
    assert list_of(answer, "Vary") == {"Accept", "Accept-Encoding"}


@pytest.mark.parametrize("fields", [[], [JSON], ["Accept-Encoding: gzip"], [JSON, "Accept-Encoding: gzip"]],
                         ids=["html", "json", "gzip", "json gzip"])
def test_listing_has_head_and_a_condition(listed, fields):
    get, head = (listed.fetch("/many/", method=method, fields=fields) for method in ("GET", "HEAD"))
    assert (head.status, without_date(head), head.body) == (200, without_date(get), b"")
    tag = get.get("ETag")
    again = listed.fetch("/many/", fields=[*fields, f'If-None-Match: "x", {tag}'])
    assert (again.status, again.get("ETag"), again.get("Vary"), again.body) == (304, tag, get.get("Vary"), b"")
    assert again.get("Content-Type") is None and again.get("Content-Encoding") is None
    assert listed.fetch("/many/", fields=[*fields, f"If-Match: {tag}"]).status == 200
    assert listed.fetch("/many/", fields=[*fields, 'If-Match: "x"']).status == 412
    assert listed.fetch("/many/?order=desc", fields=[*fields, f"If-None-Match: {tag}"]).status == 200


def test_listing_changes_its_tag_with_its_directory(server, tmp_path):
    root = site(tmp_path, {"d/a.txt": "a"})
    running = server(f"{SITE}listing = true\n")
    tag = running.fetch("/d/").get("ETag")
    put(root / "d/b.txt", "b")
    answer = running.fetch("/d/", fields=[f"If-None-Match: {tag}"])
    assert answer.status == 200 and names(answer) == ["a.txt", "b.txt"] and answer.get("ETag") != tag


def test_listing_is_compressed_for_those_who_take_it(listed):
    plain, coded = (listed.fetch("/many/", fields=[f"Accept-Encoding: {coding}"]) for coding in ("identity", "gzip"))
    assert (plain.get("Content-Encoding"), coded.get("Content-Encoding")) == (None, "gzip")
    assert gzip.decompress(coded.body) == plain.body and len(coded.body) < len(plain.body) / 3
    assert coded.get("ETag") != plain.get("ETag") and coded.get("Vary") == plain.get("Vary")
    assert listed.fetch("/plain/many/", fields=["Accept-Encoding: gzip"]).get("Content-Encoding") is None


def test_listing_links_every_name_to_its_file(server, tmp_path):
    root = os.fsencode(site(tmp_path)) + b"/d"
    os.mkdir(root)
    kept = {}
    for octet in sorted(set(range(1, 256)) - {ord("/")}):
        for form in (b"%s", b"x%sy", b"%s%%41"):
            name = form % bytes([octet])
            if name == b".":
                continue
            kept[name] = b"file %d of %s" % (octet, form)
            with open(os.path.join(root, name), "wb") as file:
                file.write(kept[name])
        os.mkdir(os.path.join(root, b"dir" + bytes([octet])))
    for name in (b"..x", b"...", b"a:b", b"javascript:alert(1)", b"<img src=x onerror=alert(1)>", b'" onclick="x', b"&amp;", b"%2e%2e",
                 b"\\evil.example", "\u202eexe.png".encode(), "\u00e9\u20ac\U0001f600".encode(), b"a" * 255):
        kept[name] = b"file " + name
        with open(os.path.join(root, name), "wb") as file:
            file.write(kept[name])
    running = server(f"{SITE}listing = true\nhidden_files = true\n")
    page = Page(running.fetch("/d/").body)
    assert set(page.tags) <= PAGE_TAGS
    urls = [entry["url"] for entry in json.loads(running.fetch("/d/", fields=[JSON]).body)]
    assert [row.href for row in page.rows] == urls
    seen, directories = {}, 0
    with running.client() as client:
        for row in page.rows:
            # A reference with one segment, and without a scheme, a query or a fragment: RFC 3986 section 4.2.
            segment = re.fullmatch(r"(?:\./(?=[!-~]*:))?((?:[A-Za-z0-9._~!$()*+,;=:@-]|%[0-9A-F]{2})+)(/?)", row.href)
            assert segment and (":" not in row.href or row.href.startswith("./")), row.href
            name = urllib.parse.unquote_to_bytes(segment[1])
            answer = client.request(f"/d/{segment[1]}{segment[2]}")
            assert answer.status == 200, row.href
            if segment[2]:
                directories += 1
                assert names(answer) == []
            else:
                seen[name] = answer.body
            if re.fullmatch(rb"[ -~]+", name):
                assert row.name == name.decode() + segment[2]
    assert seen == kept and directories == 254


def test_listing_follows_links_as_the_site_does(server, tmp_path):
    put(tmp_path / "outside/secret.txt", "secret")
    root = site(tmp_path, {"a.txt": "a", "d/b.txt": "b", "e/c.txt": "123"})
    for name, target in {"in.txt": "../e/c.txt", "ind": "../e", "out.txt": "../../outside/secret.txt", "outd": "../../outside",
                         "abs.txt": root / "a.txt", "dead": "nothing", "loop": "loop"}.items():
        (root / "d" / name).symlink_to(target)
    shown = {"inside": ["ind/", "b.txt", "in.txt"], "deny": ["b.txt"], "follow": ["ind/", "outd/", "abs.txt", "b.txt", "in.txt", "out.txt"]}
    # A reload cannot give the sandbox all that links may lead to.
    running = server(f'[server]\nsandbox = "off"\n{SITE}listing = true\n')
    for policy, expected in shown.items():
        assert running.reload(f'{SITE}listing = true\nsymlinks = "{policy}"\n') == "Reloaded"
        answer = running.fetch("/d/", fields=[JSON])
        assert names(answer) == expected
        for entry in json.loads(answer.body):
            assert running.fetch(f"/d/{entry['url']}").status == 200
        if policy != "deny":
            assert [entry["size"] for entry in json.loads(answer.body) if entry["name"] == "in.txt"] == [3]


def test_directory_that_cannot_be_read_is_forbidden(server, tmp_path):
    root = site(tmp_path, {"locked/a.txt": "a", "searched/a.txt": "a", "open/a.txt": "a"})
    (root / "locked").chmod(0)
    (root / "searched").chmod(0o311)
    running = server(f"{SITE}listing = true\n", prefix=without_override())
    try:
        assert [running.fetch(target).status for target in ("/open/", "/locked/", "/searched/", "/searched/a.txt")] == [200, 403, 403, 200]
        running.wait_for_log(r"GET /searched/: .*Permission denied.*\(403\)")
        assert names(running.fetch("/")) == ["locked/", "open/", "searched/"]
    finally:
        (root / "locked").chmod(0o755)
        (root / "searched").chmod(0o755)


def test_listing_of_many_entries_is_whole(server, tmp_path):
    root = site(tmp_path, {"d/.hidden": ""})
    expected = [f"file {n:04}.txt" for n in range(5000)]
    for name in expected:
        os.link(root / "d/.hidden", root / "d" / name)
    running = server(f"{SITE}listing = true\n")
    plain = running.fetch("/d/")
    assert names(plain) == expected and b"5000 files" in plain.body and b"are shown" not in plain.body
    assert names(running.fetch("/d/", fields=[JSON])) == expected
    assert gzip.decompress(running.fetch("/d/", fields=["Accept-Encoding: gzip"]).body) == plain.body


def test_listing_is_whole_while_files_come_and_go(server, tmp_path):
    root = site(tmp_path, {f"d/stays-{n:02}": "x" for n in range(50)})
    running = server(f"{SITE}listing = true\n")
    stays = [f"stays-{n:02}" for n in range(50)]
    is_over = threading.Event()

    def come_and_go():
        while not is_over.is_set():
            for n in range(100):
                put(root / f"d/goes-{n}", "x")
            for n in range(100):
                (root / f"d/goes-{n}").unlink()
            put(root / "gone/x", "x")
            (root / "gone/x").unlink()
            (root / "gone").rmdir()

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        with running.client() as client:
            for n in range(100):
                answer = client.request("/d/", fields=[JSON] if n % 2 else [])
                assert answer.status == 200 and [name for name in names(answer) if name.startswith("stays")] == stays
                assert client.request("/gone/").status in (200, 404)
    finally:
        is_over.set()
        thread.join()
    assert names(running.fetch("/d/")) == stays


# The guard over hidden files, backups and sources.

SCRIPT = "printf 'Content-Type: text/plain\\r\\n\\r\\nit ran'  # SECRET\n"
GUARD_ROUTES = (route("*.php", "cgi", 'methods = ["GET", "POST"]\ninterpreter = { ".php" = "/bin/sh", ".inc" = "/bin/sh" }') +
                route("/run/*", "cgi", 'root = "www/programs"') + route("/one", "cgi", 'program = "www/tools/one"') +
                route("/post/*.sh", "cgi", 'methods = ["POST"]'))


def guarded_site(tmp):
    root = site(tmp, {"a.txt": "open", "my-programs/a.txt": "open", "tools/two": "open"})
    for name in ("index.php", "page.php", "code/page.PHP", "code/lib.inc"):
        put(root / name, SCRIPT)
    for name in ("programs/env", "tools/one", "post/a.sh"):
        put(root / name, f"#!/bin/sh\n{SCRIPT}")
    for name in ("page.php.gz", "page.php.zst", "programs/lib/data", ".env", ".git/config", "code/.htaccess", "page.html~", "page.php~",
                 "page.php.bak", "page.bak", "page.swp", ".page.php.swp", "page.SWP", "#page.html#", "page.orig", "page.rej", "page.save"):
        put(root / name, "SECRET")
    (root / "link").symlink_to("programs/env")
    (root / "linked").symlink_to("programs")
    (root / "code/one").symlink_to("../tools/one")
    (root / "post.txt").symlink_to("post/a.sh")
    (root / "page.txt").symlink_to("page.php")


@pytest.fixture(scope="module")
def guarded(shared_server, tmp_path_factory):
    tmp = tmp_path_factory.mktemp("guarded")
    guarded_site(tmp)
    return shared_server(SITE + "listing = true\nindex = ['index.php', 'index.html']\n" + GUARD_ROUTES, tmp=tmp)


# (target, what the error log names)
GUARDED = {
    "dotfile": ("/.env", "hidden_files"), "below a dot": ("/.git/config", "hidden_files"), "dotfile below": ("/code/.htaccess", "hidden_files"),
    "escaped dot": ("/%2eenv", "hidden_files"), "backup": ("/page.html~", "hidden_files"),
    ".bak": ("/page.bak", "hidden_files"), ".swp": ("/page.swp", "hidden_files"), ".SWP": ("/page.SWP", "hidden_files"),
    "swap file of vim": ("/.page.php.swp", "hidden_files"), "of emacs": ("/%23page.html%23", "hidden_files"), ".orig": ("/page.orig", "hidden_files"),
    ".rej": ("/page.rej", "hidden_files"), ".save": ("/page.save", "hidden_files"), "dotfile that is missing": ("/.none", "hidden_files"),
    "type in capitals": ("/code/page.PHP", "source_files"), "type of an interpreter": ("/code/lib.inc", "source_files"),
    "compressed source": ("/page.php.gz", "source_files"), "in another coding": ("/page.php.zst", "source_files"),
    "program by another path": ("/programs/env", "source_files"), "beside a program": ("/programs/lib/data", "source_files"),
    "link to a program": ("/link", "source_files"), "link to the programs": ("/linked/env", "source_files"),
    "one program": ("/tools/one", "source_files"),
    "link to one program": ("/code/one", "source_files"),
}


@pytest.mark.parametrize("target,key", GUARDED.values(), ids=list(GUARDED))
def test_source_or_hidden_file_is_not_served_and_the_log_says_why(guarded, target, key):
    for method, fields in (("GET", []), ("GET", ["Accept-Encoding: gzip, zstd"]), ("GET", ["Range: bytes=0-"]), ("HEAD", [])):
        answer = guarded.fetch(target, method=method, fields=fields)
        assert answer.status == 404 and b"SECRET" not in answer.body
    guarded.wait_for_log(rf"HEAD {re.escape(target)}: {key}: .*\(404\)")


def test_sources_of_a_route_for_other_methods_are_not_served(guarded):
    answer = guarded.fetch("/post/a.sh")
    assert answer.status == 405 and b"SECRET" not in answer.body and list_of(answer, "Allow") == {"POST", "OPTIONS"}


def test_guard_stops_no_program_and_no_other_file(guarded):
    for target in ("/page.php", "/index.php", "/", "/run/env", "/one"):
        assert guarded.fetch(target).body == b"it ran", target
    assert guarded.fetch("/post/a.sh", method="POST", body=b"").body == b"it ran"
    for target in ("/a.txt", "/my-programs/a.txt", "/tools/two"):
        assert guarded.fetch(target).body == b"open", target


@pytest.mark.parametrize("target", ["/code/", "/tools/", "/programs/", "/linked/", "/"])
def test_listing_shows_nothing_that_is_guarded(server, tmp_path, target):
    guarded_site(tmp_path)
    running = server(SITE + "listing = true\n" + GUARD_ROUTES)
    answer = running.fetch(target, fields=[JSON])
    if answer.status == 200:
        assert not {name for name in names(answer) if name.startswith(".") or name.endswith(("~", ".bak", ".swp", ".SWP", ".orig", ".rej", ".save"))}
        statuses = {entry["name"]: running.fetch(target + entry["url"]).status for entry in json.loads(answer.body) if entry["type"] == "file"}
        assert set(statuses.values()) <= {200}, statuses


def test_guard_holds_when_the_root_is_a_link(server, tmp_path):
    guarded_site(tmp_path)
    (tmp_path / "www").rename(tmp_path / "release-1")
    (tmp_path / "www").symlink_to("release-1")
    running = server(SITE + GUARD_ROUTES)
    assert running.fetch("/run/env").body == b"it ran"
    leaks = [target for target, _ in GUARDED.values() if b"SECRET" in running.fetch(target).body]
    assert leaks == []


def test_guard_holds_when_programs_are_named_by_another_path(server, tmp_path):
    guarded_site(tmp_path)
    (tmp_path / "programs").symlink_to("www/programs")
    running = server(SITE + route("/run/*", "cgi", 'root = "programs"'))
    assert running.fetch("/run/env").body == b"it ran"
    assert [target for target in ("/programs/env", "/link", "/linked/env") if b"SECRET" in running.fetch(target).body] == []


@pytest.mark.parametrize("target", ["/page.txt", "/post.txt"])
def test_link_of_another_type_shows_no_source(guarded, target):
    answer = guarded.fetch(target)
    assert answer.status == 404 and b"SECRET" not in answer.body


def test_link_shows_no_program_of_a_route_without_a_root(server, tmp_path):
    root = site(tmp_path, {"cgi-bin/env": f"#!/bin/sh\n{SCRIPT}"})
    (root / "link").symlink_to("cgi-bin/env")
    running = server(SITE + route("/cgi-bin/*", "cgi"))
    assert running.fetch("/cgi-bin/env").body == b"it ran"
    assert b"SECRET" not in running.fetch("/link").body


# (keys of the site, what is then served)
ALLOWED = {
    "hidden files": ("hidden_files = true", {"hidden_files"}), "sources": ("source_files = true", {"source_files"}),
    "both": ("hidden_files = true\nsource_files = true", {"hidden_files", "source_files"}),
}


@pytest.mark.parametrize("keys,allowed", ALLOWED.values(), ids=list(ALLOWED))
def test_guard_ends_where_the_site_says_so(server, tmp_path, keys, allowed):
    guarded_site(tmp_path)
    running = server(f"{SITE}{keys}\nindex = ['index.php']\n{GUARD_ROUTES}")
    for name, (target, key) in GUARDED.items():
        if "missing" not in name:
            answer = running.fetch(target)
            assert (answer.status == 200 and b"SECRET" in answer.body) == (key in allowed), name
    assert running.fetch("/page.php").body == b"it ran"


def test_guard_ends_for_a_route_that_says_so(server, tmp_path):
    guarded_site(tmp_path)
    running = server(SITE + GUARD_ROUTES + route("/programs/*", "static", "source_files = true") + route("/.git/*", "static", "hidden_files = true"))
    assert b"SECRET" in running.fetch("/programs/env").body and running.fetch("/.git/config").body == b"SECRET"
    assert running.fetch("/linked/env").status == running.fetch("/.env").status == 404


# [[expect]]

TESTED = ('[[site]]\nhosts = ["example.org"]\nroot = "www"\nheaders = { X-A = "b" }\n' + route("/old/*", "redirect", 'to = "/new/{path}"') +
          route("/cgi-bin/*", "cgi", 'root = "programs"') + route("/ok", "respond", 'body = "ok"'))


@pytest.fixture
def tested(tmp_path):
    """The files that TESTED serves, with a program that leaves a trace."""
    site(tmp_path, {"index.html": "index", "sub/a.txt": "a"})
    site(tmp_path, {"touch": f"#!/bin/sh\ntouch {tmp_path}/ran\n", "plain": "no program"}, "programs")


def expectation(request, *lines):
    return "\n".join(["[[expect]]", f'request = "{request}"', *lines, ""])


PASSES = {
    "status": ("http://example.org/", "status = 200"),
    "method": ("DELETE http://example.org/", "status = 405", 'header = { Allow = "GET, HEAD, OPTIONS" }'),
    "field": ("http://example.org/old/a?x=1", "status = 301", 'header = { location = "/new/a?x=1", X-A = "b", ETag = false, Date = true }'),
    "field of the request": ("http://example.org/", 'request_header = { If-None-Match = "*" }', "status = 304"),
    "route that is added": ("http://example.org/sub/a.txt", 'route = "/*"', 'handler = "static"'),
    "route": ("http://example.org/ok", 'route = "/ok"', 'handler = "respond"', "status = 200"),
    "other host": ("http://nowhere.example/", "status = 421"),
    "directory": ("http://example.org/sub", "status = 301", 'header = { Location = "/sub/" }'),
    "program": ("http://example.org/cgi-bin/touch/more", 'route = "/cgi-bin/*"', 'handler = "cgi"'),
    "program that is missing": ("http://example.org/cgi-bin/none", "status = 404", 'handler = "cgi"'),
    "program that is none": ("http://example.org/cgi-bin/plain", "status = 403"),
}


@pytest.mark.parametrize("lines", PASSES.values(), ids=list(PASSES))
def test_expectation_that_holds_is_no_error(check, tested, tmp_path, lines):
    result = check(TESTED + expectation(*lines))
    assert result.returncode == 0 and "is valid" in result.stderr, result.stderr
    assert not (tmp_path / "ran").exists()


# (lines, the message as a whole)
FAILS = {
    "status": (("http://example.org/none", "status = 200"), r"expected status 200, got 404"),
    "value of a field": (("http://example.org/old/a", 'header = { Location = "/a" }'), r"expected Location `/a`, got `/new/a`"),
    "field that is missing": (("http://example.org/", "header = { X-B = true }"), r"expected a field X-B, got none"),
    "value that is missing": (("http://example.org/", 'header = { X-B = "b" }'), r"expected X-B `b`, got no such field"),
    "field that is there": (("http://example.org/", "header = { x-a = false }"), r"expected no field x-a, got `b`"),
    "route": (("http://example.org/ok", 'route = "/old/*"'), r"expected the route `/old/\*`, got `/ok`"),
    "handler": (("http://example.org/ok", 'handler = "static"'), r"expected the handler `static`, got `respond`"),
    "no route": (("DELETE http://example.org/", 'route = "/*"'), r"expected the route `/\*`, got none"),
    "several": (("http://example.org/ok", "status = 201", 'handler = "cgi"'),
                r"expected status 201, got 200; expected the handler `cgi`, got `respond`"),
    "status of a program": (("http://example.org/cgi-bin/touch", "status = 200"),
                            r"the program .*/programs/touch answers, which tests do not run: only `route` and `handler` can be expected"),
    "field of a program": (("http://example.org/cgi-bin/touch", 'handler = "cgi"', "header = { Date = true }"),
                           r"the program .*only `route` and `handler` can be expected"),
}


@pytest.mark.parametrize("lines,message", FAILS.values(), ids=list(FAILS))
def test_expectation_that_fails_is_an_error_at_its_place(check, tested, tmp_path, lines, message):
    text = TESTED + "\n" + expectation(*lines)
    line = text.splitlines().index(f'request = "{lines[0]}"') + 1
    result = check(text)
    assert result.returncode == 2 and not result.stdout and "is valid" not in result.stderr
    shown = re.fullmatch(rf"(.*): error: {message}\n *{line} \| (.*)\n *\| ( *)(\^~*)\n(?: *= .*\n)?\n*", result.stderr)
    assert shown, result.stderr
    assert shown[1] == f"{tmp_path}/uvhttpd.toml:{line}:11"
    assert shown[2] == f'request = "{lines[0]}"' and (len(shown[3]), len(shown[4])) == (10, len(lines[0]) + 2)
    faults = json.loads(check(text, "--json").stdout)
    places = [(fault["severity"], fault["file"], fault["line"], fault["column"]) for fault in faults]
    assert places == [("error", f"{tmp_path}/uvhttpd.toml", line, 11)] and re.fullmatch(message, faults[0]["message"])
    assert not (tmp_path / "ran").exists()


def test_expectation_that_fails_shows_what_the_error_log_would_say(check, tested):
    result = check(TESTED + expectation("http://example.org/.env", "status = 200"))
    assert result.returncode == 2 and re.search(r"= the error log would say: .*hidden_files", result.stderr)


def test_all_expectations_that_fail_are_shown_in_one_run(check, tested):
    text = TESTED + "".join(expectation(f"http://example.org/{n}", f"status = {status}") for n, status in enumerate((404, 200, 404, 500)))
    result = check(text)
    assert result.returncode == 2 and re.findall(r"error: (.*)", result.stderr) == ["expected status 200, got 404", "expected status 500, got 404"]
    assert len(json.loads(check(text, "--json").stdout)) == 2
    assert not check(text, "--effective").stdout


def test_file_whose_expectation_fails_is_not_started(uvhttpd, check, tested, tmp_path):
    checked = check(TESTED + expectation("http://example.org/", "status = 404") + '[[listener]]\naddress = "127.0.0.1:0"\n')
    started = uvhttpd("-c", tmp_path / "uvhttpd.toml")
    assert (started.returncode, started.stdout, started.stderr) == (2, "", checked.stderr)


def test_reload_is_refused_while_an_expectation_fails(server, tested, tmp_path):
    old, new = (TESTED + route("/version", "respond", f'body = "{version}"') for version in ("old", "new"))
    running = server(old + expectation("http://example.org/", "status = 200"))

    def version():
        return running.fetch("/version", host="example.org").body

    failing = new + expectation("http://example.org/", "status = 200") + expectation("http://example.org/version", "status = 404")
    line = failing.splitlines().index('request = "http://example.org/version"') + 1
    assert running.reload(failing) == "Reload refused"
    running.wait_for_log(rf"{re.escape(str(tmp_path))}/uvhttpd\.toml:{line}:11: expected status 404, got 200")
    running.wait_for_log("Reload refused, the old configuration goes on")
    assert version() == b"old"
    # What is tested are the files as they are now.
    (tmp_path / "www/index.html").rename(tmp_path / "index.html")
    passing = new + expectation("http://example.org/", "status = 200")
    assert running.reload(passing) == "Reload refused" and version() == b"old"
    (tmp_path / "index.html").rename(tmp_path / "www/index.html")
    assert running.reload(passing) == "Reloaded" and version() == b"new"


def test_reload_that_tests_programs_runs_none(server, tested, tmp_path):
    running = server(TESTED)
    assert running.reload(TESTED + expectation("http://example.org/cgi-bin/touch", 'handler = "cgi"')) == "Reloaded"
    assert not (tmp_path / "ran").exists()
    assert running.reload(TESTED + expectation("http://example.org/cgi-bin/touch", "status = 200")) == "Reload refused"
    assert not (tmp_path / "ran").exists()


# check --effective

EVERYTHING = "\n".join([
    r"""
[types]
".X-Own" = "text/x-own"
[[site]]
root = "www"
index = ["start.html", "index.html"]
listing = true
fallback = "/start.html"
clean_urls = true
hidden_files = true
source_files = true
symlinks = "follow"
compress = ["gzip"]
charset = "iso-8859-1"
cache_control = { "/a \"b\".html" = "no-cache", "*.html" = "max-age=1", "/assets/*" = "immutable" }
headers = { X-A = "a \" \\ b", "/assets/*" = { X-A = "assets" }, "*.html" = { "X-B" = "html" } }
error_pages = { 404 = "/lost.html", "4xx" = "/start.html", "5xx" = "/lost.html" }
[site.cors]
origins = ["https://app.example.org", "https://*.example.net:8443"]
methods = ["PUT"]
headers = ["X-T"]
expose = ["X-A"]
credentials = true
max_age = 0
""",
    route("/html/*", "respond", "type = 'text/html'", "body = '''<p title='{path}'>\n{query}</p>'''"),
    route("/go/*", "redirect", 'to = "https://{host}/{path}?{query}"', 'cors = { origins = ["*"], headers = ["*"], expose = ["*"] }'),
    route("/run/*", "cgi", 'root = "programs"', 'headers = { "/run/env" = { X-R = "run" } }'),
    route("/assets/*", "static", 'fallback = ""', "clean_urls = false", "hidden_files = false", "source_files = false",
          "listing = false", 'charset = ""', "compress = []", 'cache_control = { "*.css" = "private" }'),
    expectation("http://h/none.js", "status = 404", 'header = { Vary = true, "Cache-Control" = false }'),
    expectation("OPTIONS http://h/html/a", 'request_header = { Origin = "https://app.example.org", Access-Control-Request-Method = "PUT" }',
                'header = { Access-Control-Allow-Methods = "PUT" }'),
    expectation("http://h/run/env", 'route = "/run/*"', 'handler = "cgi"'),
    expectation("http://h/go/a?b=c", r'header = { Location = "https://h/a?b=c", X-A = "a \" \\ b" }')])


def test_configuration_in_force_is_accepted_again_and_answers_alike(check, server, tmp_path):
    site(tmp_path, {"start.html": "start", "lost.html": "lost", "about.html": "about", ".env": "env", "a.x-own": "own", "bare/a.txt": "a",
                    "assets/x.css": "x" * 999})
    site(tmp_path, {"env": VARIABLES}, "programs")
    first = check(EVERYTHING, "--effective")
    assert first.returncode == 0, first.stderr
    again = check(first.stdout, "--effective")
    assert (again.returncode, again.stdout) == (0, first.stdout), again.stderr
    statuses = {"/": 200, "/users/7": 200, "/none.js": 404, "/about": 200, "/.env": 200, "/a.x-own": 200, "/bare/": 200, "/assets/x.css": 200,
                "/assets/none": 404, "/html/a%3Cb?%22": 200, "/go/a?b": 301, "/run/none": 404}
    answers = []
    for text in (EVERYTHING, re.sub(r'address = "127\.0\.0\.1:8080"', 'address = "127.0.0.1:0"', first.stdout)):
        running = server(text)
        answers.append([])
        for target in statuses:
            answer = running.fetch(target, fields=["Origin: https://app.example.org", "Accept-Encoding: gzip"])
            answers[-1].append((target, answer.status, without_date(answer), answer.body))
        running.stop()
    assert answers[0] == answers[1]
    assert {target: status for target, status, _, _ in answers[0]} == statuses
