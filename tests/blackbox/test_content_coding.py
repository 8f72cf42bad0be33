# SPDX-License-Identifier: MIT
"""Compression from outside: which coding is chosen, what is sent, kept and streamed, and what it costs."""
import hashlib
import os
import threading
import time
import zlib

import pytest

import wire
from codings import CODINGS, decoded, text
from sites import put, site
from wire import request

MTIME = 1_700_000_000
PAGE = text(40_000)
SITE = '[[site]]\nroot = "www"\n'
STREAMED = f'[cache]\nfile_bytes = "4KiB"\n{SITE}'
ONE_WORKER = f'[server]\nworkers = 1\n{SITE}'
BLOCK = 1 << 20
LARGE = 200 * BLOCK


def accepts(coding):
    return [f"Accept-Encoding: {coding}"]


def fields_of(answer):
    return [(name, value) for name, value in answer.fields if name != "Date"]


@pytest.fixture(scope="module")
def files(shared_server, shared_tmp):
    site(shared_tmp, {"a.txt": PAGE, "index.html": text(5000, "index"), "small.txt": text(200), "noise.txt": os.urandom(50_000),
                      "empty.txt": "", "megabyte.txt": text(BLOCK, "megabyte")})
    return shared_server(SITE)


# Accept-Encoding, RFC 9110 section 12.5.3. None: as it is.

NEGOTIATION = {
    "nothing is said": ([], None),
    "zstd": (["zstd"], "zstd"),
    "br": (["br"], "br"),
    "gzip": (["gzip"], "gzip"),
    "as browsers ask": (["gzip, deflate, br, zstd"], "zstd"),
    "without spaces": (["gzip,br"], "br"),
    "empty": ([""], None),
    "only commas": ([",, ,"], None),
    "capitals": (["GZIP"], "gzip"),
    "x-gzip": (["x-gzip"], "gzip"),
    "x-gzip in capitals with a weight": (["X-GZIP;Q=0.5"], "gzip"),
    "refused in capitals": (["GZIP;Q=0"], None),
    "refused with zeros": (["gzip;q=0.000"], None),
    "one refused": (["GZIP;Q=0, Br"], "br"),
    "by weight": (["zstd;q=0.1, br;q=0.2, gzip;q=0.3"], "gzip"),
    "by the third digit": (["zstd;q=0.998, br;q=0.999, gzip;q=0.997"], "br"),
    "several lines": (["gzip;q=0.1", "br;q=0.2"], "br"),
    "several lines, the first empty": (["", "gzip", ""], "gzip"),
    "empty members": ([", ,gzip,,"], "gzip"),
    "tabs": (["\tgzip\t;\tq=0.5\t,\tbr\t;q=0.2\t"], "gzip"),
    "anything": (["*"], "zstd"),
    "nothing at all": (["*;q=0"], None),
    "anything but zstd": (["zstd;q=0, *"], "br"),
    "anything but two": (["zstd;q=0, *, br;q=0"], "gzip"),
    "anything rather than br": (["br;q=0.2, *;q=0.9"], "zstd"),
    "gzip, and nothing else": (["gzip, *;q=0"], "gzip"),
    "anything but what we have": (["gzip;q=0, br;q=0, zstd;q=0, *"], None),
    "not as it is": (["identity;q=0, gzip"], "gzip"),
    "not as it is, anything else": (["identity;q=0, *"], "zstd"),
    "not as it is, with the least weight": (["identity;q=0, gzip;q=0.001"], "gzip"),
    "not as it is, and nothing instead": (["identity;q=0"], None),
    "rather as it is": (["gzip;q=0.5, identity;q=0.6"], None),
    "rather not as it is": (["gzip;q=0.6, identity;q=0.5"], "gzip"),
    "only as it is": (["identity"], None),
    "unknown": (["compress, deflate, foo"], None),
    "unknown, with one that is known": (["compress, deflate, foo, br"], "br"),
    "names that only begin so": (["gzipped, brotli, zstdx"], None),
    "a weight that is none": (["gzip;q=2"], None),
    "a weight with too many digits": (["gzip;q=0.1234"], None),
    "not a list": (["gzip br"], None),
}


