# SPDX-License-Identifier: MIT
"""`uvhttpd explain`: what it says is what the server does, and nothing is run."""
import json
import re

import pytest

from sites import put, site

CONFIG = """
[[listener]]
address = "127.0.0.1:0"

[[site]]
hosts = ["example.org", "*.example.org"]
root = "www"
headers = { "X-Content-Type-Options" = "nosniff" }
cache_control = { "*.html" = "no-cache" }
error_pages = { 404 = "/404.html" }
[[site.route]]
path = "/cgi-bin/*"
methods = ["POST", "GET"]
handler = "cgi"
[[site.route]]
path = "/old/*"
handler = "redirect"
to = "/new/{path}"
headers = { "X-Route" = "r" }
[[site.route]]
path = "/ok"
handler = "respond"
body = "fine"

[[site]]
hosts = ["other.org"]
root = "www"
"""
FILES = {"index.html": "index", "404.html": "lost", "a.css": "css" * 500, "a.css.gz": b"gz", "sub/index.html": "sub",
         "cgi-bin/echo": "#!/bin/sh\ntouch \"$PWD/ran\"\n", "cgi-bin/plain": "text"}
BASE = "http://example.org"


@pytest.fixture
def file(tmp_path):
    site(tmp_path, FILES)
    return put(tmp_path / "uvhttpd.toml", CONFIG)


@pytest.fixture
def explain(uvhttpd, file):
    """explain(*arguments) of the file above, as a dictionary."""
    def run(*arguments):
        result = uvhttpd("explain", "-c", file, "--json", *arguments)
        assert result.returncode == 0 and not result.stderr, result.stderr
        return json.loads(result.stdout)
    return run


@pytest.fixture
def text(uvhttpd, file):
    """What it says to people."""
    def run(*arguments):
        result = uvhttpd("explain", "-c", file, *arguments)
        assert result.returncode == 0 and not result.stderr, result.stderr
        return result.stdout
    return run


def fields(answer):
    return {field["name"]: field["value"] for field in answer["fields"]}


def origins(answer):
    return {field["name"]: field["from"] for field in answer["fields"]}


# (arguments, status, route, handler, file); "-" stands for none.
ANSWERS = {
    "file": ([f"{BASE}/a.css"], 200, "/*", "static", "www/a.css"),
    "compressed file": ([f"{BASE}/a.css", "-H", "Accept-Encoding: gzip"], 200, "/*", "static", "www/a.css.gz"),
    "index": ([f"{BASE}/"], 200, "/*", "static", "www/index.html"),
    "no path": ([BASE], 200, "/*", "static", "www/index.html"),
    "directory without its slash": ([f"{BASE}/sub"], 301, "/*", "static", "-"),
    "missing file": ([f"{BASE}/missing"], 404, "/*", "static", "www/missing"),
    "HEAD": (["HEAD", f"{BASE}/a.css"], 200, "/*", "static", "www/a.css"),
    "range": ([f"{BASE}/a.css", "-H", "Range: bytes=0-1"], 206, "/*", "static", "www/a.css"),
    "redirect": ([f"{BASE}/old/a?x=1"], 301, "/old/*", "redirect", "-"),
    "fixed answer": ([f"{BASE}/ok"], 200, "/ok", "respond", "-"),
    "missing program": ([f"{BASE}/cgi-bin/none"], 404, "/cgi-bin/*", "cgi", "-"),
    "program that is none": ([f"{BASE}/cgi-bin/plain"], 403, "/cgi-bin/*", "cgi", "-"),
    "other method": (["DELETE", f"{BASE}/a.css"], 405, "-", "-", "-"),
    "other host": (["http://nowhere.org/"], 421, "-", "-", "-"),
    "no valid target": ([f"{BASE}/%zz"], 400, "-", "-", "-"),
    "host in a field": (["http://nowhere.org/ok", "-H", "Host: example.org"], 200, "/ok", "respond", "-"),
}


@pytest.mark.parametrize("arguments,status,route,handler,behind", ANSWERS.values(), ids=list(ANSWERS))
def test_answer(explain, tmp_path, arguments, status, route, handler, behind):
    answer = explain(*arguments)
    assert answer["status"] == status
    assert (answer["route"] or {"path": "-"})["path"] == route
    assert (answer["handler"] or "-") == handler
    assert answer["file"] == (None if behind == "-" else str(tmp_path / behind))


