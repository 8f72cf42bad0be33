# SPDX-License-Identifier: MIT
"""send_rate: how fast one connection is sent answers, whatever they are made of."""
import threading
import time

import pytest

import wire
from sites import site

MIB = 1 << 20
PROGRAM = """#!/bin/sh
printf 'Content-Type: application/octet-stream\\r\\n\\r\\n'
exec head -c 1048576 /dev/zero
"""


def config(rate, site_keys="", limits=""):
    return f"""
[limits]
{limits}
[[site]]
root = "www"
send_rate = "{rate}"
{site_keys}
[[site.route]]
path = "/cgi-bin/*"
handler = "cgi"
root = "cgi-bin"

[[site.route]]
path = "/free/*"
handler = "static"
root = "www"
send_rate = 0
"""


@pytest.fixture(autouse=True)
def files(tmp_path):
    site(tmp_path, {"zeros": PROGRAM}, "cgi-bin")
    # One that is kept in memory, and one that is sent from its file.
    return site(tmp_path, {"kept": b"k" * MIB, "large": b"l" * (2 * MIB)})


def seconds_for(client, *targets):
    began = time.monotonic()
    for target in targets:
        answer = client.request(target)
        assert answer.status == 200 and len(answer.body) >= MIB
    return time.monotonic() - began


@pytest.mark.parametrize("targets, octets", [
    (["/kept", "/kept", "/kept"], 3 * MIB),
    (["/large"], 2 * MIB),
    (["/cgi-bin/zeros", "/cgi-bin/zeros"], 2 * MIB),
    (["/large", "/cgi-bin/zeros"], 3 * MIB),
], ids=["memory", "file", "program", "both"])
def test_answers_take_the_time_they_should(server, targets, octets):
    running = server(config("1MiB"))
    with running.client() as client:
        # What comes in a second goes at once.
        assert seconds_for(client, *targets) >= 0.8 * (octets / MIB - 1)


def test_proxied_answers_take_the_time_they_should(server, tmp_path):
    behind = server(config(0), tmp=tmp_path)
    front = tmp_path / "front"
    front.mkdir()
    running = server(f"""
[[site]]
send_rate = "1MiB"
[[site.route]]
path = "/*"
handler = "proxy"
upstream = ["http://127.0.0.1:{behind.port}"]
""", tmp=front)
    with running.client() as client:
        assert seconds_for(client, "/large", "/kept") >= 0.8 * 2


def test_each_connection_has_its_own_rate(server):
    running = server(config("1MiB"))
    times = []

    def ask():
        with running.client() as client:
            times.append(seconds_for(client, "/large", "/kept"))
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(each >= 0.8 * 2 for each in times), times
    # Twelve MiB one behind the other would take eleven seconds.
    assert len(times) == 4 and max(times) < 8, times


def test_without_a_limit_nothing_is_slowed(server):
    running = server(config("64KiB"))
    with running.client() as client:
        # With it that would take minutes.
        assert seconds_for(client, *["/free/large"] * 10) < 20


def test_pauses_are_not_the_clients(server):
    running = server(config("256KiB", limits='send_timeout = "100ms"'))
    with running.client() as client:
        assert len(client.request("/kept").body) == MIB


def test_client_that_takes_nothing_is_cut_off_all_the_same(server):
    running = server(config("512MiB", limits='send_timeout = "500ms"'))
    (running.tmp / "www" / "huge").write_bytes(b"h" * (32 * MIB))
    with wire.Client(running.address, receive_buffer=4096) as client:
        client.send(wire.request("/huge"))
        wire.wait_until(lambda: " 200 " in running.stdout_text(), "the end of the exchange")


def test_limits_name_the_rate_of_all_sites(server):
    running = server('[limits]\nsend_rate = "1MiB"\n[[site]]\nroot = "www"')
    with running.client() as client:
        assert seconds_for(client, "/large", "/kept") >= 0.8 * 2


def test_explain_does_not_wait(server, uvhttpd, tmp_path):
    server(config("1KiB"))
    began = time.monotonic()
    result = uvhttpd("explain", "-c", tmp_path / "uvhttpd.toml", "http://127.0.0.1/large")
    assert result.returncode == 0 and "200 OK" in result.stdout, result.stdout
    assert time.monotonic() - began < 20
