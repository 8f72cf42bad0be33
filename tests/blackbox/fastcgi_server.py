# SPDX-License-Identifier: MIT
"""FastCGI and SCGI programs whose every octet a test decides, in threads of the test."""
import functools
import hashlib
import json
import os
import socket
import struct
import threading

import wire

BEGIN_REQUEST, ABORT_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, STDERR = 1, 2, 3, 4, 5, 6, 7
REQUEST_COMPLETE, CANT_MPX_CONN, OVERLOADED, UNKNOWN_ROLE = 0, 1, 2, 3
KEEP_CONN = 1
HEADER = struct.Struct(">BBHHBx")
HEAD = b"Content-Type: text/plain\n\n"
CONTENT = 65528  # octets of a record, a whole number of eights


class Gone(Exception):
    """The other end has closed."""


def record(kind, content=b"", request=1, version=1, padding=None):
    """The octets of a record, padded to a whole number of eights unless something else is said."""
    padding = -len(content) % 8 if padding is None else padding
    return HEADER.pack(version, kind, request, len(content), padding) + content + bytes(padding)


def records(kind, content):
    """Those of a piece of a stream."""
    return b"".join(record(kind, content[at:at + CONTENT]) for at in range(0, len(content), CONTENT))


def end_request(protocol_status=REQUEST_COMPLETE, app_status=0):
    return record(END_REQUEST, struct.pack(">IBxxx", app_status, protocol_status))


class Connection:
    """One that has been accepted: its octets, whatever they mean."""

    def __init__(self, connected):
        self.socket = connected
        self.socket.settimeout(wire.DEADLINE)

    def read(self, octets):
        pieces = []
        while octets:
            piece = self.receive(min(octets, 1 << 20))
            if not piece:
                raise Gone
            pieces.append(piece)
            octets -= len(piece)
        return b"".join(pieces)

    def receive(self, most=1 << 16):
        try:
            return self.socket.recv(most)
        except TimeoutError:
            raise
        except OSError as error:  # reset, or closed by kill()
            raise Gone from error

    def send(self, octets):
        try:
            self.socket.sendall(octets)
        except OSError as error:
            raise Gone from error

    def wait_for_close(self):
        """Waits until the server has closed, and leaves out what it sent before."""
        try:
            while self.receive():
                pass
        except Gone:
            pass

    def close(self, resets=False):
        if self.socket.fileno() < 0:
            return
        if resets:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            try:
                self.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.socket.close()


class Request:
    """Its head; the body is read when somebody asks for it."""

    def __init__(self, names, variables, keeps):
        self.names = names
        self.variables = variables
        self.keeps = keeps  # the connection is to stay

    @functools.cached_property
    def body(self):
        return b"".join(self.pieces())


class FastCgiRequest(Request):
    def __init__(self, connection):
        self.connection = connection
        self.records = []  # type, length and padding of each, in order
        begin = self.next_record(BEGIN_REQUEST)
        role, flags, reserved = struct.unpack(">HB5s", begin)
        assert (role, flags & ~KEEP_CONN, reserved) == (1, 0, bytes(5)), begin
        pairs = []
        while content := self.next_record(PARAMS):
            pairs.append(content)
        names, variables = read_pairs(b"".join(pairs))
        super().__init__(names, variables, flags == KEEP_CONN)

    def next_record(self, expected):
        version, kind, request, length, padding = HEADER.unpack(self.connection.read(HEADER.size))
        assert (version, kind, request) == (1, expected, 1), (version, kind, request, expected)
        self.records.append((kind, length, padding))
        content = self.connection.read(length)
        self.connection.read(padding)
        return content

    def pieces(self):
        while content := self.next_record(STDIN):
            yield content


