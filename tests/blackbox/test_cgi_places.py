# SPDX-License-Identifier: MIT
"""Places for programs are counted for the whole process, whatever configuration a program was started under."""
import json
import os

import pytest

from sites import site
from wire import request, wait_until

# Writes down that it has begun, then waits until something is written into its FIFO.
TOLD = ("#!/bin/sh\necho $QUERY_STRING >> begun\nread -r line < fifo.$QUERY_STRING\n"
        "printf 'Content-Type: text/plain\\n\\n'\necho \"$QUERY_STRING\"\n")


def config(max_running, queue, workers=1):
    return f"""
[server]
workers = {workers}
[access_log]
path = "off"
[[site]]
[[site.route]]
path = "/status"
handler = "status"
[[site.route]]
path = "/cgi-bin/*"
handler = "cgi"
root = "cgi-bin"
max_running = {max_running}
queue = {queue}
queue_timeout = "60s"
"""


@pytest.fixture
def root(tmp_path):
    root = site(tmp_path, {"told": TOLD}, "cgi-bin")
    for name in ("first", "second", "a", "b", "c", "d"):
        os.mkfifo(root / f"fifo.{name}")
    return root


def taken(running):
    places = json.loads(running.fetch("/status?json").body)["places"][0]
    return places["running"], places["max_running"], places["waiting"]


def ask(running, name):
    client = running.client()
    client.send(request(f"/cgi-bin/told?{name}"))
    return client


def begun(root):
    file = root / "begun"
    return file.read_text().split() if file.exists() else []


def go_on(root, name):
    """Lets the program of that name end."""
    def opened():
        try:
            return os.open(root / f"fifo.{name}", os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return None
    fd = wait_until(opened, f"{name} reads its FIFO")
    os.write(fd, b"go on\n")
    os.close(fd)


@pytest.mark.parametrize("workers", [1, 2])
def test_programs_of_old_configurations_count(server, root, workers):
    text = config(1, 0, workers)
    running = server(text)
    first = ask(running, "first")
    wait_until(lambda: begun(root) == ["first"], "the first runs")
    for _ in range(3):
        assert running.reload(text) == "Reloaded"
        assert taken(running) == (1, 1, 0)
        assert running.fetch("/cgi-bin/told?more").status == 503
    go_on(root, "first")
    assert first.response().body == b"first\n"
    wait_until(lambda: taken(running) == (0, 1, 0), "the place is free")
    second = ask(running, "second")
    go_on(root, "second")
    assert second.response().body == b"second\n"
    assert begun(root) == ["first", "second"]


def test_who_waits_is_served_in_the_order_of_coming_over_reloads(server, root):
    text = config(1, 3)
    running = server(text)
    clients = {"a": ask(running, "a")}
    wait_until(lambda: begun(root) == ["a"], "the first runs")
    for waiting, name in enumerate("bcd", 1):
        clients[name] = ask(running, name)
        wait_until(lambda: taken(running) == (1, 1, waiting), f"{name} waits")
        assert running.reload(text) == "Reloaded"
    assert running.fetch("/cgi-bin/told?e").status == 503
    for name, client in clients.items():
        go_on(root, name)
        assert client.response().body == f"{name}\n".encode()
    assert begun(root) == ["a", "b", "c", "d"]


def test_a_new_limit_is_one_for_old_and_new_programs_together(server, root):
    running = server(config(1, 2))
    clients = [ask(running, "a")]
    wait_until(lambda: begun(root) == ["a"], "the first runs")
    clients.append(ask(running, "b"))
    wait_until(lambda: taken(running) == (1, 1, 1), "the second waits")
    assert running.reload(config(2, 2)) == "Reloaded"
    wait_until(lambda: begun(root) == ["a", "b"], "there is room for the one that waited")
    assert taken(running) == (2, 2, 0)

    assert running.reload(config(1, 2)) == "Reloaded"
    clients.append(ask(running, "c"))
    wait_until(lambda: taken(running) == (2, 1, 1), "there is none for another")
    go_on(root, "a")
    wait_until(lambda: taken(running) == (1, 1, 1), "still none when one has gone")
    go_on(root, "b")
    wait_until(lambda: begun(root) == ["a", "b", "c"], "the last runs")
    go_on(root, "c")
    assert [client.response().body for client in clients] == [b"a\n", b"b\n", b"c\n"]
