# SPDX-License-Identifier: MIT
"""TLS in a browser, which believes the authority of the tests."""
import base64
import os
import re
import shutil
import subprocess

import certificates
from programs import HERE, free_port
from sites import ECHO, put, site

BROWSER_SECONDS = 120
PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
PAGE = '<!doctype html><html lang="en"><title>A page</title><link rel="icon" href="/a.gif"><h1>Encrypted</h1><img src="/a.gif" alt="">'
FORM = '<!doctype html><form method="post" action="{action}"><input name="word" value="hello"><button>Send</button></form>'
PAGE_OF_TEXT = ECHO.replace("application/octet-stream", "text/plain")

START = """
[[listener]]
address = "127.0.0.1:{secure}"
tls = true
[[listener]]
address = "127.0.0.1:{plain}"
[[site]]
hosts = ["open.test"]
root = "www"
"""
SITE = """
[[site]]
hosts = ["{host}"]
root = "www"
tls = {{ {pair}{more} }}
redirect_https = true
[[site.route]]
path = "/cgi-bin/*"
handler = "cgi"
root = "cgi-bin"
"""


def sites_of(tmp_path, authority):
    """The hosts, each with its certificate and further keys."""
    other = certificates.Authority(tmp_path / "other", "Unknown authority")
    below = certificates.Authority(tmp_path / "below", "Issuing authority", authority)
    client_ca = f', client_ca = "{other.certificate}"'
    return {
        "good.test": (authority.issue("good", ["good.test"]), ""),
        "rsa.test": (authority.issue("rsa-only", ["rsa.test"], kind="rsa"), ""),
        "*.wild.test": (authority.issue("wild", ["*.wild.test"]), ""),
        "chain.test": (below.issue("chain", ["chain.test"]), ""),
        "strict.test": (authority.issue("strict", ["strict.test"]), ', hsts = "max-age=600"'),
        "old.test": (authority.issue("old", ["old.test"], days=(-30, -2)), ""),
        "early.test": (authority.issue("early", ["early.test"], days=(2, 30)), ""),
        "wrong.test": (authority.issue("wrong", ["right.test"]), ""),
        "unknown.test": (other.issue("unknown", ["unknown.test"]), ""),
        "members.test": (authority.issue("members", ["members.test"]), client_ca),
        "guests.test": (authority.issue("guests", ["guests.test"]), client_ca + ', client_certificate = "optional"'),
    }


def make_believe(home, authority):
    """Puts the authority where Chromium looks for those that its user believes."""
    store = home / ".pki" / "nssdb"
    store.mkdir(parents=True)
    for command in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "authority", "-i", authority.certificate]):
        subprocess.run(["certutil", "-d", f"sql:{store}", *command], check=True, stdin=subprocess.DEVNULL)


def test_somebody_visits_sites_in_a_browser(server, tmp_path, authority):
    modules = os.environ.get("UVHTTPD_BROWSER_MODULES")
    assert modules, "UVHTTPD_BROWSER_MODULES does not say where playwright-core is installed"
    screenshots = os.environ.get("UVHTTPD_SCREENSHOTS", tmp_path / "screenshots")
    make_believe(tmp_path, authority)
    root = site(tmp_path, {"index.html": PAGE, "page.html": PAGE, "a.txt": "the file a", "a.gif": PIXEL})
    put(tmp_path / "cgi-bin" / "echo", PAGE_OF_TEXT)
    running = server(START.format(secure=free_port(), plain=free_port()) + "".join(SITE.format(host=host, pair=pair, more=more)
                                     for host, (pair, more) in sites_of(tmp_path, authority).items()), listeners=2)
    put(root / "form.html", FORM.format(action=f"http://good.test:{running.ports[1]}/cgi-bin/echo"))
    # The scripts find their library beside themselves.
    for script in (HERE / "tls.test.mjs", HERE.parent / "browser" / "harness.mjs"):
        shutil.copy(script, tmp_path)
    (tmp_path / "node_modules").symlink_to(modules)
    result = subprocess.run(["node", tmp_path / "tls.test.mjs", str(running.port), str(running.ports[1]), screenshots], text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=BROWSER_SECONDS,
                            check=False, env={**os.environ, "HOME": str(tmp_path)})
    assert result.returncode == 0, result.stdout
    assert re.search(r"^[1-9][0-9]* passed, 0 failed$", result.stdout, re.MULTILINE), result.stdout
