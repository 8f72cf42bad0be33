# SPDX-License-Identifier: MIT
"""Files: names, types, directories, conditions, ranges, precompressed siblings, links, and what changes while it is served."""
import gzip
import hashlib
import os
import re
import time
import urllib.parse
from email.utils import formatdate, parsedate_to_datetime

import pytest

import wire
from sites import put, replace, site, without_override
from wire import request

MTIME = 1_700_000_000  # Tue, 14 Nov 2023 22:13:20 GMT
AT, BEFORE, AFTER = (formatdate(MTIME + offset, usegmt=True) for offset in (0, -1, 1))
DIGITS = b"0123456789" * 10
LARGE = 50 << 20
CONFIG = """
[cache]
revalidate = "20ms"
[types]
".odd" = "application/x-odd"
".ABC" = "text/x-abc"
[[site]]
root = "www"
cache_control = { "*.html" = "no-cache", "/assets/*" = "public, max-age=600" }
"""
CACHES = {"cached": "", "from the disk": '[cache]\nmemory = 0\n'}


@pytest.fixture(scope="module")
def files(shared_server, shared_tmp):
    root = site(shared_tmp, {
        "index.html": "<p>index</p>", "a.txt": "the file a", "empty.txt": "", "docs/index.html": "docs", "docs/a.txt": "in docs",
        "bare/a.txt": "in bare", "with space/a b.txt": "spaces", "assets/x.js": "x()", "assets/page.html": "page",
        ".hidden": "secret", ".git/config": "secret", "docs/.htaccess": "secret", ".well-known/thing.txt": "known",
        ".well-known/.git/config": "secret", "docs/..name": "secret", "odd.odd": "odd", "x.abc": "abc", "noextension": "?",
        "UPPER.HTML": "upper", "two.tar.gz": b"\x1f\x8b", "docs/index.html.d/file.txt": "d"})
    put(root / "digits.txt", DIGITS, MTIME)
    put(root / "future.txt", "not yet", int(time.time()) + 86400)
    put(root / "old.txt", "old", 1)
    (root / "indexdir/index.html").mkdir(parents=True)
    return shared_server(CONFIG)


# Types.

@pytest.mark.parametrize("target,media_type", [
    ("/index.html", "text/html; charset=utf-8"), ("/", "text/html; charset=utf-8"), ("/a.txt", "text/plain; charset=utf-8"),
    ("/UPPER.HTML", "text/html; charset=utf-8"), ("/odd.odd", "application/x-odd"), ("/x.abc", "text/x-abc; charset=utf-8"),
    ("/noextension", "application/octet-stream"), ("/two.tar.gz", "application/gzip"),
    ("/assets/x.js", "text/javascript; charset=utf-8")])
def test_type_comes_from_the_name(files, target, media_type):
    assert files.fetch(target).get("Content-Type") == media_type


@pytest.mark.parametrize("target,value", [("/index.html", "no-cache"), ("/", "no-cache"), ("/assets/x.js", "public, max-age=600"),
                                          ("/assets/page.html", "no-cache"), ("/a.txt", None)])
def test_cache_control_is_that_of_the_first_pattern(files, target, value):
    assert files.fetch(target).get("Cache-Control") == value


# HEAD is GET without the content: RFC 9110 section 9.3.2.

def without_date(answer):
    return [(name, value) for name, value in answer.fields if name != "Date"]


@pytest.mark.parametrize("fields", [[], [f"If-Modified-Since: {AFTER}"], ["If-Match: \"other\""], ["Accept-Encoding: gzip"]],
                         ids=["plain", "not modified", "failed", "gzip"])
@pytest.mark.parametrize("target", ["/", "/a.txt", "/empty.txt", "/digits.txt", "/docs", "/missing", "/bare/", "/.hidden"])
def test_head_has_the_header_of_get(files, target, fields):
    get, head = files.fetch(target, fields=fields), files.fetch(target, method="HEAD", fields=fields)
    assert (head.status, without_date(head), head.body) == (get.status, without_date(get), b"")


def test_head_ignores_range(files):
    answer = files.fetch("/digits.txt", method="HEAD", fields=["Range: bytes=0-9"])
    assert (answer.status, answer.get("Content-Length"), answer.get("Content-Range")) == (200, "100", None)


# Conditions: RFC 9110 section 13.2.2. TAG is the entity tag of the file.

