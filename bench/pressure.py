# SPDX-License-Identifier: MIT
"""What an attacker on this machine can hold of each server, and what a normal client has meanwhile.

Each server is as its Debian package configures it, on one CPU; attacker and clients are on
another, the clients with precedence. Every attack meets a fresh server. Two normal clients, at an
address of their own, ask for a page of 1 KiB: one on a new connection each time, one on a kept one.
"""

import argparse
import contextlib
import datetime
import multiprocessing
import os
import shlex
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import bystander
import defended
import prepare
import process
import report
import run
import servers
import workloads
from attacks import ATTACKER, ATTACKS, Attack, Attacker
from defended import Defence
from measure import Cpus
from prepare import say
from servers import Failure, Server

FORK = multiprocessing.get_context("fork")
SLOW_TIMES = 4  # as long as others
TEXT_BYTES = 2 * 1024 * 1024
WARM_SECONDS = 0.5
PATIENCE_SECONDS = 15
# Of the kernel's table of connections: those that are open on the server's side.
OPEN_STATES = {"01", "08"}  # ESTABLISHED, CLOSE_WAIT
PAGE = prepare.REPOSITORY / "docs" / "security.md"
HEADING = ("server", "new: p50 ms", "p99", "failed", "kept: p50 ms", "p99", "failed", "held",
           "files", "memory MiB", "sockets MiB", "CPU", "opened", "let go", "sent MB",
           "received MB")


@dataclass
class Seen:
    """What a normal client had."""

    times: list[float]
    failures: int

    def of_hundred(self, part: int) -> str:
        if len(self.times) < 2:
            return report.number(self.times[0]) if self.times else "-"
        return report.number(statistics.quantiles(self.times, n=100, method="inclusive")[part - 1])

    @property
    def failed(self) -> str:
        share = self.failures / max(1, self.failures + len(self.times))
        return f"{share:.0%}" if not share or share >= 0.01 else "<1%"

    @property
    def summary(self) -> str:
        return self.of_hundred(99) + (f" ({self.failed} failed)" if self.failures else "")


@dataclass
class Outcome:
    new: Seen
    kept: Seen
    effort: dict[str, int]
    held: int  # connections of the attacker that the server has open at the end
    files: int  # descriptors, more than before
    memory: int  # octets, more than before
    sockets: int  # octets that the kernel has in sockets, of all programs, more than before
    busy: float  # CPUs
    others: float  # CPUs that neither the server nor attacker and clients have used

    def row(self, name: str) -> tuple[str, ...]:
        effort = self.effort
        return (name, self.new.of_hundred(50), self.new.of_hundred(99), self.new.failed,
                self.kept.of_hundred(50), self.kept.of_hundred(99), self.kept.failed,
                f"{self.held:,}", f"{self.files:,}", f"{self.memory / 2**20:.1f}",
                f"{self.sockets / 2**20:.1f}", f"{self.busy:.0%}", f"{effort['opened']:,}",
                f"{effort['let_go']:,}", f"{effort['sent'] / 1e6:,.1f}",
                f"{effort['received'] / 1e6:,.1f}")


Outcomes = dict[str, Outcome | None]  # by server; None: failed


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench pressure", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="attacks:\n" + "\n".join(f"  {a.name:16} {a.title}" for a in ATTACKS.values())
        + f"\nservers: {', '.join(defended.SERVERS)}")
    parser.add_argument("--seconds", type=float, default=3, metavar="S",
                        help=f"of each attack, {SLOW_TIMES} times as many of those that are slow "
                             "(default: %(default)s)")
    parser.add_argument("--only", metavar="A,B,C", help="these attacks (default: all)")
    parser.add_argument("--servers", default=",".join(defended.DEFAULT), metavar="A,B,C",
                        help="uvhttpd-limited has limits for each address (default: %(default)s)")
    parser.add_argument("--binary", metavar="PATH",
                        help="the uvhttpd to attack, instead of building one")
    parser.add_argument("--cpus", metavar="S,L", help="CPU of the servers and of the others")
    parser.add_argument("--save", action="store_true",
                        help="write bench/PRESSURE.md (with uvhttpd-limited: PRESSURE-LIMITED.md), "
                             "and the summary into docs/security.md")
    options = parser.parse_args()
    options.attacks = options.only.split(",") if options.only else list(ATTACKS)
    options.named = options.servers.split(",")
    for name in options.attacks:
        if name not in ATTACKS:
            parser.error(f"no attack '{name}': {', '.join(ATTACKS)}")
    for name in options.named:
        if name not in defended.SERVERS:
            parser.error(f"no server '{name}': {', '.join(defended.SERVERS)}")
    if options.seconds <= 0:
        parser.error("--seconds is more than 0")
    return options


