# SPDX-License-Identifier: MIT
"""Where the server listens: IPv4, IPv6, Unix sockets, several at once, and several workers behind one address."""
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading

import pytest

import wire
from sites import site

SITE = '[[site]]\nroot = "www"\n'


@pytest.fixture(autouse=True)
def files(tmp_path):
    return site(tmp_path, {"a.txt": "the file a", "large": b"x" * (3 << 20)})


def listen(*addresses):
    return SITE + "".join(f'[[listener]]\naddress = "{address}"\n' for address in addresses)


def test_ipv4(server):
    running = server(listen("127.0.0.1:0"))
    assert running.urls() == [f"http://127.0.0.1:{running.port}"] and running.port > 0
    assert running.fetch("/a.txt").body == b"the file a"


def test_ipv6(server):
    running = server(listen("[::1]:0"))
    assert running.urls() == [f"http://[::1]:{running.port}"]
    assert wire.fetch(("::1", running.port), "/a.txt", host="[::1]").body == b"the file a"
    with pytest.raises(ConnectionRefusedError):
        wire.Client(("127.0.0.1", running.port))


def test_every_ipv6_address_is_every_ipv4_address_too(server):
    running = server(listen("[::]:0"))
    for host in ("::1", "127.0.0.1"):
        assert wire.fetch((host, running.port), "/a.txt").body == b"the file a"
    # IPv4 clients are shown as such, not as ::ffff:127.0.0.1.
    wire.wait_until(lambda: "127.0.0.1 - - [" in running.stdout_text() and "::1 - - [" in running.stdout_text())
    assert "ffff" not in running.stdout_text()


def test_unix_socket(server, tmp_path):
    running = server(listen("unix:http.sock"))
    path = str(tmp_path / "http.sock")
    assert running.urls() == [f"unix:{path}"]
    for _ in range(3):
        assert wire.fetch(path, "/a.txt").body == b"the file a"
    assert len(wire.fetch(path, "/large").body) == 3 << 20
    wire.wait_until(lambda: '"GET /large HTTP/1.1" 200' in running.stdout_text())
    running.stop()
    assert not os.path.exists(path)


def test_stale_unix_socket_is_replaced(server, tmp_path):
    path = str(tmp_path / "http.sock")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    server(listen("unix:http.sock"))
    assert wire.fetch(path, "/a.txt").body == b"the file a"


def test_unix_socket_in_use_is_not_taken_away(server, uvhttpd, tmp_path):
    first = server(listen("unix:http.sock"))
    (tmp_path / "second.toml").write_text(listen("unix:http.sock"))
    second = uvhttpd("-c", tmp_path / "second.toml")
    assert second.returncode == 1 and "http.sock" in second.stderr and "use" in second.stderr
    assert wire.fetch(str(tmp_path / "http.sock"), "/a.txt").body == b"the file a"
    first.stop()


def test_file_in_the_place_of_a_unix_socket_is_left_alone(uvhttpd, tmp_path):
    (tmp_path / "http.sock").write_text("precious")
    (tmp_path / "uvhttpd.toml").write_text(listen("unix:http.sock"))
    result = uvhttpd("-c", tmp_path / "uvhttpd.toml")
    assert result.returncode == 1 and "http.sock" in result.stderr
    assert (tmp_path / "http.sock").read_text() == "precious"


def test_unix_socket_may_be_reached_by_a_proxy_of_another_user(server, tmp_path):
    server(listen("unix:http.sock"))
    assert stat.S_IMODE(os.stat(tmp_path / "http.sock").st_mode) & 0o666 == 0o666


def permissions(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_unix_socket_has_the_mode_that_is_asked_for(server, tmp_path):
    server(listen("unix:http.sock") + 'mode = "0660"\n')
    assert permissions(tmp_path / "http.sock") == 0o660
    assert wire.fetch(str(tmp_path / "http.sock"), "/a.txt").body == b"the file a"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_unix_socket_keeps_out_whom_its_mode_leaves_out(server):
    connect = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        path = os.path.join(directory, "http.sock")
        server(listen(f"unix:{path}") + 'mode = "0660"\n')
        for group, is_let_in in ((os.stat(path).st_gid, True), (65534, False)):
            ended = subprocess.run(["setpriv", "--reuid=65534", f"--regid={group}", "--clear-groups", sys.executable, "-c", connect, path],
                                   capture_output=True, text=True, timeout=wire.DEADLINE)
            assert (ended.returncode == 0) == is_let_in and ("PermissionError" in ended.stderr) != is_let_in, ended.stderr


def test_reload_gives_a_unix_socket_that_stays_another_mode_and_leaves_it_alone_without(server, tmp_path):
    path = tmp_path / "http.sock"
    running = server(listen("unix:http.sock") + 'mode = "0660"\n')
    socket_file = os.stat(path).st_ino
    assert running.reload(listen("unix:http.sock") + 'mode = "0600"\n') == "Reloaded"
    assert permissions(path) == 0o600
    path.chmod(0o640)
    assert running.reload() == "Reloaded" and permissions(path) == 0o640
    assert running.reload(listen("unix:http.sock")) == "Reloaded" and permissions(path) == 0o666
    assert os.stat(path).st_ino == socket_file and wire.fetch(str(path), "/a.txt").body == b"the file a"


def test_reload_that_is_refused_leaves_the_mode_of_a_unix_socket(server, tmp_path):
    running = server(listen("unix:http.sock") + 'mode = "0660"\n')
    assert running.reload(listen("unix:http.sock", "192.0.2.1:0").replace('http.sock"\n', 'http.sock"\nmode = "0600"\n')) == "Reload refused"
    assert permissions(tmp_path / "http.sock") == 0o660


def test_several_listeners(server, tmp_path):
    running = server(listen("127.0.0.1:0", "[::1]:0", "unix:http.sock", "127.0.0.2:0"), listeners=4)
    addresses = [("127.0.0.1", running.ports[0]), ("::1", running.ports[1]), str(tmp_path / "http.sock"), ("127.0.0.2", running.ports[3])]
    for address in addresses:
        assert wire.fetch(address, "/a.txt").body == b"the file a"


def test_address_of_another_machine_cannot_be_listened_on(uvhttpd, tmp_path):
    (tmp_path / "uvhttpd.toml").write_text(listen("192.0.2.1:0"))
    result = uvhttpd("-c", tmp_path / "uvhttpd.toml")
    assert result.returncode == 1 and result.stderr.startswith("uvhttpd: ") and "192.0.2.1" in result.stderr


def test_port_of_another_server_is_never_shared(server, uvhttpd, tmp_path):
    first = server('[server]\nworkers = 4\n' + SITE)
    (tmp_path / "second.toml").write_text(f'[server]\nworkers = 4\n{listen(f"127.0.0.1:{first.port}")}')
    second = uvhttpd("-c", tmp_path / "second.toml")
    assert second.returncode == 1 and f"127.0.0.1:{first.port}" in second.stderr and "in use" in second.stderr
    for _ in range(20):
        assert first.fetch("/a.txt").status == 200


@pytest.mark.parametrize("workers", [1, 4])
def test_workers_share_the_load_of_many_clients(server, workers):
    running = server(f'[server]\nworkers = {workers}\n{SITE}')
    failures = []

    def use():
        try:
            with running.client() as client:
                for _ in range(30):
                    assert client.request("/a.txt").body == b"the file a"
                assert len(client.request("/large").body) == 3 << 20
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=use) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    wire.wait_until(lambda: running.stdout_text().count('"GET /a.txt HTTP/1.1" 200 10 ') == 24 * 30)
