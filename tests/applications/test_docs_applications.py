# SPDX-License-Identifier: MIT
"""docs/gateways.md: the sections whose examples want programs of others, run as they are written."""
import pathlib
import shutil
import tempfile

import pytest

from pages import ROOT, run_section, sections_of

SECTIONS = {section.title: section for section in sections_of((ROOT / "docs/gateways.md").read_text(encoding="utf-8"))}


@pytest.fixture
def tmp_path():
    """A directory that other accounts may look into, as /srv/example is: php-fpm's processes run as one of them."""
    top = pathlib.Path(tempfile.mkdtemp())
    top.chmod(0o755)
    place = top / "example"
    place.mkdir()
    yield place
    shutil.rmtree(top)


@pytest.mark.parametrize("title", ["PHP", "Python", "uwsgi", "Tomcat"])
def test_examples_do_what_the_page_shows(server, tmp_path, title):
    run_section(SECTIONS[title], tmp_path, server)
