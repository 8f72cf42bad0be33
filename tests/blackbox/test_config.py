# SPDX-License-Identifier: MIT
"""The command line and the faults of a configuration file: what is said, where it points to, and the exit status."""
import json
import os
import re
import socket
import subprocess

import pytest

import wire
from conftest import BINARY
from sites import ECHO, put, site, without_override

SITE = '[[site]]\nroot = "www"\n'
TLS = '[[listener]]\naddress = "[::]:443"\ntls = true\n'
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture
def check(uvhttpd, tmp_path):
    """check(text, *arguments) of a file with that text, beside a directory www."""
    site(tmp_path, {"index.html": "index", "404.html": "404"})

    def run(text, *arguments):
        file = tmp_path / "uvhttpd.toml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return uvhttpd("check", "-c", file, *arguments)
    return run


# (text, line, column, what the message says); the line and column are those of the fault.
FAULTS = {
    "unknown key": ('[server]\nworkes = 3\n' + SITE, 2, 1, "workes.*did you mean `?workers"),
    "unknown table": ('[limit]\nconnections = 3\n' + SITE, 1, 2, "limit.*did you mean `?limits"),
    "unknown key of a site": (SITE + 'indx = ["a"]\n', 3, 1, "indx.*did you mean `?index"),
    "unknown key of a route": (SITE + '[[site.route]]\npath = "/a"\nhandler = "respond"\nbdy = "x"\n', 6, 1, "bdy.*did you mean `?body"),
    "key of another handler": (SITE + '[[site.route]]\npath = "/a"\nhandler = "respond"\nto = "/b"\n', 6, 1, "redirect"),
    "wrong type": ('[limits]\nconnections = "many"\n' + SITE, 2, 15, "connections"),
    "string for a boolean": (SITE + 'precompressed = "yes"\n', 3, 17, "precompressed"),
    "string for a list": (SITE + 'index = "index.html"\n', 3, 9, "index"),
    "out of range": ('[limits]\nconnections = 0\n' + SITE, 2, 15, "connections"),
    "negative": ('[limits]\nbody_bytes = -1\n' + SITE, 2, 14, "body_bytes"),
    "not a size": ('[limits]\nhead_bytes = "16KX"\n' + SITE, 2, 14, "16KX"),
    "not a duration": ('[limits]\nhead_timeout = "soon"\n' + SITE, 2, 16, "soon"),
    "size beyond everything": ('[limits]\nbody_bytes = "99999999999GiB"\n' + SITE, 2, 14, "99999999999GiB"),
    "integer beyond 64 bits": ('[limits]\nconnections = 99999999999999999999999999\n' + SITE, 2, 15, ""),
    "target larger than the head": ('[limits]\ntarget_bytes = "32KiB"\n' + SITE, 2, 16, "head_bytes"),
    "missing root": ('[[site]]\nroot = "missing"\n', 2, 8, "No such file"),
    "root that is a file": ('[[site]]\nroot = "www/index.html"\n', 2, 8, "directory"),
    "missing error page": (SITE + 'error_pages = { 404 = "/nothing.html" }\n', 3, 23, "No such file"),
    "error page of no error": (SITE + 'error_pages = { 200 = "/404.html" }\n', 3, 17, "200"),
    "missing fallback": (SITE + 'fallback = "/app.html"\n', 3, 12, "app.html.*No such file"),
    "fallback that another root has not": (SITE + 'fallback = "/index.html"\n[[site.route]]\npath = "/a/*"\nhandler = "static"\nroot = "."\n',
                                           7, 8, "index.html.*No such file.*turns it off"),
    "fallback without a slash": (SITE + 'fallback = "index.html"\n', 3, 12, "begin with"),
    "unknown coding": (SITE + 'compress = ["brotli"]\n', 3, 13, 'did you mean "br"'),
    "coding of a program": (SITE + '[[site.route]]\npath = "/a"\nhandler = "cgi"\nprogram = "/bin/true"\ncompress = []\n', 7, 1, 'the handler "static"'),
    "value under a pattern": (SITE + 'headers = { "/a/*" = "b" }\n', 3, 22, "is a pattern.*table of fields"),
    "table under a field": (SITE + 'headers = { X-A = { X-B = "b" } }\n', 3, 13, "X-A.*no pattern"),
    "origins of nobody": (SITE + 'cors = { credentials = true }\n', 3, 8, "needs `origins`"),
    "origin with a path": (SITE + 'cors = { origins = ["https://a.org/"] }\n', 3, 21, "without a path"),
    "all origins with credentials": (SITE + 'cors = { origins = ["*"], credentials = true }\n', 3, 20, "credentials"),
    "test of a path": (SITE + '[[expect]]\nrequest = "/a"\nstatus = 200\n', 4, 11, 'whole URL.*such as "http://'),
    "test that expects nothing": (SITE + '[[expect]]\nrequest = "http://a/"\n', 3, 1, "expects nothing"),
    "test of no route": (SITE + '[[site.route]]\npath = "/docs/*"\nhandler = "static"\n[[expect]]\nrequest = "http://a/"\nroute = "/doc/*"\n',
                         8, 9, 'did you mean "/docs/\\*"'),
    "unknown choice": (SITE + 'symlinks = "insid"\n', 3, 12, 'did you mean "?inside'),
    "unknown handler": (SITE + '[[site.route]]\npath = "/a"\nhandler = "statc"\n', 5, 11, 'did you mean "?static'),
    "route without a handler": (SITE + '[[site.route]]\npath = "/a"\n', 3, None, "handler"),
    "route without a path": (SITE + '[[site.route]]\nhandler = "respond"\n', 3, None, "path"),
    "path without a slash": (SITE + '[[site.route]]\npath = "a"\nhandler = "respond"\n', 4, 8, "begin with"),
    "path with two stars": (SITE + '[[site.route]]\npath = "/*/*"\nhandler = "respond"\n', 4, 8, r"\*"),
    "redirect without a target": (SITE + '[[site.route]]\npath = "/a"\nhandler = "redirect"\n', 5, 11, "`?to"),
    "redirect with an unknown placeholder": (SITE + '[[site.route]]\npath = "/a"\nhandler = "redirect"\nto = "/{pth}"\n', 6, 6, "pth"),
    "redirect with a status of its own": (SITE + '[[site.route]]\npath = "/a"\nhandler = "redirect"\nto = "/b"\nstatus = 200\n', 7, 10, "301"),
    "missing program": (SITE + '[[site.route]]\npath = "/a"\nhandler = "cgi"\nprogram = "nothing"\n', 6, 11, "No such file"),
    "shadowed route": (SITE + '[[site.route]]\npath = "/a/*"\nhandler = "respond"\n[[site.route]]\npath = "/a/b"\nhandler = "respond"\n',
                       7, 8, "never reached.*line 4"),
    "second default site": (SITE + SITE, 3, None, "default site"),
    "host of two sites": ('[[site]]\nhosts = ["a"]\nroot = "www"\n[[site]]\nhosts = ["A"]\nroot = "www"\n', 5, 10, "line 2"),
    "host that is a URL": ('[[site]]\nhosts = ["http://a"]\nroot = "www"\n', 2, 10, "http://a"),
    "field that frames": (SITE + 'headers = { "Content-Length" = "1" }\n', 3, 13, "Content-Length"),
    "field with a line end": (SITE + 'headers = { "X-A" = "a\\r\\nb" }\n', 3, 21, ""),
    "certificate that is missing": (SITE + 'tls = { certificate = "none.pem", key = "www/404.html" }\n' + TLS, 3, 23, "none.pem.*No such file"),
    "certificates of other number than keys": (SITE + 'tls = { certificate = ["www/404.html"], key = ["www/404.html", "www/index.html"] }\n' + TLS, 3, 47,
                                               "2 for the 1 of `certificate`"),
    "clients' certificates of no authority": (SITE + 'tls = { certificate = "www/404.html", key = "www/404.html", client_certificate = "optional" }\n' + TLS, 3, 82,
                                              "needs `client_ca`"),
    "duration for a field": (SITE + 'tls = { certificate = "www/404.html", key = "www/404.html", hsts = "1y" }\n' + TLS, 3, 68, "max-age=31536000"),
    "TLS without certificates": (SITE + TLS, 5, 7, r"in a \[\[site\]\]: tls = "),
    "network by name": (SITE + 'deny = ["all"]\n', 3, 9, "are all addresses"),
    "authentication without users": (SITE + 'auth = { realm = "a" }\n', 3, 8, "needs `users`.*uvhttpd passwd"),
    "users that are missing": (SITE + 'auth = { users = "none" }\n', 3, 18, "No such file"),
    "rate of nothing": (SITE + 'rate_limit = { per = "1s" }\n', 3, 14, "needs `requests`"),
    "rate by another word": (SITE + 'rate_limit = { requests = 1, key = "X-Key" }\n', 3, 36, '"header:X-Key"'),
    "place of programs that is missing": (SITE + '[[site.route]]\npath = "/a"\nhandler = "cgi"\nwritable = ["www", "none"]\n', 6, 20, "No such file"),
    "upstream over TLS": (SITE + '[[site.route]]\npath = "/a"\nhandler = "proxy"\nupstream = "https://a"\n', 6, 12, "TLS to upstreams is not supported"),
    "upstream without a port": (SITE + '[[site.route]]\npath = "/a"\nhandler = "fastcgi"\nupstream = ["php"]\n', 6, 13, "has no port"),
    "key of a gateway": (SITE + '[[site.route]]\npath = "/a"\nhandler = "cgi"\nupstream = []\n', 6, 1, '"fastcgi", "scgi" and "proxy"'),
    "root of scripts that are elsewhere": (SITE + '[[site.route]]\npath = "/a/*"\nhandler = "fastcgi"\nupstream = "a:1"\nroot = "missing"\n',
                                           7, 8, "No such file.*`local_files = false`"),
    "network with bits behind its prefix": (SITE + '[[listener]]\naddress = "127.0.0.1:80"\ntrusted_proxies = ["10.1.2.3/8"]\n', 5, 20,
                                            'did you mean "10.0.0.0/8"'),
    "mode of no Unix socket": (SITE + '[[listener]]\naddress = "127.0.0.1:80"\nmode = "0660"\n', 5, 8, "Unix socket"),
    "mode that is a number": (SITE + '[[listener]]\naddress = "unix:a"\nmode = 660\n', 5, 8, "octal digits.*0660"),
    "port too large": (SITE + '[[listener]]\naddress = "127.0.0.1:99999"\n', 4, 11, "99999"),
    "address without a port": (SITE + '[[listener]]\naddress = "127.0.0.1"\n', 4, 11, "port"),
    "address that is a name": (SITE + '[[listener]]\naddress = "localhost:80"\n', 4, 11, "localhost"),
    "address twice": (SITE + '[[listener]]\naddress = "127.0.0.1:80"\n[[listener]]\naddress = "127.0.0.1:80"\n', 6, 11, "line 4"),
    "no site": ('[server]\n', None, None, "site"),
    "nothing": ("", None, None, "site"),
    "no TOML": ("this is no TOML\n", 1, None, ""),
    "open string": ('[[site]]\nroot = "www\n', 2, None, ""),
    "key twice": (SITE + 'root = "www"\n', 3, None, "root"),
    "not UTF-8": (b'[[site]]\nroot = "w\xffw"\n', 2, None, "UTF-8"),
    "NUL": (b'[[site]]\nroot = "w\0w"\n', 2, None, ""),
    "deep nesting": ("a = " + "[" * 20000 + "\n" + SITE, 1, None, ""),
    "deep tables": ("[" + "a." * 20000 + "a]\n" + SITE, 1, None, ""),
    "deep inline tables": ("a = " + "{a=" * 20000 + "\n" + SITE, 1, None, ""),
    "larger than any configuration": ("# comment\n" * 3_000_000 + SITE, None, None, "larger"),
}


