# SPDX-License-Identifier: MIT
"""config/examples with the programs they are written for behind them; only paths, sockets and ports are changed."""
import json
import os
import re
import shutil
import subprocess

import pytest

import forms
import sockets
from examples import DIRECTORY, example, uncommented
from programs import HERE, PYTHON
from repositories import git, make_repository

LISTENER = {'"127.0.0.1:8080"': '"127.0.0.1:0"'}
EVIL = b"\xff\xd8\xff<?php header('X-Run: yes'); echo 'it' . ' ran';"
ADMIN = "/usr/lib/python3/dist-packages/django/contrib/admin/static"


@pytest.fixture
def start(programs, server, tmp_path):
    """start(example, changes): a server with it; a client of its says for which host it asks."""
    def run(name, changes, host):
        return forms.Visitor(server(example(name, changes)), host)
    return run


# --- php-site.toml ---

@pytest.fixture
def php(programs, start, tmp_path):
    public = tmp_path / "public"
    for directory in ("uploads/image.jpg", "assets"):
        (public / directory).mkdir(parents=True)
    shutil.copy(HERE / "php" / "front.php", public / "index.php")
    shutil.copy(HERE / "php" / "echo.php", public)
    (public / "assets" / "app.1a2b.css").write_text("a {}")
    for name in ("uploads/evil.php", "uploads/evil.jpg", "uploads/image.jpg/evil.php"):
        (public / name).write_bytes(EVIL)
    fpm = programs.php_fpm(f"fpm-{tmp_path.name}", programs.socket(f"fpm-{tmp_path.name}"))
    return start("php-site.toml", {**LISTENER, "/srv/php-site/public": public, "/run/php/php-fpm.sock": fpm}, "example.org")


@pytest.mark.parametrize("target", ["/", "/articles/42?page=2", "/composer.json"])
def test_what_no_file_answers_the_front_controller_does(php, target):
    answer = php.fetch(target)
    assert answer.status == 200 and answer.body.decode().endswith(f"index.php for {target}")


def test_a_script_that_is_there_runs(php):
    fields, body = forms.multipart({"name": "Ada"}, {"file": ("a.bin", os.urandom(1 << 20))})
    told = json.loads(php.fetch("/echo.php?a=1", "POST", fields, body).body)
    assert (told["get"], told["post"]) == ({"a": "1"}, {"name": "Ada"})


def test_assets_are_kept_and_those_that_are_missing_are_not_phps(php):
    answer = php.fetch("/assets/app.1a2b.css")
    assert (answer.status, answer.body, answer.get("Cache-Control")) == (200, b"a {}", "public, max-age=31536000, immutable")
    missing = php.fetch("/assets/app.0000.css")
    assert missing.status == 404 and b"index.php for" not in missing.body


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS", "PROPFIND"])
def test_no_upload_runs(php, method):
    for target in ("/uploads/evil.php", "/uploads/evil.php/x", "/uploads/evil.jpg/x.php", "/uploads/image.jpg/evil.php",
                   "/uploads/%65vil.php", "//uploads/evil.php", "/assets/../uploads/evil.php", "/uploads/evil.jpg"):
        answer = php.fetch(target, method)
        assert answer.get("X-Run") is None and b"it ran" not in answer.body, target


# --- django.toml ---

def django_database(tmp):
    environment = {**PYTHON, "DJANGO_DATABASE": str(tmp / "django.sqlite3")}
    subprocess.run(["/usr/bin/python3", HERE / "python" / "django_app.py"], check=True, cwd=tmp, env={**os.environ, **environment})
    return environment


