# SPDX-License-Identifier: MIT
"""A normal client, who asks for a small page again and again while others attack the server."""

import contextlib
import socket
import ssl
import time
from dataclasses import dataclass

from attacks import tls_context

CLIENT = "127.0.0.2"  # another address than the attacker's: limits for each address tell them apart
PATIENCE_SECONDS = 2
PAUSE_SECONDS = 0.005
REQUEST = b"GET /small.html HTTP/1.1\r\nHost: localhost\r\n\r\n"
LONGEST_HEAD = 16 * 1024


@dataclass
class Bystander:
    port: int
    keeps: bool  # asks on one connection as long as it lasts; else on a new one each time
    tls: ssl.SSLContext | None
    kept: socket.socket | None = None

    def run(self, until: float) -> dict[str, list[float] | int]:
        """Milliseconds of each answer, and how many requests had none."""
        times, failures = [], 0
        while (began := time.monotonic()) < until:
            try:
                self.ask()
                times.append((time.monotonic() - began) * 1e3)
            except (OSError, ValueError):
                failures += 1
                self.leave()
            time.sleep(PAUSE_SECONDS)
        self.leave()
        return {"times": times, "failures": failures}

    def ask(self) -> None:
        if self.kept:
            # A kept connection may end at any time; as a browser, asks once more on a new one.
            with contextlib.suppress(ConnectionError, ValueError):
                return self.exchange(self.kept)
            self.leave()
        self.kept = self.connect()
        self.exchange(self.kept)
        if not self.keeps:
            self.leave()
        return None

    def connect(self) -> socket.socket:
        plain = socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS, (CLIENT, 0))
        try:
            return self.tls.wrap_socket(plain, server_hostname="localhost") if self.tls else plain
        except OSError:
            plain.close()
            raise

    def exchange(self, connection: socket.socket) -> None:
        connection.sendall(REQUEST)
        got = b""
        while b"\r\n\r\n" not in got:
            got += received(connection)
            if len(got) > LONGEST_HEAD:
                raise ValueError("a head without end")
        head, _, body = got.partition(b"\r\n\r\n")
        status, *lines = head.lower().split(b"\r\n")
        fields = dict(line.split(b": ", 1) for line in lines)
        if b" 200 " not in status + b" ":
            self.leave()
            raise OSError(status)
        missing = int(fields[b"content-length"]) - len(body)
        while missing > 0:
            missing -= len(received(connection))
        if fields.get(b"connection") == b"close":
            self.leave()

    def leave(self) -> None:
        if self.kept:
            self.kept.close()
        self.kept = None


def received(connection: socket.socket) -> bytes:
    got = connection.recv(64 * 1024)
    if not got:
        raise ValueError("ended early")
    return got


def bystander(port: int, keeps: bool, tls: bool) -> Bystander:
    return Bystander(port, keeps, tls_context() if tls else None)
