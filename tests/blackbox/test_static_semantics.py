# SPDX-License-Identifier: MIT
"""Conditions and ranges of files and of their codings, by the letter, and files that change under those who read them."""
import os
import random
import re
import urllib.parse

import pytest

import wire
from codings import CODINGS, decoded, text
from sites import put, replace, site
from wire import request

MTIME = 1_700_000_000
AT = "Tue, 14 Nov 2023 22:13:20 GMT"
SIZE = 10_000
CONTENT = text(SIZE)
SITE = '[[site]]\nroot = "www"\n'
KINDS = ["identity in memory", "identity on the disk", *CODINGS]


def accepts(coding):
    return [f"Accept-Encoding: {coding}"]


# What a 304 carries, RFC 9110 section 15.4.5.

@pytest.fixture(scope="module")
def comforts(shared_server, tmp_path_factory):
    tmp = tmp_path_factory.mktemp("comforts")
    root = site(tmp)
    put(root / "about.html", CONTENT, MTIME)
    put(root / "large.html", CONTENT * 200, MTIME)
    return shared_server(f'{SITE}clean_urls = true\ncache_control = {{ "*.html" = "max-age=60" }}\nheaders = {{ "X-Own" = "own" }}\n',
                         tmp=tmp)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("coding", ["identity", *CODINGS])
@pytest.mark.parametrize("path,location", [("/about", "/about.html"), ("/about.html", None),
                                           ("/large", "/large.html"), ("/large.html", None)])
def test_not_modified_says_what_a_cache_has_to_know_and_nothing_of_the_content(comforts, path, location, coding, method):
    whole = comforts.fetch(path, fields=accepts(coding))
    assert whole.status == 200 and whole.get("Content-Location") == location
    for condition in (f"If-None-Match: {whole.get('ETag')}", f"If-Modified-Since: {AT}"):
        answer = comforts.fetch(path, method=method, fields=[*accepts(coding), condition])
        assert answer.status == 304 and re.fullmatch(wire.DATE, answer.get("Date"))
        for name in ("ETag", "Vary", "Cache-Control", "Content-Location", "Last-Modified", "X-Own"):
            assert answer.get(name) == whole.get(name), name
        for name in ("Content-Type", "Content-Encoding", "Content-Range", "Transfer-Encoding"):
            assert answer.get(name) is None, name
        assert answer.get("Content-Length") in (None, whole.get("Content-Length"))


# Several ranges, RFC 9110 sections 14 and 15.3.7.

@pytest.fixture(scope="module")
def files(shared_server, tmp_path_factory):
    """By kind: a server, the fields to ask with, and the octets that ranges are of."""
    running = {}
    for memory in ("64MiB", "0B"):
        tmp = tmp_path_factory.mktemp("files")
        root = site(tmp, {"index.html": "index"})
        put(root / "a.txt", CONTENT, MTIME)
        running[memory] = shared_server(
            f'[limits]\nhead_bytes = "256KiB"\ntarget_bytes = "64KiB"\n[cache]\nmemory = "{memory}"\n{SITE}', tmp=tmp)

    def of(kind):
        server = running["0B" if kind == "identity on the disk" else "64MiB"]
        fields = accepts(kind.split()[0])
        # The tag of a file on the disk is weak while it is new.
        wire.wait_until(lambda: server.fetch("/a.txt").get("ETag").startswith('"'), "a strong tag")
        return server, fields, server.fetch("/a.txt", fields=fields)

    return of


