# SPDX-License-Identifier: MIT
"""CGI/1.1 programs (RFC 3875): what they are told, what becomes of their answers, and that none outlives its request."""
import concurrent.futures
import os
import pathlib
import re
import signal
import socket
import time

import pytest

import wire
from conftest import is_running
from sites import put, site
from wire import wait_until

CONFIG = """
[server]
workers = 1
[limits]
body_bytes = "64MiB"
[access_log]
path = "access.log"
[[site]]
root = "www"

[[site.route]]
path = "/cgi-bin/*"
handler = "cgi"
root = "cgi-bin"
interpreter = { ".text" = "/bin/cat" }
env = { FROM_CONFIG = "a value", SERVER_SOFTWARE = "mine" }
pass_env = ["PASSED_ON", "NOT_THERE"]

[[site.route]]
path = "/one/*"
handler = "cgi"
program = "cgi-bin/environ"

[[site.route]]
path = "/auth/*"
handler = "cgi"
root = "cgi-bin"
pass_authorization = true
pass_headers = ["x_under", "X.Dot"]

[[site.route]]
path = "/head/*"
handler = "cgi"
root = "cgi-bin"
timeout_head = "500ms"

[[site.route]]
path = "/idle/*"
handler = "cgi"
root = "cgi-bin"
timeout_idle = "500ms"

[[site.route]]
path = "/total/*"
handler = "cgi"
root = "cgi-bin"
timeout_total = "700ms"

[[site.route]]
path = "/few/*"
handler = "cgi"
root = "cgi-bin"
max_running = 1
queue = 1
queue_timeout = "10s"

[[site.route]]
path = "/hurried/*"
handler = "cgi"
root = "cgi-bin"
max_running = 1
queue = 1
queue_timeout = "300ms"

[[site.route]]
path = "*.cgi"
handler = "cgi"
"""

HEAD = "printf 'Content-Type: text/plain\\n\\n'\n"

