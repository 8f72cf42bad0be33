# SPDX-License-Identifier: MIT
"""Applications that people run as CGI programs: gitweb, cgit, PHP, CGI.pm, and Python's ways from CGI to WSGI."""
import hashlib
import json
import os
import re
import shutil
import subprocess

import pytest

import forms
import wire
from programs import HERE, PYTHON
from repositories import git, make_repository

CONFIG = """
[server]
workers = 2
[limits]
body_bytes = "64MiB"
[[site]]
root = "www"

[[site.route]]
path = "/gitweb/static/*"
root = "/usr/share/gitweb/static"
handler = "static"

[[site.route]]
path = "/gitweb/*"
handler = "cgi"
program = "/usr/share/gitweb/gitweb.cgi"
env = {{ GITWEB_CONFIG = "{tmp}/gitweb.conf", HOME = "{tmp}" }}

[[site.route]]
path = "/cgit-static/*"
root = "/usr/share/cgit"
handler = "static"

[[site.route]]
path = "/cgit/*"
handler = "cgi"
program = "/usr/lib/cgit/cgit.cgi"
env = {{ CGIT_CONFIG = "{tmp}/cgitrc", HOME = "{tmp}" }}

[[site.route]]
path = "*.php"
handler = "cgi"
interpreter = {{ ".php" = "/usr/bin/php-cgi" }}

[[site.route]]
path = "/cgi-bin/*"
handler = "cgi"
root = "{here}/cgi"
readable = ["{here}/python"]
writable = ["{tmp}"]
env = {{ PYTHONPATH = "{here}/python", DJANGO_DATABASE = "{tmp}/django.sqlite3", {python} }}
"""


@pytest.fixture(scope="module")
def applications(shared_server, shared_tmp):
    make_repository(shared_tmp)
    (shared_tmp / "gitweb.conf").write_text(f"""
        $projectroot = "{shared_tmp}/repositories";
        @stylesheets = ("/gitweb/static/gitweb.css");
        $logo = "/gitweb/static/git-logo.png";
        $feature{{'pathinfo'}}{{'default'}} = [1];
        1;
    """)
    (shared_tmp / "cgitrc").write_text(f"css=/cgit-static/cgit.css\nlogo=/cgit-static/cgit.png\nvirtual-root=/cgit/\ncache-size=0\n"
                                       f"snapshots=tar.gz\nscan-path={shared_tmp}/repositories\n")
    shutil.copytree(HERE / "php", shared_tmp / "www")
    python = ", ".join(f'{name} = "{value}"' for name, value in PYTHON.items())
    return shared_server(CONFIG.format(tmp=shared_tmp, here=HERE, python=python))


def tip(tmp):
    return git(tmp, "rev-parse", "main", cwd=tmp / "repositories" / "project.git")


def text(answer):
    return answer.body.decode()


# --- gitweb ---


def test_gitweb_shows_a_repository_and_its_links_lead_on(applications):
    page = applications.fetch("/gitweb/")
    assert page.status == 200 and "project.git" in text(page) and "A project for the test" in text(page)
    summary = re.search(r'href="(/gitweb/project\.git)"', text(page))[1]
    page = applications.fetch(summary)
    assert page.status == 200 and "The second commit" in text(page) and "The first commit" in text(page)
    for href in re.findall(r'href="(/gitweb/project\.git/(?:log|tree|shortlog|commit|heads)[^"#]*)"', text(page)):
        assert applications.fetch(href.replace("&amp;", "&")).status == 200, href


def test_gitweb_gives_files_as_they_are_and_diffs(applications, shared_tmp):
    raw = applications.fetch("/gitweb/project.git/blob_plain/HEAD:/README")
    assert raw.status == 200 and raw.body == b"one\ntwo <&>\n"
    binary = applications.fetch("/gitweb/project.git/blob_plain/HEAD:/sub/data.bin")
    assert binary.body == bytes(range(256))
    diff = applications.fetch(f"/gitweb/?p=project.git;a=commitdiff_plain;h={tip(shared_tmp)}")
    assert diff.status == 200 and "+two <&>" in text(diff)


def test_gitweb_has_its_own_404_and_its_static_files_are_served(applications):
    assert applications.fetch("/gitweb/?p=no-such.git;a=summary").status == 404
    page = text(applications.fetch("/gitweb/"))
    style = re.search(r'href="(/gitweb/static/[^"]+\.css)"', page)[1]
    assert applications.fetch(style).get("Content-Type").startswith("text/css")
    logo = re.search(r'src="(/gitweb/static/[^"]+\.png)"', page)[1]
    assert applications.fetch(logo).get("Content-Type") == "image/png"


