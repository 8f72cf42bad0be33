# SPDX-License-Identifier: MIT
"""TLS: certificates that change while the server runs."""
import os
import re
import resource
import shutil

import pytest

import certificates
import tls
import wire
from pages import free_ports
from sites import put, replace, site

SIZE = 32 << 20

CONFIG = """
[server]
workers = {workers}
[[listener]]
address = "127.0.0.1:0"
tls = true
[[site]]
root = "www"
tls = {{ certificate = "{directory}/fullchain.pem", key = "{directory}/privkey.pem" }}
"""


@pytest.fixture(scope="module")
def pairs(authority):
    """Certificates for localhost, the one newer than the other, and one with a key of another kind."""
    kinds = {"old": "ec", "new": "ec", "rsa": "rsa"}
    return {name: authority.issue(name, ["localhost"], kind=kind) for name, kind in kinds.items()}


@pytest.fixture
def serve(server, tmp_path):
    """serve() starts a server that has its certificate in tmp_path."""
    site(tmp_path, {"a.txt": "the file a"})
    (tmp_path / "www" / "large.bin").write_bytes(os.urandom(1 << 20) * (SIZE >> 20))

    def start(directory="live", workers=1):
        return server(CONFIG.format(directory=directory, workers=workers))
    return start


@pytest.fixture
def trusting(authority):
    return tls.trusting(authority)


def install(pair, directory):
    """As programs do that renew certificates: one file, then the other."""
    directory.mkdir(parents=True, exist_ok=True)
    for source, name in ((pair.certificate, "fullchain.pem"), (pair.key, "privkey.pem")):
        replace(directory / name, source.read_bytes())


def shown(running, trusting):
    """The certificate of a new connection."""
    with tls.Client(running.address, trusting) as client:
        assert client.request("/a.txt").body == b"the file a"
        return client.fingerprint


def wait_for(running, trusting, pair):
    wire.wait_until(lambda: shown(running, trusting) == certificates.fingerprint(pair.certificate), "the new certificate")


@pytest.mark.parametrize("kind", ["new", "rsa"])
def test_hup_brings_the_new_certificate_and_drops_nothing(serve, trusting, pairs, tmp_path, kind):
    install(pairs["old"], tmp_path / "live")
    running = serve(workers=2)
    with tls.Client(running.address, trusting, receive_buffer=64 << 10) as downloads, \
            tls.Client(running.address, trusting) as waits:
        downloads.send(wire.request("/large.bin"))
        downloads.read_until(b"\r\n\r\n")
        assert waits.request("/a.txt").status == 200
        install(pairs[kind], tmp_path / "live")
        assert running.reload() == "Reloaded"
        assert shown(running, trusting) == certificates.fingerprint(pairs[kind].certificate)
        assert downloads.read(SIZE) == (tmp_path / "www" / "large.bin").read_bytes()
        assert waits.request("/a.txt").body == b"the file a"


def test_new_files_are_noticed(serve, trusting, pairs, tmp_path):
    install(pairs["old"], tmp_path / "live")
    running = serve()
    with tls.Client(running.address, trusting) as waits:
        assert waits.request("/a.txt").status == 200
        install(pairs["new"], tmp_path / "live")
        wait_for(running, trusting, pairs["new"])
        assert waits.request("/a.txt").body == b"the file a"


def test_files_written_in_place_are_noticed(serve, trusting, pairs, tmp_path):
    install(pairs["old"], tmp_path / "live")
    running = serve()
    shutil.copyfile(pairs["new"].certificate, tmp_path / "live" / "fullchain.pem")
    shutil.copyfile(pairs["new"].key, tmp_path / "live" / "privkey.pem")
    wait_for(running, trusting, pairs["new"])


