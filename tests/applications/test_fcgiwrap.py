# SPDX-License-Identifier: MIT
"""fcgiwrap: CGI programs that another server starts, behind FastCGI."""
import hashlib
import os

import pytest

import forms
from programs import HERE
from repositories import git, make_repository

CONFIG = """
[server]
workers = 2
[limits]
body_bytes = "64MiB"
[[site]]
[[site.route]]
path = "/cgi/*"
handler = "fastcgi"
upstream = ["unix:{socket}"]
root = "{here}/cgi"
split = ".cgi"

[[site.route]]
path = "/git/*"
handler = "fastcgi"
upstream = ["unix:{socket}"]
split = ""
[site.route.params]
SCRIPT_FILENAME = "/usr/lib/git-core/git-http-backend"
GIT_PROJECT_ROOT = "{tmp}/repositories"
GIT_HTTP_EXPORT_ALL = "1"
HOME = "{tmp}"
"""


@pytest.fixture(scope="module")
def wrapped(programs, shared_server, shared_tmp):
    socket = programs.fcgiwrap("fcgiwrap", programs.socket("fcgiwrap"))
    make_repository(shared_tmp)
    return shared_server(CONFIG.format(socket=socket, here=HERE, tmp=shared_tmp))


def test_a_cgi_program_answers(wrapped):
    octets = os.urandom(1 << 20)
    fields, body = forms.multipart({"name": "Ada"}, {"file": ("data", octets)})
    answer = wrapped.fetch("/cgi/perl.cgi/some/path", method="POST", fields=fields, body=body)
    assert answer.status == 200 and answer.get("Content-Type") == "text/plain; charset=utf-8"
    assert {"method=POST", "script_name=/cgi/perl.cgi", "path_info=/some/path", "field name=Ada",
            f"file data {1 << 20} {hashlib.sha1(octets).hexdigest()}"} <= set(answer.body.decode().splitlines())


def test_its_statuses_and_redirections_are_taken(wrapped):
    assert wrapped.fetch("/cgi/perl.cgi/gone").status == 410
    away = wrapped.fetch("/cgi/perl.cgi/away")
    assert (away.status, away.get("Location")) == (303, "http://example.org/there")
    assert wrapped.fetch("/cgi/no-such.cgi").status == 404


def test_a_repository_is_cloned_and_pushed_to(wrapped, shared_tmp, tmp_path):
    """With the whole route as one application, and chunked bodies larger than a record."""
    work = tmp_path / "work"
    git(tmp_path, "clone", f"http://127.0.0.1:{wrapped.port}/git/project.git", work)
    assert (work / "README").read_text() == "one\ntwo <&>\n"
    (work / "large").write_bytes(os.urandom(3 << 20))
    git(tmp_path, "add", "-A", cwd=work)
    git(tmp_path, "commit", "-m", "large", cwd=work)
    git(tmp_path, "push", "origin", "main", cwd=work)
    bare = shared_tmp / "repositories" / "project.git"
    assert git(tmp_path, "rev-parse", "main", cwd=bare) == git(tmp_path, "rev-parse", "main", cwd=work)
    git(tmp_path, "fsck", "--strict", cwd=bare)