@pytest.mark.parametrize("text,line,column,says", FAULTS.values(), ids=list(FAULTS))
def test_fault_is_shown_where_it_is(check, tmp_path, text, line, column, says):
    result = check(text)
    assert result.returncode == 2 and not result.stdout
    assert re.search(says, result.stderr.replace("\n", " ")), result.stderr
    assert str(tmp_path / "uvhttpd.toml") in result.stderr
    if line is None:
        return
    place = re.search(r"uvhttpd\.toml:(\d+):(\d+): error: ", result.stderr)
    assert place and int(place[1]) == line, result.stderr
    if column is not None:
        assert int(place[2]) == column, result.stderr
        source, caret = re.search(rf"^ *{line} \| (.*)\n *\| ( *\^~*)$", result.stderr, re.MULTILINE).groups()
        assert source == text.splitlines()[line - 1] and caret.index("^") == column - 1


def test_all_faults_are_shown_in_one_run(check):
    faults = ['workes = 3', 'drain_timeout = "soon"', 'log_level = "loud"', 'server_header = 5']
    sites = SITE + 'indx = ["a"]\nsymlinks = "insid"\n[[site.route]]\npath = "/a"\nhandler = "statc"\n'
    result = check("[server]\n" + "\n".join(faults) + "\n" + sites)
    assert result.returncode == 2
    assert re.findall(r"toml:(\d+):", result.stderr) == ["2", "3", "4", "5", "8", "9", "12"]


