# SPDX-License-Identifier: MIT
"""docs/static-sites.md: every example on the page is run, a section at a time, and prints what the page shows."""
import pytest

from pages import ROOT, Place, broken_links, is_as_shown, lines_too_long, run_section, sections_of

PAGE = ROOT / "docs/static-sites.md"
TEXT = PAGE.read_text(encoding="utf-8")
SECTIONS = sections_of(TEXT)


@pytest.mark.parametrize("section", SECTIONS[1:], ids=[section.title for section in SECTIONS[1:]])
def test_examples_do_what_the_page_shows(server, tmp_path, section):
    run_section(section, tmp_path, server)


def test_every_block_belongs_to_a_section():
    assert not SECTIONS[0].blocks
    assert all(section.blocks for section in SECTIONS[1:])


def test_lines_fit_into_a_plain_viewer():
    assert not lines_too_long(TEXT)


@pytest.mark.parametrize("page", ["docs/static-sites.md", "docs/configuration.md", "docs/architecture.md", "README.md"])
def test_links_lead_somewhere(page):
    assert not broken_links(page)


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
    with Place(tmp_path, server) as place, pytest.raises(AssertionError, match=says):
        place.run(sections_of(text)[1].blocks[0])
