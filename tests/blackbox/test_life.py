# SPDX-License-Identifier: MIT
"""Signals, reloads, logs, and the service manager: the life of the process as its operator sees it."""
import fcntl
import json
import os
import re
import signal
import socket
import threading
import time

import pytest

import wire
from sites import put, site
from wire import request

SITE = '[[site]]\nroot = "www"\n'
# For reloads that need more than the start did, which the sandbox refuses.
UNCONFINED = '[server]\nsandbox = "off"\n'
CGI = '[[site.route]]\npath = "/cgi-bin/*"\nhandler = "cgi"\nroot = "cgi-bin"\n'
LARGE = b"0123456789abcdef" * (8 << 20 >> 4)


@pytest.fixture(autouse=True)
def files(tmp_path):
    return site(tmp_path, {"a.txt": "the file a", "large": LARGE})


class Gate:
    """A program that tells when it has started and goes on when it is let through."""

    def __init__(self, tmp):
        self.started, self.open = tmp / "started", tmp / "open"
        site(tmp, {"slow": f"""#!/bin/sh
echo $$ > {self.started}.new
mv {self.started}.new {self.started}
until [ -e {self.open} ]; do sleep 0.01; done
printf 'Content-Type: text/plain\\r\\n\\r\\nslow'
"""}, "cgi-bin")

    def wait_until_started(self):
        wire.wait_until(self.started.exists, "the program has started")
        return int(self.started.read_text())

    def let_through(self):
        self.open.touch()


def begin_download(running):
    """A client in the middle of a large file."""
    client = running.client(receive_buffer=4096)
    client.send(request("/large"))
    client.read_until(b"\r\n\r\n")
    return client


def refuses(running):
    try:
        running.client().close()
        return False
    except (ConnectionRefusedError, ConnectionResetError):
        return True


# TERM and INT.

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_completes_what_is_under_way(server, tmp_path, number):
    gate = Gate(tmp_path)
    running = server(SITE + CGI)
    download = begin_download(running)
    program = running.client()
    program.send(request("/cgi-bin/slow"))
    gate.wait_until_started()
    idle = running.client()
    assert idle.request("/a.txt").status == 200
    half = running.client()
    half.send(b"GET /a.txt HTTP/1.1\r\nHost: x\r\n")
    # On a connection that is answered behind it, the half of a head has surely been read.
    assert running.fetch("/a.txt").status == 200

    running.signal(number)
    assert idle.read_to_end() == b""
    half.send(b"\r\n")
    answer = half.response()
    assert (answer.body, answer.get("Connection")) == (b"the file a", "close")
    assert half.read_to_end() == b""
    assert download.read(len(LARGE)) == LARGE and download.read_to_end() == b""
    gate.let_through()
    answer = program.response()
    assert answer.body == b"slow" and program.read_to_end() == b""
    running.wait_for_end()


def test_new_connections_are_refused_while_it_stops(server, tmp_path):
    running = server('[server]\ndrain_timeout = "5s"\n' + SITE)
    with begin_download(running) as download:
        running.signal(signal.SIGTERM)
        wire.wait_until(lambda: refuses(running), "new connections are refused", 4)
        assert download.read(len(LARGE)) == LARGE
    running.wait_for_end()


def test_requests_pipelined_before_the_stop_do_not_keep_the_server(server, tmp_path):
    running = server(SITE)
    with running.client(receive_buffer=4096) as client:
        client.send(request("/large") * 50)
        client.read_until(b"\r\n\r\n")
        running.signal(signal.SIGTERM)
        assert client.read(len(LARGE)) == LARGE
        client.read_to_end()
    running.wait_for_end()


