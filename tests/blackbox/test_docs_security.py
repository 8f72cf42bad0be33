# SPDX-License-Identifier: MIT
"""docs/security.md: every example on the page is run, a section at a time, and prints what the page shows; the defaults and
the tests that it names are those of the reference and of the source tree."""
import ctypes
import itertools
import re

import pytest

from pages import ROOT, broken_links, lines_too_long, run_section, sections_of

PAGE = "docs/security.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")
SECTIONS = {section.title: section for section in sections_of(TEXT)}
CONFINED = {"What the server may do", "What programs may do"}
LANDLOCK_CREATE_RULESET = 444
LANDLOCK_WITH_TCP = 4


def landlock_version():
    """0 or less: there is none."""
    return ctypes.CDLL(None).syscall(LANDLOCK_CREATE_RULESET, None, 0, 1)


def rows(table):
    """The cells of each row behind the head of the table that begins with the line."""
    lines = itertools.takewhile(lambda line: line.startswith("|"), TEXT[TEXT.index(table):].splitlines())
    return [line.strip("| ").split(" | ") for line in list(lines)[2:]]


def example(title):
    return pytest.param(title, marks=pytest.mark.filter) if title in CONFINED else title


@pytest.mark.parametrize("title", [example(title) for title, section in SECTIONS.items() if section.blocks])
def test_examples_do_what_the_page_shows(server, tmp_path, title):
    if title in CONFINED and landlock_version() < LANDLOCK_WITH_TCP:
        pytest.skip("this kernel confines no files or no ports")
    run_section(SECTIONS[title], tmp_path, server)


def test_sections_about_confinement_are_on_the_page():
    assert CONFINED < set(SECTIONS)


@pytest.mark.parametrize("keys,defaults", [row[:2] for row in rows("| key | default | why |")], ids=lambda cell: cell[:20])
def test_defaults_are_those_of_the_reference(keys, defaults):
    reference = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    names = re.findall(r"`(\w+)`", keys.split(" of ")[0])
    values = re.findall(r"`[^`]+`", defaults)
    assert len(names) == len(values)
    for name, value in zip(names, values):
        assert re.search(rf"^\| `{name}` \| [^|]+ \| {re.escape(value)} \|", reference, re.MULTILINE), f"{name} = {value}"


def test_tests_that_are_named_are_there():
    for _, named in rows("| claim | tests |"):
        for path in re.findall(r"`([^`]+)`", named):
            assert (ROOT / path).exists(), path


@pytest.mark.parametrize("kind", ["pressure", "pressure-limited"])
def test_places_of_the_figures_are_there(kind):
    assert re.search(rf"^<!-- {kind}: begin -->$(.|\n)*^<!-- {kind}: end -->$", TEXT, re.MULTILINE)


def test_lines_fit_into_a_plain_viewer():
    # But for figures, which scripts/bench writes.
    written = re.sub(r"^<!-- (\S+): begin -->$(.|\n)*?^<!-- \1: end -->$", "", TEXT, flags=re.MULTILINE)
    assert not lines_too_long("\n".join(line for line in written.splitlines() if not line.startswith("|")))


@pytest.mark.parametrize("page", [PAGE, "SECURITY.md"])
def test_links_lead_somewhere(page):
    assert not broken_links(page)
