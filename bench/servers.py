# SPDX-License-Identifier: MIT
"""The servers: how each is installed, configured at its best with one worker, and started."""

import contextlib
import http.client
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from process import Child
from workloads import Workload

# Servers that Debian puts where only root's PATH looks.
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
START_SECONDS = 10


class Failure(Exception):
    """A server or a measurement that cannot be used, and why."""


@dataclass(frozen=True)
class Place:
    """Where one server runs for one workload."""

    workload: Workload
    root: Path  # the documents
    home: Path  # the server's own directory
    port: int
    upstream: str = ""  # "HOST:PORT", or the path of a socket

    @property
    def certificate(self) -> Path:
        return self.root.with_name("tls.pem")

    @property
    def key(self) -> Path:
        return self.root.with_name("tls.key")

    def write(self, name: str, text: str) -> str:
        path = self.home / name
        path.write_text(text)
        return str(path)


@dataclass(frozen=True)
class Server:
    name: str
    program: str
    package: str  # "": ours, built here
    command: Callable[[str, Place], list[str]]  # writes the configuration too
    version: tuple[str, ...] = ()
    ready: str = ""  # what its output says when it is; none: it accepts
    codes: bool = True  # can apply content codings
    sources: tuple[str, ...] = ("file",)  # as Workload.source
    encrypts: bool = False
    parts: dict[str, str] = field(default_factory=dict)  # further files, and their packages

    def can(self, workload: Workload) -> bool:
        return workload.source in self.sources and (self.codes or not workload.coding) and \
            (self.encrypts or not workload.tls)


def uvhttpd(program: str, place: Place) -> list[str]:
    pool = 'keep_alive = 64\nkeep_alive_timeout = "60s"'
    route = {
        "file": "",
        "proxy": f'handler = "proxy"\nupstream = "http://{place.upstream}"\n{pool}',
        "fastcgi": f'handler = "fastcgi"\nupstream = "unix:{place.upstream}"\nsplit = ""\n{pool}',
        "cgi": 'handler = "cgi"',
    }[place.workload.source]
    tls = f"""[site.tls]
certificate = "{place.certificate}"
key = "{place.key}"
min_version = "1.3"
"""
    config = place.write("uvhttpd.toml", f"""
[server]
workers = 1
log_level = "warn"
{'sandbox = "off"' if place.workload.name == "cgi" else ""}
[limits]
requests_per_connection = 0
[access_log]
path = "off"
[[listener]]
address = "127.0.0.1:{place.port}"
{"tls = true" if place.workload.tls else ""}
[[site]]
root = "{place.root}"
{tls if place.workload.tls else ""}
""" + (f"""[[site.route]]
path = "/*"
{route}
""" if route else ""))
    return [program, "-c", config]