def test_second_signal_stops_at_once(server, tmp_path):
    gate = Gate(tmp_path)
    running = server('[server]\ndrain_timeout = "10m"\n' + SITE + CGI)
    download = begin_download(running)
    program = running.client()
    program.send(request("/cgi-bin/slow"))
    pid = gate.wait_until_started()
    running.signal(signal.SIGTERM)
    running.wait_for_log("stopping")
    assert running.process.poll() is None
    running.signal(signal.SIGTERM)
    running.wait_for_end()
    assert len(download.read_to_end()) < len(LARGE)
    assert program.read_to_end() == b""
    wire.wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the program is gone too")


def test_drain_has_an_end(server, tmp_path):
    gate = Gate(tmp_path)
    running = server('[server]\ndrain_timeout = "300ms"\n' + SITE + CGI)
    download = begin_download(running)
    program = running.client()
    program.send(request("/cgi-bin/slow"))
    pid = gate.wait_until_started()
    running.signal(signal.SIGTERM)
    running.wait_for_end()
    assert "drain_timeout" in running.stderr_text()
    assert len(download.read_to_end()) < len(LARGE)
    wire.wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the program is gone too")


def test_stop_under_load_breaks_no_answer(server):
    running = server(SITE)
    broken, seen = [], []

    def use():
        try:
            while True:
                with running.client() as client:
                    for _ in range(5):
                        client.send(request("/a.txt"))
                        answer = client.response()
                        assert answer.body == b"the file a"
                        seen.append(1)
                        if answer.get("Connection") == "close":
                            break
        except (wire.Closed, ConnectionError) as end:
            # Closed before an answer had begun, or refused; never inside of one.
            if isinstance(end, wire.Closed) and "closed after b''" not in str(end):
                broken.append(end)
        except BaseException as failure:
            broken.append(failure)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    wire.wait_until(lambda: len(seen) > 100)
    running.signal(signal.SIGTERM)
    for thread in threads:
        thread.join()
    assert not broken, broken
    running.wait_for_end()


# HUP.

def with_field(value, more=""):
    return f'{SITE}headers = {{ "X-Version" = "{value}" }}\n{more}'


def test_reload_changes_what_is_answered_on_a_connection_in_use(server):
    running = server(with_field(1))
    with running.client() as client:
        for version in ("1", "2", "3"):
            assert client.request("/a.txt").get("X-Version") == version
            assert running.reload(with_field(int(version) + 1)) == "Reloaded"
            wire.wait_until(lambda: running.fetch("/a.txt").get("X-Version") == str(int(version) + 1))


def test_answers_under_way_are_completed_by_the_configuration_that_began_them(server, tmp_path):
    gate = Gate(tmp_path)
    running = server(with_field(1, CGI))
    download = begin_download(running)
    program = running.client()
    program.send(request("/cgi-bin/slow"))
    gate.wait_until_started()
    site(tmp_path, {"a.txt": "another site"}, "other")
    assert running.reload('[[site]]\nroot = "other"\n') == "Reloaded"
    wire.wait_until(lambda: running.fetch("/a.txt").body == b"another site")
    assert download.read(len(LARGE)) == LARGE
    assert download.request("/a.txt").body == b"another site"
    gate.let_through()
    answer = program.response()
    assert (answer.body, answer.get("X-Version")) == (b"slow", "1")
    assert program.request("/a.txt").body == b"another site"
    download.close()
    program.close()


BAD = {
    "unknown key": (with_field(2) + 'workes = 3\n', r"uvhttpd\.toml:4:1: .*workes"),
    "no TOML": ("this is no TOML\n", r"uvhttpd\.toml:1:\d+: "),
    "missing root": ('[[site]]\nroot = "missing"\n', r"uvhttpd\.toml:2:8: .*missing"),
    "empty": ("# nothing\n[[listener]]\naddress = \"127.0.0.1:0\"\n", r"uvhttpd\.toml.*\[\[site\]\]"),
}