class Task:
    """A function in a process of its own, on the others' CPU; result() is what it returned."""

    def __init__(self, work: Callable[[float], dict], until: float, nice: int):
        self.results, results = FORK.Pipe(duplex=False)
        self.process = FORK.Process(target=self.main, args=(work, until, nice, results),
                                    daemon=True)
        self.process.start()
        results.close()

    @staticmethod
    def main(work: Callable[[float], dict], until: float, nice: int, results: Connection) -> None:
        with contextlib.suppress(OSError):  # precedence is for root only
            os.setpriority(os.PRIO_PROCESS, 0, nice)
        results.send(work(until))

    def result(self, patience: float) -> dict:
        try:
            if not self.results.poll(patience):
                raise Failure("attacker or client does not end")
            return self.results.recv()
        except EOFError:
            raise Failure("attacker or client has failed") from None
        finally:
            self.process.kill()
            self.process.join()


def open_files(pid: int) -> int:
    count = 0
    for each in process.tree(pid):
        with contextlib.suppress(OSError):
            count += len(os.listdir(process.PROC / str(each) / "fd"))
    return count


def held_connections(port: int) -> int:
    """Accepted connections between the port and the attacker's address that are open there."""
    def word(address: str) -> str:
        return "".join(f"{int(part):02X}" for part in reversed(address.split(".")))

    count = 0
    for line in (process.PROC / "net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, _, _, _, _, _, inode, *_ = line.split()
        count += (local.endswith(f":{port:04X}") and remote.startswith(word(ATTACKER))
                  and state in OPEN_STATES and inode != "0")
    return count


def socket_bytes() -> int:
    """What the kernel has in the buffers of all TCP sockets of this machine."""
    for line in (process.PROC / "net/sockstat").read_text().splitlines():
        if line.startswith("TCP:"):
            return int(line.split()[-1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


class Siege:
    def __init__(self, options: argparse.Namespace, scratch: Path):
        self.options = options
        self.scratch = scratch
        self.failures = 0
        self.cpus: Cpus = run.choose_cpus(options.cpus)
        self.chosen = [defended.SERVERS[name] for name in options.named]
        self.attacks = [ATTACKS[name] for name in options.attacks]
        self.programs = self.prepare()
        self.root = scratch / "documents"
        self.make_documents()
        self.certificate = defended.make_certificate(scratch) \
            if any(attack.wants_tls for attack in self.attacks) else ("", "")

    def prepare(self) -> dict[str, str]:
        ours = [server.name for server in self.chosen if server.name in defended.OURS]
        prepare.prepare_packages(self.chosen, bool(ours) and not self.options.binary, False)
        if any(attack.wants_tls for attack in self.attacks):
            prepare.install(["openssl", "lighttpd-mod-openssl"])
        binary = (self.options.binary or prepare.build_uvhttpd()) if ours else ""
        built = {name: str(Path(binary).resolve()) for name in ours}
        return {server.name: servers.program_of(server, built) for server in self.chosen}

    def make_documents(self) -> None:
        self.root.mkdir()
        for name, size in workloads.DOCUMENTS.items():
            (self.root / name).write_bytes(b"\0" * size)
        words = " ".join(f"{number} of the words that are the text" for number in range(TEXT_BYTES))
        (self.root / workloads.TEXT).write_text(words[:TEXT_BYTES])

    def place(self, attack: Attack, server: Server) -> Defence:
        home = self.scratch / f"{attack.name}-{server.name}"
        home.mkdir()
        certificate, key = self.certificate if attack.wants_tls else ("", "")
        return Defence(workloads.WORKLOADS["small"], self.root, home, servers.free_ports(1)[0],
                       certificate=certificate, key=key)

    def attack(self, attack: Attack, server: Server) -> Outcome:
        place = self.place(attack, server)
        with servers.running(server, self.programs[server.name], place, self.cpus.server) as child:
            self.warm_up(place, attack)
            files, sockets = open_files(child.pid), socket_bytes()
            memory, cpu = process.memory_bytes(child.pid), process.cpu_nanoseconds(child.pid)
            began, machine = time.monotonic(), process.machine_busy_seconds()
            until = began + self.options.seconds * (SLOW_TIMES if attack.slow else 1)
            clients = [
                Task(bystander.bystander(place.port, keeps, attack.wants_tls).run, until, -10)
                for keeps in (False, True)]
            attacker = Task(Attacker(attack, place.port).run, until, 10)
            most = self.watch(child.pid, until)
            # Still under attack: what the attacker has open goes with it.
            held, files = held_connections(place.port), open_files(child.pid) - files
            sockets, cpu = socket_bytes() - sockets, process.cpu_nanoseconds(child.pid) - cpu
            seconds = time.monotonic() - began
            ours = cpu + sum(process.cpu_nanoseconds(task.process.pid)
                             for task in (*clients, attacker))
            others = process.machine_busy_seconds() - machine - ours / 1e9
            seen = [Seen(**client.result(PATIENCE_SECONDS)) for client in clients]
            effort = attacker.result(PATIENCE_SECONDS)
            if child.has_ended():
                raise Failure("the server has ended")
        return Outcome(*seen, effort, held, files, max(0, most - memory), max(0, sockets),
                       cpu / 1e9 / seconds, max(0.0, others / seconds))

    def warm_up(self, place: Defence, attack: Attack) -> None:
        client = bystander.bystander(place.port, False, attack.wants_tls)
        warm = Seen(**client.run(time.monotonic() + WARM_SECONDS))
        if warm.failures or not warm.times:
            raise Failure("no answer before the attack")

    def watch(self, pid: int, until: float) -> int:
        """The most memory that the server has, until a little before that time."""
        most = 0
        while (left := until - time.monotonic()) > 0.5:
            time.sleep(min(1.0, left - 0.4))
            most = max(most, process.memory_bytes(pid))
        return most

    def compare(self, attack: Attack) -> Outcomes:
        outcomes: Outcomes = {}
        for server in self.chosen:
            try:
                outcome = outcomes[server.name] = self.attack(attack, server)
                say(f"{attack.name} {server.name}: new {outcome.new.summary}, "
                    f"kept {outcome.kept.summary} ms; {outcome.held:,} held")
            except Failure as failure:
                outcomes[server.name] = None
                self.failures += 1
                say(f"FAILED {attack.name} {server.name}: {failure}")
        return outcomes

    def all(self) -> None:
        found: dict[str, Outcomes] = {}
        for attack in self.attacks:
            found[attack.name] = self.compare(attack)
            print(f"\n{section(attack, found[attack.name])}", flush=True)
        summary = f"{self.about()}\n{summaries(found, self.options.named)}\n{noise(found)}"
        print(f"\n{summary}", flush=True)
        if self.options.save:
            kind = "pressure-limited" if "uvhttpd-limited" in self.options.named else "pressure"
            save(kind, summary,
                 [section(ATTACKS[name], outcomes) for name, outcomes in found.items()])

    def about(self) -> str:
        when = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
        command = shlex.join(["scripts/bench", "pressure", *sys.argv[1:]])
        pinned = f"servers on CPU {self.cpus.server}, the others on CPU {self.cpus.load}"
        versions = "\n".join(
            f"- {server.name}: {servers.version_of(server, self.programs[server.name])}"
            for server in self.chosen)
        return f"`{command}` on {when}.\n\nMachine: {report.machine(pinned)}.\n\n{versions}\n"


def section(attack: Attack, outcomes: Outcomes) -> str:
    failed = ("failed",) + ("",) * (len(HEADING) - 2)
    rows = [outcome.row(name) if outcome else (name, *failed) for name, outcome in outcomes.items()]
    return f"## {attack.name}: {attack.title}\n\n{report.aligned([HEADING, *rows])}\n"


def holdings(outcome: Outcome) -> str:
    return f"{outcome.held:,}; {outcome.memory / 2**20:.1f} MiB"


def summaries(found: dict[str, Outcomes], names: list[str]) -> str:
    def table(cell: Callable[[Outcome], str]) -> str:
        rows = [(ATTACKS[attack].title, *(cell(one) if (one := outcomes[name]) else "failed"
                                          for name in names))
                for attack, outcomes in found.items()]
        return report.aligned([("attack", *names), *rows])

    return f"""The 99th percentile of a normal client's answers, in ms, on new connections:

{table(lambda outcome: outcome.new.summary)}

On a connection that is kept:

{table(lambda outcome: outcome.kept.summary)}

Connections that the attacker holds at the end, and the memory that the server has grown by:

{table(holdings)}
"""


def noise(found: dict[str, Outcomes]) -> str:
    """How much of a CPU everything else on the machine took meanwhile."""
    others = [one.others for outcomes in found.values() for one in outcomes.values() if one]
    if not others:
        return ""
    caution = ". That is too much to trust the figures" \
        if statistics.median(others) > report.QUIET else ""
    return (f"Other programs took {statistics.median(others):.0%} of one CPU meanwhile (median), "
            f"{max(others):.0%} at most{caution}.\n")


def save(kind: str, summary: str, sections: list[str]) -> None:
    """Writes the tables into bench/, and the summary into its place in the documentation."""
    details = prepare.REPOSITORY / "bench" / f"{kind.upper()}.md"
    details.write_text("<!-- SPDX-License-Identifier: MIT -->\n# Under pressure\n\n"
                       + summary + "\n" + "\n".join(sections))
    link = f"All figures are in [bench/{details.name}](../bench/{details.name}).\n"
    begin, end = f"<!-- {kind}: begin -->\n", f"<!-- {kind}: end -->\n"
    before, found, rest = PAGE.read_text().partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise Failure(f"{PAGE.name} has no place for the figures")
    PAGE.write_text(f"{before}{begin}\n{summary}\n{link}\n{end}{after}")
    say(f"wrote {details.relative_to(prepare.REPOSITORY)} and "
        f"{PAGE.relative_to(prepare.REPOSITORY)}")


def main() -> int:
    options = arguments()
    run.stop_on_signals()
    run.allow_many_connections()
    scratch = Path(tempfile.mkdtemp(prefix="uvhttpd-pressure-"))
    scratch.chmod(0o755)  # workers that gave up root read it too
    try:
        siege = Siege(options, scratch)
        os.sched_setaffinity(0, {siege.cpus.load})  # leaves the other CPU to the server
        siege.all()
        return 1 if siege.failures else 0
    except Failure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
