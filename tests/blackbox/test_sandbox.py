# SPDX-License-Identifier: MIT
"""The sandbox: what the server and its programs may not do, each refusal seen on something real."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import pytest

from conftest import BINARY
from sites import put, site
from wire import wait_until

PROBE = """#!/usr/bin/python3
import ctypes, multiprocessing, os, resource, socket, sys, urllib.parse
what, _, where = urllib.parse.unquote(os.environ["QUERY_STRING"]).partition(":")
libc = ctypes.CDLL(None, use_errno=True)
acts = {
    "read": lambda: open(where).read(),
    "list": lambda: " ".join(os.listdir(where)),
    "write": lambda: open(where, "w").write("written"),
    "remove": lambda: os.unlink(where),
    "connect": lambda: socket.create_connection(("127.0.0.1", int(where)), 5).close(),
    "bind": lambda: socket.create_server(("127.0.0.1", int(where))).close(),
    "kill": lambda: os.kill(os.getppid(), 0),
    "status": lambda: "".join(line for line in open("/proc/self/status") if line.startswith(("NoNewPrivs", "Seccomp:"))),
    "abstract": lambda: socket.socket(socket.AF_UNIX).connect("\\0" + where),
    "run": lambda: os.execv(where, [where]),
    "limit": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (8, 8)),
    "delay": lambda: os.sched_setscheduler(os.getppid(), os.SCHED_IDLE, os.sched_param(0)),
    "hurry": lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)),
    "setuid": lambda: (open(where, "w").close(), os.chmod(where, 0o755), os.chmod(where, 0o4755)),
    "share": lambda: multiprocessing.Lock().acquire(),
}
calls = {"ptrace": lambda: libc.ptrace(0, 0, 0, 0), "unshare": lambda: libc.unshare(0x10000000), "setns": lambda: libc.setns(0, 0)}
if what in calls:
    calls[what]()
print("Content-Type: text/plain\\n")
try:
    print(acts[what]() if what in acts else "done")
except OSError as error:
    print("refused:", error.strerror)
