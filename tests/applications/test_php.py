# SPDX-License-Identifier: MIT
"""PHP behind FastCGI: php-fpm over a Unix socket and over TCP, and `php-cgi -b`, which has no manager."""
import concurrent.futures
import hashlib
import json
import os
import shutil
import time

import pytest

import forms
import wire
from programs import HERE

SITE = """
[[site]]
hosts = ["{host}"]
root = "www"
[[site.route]]
path = "/"
handler = "fastcgi"
upstream = ["{upstream}"]
index = ["front.php"]
[[site.route]]
path = "/front/*"
handler = "fastcgi"
upstream = ["{upstream}"]
root = "www"
script = "/front.php"
[[site.route]]
path = "/params/*"
handler = "fastcgi"
upstream = ["{upstream}"]
root = "www"
params = {{ FROM_CONFIG = "a value", SERVER_NAME = "renamed.example" }}
[[site.route]]
path = "*.php"
handler = "fastcgi"
upstream = ["{upstream}"]
"""

CONFIG = """
[server]
workers = 2
[limits]
body_bytes = "64MiB"
[access_log]
path = "access.log"
format = "json"
"""

EVIL = b"\xff\xd8\xff<?php header('X-Run: yes'); echo 'it' . ' ran';"
FLAVOURS = ["fpm-unix.test", "fpm-tcp.test", "php-cgi.test"]
CHILDREN = 4


@pytest.fixture(scope="module")
def php_server(programs, shared_server, shared_tmp):
    www = shared_tmp / "www"
    shutil.copytree(HERE / "php", www)
    (www / "upload").mkdir()
    (www / "upload" / "evil.jpg").write_bytes(EVIL)
    (www / "page.html").write_text("a page")
    values = {"upload_max_filesize": "64M", "post_max_size": "64M", "session.save_path": shared_tmp, "display_errors": "0",
              "log_errors": "1"}
    # PHP guards itself against scripts that do not end in .php; whether we do shows without that.
    pool = ["security.limit_extensions =", *(f"php_admin_value[{name}] = {value}" for name, value in values.items())]
    path, port, cgi = programs.socket("fpm-unix"), programs.port(), programs.port()
    programs.php_fpm("fpm-unix", path, CHILDREN, pool)
    programs.php_fpm("fpm-tcp", port, CHILDREN, pool)
    programs.php_cgi("php-cgi", cgi, [f"{name}={value}" for name, value in values.items()])
    upstreams = [f"unix:{path}", "%s:%d" % port, "%s:%d" % cgi]
    return shared_server(CONFIG + "".join(SITE.format(host=host, upstream=upstream) for host, upstream in zip(FLAVOURS, upstreams)))


class Php:
    """One of the three, under its host name."""

    def __init__(self, server, host):
        self.server = server
        self.host = host

    def fetch(self, target, **more):
        return self.server.fetch(target, host=self.host, **more)

    def told(self, target, **more):
        """What echo.php says it was told."""
        answer = self.fetch(target, **more)
        assert answer.status == 200, answer
        return json.loads(answer.body)


def request_id(php, target):
    """By which the logs know the request."""
    def logged():
        lines = (php.server.tmp / "access.log").read_text(encoding="utf-8").splitlines()
        return next((entry for entry in map(json.loads, lines) if entry["target"] == target), None)
    return wire.wait_until(logged, f"{target} in the access log")["request_id"]


@pytest.fixture(params=FLAVOURS)
def php(php_server, request):
    return Php(php_server, request.param)


def test_a_script_knows_its_name_its_file_and_the_rest_of_the_path(php, shared_tmp):
    told = php.told("/echo.php/more/of%20it?a=1&b=%20")
    server = told["server"]
    assert {name: server[name] for name in ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REQUEST_URI", "SERVER_PROTOCOL",
                                            "GATEWAY_INTERFACE", "REMOTE_ADDR", "PHP_SELF", "SERVER_NAME", "HTTP_HOST")} == {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/echo.php", "PATH_INFO": "/more/of it", "QUERY_STRING": "a=1&b=%20",
        "REQUEST_URI": "/echo.php/more/of%20it?a=1&b=%20", "SERVER_PROTOCOL": "HTTP/1.1", "GATEWAY_INTERFACE": "CGI/1.1",
        "REMOTE_ADDR": "127.0.0.1", "PHP_SELF": "/echo.php/more/of it", "SERVER_NAME": php.host, "HTTP_HOST": php.host}
    assert os.path.samefile(server["SCRIPT_FILENAME"], shared_tmp / "www" / "echo.php")
    assert os.path.samefile(server["DOCUMENT_ROOT"], shared_tmp / "www") and os.path.samefile(told["directory"], shared_tmp / "www")
    assert told["get"] == {"a": "1", "b": " "}
    assert server["SERVER_SOFTWARE"].startswith("uvhttpd") and server["SERVER_PORT"] == str(php.server.port)