def nginx(program: str, place: Place, tuned: bool = False) -> list[str]:
    """The reference of all bars: open_file_cache, sendfile, tcp_nopush.

    `tuned` is further than the bars were set against: short connections cost a quarter less when
    they are accepted only once their request is there, and so does a cached 404.
    """
    listen = "backlog=4096 deferred" if tuned else "backlog=4096"
    tls = ""
    if place.workload.tls:
        listen += " ssl"
        tls = f"""
    ssl_certificate {place.certificate};
    ssl_certificate_key {place.key};
    ssl_protocols TLSv1.3;"""
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = "\n".join(f"  {kind}_temp_path {place.home}/{kind};"
                          for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    # How many requests a connection upstream may take is a limit of its own.
    behind = (f"upstream behind {{ server {{}}{place.upstream}; keepalive 64;"
              " keepalive_requests 1000000000; }")
    upstream, location = {
        "file": ("", ""),
        "proxy": (behind.replace("{}", ""), """
    location / {
      proxy_pass http://behind;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }"""),
        "fastcgi": (behind.replace("{}", "unix:"), """
    location / {
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
      fastcgi_pass behind;
      fastcgi_keep_conn on;
    }"""),
    }[place.workload.source]
    config = place.write("nginx.conf", f"""
{user}
daemon off;
worker_processes 1;
pid {place.home}/nginx.pid;
events {{ worker_connections 8192; use epoll; }}
http {{
{temporary}
  types {{ text/html html; }}
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  open_file_cache max=1000 inactive=10m;
  open_file_cache_valid 60s;
  open_file_cache_errors {'on' if tuned else 'off'};
  gzip {'on' if place.workload.coding else 'off'};
  {upstream}
  server {{
    listen 127.0.0.1:{place.port} {listen};
    root {place.root};
    log_not_found off;{tls}{location}
  }}
}}
""")
    return [program, "-p", str(place.home), "-e", "stderr", "-c", config]


def lighttpd(program: str, place: Place) -> list[str]:
    # To those behind it has a connection for each request; there is no other way.
    host, _, port = place.upstream.rpartition(":")
    source = {
        "file": "",
        "proxy": f"""server.modules += ( "mod_proxy" )
proxy.server = ( "" => (( "host" => "{host}", "port" => {port} )) )""",
        "fastcgi": f"""server.modules += ( "mod_fastcgi" )
fastcgi.server = ( "/" => (( "socket" => "{place.upstream}", "check-local" => "disable" )) )""",
        "cgi": """server.modules += ( "mod_cgi" )
cgi.assign = ( "" => "" )""",
    }[place.workload.source]
    tls = f"""server.modules += ( "mod_openssl" )
ssl.engine = "enable"
ssl.pemfile = "{place.certificate}"
ssl.privkey = "{place.key}"
ssl.openssl.ssl-conf-cmd = ( "MinProtocol" => "TLSv1.3" )""" if place.workload.tls else ""
    config = place.write("lighttpd.conf", f"""
server.document-root = "{place.root}"
server.bind = "127.0.0.1"
server.port = {place.port}
server.listen-backlog = 4096
server.event-handler = "linux-sysepoll"
server.network-backend = "sendfile"
server.max-fds = 16384
server.max-connections = 8192
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 75
mimetype.assign = ( ".html" => "text/html" )
{source}
{tls}
""")
    return [program, "-D", "-f", config]


def floor(program: str, place: Place, by_sendfile: bool = False) -> list[str]:
    workload = place.workload
    command = [program, "-p", str(place.port)]
    if workload.status == 200:
        command += ["-f", str(place.root / workload.document)]
    else:
        command += ["-S", f"{workload.status} {http.client.responses[workload.status]}"]
    return command + ["-c"] * workload.closes + ["-s"] * by_sendfile


def h2o(program: str, place: Place) -> list[str]:
    user = "user: root" if os.geteuid() == 0 else ""
    source = {
        "file": f"file.dir: {place.root}",
        "proxy": f'proxy.reverse.url: "http://{place.upstream}/"\n        '
                 "proxy.timeout.keepalive: 60000",
        "fastcgi": f'fastcgi.connect: {{ port: "{place.upstream}", type: unix }}\n        '
                   "fastcgi.timeout.keepalive: 60000",
    }[place.workload.source]
    tls = f"""
  ssl:
    certificate-file: {place.certificate}
    key-file: {place.key}
    minimum-version: TLSv1.3""" if place.workload.tls else ""
    config = place.write("h2o.conf", f"""
{user}
num-threads: 1
max-connections: 8192
http1-request-timeout: 75
listen:
  host: 127.0.0.1
  port: {place.port}{tls}
compress: {'[gzip]' if place.workload.coding else 'OFF'}
hosts:
  default:
    paths:
      /:
        {source}
""")
    return [program, "-m", "worker", "-c", config]


def caddy(program: str, place: Place) -> list[str]:
    source = {
        "file": "file_server",
        "proxy": f"reverse_proxy {place.upstream} {{\n    transport http {{\n"
                 "      keepalive 60s\n      keepalive_idle_conns_per_host 64\n    }\n  }",
        "fastcgi": f"reverse_proxy unix/{place.upstream} {{\n    transport fastcgi\n  }}",
    }[place.workload.source]
    scheme, tls = "http", ""
    if place.workload.tls:
        scheme = "https"
        tls = f"tls {place.certificate} {place.key} {{\n    protocols tls1.3\n  }}"
    config = place.write("Caddyfile", f"""{{
  admin off
  auto_https off
}}
{scheme}://127.0.0.1:{place.port} {{
  bind 127.0.0.1
  {tls}
  root * {place.root}
  {'encode gzip' if place.workload.coding else ''}
  {source}
}}
""")
    return ["env", "GOMAXPROCS=1", f"XDG_CONFIG_HOME={place.home}", f"XDG_DATA_HOME={place.home}",
            program, "run", "--adapter", "caddyfile", "--config", config]


def apache(program: str, place: Place) -> list[str]:
    user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
    modules = "/usr/lib/apache2/modules"
    threads = 128  # with none left it closes connections that are idle
    source = {
        "file": "",
        "proxy": f"""
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_http_module {modules}/mod_proxy_http.so
ProxyPass / http://{place.upstream}/ max=64""",
        "fastcgi": f"""
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_fcgi_module {modules}/mod_proxy_fcgi.so
LoadModule env_module {modules}/mod_env.so
SetEnv ap_trust_cgilike_cl yes
ProxyPass / unix:{place.upstream}|fcgi://localhost{place.root}/ enablereuse=on max=64""",
        "cgi": f"""
LoadModule cgid_module {modules}/mod_cgid.so
ScriptSock {place.home}/cgid.sock
<Directory {place.root}/cgi-bin>
  Options ExecCGI
  SetHandler cgi-script
</Directory>""",
    }[place.workload.source]
    config = place.write("apache.conf", f"""
ServerRoot {place.home}
ServerName localhost
PidFile {place.home}/apache.pid
DefaultRuntimeDir {place.home}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule mime_module {modules}/mod_mime.so
{user}
TypesConfig /etc/mime.types
Listen 127.0.0.1:{place.port}
ListenBacklog 4096
ErrorLog /dev/stderr
StartServers 1
ServerLimit 1
ThreadLimit {threads}
ThreadsPerChild {threads}
MaxRequestWorkers {threads}
AsyncRequestWorkerFactor 100
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 75
EnableMMAP On
EnableSendfile On
DocumentRoot {place.root}
<Directory {place.root}>
  Require all granted
  AllowOverride None
</Directory>{source}
""")
    return [program, "-D", "FOREGROUND", "-f", config]


def haproxy(program: str, place: Place) -> list[str]:
    config = place.write("haproxy.cfg", f"""
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 3s
  timeout client 75s
  timeout server 75s
  http-reuse always
frontend clients
  bind 127.0.0.1:{place.port} backlog 4096
  default_backend behind
backend behind
  server one {place.upstream} pool-max-conn 64
""")
    return [program, "-db", "-f", config]


FORWARDS = ("file", "proxy", "fastcgi")
SERVERS = {
    server.name: server
    for server in (
        Server("uvhttpd", "", "", uvhttpd, ("--version",), ready="uvhttpd: listening on",
               sources=(*FORWARDS, "cgi"), encrypts=True),
        Server("nginx", "nginx", "nginx", nginx, ("-v",), sources=FORWARDS, encrypts=True),
        Server("nginx-tuned", "nginx", "nginx",
               lambda program, place: nginx(program, place, tuned=True), ("-v",), encrypts=True),
        # Its coders and its encryption are in packages of their own.
        Server("lighttpd", "lighttpd", "lighttpd", lighttpd, ("-v",), codes=False,
               sources=(*FORWARDS, "cgi"), encrypts=True,
               parts={"/usr/lib/lighttpd/mod_openssl.so": "lighttpd-mod-openssl"}),
        Server("floor", "", "", floor, codes=False),
        Server("floor-sendfile", "", "", lambda program, place: floor(program, place, True),
               codes=False),
        Server("haproxy", "haproxy", "haproxy", haproxy, ("-v",), codes=False, sources=("proxy",)),
        Server("h2o", "h2o", "h2o", h2o, ("-v",), sources=FORWARDS, encrypts=True),
        Server("caddy", "caddy", "caddy", caddy, ("version",), sources=FORWARDS, encrypts=True),
        Server("apache2", "apache2", "apache2", apache, ("-v",), sources=(*FORWARDS, "cgi")),
    )
}
DEFAULT = ("uvhttpd", "nginx", "lighttpd", "haproxy", "floor")


def program_of(server: Server, built: dict[str, str]) -> str:
    """Where the server's program is; `built` names those made here."""
    found = built.get(server.name) or shutil.which(server.program, path=PATH)
    if not found:
        raise Failure(f"{server.name} is not installed")
    return found


def version_of(server: Server, program: str) -> str:
    if not server.version:
        return "bench/floor.c"
    said = subprocess.run([program, *server.version], stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    return (said.strip().splitlines() or ["?"])[0]


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as probes:
        sockets = [probes.enter_context(socket.socket()) for _ in range(count)]
        for probe in sockets:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in sockets]


def wait_until_ready(server: Server, child: Child, port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and not child.has_ended():
        if server.ready in child.log.read_text(errors="replace"):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
        time.sleep(0.01)
    said = child.log.read_text(errors="replace").strip()[-500:]
    raise Failure(f"{server.name} does not start: {said or 'no message'}")


def start(server: Server, program: str, place: Place, cpu: int) -> Child:
    """Starts the server without waiting for it. The caller stops it."""
    return Child(server.command(program, place), place.home / "log", cpu)


@contextlib.contextmanager
def running(server: Server, program: str, place: Place, cpu: int) -> Iterator[Child]:
    """The server, ready for requests, until the block ends."""
    child = start(server, program, place, cpu)
    try:
        wait_until_ready(server, child, place.port)
        yield child
    finally:
        child.stop()
