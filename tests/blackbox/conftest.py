# SPDX-License-Identifier: MIT
"""Starts the server under test for the other files in this directory, and holds it to a clean end."""
import functools
import os
import pathlib
import re
import signal
import subprocess
import tempfile

import pytest

import certificates
import upstreams
import wire

BINARY = os.path.abspath(os.environ.get("UVHTTPD_BINARY", "build/src/uvhttpd"))
SANITIZER = re.compile(r"Sanitizer|runtime error:")
LISTENING = re.compile(r"^uvhttpd: listening on (\S+)$", re.MULTILINE)


def pytest_configure(config):
    config.addinivalue_line("markers", "threads: several workers at once; also run under ThreadSanitizer")
    config.addinivalue_line("markers", "filter: only for builds that filter system calls, which those with a sanitizer do not")


def pytest_collection_modifyitems(config, items):
    left_out = [item for item in items if item.get_closest_marker("filter") and not filters_calls()]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@functools.cache
def filters_calls():
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory, "uvhttpd.toml")
        file.write_text(f'[[listener]]\naddress = "127.0.0.1:0"\n[[site]]\nroot = "{directory}"\n', encoding="utf-8")
        result = subprocess.run([BINARY, "check", "-c", file], check=True, capture_output=True, text=True)
    return "no filter of system calls" not in result.stdout


class Server:
    """A running server; its files are in .tmp, its configuration is .file."""

    def __init__(self, tmp, text=None, arguments=None, prefix=(), env=None, listeners=1, stdout=None, pass_fds=()):
        self.tmp = pathlib.Path(tmp)
        self.file = self.tmp / "uvhttpd.toml"
        self.stdout_file = self.tmp / "stdout"
        self.stderr_file = self.tmp / "stderr"
        if text is not None:
            self.configure(text)
        command = [*prefix, BINARY, *(arguments if arguments is not None else ["-c", str(self.file)])]
        environment = {**os.environ, **(env or {})}
        with open(self.stderr_file, "wb") as stderr, open(stdout or self.stdout_file, "wb") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=stderr, cwd=self.tmp,
                                            env=environment, pass_fds=pass_fds)
        self.is_over = False
        try:
            wire.wait_until(lambda: self.process.poll() is not None or len(self.urls()) >= listeners, "listening")
            assert self.process.poll() is None, self.stderr_text()
        except AssertionError:
            self.process.kill()
            self.process.wait()
            raise
        ports = [re.search(r":(\d+)$", url) for url in self.urls()]
        self.ports = [int(port[1]) if port else None for port in ports]
        self.port = self.ports[0]
        self.address = ("127.0.0.1", self.port)

    def configure(self, text):
        """Writes the configuration; listens on a free port unless the text says something else."""
        if "[[listener]]" not in text:
            text += '\n[[listener]]\naddress = "127.0.0.1:0"\n'
        # At once: a reload that is under way must not read half of it.
        half = self.file.with_suffix(".new")
        half.write_text(text, encoding="utf-8")
        half.replace(self.file)

    def urls(self):
        return LISTENING.findall(self.stderr_text())

    def stderr_text(self):
        return self.stderr_file.read_text(encoding="utf-8", errors="replace")

    def stdout_text(self):
        return self.stdout_file.read_text(encoding="utf-8", errors="replace")

    def log_text(self):
        """The error log, be it standard error or error.log."""
        log = self.tmp / "error.log"
        return self.stderr_text() + (log.read_text(encoding="utf-8", errors="replace") if log.exists() else "")

    def wait_for_log(self, pattern, times=1):
        """Waits until the error log has so many matches, and returns the last."""
        return wire.wait_until(lambda: (lambda found: found[-1] if len(found) >= times else None)(
            list(re.finditer(pattern, self.log_text()))), f"{pattern!r} in the log")

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self, text=None):
        """Writes the text, if any, sends HUP and waits until the reload has ended, well or not."""
        ended = r"Reloaded|Reload refused|no file to read again"
        before = len(re.findall(ended, self.log_text()))
        if text is not None:
            self.configure(text)
        self.signal(signal.SIGHUP)
        return self.wait_for_log(ended, before + 1)[0]

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def memory(self, key="VmRSS"):
        """What the kernel says of its memory, in bytes."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(rf"^{key}:\s+([0-9]+) kB$", status, re.MULTILINE)[1]) << 10

    def has_bounded_memory(self):
        """Whether what memory() says is about the server: sanitizers reserve terabytes and give back little."""
        return self.memory("VmSize") < 1 << 40

    def cpu_seconds(self):
        """What all of its threads have used, in steps of a clock tick."""
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def client(self, **more):
        return wire.Client(self.address, **more)

    def fetch(self, target, **more):
        return wire.fetch(self.address, target, **more)

    def wait_for_end(self, status=0):
        """Waits until the server has ended by itself and looks at what it leaves behind."""
        self.is_over = True
        try:
            ended = self.process.wait(wire.DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the server did not stop:\n" + self.stderr_text()) from None
        assert not SANITIZER.search(self.stderr_text()), self.stderr_text()
        assert ended == status, f"exit status {ended}:\n{self.stderr_text()}"

    def stop(self, status=0):
        if self.is_over:
            return
        assert self.process.poll() is None, f"ended by itself: {self.process.poll()}\n{self.stderr_text()}"
        self.signal(signal.SIGTERM)
        self.wait_for_end(status)


def is_running(pid):
    """Whether the process is there and has not ended; it may go while it is looked at."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def start_all(tmp):
    servers = []

    def start(text=None, **more):
        servers.append(Server(more.pop("tmp", tmp), text, **more))
        return servers[-1]

    yield start
    failures = []
    for server in servers:
        try:
            server.stop()
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)