def django_paths(tmp, socket):
    media = tmp / "media"
    media.mkdir()
    (media / "drawing.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    return {**LISTENER, "/run/django/app.sock": socket, "/srv/django/static": ADMIN, "/srv/django/media": media}


@pytest.fixture
def django(programs, start, tmp_path):
    name = f"django-{tmp_path.name}"
    socket = programs.gunicorn(name, programs.socket(name), "django_app:application", env=django_database(tmp_path))
    return start("django.toml", django_paths(tmp_path, socket), "example.org")


def test_django_answers_for_its_host(django):
    told = json.loads(django.fetch("/hello/w%C3%B6rld?a=1").body)
    assert (told["hello"], told["url"]) == ("wörld", "http://example.org/hello/w%C3%B6rld?a=1")


def test_somebody_signs_in_to_the_admin_pages(django):
    page = django.fetch("/admin/login/?next=/admin/")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.body.decode())[1]
    answer = django.post("/admin/login/?next=/admin/", {"username": "admin", "password": "secret", "csrfmiddlewaretoken": token,
                                                        "next": "/admin/"})
    assert b"Site administration" in django.follow(answer).body


def test_static_files_and_media_come_from_the_disk(django):
    asset = django.fetch("/static/admin/css/base.css")
    assert asset.status == 200 and asset.get("ETag") and "immutable" in asset.get("Cache-Control")
    drawing = django.fetch("/media/drawing.svg")
    assert drawing.status == 200 and drawing.get("Content-Security-Policy") == "default-src 'none'; sandbox"


@pytest.mark.parametrize("handler, note", [("fastcgi", "no scripts: the whole route is one application"), ("scgi", "likewise")])
def test_django_answers_by_uwsgi(programs, start, tmp_path, monkeypatch, handler, note):
    for name, value in django_database(tmp_path).items():
        monkeypatch.setenv(name, value)
    socket = programs.socket(f"uwsgi-{tmp_path.name}")
    programs.uwsgi(f"uwsgi-{tmp_path.name}", {f"--{handler}-socket": socket}, "django_app:application")
    block = f'handler         = "{handler}"\nupstream        = "unix:/run/django/app.sock"\nsplit           = ""   # {note}\n'
    kept = 'handler         = "proxy"\nupstream        = "http://unix:/run/django/app.sock"\n'
    django = start("django.toml", {kept: "", **uncommented(block), **django_paths(tmp_path, socket)}, "example.org")
    told = json.loads(django.fetch("/hello/w%C3%B6rld?a=1").body)
    assert (told["hello"], told["url"]) == ("wörld", "http://example.org/hello/w%C3%B6rld?a=1")


# --- tomcat.toml ---

@pytest.fixture(scope="module")
def tomcat_port(programs):
    return programs.tomcat("tomcat", programs.port())[1]


@pytest.fixture
def tomcat(start, tomcat_port):
    changes = {'"0.0.0.0:80"': '"127.0.0.1:0"', "http://127.0.0.1:8080": f"http://127.0.0.1:{tomcat_port}"}
    return start("tomcat.toml", changes, "example.org")


def test_tomcats_redirections_and_sessions_are_ours(tomcat):
    answer = tomcat.fetch("/examples/servlets")
    assert b"Servlet" in tomcat.follow(answer).body
    tomcat.post("/examples/servlets/servlet/SessionExample", {"dataname": "bird", "datavalue": "coot"})
    assert b"bird = coot" in tomcat.fetch("/examples/servlets/servlet/SessionExample").body


def test_tomcat_is_told_who_asks(tomcat):
    page = tomcat.fetch("/examples/servlets/servlet/RequestHeaderExample", fields=["Accept: text/html", "X-Forwarded-For: 6.6.6.6"]).body
    fields = dict(re.findall(r"<td[^>]*>\s*([a-z-]+)\s*</td><td>\s*(.*?)\s*</td>", page.decode().lower()))
    assert (fields["host"], fields["x-forwarded-for"], fields["x-forwarded-proto"]) == ("example.org", "127.0.0.1", "http")
    assert fields["x-request-id"]


def test_tomcats_websockets_echo(tomcat):
    port = tomcat.server.port
    sockets.run(sockets.echoes("ws://example.org/examples/websocket/echoAnnotation", ["hello"], host="127.0.0.1", port=port))


