# SPDX-License-Identifier: MIT
"""Pages of docs/ whose examples are run as they are written, a section at a time, and print what the page shows."""
import dataclasses
import os
import pathlib
import random
import re
import shlex
import signal
import socket
import subprocess
import tempfile

import wire
from conftest import BINARY

ROOT = pathlib.Path(__file__).resolve().parents[2]
# On a page: the ports of the server and of the programs behind it, and where the examples are run.
SHOWN_PORT = 8080
SHOWN_PORTS = (SHOWN_PORT, 8443, 9001, 9002, 9003)
SHOWN_DIRECTORY = "/srv/example"
SHOWN_PHP = "php-fpm8.2"
LONGEST_LINE = 125
RELOAD_ENDED = r"Reloaded|Reload refused"
TO_A_JOB = re.compile(r"kill(?: -(\w+))? %(\d+)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


@dataclasses.dataclass
class Block:
    """A fenced block: its kind is the first word of the info string."""
    kind: str
    line: int
    text: str = ""

    def __str__(self):
        return f"line {self.line}: {self.kind}"


@dataclasses.dataclass
class Section:
    title: str
    blocks: list


def sections_of(text):
    """The sections that begin with `## `, with their blocks; what stands before the first has no name."""
    sections, block = [Section("", [])], None
    for number, line in enumerate(text.splitlines(), 1):
        fence = re.fullmatch(r"```(\S*)", line)
        if block is not None and not fence:
            block.text += line + "\n"
        elif block is not None:
            assert not fence[1], f"line {number}: a block within one"
            block = None
        elif fence:
            block = Block(fence[1], number)
            sections[-1].blocks.append(block)
        elif line.startswith("## "):
            sections.append(Section(line[3:], []))
    assert block is None, "the last block has no end"
    return sections


def commands_of(text):
    """The commands of a console block, each with the lines it prints. A command goes on in lines that begin with `> `."""
    commands = []
    for line in text.splitlines():
        if line.startswith("$ "):
            commands.append([line[2:], []])
            continue
        assert commands, f"{line!r} before the first command"
        if line.startswith("> ") and not commands[-1][1]:
            commands[-1][0] += "\n" + line[2:]
        else:
            commands[-1][1].append(line)
    return commands


def is_as_shown(printed, shown):
    """Whether these are the lines; a shown line `...` stands for any number of them."""
    pattern = "".join("(?:.*\n)*" if line == "..." else re.escape(line) + "\n" for line in shown)
    return re.fullmatch(pattern, "".join(line + "\n" for line in printed)) is not None


def free_ports(count):
    """As many digits as the ports on a page, so that columns and carets stand where they are shown; and none that the
    kernel gives to those who ask for any."""
    ports = []
    while len(ports) < count:
        port = random.randint(2000, 9999)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in ports and port not in SHOWN_PORTS:
            ports.append(port)
    return ports


def listening_inodes():
    found = set()
    for table, flag, inode, listens in (("tcp", 3, 9, "0A"), ("tcp6", 3, 9, "0A"), ("unix", 3, 6, "00010000")):
        with open(f"/proc/net/{table}", encoding="utf-8", errors="replace") as file:
            for row in list(file)[1:]:
                fields = row.split()
                if fields[flag] == listens:
                    found.add(fields[inode])
    return found


def listens(group):
    """Whether a process of the group listens on a socket."""
    sockets = {f"socket:[{inode}]" for inode in listening_inodes()}
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.getpgid(int(process)) == group and sockets & {
                    os.readlink(entry.path) for entry in os.scandir(f"/proc/{process}/fd")}:
                return True
        except OSError:  # it has ended meanwhile, or a descriptor of it was closed
            continue
    return False


class Jobs:
    """Programs that a page starts with `&`, each in a process group of its own."""

    def __init__(self):
        self.processes = []
        self.commands = []  # that have ended; others of their groups may go on

    def start(self, command, log, **more):
        """Returns when it listens."""
        with open(log, "wb") as output:
            process = subprocess.Popen(["bash", "-c", command], stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT, start_new_session=True, **more)
        self.processes.append(process)
        wire.wait_until(lambda: process.poll() is not None or listens(process.pid), command)
        assert process.poll() is None, f"{command}\n{log.read_text(errors='replace')}"

    def signal(self, number, name):
        process = self.processes[number - 1]
        self.send(process, getattr(signal, f"SIG{name}"))
        if name in ("TERM", "KILL"):
            process.wait(wire.DEADLINE)

    @staticmethod
    def send(process, number):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass

    def stop(self):
        for process in self.processes + self.commands:
            self.send(process, signal.SIGKILL)
            process.wait(wire.DEADLINE)


class Place:
    """A directory with a server and other programs for the blocks of one section."""

    def __init__(self, tmp, start):
        self.tmp, self.start = tmp, start
        self.ports = {str(shown): str(port) for shown, port in zip(SHOWN_PORTS, free_ports(len(SHOWN_PORTS)))}
        self.port = int(self.ports[str(SHOWN_PORT)])
        self.server = None
        self.jobs = Jobs()
        self.programs = tmp.parent / (tmp.name + "-bin")
        self.programs.mkdir()
        (self.programs / "uvhttpd").symlink_to(BINARY)
        # The page says one version; another one will do.
        for php in pathlib.Path("/usr/sbin").glob("php-fpm[0-9]*"):
            (self.programs / SHOWN_PHP).unlink(missing_ok=True)
            (self.programs / SHOWN_PHP).symlink_to(php)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.jobs.stop()

    def here(self, text):
        """What the page says, for this machine."""
        return in_place_of(self.ports, text).replace(SHOWN_DIRECTORY, str(self.tmp))

    def shown(self, text):
        """What has come, as the page would say it."""
        text = text.replace("\r\n", "\n").replace(str(self.tmp), SHOWN_DIRECTORY)
        return in_place_of({port: shown for shown, port in self.ports.items()}, text)

    def run(self, block):
        kinds = {"sh": self.run_sh, "toml": self.run_toml, "console": self.run_console}
        assert block.kind in kinds, f"{block}: blocks are sh, toml or console"
        kinds[block.kind](block)

    def environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        return kept | {"PATH": f"{self.programs}:/usr/sbin:/usr/bin:{os.environ['PATH']}", "LC_ALL": "C.UTF-8",
                       "HOME": str(self.tmp), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1"}

    def bash(self, text):
        """Runs it to its end; what it leaves in the background goes on until the section ends, so no pipe is waited for."""
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(["bash", "-c", text], cwd=self.tmp, env=self.environment(), stdin=subprocess.DEVNULL,
                                       stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
            if " & " in text:
                self.jobs.commands.append(process)
            status = process.wait(wire.DEADLINE)
            output.seek(0)
            return status, output.read().decode()

    def run_sh(self, block):
        status, printed = self.bash("set -euo pipefail\n" + self.here(block.text))
        assert (status, printed) == (0, ""), f"{block}\n{printed}"

    def run_toml(self, block):
        text = self.here(block.text)
        if "[[listener]]" not in text:
            text += f'\n[[listener]]\naddress = "127.0.0.1:{self.port}"\n'
        if self.server:
            assert self.server.reload(text) == "Reloaded", f"{block}\n{self.server.log_text()}"
        else:
            self.serve(text=text)

    def serve(self, **more):
        """Starts a server in the place of the one that runs, which Ctrl-C would have ended."""
        if self.server:
            self.server.stop()
        self.server = self.start(**more)
        # There is no other server on the reader's machine.
        pidof = self.programs / "pidof"
        pidof.write_text(f"#!/bin/sh\necho {self.server.process.pid}\n")
        pidof.chmod(0o755)

    def run_console(self, block):
        for command, shown in commands_of(block.text):
            printed = self.shown(self.print_of(self.here(command))).splitlines()
            assert is_as_shown(printed, shown), f"{block}\n$ {command}\n" + "\n".join(printed)

    def print_of(self, command):
        job = TO_A_JOB.fullmatch(command)
        if job:
            self.jobs.signal(int(job[2]), job[1] or "TERM")
            return ""
        if command.endswith(" &"):
            number = len(self.jobs.processes) + 1
            self.jobs.start(command[:-2], self.programs / f"job-{number}.log", cwd=self.tmp, env=self.environment())
            return ""
        if command.startswith("uvhttpd serve"):
            self.serve(arguments=shlex.split(command)[1:] + ["--port", str(self.port)])
            return self.server.stderr_text()
        if "kill -HUP" not in command:
            return self.bash(command)[1]
        ended = len(re.findall(RELOAD_ENDED, self.server.log_text()))
        printed = self.bash(command)[1]
        self.server.wait_for_log(RELOAD_ENDED, ended + 1)
        return printed


def in_place_of(words, text):
    return re.sub(r"\b(?:" + "|".join(map(re.escape, words)) + r")\b", lambda found: words[found[0]], text)


def run_section(section, tmp, server):
    with Place(tmp, server) as place:
        for block in section.blocks:
            place.run(block)


def lines_too_long(text):
    return [number for number, line in enumerate(text.splitlines(), 1) if len(line) > LONGEST_LINE]


def anchors_of(text):
    headings = re.findall(r"^#+ (.*)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page):
    """The links of a page, named below the root, that lead to nothing in the source tree."""
    text = (ROOT / page).read_text(encoding="utf-8")
    broken = []
    for link in re.findall(r"\]\(([^)]+)\)", FENCED.sub("", text)):
        if link.startswith("https:"):
            continue
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors_of(target.read_text(encoding="utf-8"))):
            broken.append(link)
    return broken