@pytest.mark.parametrize("lines,coding", NEGOTIATION.values(), ids=list(NEGOTIATION))
def test_coding_is_what_the_client_likes_best(files, lines, coding):
    fields = [f"Accept-Encoding: {line}" for line in lines]
    answer = files.fetch("/a.txt", fields=fields)
    assert (answer.status, answer.get("Content-Encoding")) == (200, coding)
    assert decoded(coding, answer.body) == PAGE
    assert answer.get("Content-Length") == str(len(answer.body)) and answer.get("Vary") == "Accept-Encoding"
    assert answer.get("Content-Type") == "text/plain; charset=utf-8" and answer.get("Accept-Ranges") == "bytes"
    assert (coding is None) == (len(answer.body) == len(PAGE)) and len(answer.body) <= len(PAGE)
    head = files.fetch("/a.txt", method="HEAD", fields=fields)
    assert (fields_of(head), head.status) == (fields_of(answer), 200)


def test_ten_thousand_codings_are_read_quickly(server, tmp_path):
    site(tmp_path, {"a.txt": PAGE})
    running = server(f'[limits]\nhead_bytes = "512KiB"\n{SITE}')
    unknown = ", ".join(f"x-{n};q=0.{n % 1000:03}" for n in range(10_000))
    lists = {unknown: None, f"{unknown}, gzip": "gzip", f"gzip, {unknown}, br": "br", "gzip;q=0," * 10_000: None, "," * 100_000: None,
             ", ".join(["*;q=0.5", "br"] * 5000): "br"}
    with running.client() as client:
        client.request("/a.txt", fields=accepts("gzip, br"))
        begin = time.monotonic()
        for accepted, coding in lists.items():
            answer = client.request("/a.txt", fields=accepts(accepted))
            assert (answer.status, answer.get("Content-Encoding")) == (200, coding), accepted[:40]
        assert time.monotonic() - begin < 5
        client.send(request("/a.txt", fields=["Accept-Encoding: foo"] * 95 + accepts("gzip")))
        assert client.response().get("Content-Encoding") == "gzip"


def test_more_codings_than_a_head_may_have_are_refused(files):
    with files.client() as client:
        client.send_gently(request("/a.txt", fields=accepts(", ".join(f"x-{n}" for n in range(10_000)))))
        assert client.response().status == 431


@pytest.mark.parametrize("coding", [None, *CODINGS])
def test_every_answer_about_a_variant_names_it_and_varies(files, coding):
    fields = accepts(coding or "identity")
    whole = files.fetch("/a.txt", fields=fields)
    tag, size = whole.get("ETag"), len(whole.body)

    same = files.fetch("/a.txt", fields=[*fields, f"If-None-Match: {tag}"])
    assert (same.status, same.get("ETag"), same.get("Vary")) == (304, tag, "Accept-Encoding")
    part = files.fetch("/a.txt", fields=[*fields, "Range: bytes=100-1099", f"If-Range: {tag}"])
    assert (part.status, part.get("Content-Range"), part.get("ETag")) == (206, f"bytes 100-1099/{size}", tag)
    assert (part.body, part.get("Content-Encoding"), part.get("Vary")) == (whole.body[100:1100], coding, "Accept-Encoding")
    end = files.fetch("/a.txt", fields=[*fields, "Range: bytes=-7"])
    assert (end.status, end.body) == (206, whole.body[-7:])
    beyond = files.fetch("/a.txt", fields=[*fields, f"Range: bytes={size}-"])
    assert (beyond.status, beyond.get("Content-Range"), beyond.get("Vary")) == (416, f"bytes */{size}", "Accept-Encoding")
    assert beyond.get("Content-Encoding") is None
    assert files.fetch("/a.txt", fields=[*fields, f"If-Match: {tag}"]).body == whole.body