@pytest.mark.parametrize("path", ["/", "/a.css", "/missing", "/old/a?x=1", "/ok", "/sub", "/cgi-bin/none", "/%zz"])
def test_answer_is_what_the_server_sends(explain, server, tmp_path, path):
    said = explain(BASE + path, "-H", "Connection: close")
    sent = server(CONFIG).fetch(path, host="example.org")
    assert said["status"] == sent.status and said["reason"] == sent.reason
    assert said["body_bytes"] == len(sent.body)
    without_date = [(name, value) for name, value in sent.fields if name != "Date"]
    assert [(field["name"], field["value"]) for field in said["fields"] if field["name"] != "Date"] == without_date


def test_condition_is_evaluated(explain):
    tag = fields(explain(f"{BASE}/a.css"))["ETag"]
    answer = explain(f"{BASE}/a.css", "-H", f"If-None-Match: {tag}")
    assert answer["status"] == 304 and answer["body_bytes"] == 0


def test_head_has_no_body(explain):
    answer = explain("HEAD", f"{BASE}/a.css")
    assert answer["body_bytes"] == 0 and fields(answer)["Content-Length"] == "1500"


def test_program_is_found_and_not_run(explain, text, tmp_path):
    answer = explain(f"{BASE}/cgi-bin/echo/a/b")
    assert answer["is_program"] and answer["status"] is None and answer["fields"] == []
    assert answer["file"] == str(tmp_path / "www/cgi-bin/echo")
    assert "PATH_INFO /a/b" in answer["details"]
    assert re.search(r"^  program +.*/cgi-bin/echo, with PATH_INFO /a/b\n  answer +the program's", text(f"{BASE}/cgi-bin/echo/a/b"), re.M)
    assert not list(tmp_path.rglob("ran"))


def test_fields_have_origins(explain):
    page = origins(explain(f"{BASE}/"))
    assert page["Date"] == page["Content-Length"] == "the server"
    assert page["ETag"] == "the handler static"
    assert page["Cache-Control"] == "cache_control `*.html`"
    assert page["X-Content-Type-Options"].startswith("headers of [[site]]")
    moved = origins(explain(f"{BASE}/old/a"))
    assert moved["Location"] == "the handler redirect" and moved["X-Route"].startswith("headers of [[site.route]]")
    assert origins(explain(f"{BASE}/missing"))["Content-Type"].startswith("error_pages of [[site]]")
    assert origins(explain("DELETE", f"{BASE}/"))["Allow"] == "the server"


def test_reasons_of_the_other_routes(explain, text):
    verdicts = [route["verdict"] for route in explain(f"{BASE}/old/a")["routes"]]
    assert verdicts == ["other_path", "chosen", "not_asked", "not_asked"]
    verdicts = [route["verdict"] for route in explain("PUT", f"{BASE}/cgi-bin/echo")["routes"]]
    assert verdicts == ["other_method", "other_path", "other_path", "shielded"]
    said = text("DELETE", f"{BASE}/a.css")
    assert re.search(r"^    /cgi-bin/\*.*: the path does not match$", said, re.M)
    assert re.search(r"^    /\*.*: takes only GET, HEAD$", said, re.M)
    assert re.search(r"^    Allow: GET, HEAD, OPTIONS +the server$", said, re.M)


def test_text_begins_with_the_request_and_lines_up(text):
    said = text(f"{BASE}/old/a?x=1").splitlines()
    assert said[0] == f"GET {BASE}/old/a?x=1"
    assert [line.split()[0] for line in said if re.match(r"  \S", line)] == ["listener", "site", "route", "answer", "not"]
    assert any(re.match(r"  answer    301 Moved Permanently, \d+ octets$", line) for line in said)
    # From the second column on, where the origins begin.
    columns = {re.match(r"    \S+ .*?  +(?=the |headers |server_)", line).end() for line in said if re.match(r"    [A-Z][\w-]+: ", line)}
    assert len(columns) == 1


def test_unknown_host_is_told_which_there_are(text):
    said = text("http://nowhere.org/")
    assert re.search(r"^  site +none has the host nowhere\.org; there are example\.org, \*\.example\.org, other\.org$", said, re.M)
    assert "421 Misdirected Request" in said


def test_error_log_is_told(explain):
    assert "not executable" in explain(f"{BASE}/cgi-bin/plain")["log"][0]
    assert explain(f"{BASE}/")["log"] == []


LISTENERS = """
[[listener]]
address = "0.0.0.0:8080"
[[listener]]
address = "[::1]:8081"
[[listener]]
address = "unix:http.sock"
[[site]]
root = "www"
"""