def test_what_the_client_may_not_say_is_not_heard(php):
    fields = ["Proxy: http://evil.example", "X-Own: a", "Script_Filename: /etc/passwd", "X_Own: b", "Accept-Language: de"]
    told = php.told("/echo.php", fields=fields)
    assert "HTTP_PROXY" not in told["server"] and "HTTP_PROXY" not in told["environment"]
    assert "HTTPS" not in told["server"]
    assert told["server"]["HTTP_X_OWN"] == "a" and told["server"]["HTTP_ACCEPT_LANGUAGE"] == "de"
    assert "HTTP_SCRIPT_FILENAME" not in told["server"]


def test_the_query_and_the_credentials_reach_php(php):
    told = php.told("/echo.php", fields=["Authorization: Basic YWRhOnNlY3JldA=="])
    assert (told["server"]["PHP_AUTH_USER"], told["server"]["PHP_AUTH_PW"]) == ("ada", "secret")
    assert php.told("/echo.php?")["server"]["QUERY_STRING"] == ""


def test_params_are_added_and_replace(php):
    server = php.told("/params/echo.php/x")["server"]
    assert (server["FROM_CONFIG"], server["SERVER_NAME"]) == ("a value", "renamed.example")
    assert (server["SCRIPT_NAME"], server["PATH_INFO"]) == ("/params/echo.php", "/x")


def test_a_form_is_posted(php):
    fields, body = forms.encoded({"name": "Ada & Grace", "text": "grün", "list[]": "x"})
    told = php.told("/echo.php", method="POST", fields=fields, body=body)
    assert told["post"] == {"name": "Ada & Grace", "text": "grün", "list": ["x"]}
    assert told["server"]["CONTENT_LENGTH"] == str(len(body))


def test_a_file_of_20_megabytes_is_uploaded(php):
    octets = os.urandom(20 << 20)
    fields, body = forms.multipart({"title": "large"}, {"file": ("large.bin", octets)})
    told = php.told("/echo.php", method="POST", fields=fields, body=body)
    assert told["files"]["file"] == {"name": "large.bin", "type": "application/octet-stream", "error": 0, "size": 20 << 20,
                                     "sha1": hashlib.sha1(octets).hexdigest()}
    assert told["post"] == {"title": "large"}


def test_a_body_in_chunks_arrives_with_its_length(php):
    """FastCGI has no bodies of unknown length: PHP reads as many octets as CONTENT_LENGTH says."""
    fields, body = forms.multipart({"title": "chunks"}, {"file": ("a", b"x" * 300_000)})
    with php.server.client() as client:
        client.send(wire.request("/echo.php", "POST", [*fields, "Transfer-Encoding: chunked"], host=php.host) + wire.chunked(body, 4096))
        told = json.loads(client.response("POST").body)
    assert told["post"] == {"title": "chunks"} and told["files"]["file"]["size"] == 300_000
    assert told["server"]["CONTENT_LENGTH"] == str(len(body))


def test_cookies_and_sessions_live(php):
    visitor = forms.Visitor(php.server, php.host)
    assert [visitor.fetch("/session.php").body for _ in range(3)] == [b"1", b"2", b"3"]
    assert set(visitor.cookies) == {"PHPSESSID", "taste"}
    assert json.loads(visitor.fetch("/echo.php").body)["cookies"]["taste"] == "ginger & lemon"
    assert php.fetch("/session.php").body == b"1"


def test_what_php_flushes_is_seen_at_once(php, tmp_path):
    until = tmp_path / "go on"
    with php.server.client() as client:
        client.send(wire.request(f"/stream.php?until={str(until).replace(' ', '%20')}", host=php.host))
        assert b"200" in client.read_until(b"first\n")
        until.touch()
        client.read_until(b"second\n")


def test_a_large_answer_is_whole(php):
    octets = 20 << 20
    answer = php.fetch(f"/large.php?octets={octets}")
    assert len(answer.body) == octets and answer.body == (bytes(range(256)) * (octets >> 8))


def test_a_slow_client_gets_a_large_answer_without_the_server_keeping_it(php):
    octets, before = 64 << 20, php.server.memory()
    with wire.Client(php.server.address, receive_buffer=4096) as client:
        client.send(wire.request(f"/large.php?octets={octets}", host=php.host))
        client.read_until(b"\r\n\r\n")
        assert php.server.fetch("/page.html", host=php.host).body == b"a page"
        if php.server.has_bounded_memory():
            assert php.server.memory() - before < 16 << 20