def test_faults_as_json_say_the_same(check):
    result = check('[server]\nworkes = 3\n[[site]]\nroot = "missing \\"x\\""\n', "--json")
    assert result.returncode == 2
    faults = json.loads(result.stdout)
    assert [(fault["severity"], fault["line"], fault["column"]) for fault in faults] == [("error", 2, 1), ("error", 4, 8)]
    assert "workers" in faults[0]["hint"] and faults[0]["file"].endswith("uvhttpd.toml")
    result = check(SITE, "--json")
    assert result.returncode == 0 and json.loads(result.stdout) == []


def test_valid_file_is_said_to_be_valid(check):
    result = check(SITE)
    assert result.returncode == 0 and "valid" in result.stderr


def test_file_may_have_a_byte_order_mark_and_line_ends_of_another_system(check):
    assert check(b"\xef\xbb\xbf" + SITE.replace("\n", "\r\n").encode()).returncode == 0


def test_what_is_most_likely_not_meant_is_a_warning_and_the_file_is_valid(check):
    result = check(SITE + "redirect_https = true\n")
    assert result.returncode == 0 and "valid" in result.stderr
    assert re.search(r"toml:3:18: warning: .*no listener has `tls = true`\n", result.stderr), result.stderr
    result = check(SITE + "redirect_https = true\n", "--json")
    assert result.returncode == 0 and [each["severity"] for each in json.loads(result.stdout)] == ["warning"]


