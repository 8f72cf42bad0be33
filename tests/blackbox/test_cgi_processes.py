# SPDX-License-Identifier: MIT
"""CGI programs as processes: whose they are, what they are born with, and that nobody of their tree slips away."""
import contextlib
import os
import pathlib
import re
import resource
import signal
import subprocess
import tempfile

import pytest

import wire
from conftest import BINARY, is_running
from sites import put, site
from wire import wait_until

HEAD = "printf 'Content-Type: text/plain\\n\\n'\n"

# A grandchild in a session of its own, without a parent, deaf to TERM, holding none of the pipes.
ESCAPE = ("(setsid sh -c 'trap \"\" TERM HUP; echo $$ > pid.escaped; sleep 1000; sleep 1000' >/dev/null 2>&1 </dev/null &)\n"
          "while ! [ -s pid.escaped ]; do sleep 0.01; done\n")

PROGRAMS = {
    "escape": f"#!/bin/sh\n{ESCAPE}echo $$ > pid.leader\nexec sleep 1000\n",
    "escape-body": f"#!/bin/sh\n{ESCAPE}{HEAD}echo begun\necho $$ > pid.leader\nexec sleep 1000\n",
    "escape-done": f"#!/bin/sh\n{ESCAPE}{HEAD}echo done\n",
    "told": f"#!/bin/sh\n{HEAD}echo first\nread -r line < fifo\necho \"$line\"\n",
    "linger": f"#!/bin/sh\n{HEAD}echo body\nexec >&-\nread -r line < fifo\necho \"afterwards $line\" >&2\n",
    "exact": "#!/bin/sh\nprintf 'Content-Length: 4\\nContent-Type: a/b\\n\\nbody'\n",
    "limit": f"#!/bin/sh\n{HEAD}ulimit -Sn\nulimit -Hn\n",
    "echo": f"#!/bin/sh\n{HEAD}echo \"${{CONTENT_LENGTH-none}} ${{HTTP_TRANSFER_ENCODING-none}}\"\nexec cat\n",
    "ignore": f"#!/bin/sh\n{HEAD}echo done\n",
    "noisy": f"#!/bin/sh\n{HEAD}yes complaint | head -c 300000 >&2\necho body\n",
    "environ": f"#!/bin/sh\n{HEAD}cat /proc/$$/environ; :\n",
}

ROUTES = """
[server]
workers = 1
log_level = "debug"
drain_timeout = "300ms"
[[site]]
[[site.route]]
path = "/cgi-bin/*"
handler = "cgi"
root = "cgi-bin"
[[site.route]]
path = "/head/*"
handler = "cgi"
root = "cgi-bin"
timeout_head = "500ms"
[[site.route]]
path = "/idle/*"
handler = "cgi"
root = "cgi-bin"
timeout_idle = "500ms"
[[site.route]]
path = "/few/*"
handler = "cgi"
root = "cgi-bin"
max_running = 1
queue = 1
queue_timeout = "60s"
[[site.route]]
path = "/streamed/*"
handler = "cgi"
root = "cgi-bin"
buffer_body = false
"""

# Only root can make these, in a mount namespace of its own.
PURE_CGROUP2 = ["unshare", "-m", "--propagation", "private", "sh", "-c",
                "umount -R /sys/fs/cgroup 2>/dev/null; mount -t cgroup2 none /sys/fs/cgroup && exec \"$@\"", "sh"]
NO_CGROUP2 = ["unshare", "-m", "--propagation", "private", "sh", "-c",
              "umount -R /sys/fs/cgroup 2>/dev/null; exec \"$@\"", "sh"]


