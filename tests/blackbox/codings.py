# SPDX-License-Identifier: MIT
"""Content codings as others understand them: Python's gzip and the programs zstd and brotli."""
import gzip
import hashlib
import subprocess

CODINGS = ["zstd", "br", "gzip"]
COMMANDS = {"zstd": ["zstd", "-q", "-d", "-c"], "br": ["brotli", "-d", "-c"]}


def decoded(coding, octets):
    """The content behind a value of Content-Encoding; None is no coding."""
    if coding is None:
        return octets
    if coding == "gzip":
        return gzip.decompress(octets)
    return subprocess.run(COMMANDS[coding], input=octets, stdout=subprocess.PIPE, check=True).stdout


def text(octets, seed="a"):
    """So many octets of lines that differ, of which a coding makes less than half."""
    lines, length, number = [], 0, 0
    while length < octets:
        number += 1
        lines.append(b"line %d of %s, which is about %s\n" % (
            number, seed.encode(), hashlib.sha256(f"{seed}{number}".encode()).hexdigest()[:12].encode()))
        length += len(lines[-1])
    return b"".join(lines)[:octets]