@pytest.mark.parametrize("text,says", BAD.values(), ids=list(BAD))
def test_bad_file_changes_nothing_and_is_told(server, text, says):
    running = server(with_field(1))
    with running.client() as client:
        assert client.request("/a.txt").get("X-Version") == "1"
        assert running.reload(text) == "Reload refused"
        running.wait_for_log(r"error config: .*" + says)
        assert client.request("/a.txt").get("X-Version") == "1"
        assert running.fetch("/a.txt").get("X-Version") == "1"
        assert running.reload(with_field(3)) == "Reloaded"
        wire.wait_until(lambda: client.request("/a.txt").get("X-Version") == "3")


def test_file_that_has_vanished_changes_nothing(server):
    running = server(with_field(1))
    running.file.unlink()
    assert running.reload() == "Reload refused"
    running.wait_for_log(r"error config: .*uvhttpd\.toml.*No such file")
    assert running.fetch("/a.txt").get("X-Version") == "1"


def test_port_in_use_refuses_the_reload(server):
    running = server(UNCONFINED + with_field(1))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = with_field(2) + "".join(f'[[listener]]\naddress = "127.0.0.1:{number}"\n' for number in (0, port))
        assert running.reload(text) == "Reload refused"
    running.wait_for_log(f"error config: .*127.0.0.1:{port}.*in use")
    assert running.fetch("/a.txt").get("X-Version") == "1"


def test_listeners_come_and_go_with_a_reload(server, tmp_path):
    running = server(UNCONFINED + SITE)
    listeners = '[[listener]]\naddress = "127.0.0.1:0"\n[[listener]]\naddress = "unix:http.sock"\n'
    path = str(tmp_path / "http.sock")
    assert running.reload(SITE + listeners) == "Reloaded"
    assert wire.wait_until(lambda: os.path.exists(path) and wire.fetch(path, "/a.txt")).body == b"the file a"
    assert running.fetch("/a.txt").body == b"the file a"
    # What is no longer named is closed, but not the connections that came by it.
    assert running.reload(SITE + '[[listener]]\naddress = "unix:http.sock"\n') == "Reloaded"
    wire.wait_until(lambda: refuses(running), "the port is closed")
    assert running.reload(SITE + listeners) == "Reloaded"
    with wire.Client(path) as kept:
        assert kept.request("/a.txt").body == b"the file a"
        assert running.reload(SITE) == "Reloaded"
        wire.wait_until(lambda: not os.path.exists(path), "the socket is gone")
        assert kept.request("/a.txt").body == b"the file a"


def test_reloads_leave_nothing_behind(server, tmp_path):
    site(tmp_path, name="cgi-bin")
    running = server(with_field(0, CGI))
    running.reload(with_field(0, CGI))
    before = running.open_files()
    for version in range(1, 20):
        assert running.reload(with_field(version, CGI if version % 2 else "")) == "Reloaded"
    assert running.fetch("/a.txt").get("X-Version") == "19"
    wire.wait_until(lambda: running.open_files() <= before + 1, "no descriptors are left over")


def test_many_signals_at_once_do_no_harm(server):
    running = server(with_field(1))
    for turn in range(200):
        running.signal(signal.SIGHUP if turn % 2 else signal.SIGUSR1)
        if turn % 20 == 0:
            assert running.fetch("/a.txt").status == 200
    # The last one counts, even if it came during a reload: it stands for a file that nobody has read yet.
    assert running.reload(with_field(2)) == "Reloaded"
    wire.wait_until(lambda: running.fetch("/a.txt").get("X-Version") == "2", "the last file is in force", 15)


