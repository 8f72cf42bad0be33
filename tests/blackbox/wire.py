# SPDX-License-Identifier: MIT
"""A client on raw sockets that sends octets as they are given and reads answers by the letter of RFC 9112."""
import re
import socket
import struct
import time

DEADLINE = 60.0  # seconds; the same tests run with sanitizers on busy machines

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*"
                        rb"[\x21-\x7e\x80-\xff])?)?)[ \t]*")
DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3][0-9] "
                  r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4} [0-2][0-9]:[0-5][0-9]:[0-6][0-9] GMT")


class Closed(Exception):
    """The server has closed the connection before the answer was complete."""


def wait_until(condition, what="the condition", deadline=DEADLINE):
    """Returns the first true value of condition(), which is asked again and again."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what}: not within {deadline} s"
        time.sleep(0.01)


class Response:
    """One answer: its head, the body as it was meant, and the interim answers before it."""

    def __init__(self, status, reason, fields):
        self.status = status
        self.reason = reason
        self.fields = fields
        self.body = b""
        self.interim = []
        self.trailers = []
        self.is_chunked = False

    def all(self, name):
        return [value for known, value in self.fields if known.lower() == name.lower()]

    def get(self, name):
        values = self.all(name)
        return ", ".join(values) if values else None

    def __repr__(self):
        return f"<{self.status} {self.reason} {self.fields} {self.body[:80]!r}>"


def parse_head(head):
    """The response of a head, which ends with its empty line."""
    lines = head.split(b"\r\n")
    assert lines[-2:] == [b"", b""] and not any(b"\n" in line or b"\r" in line for line in lines), head
    status_line = STATUS_LINE.fullmatch(lines[0])
    assert status_line, f"no status line: {lines[0]!r}"
    fields = []
    for line in lines[1:-2]:
        field = FIELD_LINE.fullmatch(line)
        assert field, f"no field line: {line!r}"
        fields.append((field[1].decode(), field[2].decode("latin-1")))
    return Response(int(status_line[1]), status_line[2].decode("latin-1"), fields)


class Client:
    """One connection to (host, port), or to the Unix socket of that path."""

    def __init__(self, address, source=None, receive_buffer=None):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(DEADLINE)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(address)
        if family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unread = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes so that the server sees a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets)

    def send_gently(self, octets):
        """Sends what the server will take: one that has refused already may have closed."""
        try:
            self.socket.sendall(octets)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def request(self, target, method="GET", fields=(), body=None, host="localhost", version="HTTP/1.1"):
        self.send(request(target, method, fields, body, host, version))
        return self.response(method)

    def response(self, method="GET"):
        """The next final answer, which is to a request of that method."""
        interim = []
        while True:
            answer = parse_head(self.read_until(b"\r\n\r\n"))
            if answer.status >= 200:
                break
            assert not answer.all("Content-Length") and not answer.all("Transfer-Encoding"), answer
            interim.append(answer)
        answer.interim = interim
        self.read_body(answer, method)
        return answer

    def read_body(self, answer, method):
        lengths, codings = answer.all("Content-Length"), answer.all("Transfer-Encoding")
        assert len(lengths) + len(codings) <= 1, answer
        if answer.status in (204, 304) or method == "HEAD":
            if answer.status == 204:
                assert not lengths and not codings, answer
        elif codings:
            assert codings == ["chunked"], answer
            answer.is_chunked = True
            self.read_chunks(answer)
        elif lengths:
            assert re.fullmatch("[0-9]+", lengths[0]), answer
            answer.body = self.read(int(lengths[0]))
        else:
            assert "close" in (answer.get("Connection") or ""), f"no length and no close: {answer}"
            answer.body = self.read_to_end()

    def read_chunks(self, answer):
        pieces = []
        while True:
            size = self.read_until(b"\r\n")
            assert re.fullmatch(rb"[0-9a-fA-F]+\r\n", size), size
            octets = int(size, 16)
            if octets == 0:
                break
            pieces.append(self.read(octets))
            assert self.read(2) == b"\r\n"
        while (line := self.read_until(b"\r\n")) != b"\r\n":
            answer.trailers.append(line)
        answer.body = b"".join(pieces)

    def receive(self):
        """Some octets; b"" at the end."""
        return self.socket.recv(1 << 18)

    def read_until(self, mark):
        while mark not in self.unread:
            more = self.receive()
            if not more:
                raise Closed(f"closed after {self.unread!r}")
            self.unread += more
        end = self.unread.index(mark) + len(mark)
        taken, self.unread = self.unread[:end], self.unread[end:]
        return taken

    def read(self, octets):
        pieces, have = [self.unread], len(self.unread)
        while have < octets:
            more = self.receive()
            if not more:
                raise Closed(f"closed {octets - have} octets before the end")
            pieces.append(more)
            have += len(more)
        whole = b"".join(pieces)
        self.unread = whole[octets:]
        return whole[:octets]

    def read_to_end(self):
        """All that comes until the server closes, in order or with a reset."""
        pieces = [self.unread]
        self.unread = b""
        try:
            while more := self.receive():
                pieces.append(more)
        except ConnectionResetError:
            pass
        return b"".join(pieces)

    def is_closed(self, seconds=0.0):
        """Whether the server has closed, or does so while we wait; what it sends is kept."""
        end = time.monotonic() + seconds
        while True:
            self.socket.settimeout(max(end - time.monotonic(), 0.001))
            try:
                more = self.receive()
            except TimeoutError:
                return False
            except ConnectionResetError:
                return True
            finally:
                self.socket.settimeout(DEADLINE)
            if not more:
                return True
            self.unread += more


def request(target, method="GET", fields=(), body=None, host="localhost", version="HTTP/1.1"):
    """The octets of a request; fields are pairs or "Name: value"."""
    lines = [f"{method} {target} {version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += [field if isinstance(field, str) else ": ".join(field) for field in fields]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines + ["", ""]).encode("latin-1") + (body or b"")


def fetch(address, target, method="GET", fields=(), body=None, host="localhost"):
    """The answer on a connection of its own, which the server closes behind it."""
    with Client(address) as client:
        client.send(request(target, method, [*fields, "Connection: close"], body, host))
        answer = client.response(method)
        assert client.read_to_end() == b"", "octets behind the answer"
        assert answer.get("Connection") == "close", answer
        return answer


def chunked(body, size=7):
    """The body in chunks of at most so many octets."""
    pieces = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def responses(octets, methods):
    """The answers in a recorded stream, which must hold nothing else."""
    client = Client.__new__(Client)
    client.unread = octets
    client.receive = lambda: b""
    answers = [client.response(method) for method in methods]
    assert client.unread == b"", f"octets behind the last answer: {client.unread[:200]!r}"
    return answers