def read_pairs(octets):
    """The names in order, and the variables, of FastCGI's name-value pairs (section 3.4)."""
    names, variables, at = [], {}, 0
    while at < len(octets):
        lengths = []
        for _ in range(2):
            is_long = octets[at] >= 0x80
            lengths.append(struct.unpack_from(">I", octets, at)[0] & 0x7fffffff if is_long else octets[at])
            assert not is_long or lengths[-1] >= 0x80, "a length that would have fit into an octet"
            at += 4 if is_long else 1
        name, value = octets[at:at + lengths[0]], octets[at + lengths[0]:at + sum(lengths)]
        at += sum(lengths)
        names.append(name.decode("latin-1"))
        variables[names[-1]] = value.decode("latin-1")
    assert at == len(octets), "a pair that is cut off"
    return names, variables


class FastCgiConnection(Connection):
    def request(self):
        return FastCgiRequest(self)

    def output(self, octets):
        self.send(records(STDOUT, octets))

    def errors(self, octets):
        self.send(records(STDERR, octets))

    def end(self, protocol_status=REQUEST_COMPLETE, app_status=0):
        self.send(record(STDOUT) + end_request(protocol_status, app_status))

    def answer(self, octets):
        """The whole of one, at once."""
        self.send(records(STDOUT, octets) + record(STDOUT) + end_request())


class ScgiRequest(Request):
    def __init__(self, connection):
        self.connection = connection
        size = b""
        while (octet := connection.read(1)) != b":":
            size += octet
        assert size.isdigit() and not size.startswith(b"0"), size
        parts = connection.read(int(size)).split(b"\0")
        assert connection.read(1) == b"," and parts.pop() == b"" and len(parts) % 2 == 0, parts
        texts = [part.decode("latin-1") for part in parts]
        super().__init__(texts[::2], dict(zip(texts[::2], texts[1::2])), False)

    def pieces(self):
        left = int(self.variables["CONTENT_LENGTH"])
        while left:
            piece = self.connection.read(min(left, 1 << 16))
            left -= len(piece)
            yield piece


class ScgiConnection(Connection):
    def request(self):
        return ScgiRequest(self)

    def output(self, octets):
        self.send(octets)

    def end(self):
        self.close()

    def answer(self, octets):
        self.send(octets)
        self.close()


class Program:
    """A program of so many processes, each of which serves one connection at a time, as PHP-FPM does.

    `script(connection, request)` answers each request.
    """

    def __init__(self, connection=FastCgiConnection, address=("127.0.0.1", 0), processes=8):
        self.connection = connection
        self.script = tell
        self.requests = []
        self.accepted = 0
        self.open = set()
        self.failures = []
        self.lock = threading.Lock()
        self.processes = processes
        self.address = address
        self.listen()

    def listen(self):
        """Begins, or begins again after kill()."""
        family = socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET
        if family == socket.AF_UNIX and os.path.exists(self.address):
            os.unlink(self.address)
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(self.address)
        self.listener.listen(64)
        self.address = self.listener.getsockname()
        self.threads = [threading.Thread(target=self.run, args=(self.listener,), daemon=True) for _ in range(self.processes)]
        for thread in self.threads:
            thread.start()

    @property
    def upstream(self):
        """As the configuration names it."""
        return f"unix:{self.address}" if isinstance(self.address, str) else f"{self.address[0]}:{self.address[1]}"

    def run(self, listener):
        while True:
            try:
                connected, _ = listener.accept()
            except OSError:
                return
            connection = self.connection(connected)
            with self.lock:
                self.accepted += 1
                self.open.add(connection)
            try:
                self.serve(connection)
            except Gone:
                pass
            except Exception as failure:  # pylint: disable=broad-except
                self.failures.append(failure)
            finally:
                with self.lock:
                    self.open.discard(connection)
                connection.close()

    def serve(self, connection):
        while True:
            request = connection.request()
            self.requests.append(request)
            self.script(connection, request)
            if not request.keeps or connection.socket.fileno() < 0:
                return
            request.body  # pylint: disable=pointless-statement

    def kill(self):
        """As kill -9 does: nobody listens any more, and all connections are closed."""
        with self.lock:
            connections = list(self.open)
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for connection in connections:
            connection.close()
        for thread in self.threads:
            if thread is not threading.current_thread():
                thread.join(wire.DEADLINE)

    def reset(self):
        """Forgets what a test has left."""
        self.script = tell
        self.requests.clear()
        failures, self.failures = self.failures, []
        assert not failures, failures