def parts_of(answer):
    """[(first, last, octets)] of a 206 in one part or several, read by the letter."""
    def span(value):
        found = re.fullmatch(r"bytes ([0-9]+)-([0-9]+)/([0-9]+)", value)
        return int(found[1]), int(found[2]), int(found[3])

    assert answer.status == 206
    if answer.get("Content-Range") is not None:
        first, last, size = span(answer.get("Content-Range"))
        assert len(answer.body) == last - first + 1
        return [(first, last, answer.body)], size
    boundary = re.fullmatch(r"multipart/byteranges; boundary=([0-9A-Za-z'()+_,./:=?-]{1,70})", answer.get("Content-Type"))[1].encode()
    rest, parts, sizes = answer.body, [], set()
    assert rest.startswith(b"--" + boundary)
    rest = b"\r\n" + rest
    while not rest.startswith(b"\r\n--" + boundary + b"--"):
        assert rest.startswith(b"\r\n--" + boundary + b"\r\n"), rest[:100]
        end = rest.index(b"\r\n\r\n")
        fields = dict(line.decode().split(": ") for line in rest[len(boundary) + 6:end].split(b"\r\n"))
        assert set(fields) == {"Content-Type", "Content-Range"}, fields
        assert fields["Content-Type"] == "text/plain; charset=utf-8"
        first, last, size = span(fields["Content-Range"])
        rest = rest[end + 4:]
        parts.append((first, last, rest[:last - first + 1]))
        rest = rest[last - first + 1:]
        sizes.add(size)
        assert boundary not in parts[-1][2]
    assert rest == b"\r\n--" + boundary + b"--\r\n" and len(sizes) == 1
    # One range is never sent so: section 15.3.7.2.
    assert len(parts) > 1
    return parts, sizes.pop()


def assert_right_parts(answer, asked, whole):
    """The answer has what was asked of the whole, in that order, and not more than there is."""
    assert len(answer.body) <= len(whole)
    if answer.status == 200:
        assert answer.body == whole and answer.get("Content-Range") is None
        return
    parts, size = parts_of(answer)
    assert size == len(whole)
    for first, last, octets in parts:
        assert first <= last < size and octets == whole[first:last + 1]
    spans = sorted((first, last) for first, last, _ in parts)
    assert all(one[1] < next_one[0] for one, next_one in zip(spans, spans[1:])), "parts overlap"
    homes = []
    for first, last in asked:
        home = [at for at, (begin, end, _) in enumerate(parts) if begin <= first and last <= end]
        assert len(home) == 1, (first, last, spans)
        homes += home if home[0] not in homes else []
    assert homes == list(range(len(parts))), "parts nobody asked for, or in another order"


