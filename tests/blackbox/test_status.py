# SPDX-License-Identifier: MIT
"""The page about the server itself: what it shows of programs and counters, and who may see it."""
import html
import json
import os
import re
import socket

import pytest

import wire
from sites import site
from wire import wait_until

CONFIG = """
[server]
workers = 2
[access_log]
path = "off"
[[site]]
root = "www"
[[site.route]]
path = "/status"
handler = "status"
[[site.route]]
path = "/open"
handler = "status"
public = true
[[site.route]]
path = "/cgi-bin/*"
handler = "cgi"
root = "cgi-bin"
max_running = 7
queue = 9
"""

# Says its process, then waits until something is written into the FIFO.
TOLD = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\necho $$\nread -r line < fifo\necho \"$line\"\n"


@pytest.fixture
def running(server, tmp_path):
    site(tmp_path, {"index.html": "hello"})
    site(tmp_path, {"told": TOLD}, name="cgi-bin")
    os.mkfifo(tmp_path / "cgi-bin" / "fifo")
    return server(CONFIG)


def status(running):
    answer = running.fetch("/status?json")
    assert (answer.status, answer.get("Content-Type")) == (200, "application/json")
    return json.loads(answer.body)


def test_a_running_program_is_shown_until_it_ends(running, tmp_path):
    target = "/cgi-bin/told/<b>?a=1&b=%3Cscript%3E".replace("<b>", "%3Cb%3E")
    with running.client() as client:
        client.send(wire.request(target))
        found = wait_until(lambda: status(running)["programs"], "the program")
        assert len(found) == 1
        program = found[0]
        assert program["file"] == str(tmp_path / "cgi-bin" / "told")
        assert program["request"] == f"GET {target}"
        assert (program["client"], program["site"], program["route"]) == ("127.0.0.1", "default", "/cgi-bin/*")
        assert os.readlink(f"/proc/{program['pid']}/cwd") == str(tmp_path / "cgi-bin")
        wait_until(lambda: status(running)["programs"][0]["age_seconds"] > program["age_seconds"], "it grows older")
        places = status(running)["places"]
        assert places == [{"site": "default", "route": "/cgi-bin/*", "running": 1, "max_running": 7, "waiting": 0, "queue": 9}]

        page = running.fetch("/status").body.decode()
        assert "Running programs: 1" in page and f"<td>{program['pid']}</td>" in page
        assert html.escape(f"GET {target}") in page

        (tmp_path / "cgi-bin" / "fifo").write_text("go on\n")
        answer = client.response()
        assert answer.body.decode().split("\n")[:2] == [str(program["pid"]), "go on"]
    wait_until(lambda: not status(running)["programs"], "the list is empty")
    wait_until(lambda: status(running)["places"][0]["running"] == 0, "its place is free")
    assert "None runs." in running.fetch("/status").body.decode()


def test_a_program_whose_client_goes_away_is_no_longer_shown(running):
    with running.client() as client:
        client.send(wire.request("/cgi-bin/told"))
        wait_until(lambda: status(running)["programs"], "the program")
        client.reset()
    wait_until(lambda: not status(running)["programs"], "the list is empty")


def test_counters_of_all_workers_go_up(running):
    before = status(running)
    assert [worker["worker"] for worker in before["workers"]] == [0, 1]
    for _ in range(10):
        assert running.fetch("/").status == 200
        assert running.fetch("/not-there").status == 404
    after = status(running)
    total = after["total"]
    for key in ("connections_open", "connections_accepted", "requests_in_flight", "requests", "unanswered", "sent_bytes"):
        assert total[key] == sum(worker[key] for worker in after["workers"]), key
    # An answer is counted when it is over, which its client may learn first.
    settled = wait_until(lambda: (lambda now: now if now["requests_in_flight"] == 1 else None)(status(running)["total"]), "rest")
    assert settled["requests"] - before["total"]["requests"] >= 21
    assert settled["answers"]["4xx"] - before["total"]["answers"]["4xx"] == 10
    assert settled["answers"]["2xx"] - before["total"]["answers"]["2xx"] >= 10
    assert settled["connections_accepted"] - before["total"]["connections_accepted"] >= 21
    assert settled["sent_bytes"] > before["total"]["sent_bytes"] + 20 * 100
    assert after["pid"] == running.process.pid


def test_open_connections_are_counted(running):
    clients = [running.client() for _ in range(5)]
    for client in clients:
        assert client.request("/").status == 200
    assert status(running)["total"]["connections_open"] >= 5
    for client in clients:
        client.close()
    wait_until(lambda: status(running)["total"]["connections_open"] <= 1, "all are closed")


def test_reloads_are_counted(running):
    assert (status(running)["reloads"], status(running)["reloaded"]) == (0, None)
    running.reload(CONFIG)
    now = status(running)
    assert now["reloads"] == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", now["reloaded"])
    running.reload("[[site]]\nroot = 1\n")
    assert status(running)["reloads"] == 1


def test_the_page_is_neither_stored_nor_scripted(running):
    page = running.fetch("/status")
    assert (page.status, page.get("Content-Type"), page.get("Cache-Control")) == (200, "text/html; charset=utf-8", "no-store")
    assert b"<script" not in page.body and b'http-equiv="refresh"' in page.body
    assert b'http-equiv="refresh"' not in running.fetch("/status?pause").body
    assert running.fetch("/status", method="HEAD").status == 200
    assert running.fetch("/status", method="POST").status == 405


def own_address():
    """An address of this machine that is not a loopback one; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return probe.getsockname()[0]


def test_only_this_machine_sees_it_unless_it_is_public(server, tmp_path):
    address = own_address()
    if address is None or address.startswith("127."):
        pytest.skip("no address but loopback")
    site(tmp_path, {"index.html": "hello"})
    (tmp_path / "cgi-bin").mkdir()
    running = server(CONFIG + '[[listener]]\naddress = "0.0.0.0:0"\n[[listener]]\naddress = "unix:listen.sock"\n', listeners=2)
    other = (address, running.port)
    assert wire.fetch(other, "/").status == 200
    refused = wire.fetch(other, "/status?json")
    assert refused.status == 403 and b"pid" not in refused.body
    assert wire.fetch(other, "/open?json").status == 200
    assert running.fetch("/status").status == 200
    assert wire.fetch(str(tmp_path / "listen.sock"), "/status").status == 200


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_who_comes_through_a_proxy_is_not_on_this_machine(running, name):
    assert running.fetch("/status", fields=[(name, "192.0.2.7")]).status == 403
    assert running.fetch("/open", fields=[(name, "192.0.2.7")]).status == 200
