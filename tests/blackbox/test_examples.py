# SPDX-License-Identifier: MIT
"""config/examples: each file passes its own tests, and so do the alternatives in its comments, once their paths exist here.
What they serve with real programs behind them is asked in tests/applications/test_example_configurations.py, and of the
cluster in test_cluster.py."""
import dataclasses

import pytest

from examples import DIRECTORY, changed, example, uncommented

PHP_ROUTES = """[[site.route]]
path     = "/"
handler  = "fastcgi"
upstream = "unix:/run/php/php-fpm.sock"
[[site.route]]
path     = "*.php"
handler  = "fastcgi"
upstream = "unix:/run/php/php-fpm.sock"
"""
GITWEB_ROUTES = """[[site.route]]
path    = "/static/*"
handler = "static"
root    = "/usr/share/gitweb/static"
[[site.route]]
path    = "/*"
handler = "cgi"
program = "/usr/share/gitweb/gitweb.cgi"
env     = { GITWEB_CONFIG = "/etc/gitweb.conf" }
readable = ["/srv/git"]
"""
# What each file names that need not be on this machine.
DIRECTORIES = {
    "balanced-cluster.toml": [],
    "django.toml": ["/srv/django/static", "/srv/django/media"],
    "git-hosting.toml": ["/usr/share/cgit", "/srv/git"],
    "php-site.toml": ["/srv/php-site/public"],
    "single-page-app.toml": [],
    "static-site.toml": [],
    "tomcat.toml": [],
    "websocket-app.toml": ["/srv/websocket-app"],
}
PROGRAMS = {"git-hosting.toml": ["/usr/lib/git-core/git-http-backend", "/usr/lib/cgit/cgit.cgi"]}

# And what the tests in it need below a directory.
FILES = {"/srv/php-site/public": ["index.php", "uploads/evil.php"]}


@dataclasses.dataclass
class Here:
    """Directories and programs of this machine that stand for those of the examples."""
    tmp: object

    def place(self, path):
        return self.tmp / path.lstrip("/").replace("/", "-")

    def directory(self, path):
        self.place(path).mkdir(exist_ok=True)
        for name in FILES.get(path, []):
            (self.place(path) / name).parent.mkdir(exist_ok=True)
            (self.place(path) / name).write_text("<?php echo 'it ran';")
        return f'"{self.place(path)}"'

    def program(self, path):
        self.place(path).write_text("#!/bin/sh\n")
        self.place(path).chmod(0o755)
        return f'"{self.place(path)}"'

    def example(self, name, changes=()):
        """The example with its paths here, after the changes."""
        text = example(name, dict(changes))
        paths = {f'"{path}"': self.directory(path) for path in DIRECTORIES[name]}
        paths |= {f'"{path}"': self.program(path) for path in PROGRAMS.get(name, [])}
        if "../../www" in text:
            paths["../../www"] = DIRECTORY.parents[1] / "www"
        return changed(text, paths)


@pytest.fixture
def here(tmp_path):
    return Here(tmp_path)


@pytest.fixture
def check(uvhttpd, tmp_path):
    """The text has to pass `uvhttpd check`."""
    def run(text):
        (tmp_path / "uvhttpd.toml").write_text(text, encoding="utf-8")
        result = uvhttpd("check", "-c", tmp_path / "uvhttpd.toml")
        assert result.returncode == 0, result.stdout + result.stderr
    return run


def test_all_examples_are_known_here():
    assert {file.name for file in DIRECTORY.glob("*.toml")} == set(DIRECTORIES)


@pytest.mark.parametrize("name", DIRECTORIES)
def test_an_example_passes_its_own_tests(check, here, name):
    text = here.example(name)
    assert "\n[[expect]]\n" in text
    check(text)


@pytest.mark.parametrize("handler", ["fastcgi", "scgi"])
def test_django_may_be_behind_uwsgi(check, here, handler):
    check(here.example("django.toml", django_by(handler)))


def django_by(handler):
    """django.toml with the alternative in its comments: the first lines of the two differ, the others do not."""
    kept = 'handler         = "proxy"\nupstream        = "http://unix:/run/django/app.sock"\n'
    note = {"fastcgi": "no scripts: the whole route is one application", "scgi": "likewise"}[handler]
    block = f'handler         = "{handler}"\nupstream        = "unix:/run/django/app.sock"\nsplit           = ""   # {note}\n'
    return {kept: "", **uncommented(block)}


def test_a_site_of_single_scripts_has_the_routes_in_the_comment(check, here):
    text = here.example("php-site.toml", uncommented(PHP_ROUTES))
    begin, end = text.index('# Assets never wake PHP'), text.index('# A site of single scripts')
    check(text[:begin] + text[end:text.index("# Tests of this file.")])


def test_gitweb_may_take_the_place_of_cgit(check, here):
    shown = changed(GITWEB_ROUTES, {'"/srv/git"': here.directory("/srv/git")})
    gitweb = changed(shown, {f'"{path}"': make(path) for path, make in {
        "/usr/share/gitweb/static": here.directory, "/usr/share/gitweb/gitweb.cgi": here.program}.items()})
    text = changed(here.example("git-hosting.toml", uncommented(GITWEB_ROUTES)), {shown: gitweb})
    begin, end = text.index('[[site.route]]\npath          = "/cgit-static/*"'), text.index("# gitweb in the place")
    check(text[:begin] + text[end:text.index("# Tests of this file.")])
