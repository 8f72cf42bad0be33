# SPDX-License-Identifier: MIT
"""docs/tls.md: every example on the page is run, a section at a time, and prints what the page shows. Those that want an
authority are run in tests/applications."""
import pytest

from pages import ROOT, broken_links, lines_too_long, run_section, sections_of

PAGE = "docs/tls.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")
SECTIONS = {section.title: section for section in sections_of(TEXT)}
OF_AUTHORITIES = {"Certbot", "lego"}


@pytest.fixture
def keys(tmp_path, authority):
    """Those that the sections on keys and on HSTS begin with."""
    for kind in ("ec", "rsa"):
        pair = authority.issue(f"shown-{kind}", ["localhost"], kind=kind)
        (tmp_path / f"{kind}.pem").write_bytes(pair.certificate.read_bytes())
        (tmp_path / f"{kind}.key").write_bytes(pair.key.read_bytes())


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("title", [title for title, section in SECTIONS.items() if section.blocks and title not in OF_AUTHORITIES])
def test_examples_do_what_the_page_shows(server, tmp_path, title):
    if "mkdir www" not in str(SECTIONS[title].blocks):
        (tmp_path / "www").mkdir()
    run_section(SECTIONS[title], tmp_path, server)


def test_sections_that_are_run_elsewhere_are_on_the_page():
    assert OF_AUTHORITIES < set(SECTIONS)


def test_every_block_belongs_to_a_section():
    assert not SECTIONS[""].blocks


def test_lines_fit_into_a_plain_viewer():
    assert not lines_too_long(TEXT)


def test_links_lead_somewhere():
    assert not broken_links(PAGE)