@pytest.mark.parametrize("code", [201, 302, 404, 500, 503])
def test_php_decides_about_the_status(php, code):
    answer = php.fetch(f"/status.php?code={code}")
    assert (answer.status, answer.get("X-Own"), answer.body) == (code, "yes", f"the body of {code}".encode())


def test_statuses_without_a_body_have_none(php):
    with php.server.client() as client:
        for code in (204, 304):
            answer = client.request(f"/status.php?code={code}", host=php.host)
            assert (answer.status, answer.body) == (code, b"")
        head = client.request("/status.php?code=200", method="HEAD", host=php.host)
        assert (head.status, head.body, head.get("X-Own")) == (200, b"", "yes")
        assert client.request("/status.php?code=200", host=php.host).body == b"the body of 200"


def test_other_methods_reach_php(php):
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS"):
        told = php.told("/echo.php", method=method, body=b"abc")
        assert (told["server"]["REQUEST_METHOD"], told["body"]) == (method, 3)


def test_a_complaint_is_in_the_error_log_with_the_id_of_its_request(php):
    target = f"/complain.php?{php.host}"
    assert php.fetch(target).body == b"done"
    php.server.wait_for_log(rf"warn {request_id(php, target)}: .*a complaint of the script")


def test_a_fatal_error_is_a_500_that_tells_the_log_and_not_the_client(php):
    target = f"/fatal.php?{php.host}"
    answer = php.fetch(target)
    assert answer.status == 500 and b"no_such_function" not in answer.body
    php.server.wait_for_log(rf"warn {request_id(php, target)}: .*Call to undefined function no_such_function")


def test_a_script_that_is_not_there_is_a_404_of_ours(php):
    for target in ("/missing.php", "/missing.php/x", "/no/such/dir/x.php"):
        answer = php.fetch(target)
        assert answer.status == 404 and b"No input file" not in answer.body and b"File not found." not in answer.body, target


def test_an_uploaded_picture_is_never_run(php):
    for target in ("/upload/evil.jpg/x.php", "/upload/evil.jpg/.php", "/upload/evil.jpg%00.php", "/upload/evil.jpg%2Fx.php"):
        answer = php.fetch(target)
        assert answer.status in (400, 404) and b"it ran" not in answer.body and not answer.get("X-Run"), target
    picture = php.fetch("/upload/evil.jpg")
    assert (picture.body, picture.get("Content-Type")) == (EVIL, "image/jpeg")


def test_the_source_of_a_script_is_never_shown(php):
    for target in ("/echo.php", "/echo.php/", "/echo%2Ephp", "/%65cho.php", "//echo.php", "/./echo.php", "/upload/../echo.php",
                   "/echo.php?-s", "/echo.php%20", "/echo.php%00", "/echo.PHP", "/echo.php."):
        assert b"is a secret" not in php.fetch(target).body, target
        assert b"is a secret" not in php.fetch(target, fields=["Range: bytes=0-"]).body, target


def test_files_beside_the_scripts_are_served_as_files(php):
    assert php.fetch("/page.html").body == b"a page"


def test_a_directory_is_answered_by_its_index_script(php):
    assert php.fetch("/?x=1").body == b"/front.php for /?x=1"


def test_a_front_controller_gets_what_no_script_is_there_for(php):
    answer = php.fetch("/front/a/pretty/path?x=1")
    assert answer.status == 200 and answer.body.endswith(b" for /front/a/pretty/path?x=1")
    assert php.told("/front/echo.php")["server"]["SCRIPT_NAME"] == "/front/echo.php"


def test_more_visitors_than_php_has_processes_are_all_served(php):
    """A connection that is kept occupies one of PHP's processes: those that are idle must not starve the others."""
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(4 * CHILDREN) as pool:
        for _ in range(3):
            answers = list(pool.map(lambda _: php.fetch("/status.php?code=200").status, range(10 * CHILDREN)))
            assert answers == [200] * (10 * CHILDREN)
    # Idle connections are kept for a minute; waiting for one of them to go would show.
    assert time.monotonic() - started < 45


def test_many_requests_on_one_connection_do_not_mix(php):
    with php.server.client() as client:
        targets = [f"/echo.php?number={number}" for number in range(50)]
        client.send(b"".join(wire.request(target, host=php.host) for target in targets))
        assert [json.loads(client.response().body)["get"]["number"] for _ in targets] == [str(number) for number in range(50)]
