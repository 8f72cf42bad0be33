# SPDX-License-Identifier: MIT
"""Processes: pinned when started, measured as a tree, and never left behind."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
TICK_NANOSECONDS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def pinned(cpu: int) -> Iterator[None]:
    """What is started inside inherits the one CPU, as it would from taskset."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = (entry / "stat").read_text()
                parent = int(stat.rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def cpu_nanoseconds(pid: int) -> int:
    """Time on a CPU of every thread of the tree, by the scheduler's own counters.

    Programs that it ran and waited for count too, in ticks.
    """
    total = 0
    for each in tree(pid):
        for schedstat in (PROC / str(each) / "task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                total += int(schedstat.read_text().split()[0])
        with contextlib.suppress(OSError):
            stat = (PROC / str(each) / "stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, stat[13:15])) * TICK_NANOSECONDS
    return total


def settled_cpu_nanoseconds(pid: int) -> int:
    """The same, once the tree rests: a running thread's counter lags behind."""
    total = cpu_nanoseconds(pid)
    for _ in range(50):
        time.sleep(0.02)
        before, total = total, cpu_nanoseconds(pid)
        if total - before < 20_000:
            break
    return total


def memory_bytes(pid: int) -> int:
    """Private and shared memory of the tree, shared pages counted once (Pss)."""
    total = 0
    for each in tree(pid):
        with contextlib.suppress(OSError):
            for line in (PROC / str(each) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


def machine_busy_seconds() -> float:
    """CPU time the whole machine has worked, idle and waiting left out."""
    user, nice, system, _, _, irq, softirq, *_ = map(
        int, (PROC / "stat").read_text().split("\n", 1)[0].split()[1:])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def wait_until_quiet(most_seconds: float, busy: float) -> None:
    """Waits until the machine works less than `busy` CPUs, or until the time is up."""
    deadline = time.monotonic() + most_seconds
    while time.monotonic() < deadline:
        before = machine_busy_seconds()
        time.sleep(0.5)
        if machine_busy_seconds() - before < 0.5 * busy:
            return


class Child:
    """A process in a group of its own; stop() ends the group. Its output goes to `log`."""

    def __init__(self, command: list[str], log: Path, cpu: int):
        self.log = log
        with log.open("wb") as output, pinned(cpu):
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True)
        self.pid = self.process.pid

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def stop(self) -> None:
        for sign, patience in ((signal.SIGTERM, 2), (signal.SIGKILL, 5)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience)
                break
        with contextlib.suppress(ProcessLookupError):  # workers that outlived their master
            os.killpg(self.pid, signal.SIGKILL)
