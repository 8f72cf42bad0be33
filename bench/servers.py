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
from dataclasses import dataclass
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


def uvhttpd(program: str, place: Place) -> list[str]:
    config = place.write("uvhttpd.toml", f"""
[server]
workers = 1
log_level = "warn"
[limits]
requests_per_connection = 0
[access_log]
path = "off"
[[listener]]
address = "127.0.0.1:{place.port}"
[[site]]
root = "{place.root}"
""")
    return [program, "-c", config]


def nginx(program: str, place: Place, tuned: bool = False) -> list[str]:
    """The reference of all bars: open_file_cache, sendfile, tcp_nopush.

    `tuned` is further than the bars were set against: short connections cost a quarter less when
    they are accepted only once their request is there, and so does a cached 404.
    """
    listen = "backlog=4096 deferred" if tuned else "backlog=4096"
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = "\n".join(f"  {kind}_temp_path {place.home}/{kind};"
                          for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
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
  server {{
    listen 127.0.0.1:{place.port} {listen};
    root {place.root};
    log_not_found off;
  }}
}}
""")
    return [program, "-p", str(place.home), "-e", "stderr", "-c", config]


def lighttpd(program: str, place: Place) -> list[str]:
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
    config = place.write("h2o.conf", f"""
{user}
num-threads: 1
max-connections: 8192
http1-request-timeout: 75
listen:
  host: 127.0.0.1
  port: {place.port}
compress: {'[gzip]' if place.workload.coding else 'OFF'}
hosts:
  default:
    paths:
      /:
        file.dir: {place.root}
""")
    return [program, "-m", "worker", "-c", config]


def caddy(program: str, place: Place) -> list[str]:
    config = place.write("Caddyfile", f"""{{
  admin off
  auto_https off
}}
http://127.0.0.1:{place.port} {{
  bind 127.0.0.1
  root * {place.root}
  {'encode gzip' if place.workload.coding else ''}
  file_server
}}
""")
    return ["env", "GOMAXPROCS=1", f"XDG_CONFIG_HOME={place.home}", f"XDG_DATA_HOME={place.home}",
            program, "run", "--adapter", "caddyfile", "--config", config]


def apache(program: str, place: Place) -> list[str]:
    user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
    config = place.write("apache.conf", f"""
ServerRoot {place.home}
ServerName localhost
PidFile {place.home}/apache.pid
DefaultRuntimeDir {place.home}
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule mime_module /usr/lib/apache2/modules/mod_mime.so
{user}
TypesConfig /etc/mime.types
Listen 127.0.0.1:{place.port}
ListenBacklog 4096
ErrorLog /dev/stderr
StartServers 1
ServerLimit 1
ThreadsPerChild 64
MaxRequestWorkers 64
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
</Directory>
""")
    return [program, "-D", "FOREGROUND", "-f", config]


SERVERS = {
    server.name: server
    for server in (
        Server("uvhttpd", "", "", uvhttpd, ("--version",), ready="uvhttpd: listening on"),
        Server("nginx", "nginx", "nginx", nginx, ("-v",)),
        Server("nginx-tuned", "nginx", "nginx",
               lambda program, place: nginx(program, place, tuned=True), ("-v",)),
        # Its coder is in a package of its own.
        Server("lighttpd", "lighttpd", "lighttpd", lighttpd, ("-v",), codes=False),
        Server("floor", "", "", floor, codes=False),
        Server("floor-sendfile", "", "", lambda program, place: floor(program, place, True),
               codes=False),
        Server("h2o", "h2o", "h2o", h2o, ("-v",)),
        Server("caddy", "caddy", "caddy", caddy, ("version",)),
        Server("apache2", "apache2", "apache2", apache, ("-v",)),
    )
}
DEFAULT = ("uvhttpd", "nginx", "lighttpd", "floor")


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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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