@pytest.mark.parametrize("url,says", [
    ("http://example.org:8080/", r"0\.0\.0\.0:8080; perhaps unix:http\.sock"),
    ("http://[::1]:8081/", r"\[::1\]:8081; perhaps unix:http\.sock"),
    ("http://127.0.0.1:8081/", r"perhaps unix:http\.sock; no listener has the address 127\.0\.0\.1 with port 8081"),
    ("http://example.org:81/", r"perhaps unix:http\.sock; no listener has port 81"),
])
def test_listeners_are_those_of_the_url(uvhttpd, tmp_path, url, says):
    site(tmp_path, FILES)
    result = uvhttpd("explain", "-c", put(tmp_path / "uvhttpd.toml", LISTENERS), url)
    assert result.returncode == 0
    assert re.search(rf"^  listener +{says}$", result.stdout, re.M), result.stdout
    assert not (tmp_path / "http.sock").exists()


def test_without_a_listener_of_that_port_it_is_said(uvhttpd, tmp_path):
    site(tmp_path, FILES)
    file = put(tmp_path / "uvhttpd.toml", '[[site]]\nroot = "www"\n')
    said = uvhttpd("explain", "-c", file, "http://localhost:81/").stdout
    assert re.search(r"^  listener +none: no listener has port 81; ", said, re.M) and "200 OK" in said


MISTAKES = {
    "no URL": [], "a path": ["/a"], "no scheme": ["example.org/"], "another scheme": ["ftp://example.org/"],
    "a space in the URL": ["http://example.org/a b"], "a line end in the URL": ["http://example.org/\r\nX: y"],
    "a method that is none": ["G T", BASE], "three words": ["GET", BASE, "more"], "a field without a colon": [BASE, "-H", "X"],
    "a line end in a field": [BASE, "-H", "X: a\r\nY: b"], "a name that is none": [BASE, "-H", "X Y: a"],
}


@pytest.mark.parametrize("arguments", MISTAKES.values(), ids=list(MISTAKES))
def test_mistake_gets_a_message_and_status_2(uvhttpd, file, arguments):
    result = uvhttpd("explain", "-c", file, *arguments)
    assert result.returncode == 2 and not result.stdout
    assert result.stderr.startswith("uvhttpd: "), result.stderr


def test_faulty_file_is_shown_as_check_shows_it(uvhttpd, tmp_path):
    file = put(tmp_path / "uvhttpd.toml", "[server]\nworkes = 3\n")
    for more in [], ["--json"]:
        checked = uvhttpd("check", "-c", file, *more)
        explained = uvhttpd("explain", "-c", file, *more, BASE)
        assert (explained.returncode, explained.stdout, explained.stderr) == (2, checked.stdout, checked.stderr)


LIMITED = """
[[listener]]
address = "127.0.0.1:8080"
[[site]]
root = "www"
rate_limit = { requests = 10, per = "1m", burst = 20 }
[[site.route]]
path = "/key"
handler = "respond"
body_bytes = "1KiB"
rate_limit = { requests = 1, key = "header:X-Key" }
[[site.route]]
path = "/free"
handler = "respond"
rate_limit = false
"""


def test_limit_that_counts_a_request_is_told_and_counts_none(uvhttpd, tmp_path):
    site(tmp_path, FILES)
    file = put(tmp_path / "uvhttpd.toml", LIMITED)

    def run(*arguments):
        return uvhttpd("explain", "-c", file, *arguments).stdout
    assert "  rate      counted by rate_limit in line 6: 10 in 60s, 20 at once, for each client\n" in run("http://localhost:8080/")
    assert "  rate      counted by rate_limit in line 11: 1 in 1s, 1 at once, for each header:x-key\n" in run("http://localhost:8080/key")
    assert "rate_limit" not in run("http://localhost:8080/free")
    limit = json.loads(run("--json", "http://localhost:8080/key"))["counted_by"]
    assert limit == {"requests": 1, "per_ms": 1000, "burst": 1, "key": "header:x-key"}
    large = json.loads(run("--json", "POST", "http://localhost:8080/key", "-H", "Content-Length: 2000"))
    assert large["status"] == 413 and large["because"] == "body_bytes in line 10"


PROXY = """
[[listener]]
address = "127.0.0.1:8080"
[[site]]
[[site.route]]
path = "/*"
handler = "proxy"
upstream = "http://127.0.0.1:9000"
"""


def test_request_that_the_proxy_answers_itself_names_no_upstream(uvhttpd, tmp_path):
    file = put(tmp_path / "uvhttpd.toml", PROXY)

    def explain(*fields):
        return json.loads(uvhttpd("explain", "-c", file, "--json", "OPTIONS", "http://localhost:8080/", *fields).stdout)
    assert explain("-H", "Max-Forwards: 1")["upstream"] == "http://127.0.0.1:9000"
    answer = explain("-H", "Max-Forwards: 0")
    assert (answer["upstream"], answer["status"]) == (None, 204)