"""

CGI = """
[[site.route]]
path = "/cgi-bin/*"
handler = "cgi"
root = "cgi-bin"
"""

SITE = '[[site]]\nroot = "www"\n'


def has_landlock(version=1):
    """Asks the kernel itself; the numbers are those of x86_64 and aarch64."""
    script = "import ctypes; print(ctypes.CDLL(None).syscall(444, None, 0, 1))"
    return int(subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout) >= version


landlock = pytest.mark.skipif(not has_landlock(), reason="no Landlock in this kernel")
landlock_tcp = pytest.mark.skipif(not has_landlock(4), reason="the kernel's Landlock knows no TCP")


@pytest.fixture
def outside():
    """A directory that no rule is about: not below /tmp, which programs have."""
    parent = "/var/lib" if os.access("/var/lib", os.W_OK) else pathlib.Path.home()
    directory = pathlib.Path(tempfile.mkdtemp(dir=parent))
    directory.chmod(0o755)
    put(directory / "secret", "the secret")
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def probe(server, tmp_path):
    """probe(more) starts a server with the probe as a program; what it gives asks the probe."""
    def start(more="", top=""):
        site(tmp_path, {"a.txt": "the file a"})
        put(tmp_path / "cgi-bin/probe", PROBE).chmod(0o755)
        running = server(top + SITE + CGI + more)

        def ask(what):
            return running.fetch(f"/cgi-bin/probe?{what}").body.decode().strip()
        ask.server = running
        return ask
    return start


def status_of(pid):
    return dict(re.findall(r"^(NoNewPrivs|Seccomp):\s+(\d)$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.MULTILINE))


def refused(reason="Permission denied"):
    return "refused: " + reason


# The server.

def test_server_is_confined_when_it_listens(server, tmp_path, has_filter):
    site(tmp_path, {"a.txt": "the file a"})
    running = server(SITE)
    assert running.fetch("/a.txt").body == b"the file a"
    expected = {"NoNewPrivs": "1", "Seccomp": "2" if has_filter else "0"}
    for task in os.listdir(f"/proc/{running.process.pid}/task"):
        assert status_of(f"{running.process.pid}/task/{task}") == expected


def test_sandbox_off_confines_nothing(server, tmp_path, outside):
    site(tmp_path, {"a.txt": "the file a"})
    put(tmp_path / "cgi-bin/probe", PROBE).chmod(0o755)
    running = server('[server]\nsandbox = "off"\n' + SITE + CGI)
    assert status_of(running.process.pid) == {"NoNewPrivs": "0", "Seccomp": "0"}
    assert running.fetch(f"/cgi-bin/probe?read:{outside}/secret").body == b"the secret\n"
    assert running.reload(f'[server]\nsandbox = "off"\n[[site]]\nroot = "{outside}"\n') == "Reloaded"


@landlock
def test_reload_that_needs_more_is_refused_and_says_what(server, tmp_path, outside):
    site(tmp_path, {"a.txt": "the file a"})
    running = server(SITE)
    assert running.reload(f'[[site]]\nroot = "{outside}"\n') == "Reload refused"
    running.wait_for_log(re.escape(f'reading {outside} takes a restart, or sandbox = "off"'))
    (outside / "more").mkdir()
    assert running.reload(f'[[site]]\nroot = "{outside}/more"\n[[site]]\nhosts = ["b"]\nroot = "{outside}"\n') == "Reload refused"
    running.wait_for_log(re.escape(f"reading {outside}/more takes a restart"))
    running.wait_for_log(re.escape(f"reading {outside} takes a restart"), times=2)
    assert running.fetch("/a.txt").body == b"the file a"
    put(tmp_path / "other/b.txt", "beside it")
    assert running.reload('[[site]]\nroot = "other"\n') == "Reloaded"
    assert running.fetch("/b.txt").body == b"beside it"


@landlock
def test_reload_of_a_file_that_lies_elsewhere_by_now_says_that_the_sandbox_is_in_the_way(server, tmp_path, outside):
    site(tmp_path, {"a.txt": "the file a"})
    running = server(SITE)
    file = next(tmp_path.glob("*.toml"))
    shutil.copy(file, outside / "new.toml")
    file.unlink()
    file.symlink_to(outside / "new.toml")
    assert running.reload() == "Reload refused"
    running.wait_for_log("Permission denied: its own permissions are no hindrance, so a sandbox leaves it out; if that is the server")
    assert running.fetch("/a.txt").body == b"the file a"


@landlock_tcp
@pytest.mark.parametrize("more, message", {
    "listener": ('[[listener]]\naddress = "127.0.0.1:0"\n[[listener]]\naddress = "127.0.0.1:1025"\n', "listening on the TCP port 1025"),
    "upstream": ('[[site.route]]\npath = "/app/*"\nhandler = "proxy"\nupstream = ["http://127.0.0.1:9"]\n', "connecting to the TCP port 9"),
}.values(), ids=["listener", "upstream"])
def test_reload_with_a_new_port_is_refused(server, tmp_path, more, message):
    site(tmp_path, {"a.txt": "the file a"})
    running = server(SITE)
    assert running.reload(SITE + more) == "Reload refused"
    running.wait_for_log(f"{message} takes a restart")


def test_reload_with_the_first_programs_is_refused(server, tmp_path, has_filter):
    site(tmp_path, {"a.txt": "the file a"})
    put(tmp_path / "cgi-bin/probe", PROBE).chmod(0o755)
    running = server(SITE)
    if has_filter:
        assert running.reload(SITE + CGI) == "Reload refused"
        running.wait_for_log("running programs takes a restart")


def test_sandbox_cannot_be_turned_off_by_a_reload(server, tmp_path):
    site(tmp_path, {"a.txt": "the file a"})
    running = server(SITE)
    assert running.reload('[server]\nsandbox = "off"\n' + SITE) == "Reloaded"
    running.wait_for_log("server.sandbox takes effect with the next start")


@landlock
def test_root_that_a_link_leads_to_may_be_replaced(server, tmp_path):
    put(tmp_path / "releases/1/a.txt", "first")
    (tmp_path / "site").mkdir()
    (tmp_path / "site/current").symlink_to("../releases/1")
    running = server('[cache]\nrevalidate = "50ms"\n[[site]]\nroot = "site/current"\n')
    assert running.fetch("/a.txt").body == b"first"
    put(tmp_path / "releases/2/a.txt", "second")
    (tmp_path / "site/next").symlink_to("../releases/2")
    (tmp_path / "site/next").rename(tmp_path / "site/current")
    wait_until(lambda: running.fetch("/a.txt").body == b"second", "the new release")


@landlock
def test_links_that_are_followed_may_lead_anywhere(server, tmp_path, outside):
    site(tmp_path, {"a.txt": "the file a"})
    (tmp_path / "www/out").symlink_to(outside / "secret")
    running = server(SITE + 'symlinks = "follow"\n')
    assert running.fetch("/out").body == b"the secret"


@landlock
def test_a_link_in_the_middle_of_a_root_may_be_turned(server, outside):
    for release in ("1", "2"):
        put(outside / "releases" / release / "public/page.txt", f"release {release}")
    (outside / "current").symlink_to("releases/1")
    running = server(f'[[site]]\nroot = "{outside}/current/public"\n[cache]\nmemory = 0\nrevalidate = "0s"\n')
    assert running.fetch("/page.txt").body == b"release 1"
    (outside / "next").symlink_to("releases/2")
    (outside / "next").rename(outside / "current")
    wait_until(lambda: running.fetch("/page.txt").body == b"release 2", "the other release")


# Programs.

@landlock
def test_program_reads_only_what_is_its_own(probe, tmp_path, outside):
    ask = probe()
    assert ask(f"read:{tmp_path}/www/a.txt") == "the file a"
    assert ask("read:/proc/self/comm") == "probe"
    assert ask("read:/etc/passwd").startswith("root:") and ask("read:/etc/shadow") == refused()
    # Of /etc what is there for all to know, and nothing that only might be.
    assert "NAME=" in ask("read:/etc/os-release") and ask("read:/etc/login.defs") == refused()
    assert ask("list:/etc") == refused()
    assert ask(f"read:{outside}/secret") == refused()
    assert ask(f"list:{outside}") == refused()
    assert ask(f"list:{pathlib.Path.home()}") == refused()


@landlock
def test_program_writes_only_where_it_may(probe, tmp_path, outside):
    (outside / "inbox").mkdir()
    (outside / "inbox").chmod(0o777)
    ask = probe(f'writable = ["{outside}/inbox"]\n')
    assert ask(f"write:{outside}/inbox/new") == "7" and (outside / "inbox/new").read_text() == "written"
    assert ask(f"remove:{outside}/inbox/new") == "None"
    assert ask(f"write:{outside}/secret") == refused()
    assert ask("write:/dev/null") == "7"
    assert ask("write:/etc/uvhttpd-test") == refused()


def test_program_shares_memory_with_its_children(probe):
    assert probe()("share:") == "True"


@landlock
def test_program_reads_what_the_route_names(probe, outside):
    ask = probe(f'readable = ["{outside}"]\n')
    assert ask(f"read:{outside}/secret") == "the secret"
    assert ask(f"write:{outside}/secret") == refused()


@pytest.fixture
def served(server, tmp_path):
    """served(root, more) starts a server of that root; what it gives reads a file below the root with a program."""
    def start(root, more):
        put(tmp_path / "cgi-bin/probe", PROBE).chmod(0o755)
        running = server(f'[[site]]\nroot = "{root}"\n' + CGI + more)
        return lambda name: running.fetch(f"/cgi-bin/probe?read:{root}/{name}").body.decode().strip()
    return start


USERS = "alice:$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.\n"
USING_CERTBOT = """
[site.tls]
certificate = "{directory}/live/site/fullchain.pem"
key = "{directory}/live/site/privkey.pem"
[[listener]]
address = "127.0.0.1:0"
[[listener]]
address = "127.0.0.2:0"
tls = true
"""


def with_certbot(directory, pair):
    """Keys and certificates as certbot lays them out, renewed once."""
    put(directory / "live/site/README", "links")
    for name, source in (("fullchain", pair.certificate), ("privkey", pair.key)):
        for number in (1, 2):
            put(directory / f"archive/site/{name}{number}.pem", source.read_bytes())
        (directory / f"live/site/{name}.pem").symlink_to(f"../../archive/site/{name}2.pem")


@landlock
def test_program_sees_neither_passwords_nor_their_copies(served, outside):
    copies = [".users", ".users~", ".users.bak", ".users.swp"]
    root = site(outside, {"a.txt": "the file a", "notes/b.txt": "the file b", **dict.fromkeys(copies, USERS)})
    read = served(root, f'[[site.route]]\npath = "/staff/*"\nhandler = "static"\nauth = {{ realm = "staff", users = "{root}/.users" }}\n')
    assert read("a.txt") == "the file a" and read("notes/b.txt") == "the file b"
    assert {name: read(name) for name in copies} == dict.fromkeys(copies, refused())
    # A directory that is given piece by piece is looked at again when it changes.
    put(root / ".users.old", USERS)
    put(root / "new.txt", "the new file")
    assert read(".users.old") == refused() and read("new.txt") == "the new file"


@landlock
def test_program_sees_neither_keys_nor_what_lies_with_them(served, outside, localhost):
    root = site(outside, {"a.txt": "the file a"})
    with_certbot(root / ".tls", localhost)
    read = served(root, USING_CERTBOT.format(directory=root / ".tls"))
    kept = ["live/site/README", "live/site/privkey.pem", "archive/site/privkey1.pem", "archive/site/fullchain2.pem"]
    assert {name: read(f".tls/{name}") for name in kept} == dict.fromkeys(kept, refused())
    put(root / ".tls/archive/site/privkey3.pem", "the next key")
    assert read(".tls/archive/site/privkey3.pem") == refused()
    assert read("a.txt") == "the file a"


@landlock
def test_program_sees_no_keys_in_a_directory_that_it_needs(served, outside, localhost):
    root = site(outside, {".tls/archive/site/www/b.txt": "the file b", ".tls/archive/site/notes.txt": "the notes"})
    with_certbot(root / ".tls", localhost)
    other = f'[[site]]\nhosts = ["b"]\nroot = "{root}/.tls/archive/site/www"\n'
    read = served(root, USING_CERTBOT.format(directory=root / ".tls") + other)
    assert read(".tls/archive/site/www/b.txt") == "the file b" and read(".tls/archive/site/notes.txt") == "the notes"
    assert "CERTIFICATE" in read(".tls/archive/site/fullchain1.pem")
    put(root / ".tls/archive/site/privkey3.pem", "the next key")
    kept = [f".tls/archive/site/privkey{number}.pem" for number in (1, 2, 3)]
    assert {name: read(name) for name in kept} == dict.fromkeys(kept, refused())


def test_program_without_network_connects_to_nobody(probe, has_filter):
    if not has_filter and not has_landlock(4):
        pytest.skip("neither a filter nor Landlock with TCP")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        ask = probe()
        assert ask(f"connect:{port}") == refused()
        assert ask("bind:0").startswith(refused())


@landlock
def test_program_with_network_connects_but_does_not_listen(probe):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ask = probe("network = true\n")
        assert ask(f"connect:{listening.getsockname()[1]}") == "None"
        if has_landlock(4):
            assert ask("bind:1025").startswith(refused())


@pytest.mark.skipif(not has_landlock(6), reason="the kernel's Landlock has no scopes")
def test_program_signals_nobody_outside(probe, tmp_path):
    ask = probe()
    assert ask("kill:") == refused("Operation not permitted")
    with socket.socket(socket.AF_UNIX) as listening:
        name = f"uvhttpd-test-{os.getpid()}"
        listening.bind("\0" + name)
        listening.listen()
        assert ask(f"abstract:{name}") == refused("Operation not permitted")


@pytest.mark.filter
@pytest.mark.parametrize("call", ["ptrace", "unshare", "setns"])
def test_program_that_makes_a_refused_call_is_ended_and_the_log_says_why(probe, call):
    ask = probe()
    assert ask.server.fetch(f"/cgi-bin/probe?{call}").status == 502
    ask.server.wait_for_log(r"signal 31 \(Bad system call: one that the sandbox refuses\)")
    assert ask("status:").split() == ["NoNewPrivs:", "1", "Seccomp:", "2"]


@pytest.mark.filter
def test_program_takes_nothing_from_the_server(probe):
    """Which may be of the same user: descriptors, time to run."""
    ask = probe()
    assert ask("limit:") == ask("delay:") == refused("Operation not permitted")
    assert ask("hurry:") == "None"


@pytest.mark.filter
def test_program_leaves_nothing_behind_that_runs_as_the_server(probe, tmp_path):
    assert probe()(f"setuid:{tmp_path}/left") == refused("Operation not permitted")
    assert (tmp_path / "left").stat().st_mode & 0o7777 == 0o755


@landlock
def test_interpreter_outside_is_told_from_a_lack_of_permissions(probe, tmp_path, outside):
    shutil.copy("/bin/sh", outside / "shell")
    ask = probe()
    put(tmp_path / "cgi-bin/odd", f"#!{outside}/shell\necho\n").chmod(0o755)
    assert ask.server.fetch("/cgi-bin/odd").status == 403
    ask.server.wait_for_log("Permission denied: its own permissions are no hindrance, so the sandbox leaves out")


@landlock
def test_directory_of_programs_may_be_replaced(probe, tmp_path):
    ask = probe()
    assert ask("read:/proc/self/comm") == "probe"
    (tmp_path / "cgi-bin").rename(tmp_path / "old")
    put(tmp_path / "cgi-bin/probe", PROBE).chmod(0o755)
    assert ask("read:/proc/self/comm") == "probe"


# The command line, and machines that have less.

def test_check_says_what_will_be_confined(uvhttpd, tmp_path):
    site(tmp_path, {})
    (tmp_path / "cgi-bin").mkdir()
    file = put(tmp_path / "uvhttpd.toml", '[[listener]]\naddress = "127.0.0.1:8080"\n' + SITE + CGI)
    lines = uvhttpd("check", "-c", file).stdout.splitlines()
    assert lines and all(line.startswith("sandbox: ") for line in lines)
    if has_landlock():
        assert any(re.fullmatch(rf"sandbox: read .* {tmp_path}/www( .*)?", line) for line in lines)
        assert any(line.startswith("sandbox: programs of /cgi-bin/*: ") for line in lines)
    if has_landlock(4):
        assert "sandbox: listen on the TCP ports 8080" in lines
    result = uvhttpd("check", "-c", file, "--json")
    assert json.loads(result.stdout) == [] and result.stderr.splitlines() == lines
    put(file, '[server]\nsandbox = "off"\n' + file.read_text())
    assert uvhttpd("check", "-c", file).stdout == "sandbox: off\n"


# A kernel without Landlock is one whose calls give ENOSYS: what a filter can do, too.
WITHOUT_LANDLOCK = """
import ctypes, os, struct, sys
code = struct.pack("HBBI" * 4, 0x20, 0, 0, 0, 0x15, 0, 1, 444, 0x06, 0, 0, 0x00050000 | 38, 0x06, 0, 0, 0x7fff0000)
buffer = ctypes.create_string_buffer(code)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]
program = Program(4, ctypes.addressof(buffer))
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.byref(program)) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""
OLD_KERNEL = (sys.executable, "-c", WITHOUT_LANDLOCK)


