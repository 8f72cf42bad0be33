# SPDX-License-Identifier: MIT
"""DokuWiki behind php-fpm: somebody logs in, writes a page and finds it again, with requests and with a browser."""
import hashlib
import os
import re
import shutil
import subprocess

import pytest

import forms
import wire
from programs import HERE

CONFIG = """
[server]
workers = 2
[limits]
body_bytes = "64MiB"
[[site]]
root = "/usr/share/dokuwiki"
symlinks = "follow"
[[site.route]]
path = "/"
handler = "fastcgi"
upstream = ["unix:{socket}"]
index = ["doku.php"]
[[site.route]]
path = "*.php"
handler = "fastcgi"
upstream = ["unix:{socket}"]
"""

LOCAL = """<?php
$conf['title'] = 'Field notes';
$conf['useacl'] = 1;
$conf['superuser'] = '@admin';
$conf['savedir'] = '{data}';
$conf['passcrypt'] = 'md5';
$conf['userewrite'] = 2;
"""

DIRECTORIES = ("attic", "cache", "index", "locks", "log", "media", "media_attic", "media_meta", "meta", "pages", "tmp")
BROWSER_SECONDS = 120


@pytest.fixture(scope="module")
def wiki(programs, shared_server, shared_tmp):
    """A wiki without pages in which `ada` has the password `secret`."""
    conf, data = shared_tmp / "conf", shared_tmp / "data"
    conf.mkdir()
    for directory in DIRECTORIES:
        (data / directory).mkdir(parents=True)
    (conf / "local.php").write_text(LOCAL.format(data=data))
    (conf / "plugins.local.php").write_text("<?php\n$plugins['testing'] = 0;\n")
    (conf / "acl.auth.php").write_text("# <?php exit()?>\n* @ALL 1\n* @user 8\n")
    (conf / "users.auth.php").write_text(
        f"# <?php exit()?>\nada:{hashlib.md5(b'secret').hexdigest()}:Ada Author:ada@example.org:admin,user\n")
    (shared_tmp / "here.php").write_text(f"<?php define('DOKU_CONF', '{conf}/');\n")
    socket = programs.php_fpm("php-fpm", programs.socket("php-fpm"),
                              settings=[f"php_value[auto_prepend_file] = {shared_tmp}/here.php",
                                        f"php_value[session.save_path] = {shared_tmp}"])
    return shared_server(CONFIG.format(socket=socket))


@pytest.fixture
def visitor(wiki):
    return forms.Visitor(wiki)


def log_in(visitor):
    page = visitor.fetch("/doku.php?id=start&do=login").body.decode()
    answer = visitor.post("/doku.php?id=start", {**forms.inputs_of(page, "dw__login"), "u": "ada", "p": "secret"})
    page = (visitor.follow(answer) if answer.status == 302 else answer).body.decode()
    assert "Ada Author" in page and "Log Out" in page
    return page


def save(visitor, name, text):
    """Edits the page as the form does, and returns what is shown afterwards."""
    form = visitor.fetch(f"/doku.php?id={name}&do=edit").body.decode()
    values = {**forms.inputs_of(form, "dw__editform"), "wikitext": text, "summary": "by the test", "do[save]": "1"}
    return visitor.follow(visitor.post(f"/doku.php?id={name}", values)).body.decode()


def test_the_front_page_is_shown_with_all_that_belongs_to_it(visitor):
    front = visitor.fetch("/")
    page = front.body.decode()
    assert front.status == 200 and "Field notes" in page
    parts = set(re.findall(r'<(?:link rel="stylesheet"|script|img)[^>]* (?:href|src)="(/[^"]+)"', page))
    assert len(parts) > 3, page
    for part in parts:
        answer = visitor.fetch(part.replace("&amp;", "&"))
        assert answer.status == 200 and answer.body, part


def test_the_stylesheet_that_php_makes_is_not_sent_twice(visitor):
    page = visitor.fetch("/doku.php").body.decode()
    style = re.search(r'rel="stylesheet" href="([^"]+)"', page)[1].replace("&amp;", "&")
    first = visitor.fetch(style)
    assert first.get("Content-Type").startswith("text/css") and first.get("ETag")

    def is_unchanged():
        # The first visits make it, and make it again while what it is made of is seconds old; its validator is that of
        # the file it is kept in from then on.
        tag = visitor.fetch(style).get("ETag")
        again = visitor.fetch(style, fields=[f"If-None-Match: {tag}"])
        return (again.status, again.body) == (304, b"")

    wire.wait_until(is_unchanged, "a stylesheet that is not sent twice")


def test_a_stranger_may_read_and_not_write(visitor):
    page = visitor.fetch("/doku.php?id=private&do=edit").body.decode()
    assert 'name="do[save]"' not in page
    wrong = visitor.post("/doku.php?id=start", {"u": "ada", "p": "wrong", "do": "login", "id": "start"})
    assert "username or password was wrong" in wrong.body.decode()


def test_a_page_is_written_changed_and_found_again(visitor):
    log_in(visitor)
    shown = save(visitor, "notes:first", "====== A heading ======\n\nSome **bold** words, grün & <plain>.")
    assert re.search(r"<h1[^>]*>A heading</h1>", shown) and "<strong>bold</strong>" in shown and "grün &amp; &lt;plain&gt;" in shown
    shown = save(visitor, "notes:first", "====== Another heading ======\n\nChanged.")
    assert "Another heading" in shown and "bold" not in shown
    assert "Changed." in visitor.fetch("/doku.php/notes:first").body.decode()
    assert visitor.fetch("/doku.php?id=notes:first&do=export_raw").body.startswith(b"====== Another heading ======")
    revisions = visitor.fetch("/doku.php?id=notes:first&do=revisions").body.decode()
    assert revisions.count("by the test") == 2
    assert "notes:first" in visitor.fetch("/feed.php").body.decode()


def test_a_long_page_is_saved_whole(visitor):
    log_in(visitor)
    text = "".join(f"Line {number} of a long page.\n\n" for number in range(20_000))
    save(visitor, "long", text)
    assert visitor.fetch("/doku.php?id=long&do=export_raw").body.decode().strip() == text.strip()


def test_what_the_wiki_keeps_to_itself_is_not_served(visitor):
    for target in ("/inc/init.php", "/bin/render.php", "/vendor/autoload.php"):
        assert b"<?php" not in visitor.fetch(target).body, target


def test_somebody_uses_it_in_a_browser(wiki, tmp_path):
    modules = os.environ.get("UVHTTPD_BROWSER_MODULES")
    assert modules, "UVHTTPD_BROWSER_MODULES does not say where playwright-core is installed"
    screenshots = os.environ.get("UVHTTPD_SCREENSHOTS", tmp_path / "screenshots")
    # The scripts find their library beside themselves.
    for script in (HERE / "dokuwiki.test.mjs", HERE.parent / "browser" / "harness.mjs"):
        shutil.copy(script, tmp_path)
    (tmp_path / "node_modules").symlink_to(modules)
    result = subprocess.run(["node", tmp_path / "dokuwiki.test.mjs", f"http://127.0.0.1:{wiki.port}", screenshots], text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=BROWSER_SECONDS)
    assert result.returncode == 0, result.stdout
    assert re.search(r"^[1-9][0-9]* passed, 0 failed$", result.stdout, re.MULTILINE), result.stdout
