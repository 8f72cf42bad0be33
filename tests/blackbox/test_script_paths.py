# SPDX-License-Identifier: MIT
"""Which script answers a path of a `fastcgi` or `scgi` route, what is never run, and what is never shown."""
import json

import pytest

from fastcgi_server import FastCgiConnection, Program, ScgiConnection, seen
from sites import put, site

SECRET = "<?php secret"
CONFIG = """
[server]
workers = 1
[[site]]
root = "www"
[[site.route]]
path = "/dirs/*"
handler = "HANDLER"
upstream = "UPSTREAM"
index = ["main.php", "index.php"]
[[site.route]]
path = "/own/*"
handler = "HANDLER"
upstream = "UPSTREAM"
root = "scripts"
[[site.route]]
path = "/py/*"
handler = "HANDLER"
upstream = "UPSTREAM"
root = "scripts"
split = ".py"
[[site.route]]
path = "/front/*"
handler = "HANDLER"
upstream = "UPSTREAM"
script = "/front.php"
[[site.route]]
path = "/app/*"
handler = "HANDLER"
upstream = "UPSTREAM"
split = ""
[[site.route]]
path = "/exactly"
handler = "HANDLER"
upstream = "UPSTREAM"
split = ""
[[site.route]]
path = "/remote/*"
handler = "HANDLER"
upstream = "UPSTREAM"
root = "/on/another/machine"
local_files = false
[[site.route]]
path = "/files/*"
handler = "static"
root = "scripts"
listing = true
[[site.route]]
path = "/shown/*"
handler = "static"
root = "scripts"
source_files = true
[[site.route]]
path = "*.php"
handler = "HANDLER"
upstream = "UPSTREAM"

[[site]]
hosts = ["controller"]
root = "www"
[[site.route]]
path = "/*"
handler = "HANDLER"
upstream = "UPSTREAM"
script = "/front.php"

[[site]]
hosts = ["linked"]
root = "www"
symlinks = "deny"
[[site.route]]
path = "*.php"
handler = "HANDLER"
upstream = "UPSTREAM"
"""
FILES = {
    "x.php": SECRET, "sub/y.php": SECRET, "front.php": SECRET, "a b.php": SECRET, "dirs/index.php": SECRET, "dirs/both/main.php": SECRET,
    "dirs/both/index.php": SECRET, "dirs/empty/readme.txt": "text", "upload/evil.jpg": SECRET, "upload/evil.php.jpg": "a picture",
    "dir.php/inner.txt": "inner", ".hidden.php": SECRET, ".git/x.php": SECRET, "x.php~": SECRET, "x.php.bak": SECRET,
    "x.php.old": SECRET, "x.php.gz": SECRET, "X.PHP": SECRET, ".x.php.swp": SECRET, "x.phps": "meant to be shown",
    "page.html": "a page", "index.html": "index",
}
SCRIPTS = {"readme": "readme", "z.php": SECRET, "tool.py": SECRET, "in/z.php": SECRET}


@pytest.fixture(scope="module", params=["fastcgi", "scgi"])
def scripts(shared_server, shared_tmp, request):
    """(server, program) of one handler after the other."""
    root = site(shared_tmp, FILES)
    site(shared_tmp, SCRIPTS, "scripts")
    put(shared_tmp / "outside" / "out.php", SECRET)
    for name, target in (("escape.php", "../outside/out.php"), ("absolute.php", shared_tmp / "outside/out.php"),
                         ("out", "../outside"), ("alias.php", "x.php"), ("broken.php", "nowhere.php")):
        if not (root / name).is_symlink():
            (root / name).symlink_to(target)
    program = Program(FastCgiConnection if request.param == "fastcgi" else ScgiConnection)
    running = shared_server(CONFIG.replace("HANDLER", request.param).replace("UPSTREAM", program.upstream))
    yield running, program
    program.kill()


