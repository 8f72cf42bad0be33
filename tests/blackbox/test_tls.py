# SPDX-License-Identifier: MIT
"""TLS: versions, ciphers, names, certificates of both sides, and what is told of them."""
import os
import re
import socket
import ssl
import subprocess

import pytest

import certificates
import tls
import upstreams
import wire
from pages import free_ports
from sites import VARIABLES, put, site

TLS1_2, TLS1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
CLIENT_SUBJECT = r"CN=Zo\C3\AB,O=Friends\, Inc.,C=AT"

CONFIG = """
[server]
workers = 1
[[listener]]
address = "127.0.0.1:{port}"
tls = true
[[listener]]
address = "127.0.0.2:0"

[[site]]
root = "www"
tls = {{ {localhost} }}
[[site.route]]
path = "/scheme"
handler = "respond"
body = "{{scheme}}"
[[site.route]]
path = "/cgi-bin/*"
handler = "cgi"
root = "cgi-bin"

[[site]]
hosts = ["example.test", "two.example.test"]
tls = {{ certificate = ["{ec.certificate}", "{rsa.certificate}"], key = ["{ec.key}", "{rsa.key}"] }}
[[site.route]]
path = "/*"
handler = "respond"
body = "exact"

[[site]]
hosts = ["*.example.test"]
tls = {{ {wildcard} }}
[[site.route]]
path = "/*"
handler = "respond"
body = "wildcard"

[[site]]
hosts = ["*.deep.example.test"]
tls = {{ {deep} }}
[[site.route]]
path = "/*"
handler = "respond"
body = "longer wildcard"

[[site]]
hosts = ["new.test"]
tls = {{ {new}, min_version = "1.3" }}
[[site.route]]
path = "/*"
handler = "respond"
body = "new"

[[site]]
hosts = ["members.test"]
tls = {{ {members}, client_ca = "{client_ca}", client_certificate = "required" }}
[[site.route]]
path = "/cgi-bin/*"
handler = "cgi"
root = "cgi-bin"
[[site.route]]
path = "/mirror/*"
handler = "proxy"
upstream = ["{mirror}"]
set_headers = {{ "X-Client-Subject" = "{{client_subject}}", "X-Scheme" = "{{scheme}}" }}
[[site.route]]
path = "/*"
handler = "respond"
body = "members"

[[site]]
hosts = ["guests.test"]
tls = {{ {guests}, client_ca = "{client_ca}", client_certificate = "optional" }}
[[site.route]]
path = "/cgi-bin/*"
handler = "cgi"
root = "cgi-bin"
[[site.route]]
path = "/mirror/*"
handler = "proxy"
upstream = ["{mirror}"]
set_headers = {{ "X-Client-Subject" = "{{client_subject}}" }}
[[site.route]]
path = "/*"
handler = "respond"
body = "guests"

[[site]]
hosts = ["strict.test"]
tls = {{ {strict}, hsts = "max-age=31536000; includeSubDomains" }}
[[site.route]]
path = "/missing"
handler = "respond"
status = 404
[[site.route]]
path = "/*"
handler = "respond"
body = "strict"

[[site]]
hosts = ["moved.test"]
root = "moved"
redirect_https = true
tls = {{ {moved}, hsts = "max-age=60" }}
"""


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    """The authority of the clients."""
    return certificates.Authority(tmp_path_factory.mktemp("clients") / "authority", "Clients")


@pytest.fixture(scope="module")
def member(clients):
    return clients.issue("member", subject="/C=AT/O=Friends, Inc./CN=Zoë", purpose=certificates.OF_CLIENTS)


@pytest.fixture(scope="module")
def stranger(authority):
    """One whose certificate is of another authority."""
    return authority.issue("stranger", purpose=certificates.OF_CLIENTS)