# --- cgit ---


def test_cgit_shows_a_repository_its_log_and_a_commit(applications, shared_tmp):
    page = applications.fetch("/cgit/")
    assert page.status == 200 and "project.git" in text(page) and "A project for the test" in text(page)
    log = applications.fetch("/cgit/project.git/log/")
    assert log.status == 200 and "The second commit" in text(log) and "The first commit" in text(log)
    commit = applications.fetch(f"/cgit/project.git/commit/?id={tip(shared_tmp)}")
    assert commit.status == 200 and "two &lt;&amp;&gt;" in text(commit)
    assert applications.fetch("/cgit/project.git/plain/sub/data.bin").body == bytes(range(256))


def test_cgit_makes_an_archive_that_unpacks(applications, tmp_path):
    archive = applications.fetch("/cgit/project.git/snapshot/project-main.tar.gz")
    assert archive.status == 200
    listing = subprocess.run(["tar", "-tzf", "-"], input=archive.body, stdout=subprocess.PIPE, check=True).stdout.decode()
    assert "project-main/README" in listing.split()


def test_cgit_knows_what_it_does_not_have(applications):
    assert applications.fetch("/cgit/no-such.git/").status == 404
    page = text(applications.fetch("/cgit/"))
    for path in re.findall(r"(?:href|src)='(/cgit-static/[^']+)'", page):
        assert applications.fetch(path).status == 200, path
    assert "/cgit-static/cgit.css" in page


def test_cgit_answers_head_without_a_body(applications):
    plain = applications.fetch("/cgit/project.git/plain/README")
    head = applications.fetch("/cgit/project.git/plain/README", method="HEAD")
    assert (plain.status, plain.body) == (200, b"one\ntwo <&>\n")
    assert (head.status, head.body, head.get("Content-Type")) == (200, b"", plain.get("Content-Type"))


# --- PHP as CGI ---


def test_php_is_told_about_the_request(applications):
    answer = applications.fetch("/echo.php/more/path?a=1&b[]=x&b[]=y", fields=["Proxy: http://evil.example", "Cookie: c=d"])
    assert answer.status == 200
    told = json.loads(answer.body)
    assert told["sapi"] == "cgi-fcgi" and told["get"] == {"a": "1", "b": ["x", "y"]} and told["cookies"] == {"c": "d"}
    assert (told["server"]["SCRIPT_NAME"], told["server"]["PATH_INFO"]) == ("/echo.php", "/more/path")
    assert told["server"]["REQUEST_URI"] == "/echo.php/more/path?a=1&b[]=x&b[]=y"
    assert "HTTP_PROXY" not in told["server"] and "HTTP_PROXY" not in told["environment"]
    assert "HTTPS" not in told["server"]


def test_php_takes_forms_and_uploads(applications):
    octets = os.urandom(3 << 20)
    fields, body = forms.multipart({"text": "grün"}, {"file": ("a photo.png", octets)})
    told = json.loads(applications.fetch("/echo.php", method="POST", fields=fields, body=body).body)
    assert told["post"] == {"text": "grün"}
    assert told["files"]["file"]["name"] == "a photo.png"
    # php.ini lets nobody send more than 2 MB, and PHP says so itself.
    assert told["files"]["file"]["error"] == 1
    fields, body = forms.multipart({}, {"file": ("b", octets[:1 << 20])})
    told = json.loads(applications.fetch("/echo.php", method="POST", fields=fields, body=body).body)
    assert told["files"]["file"]["sha1"] == hashlib.sha1(octets[:1 << 20]).hexdigest()


def test_php_failures_are_statuses_and_no_source_is_shown(applications):
    fatal = applications.fetch("/fatal.php")
    assert fatal.status == 500 and b"no_such_function" not in fatal.body
    assert applications.fetch("/missing.php").status == 404
    assert applications.fetch("/status.php?code=404").body == b"the body of 404"
    for target in ("/echo.php", "/echo.php/", "/echo.php/x", "/echo%2Ephp", "//echo.php", "/echo.php?-s"):
        assert b"secret" not in applications.fetch(target).body, target


# --- Perl ---