def test_tag_of_a_coding_stands_for_no_other(files):
    whole = {coding: files.fetch("/a.txt", fields=accepts(coding)) for coding in ["identity", *CODINGS]}
    tags = {coding: answer.get("ETag") for coding, answer in whole.items()}
    assert len(set(tags.values())) == 4
    for coding in whole:
        for other, tag in tags.items():
            if other == coding:
                continue
            assert files.fetch("/a.txt", fields=[*accepts(coding), f"If-None-Match: {tag}"]).body == whole[coding].body
            assert files.fetch("/a.txt", fields=[*accepts(coding), f"If-Match: {tag}"]).status == 412
            mixed = files.fetch("/a.txt", fields=[*accepts(coding), "Range: bytes=10-", f"If-Range: {tag}"])
            assert (mixed.status, mixed.body) == (200, whole[coding].body)
        every = files.fetch("/a.txt", fields=[*accepts(coding), f"If-None-Match: {', '.join(tags.values())}"])
        assert (every.status, every.get("ETag")) == (304, tags[coding])


@pytest.mark.parametrize("coding", CODINGS)
def test_head_before_any_get_knows_the_length_of_the_variant(server, tmp_path, coding):
    site(tmp_path, {"a.txt": PAGE})
    running = server(SITE)
    head = running.fetch("/a.txt", method="HEAD", fields=accepts(coding))
    answer = running.fetch("/a.txt", fields=accepts(coding))
    assert fields_of(head) == fields_of(answer) and head.get("Content-Length") == str(len(answer.body))


def test_part_before_any_get_is_of_the_variant(server, tmp_path):
    site(tmp_path, {"a.txt": PAGE})
    running = server(SITE)
    part = running.fetch("/a.txt", fields=[*accepts("gzip"), "Range: bytes=0-9"])
    whole = running.fetch("/a.txt", fields=accepts("gzip"))
    assert (part.status, part.body, part.get("Content-Range")) == (206, whole.body[:10], f"bytes 0-9/{len(whole.body)}")


def test_variant_of_a_file_is_the_same_after_a_restart(server, tmp_path):
    site(tmp_path, {"a.txt": PAGE})
    first, second = server(SITE), server(SITE, tmp=tmp_path)
    for coding in CODINGS:
        assert fields_of(first.fetch("/a.txt", fields=accepts(coding))) == fields_of(second.fetch("/a.txt", fields=accepts(coding)))


# What is compressed at all.

@pytest.mark.parametrize("name,is_compressed", [
    ("a.html", True), ("a.css", True), ("a.js", True), ("a.json", True), ("a.xml", True), ("a.svg", True), ("a.md", True), ("a.csv", True),
    ("a.wasm", True), ("a.ttf", True), ("a.webmanifest", True), ("a.png", False), ("a.jpg", False), ("a.woff2", False), ("a.zip", False),
    ("a.gz", False), ("a.mp4", False), ("a.webp", False), ("a.unknown", False), ("noextension", False)])
def test_type_decides_whether_a_file_is_compressed(server, tmp_path, name, is_compressed):
    site(tmp_path, {name: PAGE})
    answer = server(SITE).fetch(f"/{name}", fields=accepts("gzip"))
    assert (answer.get("Content-Encoding"), answer.get("Vary")) == (("gzip", "Accept-Encoding") if is_compressed else (None, None))
    assert decoded(answer.get("Content-Encoding"), answer.body) == PAGE


@pytest.mark.parametrize("name", ["small.txt", "noise.txt", "empty.txt"])
def test_what_does_not_gain_stays_as_it_is(files, name):
    plain = files.fetch(f"/{name}")
    for coding in CODINGS * 2:
        answer = files.fetch(f"/{name}", fields=accepts(coding))
        assert (answer.get("Content-Encoding"), answer.body, answer.get("ETag")) == (None, plain.body, plain.get("ETag"))
        again = files.fetch(f"/{name}", fields=[*accepts(coding), f"If-None-Match: {plain.get('ETag')}"])
        assert again.status == 304


def test_index_is_compressed_as_any_page(files):
    answer = files.fetch("/", fields=accepts("br"))
    assert answer.get("Content-Type") == "text/html; charset=utf-8" and decoded("br", answer.body) == text(5000, "index")


@pytest.mark.parametrize("rule,accepted,coding", [
    ("[]", "gzip, br, zstd", None), ("[]", "*", None), ('["gzip"]', "gzip, br, zstd", "gzip"), ('["gzip"]', "br, zstd", None),
    ('["gzip", "br"]', "gzip, br, zstd", "gzip"), ('["br", "gzip"]', "gzip, br, zstd", "br"), ('["br", "gzip"]', "gzip, br;q=0.9", "gzip")])
