# SPDX-License-Identifier: MIT
"""Starts the programs that stand behind the server: on free ports and temporary sockets, until the tests are over."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess

import wire

HERE = pathlib.Path(__file__).resolve().parent
TOMCAT = pathlib.Path("/usr/share/tomcat10")
# Without the site-specific and user-specific modules of whoever runs the tests, and nothing written beside the sources.
PYTHON = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "PYTHONNOUSERSITE": "1"}
GRACE = 5.0  # seconds between TERM and KILL

# It listens when its applications are there, and not before.
TOMCAT_SERVER = """<?xml version="1.0" encoding="UTF-8"?>
<Server port="-1">
  <Service name="Catalina">
    <Connector address="{host}" port="{port}" protocol="HTTP/1.1" bindOnInit="false" maxThreads="16"/>
    <Engine name="Catalina" defaultHost="localhost">
      <Host name="localhost" appBase="webapps" autoDeploy="false">
        <Context path="/examples" docBase="/usr/share/tomcat10-examples/examples"/>
      </Host>
    </Engine>
  </Service>
</Server>
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def takes_connections(address):
    """Whether somebody listens on (host, port), or on the Unix socket of that path."""
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as probe:
        try:
            probe.connect(address)
        except OSError:
            return False
        return True


def find(pattern):
    """The program of that name, which a version may follow."""
    if "/" in pattern:
        return pattern
    found = sorted(path for directory in ("/usr/bin", "/usr/sbin") for path in pathlib.Path(directory).glob(pattern))
    assert found, f"{pattern} is not installed"
    return str(found[-1])


class Programs:
    """Runs each program in a process group of its own; what they say is in tmp/NAME.log."""

    def __init__(self, tmp):
        self.tmp = pathlib.Path(tmp)
        self.running = []

    def start(self, name, command, address, env=None, cwd=None, is_ready=takes_connections):
        """Returns when the program is ready on the address, and gives the address back."""
        path = find(str(command[0]))
        log = self.tmp / f"{name}.log"
        # Tests that are killed end nothing themselves.
        tied = ["setpriv", "--pdeathsig", "TERM", "--", path, *map(str, command[1:])]
        with open(log, "wb") as output:
            process = subprocess.Popen(tied, stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT, cwd=cwd or self.tmp, start_new_session=True,
                                       env={**os.environ, "HOME": str(self.tmp), **(env or {})})
        self.running.append(process)
        wire.wait_until(lambda: process.poll() is not None or is_ready(address), f"{name} on {address}")
        assert process.poll() is None, f"{name} has ended:\n{self.log(name)}"
        return address

    def log(self, name):
        return (self.tmp / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def port(self):
        return "127.0.0.1", free_port()

    def socket(self, name):
        return str(self.tmp / f"{name}.sock")

    def stop(self):
        for process in self.running:
            end_group(process, signal.SIGTERM)
        for process in self.running:
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                pass
            # Whatever the leader has left behind, or the leader itself.
            end_group(process, signal.SIGKILL)
            process.wait()

    # --- the programs ---

    def php_fpm(self, name, address, children=4, settings=()):
        """PHP's process manager; settings are lines of the pool, `php_value[x] = y` mostly."""
        # Only root may name whom the children run as, and root must say that it means root.
        is_root = os.geteuid() == 0
        pool = ["[global]", "daemonize = no", "error_log = /dev/stderr", f"pid = {self.tmp}/{name}.pid",
                "[www]", f"listen = {written(address)}", "pm = static", f"pm.max_children = {children}", "clear_env = yes",
                *(["user = root", "group = root"] if is_root else []), *settings]
        file = self.tmp / f"{name}.conf"
        file.write_text("\n".join(pool) + "\n", encoding="utf-8")
        return self.start(name, ["php-fpm[0-9]*", "-F", "-y", file, *(["-R"] if is_root else [])], address)

    def php_cgi(self, name, address, settings=()):
        """PHP's own FastCGI server, which has no manager."""
        options = [part for setting in settings for part in ("-d", setting)]
        return self.start(name, ["php-cgi", "-b", written(address), *options], address, env={"PHP_FCGI_CHILDREN": "2"})

    def fcgiwrap(self, name, path):
        return self.start(name, ["fcgiwrap", "-c", "2", "-s", f"unix:{path}"], path)

    def gunicorn(self, name, address, application, workers=1, threads=4, env=None):
        bind = f"unix:{address}" if isinstance(address, str) else written(address)
        return self.start(name, ["gunicorn", "-b", bind, "-w", workers, "--threads", threads, application], address,
                          env={**PYTHON, **(env or {}), "PYTHONPATH": str(HERE / "python")})

    def uwsgi(self, name, addresses, application):
        """One uwsgi that speaks several protocols, {option: address}; it binds them all before it loads the application."""
        sockets = [part for option, address in addresses.items() for part in (option, written(address))]
        return self.start(name, ["uwsgi", "--plugin", "python3", "--module", application, "--master", "--processes", 1, "--threads", 4,
                                 "--disable-logging", "--die-on-term", "--need-app", *sockets], addresses,
                          is_ready=lambda all_of: all(map(takes_connections, all_of.values())),
                          env={**PYTHON, "PYTHONPATH": str(HERE / "python")})

    def python(self, name, script, address):
        """A program of our own that is given where to listen."""
        return self.start(name, ["/usr/bin/python3", HERE / "python" / script, *address], address, env=PYTHON)

    def websocketd(self, name, address, *command):
        return self.start(name, ["websocketd", f"--address={address[0]}", f"--port={address[1]}", *command], address)

    def haproxy(self, name, address, configuration, **names):
        file = self.tmp / f"{name}.cfg"
        file.write_text(configuration.format(address=written(address), **names), encoding="utf-8")
        return self.start(name, ["haproxy", "-db", "-f", file], address)

    def tomcat(self, name, address):
        """Tomcat with its example applications and a directory of its own, laid out as by its makebase.sh."""
        base = self.tmp / name
        for directory in ("bin", "conf", "lib", "logs", "temp", "webapps", "work"):
            (base / directory).mkdir(parents=True)
        shutil.copy(TOMCAT / "etc" / "web.xml", base / "conf")
        (base / "conf" / "server.xml").write_text(TOMCAT_SERVER.format(host=address[0], port=address[1]), encoding="utf-8")
        return self.start(name, [TOMCAT / "bin" / "catalina.sh", "run"], address,
                          env={"CATALINA_HOME": str(TOMCAT), "CATALINA_BASE": str(base), "CATALINA_TMPDIR": str(base / "temp"),
                               "JAVA_OPTS": "-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djava.awt.headless=true"})


def written(address):
    """As PHP, uwsgi and HAProxy take it."""
    return address if isinstance(address, str) else "%s:%d" % address


def end_group(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass
