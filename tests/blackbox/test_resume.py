# SPDX-License-Identifier: MIT
"""Downloads with curl and wget that are cut off and go on later: the file arrives, or the program says that it did not."""
import contextlib
import os
import random
import re
import socket
import subprocess
import threading

import pytest

import wire
from codings import text
from sites import put, replace, site

MTIME = 1_700_000_000
AT = "Tue, 14 Nov 2023 22:13:20 GMT"
SIZES = {"from memory": 600_000, "from the disk": 5_000_000}
CURL = ["curl", "-q", "-s", "-S", "-C", "-", "-o", "got", "--max-time", "60"]
WGET = ["wget", "--no-config", "-q", "-c", "-O", "got", "--tries=1", "--timeout=60"]
WGET_ALONE = ["wget", "--no-config", "-q", "-c", "-O", "got", "--tries=5", "--waitretry=0", "--timeout=60"]


def octets(size, seed=1):
    return random.Random(seed).randbytes(size)


def field_of(asked, name):
    found = re.search(rf"^{name}: (.*)\r$", asked, re.MULTILINE | re.IGNORECASE)
    return found and found[1]


class CuttingProxy:
    """Hands octets on between clients and a server, and drops the first connection after so many octets of a body."""

    def __init__(self, address, after, on_cut=lambda: None):
        self.address = address
        self.after = after
        self.on_cut = on_cut
        self.requests = []
        self.answers = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept)
        self.thread.start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client, socket.create_connection(self.address) as server, contextlib.suppress(OSError):
                self.serve(client, server)

    def serve(self, client, server):
        asked = b""
        while b"\r\n\r\n" not in asked:
            more = client.recv(1 << 16)
            if not more:
                return
            asked += more
        self.requests.append(asked.decode())
        server.sendall(asked.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        head = b""
        while b"\r\n\r\n" not in head:
            head += server.recv(1 << 16)
        end = head.index(b"\r\n\r\n") + 4
        self.answers.append(wire.parse_head(head[:end]))
        client.sendall(head[:end])
        piece, after, self.after = head[end:], self.after, None
        while piece or (piece := server.recv(1 << 16)):
            if after is not None and len(piece) >= after:
                client.sendall(piece[:after])
                self.on_cut()
                return
            client.sendall(piece)
            after = None if after is None else after - len(piece)
            piece = b""

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


@pytest.fixture(scope="module")
def running(shared_server, shared_tmp):
    site(shared_tmp)
    return shared_server('[cache]\nrevalidate = 0\n[[site]]\nroot = "www"\n')


@pytest.fixture(scope="module")
def settled(running):
    """settled(size): another file with octets(size), whose tag is strong: that of a file on the disk is weak while it is new."""
    files = {size: [put(running.tmp / f"www/{size}-{number}.bin", octets(size), MTIME) for number in range(8)] for size in SIZES.values()}

    def take(size):
        path = files[size].pop()
        wire.wait_until(lambda: running.fetch(f"/{path.name}", method="HEAD").get("ETag").startswith('"'), "a strong tag")
        return path

    return take


@pytest.fixture
def download(running, tmp_path):
    """download(path, after, on_cut): a proxy in front of the site, and what runs a command for the file in tmp_path."""
    proxies = []

    def start(path, after, on_cut=lambda: None):
        proxy = CuttingProxy(running.address, after, on_cut)
        proxies.append(proxy)

        def run(command):
            return subprocess.run([*command, f"http://127.0.0.1:{proxy.port}/{path.name}"], cwd=tmp_path, check=False).returncode

        return proxy, run

    yield start
    for proxy in proxies:
        proxy.close()


@pytest.fixture
def new_file(running):
    """new_file(content, name) puts it into the site, with a date of long ago."""
    return lambda content, name="a.bin": put(running.tmp / "www" / name, content, MTIME)


@pytest.mark.parametrize("command", [CURL, WGET], ids=["curl", "wget"])
@pytest.mark.parametrize("size", SIZES.values(), ids=list(SIZES))
@pytest.mark.parametrize("after", [0, 1, 100_000, -1], ids=["before the first octet", "after one", "in the middle", "before the last"])
def test_download_that_was_cut_off_is_completed(download, new_file, tmp_path, command, size, after):
    content = octets(size)
    after %= size
    proxy, run = download(new_file(content), after)
    assert run(command) != 0
    cut = tmp_path / "got"
    assert (cut.read_bytes() if cut.exists() else b"") == content[:after]
    assert run(command) == 0
    assert (tmp_path / "got").read_bytes() == content
    if after:
        assert field_of(proxy.requests[1], "Range") == f"bytes={after}-"
        assert (proxy.answers[1].status, proxy.answers[1].get("ETag")) == (206, proxy.answers[0].get("ETag"))


@pytest.mark.parametrize("size", SIZES.values(), ids=list(SIZES))
def test_download_that_is_complete_is_left_alone(download, new_file, tmp_path, size):
    content = octets(size)
    proxy, run = download(new_file(content), None)
    for command in (CURL, CURL, WGET):
        assert run(command) == 0
        assert (tmp_path / "got").read_bytes() == content
    assert [answer.status for answer in proxy.answers] == [200, 416, 416]
    assert proxy.answers[1].get("Content-Range") == f"bytes */{size}"


@pytest.mark.parametrize("size", SIZES.values(), ids=list(SIZES))
def test_wget_goes_on_by_itself(download, new_file, tmp_path, size):
    content = octets(size)
    proxy, run = download(new_file(content), size // 3)
    assert run(WGET_ALONE) == 0
    assert (tmp_path / "got").read_bytes() == content
    assert [answer.status for answer in proxy.answers] == [200, 206]


# The file is another one when the download goes on.

CONDITIONS = {"If-Range with the tag": "ETag", "If-Range with the date": "Last-Modified", "If-Match": "ETag",
              "If-Unmodified-Since": "Last-Modified"}
CURL_WITH, WGET_WITH = [*CURL, "--fail", "-H"], [*WGET, "--header"]


# Not wget with If-Range: it takes a 200 for the file that it has a part of, and leaves out what it has.
@pytest.mark.parametrize("command,condition", [(CURL_WITH, "If-Range with the tag"), (CURL_WITH, "If-Range with the date"),
                                               (CURL_WITH, "If-Match"), (CURL_WITH, "If-Unmodified-Since"),
                                               (WGET_WITH, "If-Match"), (WGET_WITH, "If-Unmodified-Since")],
                         ids=lambda value: value if isinstance(value, str) else value[0])
@pytest.mark.parametrize("size", SIZES.values(), ids=list(SIZES))
@pytest.mark.parametrize("is_changed", [False, True], ids=["same", "changed"])
def test_download_with_a_condition_never_mixes_two_files(download, settled, new_file, tmp_path, command, condition, size, is_changed):
    old, new = octets(size), octets(size, 2)
    path = settled(size) if CONDITIONS[condition] == "ETag" else new_file(old)
    proxy, run = download(path, size // 2, lambda: is_changed and replace(path, new))
    assert run(command[:-1]) != 0
    status = run([*command, f"{condition.split()[0]}: {proxy.answers[0].get(CONDITIONS[condition])}"])
    got = (tmp_path / "got").read_bytes()
    if is_changed:
        # Refused, and what is there is a part of the old file still.
        assert proxy.answers[1].status == (200 if "If-Range" in condition else 412)
        assert status != 0 and got == old[:size // 2]
    else:
        assert (proxy.answers[1].status, status) == (206, 0) and got == old


@pytest.mark.parametrize("command", [CURL, WGET, WGET_ALONE], ids=["curl", "wget", "wget by itself"])
@pytest.mark.parametrize("size", SIZES.values(), ids=list(SIZES))
def test_answer_to_a_range_without_condition_says_which_file_it_is_of(download, new_file, tmp_path, command, size):
    old, new = octets(size), octets(size + 1000, 2)
    path = new_file(old)
    proxy, run = download(path, size // 2, lambda: replace(path, new))
    if run(command) != 0:
        run(command)
    # The program asks for no file in particular; another tag, date and length tell it that this is another one.
    first, second = proxy.answers[:2]
    assert (field_of(proxy.requests[1], "Range"), second.status) == (f"bytes={size // 2}-", 206)
    assert second.get("Content-Range") == f"bytes {size // 2}-{size + 999}/{size + 1000}"
    assert first.get("ETag") != second.get("ETag") and first.get("Last-Modified") == AT != second.get("Last-Modified")
    assert (tmp_path / "got").read_bytes()[size // 2:] in (b"", new[size // 2:])


@pytest.mark.parametrize("command", [CURL, WGET], ids=["curl", "wget"])
@pytest.mark.parametrize("size", SIZES.values(), ids=list(SIZES))
def test_file_that_has_become_shorter_than_what_was_got_has_no_such_range(download, new_file, command, size):
    path = new_file(octets(size))
    proxy, run = download(path, size // 2, lambda: replace(path, b"short"))
    assert run(command) != 0
    run(command)
    assert (proxy.answers[1].status, proxy.answers[1].get("Content-Range")) == (416, "bytes */5")


# With compression: ranges of a file in memory are of what it is coded as, of a larger one of the file itself.

@pytest.mark.parametrize("coding", ["as curl likes", "gzip", "br", "zstd"])
@pytest.mark.parametrize("where", SIZES)
@pytest.mark.parametrize("is_changed", [False, True], ids=["same", "changed"])
def test_compressed_download_is_complete_or_said_to_have_failed(download, new_file, tmp_path, coding, where, is_changed):
    # A coding makes half of such digits: more than what is there after the cut, so that its range exists.
    size = SIZES[where]
    old, new = (octets(size // 2, seed).hex().encode() for seed in (1, 2))
    command = CURL + ["--compressed", *([] if coding == "as curl likes" else ["-H", f"Accept-Encoding: {coding}"])]
    path = new_file(old, "a.txt")
    proxy, run = download(path, size // 8, lambda: is_changed and replace(path, new))
    assert run(command) != 0
    assert proxy.answers[0].get("Content-Encoding") is not None
    got = tmp_path / "got"
    begun = got.read_bytes() if got.exists() else b""
    assert old.startswith(begun) and len(begun) < size // 2
    is_complete = run([*command, "-H", f"If-Range: {proxy.answers[0].get('ETag')}"] if is_changed else command) == 0
    ended = got.read_bytes() if got.exists() else b""
    if is_complete:
        assert ended == (new if is_changed else old), proxy.answers
    else:
        assert old.startswith(ended) or new.startswith(ended)
    assert is_complete or is_changed or where == "from memory"


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_what_is_saved_in_its_coding_can_be_completed(download, new_file, tmp_path, coding):
    """Without --compressed curl keeps what was sent, and goes on with it octet for octet."""
    content = text(900_000)
    proxy, run = download(new_file(content, "a.txt"), 50_000)
    command = CURL + ["-H", f"Accept-Encoding: {coding}"]
    assert run(command) != 0
    assert run(command + ["-H", f"If-Range: {proxy.answers[0].get('ETag')}"]) == 0
    got = tmp_path / "got"
    if coding == "gzip":
        os.rename(got, tmp_path / "got.gz")
        subprocess.run(["gzip", "-d", "got.gz"], cwd=tmp_path, check=True)
    assert got.read_bytes() == content