def test_compress_says_which_codings_and_which_of_equals(server, tmp_path, rule, accepted, coding):
    site(tmp_path, {"a.txt": PAGE})
    answer = server(f"{SITE}compress = {rule}\n").fetch("/a.txt", fields=accepts(accepted))
    assert (answer.get("Content-Encoding"), decoded(coding, answer.body)) == (coding, PAGE)
    assert answer.get("Vary") == (None if rule == "[]" else "Accept-Encoding")


# Precompressed siblings before what has to be made.

def test_sibling_is_preferred_unless_it_is_older_or_less_wanted(server, tmp_path):
    root = site(tmp_path)
    for name, age in {"fresh.txt": 0, "newer.txt": -5, "stale.txt": 1}.items():
        put(root / name, PAGE, MTIME)
        put(root / f"{name}.gz", b"SIBLING", MTIME - age)
    running = server(f'[cache]\nrevalidate = 0\n{SITE}')
    for name in ("fresh.txt", "newer.txt"):
        for accepted in ("gzip", "gzip, br, zstd", "*", "x-gzip"):
            answer = running.fetch(f"/{name}", fields=accepts(accepted))
            assert (answer.get("Content-Encoding"), answer.body, answer.get("Vary")) == ("gzip", b"SIBLING", "Accept-Encoding")
        made = running.fetch(f"/{name}", fields=accepts("gzip;q=0.5, br"))
        assert (made.get("Content-Encoding"), decoded("br", made.body)) == ("br", PAGE)
    made = running.fetch("/stale.txt", fields=accepts("gzip"))
    assert (made.get("Content-Encoding"), decoded("gzip", made.body)) == ("gzip", PAGE)

    tag = running.fetch("/fresh.txt", fields=accepts("gzip")).get("ETag")
    put(root / "fresh.txt", PAGE, MTIME + 1)
    made = running.fetch("/fresh.txt", fields=[*accepts("gzip"), f"If-None-Match: {tag}"])
    assert (made.status, decoded("gzip", made.body)) == (200, PAGE)
    (root / "newer.txt.gz").unlink()
    assert decoded("gzip", running.fetch("/newer.txt", fields=accepts("gzip")).body) == PAGE


def test_sibling_is_served_where_nothing_is_compressed(server, tmp_path):
    root = site(tmp_path, {"a.txt": PAGE})
    put(root / "a.txt.br", b"SIBLING")
    running = server(f"{SITE}compress = []\n")
    assert running.fetch("/a.txt", fields=accepts("gzip, br")).body == b"SIBLING"
    assert running.fetch("/a.txt", fields=accepts("gzip")).body == PAGE


# Files too large to keep are coded while they are sent.

@pytest.fixture(scope="module")
def streams(shared_server, tmp_path_factory):
    tmp = tmp_path_factory.mktemp("streams")
    root = site(tmp, {"a.txt": text(3_000_000), "just.txt": text(4097)})
    for path in root.iterdir():
        os.utime(path, (MTIME, MTIME))
    return shared_server(STREAMED, tmp=tmp)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("name", ["a.txt", "just.txt"])
def test_large_file_is_coded_while_it_is_sent(streams, name, coding):
    content = (streams.tmp / "www" / name).read_bytes()
    answer = streams.fetch(f"/{name}", fields=accepts(coding))
    assert (answer.status, answer.get("Content-Encoding"), answer.get("Vary")) == (200, coding, "Accept-Encoding")
    assert answer.is_chunked and answer.get("Content-Length") is None and not answer.trailers
    assert decoded(coding, answer.body) == content and len(answer.body) < len(content) / 2
    tag = answer.get("ETag")
    assert streams.fetch(f"/{name}", fields=[*accepts(coding), f"If-None-Match: {tag}"]).status == 304
    assert streams.fetch(f"/{name}", fields=[*accepts("identity"), f"If-None-Match: {tag}"]).status == 200
    # HEAD may leave out what is only known when the content is made: RFC 9110 section 9.3.2.
    head = streams.fetch(f"/{name}", method="HEAD", fields=accepts(coding))
    assert [field for field in fields_of(answer) if field[0] != "Transfer-Encoding"] == [
        field for field in fields_of(head) if field[0] != "Transfer-Encoding"]
    assert head.get("Content-Length") is None


