# SPDX-License-Identifier: MIT
"""Compares uvhttpd with other servers and with the floor, in interleaved rounds.

Each server has one worker pinned to one CPU; the load generator has another, and so has what
stands behind a server that hands requests on. The figure to read is CPU microseconds per request
of the server's whole process tree, as a ratio to nginx's; under `cgi`, where a program's own start
is most of that, it is requests per second, as a ratio to lighttpd's.
"""

import argparse
import contextlib
import datetime
import os
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import measure
import prepare
import process
import report
import servers
import upstreams
import workloads
from measure import KINDS, Cpus, Sample, Take, Target
from prepare import say
from servers import Failure, Place, Server
from workloads import Workload


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="workloads:\n" + "\n".join(
            f"  {w.name:12} {w.title}" for w in workloads.WORKLOADS.values())
        + f"\nservers: {', '.join(servers.SERVERS)}")
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", default=workloads.DEFAULT,
                        help="'all', or some of those below "
                             f"(default: {' '.join(workloads.DEFAULT)})")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--seconds", type=int, default=3, metavar="S", help="of each round")
    parser.add_argument("--servers", default=",".join(servers.DEFAULT), metavar="A,B,C",
                        help="each takes part where it can (default: %(default)s)")
    parser.add_argument("--binary", metavar="PATH",
                        help="the uvhttpd to measure, instead of building one")
    parser.add_argument("--cpus", metavar="S,L", help="CPU of the servers and of the generator")
    parser.add_argument("--wait", type=int, default=0, metavar="S",
                        help="wait up to S seconds before each sample for a quiet machine")
    parser.add_argument("--quick", action="store_true", help="one round of one second")
    parser.add_argument("--save", action="store_true", help="write bench/RESULTS.md")
    parser.add_argument("--profile", action="store_true",
                        help="show where the first server's CPU time goes under one workload")
    options = parser.parse_intermixed_args()
    if options.quick:
        options.rounds = options.seconds = 1
    if options.workloads == ["all"]:
        options.workloads = list(workloads.WORKLOADS)
    for name in options.workloads:
        if name not in workloads.WORKLOADS:
            parser.error(f"no workload '{name}': {', '.join(workloads.WORKLOADS)}")
    for name in options.servers.split(","):
        if name not in servers.SERVERS:
            parser.error(f"no server '{name}': {', '.join(servers.SERVERS)}")
    if options.rounds < 1 or options.seconds < 1:
        parser.error("--rounds and --seconds are at least 1")
    return options


def choose_cpus(wanted: str | None) -> Cpus:
    usable = sorted(os.sched_getaffinity(0))
    if wanted:
        server, _, load = wanted.partition(",")
        if not {server, load} <= set(map(str, usable)):
            raise Failure(f"--cpus {wanted}: two of {usable} are wanted")
        return Cpus(int(server), int(load))
    if len(usable) < 2:
        say("only one CPU here: server and generator share it, so compare nothing but CPU time")
    return Cpus(usable[0], usable[-1])


def stop_on_signals() -> None:
    """INT, TERM and HUP unwind the stack once, so that every child is stopped on the way."""
    caught = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(*_: object) -> None:
        for each in caught:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for each in caught:
        signal.signal(each, interrupt)


