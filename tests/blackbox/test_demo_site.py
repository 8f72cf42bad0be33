# SPDX-License-Identifier: MIT
"""The site in www/ as config/uvhttpd.toml serves it: every page and link, both forms, the session, the downloads."""
import html
import pathlib
import re
import urllib.parse

import pytest


ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGES = ["/", "/forms.html", "/downloads.html", "/cgi-bin/session", "/cgi-bin/form?text=a"]
TEXT = "100 % crème & <b>Ωμέγα</b> \"quoted\" + plus = 'single' \\ 日本\r\nsecond line\t\x7f"


@pytest.fixture(scope="module")
def demo(shared_server, shared_tmp):
    """The shipped configuration, but on a free port and with a place of its own for sessions."""
    text = (ROOT / "config/uvhttpd.toml").read_text(encoding="utf-8")
    programs = 'root    = "../www/cgi-bin"\n'
    assert "127.0.0.1:8080" in text and programs in text
    text = text.replace("127.0.0.1:8080", "127.0.0.1:0")
    text = text.replace(programs, f'{programs}env = {{ UVHTTPD_SESSION_DIR = "{shared_tmp}/sessions" }}\n')
    return shared_server(text.replace('"../', f'"{ROOT}/'))


def links(page):
    return {html.unescape(link) for link in re.findall(r'(?:href|src|action)="([^"]*)"', page)}


def words(page):
    """What a reader sees, without markup."""
    return html.unescape(re.sub(r"<[^>]*>", "", page))


def form(fields):
    return urllib.parse.urlencode(fields, encoding="utf-8").encode()


def submit(demo, target, fields, *more):
    return demo.fetch(target, method="POST", body=form(fields), fields=["Content-Type: application/x-www-form-urlencoded", *more])


@pytest.mark.parametrize("target", PAGES)
def test_page_is_good_html_that_needs_no_other_host(demo, target):
    answer = demo.fetch(target)
    assert answer.status == 200 and answer.get("Content-Type").lower() == "text/html; charset=utf-8"
    assert answer.get("X-Content-Type-Options") == "nosniff"
    page = answer.body.decode()
    assert page.startswith("<!DOCTYPE html>") and "<title>" in page and 'lang="en"' in page and 'name="viewport"' in page
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', page)
    assert demo.fetch(target, method="HEAD").status == 200


def test_every_link_of_every_page_leads_somewhere(demo):
    todo, seen = list(PAGES), set()
    while todo:
        target = todo.pop()
        if target in seen:
            continue
        seen.add(target)
        answer = demo.fetch(target)
        # One link shows what a missing page looks like.
        assert answer.status == (404 if target == "/no-such-page" else 200), target
        if answer.get("Content-Type").startswith("text/html"):
            page = answer.body.decode()
            for link in links(page):
                if link.startswith("#"):
                    assert f'id="{link[1:]}"' in page, (target, link)
                elif not link.startswith("data:"):
                    todo.append(urllib.parse.urljoin(target, link).split("#")[0])
        elif answer.get("Content-Type").startswith("text/css"):
            todo += [urllib.parse.urljoin(target, link) for link in re.findall(r'url\("?(/[^")]*)', answer.body.decode())]
    assert len(seen) > 12


def test_files_of_the_site_are_those_of_the_disk(demo):
    for file in (ROOT / "www").rglob("*"):
        path = "/" + str(file.relative_to(ROOT / "www"))
        if file.is_file() and not path.startswith("/cgi-bin/"):
            assert demo.fetch(urllib.parse.quote(path)).body == file.read_bytes()


def test_missing_page_has_the_page_of_the_site(demo):
    answer = demo.fetch("/nothing/here")
    assert answer.status == 404 and b"awk" not in answer.body and b"#!" not in answer.body


def test_parts_of_the_programs_are_not_served(demo):
    for path in ("/cgi-bin/lib/common.sh", "/cgi-bin/lib/echo.awk", "/cgi-bin/lib/", "/cgi-bin/", "/cgi-bin/lib", "/cgi-bin"):
        answer = demo.fetch(path)
        assert answer.status in (403, 404) and b"awk" not in answer.body and b"#!" not in answer.body


def test_echo_shows_the_request_that_was_made(demo):
    answer = demo.fetch("/cgi-bin/echo?a=%3Cb%3E", fields=["X-Thing: <script>&amp;", "Cookie: secret=1", "Accept-Language: en"])
    # As plain text that no browser takes for a page.
    assert answer.get("Content-Type") == "text/plain; charset=utf-8" and answer.get("X-Content-Type-Options") == "nosniff"
    lines = answer.body.decode().splitlines()
    assert lines[:2] == ["GET /cgi-bin/echo?a=%3Cb%3E HTTP/1.1", "Host: localhost"]
    assert "X-Thing: <script>&amp;" in lines and "Accept-Language: en" in lines and "secret" not in answer.body.decode()
    posted = demo.fetch("/cgi-bin/echo", method="POST", body="körper & <b>".encode()).body.decode()
    assert posted.startswith("POST /cgi-bin/echo HTTP/1.1") and posted.endswith("\n\nkörper & <b>\n")