PROGRAMS = {
    # The environment as it was at the start, NUL-terminated.
    "environ": f"#!/bin/sh\n{HEAD}cat /proc/$$/environ; :\n",
    "where": f"#!/bin/sh\n{HEAD}pwd; echo $#; echo \"$0\"; ls -l /proc/self/fd | wc -l\n",
    "echo": f"#!/bin/sh\n{HEAD}exec cat\n",
    "length": f"#!/bin/sh\n{HEAD}echo ${{CONTENT_LENGTH-none}}; cat | wc -c\n",
    "ignore": f"#!/bin/sh\n{HEAD}echo done\n",
    "deaf": f"#!/bin/sh\nexec <&-\n{HEAD}echo done\n",
    # Writes a megabyte before it reads anything.
    "greedy": f"#!/bin/sh\n{HEAD}head -c 1048576 /dev/zero; cat | wc -c\n",
    "million": f"#!/bin/sh\n{HEAD}exec head -c 1000000 /dev/zero\n",
    "endless": f"#!/bin/sh\necho $$ > pid.endless\n{HEAD}exec cat /dev/zero\n",
    # Says what it is told through a FIFO, so that a test decides when.
    "told": f"#!/bin/sh\n{HEAD}echo first\nread -r line < fifo\necho \"$line\"\n",
    "told-pid": f"#!/bin/sh\necho $$ > pid.told\n{HEAD}echo first\nread -r line < fifo\n",
    "stuck": "#!/bin/sh\n(trap '' TERM; echo $(exec sh -c 'echo $PPID') > pid.grandchild; sleep 1000; sleep 1000) &\n"
             "echo $$ > pid.stuck\nwait\n",
    "stuck-body": f"#!/bin/sh\nsleep 1000 &\necho $! > pid.grandchild\necho $$ > pid.stuck\n{HEAD}echo begun\nwait\n",
    "drip": f"#!/bin/sh\n{HEAD}while :; do echo drop; sleep 0.1; done\n",
    "stderr": f"#!/bin/sh\necho 'first complaint' >&2\n{HEAD}echo body\nprintf 'last \\033[1m complaint' >&2\n",
    "linger": f"#!/bin/sh\n{HEAD}echo body\nexec >&-\nread -r line < fifo\necho \"afterwards $line\" >&2\n",
    "background": f"#!/bin/sh\n{HEAD}sleep 1000 >/dev/null 2>&1 &\necho $!\n",
    "teapot": "#!/bin/sh\nprintf 'Status: 418 Short and stout\\nContent-Type: a/b\\nX-Own: yes\\nSet-Cookie: a=1\\n"
              "Set-Cookie: b=2\\nConnection: close, X-Hop\\nX-Hop: 1\\nTransfer-Encoding: chunked\\nServer: other\\nDate: never\\n\\nbody'\n",
    "reset": "#!/bin/sh\nprintf 'Status: 205\\nContent-Length: 5\\n\\nhello'\n",
    "nothing": "#!/bin/sh\nprintf 'Status: 204\\n\\n'\n",
    "nph-all": "#!/bin/sh\nprintf 'HTTP/1.0 403 Go away\\r\\nContent-Type: a/b\\r\\n\\r\\nbody'\n",
    "redirect": "#!/bin/sh\nprintf 'Location: http://example.org/x\\n\\n'\n",
    "other-host": "#!/bin/sh\nprintf 'Location: //example.org/x\\n\\n'\n",
    "local": "#!/bin/sh\ncat >/dev/null\nprintf 'Location: /cgi-bin/environ/in%%20fo?a=b\\n\\n'\n",
    "local-file": "#!/bin/sh\nprintf 'Location: /sub/page.html\\n\\n'\n",
    "local-missing": "#!/bin/sh\nprintf 'Location: /none\\n\\n'\n",
    "local-deaf": "#!/bin/sh\nprintf 'Location: /cgi-bin/exact\\n\\n'\n",
    "local-odd": "#!/bin/sh\nprintf 'Location: /a%%zz\\n\\n'\n",
    "local-loop": "#!/bin/sh\necho x >> turns\nprintf 'Location: /cgi-bin/local-loop\\n\\n'\n",
    "local-chain": "#!/bin/sh\nn=${QUERY_STRING:-0}\n[ $n -lt 5 ] || exec ./exact\n"
                   "printf 'Location: /cgi-bin/local-chain?%d\\n\\n' $((n + 1))\n",
    "local-and-more": "#!/bin/sh\nprintf 'Location: /cgi-bin/exact\\nContent-Type: a/b\\n\\nsee there'\n",
    "moved": "#!/bin/sh\nprintf 'Status: 301 Gone on\\nLocation: http://example.org/x\\nContent-Type: a/b\\n\\nsee there'\n",
    "exact": "#!/bin/sh\nprintf 'Content-Length: 4\\nContent-Type: a/b\\n\\nbody'\n",
    "surplus": "#!/bin/sh\nprintf 'Content-Length: 4\\nContent-Type: a/b\\n\\nbody and more'; head -c 300000 /dev/zero\n",
    "shortage": "#!/bin/sh\nprintf 'Content-Length: 40\\nContent-Type: a/b\\n\\nbody'\n",
    "exit3": "#!/bin/sh\nexit 3\n",
    "killed": "#!/bin/sh\nkill -SEGV $$\n",
    "empty": "#!/bin/sh\nexit 0\n",
    "half-head": "#!/bin/sh\necho Status: 200\nexit 4\n",
    "half-body": "#!/bin/sh\nprintf 'Content-Length: 40\\nContent-Type: a/b\\n\\nbody'\nkill -ABRT $$\n",
    "runs-on": "#!/bin/sh\nexec >&-\nread -r line < fifo\n",
    "no-interpreter": "#!/no/such/interpreter\n",
    "dir/inner": f"#!/bin/sh\n{HEAD}echo \"$SCRIPT_NAME|$PATH_INFO\"; pwd\n",
    ".secret": "#!/bin/sh\n",
    ".hidden/prog": "#!/bin/sh\n",
    "page.text": "Content-Type: text/plain\n\nthe text itself\n",
    "plain": "Content-Type: text/plain\n\nthis source is a secret\n",
}


@pytest.fixture(scope="module")
def programs(shared_tmp):
    return site(shared_tmp, PROGRAMS, "cgi-bin")


@pytest.fixture(scope="module")
def cgi(shared_server, shared_tmp, programs):
    site(shared_tmp, {"index.html": "index", "sub/page.cgi": f"#!/bin/sh\n{HEAD}echo \"$SCRIPT_NAME|$PATH_INFO\"\n",
                      "secret.html": "secret", "sub/page.html": "a page", "note.cgi/file.txt": "text"})
    put(shared_tmp / "outside" / "prog", f"#!/bin/sh\n{HEAD}echo outside\n")
    (programs / "escape").symlink_to("../outside/prog")
    (programs / "alias").symlink_to("dir/inner")
    os.mkfifo(programs / "fifo")
    return shared_server(CONFIG, env={"PASSED_ON": "passed", "LD_LIBRARY_PATH": "/leak", "PATH": os.environ["PATH"] + ":/leak",
                                      "TZ": "Leak"})


@pytest.fixture(autouse=True)
def no_zombies(cgi):
    """Whatever a test did, every program is gone soon after, and reaped."""
    yield
    wait_until(lambda: not children(cgi.process.pid), "no children")


def children(pid):
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        found += (task / "children").read_text().split()
    return found