def test_reload_under_load_loses_no_request(server):
    running = server(with_field(0))
    failures, seen, is_over = [], set(), threading.Event()

    def use(keep):
        try:
            client = running.client()
            while not is_over.is_set():
                answer = client.request("/a.txt")
                assert (answer.status, answer.body) == (200, b"the file a")
                assert answer.get("Connection") is None
                seen.add(answer.get("X-Version"))
                if not keep:
                    client.close()
                    client = running.client()
            client.close()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=use, args=(number % 2 == 0,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for version in range(1, 15):
        assert running.reload(with_field(version)) == "Reloaded"
    wire.wait_until(lambda: "14" in seen or failures)
    is_over.set()
    for thread in threads:
        thread.join()
    assert not failures, failures
    assert len(seen) > 3


# Logs.

COMBINED = re.compile(r'(?P<client>\S+) - - \[\d\d/(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] '
                      r'"(?P<request>(?:[^"\\]|\\.)*)" (?P<status>[1-5]\d\d) (?P<bytes>\d+|-) '
                      r'"(?P<referer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)"')


def test_access_log_is_in_combined_format_exactly(server):
    running = server('[access_log]\npath = "access.log"\n' + SITE)
    with running.client() as client:
        client.request("/a.txt?x=1", fields=["Referer: http://from.example/?a=b", "User-Agent: agent/1.0 (it)"])
        client.request("/a.txt", "HEAD")
        client.request("/missing", fields=['User-Agent: "quoted" back\\slash \xe9', 'Referer: "\\'])
        client.request("/a.txt", version="HTTP/1.0", fields=["Connection: keep-alive"])
        client.request("/large")
        client.send(b"GET / HTTP/1.1\r\nHost : x\r\n\r\n")
        client.read_to_end()
    log = running.tmp / "access.log"
    text = wire.wait_until(lambda: (lambda text: text if text.count("\n") == 6 else None)(log.exists() and log.read_text()), "six lines")
    lines = [COMBINED.fullmatch(line) for line in text.splitlines()]
    assert all(lines), text
    assert text.isascii() and text.splitlines()[0].startswith("127.0.0.1 - - [")
    assert lines[0].group("request", "status", "bytes", "referer", "agent") == (
        "GET /a.txt?x=1 HTTP/1.1", "200", "10", "http://from.example/?a=b", "agent/1.0 (it)")
    assert lines[1].group("request", "status", "bytes", "referer", "agent") == ("HEAD /a.txt HTTP/1.1", "200", "-", "-", "-")
    assert lines[2]["status"] == "404" and "quoted" in lines[2]["agent"] and "slash" in lines[2]["agent"]
    assert lines[3]["request"] == "GET /a.txt HTTP/1.0"
    assert lines[4].group("status", "bytes") == ("200", str(len(LARGE)))
    assert lines[5].group("request", "status") == ("GET / HTTP/1.1", "400")


def test_access_log_names_what_was_refused_as_it_came(server):
    running = server('[server]\nworkers = 1\n[access_log]\npath = "access.log"\n' + SITE)
    # In front of each is a request of the same connection, of which nothing may be left.
    for octets in (b"BREW /pot HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\n", b"GET /a\r\n", b"\x16\x03\x01\"\n",
                   b"GET /a HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nUser-Agent: agent\r\n\r\n"):
        with running.client() as client:
            client.request("/a.txt", fields=["User-Agent: the one before"])
            client.send(octets)
            client.read_to_end()
    log = running.tmp / "access.log"
    text = wire.wait_until(lambda: (lambda text: text if text.count("\n") == 10 else None)(log.exists() and log.read_text()), "ten lines")
    lines = [COMBINED.fullmatch(line) for line in text.splitlines()]
    assert [line.group("request", "status", "agent") for line in lines if line["agent"] != "the one before"] == [
        ("BREW /pot HTTP/1.1", "501", "-"), ("PRI * HTTP/2.0", "505", "-"), ("GET /a", "400", "-"),
        (r"\x16\x03\x01\x22", "400", "-"), ("GET /a HTTP/1.1", "417", "agent")]


def test_a_head_request_that_is_refused_is_answered_without_content(server):
    with server(SITE).client() as client:
        client.send(b"HEAD /a HTTP/1.1\r\nHost : x\r\n\r\n")
        head, _, content = client.read_to_end().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ") and content == b""


def test_access_log_as_json_has_its_keys(server, tmp_path):
    running = server('[access_log]\npath = "access.log"\nformat = "json"\n' + SITE.replace("[[site]]", '[[site]]\nhosts = ["example.org"]')
                     + '[[site.route]]\npath = "/ok/*"\nhandler = "respond"\nbody = "ok"\n')
    with running.client() as client:
        for _ in range(2):
            client.request("/ok/x?y=%22", host="Example.org:80", fields=['Referer: "a" \\ \xe9', "User-Agent: agent"])
        client.send(b"GET /a b HTTP/1.1\r\n\r\n")
        client.read_to_end()
    log = running.tmp / "access.log"
    text = wire.wait_until(lambda: (lambda text: text if text.count("\n") == 3 else None)(log.exists() and log.read_text()), "three lines")
    first, second, refused = map(json.loads, text.splitlines())
    expected = {"client": "127.0.0.1", "method": "GET", "target": "/ok/x?y=%22", "host": "example.org", "protocol": "HTTP/1.1",
                "status": 200, "bytes": 2, "site": "example.org", "route": "/ok/*", "handler": "respond", "user_agent": "agent"}
    assert {key: first[key] for key in expected} == expected
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", first["time"])
    assert isinstance(first["seconds"], (int, float)) and first["referer"].startswith('"a" \\ ')
    assert first["request_id"] and first["request_id"] != second["request_id"]
    assert refused["status"] == 400


def test_error_log_line_says_when_how_bad_where_and_what(server, tmp_path):
    running = server('[server]\nlog = "error.log"\n' + SITE)
    (tmp_path / "www/out").symlink_to("/etc")
    assert running.fetch('/out/%22%0apasswd%1b').status == 404
    log = tmp_path / "error.log"
    text = wire.wait_until(lambda: log.exists() and log.read_text())
    for line in text.splitlines():
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warn|error) \S+: [ -~]+", line), line


