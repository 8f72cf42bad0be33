# SPDX-License-Identifier: MIT
"""docs/tls.md: certbot and lego obtain certificates from pebble, as the page says how, and renew them."""
import json
import ssl
import urllib.request

import pytest

import certificates
import tls
import wire
from pages import ROOT, Place, sections_of

SECTIONS = {section.title: section for section in sections_of((ROOT / "docs/tls.md").read_text(encoding="utf-8"))}
DOMAIN = "example.org"
PLAIN, ENCRYPTED = "8080", "8443"  # of pages.SHOWN_PORTS
GROUP = "daemon"
WRAPPER = """#!/bin/sh
{environment} exec /usr/bin/{program} {options} "$@"
"""


class Authority:
    """Pebble, and the name server that it asks, which says that all names are ours."""

    def __init__(self, programs, authority, localhost, http_port):
        directory, names, management = programs.port(), programs.port(), programs.port()
        self.directory = "https://localhost:%d/dir" % directory[1]
        self.roots = "https://localhost:%d/roots/0" % management[1]
        self.ca = authority.certificate
        tmp = programs.tmp
        settings = {"listenAddress": "127.0.0.1:%d" % directory[1], "managementListenAddress": "127.0.0.1:%d" % management[1],
                    "certificate": str(localhost.certificate), "privateKey": str(localhost.key),
                    "httpPort": http_port, "tlsPort": 1, "ocspResponderURL": "", "externalAccountBindingRequired": False}
        (tmp / "pebble.json").write_text(json.dumps({"pebble": settings}))
        programs.start("names", ["pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01",
                                 "127.0.0.1:%d" % names[1], "-http01", "", "-https01", "", "-tlsalpn01", "", "-management", ""], names)
        programs.start("pebble", ["pebble", "-config", tmp / "pebble.json", "-dnsserver", "127.0.0.1:%d" % names[1]], directory,
                       env={"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"})

    def root(self):
        """The certificate that those it issues lead to; it is made when pebble starts."""
        with urllib.request.urlopen(self.roots, context=ssl.create_default_context(cafile=self.ca)) as answer:
            return answer.read()


class PlaceOnTheNet(Place):
    """Here the page's ports 80 and 443, its /etc and its group are."""

    def here(self, text):
        ports = {f'"[::]:{shown}"': f'"127.0.0.1:{self.ports[ours]}"' for shown, ours in (("80", PLAIN), ("443", ENCRYPTED))}
        for shown, ours in {**ports, "/etc/le": f"{self.tmp}/etc/le", "chgrp uvhttpd": f"chgrp {GROUP}"}.items():
            text = text.replace(shown, ours)
        return super().here(text)

    def run_toml(self, block):
        self.serve(text=self.here(block.text))

    def shown(self, text):
        text = text.replace(f"{DOMAIN}:{self.ports[ENCRYPTED]}/", f"{DOMAIN}/").replace(f"{self.tmp}/etc/", "/etc/")
        return super().shown(text)

    def put_programs(self, pebble):
        """Those that the page runs, and where they find the authority and the server."""
        etc = self.tmp / "etc"
        etc.mkdir()
        for program, environment, options in (
                ("certbot", f"REQUESTS_CA_BUNDLE={pebble.ca}", f"--server {pebble.directory} --config-dir {etc}/letsencrypt "
                 f"--work-dir {self.tmp}/work --logs-dir {self.tmp}/logs --no-random-sleep-on-renew"),
                ("lego", f"LEGO_CA_CERTIFICATES={pebble.ca}", f"--server {pebble.directory}")):
            (self.programs / program).write_text(WRAPPER.format(program=program, environment=environment, options=options))
            (self.programs / program).chmod(0o755)
        (self.tmp / "root.pem").write_bytes(pebble.root())
        (self.tmp / ".curlrc").write_text(f'cacert = "{self.tmp}/root.pem"\n' + "".join(
            f'connect-to = "{DOMAIN}:{shown}:127.0.0.1:{self.ports[ours]}"\n'
            for shown, ours in (("80", PLAIN), ("443", ENCRYPTED))))


@pytest.mark.parametrize("title, certificate, key", [
    ("Certbot", f"etc/letsencrypt/live/{DOMAIN}/fullchain.pem", f"etc/letsencrypt/live/{DOMAIN}/privkey.pem"),
    ("lego", f"etc/lego/certificates/{DOMAIN}.crt", f"etc/lego/certificates/{DOMAIN}.key")])
def test_the_page_leads_to_a_certificate_that_is_renewed(programs, server, authority, localhost, tmp_path, title, certificate, key):
    section, certificate, key = SECTIONS[title], tmp_path / certificate, tmp_path / key
    with PlaceOnTheNet(tmp_path, server) as place:
        pebble = Authority(programs, authority, localhost, int(place.ports[PLAIN]))
        place.put_programs(pebble)
        address = ("127.0.0.1", int(place.ports[ENCRYPTED]))
        context = ssl.create_default_context(cafile=tmp_path / "root.pem")
        for block in section.blocks[:-1]:
            place.run(block)
        before = certificates.fingerprint(certificate)
        with tls.Client(address, context, DOMAIN) as waits:
            assert waits.fingerprint == before
            place.run(section.blocks[-1])  # renews
            after = certificates.fingerprint(certificate)
            assert after != before
            assert key.group() == GROUP and key.stat().st_mode & 0o777 == 0o640

            def is_renewed():
                with tls.Client(address, context, DOMAIN) as client:
                    return client.request("/").body == b"a page\n" and client.fingerprint == after
            wire.wait_until(is_renewed, "the new certificate")
            assert waits.request("/").body == b"a page\n"