def tell(connection, request):
    """Answers with the variables and the body, which seen() reads."""
    told = json.dumps({"variables": request.variables, "body": request.body.decode("latin-1")})
    connection.answer(b"Content-Type: application/json\r\n\r\n" + told.encode())


def seen(answer):
    """The variables that tell() was given."""
    assert answer.status == 200, answer
    return json.loads(answer.body)["variables"]


def raw(octets):
    """A script that reads the request and gives this output."""
    def script(connection, request):
        assert request.body is not None
        connection.answer(octets)
    return script


def text(body=b"body", fields=b""):
    """A script that reads the request and gives this text."""
    return raw(b"Content-Type: text/plain\r\n" + fields + b"\r\n" + body)


def octets_only(octets):
    """A script that reads the request and sends these octets as they are."""
    def script(connection, request):
        assert request.body is not None
        connection.send(octets)
    return script


def start_all(server, tmp, handler="fastcgi"):
    """Yields start(keys, ...), which starts a program, or several, and a server for them, and returns it and those."""
    programs = []

    def start(keys="", count=1, workers=1, processes=8, tcp=False):
        for number in range(count):
            address = ("127.0.0.1", 0) if tcp else str(tmp / f"{number}.sock")
            programs.append(Program(FastCgiConnection if handler == "fastcgi" else ScgiConnection, address, processes))
        upstreams = ", ".join(f'"{each.upstream}"' for each in programs)
        running = server(f'[server]\nworkers = {workers}\n[limits]\nbody_bytes = "1GiB"\n[[site]]\n[[site.route]]\npath = "/*"\n'
                         f'handler = "{handler}"\nupstream = [{upstreams}]\n{keys}\n')
        return running, *programs

    yield start
    for program in programs:
        program.kill()
        assert not program.failures, program.failures


def errors(running):
    """The lines of the error log that are about errors."""
    return [line for line in running.log_text().splitlines() if " error " in line]


def digesting(connection, request):
    """Answers with the digest of the body, which it does not keep."""
    digest = hashlib.sha256()
    for piece in request.pieces():
        digest.update(piece)
    request.__dict__["body"] = b""
    connection.answer(HEAD + digest.hexdigest().encode())


# Output that is no head of an answer; what is secret in it must not go out.
BROKEN_HEADS = {
    "nothing": b"", "an empty head": b"\nsecret", "no head": b"secret\n", "no end": b"Content-Type: a/b\n",
    "no field that counts": b"X-A: secret\n\n", "a space in a name": b"Content Type: secret\n\n",
    "a fold": b"Content-Type: a/b\n secret\n\n", "a bare CR": b"Content-Type: a/b\rsecret: x\n\n",
    "a NUL": b"Content-Type: a/b\nX: secret\0\n\n", "a control octet": b"Content-Type: a/b\nX: secret\x01\n\n",
    "two types": b"Content-Type: a/b\nContent-Type: secret\n\n", "interim": b"Status: 100 secret\n\n",
    "switching": b"Status: 101 secret\nUpgrade: x\n\n", "odd status": b"Status: 2000\n\nsecret",
    "odd length": b"Content-Type: a/b\nContent-Length: +6\n\nsecret",
    "too long": b"Content-Type: a/b\nX: " + b"secret" * 20_000 + b"\n\n",
    "too many fields": b"Content-Type: a/b\n" + b"X: secret\n" * 201 + b"\n", "garbage": b"\x00secret\xff" * 500,
}