def test_log_level_leaves_out_what_is_less(server, tmp_path):
    running = server('[server]\nlog_level = "error"\n' + SITE)
    (tmp_path / "www/out").symlink_to("/etc")
    assert running.fetch("/out/passwd").status == 404
    running.stop()
    assert running.stderr_text() == f"uvhttpd: listening on http://127.0.0.1:{running.port}\n"


def test_logs_are_reopened_after_a_rotation(server, tmp_path):
    running = server('[server]\nworkers = 2\nlog = "error.log"\n[access_log]\npath = "access.log"\n' + SITE)
    (tmp_path / "www/out").symlink_to("/etc")
    for turn in range(3):
        assert running.fetch(f"/out/before-{turn}").status == 404
        wire.wait_until(lambda: f"before-{turn}" in (tmp_path / "access.log").read_text())
        for name in ("access.log", "error.log"):
            (tmp_path / name).rename(tmp_path / f"{name}.{turn}")
        running.signal(signal.SIGUSR1)
        for name in ("access.log", "error.log"):
            wire.wait_until((tmp_path / name).exists, f"{name} is opened anew")
        wire.wait_until(lambda: running.fetch(f"/out/after-{turn}").status == 404
                        and f"after-{turn}" in (tmp_path / "access.log").read_text())
        assert f"after-{turn}" in (tmp_path / "error.log").read_text()
        rotated = (tmp_path / f"error.log.{turn}").read_text()
        assert f"before-{turn}" in rotated and f"after-{turn}" not in rotated


def test_no_line_of_the_log_is_lost_in_a_rotation(server, tmp_path):
    running = server('[server]\nworkers = 2\n[access_log]\npath = "access.log"\n' + SITE)
    count = 0
    for turn in range(20):
        with running.client() as client:
            for _ in range(10):
                assert client.request("/a.txt").status == 200
                count += 1
        (tmp_path / "access.log").rename(tmp_path / f"access.log.{turn}")
        running.signal(signal.SIGUSR1)
        wire.wait_until((tmp_path / "access.log").exists)
    running.stop()
    assert sum(log.read_text().count('"GET /a.txt HTTP/1.1" 200 10 "-" "-"\n') for log in tmp_path.glob("access.log*")) == count


