# SPDX-License-Identifier: MIT
"""What is measured, and the bars it is measured against. A new row is a new entry here."""

import random
import shutil
from dataclasses import dataclass
from pathlib import Path

DOCUMENTS = {"small.html": 1024, "medium.html": 100 * 1024, "large.bin": 10 * 1024 * 1024}
PROGRAM = "cgi-bin/hello"  # bench/hello_cgi.c
TEXT, TEXT_BYTES = "text.html", 100 * 1024  # words, so that coding it pays


@dataclass(frozen=True)
class Bar:
    """`metric` of ours over that of `against` (None: the figure itself) must not exceed `limit`."""

    metric: str
    against: str | None
    limit: float
    at_least: bool = False


@dataclass(frozen=True)
class Workload:
    name: str
    title: str
    bars: tuple[Bar, ...]
    document: str = "small.html"
    status: int = 200
    connections: int = 64
    headers: tuple[str, ...] = ()
    depth: int = 1  # requests sent together
    by_bytes: bool = False  # requests counted from bytes: an answer cut off at the end was work too
    coding: str = ""  # the content coding that is asked for and must be answered with
    kind: str = "load"  # a key of measure.KINDS
    # Where the server has the answer from: a "file", one who speaks HTTP ("proxy") or FastCGI
    # ("fastcgi"), or a program it runs ("cgi").
    source: str = "file"
    body: bytes | None = None  # None: that of the document
    tls: bool = False  # version 1.3

    @property
    def closes(self) -> bool:
        return "Connection: close" in self.headers


def cpu(nginx: float, floor: float | None = None) -> tuple[Bar, ...]:
    bars = (Bar("cpu_us", "nginx", nginx),)
    return bars if floor is None else (*bars, Bar("cpu_us", "floor", floor))


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("small", "1 KiB file, 64 keep-alive connections", cpu(0.72, 1.12)),
        Workload("small_close", "1 KiB file, a connection per request", cpu(0.70, 1.15),
                 headers=("Connection: close",)),
        Workload("medium", "100 KiB file, 32 connections", cpu(0.45),
                 document="medium.html", connections=32),
        Workload("large", "10 MiB file, 8 connections",
                 (*cpu(0.50), Bar("mb_s", "lighttpd", 1.0, at_least=True)),
                 document="large.bin", connections=8, by_bytes=True),
        Workload("missing", "404, 64 connections", cpu(0.65),
                 document="missing.html", status=404),
        Workload("unchanged", "304 by If-None-Match, 64 connections", cpu(0.90), status=304),
        Workload("gzip", "100 KiB of text, coded with gzip by the server, 32 connections", cpu(0.02),
                 document=TEXT, connections=32, headers=("Accept-Encoding: gzip",), coding="gzip"),
        Workload("pipelined", "1 KiB file, 16 requests deep, 32 connections", cpu(0.35),
                 connections=32, depth=16),
        Workload("many_conns", "1 KiB file, 4000 keep-alive connections", cpu(0.70),
                 connections=4000),
        Workload("tls", "1 KiB file over TLS 1.3, 32 keep-alive connections", cpu(0.85),
                 connections=32, tls=True),
        Workload("tls_handshake", "a full handshake of TLS 1.3 for each request, 4 clients", (),
                 connections=4, tls=True, kind="handshake"),
        Workload("proxy", "1 KiB from an HTTP server behind, kept alive, 64 connections", cpu(0.95),
                 source="proxy"),
        Workload("fastcgi", "1 KiB from a FastCGI server behind, kept alive, 64 connections",
                 cpu(0.95), source="fastcgi"),
        Workload("cgi", "a static C program run for each request, 8 connections; unconfined, as peers run it",
                 (Bar("rps", "lighttpd", 1.3, at_least=True),),
                 document=PROGRAM, connections=8, source="cgi", body=b"hello, world\n"),
        Workload("cgi_confined", "the same, each program in a Landlock domain of its own, the default",
                 (), document=PROGRAM, connections=8, source="cgi", body=b"hello, world\n"),
        Workload("idle", "memory of an idle keep-alive connection, 4000 of them",
                 (Bar("idle_bytes", None, 450),), connections=4000, kind="idle"),
        Workload("start", "from start to the first answer", (Bar("start_ms", None, 20),),
                 kind="start"),
    )
}
DEFAULT = ("small", "small_close", "medium", "large")


def make_documents(root: Path, program: Path) -> None:
    """Writes the documents into `root`, the same bytes every time, and the program beside them."""
    words = random.Random(1)
    (root / PROGRAM).parent.mkdir(parents=True)
    shutil.copy(program, root / PROGRAM)
    for name, size in DOCUMENTS.items():
        (root / name).write_bytes(words.randbytes(size))
    vocabulary = ["".join(words.choices("abcdefghijklmnopqrstuvwxyz", k=words.randint(2, 9)))
                  for _ in range(2000)]
    text = " ".join(words.choices(vocabulary, weights=[1 / (rank + 1) for rank in range(2000)],
                                  k=TEXT_BYTES // 3))
    (root / TEXT).write_text(text[:TEXT_BYTES])