def has(prefix):
    try:
        return subprocess.run([*prefix, "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture
def programs(tmp_path):
    root = site(tmp_path, PROGRAMS, "cgi-bin")
    os.mkfifo(root / "fifo")
    yield root
    for left in root.glob("pid.*"):
        with contextlib.suppress(ProcessLookupError, ValueError):
            os.killpg(int(left.read_text()), signal.SIGKILL)


@pytest.fixture
def confined(server, programs):
    """A server whose programs have cgroups."""
    if not has(PURE_CGROUP2):
        pytest.skip("no cgroup version 2 can be mounted here")
    return server(ROUTES, prefix=PURE_CGROUP2)


@pytest.fixture
def cgi(server, programs):
    return server(ROUTES)


def pid_in(programs, name):
    file = programs / f"pid.{name}"
    return int(wait_until(lambda: file.exists() and file.read_text().strip(), f"{file} written"))


def tell(programs, line):
    """Lets the program that reads the FIFO go on."""
    def opened():
        try:
            return os.open(programs / "fifo", os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return None
    fd = wait_until(opened, "a reader of the FIFO")
    os.write(fd, line.encode() + b"\n")
    os.close(fd)


def cgroups(running):
    """The names of the cgroups of the server in which somebody is; others may have some at the same place."""
    process = pathlib.Path(f"/proc/{running.process.pid}")
    own = re.search(r"^0::(/.*)$", (process / "cgroup").read_text(), re.MULTILINE)[1]
    threads = {each.name for each in (process / "task").iterdir()}
    made = (process / f"root/sys/fs/cgroup{own}").glob("program-*")
    return [each.name for each in made if each.name.split("-")[1] in threads and is_populated(each)]


def is_populated(cgroup):
    try:
        return "populated 1" in (cgroup / "cgroup.events").read_text()
    except OSError:  # removed meanwhile
        return False


# The tree of a program.

def test_who_has_left_the_group_is_ended_when_the_time_is_over(confined, programs):
    assert confined.fetch("/head/escape").status == 504
    for name in ("leader", "escaped"):
        pid = pid_in(programs, name)
        wait_until(lambda: not is_running(pid), f"{name} ended")
    wait_until(lambda: not cgroups(confined), "the cgroup removed")


@pytest.mark.parametrize("program", ["escape", "escape-body"])
@pytest.mark.parametrize("leave", ["reset", "close"])
def test_who_has_left_the_group_is_ended_when_the_client_has_gone(confined, programs, program, leave):
    client = confined.client()
    client.send(wire.request(f"/cgi-bin/{program}"))
    pids = [pid_in(programs, "escaped"), pid_in(programs, "leader")]
    if program == "escape-body":
        client.read_until(b"begun")
    assert len(cgroups(confined)) == 1
    getattr(client, leave)()
    for pid in pids:
        wait_until(lambda: not is_running(pid), "the whole tree ended")
    wait_until(lambda: not cgroups(confined), "the cgroup removed")


def test_who_has_left_the_group_is_ended_when_an_answer_stops(confined, programs):
    with confined.client() as client, pytest.raises(wire.Closed):
        client.request("/idle/escape-body")
    pid = pid_in(programs, "escaped")
    wait_until(lambda: not is_running(pid), "ended")


def test_a_server_that_stops_takes_those_along_who_have_left_the_group(confined, programs):
    with confined.client() as client:
        client.send(wire.request("/cgi-bin/escape"))
        pid = pid_in(programs, "escaped")
        confined.stop()
    wait_until(lambda: not is_running(pid), "ended with the server")


def test_one_program_that_is_ended_leaves_the_others_alone(confined, programs):
    with confined.client() as other:
        other.send(wire.request("/cgi-bin/told"))
        other.read_until(b"first\n")
        assert confined.fetch("/head/escape").status == 504
        pid = pid_in(programs, "escaped")
        wait_until(lambda: not is_running(pid), "ended")
        tell(programs, "second")
        other.read_until(b"second\n")


def test_what_a_finished_program_leaves_behind_is_its_own(confined, programs):
    assert confined.fetch("/cgi-bin/escape-done").body == b"done\n"
    pid = pid_in(programs, "escaped")
    # Its cgroup is in nobody's way, and goes when it is empty.
    assert confined.fetch("/cgi-bin/exact").body == b"body"
    assert is_running(pid) and cgroups(confined)
    os.killpg(pid, signal.SIGKILL)
    wait_until(lambda: not cgroups(confined), "the cgroups removed")


def test_without_cgroups_programs_run_all_the_same(server, programs):
    if not has(NO_CGROUP2):
        pytest.skip("no mount namespace can be made here")
    running = server(ROUTES, prefix=NO_CGROUP2)
    assert running.fetch("/cgi-bin/exact").body == b"body"
    assert running.fetch("/head/escape").status == 504
    leader = pid_in(programs, "leader")
    wait_until(lambda: not is_running(leader), "the group ended")
    assert len(re.findall("no cgroups for programs", running.log_text())) == 1


# What a program is born with.

def test_a_program_has_the_soft_limit_of_files_that_the_server_was_started_with(server, programs):
    running = server(ROUTES, prefix=["sh", "-c", "ulimit -Sn 500; exec \"$@\"", "sh"])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    raised = re.search(r"^Max open files +(\d+)", pathlib.Path(f"/proc/{running.process.pid}/limits").read_text(), re.MULTILINE)
    assert int(raised[1]) == hard
    assert running.fetch("/cgi-bin/limit").body.split() == [b"500", str(hard).encode()]
    assert "Reloaded" in running.reload(ROUTES)
    assert running.fetch("/cgi-bin/limit").body.split()[0] == b"500"


# As whom it runs.

AS_OTHER = """
[[site]]
[[site.route]]
path = "/*"
handler = "cgi"
root = "{root}"
{account}
timeout_head = "{patience}"
"""
WHO = f"#!/bin/sh\n{HEAD}id -u; id -g; id -G; grep -E '^(CapEff|CapPrm):' /proc/$$/status; echo complaint > /dev/stderr; cat\n"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may start programs as somebody else")


@pytest.fixture
def public():
    """A directory that everybody may read."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield pathlib.Path(name)


@needs_root
@pytest.mark.parametrize("account, uid, gid", [
    ('user = "nobody"\ngroup = "daemon"', "65534", "1"), ('user = "nobody"', "65534", "65534"), ('group = "daemon"', "0", "1")])
def test_a_program_runs_as_whom_the_route_says(server, public, account, uid, gid):
    put(public / "who", WHO)
    running = server(AS_OTHER.format(root=public, account=account, patience="30s"))
    lines = running.fetch("/who", method="POST", body=b"the body").body.decode().splitlines()
    assert lines[:3] == [uid, gid, gid] and lines[-1] == "the body"
    if uid != "0":
        assert lines[3:5] == ["CapPrm:\t0000000000000000", "CapEff:\t0000000000000000"]
    running.wait_for_log("who: complaint")


@needs_root
def test_what_only_the_server_may_read_is_not_run_for_somebody_else(server, public):
    put(public / "own/who", WHO)
    (public / "own").chmod(0o700)
    assert server(AS_OTHER.format(root=public, account='user = "nobody"', patience="30s")).fetch("/own/who").status == 403


@needs_root
def test_a_program_of_somebody_else_is_ended_all_the_same(server, public):
    put(public / "stuck", "#!/bin/sh\ntrap '' TERM\nsleep 1000\nsleep 1000\n")
    running = server(AS_OTHER.format(root=public, account='user = "nobody"', patience="300ms"))
    children = pathlib.Path(f"/proc/{running.process.pid}/task")

    def programs_left():
        return [each for task in children.iterdir() for each in (task / "children").read_text().split()]
    with running.client() as client:
        client.send(wire.request("/stuck"))
        leader = int(wait_until(programs_left, "a program")[0])
        assert client.response().status == 504
    wait_until(lambda: not programs_left(), "no program left")
    assert not is_running(leader)


@needs_root
@pytest.mark.parametrize("account, prefix, reason", [
    ('user = "no-such-user"', [], "no user no-such-user"),
    ('group = "no-such-group"', [], "no group no-such-group"),
    ('user = "nobody"', ["setpriv", "--bounding-set", "-setuid"], "needs root, or the capabilities"),
    ('user = "nobody"', ["setpriv", "--bounding-set", "-kill"], "needs root, or the capabilities"),
])
def test_a_server_that_cannot_make_a_program_run_as_the_user_does_not_start(tmp_path, public, account, prefix, reason):
    file = tmp_path / "uvhttpd.toml"
    file.write_text(AS_OTHER.format(root=public, account=account, patience="30s") + '[[listener]]\naddress = "127.0.0.1:0"\n')
    result = subprocess.run([*prefix, BINARY, "-c", file], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, timeout=wire.DEADLINE)
    assert result.returncode == 1 and reason in result.stdout, result.stdout


# Reloads.

def test_a_reload_leaves_programs_alone_whose_answers_are_complete(cgi, programs):
    assert cgi.fetch("/cgi-bin/linger").body == b"body\n"
    for _ in range(2):
        assert "Reloaded" in cgi.reload(ROUTES)
    assert cgi.fetch("/cgi-bin/exact").body == b"body"
    tell(programs, "told")
    cgi.wait_for_log("linger: afterwards told")


def test_a_place_becomes_free_when_its_program_is_gone_also_after_a_reload(cgi, programs):
    assert cgi.fetch("/few/linger").body == b"body\n"
    with cgi.client() as waiting, cgi.client() as refused:
        waiting.send(wire.request("/few/exact"))
        wait_until(lambda: refused.request("/few/exact").status == 503, "a full queue")
        assert "Reloaded" in cgi.reload(ROUTES)
        tell(programs, "told")
        assert waiting.response().body == b"body"
    cgi.wait_for_log("linger: afterwards told")


# Bodies without a length, where the operator wants them streamed.

def test_a_chunked_body_streams_to_a_program_where_the_route_says_so(cgi):
    with cgi.client() as client:
        client.send(wire.request("/streamed/echo", "POST", ["Transfer-Encoding: chunked"]) + b"5\r\nfirst\r\n")
        client.read_until(b"none none\n")
        client.read_until(b"first")
        client.send(b"6\r\nsecond\r\n0\r\n\r\n")
        client.read_until(b"second")
        assert client.read_until(b"0\r\n\r\n")
        assert client.request("/cgi-bin/exact").body == b"body"


def test_a_streamed_body_that_is_not_read_is_thrown_away(cgi):
    with cgi.client() as client:
        client.send_gently(wire.request("/streamed/ignore", "POST", ["Transfer-Encoding: chunked"])
                           + wire.chunked(b"x" * 500_000, 50_000))
        assert client.response().body == b"done\n"


def test_a_streamed_body_that_breaks_off_ends_the_program(cgi, programs):
    client = cgi.client()
    client.send(wire.request("/streamed/escape-body", "POST", ["Transfer-Encoding: chunked"]) + b"5\r\nfirst\r\n")
    pid = pid_in(programs, "leader")
    client.reset()
    wait_until(lambda: not is_running(pid), "the program ended")


# What goes to the log.

def test_a_field_that_no_variable_can_stand_for_is_told_once(cgi):
    for _ in range(3):
        body = cgi.fetch("/cgi-bin/environ", fields=["X_Under: a", "X.Dot: b", "X-Fit: c"]).body
        assert b"HTTP_X_FIT=c" in body and b"UNDER" not in body and b"DOT" not in body
    for name in ("X_Under", "X.Dot"):
        cgi.wait_for_log(rf"the field {re.escape(name)} is not passed on")
        assert len(re.findall(rf"the field {re.escape(name)} ", cgi.log_text())) == 1
    assert "X-Fit" not in cgi.log_text()


def test_standard_error_beyond_a_bound_is_read_but_not_logged(cgi):
    assert cgi.fetch("/cgi-bin/noisy").body == b"body\n"
    cgi.wait_for_log("more to standard error than is logged")
    assert len(cgi.log_text()) < 200_000


def test_a_nul_in_the_path_never_reaches_a_program(cgi):
    assert cgi.fetch("/cgi-bin/environ/a%00b").status == 400