def test_full_disk_for_the_logs_does_no_harm(server):
    running = server('[access_log]\npath = "/dev/full"\n' + SITE)
    with running.client() as client:
        for _ in range(300):
            assert client.request("/a.txt").body == b"the file a"
        running.wait_for_log("error access_log: .*[Nn]o space left")
        assert client.request("/a.txt").status == 200
    assert len(running.stderr_text()) < 10_000


def test_full_disk_for_the_error_log_does_no_harm(server, tmp_path):
    running = server('[server]\nlog = "/dev/full"\n' + SITE)
    (tmp_path / "www/out").symlink_to("/etc")
    for _ in range(20):
        assert running.fetch("/out/passwd").status == 404
    assert running.fetch("/a.txt").status == 200


def test_reader_of_the_log_that_stands_still_or_goes_away_does_no_harm(server):
    read_end, write_end = os.pipe()
    running = server('[server]\nworkers = 1\n' + SITE, stdout=f"/dev/fd/{write_end}")
    os.close(write_end)
    octets = request("/a.txt", fields=["User-Agent: " + "x" * 1000]) * 100
    with running.client() as client:
        for _ in range(20):
            client.send(octets)
            for _ in range(100):
                assert client.response().status == 200
        os.close(read_end)
        for _ in range(100):
            assert client.request("/a.txt").status == 200
    running.wait_for_log("error access_log: ")


# The service manager.