def test_a_socket_for_everybody_whose_peers_are_believed_is_a_warning(check, tmp_path):
    text = SITE + '[[listener]]\naddress = "unix:{}.sock"\ntrusted_proxies = ["unix"]\n'
    result = check(text.format("/a"))
    assert result.returncode == 0 and re.search(r"toml:5:19: warning: every account of this machine that reaches the socket ", result.stderr), result.stderr
    assert 'mode = "0660"' in result.stderr
    (tmp_path / "closed").mkdir(mode=0o750)
    for closed in (text.format("/a") + 'mode = "0660"\n', text.format("closed/a")):
        result = check(closed)
        assert result.returncode == 0 and "warning" not in result.stderr, result.stderr


def test_rules_that_a_route_for_an_extension_takes_away_are_a_warning(check, tmp_path):
    put(tmp_path / "users", USERS)
    auth = 'auth = { users = "users" }\n'
    scripts = '[[site.route]]\npath = "*.sh"\nhandler = "cgi"\n'
    staff = '[[site.route]]\npath = "/staff/*"\nhandler = "static"\n' + auth
    result = check(SITE + scripts + staff)
    assert result.returncode == 0 and re.search(r"toml:7:8: warning: `auth` of this route does not hold for `/staff/\*\.sh`", result.stderr), result.stderr
    assert "the other is in line 4" in result.stderr
    before = scripts.replace("*.sh", "/staff/*.sh") + auth
    for good in (staff + scripts, before + scripts + staff, scripts + auth + staff, scripts + "auth = false\n" + staff):
        result = check(SITE + good)
        assert result.returncode == 0 and "warning" not in result.stderr, result.stderr


def test_files_of_its_own_that_could_be_fetched_are_warnings(check, server, tmp_path):
    text = '[access_log]\npath = "www/logs/access.log"\n[server]\nlog = "www/.error.log"\n[[site]]\nroot = "www"\n'
    (tmp_path / "www/logs").mkdir(parents=True)
    result = check(text)
    assert result.returncode == 0 and result.stderr.count("warning") == 1, result.stderr
    assert re.search(r"toml: warning: /.*/www/logs/access\.log: the access log below the root /.*/www could be fetched", result.stderr)
    result = check(text.replace('"www"', '"."'))
    assert re.findall(r"warning: .*: (the .*) below the root", result.stderr) == ["the configuration", "the access log"], result.stderr
    running = server(text.replace('log = "www/.error.log"', ""))
    running.wait_for_log("the access log below the root")