def test_get_form_is_shown_as_sent_and_as_meant(demo):
    query = urllib.parse.urlencode({"text": TEXT, "order": "newest first"})
    page = demo.fetch(f"/cgi-bin/form?{query}").body.decode()
    assert "<b>Ω" not in page
    seen = words(page)
    assert "newest first" in seen and "100 % crème & <b>Ωμέγα</b> \"quoted\" + plus = 'single' \\ 日本" in seen
    assert "cr%C3%A8me" in seen


def test_post_form_is_shown_as_sent_and_as_meant(demo):
    fields = [("name", "Zoë O’Neill"), ("message", TEXT), ("copy", "yes"), ("copy", "no"), ("empty", "")]
    answer = submit(demo, "/cgi-bin/form", fields)
    assert answer.status == 200
    seen = words(answer.body.decode())
    for text in ("Zoë O’Neill", "Ωμέγα</b>", "yes", "no", "copy"):
        assert text in seen, text


@pytest.mark.parametrize("query", ["", "a", "=", "&&&", "a=%", "a=%zz", "%00=%00", "a=%ff%fe", "a=" + "x" * 4000, "a=1&" * 500])
def test_form_takes_any_query(demo, query):
    answer = demo.fetch(f"/cgi-bin/form?{query}")
    assert answer.status in (200, 400) and answer.body


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("program", ["form", "session"])
def test_programs_refuse_other_methods(demo, program, method):
    answer = demo.fetch(f"/cgi-bin/{program}", method=method, body=b"x")
    assert answer.status == 405 and "GET" in answer.get("Allow")


def cookie_of(answer):
    value = answer.get("Set-Cookie")
    assert re.search("; *HttpOnly", value) and re.search("; *SameSite=Lax", value), value
    return value.split(";")[0]


def test_session_knows_its_visitor_until_the_end(demo):
    assert "Zoë" not in words(demo.fetch("/cgi-bin/session").body.decode())
    started = submit(demo, "/cgi-bin/session", {"action": "start", "name": "Zoë <b>"})
    assert (started.status, started.get("Location")) == (303, "/cgi-bin/session")
    cookie = cookie_of(started)
    for visit in (1, 2, 3):
        answer = demo.fetch("/cgi-bin/session", fields=[f"Cookie: other=1; {cookie}"])
        assert answer.get("Cache-Control") == "no-store"
        seen = words(answer.body.decode())
        assert "Zoë <b>" in seen and re.search(rf"\b{visit}\b", seen)
    # Somebody else is not known, nor is who makes a cookie up.
    for fields in ([], [f"Cookie: {cookie[:-1]}x"], ["Cookie: uvhttpd_session=../../etc/passwd"]):
        assert "Zoë" not in words(demo.fetch("/cgi-bin/session", fields=fields).body.decode())
    ended = submit(demo, "/cgi-bin/session", {"action": "logout"}, f"Cookie: {cookie}")
    assert ended.status == 303 and "Max-Age=0" in ended.get("Set-Cookie")
    assert "Zoë" not in words(demo.fetch("/cgi-bin/session", fields=[f"Cookie: {cookie}"]).body.decode())


def test_session_without_a_name_is_refused(demo):
    for name in ("", "x" * 1000, "a\nb"):
        answer = submit(demo, "/cgi-bin/session", {"action": "start", "name": name})
        assert answer.status == 400 and answer.get("Set-Cookie") is None


def test_download_can_be_taken_in_parts_and_resumed(demo):
    content = (ROOT / "www/files/ranges.txt").read_bytes()
    with demo.client() as client:
        first = client.request("/files/ranges.txt", fields=["Range: bytes=0-31"])
        assert (first.status, first.body, first.get("Content-Range")) == (206, content[:32], f"bytes 0-31/{len(content)}")
        rest = client.request("/files/ranges.txt", fields=["Range: bytes=32-", f"If-Range: {first.get('ETag')}"])
        assert first.body + rest.body == content
        assert client.request("/files/ranges.txt", fields=[f"If-None-Match: {first.get('ETag')}"]).status == 304


def test_visitor_needs_one_connection(demo):
    with demo.client() as client:
        for target in PAGES * 2:
            assert client.request(target).status == 200


def test_nothing_was_said_on_the_error_log(demo):
    assert [line for line in demo.stderr_text().splitlines() if " error " in line] == []
