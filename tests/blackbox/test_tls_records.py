# SPDX-License-Identifier: MIT
"""TLS: octets, records and requests end where they like, and an end is what it says it is."""
import ssl

import pytest

import tls
import wire
from sites import ECHO, put, site

TLS1_2, TLS1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
VERSIONS = pytest.mark.parametrize("version", [TLS1_2, TLS1_3])
LARGEST_RECORD = 16 << 10
AT_ONCE = 100

CONFIG = """
[server]
workers = 1
[limits]
body_bytes = "64MiB"
[[listener]]
address = "127.0.0.1:0"
tls = true
[[site]]
root = "www"
tls = {{ {localhost} }}
[[site.route]]
path = "/echo"
handler = "cgi"
program = "cgi-bin/echo"
[[site.route]]
path = "/*"
handler = "static"
"""


@pytest.fixture(scope="module")
def running(shared_server, shared_tmp, localhost):
    site(shared_tmp, {"a.txt": "the file a", "large.bin": bytes(range(256)) * 4096})
    put(shared_tmp / "cgi-bin" / "echo", ECHO)
    return shared_server(CONFIG.format(localhost=localhost))


def octets_to(running, authority, version=TLS1_3):
    return tls.Octets(running.address, tls.of_version(authority, version))


def let_it_look(running, authority):
    """Returns when the server has looked at what its other connections were sent before: it has one worker."""
    assert tls.fetch(running.address, tls.trusting(authority), "/a.txt").status == 200


# --- handshakes ---

@VERSIONS
def test_a_handshake_may_be_cut_anywhere(running, authority, version):
    size = len(octets_to(running, authority, version).hello())
    for first in range(1, size, AT_ONCE):
        clients = []
        for cut in range(first, min(first + AT_ONCE, size)):
            clients.append(octets_to(running, authority, version))
            hello = clients[-1].hello()
            clients[-1].wire.send(hello[:cut])
            clients[-1].rest = hello[cut:]
        let_it_look(running, authority)
        for client in clients:
            with client:
                client.wire.send(client.rest)
                client.shake()
                client.wire.send(client.records(wire.request("/a.txt")))
                assert client.responses().response().body == b"the file a"


@VERSIONS
def test_a_handshake_may_come_an_octet_at_a_time(running, authority, version):
    with octets_to(running, authority, version) as client:
        octets = client.hello()
        is_over = False
        while not is_over:
            for octet in octets:
                client.wire.send(bytes([octet]))
            client.take()
            is_over = client.attempt(lambda: client.tls.do_handshake() or True)
            octets = client.to_send()
        for octet in octets:
            client.wire.send(bytes([octet]))
        for octet in client.records(wire.request("/a.txt")):
            client.wire.send(bytes([octet]))
        assert client.responses().response().body == b"the file a"


def test_a_hello_may_be_in_many_records(running, authority):
    with octets_to(running, authority) as client:
        hello = client.hello()
        message = hello[tls.RECORD_HEAD:]
        client.wire.send(b"".join(hello[:3] + len(piece).to_bytes(2, "big") + piece
                                  for piece in (message[at:at + 10] for at in range(0, len(message), 10))))
        client.shake()
        client.wire.send(client.records(wire.request("/a.txt")))
        assert client.responses().response().body == b"the file a"


@VERSIONS
def test_the_first_request_may_come_with_the_end_of_the_handshake(running, authority, version):
    with octets_to(running, authority, version) as client:
        client.wire.send(client.hello())
        while not client.attempt(lambda: client.tls.do_handshake() or True):
            more = client.to_send()
            if more and version == TLS1_2:
                client.wire.send(more)
            client.take()
        client.wire.send(client.to_send() + client.records(wire.request("/a.txt")))
        assert client.responses().response().body == b"the file a"