# (path, host, SCRIPT_NAME, PATH_INFO, SCRIPT_FILENAME below the directory of the configuration; None: not there)
FOUND = {
    "script": ("/x.php", "", "/x.php", "", "www/x.php"),
    "script with more behind it": ("/x.php/a/b", "", "/x.php", "/a/b", "www/x.php"),
    "the first that ends so": ("/x.php/sub/y.php", "", "/x.php", "/sub/y.php", "www/x.php"),
    "a slash behind it": ("/x.php/", "", "/x.php", "/", "www/x.php"),
    "encoded": ("/%61%20b%2Ephp", "", "/a b.php", "", "www/a b.php"),
    "dots": ("/sub/.././sub//y.php", "", "/sub/y.php", "", "www/sub/y.php"),
    "dots in PATH_INFO that hide": ("/x.php/.git/config", "", "/x.php", "/.git/config", "www/x.php"),
    "a link inside": ("/alias.php", "", "/alias.php", "", "www/alias.php"),
    "index": ("/dirs/", "", "/dirs/index.php", "", "www/dirs/index.php"),
    "the first index": ("/dirs/both/", "", "/dirs/both/main.php", "", "www/dirs/both/main.php"),
    "own root": ("/own/in/z.php/i", "", "/own/in/z.php", "/i", "scripts/in/z.php"),
    "own split": ("/py/tool.py/i.php", "", "/py/tool.py", "/i.php", "scripts/tool.py"),
    "front controller": ("/front/some/path", "", "/front.php", "/front/some/path", "www/front.php"),
    "front controller for a directory": ("/", "controller", "/front.php", "/", "www/front.php"),
    "front controller for a missing script": ("/missing.php", "controller", "/front.php", "/missing.php", "www/front.php"),
    "a script beside the front controller": ("/sub/y.php", "controller", "/sub/y.php", "", "www/sub/y.php"),
    "application": ("/app/some/x.php", "", "/app", "/some/x.php", None),
    "application itself": ("/app", "", "/app", "", None),
    "application with a slash": ("/app/", "", "/app", "/", None),
    "application of one path": ("/exactly", "", "/exactly", "", None),
    "what is no script, of a route with a prefix": ("/own/missing.txt", "", "/own", "/missing.txt", None),
    "a directory without an index": ("/dirs/empty/", "", "/dirs", "/empty/", None),
    "on another machine": ("/remote/any/x.php/i", "", "/remote/any/x.php", "/i", "/on/another/machine/any/x.php"),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_path_has_its_script(scripts, shared_tmp, name):
    running, _ = scripts
    path, host, script_name, path_info, file = FOUND[name]
    told = seen(running.fetch(path + "?q=1", host=host or "localhost"))
    assert (told["SCRIPT_NAME"], told["PATH_INFO"], told["REQUEST_URI"]) == (script_name, path_info, path + "?q=1")
    assert told.get("SCRIPT_FILENAME") == (file and str(shared_tmp / file))
    assert told["DOCUMENT_ROOT"] == f"{shared_tmp}/www"
    expected = f"{shared_tmp}/www{path_info}" if file and path_info else None
    assert told.get("PATH_TRANSLATED") == expected


NOT_RUN = {
    "missing": "/missing.php", "missing with more": "/missing.php/x.php", "a script in a file": "/upload/evil.jpg/x.php",
    "only an extension in a file": "/upload/evil.jpg/.php", "a NUL": "/upload/evil.jpg%00.php", "a directory": "/dir.php",
    "in a directory": "/dir.php/inner.txt", "hidden": "/.hidden.php", "in a hidden directory": "/.git/x.php",
    "an encoded slash": "/x.php%2Fa", "an encoded slash before": "/sub%2Fy.php", "an encoded slash of an application": "/app/a%2Fb",
    "above": "/../outside/out.php", "above, encoded": "/%2e%2e/outside/out.php", "a link out": "/escape.php",
    "an absolute link": "/absolute.php", "a link to a directory outside": "/out/out.php", "a broken link": "/broken.php",
    "own root, missing": "/own/missing.php", "own root, above": "/own/../x.php/../z.php",
    "a hidden one of another machine": "/remote/.x.php", "too long": f"/{'x' * 300}.php",
}


@pytest.mark.parametrize("name", NOT_RUN)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_no_script_is_not_run_and_never_shown(scripts, name, method):
    running, program = scripts
    before = len(program.requests)
    answer = running.fetch(NOT_RUN[name], method=method, body=b"body" if method == "POST" else None)
    assert answer.status == (400 if name == "a NUL" else 404), answer
    assert b"secret" not in answer.body and len(program.requests) == before


def test_links_may_be_forbidden_altogether(scripts):
    running, _ = scripts
    assert running.fetch("/alias.php", host="linked").status == 404
    assert running.fetch("/x.php", host="linked").status == 200


SOURCES = ["/x.php~", "/x.php.bak", "/x.php.old", "/x.php.gz", "/X.PHP", "/.x.php.swp", "/x%2Ephp~", "/sub/../x.php~", "/upload/../X.PHP",
           "/files/z.php", "/files/tool.py", "/files/in/z.php", "/files/tool%2Epy"]


@pytest.mark.parametrize("path", SOURCES)
def test_sources_are_not_files_for_everybody(scripts, path):
    running, program = scripts
    before = len(program.requests)
    for method, fields in (("GET", ()), ("HEAD", ()), ("GET", ["Range: bytes=0-3"]), ("GET", ["Accept-Encoding: gzip"])):
        answer = running.fetch(path, method=method, fields=fields)
        assert answer.status == 404 and b"secret" not in answer.body, answer
    assert len(program.requests) == before


@pytest.mark.parametrize("method, fields", [
    ("HEAD", ()), ("GET", ["Range: bytes=0-3"]), ("GET", ["Accept-Encoding: gzip, br"]), ("GET", ["If-None-Match: *"]), ("OPTIONS", ()),
    ("PUT", ()), ("DELETE", ()), ("PATCH", ()), ("PROPFIND", ()), ("POST", ["Content-Type: text/x"])])
def test_every_method_reaches_the_program_and_none_the_source(scripts, method, fields):
    running, program = scripts
    before = len(program.requests)
    answer = running.fetch("/x.php", method=method, fields=fields)
    assert b"secret" not in answer.body and answer.status in (200, 204, 405, 501), answer
    if answer.status == 200:
        assert program.requests[before].variables["REQUEST_METHOD"] == method


def test_files_beside_scripts_are_files(scripts):
    running, _ = scripts
    for path, body in (("/page.html", b"a page"), ("/", b"index"), ("/upload/evil.php.jpg", b"a picture"), ("/x.phps", b"meant to be shown")):
        assert running.fetch(path).body == body
    assert running.fetch("/files/readme").body == b"readme"
    assert b"tool.py" not in running.fetch("/files/").body and b"readme" in running.fetch("/files/").body
    assert running.fetch("/shown/tool.py").body == SECRET.encode()


def test_a_new_script_is_found_and_one_that_is_gone_is_not(scripts, shared_tmp):
    running, _ = scripts
    assert running.fetch("/new.php").status == 404
    file = put(shared_tmp / "www/new.php", SECRET)
    assert running.fetch("/new.php").status == 200
    file.unlink()
    assert running.fetch("/new.php").status == 404


# What the command line says.

@pytest.fixture
def file(tmp_path):
    site(tmp_path, FILES)
    site(tmp_path, SCRIPTS, "scripts")
    return put(tmp_path / "uvhttpd.toml", CONFIG.replace("HANDLER", "fastcgi").replace("UPSTREAM", "unix:/run/php.sock"))


@pytest.mark.parametrize("name", FOUND)
def test_explain_says_which_script_and_upstream_would_answer(uvhttpd, file, tmp_path, name):
    path, host, _, path_info, script = FOUND[name]
    if name == "a link inside":
        (tmp_path / "www/alias.php").symlink_to("x.php")
    url = f"http://{host or 'localhost'}{path}"
    result = uvhttpd("explain", "-c", file, url, "--json")
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert (answer["handler"], answer.get("upstream")) == ("fastcgi", "unix:/run/php.sock")
    assert answer["file"] == (script and str(tmp_path / script)) and answer["status"] is None
    assert path_info == "" or answer["details"] == f"with PATH_INFO {path_info}"


def test_explain_tells_people_the_same(uvhttpd, file, tmp_path):
    said = uvhttpd("explain", "-c", file, "http://localhost/x.php/a/b").stdout
    assert f"program   {tmp_path}/www/x.php, with PATH_INFO /a/b\n" in said and "upstream  unix:/run/php.sock\n" in said
    said = uvhttpd("explain", "-c", file, "http://localhost/app/a").stdout
    assert "upstream  unix:/run/php.sock, with PATH_INFO /a\n" in said and "program " not in said


@pytest.mark.parametrize("name", ["missing", "a script in a file", "an encoded slash", "hidden"])
def test_explain_says_that_nothing_would_run(uvhttpd, file, name):
    result = uvhttpd("explain", "-c", file, "http://localhost" + NOT_RUN[name], "--json")
    assert json.loads(result.stdout)["status"] == 404 and "unix:" not in result.stdout


# A directory whose index is a script: to be run by the route that has it, wherever the directory itself is answered.
INDEXES = """
[server]
workers = 1
log_level = "debug"
[[site]]
root = "www"
index = ["index.php", "index.html"]
body_bytes = "1KB"
[[site.route]]
path = "/closed/*.php"
handler = "fastcgi"
upstream = "UPSTREAM"
deny = ["127.0.0.1"]
[[site.route]]
path = "/kept/*"
handler = "static"
methods = ["GET", "HEAD"]
[[site.route]]
path = "/kept/*"
handler = "respond"
status = 403
[[site.route]]
path = "*.php"
handler = "fastcgi"
upstream = "UPSTREAM"
body_bytes = "1MB"
[[site]]
hosts = ["plain"]
root = "www"
index = ["index.php", "index.html"]
listing = true
[[site]]
hosts = ["posting"]
root = "www"
index = ["index.php", "index.html"]
[[site.route]]
path = "*.php"
handler = "fastcgi"
upstream = "UPSTREAM"
methods = ["POST"]
"""
BOTH = ("d", "closed", "kept", "a b")


@pytest.fixture(scope="module")
def indexes(shared_server, tmp_path_factory):
    tmp = tmp_path_factory.mktemp("indexes")
    site(tmp, {f"{directory}/{name}": content for directory in BOTH for name, content in (("index.php", SECRET), ("index.html", "a page"))})
    site(tmp, {"only/index.php": SECRET, "pages/index.html": "a page"})
    program = Program(FastCgiConnection)
    yield shared_server(INDEXES.replace("UPSTREAM", program.upstream), tmp=tmp)
    program.kill()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/d/", "/a%20b/", "/only/", "/x/../d/"])
def test_an_index_that_is_a_script_runs(indexes, method, path):
    answer = indexes.fetch(path + "?q=1", method=method, body=b"x" * 2000 if method == "POST" else None)
    told = seen(answer)
    script = path.replace("%20", " ").replace("/x/..", "") + "index.php"
    assert (told["REQUEST_METHOD"], told["SCRIPT_NAME"], told["REQUEST_URI"], told["QUERY_STRING"]) == (method, script, path + "?q=1", "q=1")
    assert told["SCRIPT_FILENAME"].endswith("/www" + script) and told.get("CONTENT_LENGTH") == ("2000" if method == "POST" else None)


def test_rules_of_the_route_that_runs_the_index_count(indexes):
    assert indexes.fetch("/closed/").status == indexes.fetch("/closed/", method="POST", body=b"").status == 403
    assert indexes.fetch("/d/", method="POST", body=b"x" * 2_000_000).status == 413
    assert indexes.fetch("/kept/", method="POST", body=b"").status == 403
    assert seen(indexes.fetch("/d/", host="posting", method="POST", body=b""))["SCRIPT_NAME"] == "/d/index.php"


def test_an_index_that_no_route_runs_is_passed_over(indexes):
    for path, host in (("/d/", "posting"), ("/d/", "plain")):
        for _ in range(2):
            answer = indexes.fetch(path, host=host)
            assert (answer.status, answer.body) == (200, b"a page")
    assert indexes.fetch("/only/", host="plain").status == 404
    indexes.wait_for_log(r"GET /only/: source_files: .*\(404\)")


def test_a_directory_without_its_slash_is_redirected_as_before(indexes):
    assert indexes.fetch("/d?q").get("Location") == "/d/?q"
    for path, method in (("/pages/", "POST"), ("/d%2F", "POST"), ("/d", "POST")):
        assert indexes.fetch(path, method=method, body=b"").status == 405


def test_explain_tells_who_runs_the_index(uvhttpd, tmp_path):
    site(tmp_path, {"d/index.php": SECRET, "d/index.html": "a page"})
    file = put(tmp_path / "uvhttpd.toml", INDEXES.replace("UPSTREAM", "unix:/run/php.sock"))
    for method in ("GET", "POST"):
        said = json.loads(uvhttpd("explain", "-c", file, "--json", method, "http://localhost/d/").stdout)
        assert (said["route"]["path"], said["handler"], said["path"]) == ("*.php", "fastcgi", "/d/index.php")
        assert said["file"] == f"{tmp_path}/www/d/index.php"
    said = json.loads(uvhttpd("explain", "-c", file, "--json", "http://plain/d/").stdout)
    assert (said["handler"], said["file"], said["details"], said["status"]) == ("static", f"{tmp_path}/www/d/index.html", "", 200)


def test_a_directory_of_scripts_without_its_slash_is_redirected(scripts):
    running, _ = scripts
    for host, path, location in (("controller", "/dirs?q=1", "/dirs/?q=1"), ("controller", "/dirs/both", "/dirs/both/"),
                                 ("localhost", "/dirs", "/dirs/"), ("localhost", "/dirs/both", "/dirs/both/")):
        for method, status in (("GET", 301), ("HEAD", 301), ("POST", 308)):
            answer = running.fetch(path, host=host, method=method, body=b"" if method == "POST" else None)
            assert (answer.status, answer.get("Location")) == (status, location), (host, path)
    for path in ("/dirs/empty", "/upload", "/dir.php", "/.git", "/x.phps", "/missing"):
        assert seen(running.fetch(path, host="controller"))["SCRIPT_NAME"] == "/front.php", path


ROUTE = '[[site]]\n[[site.route]]\npath = "/*"\nhandler = "fastcgi"\n'
ENCODED = """
[server]
workers = 1
[[site]]
root = "www"
[[site.route]]
path = "/app/private/*"
handler = "respond"
status = 403
[[site.route]]
path = "/app/*"
handler = "HANDLER"
upstream = "UPSTREAM"
split = ""
encoded_slashes = true
[[site.route]]
path = "/redirect/*"
handler = "cgi"
program = "redirect"
[[site.route]]
path = "/cgi/*"
handler = "cgi"
root = "programs"
encoded_slashes = true
[[site.route]]
path = "/strict/*"
handler = "cgi"
root = "programs"
[[site.route]]
path = "/*"
handler = "HANDLER"
upstream = "UPSTREAM"
script = "/front.php"
encoded_slashes = true
"""


@pytest.fixture(scope="module", params=["fastcgi", "scgi"])
def encoded(shared_server, tmp_path_factory, request):
    tmp = tmp_path_factory.mktemp("encoded")
    site(tmp, {"x.php": SECRET, "front.php": SECRET, "sub/y.php": SECRET, ".git/x.php": SECRET})
    put(tmp / "outside/out.php", SECRET)
    put(tmp / "programs/tell", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\necho \"$SCRIPT_NAME|$PATH_INFO|$REQUEST_URI\"\n")
    put(tmp / "programs/.hidden/tell", "#!/bin/sh\nexit 1\n")
    put(tmp / "redirect", "#!/bin/sh\nprintf 'Location: %s\\n\\n' \"$QUERY_STRING\"\n")
    program = Program(FastCgiConnection if request.param == "fastcgi" else ScgiConnection)
    yield shared_server(ENCODED.replace("HANDLER", request.param).replace("UPSTREAM", program.upstream), tmp=tmp)
    program.kill()


@pytest.mark.parametrize("path, script_name, path_info", [
    ("/app/a%2Fb%2f", "/app", "/a/b/"), ("/x.php%2Fa", "/x.php", "/a"), ("/sub%2Fy.php", "/sub/y.php", ""), ("/some%2Fpage", "/front.php", "/some/page"),
    ("/..%2Foutside%2Fout.php", "/front.php", "/outside/out.php"), ("/.git%2Fx.php", "/front.php", "/.git/x.php"),
    ("/sub%2F..%2Fx.php", "/x.php", "")])
def test_encoded_slashes_are_slashes_where_the_route_takes_them(encoded, path, script_name, path_info):
    told = seen(encoded.fetch(path + "?q=%2F"))
    assert (told["SCRIPT_NAME"], told["PATH_INFO"], told["REQUEST_URI"], told["QUERY_STRING"]) == (script_name, path_info, path + "?q=%2F", "q=%2F")


def test_programs_take_encoded_slashes_where_the_route_does(encoded):
    assert encoded.fetch("/cgi/tell%2Fa").body == b"/cgi/tell|/a|/cgi/tell%2Fa\n"
    assert encoded.fetch("/cgi%2Ftell").body == b"/cgi/tell||/cgi%2Ftell\n"
    assert encoded.fetch("/redirect/?/cgi/tell%2Fb").body == b"/cgi/tell|/b|/cgi/tell%2Fb\n"
    assert encoded.fetch("/redirect/?/strict/tell%2Fb").status == 404


@pytest.mark.parametrize("path", ["/app/private%2Fx", "/app%2Fprivate/x", "/app/x%2F..%2Fprivate%2Fx", "/app%2Fprivate%2F", "/redirect/?/app/private%2Fx"])
def test_encoded_slashes_pass_by_no_other_route(encoded, path):
    assert encoded.fetch(path).status == 403


@pytest.mark.parametrize("path", ["/cgi/.hidden%2Ftell", "/cgi%2F.hidden/tell", "/cgi/x%2F..%2F.hidden%2Ftell"])
def test_encoded_slashes_lead_to_nothing_hidden(encoded, path):
    assert encoded.fetch(path).status == 404


def test_the_log_says_why_an_encoded_slash_is_refused(encoded, scripts):
    for running, path in ((encoded, "/strict/tell%2Fa"), (scripts[0], "/app/a%2Fb")):
        assert running.fetch(path).status == 404
        running.wait_for_log(rf"GET {path}: encoded_slashes: .*\(404\)")


def test_check_prints_encoded_slashes(uvhttpd, tmp_path):
    site(tmp_path, {"front.php": SECRET})
    put(tmp_path / "redirect", "#!/bin/sh\n")
    put(tmp_path / "programs/tell", "#!/bin/sh\n")
    file = put(tmp_path / "uvhttpd.toml", ENCODED.replace("HANDLER", "scgi").replace("UPSTREAM", "127.0.0.1:9000"))
    printed = uvhttpd("check", "-c", file, "--effective").stdout
    assert (printed.count("encoded_slashes = true"), printed.count("encoded_slashes = false")) == (3, 2)


FAULTS = {
    "no upstream": (ROUTE, 4, "needs `upstream`"),
    "an empty list": (ROUTE + "upstream = []", 5, "names no upstream"),
    "no port": (ROUTE + 'upstream = "php"', 5, "upstream"),
    "a scheme of another handler": (ROUTE + 'upstream = "http://127.0.0.1:9000"', 5, "http://127.0.0.1:9000"),
    "a bad one in a list": (ROUTE + 'upstream = [\n"127.0.0.1:9000",\n"127.0.0.1:99999"]', 7, "127.0.0.1:99999"),
    "twice the same": (ROUTE + 'upstream = ["127.0.0.1:9000", "fastcgi://127.0.0.1:9000"]', 5, "twice"),
    "a socket with too long a name": (ROUTE + f'upstream = "unix:/{"x" * 108}"', 5, "upstream"),
    "a root that is not there": (ROUTE + 'upstream = "127.0.0.1:9000"\nroot = "nowhere"', 6, "nowhere"),
    "a script that is not there": (ROUTE + 'upstream = "127.0.0.1:9000"\nroot = "www"\nscript = "/no.php"', 7, "no.php"),
    "a script without a root": (ROUTE + 'upstream = "127.0.0.1:9000"\nscript = "/x.php"', 6, "root"),
    "a split without a root": (ROUTE + 'upstream = "127.0.0.1:9000"\nsplit = ".php"', 6, "root"),
    "a split that is none": (ROUTE + 'upstream = "127.0.0.1:9000"\nroot = "www"\nsplit = "php"', 7, "must begin with `.`"),
    "a length of its own": (ROUTE + 'upstream = "127.0.0.1:9000"\nparams = { CONTENT_LENGTH = "1" }', 6, "CONTENT_LENGTH"),
    "a key of another handler": (ROUTE + 'upstream = "127.0.0.1:9000"\nstrip_prefix = true', 6, "strip_prefix"),
    "a path that cannot be asked for": (ROUTE + 'upstream = "127.0.0.1:9000"\nhealth = { path = "/" }', 6, "path"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_check_points_at_the_line(uvhttpd, tmp_path, name):
    site(tmp_path, {"x.php": SECRET})
    text, line, what = FAULTS[name]
    file = put(tmp_path / "uvhttpd.toml", text + "\n")
    result = uvhttpd("check", "-c", file)
    assert result.returncode != 0 and f"{file}:{line}:" in result.stderr and what in result.stderr, result.stderr
    assert result.stderr.count("error:") == 1, result.stderr
