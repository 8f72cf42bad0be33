# SPDX-License-Identifier: MIT
"""The servers as they come: the configuration of the Debian package, with only the port, the root
and the logs changed, and a certificate where the attack is on TLS."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from servers import Failure, Place, Server


@dataclass(frozen=True)
class Defence(Place):
    certificate: str = ""  # PEM files; empty: plain HTTP
    key: str = ""


def changed(path: str, changes: dict[str, str]) -> str:
    """The file with each line that begins with a key replaced. A key without a line is a fault."""
    text = Path(path).read_text()
    for beginning, line in changes.items():
        text, count = re.subn(rf"(?m)^[ \t]*{re.escape(beginning)}.*$", lambda _: line, text)
        if not count:
            raise Failure(f"{path}: no line begins with {beginning!r}")
    return text


def as_service(command: list[str]) -> list[str]:
    """With the soft limit of open files that systemd gives a service."""
    return ["prlimit", "--nofile=1024:", *command]


def uvhttpd(program: str, place: Place, limits: str = "", site: str = "") -> list[str]:
    assert isinstance(place, Defence)
    tls = f'tls = {{ certificate = "{place.certificate}", key = "{place.key}" }}'
    config = place.write("uvhttpd.toml", f"""
{limits}
[access_log]
path = "off"
[[listener]]
address = "127.0.0.1:{place.port}"
{'tls = true' if place.certificate else ''}
[[site]]
root = "{place.root}"
{tls if place.certificate else ''}
{site}
""")
    return as_service([program, "-c", config])


def uvhttpd_limited(program: str, place: Place) -> list[str]:
    """With what an operator sets against single addresses."""
    return uvhttpd(program, place, "[limits]\nconnections_per_ip = 64",
                   'rate_limit = { requests = 1000, per = "1s", burst = 1000 }')


def nginx(program: str, place: Place) -> list[str]:
    assert isinstance(place, Defence)
    temporary = "\n".join(f"{kind}_temp_path {place.home}/{kind};"
                          for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    tls = f"ssl_certificate {place.certificate}; ssl_certificate_key {place.key};"
    config = place.write("nginx.conf", changed("/etc/nginx/nginx.conf", {
        "pid ": f"pid {place.home}/nginx.pid;",
        **({} if os.geteuid() == 0 else {"user ": ""}),
        "error_log ": "error_log /dev/null;",
        "access_log ": f"access_log off;\n{temporary}",
        "include /etc/nginx/sites-enabled/": f"""
  server {{
    listen 127.0.0.1:{place.port} {'ssl' if place.certificate else ''} default_server;
    {tls if place.certificate else ''}
    root {place.root};
    index index.html index.htm index.nginx-debian.html;
    server_name _;
    location / {{
      try_files $uri $uri/ =404;
    }}
  }}""",
    }))
    return as_service([program, "-e", "stderr", "-g", "daemon off;", "-c", config])


def lighttpd(program: str, place: Place) -> list[str]:
    assert isinstance(place, Defence)
    uploads = place.home / "uploads"
    uploads.mkdir(exist_ok=True)
    uploads.chmod(0o777)
    own = {"server.username": "", "server.groupname": ""} if os.geteuid() else {}
    config = place.write("lighttpd.conf", changed("/etc/lighttpd/lighttpd.conf", {
        "server.document-root": f'server.document-root = "{place.root}"',
        "server.upload-dirs": f'server.upload-dirs = ( "{uploads}" )',
        "server.errorlog": 'server.errorlog = "/dev/null"',
        "server.pid-file": f'server.pid-file = "{place.home}/lighttpd.pid"',
        "server.port": f'server.port = {place.port}\nserver.bind = "127.0.0.1"',
        'include_shell "/usr/share/lighttpd/use-ipv6.pl': "",
        **own,
    }) + (f"""
server.modules += ( "mod_openssl" )
ssl.engine = "enable"
ssl.pemfile = "{place.certificate}"
ssl.privkey = "{place.key}"
""" if place.certificate else ""))
    return as_service([program, "-D", "-f", config])


def caddy(program: str, place: Place) -> list[str]:
    assert isinstance(place, Defence)
    scheme = "https" if place.certificate else "http"
    tls = f"tls {place.certificate} {place.key}" if place.certificate else ""
    options = "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n"
    config = place.write("Caddyfile", options + changed("/etc/caddy/Caddyfile", {
        ":80 {": f"{scheme}://localhost:{place.port} {{\n\tbind 127.0.0.1\n\t{tls}",
        "root ": f"\troot * {place.root}",
    }))
    return as_service(["env", f"XDG_CONFIG_HOME={place.home}", f"XDG_DATA_HOME={place.home}",
                       program, "run", "--adapter", "caddyfile", "--config", config])


SERVERS = {
    server.name: server
    for server in (
        Server("uvhttpd", "", "", uvhttpd, ("--version",), ready="uvhttpd: listening on"),
        Server("uvhttpd-limited", "", "", uvhttpd_limited, ("--version",),
               ready="uvhttpd: listening on"),
        Server("nginx", "nginx", "nginx", nginx, ("-v",)),
        Server("lighttpd", "lighttpd", "lighttpd", lighttpd, ("-v",)),
        Server("caddy", "caddy", "caddy", caddy, ("version",)),
    )
}
DEFAULT = ("uvhttpd", "nginx", "lighttpd", "caddy")
OURS = ("uvhttpd", "uvhttpd-limited")


def make_certificate(directory: Path) -> tuple[str, str]:
    """A certificate for localhost that signs itself, and its key."""
    certificate, key = str(directory / "certificate.pem"), str(directory / "key.pem")
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if made.returncode:
        raise Failure(f"openssl makes no certificate: {made.stderr.strip()[-300:]}")
    return certificate, key