class Manager:
    """Receives what the server tells its service manager."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(wire.DEADLINE)

    def next(self, without="WATCHDOG=1"):
        while True:
            lines = self.socket.recv(65536).decode().splitlines()
            if without not in lines:
                return lines


@pytest.mark.parametrize("is_abstract", [False, True], ids=["path", "abstract"])
def test_service_manager_is_told_of_every_turn(server, tmp_path, is_abstract):
    name = f"uvhttpd-test-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    manager = Manager("\0" + name if is_abstract else name)
    running = server(SITE, env={"NOTIFY_SOCKET": "@" + name if is_abstract else name})
    ready = manager.next()
    assert "READY=1" in ready and any(line.startswith("STATUS=") and str(running.port) in line for line in ready)
    for text in (None, "broken\n"):
        before = time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6
        running.reload(text)
        reloading = manager.next()
        assert "RELOADING=1" in reloading
        stamp = [int(line.split("=")[1]) for line in reloading if line.startswith("MONOTONIC_USEC=")]
        assert len(stamp) == 1 and before <= stamp[0] <= time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6
        assert "READY=1" in manager.next()
    running.signal(signal.SIGTERM)
    assert "STOPPING=1" in manager.next()
    running.wait_for_end()


def test_watchdog_is_fed_while_the_workers_live(server, tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    server(SITE, env={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"})
    begin = time.monotonic()
    for _ in range(4):
        while manager.next(without="") != ["WATCHDOG=1"]:
            pass
    assert time.monotonic() - begin >= 0.3


def test_programs_do_not_inherit_what_the_service_manager_gave(server, tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    site(tmp_path, {"env": "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\nenv\nls -l /proc/self/fd\n"}, "cgi-bin")
    running = server(SITE + CGI, env={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "60000000", "SECRET": "secret"})
    assert "READY=1" in manager.next()
    text = running.fetch("/cgi-bin/env").body.decode()
    assert not re.search(r"NOTIFY|WATCHDOG|SECRET|LISTEN_|socket:", text), text


def activated(server, tmp_path, sockets, names, text):
    """A server that gets these sockets from 3 on, as sd_listen_fds(3) says."""
    # First out of the way, so that none is overwritten by another.
    high = [fcntl.fcntl(passed.fileno(), fcntl.F_DUPFD, 100) for passed in sockets]
    moves = " ".join(f"{3 + number}<&{descriptor} {descriptor}<&-" for number, descriptor in enumerate(high))
    script = f'export LISTEN_PID=$$ LISTEN_FDS={len(sockets)} LISTEN_FDNAMES={names}; exec "$@" {moves}'
    try:
        return server(text, prefix=["bash", "-c", script, "bash"], pass_fds=high)
    finally:
        for descriptor in high:
            os.close(descriptor)


def test_sockets_of_the_service_manager_are_taken_by_name(server, tmp_path):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    sockets.append(socket.socket(socket.AF_UNIX))
    sockets[2].bind(str(tmp_path / "passed.sock"))
    sockets[2].listen()
    text = SITE + '[[listener]]\naddress = "systemd:http"\n[[listener]]\naddress = "systemd:local"\n'
    running = activated(server, tmp_path, sockets, "http:other:local", text)
    address = sockets[0].getsockname()
    assert running.urls()[0] == f"http://127.0.0.1:{address[1]}"
    for passed in sockets:
        passed.close()
    assert wire.fetch(address, "/a.txt").body == b"the file a"
    assert wire.fetch(str(tmp_path / "passed.sock"), "/a.txt").body == b"the file a"
    assert running.reload(text) == "Reloaded"
    assert wire.fetch(address, "/a.txt").body == b"the file a"
    running.stop()
    # It is not ours to remove.
    assert os.path.exists(tmp_path / "passed.sock")


def test_missing_socket_of_the_service_manager_is_a_failure(uvhttpd, tmp_path):
    file = put(tmp_path / "uvhttpd.toml", SITE + '[[listener]]\naddress = "systemd:http"\n')
    result = uvhttpd("-c", file)
    assert result.returncode == 1 and result.stderr.startswith("uvhttpd: ") and "systemd:http" in result.stderr


def test_sockets_meant_for_another_process_are_left_alone(uvhttpd, tmp_path):
    file = put(tmp_path / "uvhttpd.toml", SITE + '[[listener]]\naddress = "systemd:http"\n')
    result = uvhttpd("-c", file, env={**os.environ, "LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "http"})
    assert result.returncode == 1 and "systemd:http" in result.stderr


def test_descriptors_that_were_left_open_do_not_reach_programs(server, tmp_path):
    site(tmp_path, {"fds": "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\nls -l /proc/self/fd\n"}, "cgi-bin")
    with open(tmp_path / "private.txt", "w") as private:
        running = server(SITE + CGI, pass_fds=[private.fileno()])
        assert b"private.txt" not in running.fetch("/cgi-bin/fds").body


def test_limit_that_becomes_lower_under_a_request_in_flight(server, tmp_path):
    running = server(SITE)
    with running.client() as client:
        client.send(b"GET /a.txt HTTP/1.1\r\nHost: a\r\n" + b"X-Filler: 0123456789\r\n" * 80)
        assert running.fetch("/a.txt").status == 200  # on another connection, so the first has been read
        assert running.reload('[limits]\nhead_bytes = "1KiB"\ntarget_bytes = 512\n' + SITE) == "Reloaded"
        client.send(b"X")
        assert client.response().status == 431
    assert running.fetch("/a.txt").status == 200


def test_program_that_runs_out_of_time_after_a_reload(server, tmp_path):
    site(tmp_path, {"stuck": "#!/bin/sh\nexec sleep 60\n"}, "slow")
    route = '[[site.route]]\npath = "/slow/*"\nhandler = "cgi"\nroot = "slow"\ntimeout_head = "1s"\n'
    running = server(SITE + route)
    with running.client() as client:
        client.send(request("/slow/stuck"))
        assert running.fetch("/a.txt").status == 200
        assert running.reload(SITE + route + "max_running = 3\n") == "Reloaded"
        assert client.response().status == 504
    assert running.fetch("/a.txt").status == 200