class Bench:
    def __init__(self, options: argparse.Namespace, scratch: Path):
        self.options = options
        self.scratch = scratch
        self.cpus = choose_cpus(options.cpus)
        self.failures = 0
        named = [servers.SERVERS[name] for name in options.servers.split(",")]
        wanted = [workloads.WORKLOADS[name] for name in options.workloads]
        self.chosen = [server for server in (named[:1] if options.profile else named)
                       if any(server.can(workload) for workload in wanted)]
        if not self.chosen:
            raise Failure(f"{options.servers}: unable to do {' '.join(options.workloads)}")
        self.programs = self.prepare()
        self.root = scratch / "documents"
        workloads.make_documents(self.root, Path(self.behind["cgi"]))
        if any(workload.tls for workload in wanted):
            prepare.make_certificate(self.root.with_name("tls"))

    def prepare(self) -> dict[str, str]:
        ours = any(server.name == "uvhttpd" for server in self.chosen)
        builds = ours and not self.options.binary
        prepare.prepare_packages(self.chosen, builds, self.options.profile)
        floor = prepare.build_c("floor")
        self.behind = {"proxy": floor, "fastcgi": prepare.build_c("fastcgi_floor"),
                       "cgi": prepare.build_c("hello_cgi", "-static")}
        built = {"floor": floor, "floor-sendfile": floor}
        if ours:
            built["uvhttpd"] = self.options.binary or prepare.build_uvhttpd()
            if not os.access(built["uvhttpd"], os.X_OK):
                raise Failure(f"{built['uvhttpd']} cannot be run")
        return {server.name: servers.program_of(server, built) for server in self.chosen}

    def target(self, server: Server, workload: Workload) -> Target:
        home = self.scratch / f"{workload.name}-{server.name}"
        home.mkdir(exist_ok=True)
        port, behind = servers.free_ports(2)
        upstream = str(home / "upstream.sock") if workload.source == "fastcgi" \
            else f"127.0.0.1:{behind}"
        place = Place(workload, self.root, home, port, upstream)
        return Target(server, self.programs[server.name], place, self.cpus)

    def fail(self, workload: Workload, server: Server, failure: Failure) -> None:
        self.failures += 1
        say(f"FAILED {workload.name} {server.name}: {failure}")

    def start(self, target: Target, until: contextlib.ExitStack) -> None:
        """Starts the server until `until` closes, checks its answers and warms it up."""
        workload = target.place.workload
        if upstreams.needed(workload):
            target.upstream = until.enter_context(upstreams.running(
                self.behind[workload.source], target.place, self.cpus.load))
        target.child = until.enter_context(servers.running(
            target.server, target.program, target.place, self.cpus.server))
        measure.check(target)
        measure.wrk(target, 1)

    def measure(self, workload: Workload) -> report.Rounds:
        take, stays = KINDS[workload.kind]
        able = [server for server in self.chosen if server.can(workload)]
        rounds: report.Rounds = {server.name: [] for server in able}
        targets = []
        with contextlib.ExitStack() as until:
            for server in able:
                target = self.target(server, workload)
                try:
                    if stays:
                        self.start(target, until)
                    targets.append(target)
                except Failure as failure:
                    self.fail(workload, server, failure)
            for number in range(1, self.options.rounds + 1):
                for target in targets:
                    sample = self.sample(target, take)
                    rounds[target.server.name].append(sample)
                    if sample:
                        value = report.number(sample[report.MAIN_METRIC[workload.kind]])
                        unit = report.HEADINGS[workload.kind][1]
                        say(f"{workload.name} {number}/{self.options.rounds} "
                            f"{target.server.name}: {value} {unit}")
        return rounds

    def sample(self, target: Target, take: Take) -> Sample | None:
        process.wait_until_quiet(self.options.wait, report.QUIET)
        try:
            return take(target, self.options.seconds)
        except Failure as failure:
            self.fail(target.place.workload, target.server, failure)
            return None

    def compare(self) -> None:
        sections = []
        for name in self.options.workloads:
            workload = workloads.WORKLOADS[name]
            sections.append(report.section(workload, self.measure(workload)))
            print(f"\n{sections[-1]}", flush=True)
        if self.options.save:
            self.save(sections)

    def save(self, sections: list[str]) -> None:
        versions = {server.name: servers.version_of(server, self.programs[server.name])
                    for server in self.chosen}
        versions["wrk"] = subprocess.run(["wrk", "-v"], capture_output=True, text=True,
                                         check=False).stdout.split(" Copyright")[0]
        pinned = f"servers on CPU {self.cpus.server}, wrk and upstreams on CPU {self.cpus.load}"
        path = prepare.REPOSITORY / "bench" / "RESULTS.md"
        path.write_text(report.document(
            shlex.join(["scripts/bench", *sys.argv[1:]]),
            datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
            report.machine(pinned), versions, sections))
        say(f"wrote {path.relative_to(prepare.REPOSITORY)}")

    def profile(self) -> None:
        """Records the first server under the first workload and prints the top of the report."""
        target = self.target(self.chosen[0], workloads.WORKLOADS[self.options.workloads[0]])
        data, seconds = prepare.OUT / "perf.data", max(self.options.seconds, 2)
        with contextlib.ExitStack() as until:
            self.start(target, until)
            assert target.child is not None
            pids = ",".join(map(str, process.tree(target.child.pid)))
            recorder = process.Child(
                ["perf", "record", "-q", "-e", "cpu-clock", "-F", "2999", "-g", "-o", str(data),
                 "-p", pids], target.place.home / "perf.log", self.cpus.load)
            until.callback(recorder.stop)
            counted = measure.wrk(target, seconds)
            measure.require_clean(counted, target.place.workload)
            recorder.process.send_signal(signal.SIGINT)
            recorder.process.wait(30)
        shown = ["perf", "report", "-i", str(data), "--stdio", "-g", "none",
                 "--percent-limit", "0.7"]
        for order, title in (("--no-children", "by itself"), ("--children", "with what it calls")):
            print(f"\n{target.server.name} under {target.place.workload.name}, {title}:\n")
            text = subprocess.run([*shown, order], capture_output=True, text=True,
                                  check=False).stdout
            lines = [line.rstrip() for line in text.splitlines() if line.strip() and line[0] != "#"]
            print("\n".join(lines[:40]))
        say(f"more with: perf report -i {data.relative_to(prepare.REPOSITORY)}")


def allow_many_connections() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main() -> int:
    options = arguments()
    stop_on_signals()
    allow_many_connections()
    scratch = Path(tempfile.mkdtemp(prefix="uvhttpd-bench-"))
    scratch.chmod(0o755)  # workers that gave up root read it too
    try:
        bench = Bench(options, scratch)
        os.sched_setaffinity(0, {bench.cpus.load})  # leaves the other CPU to the server
        if options.profile:
            bench.profile()
        else:
            bench.compare()
        return 1 if bench.failures else 0
    except Failure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
