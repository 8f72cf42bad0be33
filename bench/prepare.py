# SPDX-License-Identifier: MIT
"""What must be there first: packages, a release build of ours, the floor."""

import os
import shutil
import subprocess
from pathlib import Path

from servers import PATH, Failure, Server

REPOSITORY = Path(__file__).resolve().parent.parent
OUT = REPOSITORY / "bench" / "out"
BUILD = REPOSITORY / "build-release"
NO_START = Path("/usr/sbin/policy-rc.d")  # Debian asks it before a package starts its service


def say(text: str) -> None:
    print(f"bench: {text}", flush=True)


def run(command: list[str], what: str) -> None:
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, check=False)
    if ended.returncode != 0:
        raise Failure(f"{what} fails:\n{ended.stdout.strip()[-3000:]}")


def shared(function: str, *words: str) -> str:
    """Calls a function of scripts/lib.sh, which scripts/serve and scripts/test use too."""
    script = f'set -euo pipefail; . scripts/lib.sh; {function} "$@"'
    return subprocess.run(["bash", "-c", script, "bench", *words], cwd=REPOSITORY, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True).stdout


def install(packages: list[str]) -> None:
    """Installs with apt what is missing, without starting the packages' services."""
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    holds = not NO_START.exists() and shutil.which("apt-get") is not None
    try:
        if holds:
            script = f"printf '#!/bin/sh\\nexit 101\\n' >{NO_START}; chmod 755 {NO_START}"
            run([*as_root, "sh", "-c", script], "holding services back")
        shared("install_missing", *packages)
    except subprocess.CalledProcessError as error:
        raise Failure("what is needed is not there") from error
    finally:
        if holds:
            run([*as_root, "rm", "-f", str(NO_START)], "letting services start again")


def prepare_packages(chosen: list[Server], builds: bool, profiles: bool) -> None:
    wanted = {server.program: server.package for server in chosen if server.package}
    wanted |= {"wrk": "wrk", "gcc": "gcc", "openssl": "openssl"}
    wanted |= {"perf": "linux-perf"} if profiles else {}
    missing = [package for program, package in wanted.items()
               if not shutil.which(program, path=PATH)]
    missing += [package for server in chosen for file, package in server.parts.items()
                if not Path(file).exists()]
    if missing:
        install(missing)
    if builds:
        shared("install_missing", *shared("build_packages").split())


def make_certificate(stem: Path) -> None:
    """One for 127.0.0.1 that is its own authority, and its key: STEM.pem and STEM.key."""
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-noenc", "-days", "30", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", f"{stem}.key", "-out", f"{stem}.pem"], "making a certificate")
    stem.with_suffix(".key").chmod(0o644)  # workers that gave up root read it too


def build_uvhttpd() -> str:
    say(f"building a release of uvhttpd in {BUILD.name}/")
    if not (BUILD / "build.ninja").exists():
        run(["meson", "setup", str(BUILD), str(REPOSITORY), "--buildtype=release"], "meson setup")
    run(["meson", "compile", "-C", str(BUILD), "uvhttpd"], "meson compile")
    return str(BUILD / "src" / "uvhttpd")


def build_c(name: str, *flags: str) -> str:
    """Builds the program of one file in bench/."""
    OUT.mkdir(exist_ok=True)
    program = OUT / name
    run(["gcc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", *flags, "-o", str(program),
         str(REPOSITORY / "bench" / f"{name}.c")], f"building bench/{name}.c")
    return str(program)