def test_machine_without_landlock_says_so_once_and_works(server, tmp_path, outside):
    site(tmp_path, {"a.txt": "the file a"})
    put(tmp_path / "cgi-bin/probe", PROBE).chmod(0o755)
    running = server(SITE + CGI, prefix=OLD_KERNEL)
    assert running.fetch("/a.txt").body == b"the file a"
    assert running.fetch(f"/cgi-bin/probe?read:{outside}/secret").body == b"the secret\n"
    assert running.reload(f'[[site]]\nroot = "{outside}"\n') == "Reloaded"
    assert running.log_text().count("no Landlock in this kernel") == 1


def test_sandbox_on_does_not_start_without_landlock(tmp_path):
    site(tmp_path, {})
    file = put(tmp_path / "uvhttpd.toml", '[server]\nsandbox = "on"\n[[listener]]\naddress = "127.0.0.1:0"\n' + SITE)
    result = subprocess.run([*OLD_KERNEL, BINARY, "-c", file], capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert 'server.sandbox is "on": no Landlock in this kernel' in result.stderr
    checked = subprocess.run([*OLD_KERNEL, BINARY, "check", "-c", file], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 2 and not checked.stdout
    assert f'{file}:2:11: error: server.sandbox is "on": no Landlock in this kernel\n' in checked.stderr
    put(file, file.read_text().replace('"on"', '"auto"'))
    checked = subprocess.run([*OLD_KERNEL, BINARY, "check", "-c", file], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0 and "sandbox: no Landlock in this kernel" in checked.stdout


# One whose kernel was built without seccomp, likewise.
OLDER_KERNEL = (sys.executable, "-c", WITHOUT_LANDLOCK.replace("444", "317 if os.uname().machine == 'x86_64' else 277"))


@landlock
def test_check_with_sandbox_on_says_what_a_start_says(tmp_path):
    site(tmp_path, {})
    file = put(tmp_path / "uvhttpd.toml", '[server]\nsandbox = "on"\n[[listener]]\naddress = "127.0.0.1:0"\n' + SITE)
    started = subprocess.run([*OLDER_KERNEL, BINARY, "-c", file], capture_output=True, text=True, timeout=60)
    checked = subprocess.run([*OLDER_KERNEL, BINARY, "check", "-c", file], capture_output=True, text=True, timeout=60)
    assert (started.returncode, checked.returncode) == (1, 2)
    said = started.stderr.splitlines()[-1].removeprefix("uvhttpd: ")
    assert re.fullmatch(r'server\.sandbox is "on": (no seccomp in this kernel|this build has no filter of system calls)', said)
    assert f"{file}:2:11: error: {said}\n" in checked.stderr
