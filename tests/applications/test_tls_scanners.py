# SPDX-License-Identifier: MIT
"""TLS as others see it: sslscan and testssl.sh look for weaknesses, openssl and curl come with what they offer."""
import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

import certificates
import wire
from programs import free_port

PAGE = "<!doctype html><title>A page</title><p>A page.\n"
PATIENCE = 600  # seconds; testssl.sh makes hundreds of connections
# What testssl.sh may say; above it come MEDIUM, HIGH, CRITICAL, and WARN for what it could not find out.
HARMLESS = {"OK", "INFO", "LOW"}
# What Debian's openssl does not let it find out.
UNKNOWN = {"engine_problem", "sessionresumption_ticket"}
LOOKS = ["--protocols", "--std", "--pfs", "--server-preference", "--server-defaults", "--headers", "--vulnerable"]

CONFIG = """
[server]
workers = 1
[[listener]]
address = "127.0.0.1:{secure}"
tls = true
[[listener]]
address = "127.0.0.1:{plain}"
[[site]]
hosts = ["localhost"]
root = "www"
redirect_https = true
headers = {{ "Content-Security-Policy" = "default-src 'self'", "X-Content-Type-Options" = "nosniff", "X-Frame-Options" = "DENY" }}
tls = {{ certificate = ["{ec.certificate}", "{rsa.certificate}"], key = ["{ec.key}", "{rsa.key}"], hsts = "max-age=31536000" }}
[[site]]
hosts = ["old.localhost"]
root = "www"
tls = {{ {old} }}
[[site]]
hosts = ["wrong.localhost"]
root = "www"
tls = {{ {wrong} }}
[[site]]
hosts = ["members.localhost"]
root = "www"
tls = {{ {members}, client_ca = "{ca}" }}
"""


@pytest.fixture(scope="module")
def running(shared_server, shared_tmp, authority):
    (shared_tmp / "www").mkdir()
    (shared_tmp / "www" / "index.html").write_text(PAGE)
    # The scanners look at certificates, too, and want them to say where revoked ones are listed.
    purpose = certificates.OF_SERVERS + "\ncrlDistributionPoints = URI:http://localhost/list.crl"
    pairs = {kind: authority.issue(f"scanned-{kind}", ["localhost"], kind=kind, days=(-1, 90), purpose=purpose)
             for kind in ("ec", "rsa")}
    pairs["old"] = authority.issue("scanned-old", ["old.localhost"], days=(-30, -1))
    pairs["wrong"] = authority.issue("scanned-wrong", ["right.localhost"])
    pairs["members"] = authority.issue("scanned-members", ["members.localhost"])
    return shared_server(CONFIG.format(secure=free_port(), plain=free_port(), ca=authority.certificate, **pairs), listeners=2)