def test_large_file_is_as_it_is_for_ranges_and_old_clients(streams):
    content = (streams.tmp / "www/a.txt").read_bytes()
    part = streams.fetch("/a.txt", fields=[*accepts("gzip"), "Range: bytes=1000000-1999999"])
    assert (part.status, part.body, part.get("Content-Encoding")) == (206, content[1_000_000:2_000_000], None)
    assert (part.get("Content-Range"), part.get("Vary")) == ("bytes 1000000-1999999/3000000", "Accept-Encoding")
    beyond = streams.fetch("/a.txt", fields=[*accepts("gzip"), "Range: bytes=3000000-"])
    assert (beyond.status, beyond.get("Content-Range"), beyond.get("Vary")) == (416, "bytes */3000000", "Accept-Encoding")
    with streams.client() as client:
        old = client.request("/a.txt", fields=accepts("gzip"), version="HTTP/1.0")
        assert (old.status, old.body, old.get("Content-Encoding"), old.get("Content-Length")) == (200, content, None, "3000000")


def test_stream_leaves_its_connection_ready_for_the_next_request(streams):
    content = (streams.tmp / "www/a.txt").read_bytes()
    with streams.client() as client:
        client.send(request("/a.txt", fields=accepts("gzip")) * 3 + request("/just.txt"))
        for _ in range(3):
            assert decoded("gzip", client.response().body) == content
        assert client.response().body == content[:4097] and client.unread == b""


def test_part_of_the_plain_file_is_never_taken_for_one_of_a_stream(streams):
    content = (streams.tmp / "www/a.txt").read_bytes()
    tag = streams.fetch("/a.txt", fields=accepts("gzip")).get("ETag")
    answer = streams.fetch("/a.txt", fields=[*accepts("gzip"), "Range: bytes=10-", f"If-Range: {tag}"])
    assert answer.status == 200 and decoded(answer.get("Content-Encoding"), answer.body) == content


# What compression costs.