def test_links_that_lead_to_new_files_are_noticed(serve, trusting, pairs, tmp_path):
    archive, live = tmp_path / "archive" / "localhost", tmp_path / "live" / "localhost"
    live.mkdir(parents=True)
    install(pairs["old"], archive / "1")
    install(pairs["new"], archive / "2")

    def link(number):
        for name in ("fullchain.pem", "privkey.pem"):
            (live / "next").symlink_to(f"../../archive/localhost/{number}/{name}")
            (live / "next").replace(live / name)

    link(1)
    running = serve("live/localhost")
    assert shown(running, trusting) == certificates.fingerprint(pairs["old"].certificate)
    link(2)
    wait_for(running, trusting, pairs["new"])


def test_a_link_that_leads_to_another_directory_is_noticed(server, trusting, pairs, tmp_path):
    for name in ("old", "new"):
        install(pairs[name], tmp_path / "keys" / name)
    link = tmp_path / "links" / "current"
    link.parent.mkdir()
    link.symlink_to("../keys/old")
    # Below /tmp, which the server reads while request bodies are kept there, all of this is.
    (tmp_path / "spool").mkdir()
    (tmp_path / "etc").mkdir()
    put(tmp_path / "etc/uvhttpd.toml", CONFIG.format(directory=tmp_path / "links/current", workers=1)
        .replace('root = "www"', f'root = "{tmp_path}/www/public"'))
    put(tmp_path / "www/public/a.txt", "the file a")
    running = server(arguments=["-c", tmp_path / "etc/uvhttpd.toml"], env={"TMPDIR": str(tmp_path / "spool")})
    assert shown(running, trusting) == certificates.fingerprint(pairs["old"].certificate)
    (link.parent / "next").symlink_to("../keys/new")
    (link.parent / "next").replace(link)
    wait_for(running, trusting, pairs["new"])


@pytest.mark.parametrize("file, content, reason", [
    ("fullchain.pem", b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", r"not a certificate"),
    ("fullchain.pem", b"", r"no certificate"),
    ("privkey.pem", b"-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n", r"not a private key"),
    ("privkey.pem", None, r"No such file"),
    ("privkey.pem", "rsa", r"does not belong"),
], ids=["broken certificate", "empty certificate", "broken key", "no key", "other key"])
def test_hup_with_broken_files_keeps_the_old_ones(serve, trusting, pairs, tmp_path, file, content, reason):
    install(pairs["old"], tmp_path / "live")
    running = serve()
    if content is None:
        (tmp_path / "live" / file).unlink()
    else:
        replace(tmp_path / "live" / file, pairs[content].key.read_bytes() if content == "rsa" else content)
    assert running.reload() == "Reload refused"
    assert re.search(rf"live/{re.escape(file)}.*{reason}", running.log_text()), running.log_text()
    assert shown(running, trusting) == certificates.fingerprint(pairs["old"].certificate)
    install(pairs["new"], tmp_path / "live")
    assert running.reload() == "Reloaded"
    assert shown(running, trusting) == certificates.fingerprint(pairs["new"].certificate)


def test_broken_files_that_are_noticed_keep_the_old_ones_until_they_are_mended(serve, trusting, pairs, tmp_path):
    install(pairs["old"], tmp_path / "live")
    running = serve()
    replace(tmp_path / "live" / "fullchain.pem", b"nothing of use\n")
    running.wait_for_log(r"live/fullchain\.pem.*no certificate")
    assert shown(running, trusting) == certificates.fingerprint(pairs["old"].certificate)
    install(pairs["new"], tmp_path / "live")
    wait_for(running, trusting, pairs["new"])


def test_new_files_are_read_once_there_are_descriptors_again(serve, trusting, pairs, tmp_path):
    install(pairs["old"], tmp_path / "live")
    running = serve()
    assert shown(running, trusting) == certificates.fingerprint(pairs["old"].certificate)
    limits = resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
    install(pairs["new"], tmp_path / "live")
    running.wait_for_log(r"old certificates of the default site stay in use: .*Too many open files")
    resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, limits)
    wait_for(running, trusting, pairs["new"])
    assert len(re.findall("stay in use", running.log_text())) == 1, running.log_text()