def run(*command, timeout=wire.DEADLINE, **more):
    return subprocess.run([*map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=timeout, check=False, **more)


def test_testssl_finds_nothing_above_low(running, tmp_path, authority):
    report = tmp_path / "report.json"
    ended = run("testssl", "--quiet", "--warnings", "off", "--color", "0", *LOOKS, "--add-ca", authority.certificate,
                "--ip", "127.0.0.1", "--jsonfile", report, f"https://localhost:{running.port}/", timeout=PATIENCE, cwd=tmp_path)
    findings = json.loads(report.read_text())
    assert {"TLS1_2", "TLS1_3", "cipher_order", "heartbleed", "ROBOT", "HSTS_time"} <= {each["id"] for each in findings}, ended.stdout
    bad = [f"{each['severity']} {each['id']}: {each['finding']}" for each in findings
           if each["severity"] not in HARMLESS and (each["severity"], each["id"]) not in {("WARN", name) for name in UNKNOWN}]
    assert not bad, "\n".join(bad)


def test_sslscan_finds_only_strong_ciphers(running, tmp_path):
    report = tmp_path / "report.xml"
    ended = run("sslscan", "--no-colour", f"--xml={report}", "--sni-name=localhost", f"127.0.0.1:{running.port}", timeout=PATIENCE)
    tree = ElementTree.parse(report).getroot()
    spoken = {(each.get("type"), each.get("version")) for each in tree.iter("protocol") if each.get("enabled") == "1"}
    assert spoken == {("tls", "1.2"), ("tls", "1.3")}, ended.stdout
    ciphers = {each.get("cipher"): each.get("strength") for each in tree.iter("cipher")}
    assert len(ciphers) >= 9 and set(ciphers.values()) <= {"strong", "acceptable"}, ciphers
    assert all(re.match("TLS_|ECDHE-(ECDSA|RSA)-(AES[0-9]+-GCM|CHACHA20)", cipher) for cipher in ciphers), ciphers
    # What it has not found it leaves out.
    for name, attribute in (("compression", "supported"), ("heartbleed", "vulnerable"), ("renegotiation", "supported")):
        assert {each.get(attribute) for each in tree.iter(name)} <= {"0"}, ended.stdout


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("kind", ["ECDSA+SHA256", "RSA-PSS+SHA256"])
@pytest.mark.parametrize("group", ["X25519:P-256", "P-256"])
@pytest.mark.parametrize("protocol", ["http/1.1", None])
def test_openssl_agrees_on_what_it_offers(running, authority, version, kind, group, protocol):
    alpn = ["-alpn", protocol] if protocol else []
    said = run("openssl", "s_client", "-connect", f"127.0.0.1:{running.port}", "-servername", "localhost", "-CAfile",
               authority.certificate, "-verify_return_error", "-verify_hostname", "localhost", version, "-sigalgs", kind, "-groups", group, *alpn).stdout
    assert "Verify return code: 0 (ok)" in said and "Verified peername: localhost" in said, said
    assert ("ALPN protocol: http/1.1" if protocol else "No ALPN negotiated") in said


@pytest.mark.parametrize("options", [[], ["--tlsv1.3"], ["--tls-max", "1.2"], ["--http1.1"], ["--http2"], ["--no-alpn"],
                                     ["--http1.0"]], ids=" ".join)
def test_curl_gets_the_page(running, authority, options):
    got = run("curl", "-s", "--cacert", authority.certificate, *options, f"https://localhost:{running.port}/")
    assert got.stdout == PAGE, got


@pytest.mark.parametrize("host, status", [("old", 60), ("wrong", 60), ("members", None)])
def test_curl_refuses_and_is_refused(running, authority, host, status):
    name = f"{host}.localhost"
    got = run("curl", "-sS", "--cacert", authority.certificate, "--resolve", f"{name}:{running.port}:127.0.0.1",
              f"https://{name}:{running.port}/")
    assert got.returncode == status or (status is None and got.returncode in (35, 56)), got
    assert PAGE not in got.stdout


def test_curl_is_let_in_with_its_certificate(running, authority):
    pair = authority.issue("scanned-client", purpose=certificates.OF_CLIENTS)
    name = "members.localhost"
    got = run("curl", "-sS", "--cacert", authority.certificate, "--cert", pair.certificate, "--key", pair.key, "--resolve",
              f"{name}:{running.port}:127.0.0.1", f"https://{name}:{running.port}/")
    assert got.stdout == PAGE, got


def test_curl_follows_to_https(running, authority):
    got = run("curl", "-sSL", "--cacert", authority.certificate, "-w", "%{url_effective}", f"http://localhost:{running.ports[1]}/")
    assert got.stdout == f"{PAGE}https://localhost:{running.port}/"


def test_curl_remembers_to_use_https(running, authority, tmp_path):
    more = ["--hsts", tmp_path / "hsts", "--connect-to", f"localhost:443:127.0.0.1:{running.port}", "--cacert", authority.certificate]
    assert run("curl", "-sS", *more, f"https://localhost:{running.port}/").stdout == PAGE
    assert "localhost" in (tmp_path / "hsts").read_text()
    assert run("curl", "-sS", *more, "http://localhost/").stdout == PAGE