def take_pid(programs, name):
    """The number a program leaves in a file, which is removed."""
    file = programs / f"pid.{name}"
    pid = int(wait_until(lambda: file.exists() and file.read_text().strip(), f"{file} written"))
    file.unlink()
    return pid


def environment(answer):
    assert answer.status == 200, answer
    return dict(line.split("=", 1) for line in answer.body.decode("latin-1").split("\0")[:-1])


def tell(programs, line):
    """Lets the program that reads the FIFO go on."""
    def opened():
        try:
            return os.open(programs / "fifo", os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return None
    fd = wait_until(opened, "a reader of the FIFO")
    os.write(fd, line.encode() + b"\n")
    os.close(fd)


# What a program is told.

def test_the_environment_is_exactly_the_request(cgi, shared_tmp):
    with cgi.client() as client:
        port = client.socket.getsockname()[1]
        answer = client.request("/cgi-bin/environ/some/p%61th?a=1&b=%20", fields=["X-Some: thing", "Accept: */*"],
                                host=f"LocalHost:{cgi.port}")
    assert environment(answer) == {
        "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_SOFTWARE": "mine", "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "localhost",
        "SERVER_ADDR": "127.0.0.1", "SERVER_PORT": str(cgi.port), "REQUEST_METHOD": "GET", "REQUEST_SCHEME": "http",
        "REQUEST_URI": "/cgi-bin/environ/some/p%61th?a=1&b=%20", "QUERY_STRING": "a=1&b=%20",
        "SCRIPT_NAME": "/cgi-bin/environ", "DOCUMENT_URI": "/cgi-bin/environ/some/path",
        "SCRIPT_FILENAME": f"{shared_tmp}/cgi-bin/environ",
        "DOCUMENT_ROOT": f"{shared_tmp}/www", "PATH_INFO": "/some/path", "PATH_TRANSLATED": f"{shared_tmp}/www/some/path",
        "REMOTE_ADDR": "127.0.0.1", "REMOTE_HOST": "127.0.0.1", "REMOTE_PORT": str(port), "REDIRECT_STATUS": "200",
        "HTTP_HOST": f"LocalHost:{cgi.port}", "HTTP_X_SOME": "thing", "HTTP_ACCEPT": "*/*",
        "FROM_CONFIG": "a value", "PASSED_ON": "passed", "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C"}


def test_a_body_is_announced(cgi):
    seen = environment(cgi.fetch("/cgi-bin/environ", method="POST", fields=["Content-Type: text/x"], body=b"12345"))
    assert (seen["CONTENT_LENGTH"], seen["CONTENT_TYPE"], seen["REQUEST_METHOD"]) == ("5", "text/x", "POST")
    assert "HTTP_CONTENT_LENGTH" not in seen and "HTTP_CONTENT_TYPE" not in seen


def test_fields_that_lie_never_reach_the_program(cgi):
    seen = environment(cgi.fetch("/cgi-bin/environ", fields=[
        "X-Forwarded-For: 6.6.6.6", "Remote-User: mallory", "SSL-Client-Verify: SUCCESS",
        "Proxy: http://evil", "X_Under: a", "X-Under: b", "X.Dot: c", "Authorization: Basic eDp5", "Keep-Alive: 5", "TE: x",
        "Cookie: a=1", "Cookie: b=2", "X-Twice: 1", "x-twice: 2", "Proxy-Authorization: x", "X-Hop: y", "Connection: x-hop"]))
    assert {name: value for name, value in seen.items() if name.startswith("HTTP_")} == {
        "HTTP_HOST": "localhost", "HTTP_X_UNDER": "b", "HTTP_COOKIE": "a=1; b=2", "HTTP_X_TWICE": "1, 2"}


def test_authorization_is_passed_where_the_route_says_so(cgi):
    assert environment(cgi.fetch("/auth/environ", fields=["Authorization: Basic eDp5"]))["HTTP_AUTHORIZATION"] == "Basic eDp5"


def test_fields_with_other_signs_in_their_names_are_passed_where_the_route_names_them(cgi):
    seen = environment(cgi.fetch("/auth/environ", fields=["X_Under: a", "X.Dot: b", "X_Other: c"]))
    assert (seen["HTTP_X_UNDER"], seen["HTTP_X_DOT"]) == ("a", "b") and "HTTP_X_OTHER" not in seen


def test_a_program_starts_in_its_directory_with_nothing_else(cgi, programs):
    lines = cgi.fetch("/cgi-bin/where?-s").body.decode().splitlines()
    # "total", three descriptors, and that of the listing itself.
    assert lines == [str(programs), "0", str(programs / "where"), "5"]


def test_one_program_answers_a_whole_route(cgi):
    seen = environment(cgi.fetch("/one/a/b"))
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == ("/one", "/a/b")
    seen = environment(cgi.fetch("/one"))
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == ("/one", "")


@pytest.mark.parametrize("path, name, info", [
    ("/cgi-bin/dir/inner", "/cgi-bin/dir/inner", ""),
    ("/cgi-bin/dir/inner/", "/cgi-bin/dir/inner", "/"),
    ("/cgi-bin/dir//inner/./x/../y%20z", "/cgi-bin/dir/inner", "/y z"),
    ("/cgi-bin/alias/x.cgi", "/cgi-bin/alias", "/x.cgi"),
    ("/sub/page.cgi/more", "/sub/page.cgi", "/more"),
])
def test_the_first_file_on_the_path_is_the_program(cgi, path, name, info):
    answer = cgi.fetch(path)
    assert answer.body.decode().splitlines()[0] == f"{name}|{info}"


# What is not run.

@pytest.mark.parametrize("path, status", [
    ("/cgi-bin/missing", 404), ("/cgi-bin/missing/environ", 404), ("/cgi-bin/", 404), ("/cgi-bin", 404), ("/cgi-bin/dir", 404),
    ("/cgi-bin/.secret", 404), ("/cgi-bin/.hidden/prog", 404), ("/cgi-bin/escape", 404), ("/cgi-bin/environ%2Fx", 404),
    ("/cgi-bin/plain", 403), ("/cgi-bin/no-interpreter", 502), ("/cgi-bin/fifo", 404), ("/note.cgi/file.txt", 404),
])
def test_what_is_no_program_is_not_run_and_never_shown(cgi, path, status):
    answer = cgi.fetch(path)
    assert answer.status == status
    assert b"secret" not in answer.body and b"outside" not in answer.body


def test_a_file_that_is_not_executable_is_told_in_the_log(cgi):
    cgi.fetch("/cgi-bin/plain")
    cgi.wait_for_log(r"cgi-bin/plain: not executable")


def test_an_interpreter_runs_what_is_not_executable(cgi, programs):
    (programs / "page.text").chmod(0o644)
    answer = cgi.fetch("/cgi-bin/page.text")
    assert (answer.status, answer.body) == (200, b"the text itself\n")


# Request bodies.

def test_a_body_arrives_as_sent(cgi):
    assert cgi.fetch("/cgi-bin/echo", method="POST", body=b"a\0b\r\n").body == b"a\0b\r\n"
    assert cgi.fetch("/cgi-bin/length", method="POST", body=b"").body.split() == [b"0", b"0"]
    assert cgi.fetch("/cgi-bin/length").body.split() == [b"none", b"0"]


@pytest.mark.parametrize("size", [0, 10, 65_536, 65_537, 3_000_000])
def test_a_chunked_body_has_a_length_for_the_program(cgi, size):
    with cgi.client() as client:
        client.send(wire.request("/cgi-bin/length", "POST", ["Transfer-Encoding: chunked"]))
        client.send(wire.chunked(b"x" * size, 50_000))
        assert client.response().body.split() == [str(size).encode()] * 2


def test_a_large_body_goes_both_ways_at_once(cgi):
    body = os.urandom(1 << 20) * 4
    with cgi.client() as client, concurrent.futures.ThreadPoolExecutor(1) as pool:
        sending = pool.submit(client.send, wire.request("/cgi-bin/echo", "POST", body=body))
        assert client.response().body == body
        sending.result(wire.DEADLINE)


def test_a_program_may_write_much_before_it_reads(cgi):
    body = b"x" * (1 << 20)
    with cgi.client() as client, concurrent.futures.ThreadPoolExecutor(1) as pool:
        sending = pool.submit(client.send, wire.request("/cgi-bin/greedy", "POST", body=body))
        answer = client.response()
        sending.result(wire.DEADLINE)
    assert answer.body[:1 << 20] == b"\0" * (1 << 20) and answer.body[1 << 20:].strip() == b"1048576"


@pytest.mark.parametrize("program", ["ignore", "deaf"])
def test_a_program_need_not_read_its_body(cgi, program):
    with cgi.client() as client:
        client.send_gently(wire.request(f"/cgi-bin/{program}", "POST", body=b"x" * (1 << 20)))
        answer = client.response()
    assert (answer.status, answer.body) == (200, b"done\n")


def test_a_connection_goes_on_after_a_body_that_nobody_read(cgi):
    with cgi.client() as client:
        assert client.request("/cgi-bin/ignore", "POST", body=b"x" * 100_000).body == b"done\n"
        assert client.request("/cgi-bin/echo", "POST", body=b"next").body == b"next"


def test_the_interim_answer_comes_when_the_program_is_there_to_read(cgi):
    with cgi.client() as client:
        client.send(wire.request("/cgi-bin/echo", "POST", ["Expect: 100-continue", "Content-Length: 4"]))
        assert client.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"body")
        assert client.response().body == b"body"