def test_tomcats_manager_is_not_seen(tomcat):
    for target in ("/manager/html", "/%6danager/html", "/examples/../manager/html"):
        answer = tomcat.fetch(target)
        assert answer.status == 404 and b"Tomcat" not in answer.body, target
    for target in ("/manager;x/html", "/;x/manager/html", "/%6danager;/html", "/examples/..;/manager/html"):
        answer = tomcat.fetch(target)
        assert answer.status == 400 and b"Tomcat" not in answer.body, target


# --- git-hosting.toml ---

def cgitrc(tmp):
    """The one in the comment of the example."""
    lines = re.search(r"/etc/cgitrc:\n((?:#     .*\n)+)", (DIRECTORY / "git-hosting.toml").read_text(encoding="utf-8"))[1]
    file = tmp / "cgitrc"
    file.write_text(re.sub("^#     ", "", lines, flags=re.MULTILINE).replace("/srv/git", str(tmp / "repositories")) + "cache-size=0\n")
    return file


@pytest.fixture
def hosting(start, tmp_path):
    make_repository(tmp_path)
    changes = {'"/etc/cgitrc"': f'"{cgitrc(tmp_path)}"', '"/srv/git"': f'"{tmp_path}/repositories"'}
    return start("git-hosting.toml", {**LISTENER, **changes}, "git.example.org")


def test_a_repository_is_cloned_and_nobody_pushes(hosting, tmp_path):
    def as_host(*arguments, **more):
        return git(tmp_path, "-c", "http.extraHeader=Host: git.example.org", *arguments, **more)
    clone = tmp_path / "clone"
    as_host("clone", f"http://127.0.0.1:{hosting.server.port}/git/project.git", clone)
    assert (clone / "README").read_text() == "one\ntwo <&>\n"
    git(tmp_path, "config", "--unset", "http.receivepack", cwd=tmp_path / "repositories" / "project.git")
    with pytest.raises(AssertionError, match="403"):
        as_host("push", "origin", "main:other", cwd=clone)


def test_cgit_shows_a_repository_and_how_to_clone_it(hosting):
    assert b"project.git" in hosting.fetch("/").body
    page = hosting.fetch("/project.git/").body.decode()
    assert "The second commit" in page and "http://git.example.org/git/project.git" in page
    style = re.search(r"href='(/cgit-static/cgit\.css)'", page)[1]
    assert hosting.fetch(style).get("Cache-Control") == "public, max-age=86400"


# --- websocket-app.toml ---

@pytest.fixture
def websocket_app(programs, start, tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "index.html").write_text("<!doctype html><title>a page</title>")
    tornado = programs.python(f"tornado-{tmp_path.name}", "tornado_app.py", programs.port())
    lines = programs.websocketd(f"lines-{tmp_path.name}", programs.port(), "cat")
    return start("websocket-app.toml", {**LISTENER, '"/srv/websocket-app"': f'"{tmp_path}/app"', "http://127.0.0.1:8888":
                                        f"http://127.0.0.1:{tornado[1]}", "http://127.0.0.1:8889": f"http://127.0.0.1:{lines[1]}"},
                 "example.org")


@pytest.mark.parametrize("path", ["/app/echo", "/lines"])
def test_a_page_and_its_websockets_have_one_host(websocket_app, path):
    assert b"a page" in websocket_app.fetch("/").body
    sockets.run(sockets.echoes(f"ws://example.org{path}", ["hello", "grün"], host="127.0.0.1", port=websocket_app.server.port))


def test_a_stop_ends_websockets_after_its_drain_timeout(websocket_app):
    async def ended():
        async with sockets.connect("ws://example.org/lines", host="127.0.0.1", port=websocket_app.server.port) as client:
            await client.send("hello")
            assert await client.recv() == "hello"
            websocket_app.server.signal(15)
            await client.wait_closed()
            return client.close_code
    assert sockets.run(ended()) == 1006
    websocket_app.server.wait_for_end()