def test_a_warning_is_told_again_only_when_it_is_another(server, authority, pairs, tmp_path):
    install(authority.issue("first", ["elsewhere.test"]), tmp_path / "live")
    site(tmp_path, {"a.txt": "the file a"})
    running = server(CONFIG.format(directory="live", workers=1).replace('root =', 'hosts = ["localhost"]\nroot ='))
    warning = r"live/fullchain\.pem.*not for localhost"
    running.wait_for_log(warning)
    install(authority.issue("second", ["elsewhere.test"]), tmp_path / "live")
    running.wait_for_log("certificates read again")
    assert running.reload() == "Reloaded"
    assert len(re.findall(warning, running.log_text())) == 1
    install(pairs["new"], tmp_path / "live")
    running.wait_for_log("certificates read again", times=2)
    install(authority.issue("third", ["elsewhere.test"]), tmp_path / "live")
    running.wait_for_log(warning, times=2)


def test_a_new_certificate_that_has_expired_is_not_taken(serve, trusting, authority, pairs, tmp_path):
    install(pairs["old"], tmp_path / "live")
    running = serve()
    install(authority.issue("late", ["localhost"], days=(-30, -2)), tmp_path / "live")
    running.wait_for_log(r"live/fullchain\.pem.*expired")
    assert running.reload() == "Reload refused"
    assert shown(running, trusting) == certificates.fingerprint(pairs["old"].certificate)
    install(pairs["new"], tmp_path / "live")
    wait_for(running, trusting, pairs["new"])


def shown_to(running, trusting, host):
    with tls.Client(running.address, trusting, name=host) as client:
        return client.fingerprint


@pytest.mark.parametrize("spoilt", ["broken", "late"])
def test_files_of_one_site_hold_no_other_back(server, tmp_path, authority, trusting, spoilt):
    site(tmp_path, {"a.txt": "the file a"})
    hosts = ["b.test", "d.test"]
    old = {host: authority.issue(f"old-{host}", [host]) for host in hosts}
    new = {host: authority.issue(f"new-{host}", [host]) for host in hosts}
    for host in hosts:
        install(old[host], tmp_path / host)
    running = server('[[listener]]\naddress = "127.0.0.1:0"\ntls = true\n' + "".join(
        f'[[site]]\nhosts = ["{host}"]\nroot = "www"\n'
        f'tls = {{ certificate = "{host}/fullchain.pem", key = "{host}/privkey.pem" }}\n' for host in hosts))

    def shows(host, pairs):
        return shown_to(running, trusting, host) == certificates.fingerprint(pairs[host].certificate)

    if spoilt == "broken":
        replace(tmp_path / "b.test" / "privkey.pem", b"nothing of use\n")
    else:
        install(authority.issue("late-b.test", ["b.test"], days=(-30, -2)), tmp_path / "b.test")
    install(new["d.test"], tmp_path / "d.test")
    if spoilt == "broken":
        assert running.reload() == "Reload refused"
    wire.wait_until(lambda: shows("d.test", new), "the new certificate")
    assert shows("b.test", old)
    running.wait_for_log(r"the old certificates of b\.test stay in use: \S+/b\.test/\S+: ")
    running.wait_for_log(r"certificates read again, but for those of b\.test")
    # What was not taken does not come in with the next change of another's.
    install(old["d.test"], tmp_path / "d.test")
    wire.wait_until(lambda: shows("d.test", old), "the old certificate")
    assert shows("b.test", old)
    install(new["b.test"], tmp_path / "b.test")
    wire.wait_until(lambda: shows("b.test", new), "the new certificate")
    assert shows("d.test", old)


def test_hup_adds_and_takes_tls(server, tmp_path, trusting, pairs):
    site(tmp_path, {"a.txt": "the file a"})
    install(pairs["old"], tmp_path / "live")
    secure = CONFIG.format(directory="live", workers=1).replace("127.0.0.1:0", f"127.0.0.1:{free_ports(1)[0]}")
    plain = secure.replace("tls = true", "")
    running = server(plain)
    for _ in range(2):
        assert running.fetch("/a.txt").status == 200
        assert running.reload(secure) == "Reloaded"
        assert tls.fetch(running.address, trusting, "/a.txt").body == b"the file a"
        assert running.reload(plain) == "Reloaded"
