# SPDX-License-Identifier: MIT
"""Clients that speak TLS: one on a socket, and one whose octets the test sends itself."""
import hashlib
import ssl

import wire

NAME = "localhost"
RECORD_HEAD = 5
HANDSHAKE, APPLICATION_DATA = 22, 23


def trusting(authority, certificate=None, **more):
    """What a client believes, and who it is; `more` are attributes of ssl.SSLContext."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority.certificate)
    if certificate:
        context.load_cert_chain(*certificate)
    for name, value in more.items():
        setattr(context, name, value)
    return context


def of_version(authority, version, **more):
    return trusting(authority, minimum_version=version, maximum_version=version, **more)


class Client(wire.Client):
    """A connection that is encrypted from the start, or behind `preface`. An end without close_notify is an error."""

    def __init__(self, address, context, name=NAME, session=None, preface=b"", **more):
        super().__init__(address, **more)
        self.host = name
        try:
            self.socket.sendall(preface)
            self.socket = context.wrap_socket(self.socket, server_hostname=name, suppress_ragged_eofs=False, session=session)
        except BaseException:
            self.socket.close()
            raise

    def request(self, target, method="GET", fields=(), body=None, host=None, version="HTTP/1.1"):
        return super().request(target, method, fields, body, host or self.host, version)

    @property
    def fingerprint(self):
        """Of the server's certificate, as certificates.fingerprint gives it."""
        return hashlib.sha256(self.socket.getpeercert(binary_form=True)).hexdigest()

    @property
    def common_name(self):
        """Of the server's certificate."""
        return dict(pair for names in self.socket.getpeercert()["subject"] for pair in names)["commonName"]

    def end(self):
        """Says close_notify, and reads that of the server."""
        self.socket.unwrap().close()


def fetch(address, context, target, name=NAME, method="GET", fields=(), body=None, host=None):
    """The answer on a connection of its own, which the server ends with close_notify."""
    with Client(address, context, name) as client:
        answer = client.request(target, method, [*fields, "Connection: close"], body, host)
        assert client.read_to_end() == b"", "octets behind the answer"
        return answer


class Octets:
    """The client's side of a connection: the test sends what .to_send() gives, as it likes."""

    def __init__(self, address, context, name=NAME):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self.wire = wire.Client(address)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.close()

    def to_send(self):
        return self.outgoing.read()

    def hello(self):
        """The octets of the first message."""
        assert not self.attempt(self.tls.do_handshake)
        return self.to_send()

    def shake(self):
        """Ends the handshake that hello() began."""
        while not self.attempt(lambda: self.tls.do_handshake() or True):
            self.wire.send(self.to_send())
            self.take()
        self.wire.send(self.to_send())
        return self

    def begin(self):
        self.wire.send(self.hello())
        return self.shake()

    @staticmethod
    def attempt(act):
        """What it gives; None when octets of the server are wanted first."""
        try:
            return act()
        except ssl.SSLWantReadError:
            return None

    def take(self):
        """Waits for octets of the server."""
        octets = self.wire.receive()
        if octets:
            self.incoming.write(octets)
        else:
            self.incoming.write_eof()

    def records(self, *pieces):
        """The octets of a record for each piece."""
        for piece in pieces:
            self.tls.write(piece)
        return self.to_send()

    def receive(self):
        """Some octets that the server has sent; b"" when it has said close_notify."""
        while True:
            try:
                return self.tls.read(1 << 18)
            except ssl.SSLWantReadError:
                self.take()
            except ssl.SSLZeroReturnError:
                return b""

    def responses(self):
        """A client that reads the answers."""
        reader = wire.Client.__new__(wire.Client)
        reader.unread, reader.receive = b"", self.receive
        return reader

    def goodbye(self):
        """The octets of close_notify."""
        self.attempt(self.tls.unwrap)
        return self.to_send()


def kinds_of_records(octets):
    """The content types of the records, which must be whole."""
    kinds = []
    while octets:
        size = int.from_bytes(octets[3:RECORD_HEAD], "big")
        assert len(octets) >= RECORD_HEAD + size, "half a record"
        kinds.append(octets[0])
        octets = octets[RECORD_HEAD + size:]
    return kinds
