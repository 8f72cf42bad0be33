# SPDX-License-Identifier: MIT
"""Upstream servers on raw sockets: what one does with a connection is a function that the test writes."""
import re
import socket
import threading

import wire

REQUEST_LINE = re.compile(rb"([A-Z-]+) ([\x21-\x7e]+) HTTP/1\.1")


class Request:
    """One request as an upstream got it."""

    def __init__(self, octets):
        lines = octets.split(b"\r\n")
        assert lines[-2:] == [b"", b""] and not any(b"\n" in line or b"\r" in line for line in lines), octets
        line = REQUEST_LINE.fullmatch(lines[0])
        assert line, f"no request line: {lines[0]!r}"
        fields = [wire.FIELD_LINE.fullmatch(each) for each in lines[1:-2]]
        assert all(fields), octets
        self.octets = octets
        self.method, self.target = line[1].decode(), line[2].decode()
        self.fields = [(each[1].decode(), each[2].decode("latin-1")) for each in fields]
        self.body = b""
        self.trailers = []

    all = wire.Response.all
    get = wire.Response.get


class Connection(wire.Client):
    """A connection that an upstream has accepted."""

    def __init__(self, accepted, upstream, number):  # pylint: disable=super-init-not-called
        self.socket = accepted
        self.socket.settimeout(wire.DEADLINE)
        self.unread = b""
        self.upstream = upstream
        self.number = number  # from 0

    def head(self):
        """The head of the next request; None when there is none."""
        while b"\r\n\r\n" not in self.unread:
            more = self.receive()
            if not more:
                assert not self.unread, f"half a head: {self.unread!r}"
                return None
            self.unread += more
        asked = Request(self.read_until(b"\r\n\r\n"))
        self.upstream.requests.append(asked)
        return asked

    def body_of(self, asked):
        lengths, codings = asked.all("Content-Length"), asked.all("Transfer-Encoding")
        assert len(lengths) + len(codings) <= 1, asked.octets
        if codings:
            assert codings == ["chunked"], asked.octets
            self.read_chunks(asked)
        elif lengths:
            asked.body = self.read(int(lengths[0]))
        return asked

    def asked(self):
        """The next request with its body."""
        head = self.head()
        return head and self.body_of(head)

    def finish(self):
        """Ends the connection in order: octets that are unread would make the kernel reset it."""
        try:
            self.half_close()
            self.read_to_end()
        except OSError:
            pass
        self.close()


class Upstream:
    """Listens, and calls behaviour(connection) in a thread of its own for each connection."""

    def __init__(self, behaviour, path=None, host="127.0.0.1", port=0, backlog=128):
        self.behaviour = behaviour
        self.backlog = backlog
        self.address = path or (host, port)
        self.requests = []
        self.connections = []
        self.failures = []
        self.start()

    def start(self):
        """Also again, at the same address, behind stop()."""
        self.listener = socket.socket(socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(self.address)
        self.address = self.listener.getsockname()
        self.listener.listen(self.backlog)
        self.threads = [threading.Thread(target=self.accept, args=[self.listener])]
        self.threads[0].start()

    def accept(self, listener):
        while True:
            try:
                accepted, _ = listener.accept()
            except OSError:
                return
            connection = Connection(accepted, self, len(self.connections))
            self.connections.append(connection)
            self.threads.append(threading.Thread(target=self.run, args=[connection]))
            self.threads[-1].start()

    def run(self, connection):
        try:
            self.behaviour(connection)
        except (OSError, wire.Closed):
            pass  # what the server does with its connections is seen by its clients
        except Exception as failure:  # pylint: disable=broad-except
            self.failures.append(repr(failure))
        finally:
            connection.close()

    def stop(self):
        """Neither listens any longer nor has a connection."""
        for each in [self.listener, *(connection.socket for connection in self.connections)]:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self.threads:
            thread.join(wire.DEADLINE)
            assert not thread.is_alive(), "an upstream does not end"
        self.listener.close()

    @property
    def url(self):
        return f"http://unix:{self.address}" if isinstance(self.address, str) else "http://{}:{}".format(*self.address)

    @property
    def targets(self):
        return [asked.target for asked in self.requests]


def start_all():
    started = []

    def start(behaviour, **more):
        started.append(Upstream(behaviour, **more))
        return started[-1]

    yield start
    for each in started:
        each.stop()
    failures = [failure for each in started for failure in each.failures]
    assert not failures, "\n".join(failures)


def answer(body=b"", status="200 OK", fields=()):
    """The octets of an answer with a Content-Length."""
    lines = [f"HTTP/1.1 {status}", *(field if isinstance(field, str) else ": ".join(field) for field in fields)]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("latin-1") + body


def serving(handle):
    """A behaviour: each request of a connection is answered with the octets that handle(request) returns."""
    def behave(connection):
        while asked := connection.asked():
            connection.send(handle(asked))
    return behave


def echoing_early(before=b""):
    """A behaviour: the answer begins, behind `before`, when the request's head has come; its body is the request's."""
    def behave(connection):
        asked = connection.head()
        connection.send(before + b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        body = connection.body_of(asked).body
        connection.send(wire.chunked(body, len(body)))

    return behave


def saying(octets):
    """A behaviour: each request is answered with these octets."""
    return serving(lambda asked: octets)


def mirror(asked):
    """An answer whose body is the head of the request."""
    return answer(asked.octets)


def refusing():
    """A socket whose port refuses connections as long as it is open."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound


def url_of(bound):
    return "http://{}:{}".format(*bound.getsockname())


def named(upstream, name="app.example"):
    """Its URL by a name, which the fixture `hosts` may give any addresses."""
    return f"http://{name}:{upstream.address[1]}"


def route(upstreams, keys="", path="/*"):
    """A route to these upstreams, each with `url` or written out."""
    urls = [each if isinstance(each, str) else each.url for each in (upstreams if isinstance(upstreams, list) else [upstreams])]
    return f'\n[[site.route]]\npath = "{path}"\nhandler = "proxy"\nupstream = {urls!r}\n{keys}\n'


def proxy(upstreams, keys="", start="", path="/*"):
    """A configuration with that route alone."""
    return f"[server]\nworkers = 1\n{start}\n[[site]]\n{route(upstreams, keys, path)}"
