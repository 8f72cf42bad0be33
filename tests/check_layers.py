#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Keeps the one rule of docs/architecture.md: a file includes only from its own layer or from
layers below it, and third-party headers stay in their rooms."""
import pathlib
import re
import sys

BELOW = {
    "base": set(),
    "config": {"base"},
    "http": {"config", "base"},
    "io": {"config", "base"},
    "server": {"http", "io", "config", "base"},
    "handlers": {"server", "http", "io", "config", "base"},
    "app": {"handlers", "server", "http", "io", "config", "base"},
}
ROOMS = [
    (re.compile(r"uv\.h$"), "io/", "<uv.h>"),
    (re.compile(r"llhttp\.h$"), "http/", "<llhttp.h>"),
    (re.compile(r"toml(11/)?.*\.hpp$"), "config/", "toml11"),
    (re.compile(r"(zlib|zstd)\.h$|brotli/"), "http/content_coder", "<zlib.h>, <zstd.h>, <brotli/...>"),
    (re.compile(r"openssl/"), ("io/tls_", "io/keyed_hash"), "<openssl/...>"),
    (re.compile(r"crypt\.h$"), "server/password_", "<crypt.h>"),
    (re.compile(r"xxhash\.h$"), "base/content_hash", "<xxhash.h>"),
    (re.compile(r"CLI/"), "app/", "CLI11"),
]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def faults(root):
    for path in sorted(root.rglob("*")):
        if path.suffix not in (".h", ".cpp"):
            continue
        name = path.relative_to(root).as_posix()
        layer = name.split("/")[0] if "/" in name else "app"
        for bracket, target in INCLUDE.findall(path.read_text()):
            for pattern, room, what in ROOMS:
                if bracket == "<" and pattern.match(target) and not name.startswith(room):
                    yield f"{name}: {what} belongs in {room if isinstance(room, str) else ' or '.join(room)}"
            if bracket == '"':
                other = target.split("/")[0]
                if other not in BELOW:
                    yield f"{name}: include \"{target}\" from the root of src"
                elif other != layer and other not in BELOW[layer]:
                    yield f"{name}: layer {layer} must not include {target}"


def main():
    beside = pathlib.Path(__file__).resolve().parent.parent / "src"
    found = list(faults(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else beside))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