@pytest.mark.parametrize("key", ['tls = { certificate = "www/404.html", key = "secret" }', 'auth = { users = "secret" }'], ids=["key", "users"])
def test_unreadable_secret_is_named_with_the_reason(check, tmp_path, key):
    secret = put(tmp_path / "secret", "")
    secret.chmod(0)
    check(SITE + key + "\n")
    result = subprocess.run([*without_override(), BINARY, "check", "-c", tmp_path / "uvhttpd.toml"], text=True, capture_output=True, timeout=wire.DEADLINE)
    assert result.returncode == 2 and f"`{secret}` cannot be read: Permission denied" in result.stderr


def test_t_is_check(uvhttpd, tmp_path):
    site(tmp_path)
    file = put(tmp_path / "uvhttpd.toml", SITE)
    assert uvhttpd("-t", "-c", file).returncode == 0
    put(file, "[server]\nworkes = 3\n" + SITE)
    result = uvhttpd("-t", "-c", file)
    assert result.returncode == 2 and "toml:2:1" in result.stderr


def test_running_a_faulty_file_says_the_same_as_check(uvhttpd, check, tmp_path):
    checked = check("[server]\nworkes = 3\n" + SITE)
    run = uvhttpd("-c", tmp_path / "uvhttpd.toml")
    assert (run.returncode, run.stderr) == (2, checked.stderr)


EVERYTHING = SITE + r"""
index = ["a.html", "b\"\\\t.html"]
listing = true
fallback = "/index.html"
clean_urls = true
hidden_files = true
source_files = true
symlinks = "follow"
precompressed = false
compress = ["gzip"]
charset = ""
cache_control = { "*.html" = "no-cache", "/assets/*" = "max-age=1" }
headers = { "X-A" = "a \" \\ é", "*.pdf" = { X-Robots-Tag = "noindex" } }
cors = { origins = ["https://*.Example.org:443"], expose = ["X-A"], credentials = true }
error_pages = { 404 = "/404.html", "5xx" = "/404.html" }
body_bytes = "1MB"
send_rate = "1MB"
allow = ["10.0.0.0/8", "2001:DB8::1"]
deny = ["10.1.0.0/16"]
auth = { realm = "a \" b", users = "users" }
rate_limit = { requests = 10, per = "500ms", key = "header:X-Key" }
redirect_https = true
[[site.route]]
path = "/cgi/*"
methods = ["GET", "POST"]
handler = "cgi"
root = "www"
interpreter = { ".sh" = "/bin/sh" }
env = { A = "b" }
pass_env = ["TZ"]
timeout_total = "1m"
buffer_body = false
readable = ["www"]
writable = ["users", "/tmp/"]
network = true
auth = false
rate_limit = false
deny = []
[[site.route]]
path = "*.php"
handler = "cgi"
program = "/bin/true"
[[site.route]]
path = "/old/*"
handler = "redirect"
to = "https://example.org/{path}?{query}"
status = 308
headers = { "X-B" = "b", "/old/a" = { X-B = "c" } }
allow = ["127.0.0.0/8"]
auth = false
cors = { origins = ["*"], methods = ["PUT"], headers = ["*"], max_age = "1h" }
[[site.route]]
path = "/ok"
handler = "respond"
body = "line 1\nline 2\u0001"
access_log = false
[[site.route]]
path = "/docs/*"
handler = "static"
root = "www"
[[site]]
hosts = ["example.org", "*.example.org", "[::1]"]
root = "www"
[[listener]]
address = "[::]:8080"
[[listener]]
address = "unix:http.sock"
proxy_protocol = true
trusted_proxies = ["10.0.0.0/8", "unix"]
mode = "0660"
[[listener]]
address = "systemd:http"
[types]
".X" = "text/x"
[server]
workers = 3
sandbox = "off"
drain_timeout = "1500ms"
server_header = ""
log = "error.log"
[limits]
body_bytes = 0
connections_per_ip = 5
send_rate = "2MB"
handshakes = 0
handshake_timeout = "1500ms"
[[expect]]
request = "https://example.net/old/a?x=1"
status = 308
header = { Location = "https://example.org/a?x=1", ETag = false, Date = true }
[[expect]]
request = "HEAD https://example.org/"
request_header = { Accept = "*/*" }
route = "/*"
handler = "static"
[access_log]
path = "access.log"
format = "json"
[cache]
memory = 0
revalidate = "1m"
"""