CONDITIONS = {
    "none": ([], 200),
    "If-None-Match": (["If-None-Match: TAG"], 304),
    "If-None-Match in a list": (['If-None-Match: "a", TAG ,"b"'], 304),
    "If-None-Match in a second line": (['If-None-Match: "a"', "If-None-Match: TAG"], 304),
    "If-None-Match is weak": (["If-None-Match: W/TAG"], 304),
    "If-None-Match of another": (['If-None-Match: "other"'], 200),
    "If-None-Match with a comma in a tag": (['If-None-Match: "a,b", TAG'], 304),
    "If-None-Match *": (["If-None-Match: *"], 304),
    "If-None-Match hides a date that agrees": (['If-None-Match: "other"', f"If-Modified-Since: {AFTER}"], 200),
    "If-None-Match hides a date that does not": (["If-None-Match: TAG", f"If-Modified-Since: {BEFORE}"], 304),
    "empty If-None-Match hides a date": (["If-None-Match:", f"If-Modified-Since: {AFTER}"], 200),
    "If-Modified-Since then": ([f"If-Modified-Since: {AT}"], 304),
    "If-Modified-Since later": ([f"If-Modified-Since: {AFTER}"], 304),
    "If-Modified-Since before": ([f"If-Modified-Since: {BEFORE}"], 200),
    "If-Modified-Since in RFC 850 form": (["If-Modified-Since: Tuesday, 14-Nov-23 22:13:20 GMT"], 304),
    "If-Modified-Since in asctime form": (["If-Modified-Since: Tue Nov 14 22:13:20 2023"], 304),
    "If-Modified-Since that is no date": (["If-Modified-Since: yesterday"], 200),
    "If-Modified-Since twice": ([f"If-Modified-Since: {AT}", f"If-Modified-Since: {AT}"], 200),
    "If-Match": (["If-Match: TAG"], 200),
    "If-Match in a list": (['If-Match: "a", TAG'], 200),
    "If-Match is strong": (["If-Match: W/TAG"], 412),
    "If-Match of another": (['If-Match: "other"'], 412),
    "If-Match *": (["If-Match: *"], 200),
    "If-Match hides a date that fails": (["If-Match: TAG", f"If-Unmodified-Since: {BEFORE}"], 200),
    "If-Match hides a date that agrees": (['If-Match: "other"', f"If-Unmodified-Since: {AFTER}"], 412),
    "If-Unmodified-Since then": ([f"If-Unmodified-Since: {AT}"], 200),
    "If-Unmodified-Since later": ([f"If-Unmodified-Since: {AFTER}"], 200),
    "If-Unmodified-Since before": ([f"If-Unmodified-Since: {BEFORE}"], 412),
    "If-Unmodified-Since that is no date": (["If-Unmodified-Since: yesterday"], 200),
    "If-Match before If-None-Match": (['If-Match: "other"', "If-None-Match: TAG"], 412),
    "both agree": (["If-Match: TAG", "If-None-Match: TAG"], 304),
    "If-Unmodified-Since before If-None-Match": ([f"If-Unmodified-Since: {BEFORE}", "If-None-Match: TAG"], 412),
    "condition before Range": (["If-None-Match: TAG", "Range: bytes=0-1"], 304),
    "condition before a bad Range": (["If-None-Match: TAG", "Range: bytes=1000-"], 304),
    "failed condition before Range": (['If-Match: "other"', "Range: bytes=0-1"], 412),
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("fields,status", CONDITIONS.values(), ids=list(CONDITIONS))
def test_conditions_are_evaluated_in_their_order(files, method, fields, status):
    tag = files.fetch("/digits.txt").get("ETag")
    answer = files.fetch("/digits.txt", method=method, fields=[field.replace("TAG", tag) for field in fields])
    assert answer.status == status
    if status == 304:
        # RFC 9110 section 15.4.5.
        assert answer.get("ETag") == tag and answer.get("Date") and answer.get("Content-Length") in (None, "100")
        assert answer.get("Content-Type") is None


def test_not_modified_has_what_a_cache_updates(files):
    tag = files.fetch("/index.html").get("ETag")
    answer = files.fetch("/index.html", fields=[f"If-None-Match: {tag}"])
    assert (answer.status, answer.get("Cache-Control"), answer.get("ETag")) == (304, "no-cache", tag)


def test_missing_file_is_missing_whatever_the_condition(files):
    for field in ("If-None-Match: *", "If-Match: *", 'If-Match: "a"', f"If-Modified-Since: {AT}"):
        assert files.fetch("/missing", fields=[field]).status == 404


def test_validators_are_strong_and_dated(files):
    answer = files.fetch("/digits.txt")
    assert re.fullmatch(r'"[!#-~]+"', answer.get("ETag"))
    assert answer.get("Last-Modified") == AT
    assert files.fetch("/old.txt").get("Last-Modified") == "Thu, 01 Jan 1970 00:00:01 GMT"


def test_last_modified_is_never_later_than_date(files):
    answer = files.fetch("/future.txt")
    modified = answer.get("Last-Modified")
    assert modified is None or parsedate_to_datetime(modified) <= parsedate_to_datetime(answer.get("Date"))
    assert files.fetch("/future.txt", fields=[f"If-Modified-Since: {formatdate(usegmt=True)}"]).status == 200


# Ranges: RFC 9110 section 14.

RANGES = {
    "first octets": ("bytes=0-9", 206, (0, 9)),
    "one octet": ("bytes=5-5", 206, (5, 5)),
    "from there to the end": ("bytes=90-", 206, (90, 99)),
    "everything": ("bytes=0-", 206, (0, 99)),
    "beyond the end": ("bytes=90-1000", 206, (90, 99)),
    "far beyond the end": ("bytes=90-99999999999999999999999999", 206, (90, 99)),
    "last octets": ("bytes=-10", 206, (90, 99)),
    "last of more than there are": ("bytes=-1000", 206, (0, 99)),
    "last of many more": ("bytes=-99999999999999999999999999", 206, (0, 99)),
    "unit in capitals": ("BYTES=0-9", 206, (0, 9)),
    "behind the end": ("bytes=100-", 416, None),
    "behind the end, closed": ("bytes=100-200", 416, None),
    "far behind the end": ("bytes=99999999999999999999999999-", 416, None),
    "last nothing": ("bytes=-0", 416, None),
    "unknown unit": ("lines=0-9", 200, None),
    "no unit": ("0-9", 200, None),
    "backwards": ("bytes=9-0", 200, None),
    "no numbers": ("bytes=-", 200, None),
    "letters": ("bytes=a-b", 200, None),
    "negative": ("bytes=--5", 200, None),
    "plus": ("bytes=+0-9", 200, None),
    "spaces inside": ("bytes=0 - 9", 200, None),
    "nothing": ("bytes=", 200, None),
    "empty": ("", 200, None),
    "hexadecimal": ("bytes=0x0-0x9", 200, None),
}


@pytest.mark.parametrize("value,status,expected", RANGES.values(), ids=list(RANGES))
def test_range_of_a_file(files, value, status, expected):
    answer = files.fetch("/digits.txt", fields=[f"Range: {value}"])
    assert answer.status == status
    if status == 206:
        first, last = expected
        assert answer.get("Content-Range") == f"bytes {first}-{last}/100"
        assert answer.body == DIGITS[first:last + 1]
        assert answer.get("ETag") and answer.get("Last-Modified") == AT and answer.get("Content-Type").startswith("text/plain")
    elif status == 416:
        assert answer.get("Content-Range") == "bytes */100"
        assert answer.body != DIGITS
    else:
        assert answer.body == DIGITS and answer.get("Content-Range") is None


@pytest.mark.parametrize("value", ["bytes=0-1,5-6", "bytes=0-0,-1", "bytes=" + ",".join(["0-"] * 1000)])
def test_several_ranges_are_answered_correctly_and_cheaply(files, value):
    answer = files.fetch("/digits.txt", fields=[f"Range: {value}"])
    # The whole file, what near ranges span, or a multipart answer; never more than was there.
    assert answer.status in (200, 206) and len(answer.body) <= 1000
    if answer.status == 200:
        assert answer.body == DIGITS
    elif answer.get("Content-Range") is not None:
        first, last = answer.get("Content-Range").removeprefix("bytes ").removesuffix("/100").split("-")
        assert answer.body == DIGITS[int(first):int(last) + 1]
    else:
        assert answer.get("Content-Type").startswith("multipart/byteranges")


def test_empty_file_has_no_range(files):
    answer = files.fetch("/empty.txt", fields=["Range: bytes=0-"])
    assert answer.status == 416 and answer.get("Content-Range") == "bytes */0"
    assert files.fetch("/empty.txt", fields=["Range: bytes=-5"]).status in (200, 416)


IF_RANGE = {
    "tag": ("TAG", 206), "weak tag": ("W/TAG", 200), "another tag": ('"other"', 200), "date": (AT, 206), "earlier date": (BEFORE, 200),
    "later date": (AFTER, 200), "no tag and no date": ("thing", 200), "list of tags": ('TAG, "other"', 200),
}


@pytest.mark.parametrize("value,status", IF_RANGE.values(), ids=list(IF_RANGE))
def test_if_range_must_match_exactly(files, value, status):
    tag = files.fetch("/digits.txt").get("ETag")
    answer = files.fetch("/digits.txt", fields=["Range: bytes=10-19", f"If-Range: {value.replace('TAG', tag)}"])
    assert answer.status == status
    assert answer.body == (DIGITS[10:20] if status == 206 else DIGITS)


def test_if_range_that_fails_hides_a_bad_range(files):
    answer = files.fetch("/digits.txt", fields=["Range: bytes=1000-", 'If-Range: "other"'])
    assert (answer.status, answer.body) == (200, DIGITS)


def test_ranges_are_announced(files):
    assert files.fetch("/digits.txt").get("Accept-Ranges") == "bytes"


# Names.

@pytest.mark.parametrize("name", ["/.hidden", "/.git/config", "/.git", "/.git/", "/docs/.htaccess", "/%2ehidden", "/%2Egit/config",
                                  "/docs/%2e%2ename", "/.well-known/.git/config", "/docs/../.hidden", "/.", "/...", "/.git%2fconfig"])
def test_hidden_files_are_not_there(files, name):
    answer = files.fetch(name)
    if name == "/.":
        assert answer.body == b"<p>index</p>"
    else:
        assert answer.status == 404 and b"secret" not in answer.body


def test_well_known_is_there(files):
    assert files.fetch("/.well-known/thing.txt").body == b"known"


def test_hidden_files_are_there_when_the_site_wants_them(server, tmp_path):
    site(tmp_path, {".hidden": "shown"})
    assert server('[[site]]\nroot = "www"\nhidden_files = true\n').fetch("/.hidden").body == b"shown"


def test_name_may_have_every_octet(server, tmp_path):
    root = os.fsencode(site(tmp_path))
    for octet in range(1, 256):
        if octet != ord("/"):
            with open(os.path.join(root, b"x" + bytes([octet]) + b"y"), "wb") as file:
                file.write(b"octet %d" % octet)
            os.mkdir(os.path.join(root, b"d" + bytes([octet])))
    running = server('[[site]]\nroot = "www"\n')
    with running.client() as client:
        for octet in range(1, 256):
            if octet == ord("/"):
                continue
            for escape in (f"%{octet:02x}", f"%{octet:02X}"):
                assert client.request(f"/x{escape}y").body == b"octet %d" % octet
            location = client.request(f"/d%{octet:02x}").get("Location")
            # A redirect is a header field: nothing but visible ASCII, and it leads back to the same name.
            assert re.fullmatch(r"/[!-~]+/", location) and "\\" not in location and "?" not in location
            assert urllib.parse.unquote_to_bytes(location) == b"/d" + bytes([octet]) + b"/"


def test_segment_longer_than_any_name_is_not_found(files):
    assert files.fetch("/" + "a" * 300).status == 404
    assert files.fetch("/" + "a/" * 3000).status == 404


# Directories.

REDIRECTS = {
    "directory": ("/docs", "/docs/"),
    "query": ("/docs?a=b&c=%20", "/docs/?a=b&c=%20"),
    "empty query": ("/docs?", "/docs/?"),
    "space": ("/with%20space", "/with%20space/"),
    "two slashes": ("//docs", "/docs/"),
    "many slashes": ("/////docs", "/docs/"),
    "slashes and dots": ("//evil.example/../docs", "/docs/"),
    "slashes and escaped dots": ("//evil.example/%2e%2e/docs", "/docs/"),
    "dots and slashes": ("/..//docs", "/docs/"),
    "absolute form": ("http://localhost//docs", "/docs/"),
}


@pytest.mark.parametrize("target,location", REDIRECTS.values(), ids=list(REDIRECTS))
def test_directory_without_its_slash_is_redirected_within_the_site(files, target, location):
    answer = files.fetch(target)
    assert (answer.status, answer.get("Location")) == (301, location)


@pytest.mark.parametrize("target", ["//evil.example/..", "//evil.example/%2e%2e", "//evil.example/../", "/%2f/evil.example", "/%2fevil.example/..",
                                    "//evil.example", "/\\evil.example/..", "/%5cevil.example/..", "//evil.example/../docs",
                                    "/.//evil.example/..", "/docs/..//evil.example", "///evil.example/%2e%2e/docs", "/%09/evil.example",
                                    "/docs%0d%0aLocation:%20http:%2f%2fevil.example"])
def test_no_path_leads_to_another_host(files, target):
    answer = files.fetch(target)
    location = answer.get("Location")
    assert location is None or re.match(r"/(?![/\\])", location), answer


def test_redirect_names_the_directory_whatever_its_name(server, tmp_path):
    names = ["evil.example", "\\evil.example", "a:b", "a?b", "a#b", "a%b", "a\nb", "%2e%2e"]
    root = site(tmp_path)
    for name in names:
        (root / name).mkdir()
    running = server('[[site]]\nroot = "www"\n')
    for name in names:
        for prefix in ("/", "//"):
            location = running.fetch(prefix + urllib.parse.quote(name)).get("Location")
            assert urllib.parse.unquote(location) == f"/{name}/" and re.match(r"/[^/\\?#]+/$", location)


@pytest.mark.parametrize("target,body", [("/", b"<p>index</p>"), ("/docs/", b"docs"), ("/docs/.", b"docs"), ("/docs/x/..", b"docs"),
                                         ("/?q", b"<p>index</p>")])
def test_directory_is_answered_with_its_index(files, target, body):
    assert files.fetch(target).body == body


@pytest.mark.parametrize("target", ["/bare/", "/indexdir/", "/a.txt/", "/docs/index.html/"])
def test_nothing_is_listed_and_no_file_is_a_directory(files, target):
    answer = files.fetch(target)
    assert answer.status in (403, 404) and b"a.txt" not in answer.body


def test_index_files_are_tried_in_order(server, tmp_path):
    site(tmp_path, {"both/b.htm": "b", "both/a.htm": "a", "one/b.htm": "only b"})
    running = server('[[site]]\nroot = "www"\nindex = ["a.htm", "b.htm"]\n')
    assert (running.fetch("/both/").body, running.fetch("/one/").body) == (b"a", b"only b")


# What is no regular file, and links.

def test_fifo_and_socket_are_not_there_and_block_nobody(server, tmp_path):
    root = site(tmp_path, {"a.txt": "the file a", "d/a.txt": "in d"})
    os.mkfifo(root / "fifo")
    os.mkfifo(root / "d/index.html")
    os.mkfifo(root / "a.txt.gz")
    running = server('[server]\nworkers = 1\n[[site]]\nroot = "www"\n')
    for target in ("/fifo", "/d/", "/fifo/x"):
        assert running.fetch(target).status in (403, 404)
    assert running.fetch("/a.txt", fields=["Accept-Encoding: gzip"]).body == b"the file a"


def links(tmp_path):
    put(tmp_path / "outside/secret.txt", "secret")
    root = site(tmp_path, {"a.txt": "the file a", "d/b.txt": "the file b", "plain.txt": "plain"})
    for name, target in {"in.txt": "a.txt", "ind": "d", "up.txt": "d/../a.txt", "out.txt": "../outside/secret.txt", "outd": "../outside",
                         "abs.txt": tmp_path / "outside/secret.txt", "loop": "loop", "dead": "nothing", "plain.txt.gz": "../outside/secret.txt",
                         "proc": "/proc/self/root", "d/upper": ".."}.items():
        (root / name).symlink_to(target)


INSIDE = {"/in.txt": b"the file a", "/ind/b.txt": b"the file b", "/up.txt": b"the file a", "/d/upper/a.txt": b"the file a"}
OUTSIDE = ["/out.txt", "/outd/secret.txt", "/abs.txt"]
NOWHERE = ["/loop", "/dead", "/loop/x", "/proc/etc/passwd"]


def test_links_are_followed_inside_of_the_root_only(server, tmp_path):
    links(tmp_path)
    running = server('[[site]]\nroot = "www"\n')
    for target, body in INSIDE.items():
        assert running.fetch(target).body == body
    for target in OUTSIDE + NOWHERE:
        answer = running.fetch(target)
        assert answer.status in (403, 404) and b"secret" not in answer.body
    assert running.fetch("/plain.txt", fields=["Accept-Encoding: gzip"]).body == b"plain"


def test_links_are_denied_where_the_site_says_so(server, tmp_path):
    links(tmp_path)
    running = server('[[site]]\nroot = "www"\nsymlinks = "deny"\n')
    for target in [*INSIDE, *OUTSIDE, *NOWHERE]:
        assert running.fetch(target).status in (403, 404)
    assert running.fetch("/d/b.txt").body == b"the file b"


def test_links_lead_anywhere_where_the_site_says_so(server, tmp_path):
    links(tmp_path)
    running = server('[[site]]\nroot = "www"\nsymlinks = "follow"\n')
    for target in OUTSIDE:
        assert running.fetch(target).body == b"secret"


def test_root_may_itself_be_a_link(server, tmp_path):
    site(tmp_path, {"a.txt": "the file a"}, "real")
    (tmp_path / "www").symlink_to("real")
    assert server('[[site]]\nroot = "www"\n').fetch("/a.txt").body == b"the file a"


def test_unreadable_file_is_forbidden(server, tmp_path):
    root = site(tmp_path, {"locked.txt": "secret", "locked/a.txt": "secret", "a.txt": "open"})
    (root / "locked.txt").chmod(0)
    (root / "locked").chmod(0)
    running = server('[[site]]\nroot = "www"\n', prefix=without_override())
    assert running.fetch("/a.txt").body == b"open"
    assert [running.fetch(target).status for target in ("/locked.txt", "/locked/a.txt")] == [403, 403]
    (root / "locked").chmod(0o755)


# Precompressed siblings.

@pytest.fixture(scope="module")
def compressed(shared_server, tmp_path_factory):
    tmp = tmp_path_factory.mktemp("compressed")
    root = site(tmp, {"all.txt": "plain", "gz.txt": "plain", "stale.txt": "plain", "none.txt": "plain", "index.html": "plain"})
    for name in ("all.txt", "gz.txt", "stale.txt", "index.html"):
        put(root / name, "plain", MTIME)
        put(root / f"{name}.gz", b"GZIP", MTIME - 10 if name == "stale.txt" else MTIME)
    put(root / "all.txt.br", b"BROTLI", MTIME)
    put(root / "all.txt.zst", b"ZSTANDARD", MTIME + 1)
    return shared_server('[[site]]\nroot = "www"\n', tmp=tmp)


CODINGS = {
    "nothing is said": ("/all.txt", None, None),
    "gzip": ("/all.txt", "gzip", "gzip"),
    "x-gzip": ("/all.txt", "x-gzip", "gzip"),
    "br": ("/all.txt", "br", "br"),
    "zstd": ("/all.txt", "zstd", "zstd"),
    "in capitals": ("/all.txt", "GZIP", "gzip"),
    "as browsers ask": ("/gz.txt", "gzip, deflate, br, zstd", "gzip"),
    "only gzip is there": ("/gz.txt", "br", None),
    "preference by weight": ("/all.txt", "gzip;q=1.0, br;q=0.5, zstd;q=0.1", "gzip"),
    "refused by weight": ("/gz.txt", "gzip;q=0", None),
    "refused by weight 0.000": ("/gz.txt", "gzip;q=0.000", None),
    "anything": ("/gz.txt", "*", "gzip"),
    "anything but gzip": ("/gz.txt", "gzip;q=0, *", None),
    "rather plain": ("/gz.txt", "gzip;q=0.5, identity", None),
    "empty field": ("/gz.txt", "", None),
    "unknown": ("/gz.txt", "foo", None),
    "older than the file": ("/stale.txt", "gzip", None),
    "index": ("/", "gzip", "gzip"),
}


@pytest.mark.parametrize("target,accepted,coding", CODINGS.values(), ids=list(CODINGS))
def test_precompressed_sibling_is_chosen_by_accept_encoding(compressed, target, accepted, coding):
    fields = [] if accepted is None else [f"Accept-Encoding: {accepted}"]
    answer = compressed.fetch(target, fields=fields)
    body = {None: b"plain", "gzip": b"GZIP", "br": b"BROTLI", "zstd": b"ZSTANDARD"}[coding]
    assert (answer.get("Content-Encoding"), answer.body) == (coding, body)
    assert answer.get("Content-Type").startswith("text/html" if target == "/" else "text/plain")


def test_best_of_several_codings_is_smallest_by_habit_and_never_identity(compressed):
    assert compressed.fetch("/all.txt", fields=["Accept-Encoding: gzip, deflate, br, zstd"]).get("Content-Encoding") in ("br", "zstd")


@pytest.mark.parametrize("fields", [[], ["Accept-Encoding: gzip"], ["Range: bytes=0-1"], ["Accept-Encoding: gzip", "Range: bytes=0-1"],
                                    ["If-None-Match: *"], ["Accept-Encoding: gzip", "If-None-Match: *"]],
                         ids=["200", "200 gzip", "206", "206 gzip", "304", "304 gzip"])
def test_vary_is_never_lost(compressed, fields):
    assert compressed.fetch("/gz.txt", fields=fields).get("Vary") == "Accept-Encoding"
    assert compressed.fetch("/none.txt", fields=fields).get("Vary") is None


def test_each_coding_has_a_tag_and_a_range_of_its_own(compressed):
    tags = {coding: compressed.fetch("/all.txt", fields=[f"Accept-Encoding: {coding}"]).get("ETag")
            for coding in ("identity", "gzip", "br", "zstd")}
    assert len(set(tags.values())) == 4
    answer = compressed.fetch("/all.txt", fields=["Accept-Encoding: gzip", "Range: bytes=1-2", f"If-Range: {tags['gzip']}"])
    assert (answer.status, answer.get("Content-Range"), answer.body) == (206, "bytes 1-2/4", b"ZI")
    answer = compressed.fetch("/all.txt", fields=["Accept-Encoding: gzip", "Range: bytes=1-2", f"If-Range: {tags['br']}"])
    assert (answer.status, answer.body) == (200, b"GZIP")
    answer = compressed.fetch("/all.txt", fields=["Accept-Encoding: gzip", f"If-None-Match: {tags['identity']}"])
    assert answer.status == 200


def test_sibling_asked_for_by_name_is_a_file(compressed):
    answer = compressed.fetch("/gz.txt.gz", fields=["Accept-Encoding: gzip"])
    assert (answer.get("Content-Encoding"), answer.get("Content-Type"), answer.body) == (None, "application/gzip", b"GZIP")


def test_siblings_are_left_alone_where_the_site_says_so(server, tmp_path):
    root = site(tmp_path, {"a.txt": "plain"})
    put(root / "a.txt.gz", gzip.compress(b"plain"))
    answer = server('[[site]]\nroot = "www"\nprecompressed = false\n').fetch("/a.txt", fields=["Accept-Encoding: gzip"])
    assert (answer.body, answer.get("Vary")) == (b"plain", None)


# What changes while it is served.

@pytest.mark.parametrize("cache", CACHES.values(), ids=list(CACHES))
@pytest.mark.parametrize("way", ["replaced", "rewritten", "touched"])
def test_changed_file_is_noticed(server, tmp_path, way, cache):
    root = site(tmp_path, {"a.txt": "first"})
    cache = cache or '[cache]\nrevalidate = "50ms"\n'
    running = server(f'{cache}[[site]]\nroot = "www"\n')
    first = running.fetch("/a.txt")
    assert first.body == b"first"
    {"replaced": lambda: replace(root / "a.txt", "other"),
     "rewritten": lambda: put(root / "a.txt", "other"),
     "touched": lambda: os.utime(root / "a.txt", (MTIME, MTIME))}[way]()
    if way == "touched":
        now = wire.wait_until(lambda: (lambda answer: answer if answer.get("Last-Modified") == AT else None)(running.fetch("/a.txt")))
        # The tag of what is kept in memory is of its content, which is the same.
        assert now.body == b"first" and (now.get("ETag") == first.get("ETag")) == ("memory" not in cache)
        return
    now = wire.wait_until(lambda: (lambda answer: answer if answer.get("ETag") != first.get("ETag") else None)(running.fetch("/a.txt")))
    assert now.body == b"other"


def test_changed_file_is_noticed_within_revalidate(server, tmp_path):
    root = site(tmp_path, {"a.txt": "first"})
    running = server('[server]\nworkers = 1\n[cache]\nrevalidate = "1s"\n[[site]]\nroot = "www"\n')
    assert running.fetch("/a.txt").body == b"first"
    replace(root / "a.txt", "other")
    begin = time.monotonic()
    wire.wait_until(lambda: running.fetch("/a.txt").body == b"other")
    assert time.monotonic() - begin < 5
    (root / "a.txt").unlink()
    wire.wait_until(lambda: running.fetch("/a.txt").status == 404)
    put(root / "a.txt", "back")
    wire.wait_until(lambda: running.fetch("/a.txt").body == b"back")


@pytest.mark.parametrize("cache", CACHES.values(), ids=list(CACHES))
def test_answer_is_of_one_version_of_a_file_that_is_replaced_all_the_time(server, tmp_path, cache):
    versions = [bytes([letter]) * (2000 + 100 * letter) for letter in b"abcdef"]
    root = site(tmp_path, {"a.txt": versions[0]})
    cache = cache or '[cache]\nrevalidate = 0\n'
    running = server(f'{cache}[[site]]\nroot = "www"\n')
    seen = {}
    for turn in range(300):
        replace(root / "a.txt", versions[turn % 6])
        answer = running.fetch("/a.txt")
        if answer.status == 503:
            continue
        assert answer.body in versions
        # The same tag is never given to another content.
        assert seen.setdefault(answer.get("ETag"), answer.body) == answer.body
    assert len(seen) >= len(versions)


def test_download_cut_off_with_its_file_ends_early_and_visibly(server, tmp_path):
    root = site(tmp_path, {"large": os.urandom(1 << 20) * 20, "a.txt": "the file a"})
    running = server('[[site]]\nroot = "www"\n')
    with running.client(receive_buffer=4096) as client:
        client.send(request("/large") + request("/a.txt"))
        client.read_until(b"\r\n\r\n")
        os.truncate(root / "large", 1000)
        rest = client.read_to_end()
        assert len(rest) < 20 << 20 and b"the file a" not in rest
    assert running.fetch("/a.txt").body == b"the file a"


def test_root_may_vanish_and_come_back_while_it_is_served(server, tmp_path):
    root = site(tmp_path, {"a.txt": "first", "large": b"x" * (2 << 20)})
    running = server('[cache]\nrevalidate = "50ms"\n[[site]]\nroot = "www"\n')
    assert running.fetch("/a.txt").body == b"first"
    root.rename(tmp_path / "away")
    site(tmp_path, {"a.txt": "second"})
    wire.wait_until(lambda: running.fetch("/a.txt").body == b"second", "the new root is noticed")
    for file in root.iterdir():
        file.unlink()
    root.rmdir()
    wire.wait_until(lambda: running.fetch("/a.txt").status in (404, 503), "the root is gone")
    assert running.fetch("/").status in (404, 503)
    site(tmp_path, {"a.txt": "third"})
    wire.wait_until(lambda: running.fetch("/a.txt").body == b"third", "the root is back")


# Large files.

def test_large_file_arrives_octet_for_octet(server, tmp_path):
    piece = os.urandom(1 << 20)
    root = site(tmp_path)
    digest = hashlib.sha256()
    with open(root / "large", "wb") as file:
        for n in range(LARGE >> 20):
            part = piece[n:] + piece[:n]
            file.write(part)
            digest.update(part)
    running = server('[[site]]\nroot = "www"\n')
    with running.client() as client:
        for _ in range(2):
            answer = client.request("/large")
            assert answer.get("Content-Length") == str(LARGE)
            assert hashlib.sha256(answer.body).digest() == digest.digest()
        middle = client.request("/large", fields=[f"Range: bytes={LARGE // 2}-{LARGE // 2 + 999_999}"])
        assert middle.status == 206
        with open(root / "large", "rb") as file:
            file.seek(LARGE // 2)
            assert middle.body == file.read(1_000_000)
        assert client.request("/large", "HEAD").get("Content-Length") == str(LARGE)


def test_file_larger_than_four_gigabytes_has_ranges_at_its_end(server, tmp_path):
    root = site(tmp_path)
    with open(root / "huge", "wb") as file:
        file.truncate(5 << 30)
        file.seek((5 << 30) - 5)
        file.write(b"ending"[:5])
    running = server('[[site]]\nroot = "www"\n')
    answer = running.fetch("/huge", fields=["Range: bytes=-5"])
    assert (answer.body, answer.get("Content-Range")) == (b"endin", f"bytes {(5 << 30) - 5}-{(5 << 30) - 1}/{5 << 30}")
    assert running.fetch("/huge", method="HEAD").get("Content-Length") == str(5 << 30)


@pytest.mark.parametrize("cache", ["", '[cache]\nmemory = "64KiB"\nfile_bytes = "32KiB"\n', '[cache]\nmemory = 0\n'],
                         ids=["ordinary", "tiny", "none"])
def test_bounded_cache_serves_more_than_it_can_hold(server, tmp_path, cache):
    content = {f"{n}.bin": os.urandom(1000 + 1500 * n) for n in range(40)}
    site(tmp_path, content)
    running = server(f'{cache}[[site]]\nroot = "www"\n')
    with running.client() as client:
        for _ in range(2):
            for name, octets in content.items():
                assert client.request(f"/{name}").body == octets