@pytest.fixture(scope="module")
def running(shared_server, shared_tmp, shared_upstream, authority, localhost, clients):
    put(shared_tmp / "cgi-bin" / "env", VARIABLES)
    put(shared_tmp / "moved" / ".well-known" / "acme-challenge" / "token", "the answer")
    put(shared_tmp / "moved" / "a.txt", "moved")
    site(shared_tmp, {"a.txt": "the file a"})
    pairs = {name: authority.issue(name, [f"{name}.test"]) for name in ("new", "members", "guests", "strict", "moved")}
    pairs["ec"] = authority.issue("ec", ["example.test", "two.example.test"])
    pairs["rsa"] = authority.issue("rsa", ["example.test", "two.example.test"], kind="rsa")
    pairs["wildcard"] = authority.issue("wildcard", ["*.example.test"])
    pairs["deep"] = authority.issue("deep", ["*.deep.example.test"])
    mirror = shared_upstream(upstreams.serving(upstreams.mirror))
    return shared_server(CONFIG.format(port=free_ports(1)[0], localhost=localhost, client_ca=clients.certificate, mirror=mirror.url,
                                       **pairs), listeners=2)


@pytest.fixture(scope="module")
def trusting(authority):
    return tls.trusting(authority)


def plain_address(running):
    return "127.0.0.2", running.ports[1]


def variables(answer):
    assert answer.status == 200, answer
    return dict(line.split("=", 1) for line in answer.body.decode().splitlines() if "=" in line)


def s_client(running, *arguments):
    ended = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{running.port}", *arguments], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=wire.DEADLINE, check=False)
    return ended.stdout.decode(errors="replace")


# --- the listener ---

def test_a_tls_listener_is_announced_as_https(running):
    assert [url.partition(":")[0] for url in running.urls()] == ["https", "http"]


def test_a_file_is_served_over_tls(running, trusting):
    with tls.Client(running.address, trusting) as client:
        assert client.request("/a.txt").body == b"the file a"
        assert client.request("/a.txt", "HEAD").get("Content-Length") == "10"
        assert client.request("/a.txt", fields=["Range: bytes=4-7"]).body == b"file"


def test_handlers_know_that_the_request_is_encrypted(running, trusting):
    told = variables(tls.fetch(running.address, trusting, "/cgi-bin/env"))
    assert (told["HTTPS"], told["REQUEST_SCHEME"], told["SERVER_PORT"]) == ("on", "https", str(running.port))
    assert tls.fetch(running.address, trusting, "/scheme").body == b"https"
    plain = variables(wire.fetch(plain_address(running), "/cgi-bin/env"))
    assert (plain.get("HTTPS"), plain["REQUEST_SCHEME"]) == (None, "http")
    assert not [name for name in plain if name.startswith("SSL_")]


def test_programs_are_told_the_version_and_the_cipher(running, trusting):
    told = variables(tls.fetch(running.address, trusting, "/cgi-bin/env"))
    assert told["SSL_PROTOCOL"] == "TLSv1.3" and told["SSL_CIPHER"].startswith("TLS_")


def test_absolute_targets_are_of_https(running, trusting):
    assert tls.fetch(running.address, trusting, "https://localhost/a.txt").body == b"the file a"


# --- versions and ciphers ---

@pytest.mark.parametrize("version", [TLS1_2, TLS1_3])
def test_versions_1_2_and_1_3_are_spoken(running, authority, version):
    with tls.Client(running.address, tls.of_version(authority, version)) as client:
        assert client.socket.version() == version.name.replace("v1_", "v1.")
        assert client.request("/a.txt").body == b"the file a"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_versions_are_refused(running, authority, version):
    context = tls.of_version(authority, version)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        tls.Client(running.address, context)


def test_a_site_may_want_version_1_3(running, authority):
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        tls.Client(running.address, tls.of_version(authority, TLS1_2), "new.test")
    with tls.Client(running.address, tls.of_version(authority, TLS1_3), "new.test") as client:
        assert client.request("/").body == b"new"


@pytest.mark.parametrize("cipher", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                                    "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"])
def test_ciphers_with_forward_secrecy_and_authentication_are_spoken(running, authority, cipher):
    context = tls.of_version(authority, TLS1_2)
    context.set_ciphers(cipher)
    with tls.Client(running.address, context, "example.test") as client:
        assert client.socket.cipher()[0] == cipher
        assert client.common_name == "example.test"
        assert client.request("/").body == b"exact"


@pytest.mark.parametrize("cipher", ["ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA256", "AES128-GCM-SHA256", "AES128-SHA",
                                    "DHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-CCM8", "AECDH-AES128-SHA", "NULL-SHA256"])