def large_text(path):
    """LARGE octets, of which gzip makes about a tenth; returns their hash."""
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        for number in range(LARGE // BLOCK):
            block = os.urandom(BLOCK // 16).hex().encode() + b"%08d the same line again\n" % number * (BLOCK // 32)
            block = block[:BLOCK]
            digest.update(block)
            file.write(block)
    os.utime(path, (MTIME, MTIME))
    return digest.hexdigest()


class Reader:
    """Reads a chunked answer in gzip as it comes, and keeps only the hash of what it means."""

    def __init__(self, running, target, **more):
        self.client = running.client(**more)
        self.client.send(request(target, fields=accepts("gzip")))
        self.answer = wire.parse_head(self.client.read_until(b"\r\n\r\n"))
        self.digest = hashlib.sha256()
        self.decoder = zlib.decompressobj(31)
        self.octets = 0

    def read_chunk(self):
        """Whether there was another one."""
        size = int(self.client.read_until(b"\r\n"), 16)
        if size:
            content = self.decoder.decompress(self.client.read(size))
            self.octets += len(content)
            self.digest.update(content)
        assert self.client.read(2) == b"\r\n"
        return size > 0

    def read_all(self):
        while self.read_chunk():
            pass
        assert self.decoder.eof and not self.decoder.unused_data
        return self.digest.hexdigest()


def stands_still(running, seconds=1.0):
    """Whether the server uses no CPU time for so long."""
    before, until = running.cpu_seconds(), time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.05)
        if running.cpu_seconds() - before > 0.03:
            return False
    return True


def test_stream_takes_little_memory_and_stops_with_its_reader(server, tmp_path):
    digest = large_text(site(tmp_path) / "large.txt")
    running = server(f'[limits]\nsend_timeout = "10m"\n{ONE_WORKER}')
    running.fetch("/large.txt", method="HEAD")
    before = running.memory("VmHWM")
    slow = Reader(running, "/large.txt", receive_buffer=1 << 16)
    assert (slow.answer.get("Content-Encoding"), slow.answer.get("Transfer-Encoding")) == ("gzip", "chunked")
    wire.wait_until(lambda: stands_still(running), "compression stops when nobody reads")
    halted = running.cpu_seconds()

    fast = Reader(running, "/large.txt")
    assert fast.read_all() == digest and fast.octets == LARGE
    whole = running.cpu_seconds() - halted
    assert whole > 2 * halted, "it had stopped long before the end"
    while slow.octets < LARGE // 10:
        assert slow.read_chunk()
    assert slow.read_all() == digest
    if running.has_bounded_memory():
        assert running.memory("VmHWM") - before < 32 << 20


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_client_that_goes_away_leaves_nothing_behind(server, tmp_path, leave):
    site(tmp_path, {"a.txt": text(BLOCK) * 20, "b.txt": text(BLOCK)})
    running = server(SITE)
    running.fetch("/a.txt", method="HEAD")
    free = running.open_files()
    for target in ("/a.txt", "/b.txt"):
        for _ in range(10):
            clients = [running.client(receive_buffer=4096) for _ in range(4)]
            for client in clients:
                client.send(request(target, fields=accepts("gzip")))
            if target == "/a.txt":
                clients[0].read_until(b"\r\n\r\n")
            for client in clients:
                getattr(client, leave)()
    wire.wait_until(lambda: running.open_files() <= free, "every file and connection is closed again")
    wire.wait_until(lambda: stands_still(running, 0.5), "nobody compresses any more")
    assert decoded("gzip", running.fetch("/b.txt", fields=accepts("gzip")).body) == text(BLOCK)


def test_server_stops_cleanly_while_it_compresses(server, tmp_path):
    site(tmp_path, {"a.txt": text(BLOCK) * 20, **{f"{n}.txt": text(BLOCK) for n in range(10)}})
    running = server(f'[server]\ndrain_timeout = "1s"\nworkers = 2\n{SITE}')
    clients = [running.client(receive_buffer=4096) for _ in range(20)]
    for number, client in enumerate(clients):
        client.send(request("/a.txt" if number % 2 else f"/{number // 2}.txt", fields=accepts("br")))
    clients[1].read_until(b"\r\n\r\n")
    running.stop()
    for client in clients:
        client.close()


@pytest.mark.threads
@pytest.mark.parametrize("cache", ["", '[cache]\nmemory = 0\n', '[cache]\nmemory = "1MiB"\n'], ids=["cached", "no cache", "small cache"])
def test_many_clients_on_a_cold_cache_all_get_what_they_asked_for(server, tmp_path, cache):
    content = {f"/{n}.txt": text(30_000 * (n + 1), str(n)) for n in range(6)}
    site(tmp_path, {name[1:]: octets for name, octets in content.items()})
    running = server(f'{cache}[server]\nworkers = 4\n{SITE}')
    begin = threading.Barrier(24)
    failures, seen = [], []

    def use(number):
        try:
            begin.wait()
            with running.client() as client:
                for turn in range(4):
                    # At first all want the same.
                    target = "/5.txt" if turn == 0 else f"/{(number + turn) % 6}.txt"
                    coding = CODINGS[number % 3]
                    answer = client.request(target, fields=accepts(coding))
                    assert answer.status == 200 and answer.get("Vary") == "Accept-Encoding"
                    assert decoded(answer.get("Content-Encoding"), answer.body) == content[target]
                    seen.append((target, coding, answer.get("ETag"), answer.get("Content-Encoding")))
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[:3]
    # What is told apart by a tag is told apart on all workers alike.
    assert len({(target, coding, tag) for target, _, tag, coding in seen}) == len({(target, coding) for target, _, _, coding in seen})


def test_file_is_compressed_once(server, tmp_path):
    names = [f"{n}.txt" for n in range(8)]
    site(tmp_path, {name: text(BLOCK, name) for name in names})
    running = server(ONE_WORKER)
    with running.client() as client:
        plain = [client.request(f"/{name}").get("ETag") for name in names]
        begin = running.cpu_seconds()
        made = [client.request(f"/{name}", fields=accepts("gzip")).get("ETag") for name in names]
        cold = running.cpu_seconds() - begin
        assert not set(plain) & set(made)
        begin = running.cpu_seconds()
        for _ in range(200):
            assert client.request("/0.txt", fields=accepts("gzip")).get("ETag") == made[0]
        assert running.cpu_seconds() - begin < cold, "200 answers cost less than to compress eight files"