# Answers.

def test_output_arrives_while_the_program_runs(cgi, programs):
    with cgi.client() as client:
        client.send(wire.request("/cgi-bin/told"))
        begin = client.read_until(b"first\n")
        assert b"Transfer-Encoding: chunked" in begin
        tell(programs, "second")
        client.read_until(b"second\n")
        assert client.read_until(b"0\r\n\r\n")


def test_an_answer_keeps_its_status_and_fields_but_no_framing(cgi):
    answer = cgi.fetch("/cgi-bin/teapot")
    assert (answer.status, answer.reason, answer.body) == (418, "Short and stout", b"body")
    assert answer.get("Content-Type") == "a/b" and answer.get("X-Own") == "yes"
    assert answer.all("Set-Cookie") == ["a=1", "b=2"]
    assert answer.all("Server") == ["uvhttpd"] and wire.DATE.fullmatch(answer.get("Date"))
    assert not answer.all("Status") and not answer.all("X-Hop")


def test_an_answer_without_a_body(cgi):
    with cgi.client() as client:
        assert client.request("/cgi-bin/nothing").status == 204
        answer = client.request("/cgi-bin/reset")
        assert (answer.status, answer.get("Content-Length"), answer.body) == (205, "0", b"")
        assert client.request("/cgi-bin/exact").body == b"body"


