# SPDX-License-Identifier: MIT
"""docs/static-sites.md: every example on the page is run, a section at a time, and prints what the page shows."""
import dataclasses
import os
import pathlib
import random
import re
import shlex
import socket
import subprocess

import pytest

import wire
from conftest import BINARY

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/static-sites.md"
SHOWN_PORT = 8080                 # of the server, on the page
SHOWN_DIRECTORY = "/srv/example"  # where the examples are run, on the page
LONGEST_LINE = 125
RELOAD_ENDED = r"Reloaded|Reload refused"


@dataclasses.dataclass
class Block:
    """A fenced block: its kind is the first word of the info string."""
    kind: str
    line: int
    text: str = ""

    def __str__(self):
        return f"{PAGE.name}:{self.line}: {self.kind}"


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


def free_port():
    """As many digits as the port on the page, so that columns and carets stand where they are shown; and none that the
    kernel gives to those who ask for any."""
    while True:
        port = random.randint(2000, 9999)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Place:
    """A directory with a server for the blocks of one section."""

    def __init__(self, tmp, start):
        self.tmp, self.start = tmp, start
        self.port = free_port()
        self.server = None
        self.programs = tmp.parent / (tmp.name + "-bin")
        self.programs.mkdir()
        (self.programs / "uvhttpd").symlink_to(BINARY)

    def here(self, text):
        """What the page says, for this machine."""
        return text.replace(f":{SHOWN_PORT}", f":{self.port}").replace(SHOWN_DIRECTORY, str(self.tmp))

    def shown(self, text):
        """What has come, as the page would say it."""
        return text.replace("\r\n", "\n").replace(f":{self.port}", f":{SHOWN_PORT}").replace(str(self.tmp), SHOWN_DIRECTORY)

    def run(self, block):
        kinds = {"sh": self.run_sh, "toml": self.run_toml, "console": self.run_console}
        assert block.kind in kinds, f"{block}: blocks are sh, toml or console"
        kinds[block.kind](block)

    def bash(self, text):
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        environment |= {"PATH": f"{self.programs}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "HOME": str(self.tmp)}
        return subprocess.run(["bash", "-c", text], cwd=self.tmp, env=environment, text=True, timeout=wire.DEADLINE,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)

    def run_sh(self, block):
        result = self.bash("set -euo pipefail\n" + self.here(block.text))
        assert (result.returncode, result.stdout) == (0, ""), block

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
        if command.startswith("uvhttpd serve"):
            self.serve(arguments=shlex.split(command)[1:] + ["--port", str(self.port)])
            return self.server.stderr_text()
        if "kill -HUP" not in command:
            return self.bash(command).stdout
        ended = len(re.findall(RELOAD_ENDED, self.server.log_text()))
        printed = self.bash(command).stdout
        self.server.wait_for_log(RELOAD_ENDED, ended + 1)
        return printed


TEXT = PAGE.read_text(encoding="utf-8")
SECTIONS = sections_of(TEXT)


@pytest.mark.parametrize("section", SECTIONS[1:], ids=[section.title for section in SECTIONS[1:]])
def test_examples_do_what_the_page_shows(server, tmp_path, section):
    place = Place(tmp_path, server)
    for block in section.blocks:
        place.run(block)


def test_every_block_belongs_to_a_section():
    assert not SECTIONS[0].blocks
    assert all(section.blocks for section in SECTIONS[1:])


def test_lines_fit_into_a_plain_viewer():
    assert not [number for number, line in enumerate(TEXT.splitlines(), 1) if len(line) > LONGEST_LINE]


def anchors_of(text):
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ["docs/static-sites.md", "docs/configuration.md", "README.md"])
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)]+)\)", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)):
        if link.startswith("https:"):
            continue
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target.read_text(encoding="utf-8")), link


# The runner itself

@pytest.mark.parametrize("printed,shown,same", [
    (["a", "b"], ["a", "b"], True),
    (["a", "b"], ["a", "c"], False),
    (["a", "b"], ["a"], False),
    (["a"], ["a", "b"], False),
    ([], [], True),
    (["a"], [], False),
    (["a", "b", "c"], ["a", "...", "c"], True),
    (["a", "c"], ["a", "...", "c"], True),
    (["a", "b"], ["a", "...", "c"], False),
    (["a+b"], ["a.b"], False),
], ids=lambda value: str(value))
def test_printed_lines_are_compared_whole(printed, shown, same):
    assert is_as_shown(printed, shown) == same


@pytest.mark.parametrize("text,says", [
    ("## A\n```text\na\n```\n", "blocks are sh, toml or console"),
    ("## A\n```\na\n```\n", "blocks are sh, toml or console"),
    ("## A\n```console\nb\n```\n", "before the first command"),
    ("## A\n```console\n$ echo a\nb\n```\n", r"\$ echo a\s+a"),
    ("## A\n```console\n$ echo a\n```\n", r"\$ echo a\s+a"),
    ("## A\n```sh\nfalse\n```\n", "sh"),
    ("## A\n```sh\necho a\n```\n", "sh"),
], ids=["unknown kind", "no kind", "no command", "other output", "more output", "failing command", "output of sh"])
def test_page_with_a_fault_is_a_failure(server, tmp_path, text, says):
    place = Place(tmp_path, server)
    with pytest.raises(AssertionError, match=says):
        place.run(sections_of(text)[1].blocks[0])
