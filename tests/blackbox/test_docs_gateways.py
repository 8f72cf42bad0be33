# SPDX-License-Identifier: MIT
"""docs/gateways.md: every example on the page is run, a section at a time, and prints what the page shows. Those that want
programs of others are run in tests/applications. All variables that programs get are on it."""
import re

import pytest

from pages import ROOT, broken_links, lines_too_long, run_section, sections_of

PAGE = "docs/gateways.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")
SECTIONS = {section.title: section for section in sections_of(TEXT)}
OF_OTHERS = {"PHP", "Python", "uwsgi", "Tomcat"}


@pytest.mark.parametrize("title", [title for title in SECTIONS if title and title not in OF_OTHERS])
def test_examples_do_what_the_page_shows(server, tmp_path, title):
    run_section(SECTIONS[title], tmp_path, server)


def test_sections_that_are_run_elsewhere_are_on_the_page():
    assert OF_OTHERS < set(SECTIONS)


def test_every_block_belongs_to_a_section():
    assert not SECTIONS[""].blocks
    assert all(section.blocks for title, section in SECTIONS.items() if title)


def test_every_variable_that_programs_get_is_on_the_page():
    source = (ROOT / "src/handlers/wire/cgi_env.cpp").read_text(encoding="utf-8")
    given = set(re.findall(r'\badd\("([A-Z_]+)"', source))
    assert len(given) > 20
    assert given == set(re.findall(r"`([A-Z_]+)`", "".join(re.findall(r"^\| `[A-Z].*? \|", TEXT, re.MULTILINE))))


def test_lines_fit_into_a_plain_viewer():
    assert not lines_too_long(TEXT)


def test_links_lead_somewhere():
    assert not broken_links(PAGE)
