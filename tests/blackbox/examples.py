# SPDX-License-Identifier: MIT
"""The configurations in config/examples, with what is another machine's put in the place of their sockets and directories."""
import pathlib

DIRECTORY = pathlib.Path(__file__).resolve().parents[2] / "config/examples"


def changed(text, changes):
    """The text with each of the changes, {old: new}. An old text that is not there is an error, so that none goes stale."""
    for old, new in changes.items():
        assert old in text, f"{old!r} is not in the text"
        text = text.replace(old, str(new))
    return text


def example(name, changes):
    return changed((DIRECTORY / name).read_text(encoding="utf-8"), changes)


def uncommented(block):
    """{block with # in front of its lines: the block}, as `changed` takes it."""
    return {"".join(f"# {line}\n" for line in block.splitlines()): block}