def test_a_program_that_writes_a_status_line_is_understood(cgi):
    with cgi.client() as client:
        answer = client.request("/cgi-bin/nph-all")
        assert (answer.status, answer.reason, answer.body) == (403, "Go away", b"body")
        # It may believe that the connection is its own (RFC 3875, section 5).
        assert answer.get("Connection") == "close"
        assert client.is_closed(wire.DEADLINE)


@pytest.mark.parametrize("program, status, location, body", [
    ("redirect", 302, "http://example.org/x", b""), ("other-host", 302, "//example.org/x", b""),
    ("local-and-more", 302, "/cgi-bin/exact", b"see there"),
    ("moved", 301, "http://example.org/x", b"see there")])
def test_redirects(cgi, program, status, location, body):
    answer = cgi.fetch(f"/cgi-bin/{program}")
    assert (answer.status, answer.get("Location"), answer.body) == (status, location, body)


def test_a_local_redirect_is_followed_as_a_get_without_a_body(cgi):
    with cgi.client() as client:
        answer = client.request("/cgi-bin/local?x=y", "POST", ["Content-Type: text/x", "X-Some: thing"], body=b"the body")
        seen = environment(answer)
        assert client.request("/cgi-bin/exact").body == b"body"
    assert (seen["REQUEST_METHOD"], seen["SCRIPT_NAME"], seen["PATH_INFO"], seen["QUERY_STRING"]) == (
        "GET", "/cgi-bin/environ", "/in fo", "a=b")
    assert seen["HTTP_X_SOME"] == "thing" and "CONTENT_LENGTH" not in seen and "CONTENT_TYPE" not in seen
    assert not answer.all("Location")


def test_a_local_redirect_may_lead_to_a_file(cgi):
    answer = cgi.fetch("/cgi-bin/local-file")
    assert (answer.status, answer.body) == (200, b"a page")
    assert cgi.fetch("/cgi-bin/local-file", method="HEAD").get("Content-Length") == "6"
    assert cgi.fetch("/cgi-bin/local-missing").status == 404


def test_a_local_redirect_need_not_wait_for_the_body(cgi):
    with cgi.client() as client:
        client.send_gently(wire.request("/cgi-bin/local-deaf", "POST", body=b"x" * (1 << 20)))
        assert client.response().body == b"body"


def test_local_redirects_have_an_end(cgi, programs):
    assert cgi.fetch("/cgi-bin/local-chain").body == b"body"
    assert cgi.fetch("/cgi-bin/local-loop").status == 502
    assert len((programs / "turns").read_text().split()) == 6
    cgi.wait_for_log(r"local-loop: a local redirect that leads nowhere, or the last of too many: /cgi-bin/local-loop")
    assert cgi.fetch("/cgi-bin/local-odd").status == 502


def test_a_length_that_is_true_is_passed_on(cgi):
    answer = cgi.fetch("/cgi-bin/exact")
    assert answer.all("Content-Length") == ["4"] and answer.body == b"body"


def test_more_output_than_promised_is_dropped(cgi):
    with cgi.client() as client:
        assert client.request("/cgi-bin/surplus").body == b"body"
        assert client.request("/cgi-bin/exact").body == b"body"
    cgi.wait_for_log("surplus: more output than its Content-Length")


def test_less_output_than_promised_breaks_the_connection(cgi):
    with cgi.client() as client, pytest.raises(wire.Closed):
        client.request("/cgi-bin/shortage")
    cgi.wait_for_log("shortage: its output ended 36 bytes before")