# Of "alice", whose password is "secret".
USERS = "alice:$6$GFVGNTcGhTJqbPhu$O5Dc1tHlUPSFYHBvM/YAhszyKp1s0qB5XLlj9nFtkZhv15gmP1FM7LjTafr86819TNrpASJRYPDHsEw24el9.0\n"


@pytest.mark.parametrize("text", [SITE, EVERYTHING], ids=["least", "everything"])
def test_configuration_in_force_is_a_file_that_means_the_same(check, tmp_path, text):
    put(tmp_path / "users", USERS)
    first = check(text, "--effective")
    assert first.returncode == 0, first.stderr
    again = check(first.stdout, "--effective")
    assert again.returncode == 0, again.stderr
    assert again.stdout == first.stdout


def test_configuration_in_force_shows_the_defaults(check):
    shown = check(SITE, "--effective").stdout
    for line in ['workers = "auto"', 'drain_timeout = "10s"', 'server_header = "uvhttpd"', 'log = "stderr"', 'log_level = "info"',
                 'connections = 10000', 'connections_per_ip = 0', 'requests_per_connection = 0', 'target_bytes = "8KiB"',
                 'head_bytes = "16KiB"', 'head_fields = 100', 'body_bytes = "10MiB"', 'head_timeout = "10s"', 'body_timeout = "15s"',
                 'body_min_rate = 500', 'send_timeout = "30s"', 'keep_alive_timeout = "60s"', 'sandbox = "auto"', 'send_rate = 0', 'handshakes = 1000', 'handshake_timeout = "10s"',
                 'tls = false', 'allow = []', 'deny = []', 'auth = false', 'rate_limit = false', 'redirect_https = false', 'path = "stdout"', 'format = "combined"',
                 'memory = "64MiB"', 'file_bytes = "1MiB"', 'revalidate = "1s"', 'address = "127.0.0.1:8080"', 'symlinks = "inside"',
                 'index = ["index.html"]', 'listing = false', 'fallback = ""', 'clean_urls = false', 'hidden_files = false',
                 'source_files = false', 'proxy_protocol = false', 'trusted_proxies = []', 'precompressed = true', 'compress = ["zstd", "br", "gzip"]', 'charset = "utf-8"']:
        assert line in shown.splitlines(), line


@pytest.mark.parametrize("file", ["config/uvhttpd.toml", "docs/configuration.md"])
def test_every_key_in_force_is_in_the_example_and_in_the_reference(check, tmp_path, file):
    put(tmp_path / "users", USERS)
    shown = check(EVERYTHING, "--effective").stdout
    keys = set(re.findall(r"^(\w+) = ", shown, re.MULTILINE))
    with open(os.path.join(ROOT, file), encoding="utf-8") as text:
        words = set(re.findall(r"\w+", text.read()))
    assert keys and not keys - words


def test_shipped_configuration_is_valid(uvhttpd):
    shipped = os.path.join(ROOT, "config/uvhttpd.toml")
    result = uvhttpd("check", "-c", shipped, "--effective")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["serve", "--help"], ["check", "--help"], ["explain", "--help"]], ids=" ".join)
def test_help_and_version_go_to_standard_output(uvhttpd, arguments):
    result = uvhttpd(*arguments)
    assert result.returncode == 0 and "uvhttpd" in result.stdout and not result.stderr


def test_version_is_a_name_and_a_number(uvhttpd):
    assert re.fullmatch(r"uvhttpd \d+\.\d+\.\d+\n", uvhttpd("--version").stdout)