@VERSIONS
def test_who_leaves_in_the_handshake_disturbs_nobody(running, authority, version):
    size = len(octets_to(running, authority, version).hello())
    before = running.open_files()
    with tls.Client(running.address, tls.trusting(authority)) as other:
        for cut in (0, 1, 4, 5, 6, size // 2, size - 1, size):
            for leave in (wire.Client.close, wire.Client.reset, wire.Client.half_close):
                client = octets_to(running, authority, version)
                client.wire.send(client.hello()[:cut])
                leave(client.wire)
                if leave is wire.Client.half_close:
                    assert b" 200 " not in client.wire.read_to_end()
                    client.wire.close()
        assert other.request("/a.txt").body == b"the file a"
    wire.wait_until(lambda: running.open_files() <= before, "nothing is left of them")


# --- records ---

@VERSIONS
def test_a_request_may_be_cut_into_records_anywhere(running, authority, version):
    request = wire.request("/a.txt", fields=["X-Field: value"])
    with octets_to(running, authority, version).begin() as client:
        answers = client.responses()
        for cut in range(1, len(request)):
            client.wire.send(client.records(request[:cut], request[cut:]))
            assert answers.response().body == b"the file a", cut
        client.wire.send(client.records(*(request[at:at + 1] for at in range(len(request)))))
        assert answers.response().body == b"the file a"


@VERSIONS
def test_a_record_may_be_cut_anywhere(running, authority, version):
    with octets_to(running, authority, version).begin() as client, tls.Client(running.address, tls.trusting(authority)) as other:
        answers = client.responses()
        cut, record = 1, client.records(wire.request("/a.txt"))
        while cut < len(record):
            client.wire.send(record[:cut])
            assert other.request("/a.txt").status == 200  # so the server has seen the first part alone
            client.wire.send(record[cut:])
            assert answers.response().body == b"the file a", cut
            cut, record = cut + 1, client.records(wire.request("/a.txt"))


@VERSIONS
def test_many_requests_may_be_in_one_record(running, authority, version):
    request = wire.request("/a.txt")
    many = LARGEST_RECORD // len(request)
    with octets_to(running, authority, version).begin() as client:
        record = client.records(request * many)
        assert tls.kinds_of_records(record) == [tls.APPLICATION_DATA]
        client.wire.send(record)
        answers = client.responses()
        assert [answers.response().body for _ in range(many)] == [b"the file a"] * many


@VERSIONS
def test_requests_may_end_within_records(running, authority, version):
    octets = wire.request("/a.txt") * 200
    with octets_to(running, authority, version).begin() as client:
        client.wire.send(client.records(*(octets[at:at + 1000] for at in range(0, len(octets), 1000))))
        answers = client.responses()
        assert [answers.response().body for _ in range(200)] == [b"the file a"] * 200


@VERSIONS
def test_bodies_come_in_the_largest_records(running, authority, version):
    body = bytes(range(251)) * 4000
    with octets_to(running, authority, version).begin() as client:
        client.wire.send(client.records(wire.request("/echo", "POST", body=body)))
        assert client.responses().response().body == body


@VERSIONS
@pytest.mark.parametrize("change", ["last octet", "length", "type"])
def test_a_record_that_was_changed_ends_the_connection(running, authority, version, change):
    with octets_to(running, authority, version).begin() as client:
        record = bytearray(client.records(wire.request("/a.txt")))
        at = {"last octet": len(record) - 1, "length": 4, "type": 0}[change]
        record[at] ^= 1
        client.wire.send(bytes(record) + bytes(64))
        with pytest.raises((ssl.SSLError, ConnectionError)):
            while client.receive():
                pass
    let_it_look(running, authority)


@VERSIONS
def test_a_record_that_ends_in_the_middle_is_no_request(running, authority, version):
    with octets_to(running, authority, version).begin() as client:
        record = client.records(wire.request("/a.txt"))
        client.wire.send(record[:-5])
        client.wire.half_close()
        with pytest.raises((ssl.SSLError, ConnectionError)):
            while client.receive():
                raise AssertionError("an answer")
            raise ssl.SSLError("an end in order")
    let_it_look(running, authority)


# --- the ends of connections ---

@VERSIONS
def test_the_end_of_an_answer_is_said(running, authority, version):
    with octets_to(running, authority, version).begin() as client:
        client.wire.send(client.records(wire.request("/large.bin", fields=["Connection: close"])))
        answers = client.responses()
        assert len(answers.response().body) == 1 << 20
        assert answers.receive() == b""  # close_notify: an end without it raises
        assert client.wire.is_closed(wire.DEADLINE)


@VERSIONS
def test_a_client_that_says_goodbye_is_told_so(running, authority, version):
    with tls.Client(running.address, tls.of_version(authority, version)) as client:
        assert client.request("/a.txt").status == 200
        client.end()


@VERSIONS
def test_an_answer_goes_on_behind_the_goodbye_of_the_client(running, authority, version):
    with octets_to(running, authority, version).begin() as client:
        client.wire.send(client.records(wire.request("/a.txt", fields=["Connection: close"])))
        client.wire.send(client.goodbye())
        octets = b""
        while more := client.wire.receive():
            octets += more
        assert octets, "nothing was sent"
    let_it_look(running, authority)


@VERSIONS
@pytest.mark.parametrize("says_goodbye", [True, False], ids=["close_notify", "FIN"])
def test_a_body_that_ends_too_early_is_not_taken_for_a_whole_one(running, authority, version, says_goodbye, tmp_path):
    with octets_to(running, authority, version).begin() as client:
        whole = wire.request("/echo", "POST", body=b"x" * 100)
        client.wire.send(client.records(whole[:-1]))
        if says_goodbye:
            client.wire.send(client.goodbye())
        client.wire.half_close()
        received = b""
        try:
            while more := client.receive():
                received += more
        except (ssl.SSLError, ConnectionError):
            pass
        assert b" 200 " not in received.partition(b"\r\n")[0]
    let_it_look(running, authority)


def test_no_descriptor_is_left(running, authority):
    def alone():
        with tls.Client(running.address, tls.trusting(authority)) as client:
            client.request("/a.txt")
            return running.open_files()
    before = alone()
    for _ in range(20):
        let_it_look(running, authority)
    wire.wait_until(lambda: alone() <= before, "as many descriptors as before")