def test_other_ciphers_are_refused(running, authority, cipher):
    context = tls.of_version(authority, TLS1_2)
    context.set_ciphers(f"{cipher}:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        tls.Client(running.address, context, "example.test")


@pytest.mark.parametrize("cipher", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"])
def test_ciphers_of_version_1_3_are_spoken(running, cipher):
    assert f"Cipher is {cipher}" in s_client(running, "-tls1_3", "-ciphersuites", cipher)


@pytest.mark.parametrize("group", ["X25519", "P-256", "P-384"])
def test_groups_of_keys_are_spoken(running, group):
    assert "Cipher is TLS_" in s_client(running, "-tls1_3", "-groups", group)
    assert "Cipher is ECDHE" in s_client(running, "-tls1_2", "-groups", group if group == "P-256" else f"{group}:P-256")


def test_no_renegotiation_and_no_compression(running):
    said = s_client(running, "-tls1_2")
    assert "Compression: NONE" in said and "Secure Renegotiation IS supported" in said
    ended = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{running.port}", "-tls1_2"], input=b"R\n",
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=wire.DEADLINE, check=False)
    assert b"RENEGOTIATING" in ended.stdout and b"no renegotiation" in ended.stdout


# --- names and certificates ---

@pytest.mark.parametrize("name, common_name, body", [
    ("example.test", "example.test", b"exact"), ("two.example.test", "example.test", b"exact"),
    ("EXAMPLE.Test", "example.test", b"exact"),
    ("any.example.test", "*.example.test", b"wildcard"), ("a.deep.example.test", "*.deep.example.test", b"longer wildcard")])
def test_the_name_decides_on_certificate_and_site(running, trusting, name, common_name, body):
    with tls.Client(running.address, trusting, name) as client:
        assert client.common_name == common_name
        assert client.request("/").body == body


@pytest.mark.parametrize("name", ["unknown.test", "example.test.", None, "127.0.0.1"])
def test_other_names_get_the_certificate_of_the_default_site(running, authority, localhost, name):
    context = tls.trusting(authority, check_hostname=False)
    with tls.Client(running.address, context, name) as client:
        wanted = "example.test" if name == "example.test." else "localhost"
        assert client.common_name == wanted
        if wanted == "localhost":
            assert client.fingerprint == certificates.fingerprint(localhost.certificate)
            assert client.request("/a.txt", host="localhost").body == b"the file a"


@pytest.mark.parametrize("algorithms, key", [
    ("ECDSA+SHA256", "id-ecPublicKey"), ("RSA-PSS+SHA256", "rsaEncryption"), ("ECDSA+SHA256:RSA-PSS+SHA256", "id-ecPublicKey"),
    ("RSA-PSS+SHA256:ECDSA+SHA256", None)])
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_signature_algorithms_of_the_client_decide_on_the_key(running, algorithms, key, version):
    said = s_client(running, version, "-sigalgs", algorithms, "-servername", "example.test")
    assert "Cipher is (NONE)" not in said, said
    found = re.search(r"a:PKEY: (\w+(?:-\w+)?)", said)[1]
    assert found == key or (key is None and found in ("id-ecPublicKey", "rsaEncryption"))


def test_intermediate_certificates_are_sent(server, authority, tmp_path):
    below = certificates.Authority(tmp_path / "below", "Issuing authority", authority)
    lowest = certificates.Authority(tmp_path / "lowest", "Lowest authority", below)
    pair = lowest.issue("localhost", ["localhost"])
    site(tmp_path, {"a.txt": "a"})
    running = server(f'[[listener]]\naddress = "127.0.0.1:0"\ntls = true\n[[site]]\nroot = "www"\ntls = {{ {pair} }}')
    assert tls.fetch(running.address, tls.trusting(authority), "/a.txt").body == b"a"


# --- ALPN ---

@pytest.mark.parametrize("offered, chosen", [(["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1"),
                                             (["http/1.0", "http/1.1"], "http/1.1"), (None, None)])
def test_http_1_1_is_chosen_among_protocols(running, authority, offered, chosen):
    context = tls.trusting(authority)
    if offered:
        context.set_alpn_protocols(offered)
    with tls.Client(running.address, context) as client:
        assert client.socket.selected_alpn_protocol() == chosen
        assert client.request("/a.txt").status == 200


@pytest.mark.parametrize("offered", [["h2"], ["h3", "acme-tls/1"], ["http/1.1x"]])
def test_who_offers_only_other_protocols_is_turned_away(running, authority, offered):
    context = tls.trusting(authority)
    context.set_alpn_protocols(offered)
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        tls.Client(running.address, context)


# --- resumption ---

def session_of(running, context, name=tls.NAME):
    with tls.Client(running.address, context, name) as client:
        client.request("/")
        assert not client.socket.session_reused
        session = client.socket.session
        client.end()
        return session


@pytest.mark.parametrize("version", [TLS1_2, TLS1_3])
def test_sessions_are_resumed(running, authority, version):
    context = tls.of_version(authority, version)
    session = session_of(running, context)
    assert session.has_ticket
    with tls.Client(running.address, context, session=session) as client:
        assert client.socket.session_reused
        assert client.request("/a.txt").body == b"the file a"


def test_sessions_are_resumed_at_other_workers_and_after_a_reload(server, tmp_path, authority, localhost):
    site(tmp_path, {"a.txt": "a"})
    text = (f'[server]\nworkers = 2\n[[listener]]\naddress = "127.0.0.1:0"\ntls = true\n[[site]]\nroot = "www"\n'
            f'tls = {{ {localhost} }}')
    running, context = server(text), tls.trusting(authority)
    session = session_of(running, context)
    for _ in range(8):
        with tls.Client(running.address, context, session=session) as client:
            assert client.socket.session_reused
    assert running.reload(text + "\n# as it was\n") == "Reloaded"
    for _ in range(4):
        with tls.Client(running.address, context, session=session) as client:
            assert client.socket.session_reused
            assert client.request("/a.txt").body == b"a"


@pytest.mark.parametrize("version", [TLS1_2, TLS1_3])
def test_the_session_of_one_site_is_not_that_of_another(running, authority, version, member):
    context = tls.of_version(authority, version)
    session = session_of(running, context)
    context.load_cert_chain(*member)
    with tls.Client(running.address, context, "members.test", session=session) as client:
        assert not client.socket.session_reused
        assert client.request("/").body == b"members"


# --- certificates of clients ---

def shows(running, context, name):
    """The body of an answer: with version 1.3 a refusal comes behind the handshake."""
    with tls.Client(running.address, context, name) as client:
        return client.request("/").body


@pytest.mark.parametrize("version", [TLS1_2, TLS1_3])
def test_a_member_is_let_in(running, authority, member, version):
    for name, body in (("members.test", b"members"), ("guests.test", b"guests")):
        assert shows(running, tls.of_version(authority, version, certificate=member), name) == body


@pytest.mark.parametrize("version", [TLS1_2, TLS1_3])
def test_who_has_no_certificate_is_a_guest(running, authority, version):
    context = tls.of_version(authority, version)
    assert shows(running, context, "guests.test") == b"guests"
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE"):
        shows(running, context, "members.test")


@pytest.mark.parametrize("version", [TLS1_2, TLS1_3])
@pytest.mark.parametrize("name", ["members.test", "guests.test"])
def test_the_certificate_of_another_authority_is_refused(running, authority, stranger, version, name):
    with pytest.raises(ssl.SSLError, match="UNKNOWN_CA"):
        shows(running, tls.of_version(authority, version, certificate=stranger), name)


def test_an_expired_certificate_of_a_client_is_refused(running, authority, clients):
    late = clients.issue("late", days=(-30, -1), purpose=certificates.OF_CLIENTS)
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_EXPIRED"):
        shows(running, tls.trusting(authority, late), "members.test")


def test_the_certificate_of_a_server_is_none_of_a_client(running, authority, clients):
    machine = clients.issue("machine", ["machine.test"])
    with pytest.raises(ssl.SSLError, match="UNSUPPORTED_CERTIFICATE"):
        shows(running, tls.trusting(authority, machine), "members.test")


def refusals_told(running, reason):
    return re.findall(rf" info tls: 127\.0\.0\.1: \d+ client certificates? refused \({reason}\)", running.log_text(), re.IGNORECASE)


@pytest.mark.parametrize("version", [TLS1_2, TLS1_3])
@pytest.mark.parametrize("kind, reason", [("stranger", "self.signed certificate in certificate chain"), ("late", "certificate has expired"),
                                          ("none", "peer did not return a certificate")])
def test_the_log_says_why_a_client_was_refused(running, authority, clients, stranger, version, kind, reason):
    late = clients.issue("late", days=(-30, -1), purpose=certificates.OF_CLIENTS)
    before = len(refusals_told(running, reason))
    with pytest.raises(ssl.SSLError):
        shows(running, tls.of_version(authority, version, certificate={"stranger": stranger, "late": late, "none": None}[kind]),
              "members.test")
    wire.wait_until(lambda: len(refusals_told(running, reason)) > before, f"{reason!r} in the log")


@pytest.mark.parametrize("version", [TLS1_2, TLS1_3])
@pytest.mark.parametrize("name", ["members.test", "guests.test"])
def test_programs_are_told_who_the_client_is(running, authority, member, version, name):
    context = tls.of_version(authority, version, certificate=member)
    session = None
    for _ in range(2):  # the second time the session is resumed, and the certificate is not sent
        with tls.Client(running.address, context, name, session=session) as client:
            told = variables(client.request("/cgi-bin/env"))
            assert client.socket.session_reused == (session is not None)
            session = client.socket.session
            client.end()
        assert (told["SSL_CLIENT_VERIFY"], told["SSL_CLIENT_S_DN"]) == ("SUCCESS", CLIENT_SUBJECT)


def test_programs_are_told_that_the_client_is_a_guest(running, trusting):
    told = variables(tls.fetch(running.address, trusting, "/cgi-bin/env", "guests.test"))
    assert told["SSL_CLIENT_VERIFY"] == "NONE" and not told.get("SSL_CLIENT_S_DN")


def test_nobody_makes_programs_believe_in_a_certificate(running, trusting):
    told = variables(tls.fetch(running.address, trusting, "/cgi-bin/env", "guests.test", fields=[
        "SSL-Client-Verify: SUCCESS", "SSL_CLIENT_S_DN: CN=Mallory", "SSL-Client-S-DN: CN=Mallory"]))
    assert told["SSL_CLIENT_VERIFY"] == "NONE" and not told.get("SSL_CLIENT_S_DN")


def test_upstreams_are_told_who_the_client_is(running, authority, member):
    fields = ["X-Client-Subject: CN=Mallory"]
    head = tls.fetch(running.address, tls.trusting(authority, member), "/mirror/", "members.test", fields=fields).body.decode()
    assert re.findall(r"(?im)^x-client-subject: (.*)\r$", head) == [CLIENT_SUBJECT]
    assert re.findall(r"(?im)^x-scheme: (.*)\r$", head) == ["https"]
    assert re.findall(r"(?im)^x-forwarded-proto: (.*)\r$", head) == ["https"]
    head = tls.fetch(running.address, tls.trusting(authority), "/mirror/", "guests.test", fields=fields).body.decode()
    assert "Mallory" not in head


@pytest.mark.parametrize("name, host", [("localhost", "members.test"), ("localhost", "guests.test"),
                                        ("example.test", "members.test")])
def test_a_host_with_other_rules_for_clients_is_misdirected(running, trusting, name, host):
    assert tls.fetch(running.address, trusting, "/", name, host=host).status == 421


def test_a_guest_of_one_site_is_no_member_of_another(running, authority, trusting, member):
    assert tls.fetch(running.address, trusting, "/", "guests.test", host="members.test").status in (403, 421)
    answer = tls.fetch(running.address, tls.trusting(authority, member), "/", "guests.test", host="members.test")
    assert (answer.status, answer.body) == (200, b"members") or answer.status == 421


def test_who_speaks_on_after_a_refusal_is_told_why(running, authority):
    reason = "peer did not return a certificate"
    before = len(refusals_told(running, reason))
    with tls.Client(running.address, tls.of_version(authority, TLS1_3), "members.test") as client:
        wire.wait_until(lambda: len(refusals_told(running, reason)) > before, "the refusal in the log")
        for piece in (b"GET / HTTP/1.1\r\n", b"Host: members.test\r\n", b"\r\n"):
            client.socket.sendall(piece)
        client.socket.getpeername()  # which a connection that was reset has no more
        with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
            client.read_to_end()


# A browser reads ahead, and looks whether the connection is still there before it takes what it has read.
def test_the_end_does_not_follow_a_refusal_at_once(running, authority):
    before = len(refusals_told(running, "peer did not return a certificate"))
    with tls.Client(running.address, tls.of_version(authority, TLS1_3), "members.test") as client:
        wire.wait_until(lambda: len(refusals_told(running, "peer did not return a certificate")) > before, "the refusal in the log")
        octets = os.dup(client.socket.fileno())
        with socket.socket(fileno=octets) as plain:
            plain.setblocking(False)
            assert plain.recv(1 << 16)
            with pytest.raises(BlockingIOError):
                plain.recv(1)
            plain.settimeout(wire.DEADLINE)
            assert plain.recv(1) == b""


def test_a_host_with_the_same_rules_is_answered(running, trusting):
    assert tls.fetch(running.address, trusting, "/", "example.test", host="any.example.test").body == b"wildcard"


def test_who_must_have_a_certificate_is_not_let_in_without_tls(running):
    plain = plain_address(running)
    assert wire.fetch(plain, "/", host="members.test").status == 403
    assert wire.fetch(plain, "/cgi-bin/env", host="members.test").status == 403
    assert wire.fetch(plain, "/", host="guests.test").status == 200


# --- what leads to https ---

def test_only_encrypted_answers_say_that_all_must_be(running, trusting):
    for target, status in (("/", 200), ("/missing", 404)):
        answer = tls.fetch(running.address, trusting, target, "strict.test")
        assert (answer.status, answer.all("Strict-Transport-Security")) == (status, ["max-age=31536000; includeSubDomains"])
        plain = wire.fetch(plain_address(running), target, host="strict.test")
        assert (plain.status, plain.all("Strict-Transport-Security")) == (status, [])


@pytest.mark.parametrize("method, status", [("GET", 301), ("HEAD", 301), ("POST", 308), ("PUT", 308), ("DELETE", 308)])
def test_plain_requests_are_led_to_https(running, method, status):
    body = b"abc" if method in ("POST", "PUT") else None
    answer = wire.fetch(plain_address(running), "/a%20b/c.txt?x=1&y=%26", method, host="moved.test", body=body)
    assert (answer.status, answer.get("Location")) == (status, f"https://moved.test:{running.port}/a%20b/c.txt?x=1&y=%26")
    assert not answer.all("Strict-Transport-Security")


def test_the_port_of_the_plain_listener_is_not_kept(running):
    answer = wire.fetch(plain_address(running), "/", host=f"moved.test:{running.ports[1]}")
    assert answer.get("Location") == f"https://moved.test:{running.port}/"


def test_encrypted_requests_are_not_led_anywhere(running, trusting):
    assert tls.fetch(running.address, trusting, "/a.txt", "moved.test").body == b"moved"


def test_challenges_of_authorities_are_answered_without_tls(running):
    plain = plain_address(running)
    assert wire.fetch(plain, "/.well-known/acme-challenge/token", host="moved.test").body == b"the answer"
    assert wire.fetch(plain, "/.well-known/acme-challenge/other", host="moved.test").status == 404
    assert wire.fetch(plain, "/.well-known/acme-challenge/../../a.txt", host="moved.test").status in (301, 400)


APPLICATIONS = {
    "a fallback": 'root = "{tmp}"\nfallback = "/page.html"',
    "an answer for all": '[[site.route]]\npath = "/*"\nhandler = "respond"\nbody = "members only"',
    "a proxy": '[[site.route]]\npath = "/*"\nhandler = "proxy"\nupstream = "{upstream}"',
    "a proxy for challenges": '[[site.route]]\npath = "/.well-known/acme-challenge/*"\nhandler = "proxy"\nupstream = "{upstream}"',
}


@pytest.mark.parametrize("name, status", [("a fallback", 404), ("an answer for all", 301), ("a proxy", 301), ("a proxy for challenges", 200)])
@pytest.mark.parametrize("target", ["/.well-known/acme-challenge/none", "/admin/..%2f.well-known/acme-challenge/none",
                                    "/admin/../.well-known/acme-challenge/none"])
def test_nothing_but_challenges_is_answered_without_tls_and_certificate(server, tmp_path, upstream, localhost, clients, name, status, target):
    put(tmp_path / "page.html", "members only")
    up = upstream(upstreams.serving(upstreams.mirror))
    running = server(f"""
[[listener]]
address = "127.0.0.1:0"
[[listener]]
address = "127.0.0.2:0"
tls = true
[[site]]
redirect_https = true
tls = {{ certificate = "{localhost.certificate}", key = "{localhost.key}", client_ca = "{clients.certificate}" }}
{APPLICATIONS[name].format(tmp=tmp_path, upstream=up.url)}
""", listeners=2)
    answer = wire.fetch(running.address, target)
    # Without a handler that takes the decoded slash there is nothing to be found.
    assert answer.status == status and b"members only" not in answer.body
    assert all(asked.target == "/.well-known/acme-challenge/none" for asked in up.requests)


def test_the_port_443_is_not_named(uvhttpd, tmp_path, localhost):
    site(tmp_path)
    put(tmp_path / "uvhttpd.toml", f"""
[[listener]]
address = "127.0.0.1:443"
tls = true
[[listener]]
address = "127.0.0.1:80"
[[site]]
root = "www"
redirect_https = true
tls = {{ {localhost} }}
[[expect]]
request = "GET http://localhost/a?b"
status = 301
header = {{ Location = "https://localhost/a?b" }}
""")
    result = uvhttpd("check", "-c", tmp_path / "uvhttpd.toml")
    assert result.returncode == 0, result.stderr


def test_https_is_where_the_client_can_reach_it(server, tmp_path, localhost):
    site(tmp_path)
    four, six = free_ports(2)
    running = server(f"""
[[listener]]
address = "[::]:0"
[[listener]]
address = "127.0.0.1:{four}"
tls = true
[[listener]]
address = "[::1]:{six}"
tls = true
[[site]]
root = "www"
redirect_https = true
tls = {{ {localhost} }}
[[expect]]
request = "GET http://127.0.0.1/"
header = {{ Location = "https://127.0.0.1:{four}/" }}
[[expect]]
request = "GET http://[::1]/"
header = {{ Location = "https://[::1]:{six}/" }}
""", listeners=3)
    for host, port in ("127.0.0.1", four), ("[::1]", six):
        answer = wire.fetch((host.strip("[]"), running.port), "/", host=host)
        assert answer.status == 301 and answer.get("Location") == f"https://{host}:{port}/"


# --- what is no TLS ---

@pytest.mark.parametrize("octets", [wire.request("/a.txt"), wire.request("/", "POST", body=b"x" * 100),
                                    b"GET / HTTP/1.0\r\n\r\n"])
def test_plain_http_is_told_to_use_https(running, octets):
    with running.client() as client:
        client.send(octets)
        answer = client.response()
        assert answer.status == 400 and answer.get("Connection") == "close"
        assert re.search(rb"(?i)https|TLS", answer.body), answer.body
        assert client.read_to_end() == b""


@pytest.mark.parametrize("octets", [b"\0" * 64, b"\x80\x2e\x01\x00\x02" + b"\0" * 60, b"SSH-2.0-OpenSSH_9.2\r\n",
                                    b"\x16\x03\x01\xff\xff" + b"x" * 70, b"\x16\x03\x01\x00\x05hello", b"\x15\x03\x01\x00\x02\x02\x28", b"\x17\x03\x03\x00\x05hello",
                                    bytes(range(255, 0, -1)) * 20])
def test_garbage_ends_its_own_connection_only(running, trusting, octets):
    with tls.Client(running.address, trusting) as other, running.client() as client:
        assert other.request("/a.txt").status == 200
        client.send(octets)
        client.half_close()
        assert b" 200 " not in client.read_to_end()
        assert other.request("/a.txt").body == b"the file a"


def test_tls_on_a_plain_listener_is_no_request(running, trusting):
    with pytest.raises((ssl.SSLError, ConnectionError)):
        tls.Client(plain_address(running), trusting)
    assert wire.fetch(plain_address(running), "/a.txt").status == 200