@pytest.fixture
def server(tmp_path):
    """server(text, **more) starts one; relative paths in the text begin at tmp_path."""
    yield from start_all(tmp_path)


@pytest.fixture(scope="module")
def shared_tmp(tmp_path_factory):
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def shared_server(shared_tmp):
    """As server, for one that all tests of a file use; its files are in shared_tmp."""
    yield from start_all(shared_tmp)


@pytest.fixture
def upstream():
    """upstream(behaviour, **more) starts one of upstreams.py."""
    yield from upstreams.start_all()


@pytest.fixture
def hosts(tmp_path):
    """hosts(text) writes what the server takes for /etc/hosts; hosts.prefix goes before its command."""
    if os.geteuid() != 0:
        pytest.skip("a hosts file of its own needs a mount namespace")
    file = tmp_path / "hosts"
    (tmp_path / "nsswitch.conf").write_text("hosts: files\n", encoding="ascii")

    def write(text):
        file.write_text(text, encoding="ascii")  # the same file, since that is what is mounted

    write("")
    mount = f'mount --bind "{file}" /etc/hosts && mount --bind "{tmp_path}/nsswitch.conf" /etc/nsswitch.conf && exec "$@"'
    write.prefix = ["unshare", "--mount", "--propagation", "private", "sh", "-c", mount, "sh"]
    return write


@pytest.fixture(scope="module")
def shared_upstream():
    """As upstream, for one that all tests of a file use."""
    yield from upstreams.start_all()


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """Whom the clients of the tests believe."""
    return certificates.Authority(tmp_path_factory.mktemp("certificates") / "authority")


@pytest.fixture(scope="session")
def localhost(authority):
    """A certificate for localhost and 127.0.0.1, and its key."""
    return authority.issue("localhost", ["localhost", "127.0.0.1"])


@pytest.fixture(scope="session")
def has_filter():
    """False for builds with a sanitizer, which filter no system calls."""
    return filters_calls()


@pytest.fixture(scope="session")
def uvhttpd():
    """uvhttpd(*arguments) runs the command line to its end."""
    def run(*arguments, **more):
        result = subprocess.run([BINARY, *map(str, arguments)], text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, errors="surrogateescape", **{"timeout": wire.DEADLINE, **more})
        assert not re.search("[\udc80-\udcff]", result.stderr), "octets that are no UTF-8 on a terminal: " + ascii(result.stderr)
        assert not SANITIZER.search(result.stderr), result.stderr
        return result
    return run
