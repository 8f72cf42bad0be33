# SPDX-License-Identifier: MIT
"""Python's applications behind the gateways: gunicorn by HTTP, uwsgi by HTTP, SCGI and FastCGI; Flask and Django."""
import hashlib
import json
import os
import re
import subprocess

import pytest

import forms
import wire
from programs import HERE, PYTHON

PROXY = """
[[site]]
hosts = ["{host}"]
[[site.route]]
path = "/app/*"
handler = "proxy"
upstream = ["http://{upstream}"]
strip_prefix = "/app"
buffer_body = {buffer_body}
"""

SCRIPT = """
[[site]]
hosts = ["{host}"]
[[site.route]]
path = "/app/*"
handler = "{handler}"
upstream = ["{upstream}"]
split = ""
"""

DJANGO = """
[[site]]
hosts = ["django.test"]
[[site.route]]
path = "/static/admin/*"
root = "{static}"
handler = "static"
[[site.route]]
path = "/*"
handler = "proxy"
upstream = ["http://unix:{socket}"]
"""

CONFIG = """
[server]
workers = 2
[limits]
body_bytes = "64MiB"
"""

KINDS = ["gunicorn-tcp.test", "gunicorn-unix.test", "uwsgi-http.test", "uwsgi-scgi.test", "uwsgi-fastcgi.test"]
PROXIED = KINDS[:3]
STATIC = "/usr/lib/python3/dist-packages/django/contrib/admin/static/admin"


def proxy_site(host, upstream, buffer_body="false"):
    return PROXY.format(host=host, upstream=upstream, buffer_body=buffer_body)


@pytest.fixture(scope="module")
def wsgi_server(programs, shared_server, shared_tmp):
    tcp = programs.gunicorn("gunicorn-tcp", programs.port(), "flask_app:proxied")
    unix = programs.gunicorn("gunicorn-unix", programs.socket("gunicorn"), "flask_app:proxied")
    http, scgi, fastcgi = programs.port(), programs.port(), programs.socket("uwsgi")
    programs.uwsgi("uwsgi", {"--scgi-socket": scgi, "--fastcgi-socket": fastcgi}, "flask_app:app")
    # In its HTTP mode the application is told by fields where it stands, as behind any proxy.
    programs.uwsgi("uwsgi-http", {"--http-socket": http}, "flask_app:proxied")
    database = shared_tmp / "django.sqlite3"
    subprocess.run(["/usr/bin/python3", HERE / "python" / "django_app.py"], check=True, cwd=shared_tmp,
                   env={**os.environ, **PYTHON, "DJANGO_DATABASE": str(database)})
    django = programs.gunicorn("django", programs.socket("django"), "django_app:application", env={"DJANGO_DATABASE": str(database)})
    sites = [
        proxy_site(KINDS[0], "%s:%d" % tcp),
        proxy_site(KINDS[1], f"unix:{unix}"),
        proxy_site(KINDS[2], "%s:%d" % http, buffer_body="true"),
        SCRIPT.format(host=KINDS[3], handler="scgi", upstream="%s:%d" % scgi),
        SCRIPT.format(host=KINDS[4], handler="fastcgi", upstream=f"unix:{fastcgi}"),
        DJANGO.format(static=STATIC, socket=django),
    ]
    return shared_server(CONFIG + "".join(sites))


class App:
    """The Flask application in one of its places."""

    def __init__(self, server, host):
        self.server = server
        self.host = host

    def fetch(self, target, **more):
        return self.server.fetch("/app" + target, host=self.host, **more)


@pytest.fixture(params=KINDS)
def app(wsgi_server, request):
    return App(wsgi_server, request.param)


@pytest.fixture(params=PROXIED)
def proxied(wsgi_server, request):
    return App(wsgi_server, request.param)


def test_an_application_knows_where_it_stands_and_who_asks(app):
    told = json.loads(app.fetch("/?q=a%20b").body)
    assert told["url"] == f"http://{app.host}/app/?q=a%20b" and told["query"] == "q=a%20b"
    assert (told["script_root"].rstrip("/"), told["path"], told["client"], told["method"]) == ("/app", "/", "127.0.0.1", "GET")
    assert told["scheme"] == "http"


def test_a_client_cannot_say_who_it_is(app):
    fields = ["X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example", "X-Forwarded-Prefix: /evil",
              "Proxy: http://evil.example", "X_Forwarded_For: 6.6.6.6"]
    told = json.loads(app.fetch("/", fields=fields).body)
    assert "HTTP_PROXY" not in told["environ"]
    if app.host in PROXIED:
        assert (told["client"], told["scheme"]) == ("127.0.0.1", "http") and told["url"] == f"http://{app.host}/app/"


def test_forms_cookies_and_redirections_work_below_a_prefix(app):
    visitor = forms.Visitor(app.server, app.host)
    told = json.loads(visitor.post("/app/", {"name": "Ada & Grace", "text": "grün"}).body)
    assert told["form"] == {"name": "Ada & Grace", "text": "grün"}
    assert [visitor.fetch("/app/count").body for _ in range(2)] == [b"1", b"2"]
    assert visitor.follow(visitor.fetch("/app/away")).body == b"3"


def test_statuses_reasons_and_repeated_fields_are_passed_on(app):
    teapot = app.fetch("/teapot")
    assert (teapot.status, teapot.all("X-Own"), teapot.body) == (418, ["a", "b"], b"short and stout")
    assert app.fetch("/fail").status == 500
    assert app.fetch("/no/such/path").status == 404
    assert app.fetch("/count", method="DELETE").status == 405


def test_head_has_the_fields_and_no_body(app):
    with app.server.client() as client:
        head = client.request("/app/teapot", method="HEAD", host=app.host)
        assert (head.status, head.body) == (418, b"")
        assert client.request("/app/teapot", host=app.host).body == b"short and stout"


def test_an_upload_of_20_megabytes_is_whole(app):
    octets = os.urandom(20 << 20)
    fields, body = forms.multipart({}, {"file": ("large.bin", octets)})
    told = json.loads(app.fetch("/upload", method="POST", fields=fields, body=body).body)
    assert told == {"name": "large.bin", "length": len(octets), "sha1": hashlib.sha1(octets).hexdigest()}


def test_a_body_in_chunks_is_taken(app):
    """As it comes by HTTP to gunicorn; SCGI and FastCGI have only bodies of known length, and uwsgi reads no others."""
    body = os.urandom(3 << 20)
    with app.server.client() as client:
        client.send(wire.request("/app/body", "POST", ["Transfer-Encoding: chunked", "Content-Type: a/b"], host=app.host) +
                    wire.chunked(body, 50_000))
        assert json.loads(client.response("POST").body) == {"length": len(body), "sha1": hashlib.sha1(body).hexdigest()}


def test_an_upload_in_which_the_client_waits_for_100_is_taken(app):
    body = os.urandom(100_000)
    with app.server.client() as client:
        client.send(wire.request("/app/body", "PUT", [f"Content-Length: {len(body)}", "Expect: 100-continue", "Content-Type: a/b"],
                                 host=app.host))
        assert client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        client.send(body)
        assert json.loads(client.response("PUT").body)["sha1"] == hashlib.sha1(body).hexdigest()


def test_a_download_that_is_made_while_it_is_sent_is_whole(app):
    octets = 20 << 20
    assert app.fetch(f"/large/{octets}").body == bytes(range(256)) * (octets >> 8)


def test_events_arrive_when_they_are_made(app):
    """The second is made only when the first has been seen."""
    name = app.host.replace(".", "-")
    with app.server.client() as client:
        client.send(wire.request(f"/app/events/{name}", host=app.host))
        head = client.read_until(b"\r\n\r\n")
        assert b"text/event-stream" in head
        client.read_until(b"data: first\n\n")
        assert b"second" not in client.unread
        assert app.fetch(f"/gate/{name}", method="POST", body=b"").status == 204
        client.read_until(b"data: second\n\n")


def test_a_proxied_application_reads_the_fields_of_its_proxy(proxied):
    fields = json.loads(proxied.fetch("/", fields=["User-Agent: a test", "X-Own: b", "Connection: close, X-Own-Hop", "X-Own-Hop: c",
                                                   "TE: gzip"]).body)["fields"]
    assert (fields["User-Agent"], fields["X-Own"], fields["Host"]) == ("a test", "b", proxied.host)
    assert "X-Own-Hop" not in fields and "Te" not in fields


def test_an_application_that_is_gone_is_a_502_and_comes_back(programs, server, tmp_path):
    address = programs.port()
    running = server(CONFIG + proxy_site("gone.test", "%s:%d" % address))
    assert running.fetch("/app/", host="gone.test").status in (502, 503)
    programs.gunicorn("late", address, "flask_app:proxied")
    wire.wait_until(lambda: running.fetch("/app/", host="gone.test").status == 200, "the application is used again")


# --- Django ---


@pytest.fixture
def visitor(wsgi_server):
    return forms.Visitor(wsgi_server, "django.test")


def test_django_knows_its_url(visitor):
    told = json.loads(visitor.fetch("/hello/w%C3%B6rld?q=%26").body)
    assert told == {"hello": "wörld", "path": "/hello/wörld", "url": "http://django.test/hello/w%C3%B6rld?q=%26", "secure": False,
                    "query": {"q": "&"}, "length": 0}
    busy = visitor.fetch("/busy")
    assert (busy.status, busy.get("Retry-After")) == (503, "7")


def test_somebody_logs_in_to_django_with_styles_that_we_serve(visitor):
    answer = visitor.fetch("/admin/")
    assert answer.status == 302
    page = visitor.follow(answer).body.decode()
    styles = re.findall(r'href="(/static/admin/[^"]+\.css)"', page)
    assert styles
    for style in styles:
        assert visitor.fetch(style).get("Content-Type").startswith("text/css"), style
    # Django compares the Origin with what it takes for its own name.
    fields, body = forms.encoded({**forms.inputs_of(page, "login-form"), "username": "admin", "password": "secret"})
    answer = visitor.fetch("/admin/login/?next=/admin/", "POST", [*fields, "Origin: http://django.test",
                                                                 "Referer: http://django.test/admin/login/"], body)
    assert answer.status == 302 and "sessionid" in visitor.cookies, answer
    assert "Site administration" in visitor.follow(answer).body.decode()
    wrong = visitor.fetch("/admin/login/", "POST", [*fields, "Origin: http://evil.example"], body)
    assert wrong.status == 403