def test_cgi_pm_reads_fields_uploads_and_cookies(applications):
    octets = os.urandom(100_000)
    fields, body = forms.multipart({"name": "Ada", "text": "a&b=c"}, {"file": ("data", octets)})
    answer = applications.fetch("/cgi-bin/perl.cgi/some/path", method="POST", fields=[*fields, "Cookie: seen=3"], body=body,
                                host="example.org")
    assert answer.status == 200 and answer.get("Content-Type") == "text/plain; charset=utf-8"
    lines = text(answer).splitlines()
    assert {"method=POST", "script_name=/cgi-bin/perl.cgi", "path_info=/some/path", "seen=3", "field name=Ada", "field text=a&b=c",
            f"file data 100000 {hashlib.sha1(octets).hexdigest()}"} <= set(lines)
    assert [cookie.split(";")[0] for cookie in answer.all("Set-Cookie")] == ["seen=4", "other=a%20b"]


def test_cgi_pm_redirects_and_sets_statuses(applications):
    away = applications.fetch("/cgi-bin/perl.cgi/away")
    assert (away.status, away.get("Location")) == (303, "http://example.org/there")
    gone = applications.fetch("/cgi-bin/perl.cgi/gone")
    assert (gone.status, gone.body) == (410, b"gone\n")


def test_cgi_pm_makes_absolute_urls_with_our_port(applications):
    answer = applications.fetch("/cgi-bin/perl.cgi/x", host=f"127.0.0.1:{applications.port}")
    assert f"url=http://127.0.0.1:{applications.port}/cgi-bin/perl.cgi/x" in text(answer)


# --- Python ---


def test_wsgiref_finds_nothing_to_complain_about(applications):
    body = bytes(range(256)) * 100
    answer = applications.fetch("/cgi-bin/wsgi.py/a%20path?q=%20", method="POST", fields=["Content-Type: a/b"], body=body)
    assert answer.status == 202 and answer.get("X-Length") == str(len(body))
    head, _, rest = answer.body.partition(b"\n\n")
    assert rest == body
    assert set(head.decode().splitlines()) == {"REQUEST_METHOD=POST", "SCRIPT_NAME=/cgi-bin/wsgi.py", "PATH_INFO=/a path",
                                               "QUERY_STRING=q=%20", "CONTENT_TYPE=a/b"}


def test_wsgiref_reads_a_body_that_was_sent_in_chunks(applications):
    body = os.urandom(300_000)
    with applications.client() as client:
        client.send(wire.request("/cgi-bin/wsgi.py", "POST", ["Transfer-Encoding: chunked", "Content-Type: a/b"]) +
                    wire.chunked(body, 1000))
        answer = client.response("POST")
    assert answer.get("X-Length") == str(len(body)) and answer.body.endswith(body)


def test_flask_runs_as_cgi(applications):
    visitor = forms.Visitor(applications)
    told = json.loads(visitor.post("/cgi-bin/flask_cgi.py/?x=1", {"name": "Ada Lovelace"}).body)
    assert told["form"] == {"name": "Ada Lovelace"} and told["script_root"] == "/cgi-bin/flask_cgi.py"
    assert told["url"] == f"http://{visitor.host}/cgi-bin/flask_cgi.py/?x=1"
    assert [visitor.fetch("/cgi-bin/flask_cgi.py/count").body for _ in range(2)] == [b"1", b"2"]
    assert visitor.follow(visitor.fetch("/cgi-bin/flask_cgi.py/away")).body == b"3"
    assert visitor.fetch("/cgi-bin/flask_cgi.py/fail").status == 500
    assert visitor.fetch("/cgi-bin/flask_cgi.py/teapot").all("X-Own") == ["a", "b"]


def test_django_runs_as_cgi(applications):
    answer = applications.fetch("/cgi-bin/django_cgi.py/hello/w%C3%B6rld?q=a", host="example.org")
    told = json.loads(answer.body)
    assert told["hello"] == "wörld" and told["url"] == "http://example.org/cgi-bin/django_cgi.py/hello/w%C3%B6rld?q=a"
    busy = applications.fetch("/cgi-bin/django_cgi.py/busy")
    assert (busy.status, busy.get("Retry-After")) == (503, "7")
    assert applications.fetch("/cgi-bin/django_cgi.py/nothing").status == 404
    login = applications.fetch("/cgi-bin/django_cgi.py/admin/", host="example.org")
    assert login.status == 302 and login.get("Location").startswith("/cgi-bin/django_cgi.py/admin/login/")