SEVERAL = {
    "two": ("0-9,1500-1509", [(0, 9), (1500, 1509)]),
    "two in reverse order": ("1500-1509,0-9", [(1500, 1509), (0, 9)]),
    "three with a suffix in front": ("-10,0-0,700-709", [(-10, -1), (0, 0), (700, 709)]),
    "adjacent": ("100-199,200-299", [(100, 199), (200, 299)]),
    "adjacent in reverse order": ("200-299,100-199", [(200, 299), (100, 199)]),
    "overlapping": ("0-99,50-149,1500-1501", [(0, 99), (50, 149), (1500, 1501)]),
    "one within another": ("0-499,100-199,1500-1501", [(0, 499), (100, 199), (1500, 1501)]),
    "the same twice": ("7-8,7-8", [(7, 8), (7, 8)]),
    "near each other": ("0-0,2-2,4-4,6-6", [(0, 0), (2, 2), (4, 4), (6, 6)]),
    "one of several is there": ("90000-,30-39,90000-99999", [(30, 39)]),
    "two of several are there": ("90000-,30-39,-0,1500-1509,90000-99999", [(30, 39), (1500, 1509)]),
    "all, and a part": ("0-,5-6", [(0, -1), (5, 6)]),
    "beyond 2^64, and one that is there": ("18446744073709551616-18446744073709551620,3-4", [(3, 4)]),
    "to beyond 2^64": ("3-18446744073709551619", [(3, -1)]),
    "to far beyond 2^64": (f"3-{'9' * 5000}", [(3, -1)]),
    "suffix beyond 2^64": ("-18446744073709551617", [(0, -1)]),
    "leading zeros": (f"{'0' * 5000}3-0000000000000000000000000004", [(3, 4)]),
    "empty members": (",, 3-4 ,\t, 1500-1501,,", [(3, 4), (1500, 1501)]),
    "2,000 that are the same": (",".join(["5-6"] * 2000), [(5, 6)]),
    "2,000 that are everything": (",".join(["0-"] * 2000), [(0, -1)]),
    "2,000 apart": (",".join(f"{at}-{at}" for at in range(0, 2000)), [(at, at) for at in range(2000)]),
    "2,000 in reverse order": (",".join(f"{at}-{at}" for at in reversed(range(2000))), [(at, at) for at in reversed(range(2000))]),
    "100 of which one is there": (",".join(["90000-"] * 99 + ["5-6"]), [(5, 6)]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value,asked", SEVERAL.values(), ids=list(SEVERAL))
def test_several_ranges_are_parts_of_what_would_be_sent_whole(files, kind, value, asked):
    server, fields, whole = files(kind)
    fields = [*fields, f"Range: bytes={value}"]
    if kind in CODINGS:
        assert whole.get("Content-Encoding") == kind and len(whole.body) > 2000
    size = len(whole.body)
    asked = [(first % size, last % size) for first, last in asked]
    with server.client() as client:
        # Two requests at once: the length is exact, or the second answer is none.
        client.send(request("/a.txt", fields=fields) * 2)
        for answer in (client.response(), client.response()):
            assert answer.status in (200, 206)
            # The tag of a young file on the disk is weak, and may have become strong meanwhile.
            assert answer.get("ETag").removeprefix("W/") == whole.get("ETag").removeprefix("W/")
            for name in ("Vary", "Last-Modified", "Content-Encoding", "Accept-Ranges"):
                if name != "Accept-Ranges" or whole.get(name):
                    assert answer.get(name) == whole.get(name), name
            assert_right_parts(answer, asked, whole.body)
        head = client.request("/a.txt", "HEAD", fields=fields)
        assert (head.status, head.get("Content-Length"), head.get("Content-Range")) == (200, str(size), None)


def test_a_few_ranges_that_pay_are_sent_in_parts(files):
    for kind in KINDS:
        server, fields, whole = files(kind)
        answers = [server.fetch("/a.txt", fields=[*fields, "Range: bytes=1500-1509,0-9,-5"]) for _ in range(2)]
        assert [(first, last) for first, last, _ in parts_of(answers[0])[0]] == [
            (1500, 1509), (0, 9), (len(whole.body) - 5, len(whole.body) - 1)]
        assert answers[0].get("Content-Type") != answers[1].get("Content-Type"), "a boundary of its own for each answer"


NOT_THERE = ["10000-", "10000-,20000-30000,-0", "-0", "-0000", "18446744073709551615-", "18446744073709551616-",
             "18446744073709551617-18446744073709551618", "36893488147419103232-", f"{'9' * 5000}-",
             "340282366920938463463374607431768211456-", ",".join(["90000-"] * 100)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", NOT_THERE, ids=range(len(NOT_THERE)))
def test_ranges_of_which_none_is_there_are_unsatisfiable(files, kind, value):
    server, fields, whole = files(kind)
    answer = server.fetch("/a.txt", fields=[*fields, f"Range: bytes={value}"])
    assert (answer.status, answer.get("Content-Range")) == (416, f"bytes */{len(whole.body)}")
    assert answer.get("Vary") == whole.get("Vary") and answer.get("Content-Encoding") is None


MALFORMED_RANGES = ["bytes=0-9,x", "bytes=0-9;5-6", "bytes=0-9 5-6", "bytes 0-9", "bytes==0-9", "bytes=0--9", "bytes=0-9-10",
                    "bytes=3-4,2-1", "bytes=,",
                    "bytes", "=0-9", "bytes=0", "bytes=0-9,5", "bytes=0.0-9", "bytes=0-9/100", "bytes=0-1e3", "bytes=\u00b2-\u00b3",
                    "byte=0-9", "bytes=*",
                    "bytes=0-*", "bytes=-", "bytes=- 5", "bytes =0-9", "octets=0-9", "bytes=18446744073709551617-18446744073709551616",
                    "bytes=0-9\" ", "bytes='0-9'", "bytes=0x10-0x20", "bytes=-1-5", "bytes=%30-%39"]


@pytest.mark.parametrize("value", MALFORMED_RANGES)
def test_malformed_range_is_ignored(files, value):
    for kind in KINDS:
        server, fields, whole = files(kind)
        answer = server.fetch("/a.txt", fields=[*fields, f"Range: {value}"])
        assert (answer.status, answer.body) == (200, whole.body)


def test_two_range_fields_are_none(files):
    server, fields, whole = files("gzip")
    answer = server.fetch("/a.txt", fields=[*fields, "Range: bytes=0-9", "Range: bytes=20-29"])
    assert (answer.status, answer.body) == (200, whole.body)


IF_RANGE = {"tag": ("TAG", 206), "weak tag": ("W/TAG", 200), "other tag": ('"other"', 200), "date": (AT, 206),
            "another date": ("Tue, 14 Nov 2023 22:13:21 GMT", 200), "date in another form": ("Tuesday, 14-Nov-23 22:13:20 GMT", 206),
            "nothing": ("", 200), "star": ("*", 200), "tag without its end": ("TAG,", 200), "two tags": ("TAG, TAG", 200),
            "no date": ("Tue, 14 Nov 2023", 200), "bare tag": ("abc", 200)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value,status", IF_RANGE.values(), ids=list(IF_RANGE))
def test_if_range_holds_for_several_ranges_and_for_codings(files, kind, value, status):
    server, fields, whole = files(kind)
    tag = whole.get("ETag")
    for ranges, asked in {"1500-1509,0-9": [(1500, 1509), (0, 9)], "5-9": [(5, 9)]}.items():
        answer = server.fetch("/a.txt", fields=[*fields, f"Range: bytes={ranges}", f"If-Range: {value.replace('TAG', tag)}"])
        assert answer.status == status
        assert_right_parts(answer, asked, whole.body)
        hidden = server.fetch("/a.txt", fields=[*fields, "Range: bytes=90000-", f"If-Range: {value.replace('TAG', tag)}"])
        assert hidden.status == (416 if status == 206 else 200)


# Conditions of every sort.

DATES_THAT_ARE_NONE = ["yesterday", "1700000000", "", "Tue, 32 Nov 2023 22:13:20 GMT", "Tue, 14 Nov 2023 24:13:20 GMT",
                       "Tue, 14 Nov 2023 22:60:20 GMT", "Wed, 29 Feb 2023 00:00:00 GMT", "Tue, 14 Nov 2023 22:13:20 +0000",
                       "Tue, 14 Nov 2023 22:13:20 CET",
                       "Tue, 14 Nov 2023 22:13:20",
                       "Tue, 14 Nov 99999 22:13:20 GMT", "Tue, 14 Nov -023 22:13:20 GMT", "Tue 14 Nov 2023 22:13:20 GMT",
                       "14 Nov 2023 22:13:20 GMT",
                       "Tue, 14 11 2023 22:13:20 GMT", "2023-11-14T22:13:20Z", f"{AT}, {AT}", f'"{AT}"', f"{AT} x", "9" * 5000,
                       "Tue, " * 500]
CONDITIONS = {
    "tag without quotes": ("If-None-Match: abc", 200), "tag without its end": ('If-None-Match: "abc', 200),
    "small w": ("If-None-Match: w/TAG", 200),
    "only W/": ("If-None-Match: W/", 200), "tags without comma": ('If-None-Match: "a" "b"', 200), "two stars": ("If-None-Match: **", 200),
    "star in quotes": ('If-None-Match: "*"', 200), "single quotes": ("If-None-Match: 'abc'", 200),
    "empty members": ("If-None-Match: ,, ,TAG,", 304),
    "tabs": ("If-None-Match: \t\"a\"\t,\tTAG\t", 304), "empty tag": ('If-None-Match: ""', 200),
    "octets beyond ASCII": ('If-None-Match: "\u00e4", TAG', 304),
    "2,000 tags": ("If-None-Match: " + ", ".join(f'"{n}"' for n in range(2000)), 200),
    "2,000 tags and the right one": ("If-None-Match: " + ", ".join(f'"{n}"' for n in range(2000)) + ", TAG", 304),
    "tag of 20,000 octets": (f'If-None-Match: "{"x" * 20000}", TAG', 304),
    "If-Match without quotes": ("If-Match: abc", 412), "If-Match empty": ("If-Match:", 412),
    "If-Match with commas only": ("If-Match: ,,", 412),
    "If-Match in a list of 2,000": ("If-Match: " + ", ".join(f'"{n}"' for n in range(2000)) + ", TAG", 200),
    "since the end of time": ("If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT", 304),
    "since the beginning": ("If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT", 200),
    "since before the beginning": ("If-Modified-Since: Mon, 01 Jan 1900 00:00:00 GMT", 200),
    "unmodified since before the beginning": ("If-Unmodified-Since: Mon, 01 Jan 1900 00:00:00 GMT", 412),
    "unmodified until the end of time": ("If-Unmodified-Since: Fri, 31 Dec 9999 23:59:59 GMT", 200),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("field,status", CONDITIONS.values(), ids=list(CONDITIONS))
def test_condition_has_the_status_that_the_rfc_says(files, kind, field, status):
    server, fields, whole = files(kind)
    for method in ("GET", "HEAD"):
        answer = server.fetch("/a.txt", method=method, fields=[*fields, field.replace("TAG", whole.get("ETag"))])
        assert answer.status == status
        assert answer.body == (whole.body if (status, method) == (200, "GET") else answer.body)


@pytest.mark.parametrize("kind", ["identity in memory", "gzip"])
@pytest.mark.parametrize("date", DATES_THAT_ARE_NONE, ids=range(len(DATES_THAT_ARE_NONE)))
def test_date_that_is_none_is_ignored(files, kind, date):
    server, fields, whole = files(kind)
    for name in ("If-Modified-Since", "If-Unmodified-Since"):
        assert server.fetch("/a.txt", fields=[*fields, f"{name}: {date}"]).body == whole.body


def test_no_combination_of_conditions_is_an_error_of_the_server(files):
    server, fields, whole = files("gzip")
    chance = random.Random(1)
    values = ["TAG", "W/TAG", "*", '"a"', "abc", AT, "yesterday", "", ",", '"', "W/", "bytes=0-9", "bytes=0-9,1500-1509", "bytes=9-",
              "bytes=90000-", "bytes=x"]
    names = ["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range"]
    with server.client() as client:
        for _ in range(1000):
            lines = [f"{chance.choice(names)}: {chance.choice(values).replace('TAG', whole.get('ETag'))}"
                     for _ in range(chance.randrange(1, 6))]
            answer = client.request("/a.txt", chance.choice(["GET", "HEAD"]), fields=[*fields, *lines])
            assert answer.status in (200, 206, 304, 412, 416), (lines, answer)


# Files that change while a slow client reads them: nothing that looks complete mixes two contents.

LARGE = 12 << 20
READS = {
    "whole": (["Accept-Encoding: identity"], [(0, LARGE)]),
    "one range": (["Range: bytes=100-12000000"], [(100, 12_000_001)]),
    "several ranges": (["Range: bytes=8000000-11999999,100-7000000"], [(8_000_000, 12_000_000), (100, 7_000_001)]),
    "coded": (["Accept-Encoding: gzip"], [(0, LARGE)]),
}


def overwrite(path, content, mtime=None):
    """In its place, as careless programs do."""
    with open(path, "r+b") as file:
        file.write(content)
    if mtime is not None:
        os.utime(path, (mtime, mtime))


def append(path, content):
    with open(path, "ab") as file:
        file.write(content)


CHANGES = {
    "replaced": replace,
    "replaced, with the time of the old one": lambda path, content: (replace(path, content), os.utime(path, (MTIME, MTIME))),
    "removed": lambda path, content: path.unlink(),
    "linked": lambda path, content: os.link(path, path.with_name("other")),
    "truncated": lambda path, content: os.truncate(path, 1000),
    "truncated and written anew": lambda path, content: path.write_bytes(content),
    "overwritten": overwrite,
    "overwritten at its end": lambda path, content: overwrite(path, path.read_bytes()[:-5000] + content[-5000:]),
    "overwritten, and its time put back": lambda path, content: overwrite(path, content, MTIME),
    "appended to": append,
}
MAY_NOT_DISTURB = {"replaced", "replaced, with the time of the old one", "removed", "linked"}


@pytest.fixture(scope="module")
def contents():
    chance = random.Random(2)
    return [chance.randbytes(LARGE // 2).hex().encode() for _ in range(2)]


@pytest.fixture(scope="module")
def changing(shared_server, tmp_path_factory):
    tmp = tmp_path_factory.mktemp("changing")
    site(tmp)
    return shared_server(f"[cache]\nrevalidate = 0\n{SITE}", tmp=tmp)


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("change", CHANGES)
def test_slow_reader_never_takes_a_mixture_for_the_file(changing, contents, change, read):
    old, new = contents
    root = changing.tmp / "www"
    for path in root.iterdir():
        path.unlink()
    path = put(root / "a.txt", old, MTIME)
    fields, spans = READS[read]
    with changing.client(receive_buffer=1 << 16) as client:
        client.send(request("/a.txt", fields=fields) + request("/a.txt", "HEAD"))
        head = client.read_until(b"\r\n\r\n")
        client.unread = head + client.unread
        CHANGES[change](path, new)
        try:
            answer = client.response()
        except (wire.Closed, ConnectionResetError):
            assert change not in MAY_NOT_DISTURB, "a file that nobody wrote to is sent to its end"
            return
        if read == "several ranges":
            pieces = [octets for _, _, octets in parts_of(answer)[0]]
        else:
            pieces = [decoded(answer.get("Content-Encoding"), answer.body)]
        for (first, end), octets in zip(spans, pieces, strict=True):
            # Compared by hand: pytest would show millions of octets.
            if octets != old[first:end]:
                pytest.fail(f"complete, but not what the file was: first new octet at {mixed_at(octets, old[first:end])}")
        assert client.response("HEAD").status in (200, 404)


def mixed_at(octets, old):
    return next((at for at, (one, other) in enumerate(zip(octets, old)) if one != other), min(len(octets), len(old)))


# Contents that the file system can hardly tell apart.

@pytest.mark.parametrize("memory", ["64MiB", "0B"], ids=["in memory", "on the disk"])
@pytest.mark.parametrize("coding", ["identity", "gzip"])
@pytest.mark.parametrize("way", ["in place", "replaced"])
def test_contents_of_one_size_and_time_never_share_a_tag(server, tmp_path, way, coding, memory):
    root = site(tmp_path)
    running = server(f'[server]\nworkers = 1\n[cache]\nrevalidate = 0\nmemory = "{memory}"\n{SITE}')
    contents = [text(5000, f"{n:04}") for n in range(100)]
    tags, last = {}, '"none"'
    with running.client() as client:
        for content in contents:
            if way == "replaced":
                put(root / "new", content, MTIME)
                os.replace(root / "new", root / "a.txt")
            else:
                put(root / "a.txt", content, MTIME)
            # A weak tag may survive a change within one tick of the file system's clock: RFC 9110 section 8.8.1.
            last = '"none"' if last.startswith("W/") else last
            answer = client.request("/a.txt", fields=[*accepts(coding), f"If-None-Match: {last}"])
            assert answer.status == 200, "a wrong 304"
            assert decoded(answer.get("Content-Encoding"), answer.body) == content
            last = answer.get("ETag")
            if not last.startswith("W/"):
                assert tags.setdefault(last, content) == content, "one strong tag for two contents"
    assert memory == "0B" or len(tags) == 100


@pytest.mark.parametrize("size", [5000, 2 << 20], ids=["in memory", "on the disk"])
@pytest.mark.parametrize("way", ["in place", "replaced"])
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_files_that_all_have_the_same_date_are_noticed_when_they_are_deployed_again(server, tmp_path, coding, way, size):
    root = site(tmp_path)
    running = server(f'[cache]\nrevalidate = "20ms"\n{SITE}')
    seen = set()
    for turn in range(4):
        content = text(size // 8, f"release {turn}") * 8
        path = put(root / ("new" if way == "replaced" else "a.txt"), content, 1)
        if way == "replaced":
            os.replace(path, root / "a.txt")
        conditions = [f"If-None-Match: {', '.join(seen)}", "If-Modified-Since: Thu, 01 Jan 1970 00:00:01 GMT"] if seen else []

        def is_noticed():
            answer = running.fetch("/a.txt", fields=[*accepts(coding), *conditions])
            return answer.status == 200 and decoded(answer.get("Content-Encoding"), answer.body) == content and answer

        answer = wire.wait_until(is_noticed, "the new release", 10)
        assert answer.get("Last-Modified") == "Thu, 01 Jan 1970 00:00:01 GMT"
        seen.add(answer.get("ETag"))
    assert len(seen) == 4


# Paths.

@pytest.mark.parametrize("path", ["/", "//", "///", "/" * 8000, "/.", "/./", "/..", "/../", "/../..", "/%2e", "/%2E/", "/%2e%2e",
                                  "/%2E%2e/", "/.%2e", "/%2e.",
                                  "/%2e%2e/%2e/..", "/" + "./" * 3000, "/" + "../" * 2500, "/" + "%2e/" * 2000, "/" + "%2e%2e/" * 1100,
                                  "/" + "/../." * 1600, "/a.txt/..", "/a.txt/../", "/x/" * 1000 + "../" * 2000, "http://localhost", "/?",
                                  "//?//"],
                         ids=lambda path: path[:20] + f" {len(path)}")
def test_slashes_and_dots_lead_to_the_root_at_most(files, path):
    server, _, _ = files("identity in memory")
    answer = server.fetch(path)
    assert (answer.status, answer.body) == (200, b"index")


NOWHERE = {"/...": 404, "/.../": 404, "/%2f": 404, "/%2F%2F": 404, "/%2e%2f": 404, "/%2e%2e%2f": 404, "/%00": 400, "/a.txt%00": 400,
           "/a.txt/.": 404, "/a.txt/": 404, "/a.txt/a.txt": 404, "/%": 400, "/%2": 400, "/%zz": 400, "/%%32%65": 400, "/%252e": 404,
           "/%c0%ae": 404,
           "/..%c0%af": 404, "/" * 70_000: 414}


@pytest.mark.parametrize("path,status", NOWHERE.items(), ids=lambda value: str(value)[:20])
def test_path_to_nothing_has_the_status_that_it_deserves(files, path, status):
    server, _, _ = files("identity in memory")
    with server.client() as client:
        client.send_gently(request(path))
        assert client.response().status == status


OCTETS = [octet for octet in range(1, 256) if octet != ord("/")]


def test_one_name_may_have_all_octets_at_once(server, tmp_path):
    root = os.fsencode(site(tmp_path))
    name = bytes(OCTETS) + b"."
    assert len(name) == 255
    with open(os.path.join(root, name), "wb") as file:
        file.write(CONTENT)
    running = server(f"{SITE}listing = true\n")
    everything = "".join(f"%{octet:02X}" for octet in name)
    for path in (everything, everything.lower(), urllib.parse.quote(name)):
        assert running.fetch(f"/{path}").body == CONTENT
    # Its listing leads to it.
    links = re.findall(rb'href="([^"]+)"', running.fetch("/").body)
    assert any(urllib.parse.unquote_to_bytes(link.decode()).endswith(name) for link in links)


def test_name_may_be_any_octet_alone(server, tmp_path):
    root = os.fsencode(site(tmp_path))
    alone = [octet for octet in OCTETS if octet != ord(".")]
    for octet in alone:
        with open(os.path.join(root, bytes([octet])), "wb") as file:
            file.write(b"octet %d" % octet)
    running = server(f"{SITE}hidden_files = true\n")
    with running.client() as client:
        for octet in alone:
            for path in {f"/%{octet:02x}", f"/./%{octet:02X}", "/" + urllib.parse.quote(bytes([octet]))}:
                assert client.request(path).body == b"octet %d" % octet, path