@pytest.mark.parametrize("program", ["exact", "echo", "million", "teapot"])
def test_head_has_the_head_only(cgi, program):
    with cgi.client() as client:
        answer = client.request(f"/cgi-bin/{program}", "HEAD")
        assert answer.status in (200, 418) and answer.get("Content-Type")
        if program == "exact":
            assert answer.get("Content-Length") == "4"
        assert client.request("/cgi-bin/exact").body == b"body"


def test_head_of_an_endless_answer_ends_the_program(cgi, programs):
    assert cgi.fetch("/cgi-bin/endless", method="HEAD").status == 200
    pid = take_pid(programs, "endless")
    wait_until(lambda: not is_running(pid), "the program ended")


def test_http_1_0_has_the_body_until_the_close(cgi):
    with cgi.client() as client:
        client.send(b"GET /cgi-bin/million HTTP/1.0\r\n\r\n")
        assert client.read_to_end().endswith(b"\r\n\r\n" + b"\0" * 1_000_000)


BROKEN = {
    "nothing": b"", "an empty head": b"\nsecret", "no head": b"secret\n", "no end": b"Content-Type: a/b\n",
    "no field that counts": b"X-A: secret\n\n", "a space in a name": b"Content Type: secret\n\n",
    "a fold": b"Content-Type: a/b\n secret\n\n", "a bare CR": b"Content-Type: a/b\rsecret: x\n\n",
    "a NUL": b"Content-Type: a/b\nX: secret\0\n\n", "a control octet": b"Content-Type: a/b\nX: secret\x01\n\n",
    "two types": b"Content-Type: a/b\nContent-Type: secret\n\n", "interim": b"Status: 100 secret\n\n",
    "switching": b"Status: 101 secret\nUpgrade: x\n\n", "odd status": b"Status: 2000\n\nsecret",
    "two lengths": b"Content-Type: a/b\nContent-Length: 6\nContent-Length: 7\n\nsecret",
    "odd length": b"Content-Type: a/b\nContent-Length: +6\n\nsecret",
    "two status lines": b"HTTP/1.1 200 OK\nStatus: 200\n\nsecret",
    "too long": b"Content-Type: a/b\nX: " + b"secret" * 20_000 + b"\n\n",
    "too many fields": b"Content-Type: a/b\n" + b"X: secret\n" * 201 + b"\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_head_is_not_passed_on(cgi, programs, name):
    put(programs / "broken.head", BROKEN[name])
    put(programs / "broken", "#!/bin/sh\nexec cat broken.head\n")
    logged = len(re.findall("cgi-bin/broken: ", cgi.stderr_text()))
    with cgi.client() as client:
        answer = client.request("/cgi-bin/broken")
        assert answer.status == 502 and b"secret" not in answer.body
        assert client.request("/cgi-bin/exact").body == b"body"
    cgi.wait_for_log("cgi-bin/broken: ", logged + 1)


def test_the_log_shows_how_a_broken_head_begins_and_how_the_program_ended(cgi, programs):
    put(programs / "bell", "#!/bin/sh\nprintf 'Oops \\007 here\\n\\n'; sleep 1000\n")
    assert cgi.fetch("/cgi-bin/bell").status == 502
    cgi.wait_for_log(r'bell: .*"Oops \\x07 here')


@pytest.mark.parametrize("program, says", [
    ("exit3", "its output ended before it began, exit status 3 (502)"),
    ("empty", "its output ended before it began, exit status 0 (502)"),
    ("killed", "its output ended before it began, signal 11 (Segmentation fault) (502)"),
    ("half-head", "its output ended inside its head, exit status 4 (502)")])
def test_the_log_says_in_one_line_how_a_program_without_a_head_ended(cgi, program, says):
    said = f"/cgi-bin/{program}: its output"
    before, times = cgi.log_text().count(said), 20
    with cgi.client() as client:
        for _ in range(times):
            assert client.request(f"/cgi-bin/{program}").status == 502
    wait_until(lambda: cgi.log_text().count(said) == before + times, "a line for each")
    lines = [line for line in cgi.log_text().splitlines() if said in line][-times:]
    assert all(re.search(rf" error \S+: GET /cgi-bin/{program}: /\S+/{program}: {re.escape(says)}$", line) for line in lines), lines


def test_the_log_says_how_a_program_ended_within_its_body(cgi):
    for _ in range(10):
        with cgi.client() as client, pytest.raises(wire.Closed):
            client.request("/cgi-bin/half-body")
    cgi.wait_for_log(r"half-body: its output ended 36 bytes before its Content-Length, signal 6 \(Aborted\)\n", 10)


def test_no_client_waits_for_a_program_that_closes_its_output_and_goes_on(cgi, programs):
    assert cgi.fetch("/cgi-bin/runs-on").status == 502
    cgi.wait_for_log(r"runs-on: its output ended before it began, and it runs on \(502\)\n")
    tell(programs, "go on")


# Standard error.

def test_standard_error_goes_to_the_log_line_by_line(cgi):
    assert cgi.fetch("/cgi-bin/stderr").body == b"body\n"
    first = cgi.wait_for_log(r"warn (\S+): \S*/cgi-bin/stderr: first complaint\n")
    cgi.wait_for_log(re.escape(f"warn {first[1]}: ") + r"\S*/cgi-bin/stderr: last \\x1b\[1m complaint\n")


def test_the_answer_ends_with_standard_output_and_not_with_the_program(cgi, programs):
    with cgi.client() as client:
        assert client.request("/cgi-bin/linger").body == b"body\n"
        assert client.request("/cgi-bin/exact").body == b"body"
    tell(programs, "told")
    cgi.wait_for_log("linger: afterwards told")


# Time.

def test_a_program_that_gives_no_head_is_ended_with_all_its_children(cgi, programs):
    assert cgi.fetch("/head/stuck").status == 504
    cgi.wait_for_log(r"stuck: ended after timeout_head \(504\)")
    for name in ("stuck", "grandchild"):
        pid = take_pid(programs, name)
        wait_until(lambda: not is_running(pid), f"{name} ended")


def test_a_slow_client_is_not_the_programs_fault(cgi):
    with cgi.client() as client:
        client.send(wire.request("/head/echo", "POST", ["Content-Length: 3"]))
        for piece in (b"a", b"b"):
            client.send(piece)
            assert not client.is_closed(0.7)
        client.send(b"c")
        assert client.response().body == b"abc"


def test_a_program_that_stops_in_its_answer_breaks_the_connection(cgi, programs):
    with cgi.client() as client, pytest.raises(wire.Closed):
        client.request("/idle/stuck-body")
    cgi.wait_for_log("stuck-body: ended after timeout_idle")
    for name in ("stuck", "grandchild"):
        pid = take_pid(programs, name)
        wait_until(lambda: not is_running(pid), f"{name} ended")


def test_a_client_that_does_not_read_is_not_the_programs_fault(cgi):
    with cgi.client(receive_buffer=4096) as client:
        client.send(wire.request("/idle/million"))
        client.read_until(b"\r\n\r\n")
        end = time.monotonic() + 1.2
        wait_until(lambda: time.monotonic() > end, "longer than timeout_idle")
        assert client.read_until(b"\r\n0\r\n\r\n")


def test_the_time_in_all_is_limited(cgi):
    with cgi.client() as client, pytest.raises(wire.Closed):
        client.request("/total/drip")
    cgi.wait_for_log("drip: ended after timeout_total")
    assert cgi.fetch("/total/stuck").status == 504


def test_what_a_program_leaves_in_the_background_is_its_own(cgi):
    pid = int(cgi.fetch("/cgi-bin/background").body)
    wait_until(lambda: not children(cgi.process.pid), "the program gone")
    assert is_running(pid)
    os.kill(pid, signal.SIGKILL)


# Clients that go.

@pytest.mark.parametrize("program, leave", [("stuck", "reset"), ("stuck", "close"), ("stuck-body", "reset"), ("stuck-body", "close")])
def test_a_client_that_goes_takes_the_program_along(cgi, programs, program, leave):
    client = cgi.client()
    client.send(wire.request(f"/cgi-bin/{program}"))
    pids = [take_pid(programs, "stuck"), take_pid(programs, "grandchild")]
    if program == "stuck-body":
        client.read_until(b"begun")
    getattr(client, leave)()
    for pid in pids:
        wait_until(lambda: not is_running(pid), "the whole tree ended")


@pytest.mark.parametrize("octets", [wire.request("/cgi-bin/stuck") + b"\r\n", wire.request("/cgi-bin/stuck") + wire.request("/"),
                                    wire.request("/cgi-bin/stuck", "POST", body=b"abc") + b"\r\n",
                                    wire.request("/cgi-bin/stuck", "POST", body=b"x" * 100_000)], ids=["CRLF", "next", "body", "long"])
@pytest.mark.parametrize("leave", ["reset", "close"])
def test_what_a_client_has_said_before_it_goes_does_not_hide_that(cgi, programs, octets, leave):
    """Nobody has read it when the client goes: not the program, and it is too early for the next request."""
    client = cgi.client()
    client.send(octets)
    pid = take_pid(programs, "stuck")
    timeouts = cgi.log_text().count("timeout")
    getattr(client, leave)()
    wait_until(lambda: not is_running(pid), "the program ended")
    assert cgi.log_text().count("timeout") == timeouts


def test_a_client_that_goes_in_an_endless_answer_takes_the_program_along(cgi, programs):
    with cgi.client() as client:
        client.send(wire.request("/cgi-bin/endless"))
        client.read(100_000)
        pid = take_pid(programs, "endless")
    wait_until(lambda: not is_running(pid), "the program ended")


def test_a_client_that_has_only_stopped_sending_gets_its_answer(cgi, programs):
    with cgi.client() as client:
        client.send(wire.request("/cgi-bin/told"))
        client.half_close()
        client.read_until(b"first\n")
        tell(programs, "second")
        client.read_until(b"second\n")


def test_an_answer_that_breaks_off_never_looks_whole_to_who_has_stopped_sending(cgi, programs):
    with cgi.client() as client:
        client.send(wire.request("/cgi-bin/told-pid"))
        client.half_close()
        client.read_until(b"first\n\r\n")
        client.read_until(b"0")  # in front of the next size: whether the client is there still
        os.kill(take_pid(programs, "told"), signal.SIGKILL)
        with pytest.raises(ConnectionResetError):
            client.receive()


# Many at once.

def test_several_run_at_the_same_time(cgi):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        bodies = [os.urandom(50_000) for _ in range(40)]
        answers = pool.map(lambda body: cgi.fetch("/cgi-bin/echo", method="POST", body=body).body, bodies)
        assert list(answers) == bodies


def test_who_finds_no_place_waits_and_then_is_refused(cgi, programs):
    with cgi.client() as running, cgi.client() as waiting, cgi.client() as refused:
        running.send(wire.request("/few/told"))
        running.read_until(b"first\n")
        waiting.send(wire.request("/few/echo", "POST", body=b"at last"))
        answer = refused.request("/few/echo")
        assert (answer.status, answer.get("Retry-After")) == (503, "1")
        tell(programs, "second")
        running.read_until(b"second\n")
        assert waiting.response().body == b"at last"
    assert cgi.fetch("/few/exact").status == 200


def test_waiting_has_an_end(cgi, programs):
    with cgi.client() as running:
        running.send(wire.request("/hurried/told"))
        running.read_until(b"first\n")
        answer = cgi.fetch("/hurried/exact")
        assert (answer.status, answer.get("Retry-After")) == (503, "1")
        tell(programs, "second")
        running.read_until(b"second\n")
    wait_until(lambda: cgi.fetch("/hurried/exact").status == 200, "a free place")


def test_who_leaves_the_queue_makes_room(cgi, programs):
    with cgi.client() as running:
        running.send(wire.request("/few/told"))
        running.read_until(b"first\n")
        before = cgi.open_files()
        leaving = cgi.client()
        leaving.send(wire.request("/few/echo"))
        assert cgi.fetch("/few/exact").status == 503
        leaving.reset()
        wait_until(lambda: cgi.open_files() <= before, "the other connections gone")
        with cgi.client() as waiting:
            waiting.send(wire.request("/few/exact"))
            tell(programs, "second")
            running.read_until(b"second\n")
            assert waiting.response().status == 200


def test_the_server_keeps_no_descriptor(cgi):
    before = cgi.open_files()
    for path in ("/cgi-bin/exact", "/cgi-bin/stderr", "/cgi-bin/exit3", "/cgi-bin/no-interpreter", "/head/stuck"):
        cgi.fetch(path)
    wait_until(lambda: not children(cgi.process.pid), "no children")
    wait_until(lambda: cgi.open_files() <= before, "as many descriptors as before")


def test_a_server_that_stops_leaves_no_program_behind(server, tmp_path):
    programs = site(tmp_path, {"stuck": PROGRAMS["stuck"]}, "cgi-bin")
    stopping = server('[server]\nworkers = 1\ndrain_timeout = "300ms"\n[[site]]\n[[site.route]]\npath = "/*"\n'
                      'handler = "cgi"\nroot = "cgi-bin"\n')
    with stopping.client() as client:
        client.send(wire.request("/stuck"))
        pids = [take_pid(programs, "stuck"), take_pid(programs, "grandchild")]
        stopping.stop()
        for pid in pids:
            wait_until(lambda: not is_running(pid), "ended with the server")


def test_a_unix_socket_has_a_name_and_a_port_too(server, tmp_path):
    site(tmp_path, {"environ": PROGRAMS["environ"]}, "cgi-bin")
    path = str(tmp_path / "sock")
    server(f'[[listener]]\naddress = "127.0.0.1:0"\n[[listener]]\naddress = "unix:{path}"\n[[site]]\n[[site.route]]\n'
           'path = "/*"\nhandler = "cgi"\nroot = "cgi-bin"\n', listeners=2)
    with wire.Client(path) as client:
        seen = environment(client.request("/environ", host="example.org:8000"))
    assert (seen["SERVER_NAME"], seen["SERVER_PORT"]) == ("example.org", "8000")