MISTAKES = {
    "unknown option": ["--nope"], "unknown command": ["bogus"], "unknown option of check": ["check", "--nope"], "value missing": ["-c"],
    "argument too many": ["check", "extra"], "port too large": ["serve", "-p", "65536"], "port that is no number": ["serve", "-p", "http"],
    "negative port": ["serve", "-p", "-1"], "no workers": ["serve", "--workers", "0"], "no address": ["serve", "-p", "0", "-b", "nowhere"],
    "missing directory": ["serve", "/does/not/exist"], "directory that is a file": ["serve", "/etc/passwd"],
    "two directories": ["serve", "/tmp", "/tmp"], "missing file": ["-c", "/does/not/exist.toml"], "directory for a file": ["-c", "/tmp"],
    "missing file to check": ["check", "-c", "/does/not/exist.toml"], "device for a file": ["-c", "/dev/zero"],
    "empty name": ["-c", ""],
}


@pytest.mark.parametrize("arguments", MISTAKES.values(), ids=list(MISTAKES))
def test_mistake_in_the_command_line_gets_a_message_and_status_2(uvhttpd, arguments):
    result = uvhttpd(*arguments)
    assert result.returncode == 2 and not result.stdout
    assert result.stderr.startswith("uvhttpd: "), result.stderr


def test_unreadable_file_is_named_with_the_reason(tmp_path):
    file = put(tmp_path / "uvhttpd.toml", SITE)
    file.chmod(0)
    result = subprocess.run([*without_override(), BINARY, "-c", file], text=True, capture_output=True, timeout=wire.DEADLINE)
    assert result.returncode == 2 and str(file) in result.stderr and "Permission denied" in result.stderr


def test_fifo_for_a_file_does_not_block(uvhttpd, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    assert uvhttpd("check", "-c", tmp_path / "fifo").returncode == 2


def test_port_in_use_is_a_failure_at_run_time(uvhttpd, tmp_path):
    site(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        file = put(tmp_path / "uvhttpd.toml", f'{SITE}[[listener]]\naddress = "{address}"\n')
        for arguments in (["-c", file], ["serve", tmp_path, "-p", address.split(":")[1]]):
            result = uvhttpd(*arguments)
            assert result.returncode == 1 and not result.stdout
            assert result.stderr.startswith("uvhttpd: ") and address in result.stderr and "in use" in result.stderr


@pytest.mark.parametrize("key", ["[server]\nlog", "[access_log]\npath"], ids=["error log", "access log"])
def test_log_that_cannot_be_written_is_a_failure_at_start(uvhttpd, tmp_path, key):
    site(tmp_path)
    file = put(tmp_path / "uvhttpd.toml", f'{key} = "missing/log"\n{SITE}[[listener]]\naddress = "127.0.0.1:0"\n')
    result = uvhttpd("-c", file, timeout=10)
    assert result.returncode in (1, 2) and "missing/log" in result.stderr


# serve DIR

def test_serve_needs_no_file(server, tmp_path):
    site(tmp_path, {"index.html": "index", "a b.txt": "spaces"}, "my site")
    running = server(arguments=["serve", "my site", "-p", "0"])
    assert running.urls() == [f"http://127.0.0.1:{running.port}"]
    assert running.fetch("/").body == b"index" and running.fetch("/a%20b.txt").body == b"spaces"
    assert running.reload() == "no file to read again"
    assert running.fetch("/").body == b"index"


def test_serve_takes_the_current_directory_and_an_address(server, tmp_path):
    put(tmp_path / "here.txt", "here")
    running = server(arguments=["serve", "--port", "0", "--bind", "::1", "--workers", "1"])
    assert running.urls() == [f"http://[::1]:{running.port}"]
    assert wire.fetch(("::1", running.port), "/here.txt").body == b"here"


@pytest.mark.parametrize("arguments", [["www", "--cgi", "/cgi-bin/*"], ["--cgi", "/cgi-bin/*", "www"]], ids=" ".join)
def test_serve_runs_programs_where_it_is_told_to(server, tmp_path, arguments):
    site(tmp_path, {"cgi-bin/echo": ECHO, "a.txt": "file", "other/echo": ECHO})
    running = server(arguments=["serve", "-p", "0", *arguments])
    assert running.fetch("/cgi-bin/echo", method="POST", body=b"hello").body == b"hello"
    assert running.fetch("/a.txt").body == b"file"
    assert running.fetch("/other/echo").body == ECHO.encode()
