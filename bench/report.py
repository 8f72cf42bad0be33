# SPDX-License-Identifier: MIT
"""From samples to a table, and from the table to PASS or MISS."""

import os
import platform
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from measure import Sample
from workloads import Bar, Workload

OURS = "uvhttpd"
QUIET = 0.15  # of a CPU: more work than this beside ours blurs the figures
# Samples of one workload by server, a place per round; None where a round gave none.
Rounds = dict[str, list[Sample | None]]
METRICS = {"cpu_us": "CPU per request", "rps": "requests/s", "mb_s": "MB/s",
           "idle_bytes": "bytes", "start_ms": "ms"}
MAIN_METRIC = {"load": "cpu_us", "handshake": "cpu_us", "idle": "idle_bytes", "start": "start_ms"}
HEADINGS = {
    "load": ("server", "CPU µs/request", "of nginx", "of floor", "requests/s", "p99 ms", "MB/s",
             "CPU busy"),
    "handshake": ("server", "CPU µs/handshake", "of nginx", "handshakes/s"),
    "idle": ("server", "bytes a connection"),
    "start": ("server", "ms to first answer"),
}


def values(rounds: Rounds, server: str, metric: str) -> list[float]:
    return [sample[metric] for sample in rounds.get(server, []) if sample]


def ratio(rounds: Rounds, metric: str, server: str, against: str) -> float | None:
    """Median over the rounds of the ratio within a round, so that both saw the same machine."""
    pairs = zip(rounds.get(server, []), rounds.get(against, []))
    found = [ours[metric] / theirs[metric] for ours, theirs in pairs if ours and theirs]
    return median(found) if found else None


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 100 else f"{value:.2f}"


def with_spread(of: list[float]) -> str:
    """The median, and half the distance from least to most."""
    middle = median(of)
    spread = (max(of) - min(of)) / 2 / middle if middle else 0.0
    return number(middle) + (f" ±{spread:.0%}" if len(of) > 1 else "")


def row(workload: Workload, rounds: Rounds, server: str) -> tuple[str, ...]:
    metric = MAIN_METRIC[workload.kind]
    of = {name: values(rounds, server, name) for name in ("rps", "p99_ms", "mb_s", "busy")} \
        if workload.kind == "load" else {}
    main = values(rounds, server, metric)
    if not main:
        return (server, "failed") + ("",) * (len(HEADINGS[workload.kind]) - 2)
    if workload.kind == "handshake":
        of_nginx = ratio(rounds, metric, server, "nginx")
        return (server, with_spread(main), "" if of_nginx is None else f"{of_nginx:.2f}",
                with_spread(values(rounds, server, "rps")))
    if workload.kind != "load":
        return (server, with_spread(main))
    ratios = (ratio(rounds, metric, server, against) for against in ("nginx", "floor"))
    return (server, with_spread(main), *("" if r is None else f"{r:.2f}" for r in ratios),
            with_spread(of["rps"]), number(median(of["p99_ms"])), number(median(of["mb_s"])),
            f"{median(of['busy']):.0%}")


def aligned(rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table that also reads as plain text; the first row is its head."""
    head, *body = rows
    widths = [max(map(len, column)) for column in zip(head, *body)]
    rule = "|" + "|".join("-" * (w + 1) + (":" if i else "-") for i, w in enumerate(widths)) + "|"
    lines = ["| " + " | ".join(cell.rjust(w) if i else cell.ljust(w)
                               for i, (cell, w) in enumerate(zip(cells, widths))) + " |"
             for cells in (head, *body)]
    return "\n".join([lines[0], rule, *lines[1:]])


def verdict(workload: Workload, rounds: Rounds, bar: Bar) -> str:
    what = METRICS[bar.metric]
    if bar.against is None:
        own = values(rounds, OURS, bar.metric)
        value, label = (median(own) if own else None), what
    else:
        value, label = ratio(rounds, bar.metric, OURS, bar.against), f"{what}, of {bar.against}"
    limit = f"bar {'≥' if bar.at_least else '≤'} {bar.limit:g}"
    if value is None:
        return f"-     {workload.name}: {label}: not measured ({limit})"
    met = value >= bar.limit if bar.at_least else value <= bar.limit
    return f"{'PASS' if met else 'MISS'}  {workload.name}: {label}: {value:.2f} ({limit})"


def section(workload: Workload, rounds: Rounds) -> str:
    rows = [row(workload, rounds, server) for server in rounds]
    table = aligned([HEADINGS[workload.kind], *rows])
    verdicts = "\n".join(verdict(workload, rounds, bar) for bar in workload.bars)
    told = noise(rounds)
    parts = [f"## {workload.name}: {workload.title}\n", f"{table}\n"]
    parts += [f"```\n{verdicts}\n```\n"] if verdicts else []
    return "\n".join(parts + ([told] if told else []))


def noise(rounds: Rounds) -> str:
    """How much of a CPU everything else on the machine took meanwhile."""
    found = [sample["others"] for samples in rounds.values()
             for sample in samples if sample and "others" in sample]
    if not found:
        return ""
    caution = ". That is too much to trust the verdicts" if median(found) > QUIET else ""
    return (f"Other programs took {median(found):.0%} of one CPU meanwhile (median), "
            f"{max(found):.0%} at most{caution}.\n")


def first_value(path: str, key: str) -> str:
    for line in Path(path).read_text().splitlines():
        name, _, value = line.partition("=" if "=" in line else ":")
        if name.strip() == key:
            return value.strip(' \t"')
    return "?"


def machine(cpus: str) -> str:
    memory = int(first_value("/proc/meminfo", "MemTotal").split()[0]) / 1024 / 1024
    processor = first_value("/proc/cpuinfo", "model name")
    system = first_value("/etc/os-release", "PRETTY_NAME")
    return (f"{processor}, {os.cpu_count()} CPUs, {memory:.0f} GiB; "
            f"Linux {platform.release()}, {system}; {cpus}")


def document(command: str, when: str, machine_line: str, versions: dict[str, str],
             sections: list[str]) -> str:
    listed = "\n".join(f"- {name}: {version}" for name, version in versions.items())
    return f"""<!-- SPDX-License-Identifier: MIT -->
# Benchmark results

`{command}` on {when}.

Machine: {machine_line}.

{listed}

Every figure is a median over the rounds, with half the spread. CPU is that of the server's whole
process tree, and of the programs it runs, from the scheduler's counters. Ratios are taken within a
round.

{chr(10).join(sections)}"""
