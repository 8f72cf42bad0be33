# SPDX-License-Identifier: MIT
"""Real sites, the HTML documentation of Python (package python3-doc) and what generators build: crawled and compared with the disk."""
import functools
import glob
import html.parser
import os
import queue
import re
import subprocess
import threading
import time
import urllib.parse

import pytest

import wire
from codings import CODINGS, decoded
from sites import put

CLIENTS = 4
LEAST_PAGES = 300
LEAST_COMPRESSED = 256  # octets; smaller files stay as they are


class Links(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if name in ("href", "src") and value]


def documentation():
    roots = [root for root in glob.glob("/usr/share/doc/python3*/html") if os.path.isfile(os.path.join(root, "index.html"))]
    assert roots, "the package python3-doc is not installed, or dpkg left its files out"
    return os.path.realpath(sorted(roots)[0])


@functools.cache  # most of the time of a crawl, and the same for each
def links_of(media_type, text):
    if media_type.startswith("text/html"):
        return Links(text).found
    if media_type.startswith("text/css"):
        return re.findall(r"""url\(["']?([^"')]+)["']?\)""", text)
    return []


class Crawl:
    """Follows every link from the first page on, on several connections."""

    def __init__(self, running, root, coding="identity", most_files=None, may_be_broken=False, begin=("/",)):
        self.running = running
        self.root = root
        self.fields = [f"Accept-Encoding: {coding}"]
        self.most_files = most_files
        self.may_be_broken = may_be_broken
        self.todo = queue.Queue()
        self.seen = set(begin)
        self.lock = threading.Lock()
        self.pages = self.files = self.octets = self.coded = 0
        self.failures = []
        for path in begin:
            self.todo.put(path)

    def run(self):
        threads = [threading.Thread(target=self.work) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        self.todo.join()
        for _ in threads:
            self.todo.put(None)
        for thread in threads:
            thread.join()

    def work(self):
        with self.running.client() as client:
            while (path := self.todo.get()) is not None:
                try:
                    if not self.failures:
                        self.visit(client, path)
                except BaseException as failure:
                    self.failures.append((path, failure))
                finally:
                    self.todo.task_done()

    def visit(self, client, path):
        answer = client.request(path, fields=self.fields)
        name = os.path.join(self.root, urllib.parse.unquote(path).lstrip("/"))
        if os.path.isdir(name):
            if not path.endswith("/"):
                assert answer.status == 301 and answer.get("Location") == path + "/"
                return self.add(path, path + "/")
            name = os.path.join(name, "index.html")
        if not os.path.isfile(name) or not os.path.realpath(name).startswith(self.root + "/"):
            # Some links of the documentation lead to nothing, and some files to other packages.
            assert self.may_be_broken and answer.status == 404, (path, answer)
            return
        with open(name, "rb") as file:
            content = file.read()
        self.check(client, path, answer, content)
        media_type = answer.get("Content-Type")
        with self.lock:
            self.files += 1
            self.octets += len(content)
            self.coded += answer.get("Content-Encoding") is not None
            self.pages += media_type.startswith("text/html")
        if media_type.startswith("text/"):
            for link in links_of(media_type, content.decode()):
                self.add(path, link)

    def check(self, client, path, answer, content):
        coding = answer.get("Content-Encoding")
        assert answer.status == 200 and decoded(coding, answer.body) == content, (path, answer)
        assert answer.is_chunked or answer.get("Content-Length") == str(len(answer.body)), (path, answer)
        assert coding is None or f"Accept-Encoding: {coding}" in self.fields and answer.get("Vary") == "Accept-Encoding", (path, answer)
        if answer.get("Content-Type").startswith("text/") and len(content) > LEAST_COMPRESSED:
            assert answer.get("Vary") == "Accept-Encoding", (path, answer)
        same = client.request(path, fields=[*self.fields, f"If-None-Match: {answer.get('ETag')}"])
        assert (same.status, same.get("ETag"), same.get("Vary")) == (304, answer.get("ETag"), answer.get("Vary")), (path, same)

    def add(self, path, link):
        url = urllib.parse.urlsplit(urllib.parse.urljoin(f"http://localhost{path}", link))
        if url.scheme != "http" or url.netloc != "localhost":
            return
        target = urllib.parse.quote(urllib.parse.unquote(url.path), safe="/") or "/"
        with self.lock:
            if target not in self.seen and (self.most_files is None or len(self.seen) < self.most_files):
                self.seen.add(target)
                self.todo.put(target)


@pytest.mark.parametrize("cache", ["", '[cache]\nmemory = "1MiB"\n'], ids=["cached", "small cache"])
def test_every_linked_file_of_a_real_site_is_as_it_is_on_the_disk(server, cache):
    root = documentation()
    running = server(f'{cache}[[site]]\nroot = "{root}"\n')
    crawl = Crawl(running, root, may_be_broken=True)
    crawl.run()
    assert not crawl.failures, crawl.failures[:5]
    assert crawl.pages >= LEAST_PAGES and crawl.octets > 10 << 20, (crawl.pages, crawl.files, crawl.octets)
    wire.wait_until(lambda: running.stdout_text().count('" 200 ') >= crawl.files)


def test_every_linked_file_of_a_real_site_is_right_in_gzip(server):
    root = documentation()
    running = server(f'[[site]]\nroot = "{root}"\n')
    crawl = Crawl(running, root, "gzip", most_files=250, may_be_broken=True)
    crawl.run()
    assert not crawl.failures, crawl.failures[:5]
    assert crawl.coded >= 200 and crawl.octets > 5 << 20, (crawl.coded, crawl.files, crawl.octets)


# Sites that a generator builds.

@pytest.fixture(scope="module")
def built_by_mkdocs(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("mkdocs")
    put(tmp / "mkdocs.yml", "site_name: A manual\nsite_url: http://localhost/\n")
    chapters = [f"{part}/chapter-{n}" for part in ("first", "second", "größer als") for n in range(8)]
    contents = "\n".join(f"- [{name}](<{name}.md>)" for name in chapters)
    put(tmp / "docs/index.md", f"# A manual\n\n{contents}\n\n![picture](picture.svg)\n[data](data.json)\n")
    put(tmp / "docs/picture.svg", '<svg xmlns="http://www.w3.org/2000/svg"><circle r="5"/></svg>')
    put(tmp / "docs/data.json", str(list(range(1000))))
    for number, name in enumerate(chapters):
        other = chapters[(number + 5) % len(chapters)]
        text = "\n\n".join(f"## Section {n}\n\nWhat is to be said of {n} in {name}, with `code`." for n in range(5 * number + 1))
        put(tmp / f"docs/{name}.md", f"# {name}\n\n[Back](../index.md), [another](<../{other}.md>)\n\n{text}\n")
    subprocess.run(["mkdocs", "build", "-q"], cwd=tmp, check=True)
    # What no link leads to: scripts ask for it, or nobody does.
    begin = ["/", "/404.html", "/sitemap.xml", "/sitemap.xml.gz", "/search/search_index.json", "/search/worker.js", "/search/lunr.js",
             "/fonts/FontAwesome.otf"]
    return settled(tmp / "site"), begin


@pytest.fixture(scope="module")
def built_by_hugo(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("hugo")
    put(tmp / "config.toml", 'baseURL = "http://localhost/"\ntitle = "A journal"\npaginate = 5\n')
    put(tmp / "static/style.css", "body { background: url('img/paper.png') }\n" + ".entry { margin: 0 }\n" * 50)
    put(tmp / "static/img/paper.png", os.urandom(3000))
    page = ('<!doctype html><html><head><title>{{ .Title }}</title><link rel="stylesheet" href="/style.css"><link rel="alternate" '
            'href="/index.xml"></head><body>%s{{ range .Params.tags }}<a href="/tags/{{ . | urlize }}/">{{ . }}</a>{{ end }}</body>'
            '</html>\n')
    put(tmp / "layouts/_default/single.html", page % (
        "<h1>{{ .Title }}</h1>{{ .Content }}{{ with .NextInSection }}<a href='{{ .RelPermalink }}'>on</a>{{ end }}"))
    put(tmp / "layouts/_default/list.html", page % (
        "{{ range (.Paginate .Pages).Pages }}<a href='{{ .RelPermalink }}'>{{ .Title }}</a>{{ end }}"
        "{{ range .Paginator.Pagers }}<a href='{{ .URL }}'>{{ .PageNumber }}</a>{{ end }}"))
    for number in range(30):
        put(tmp / f"content/posts/entry-{number}.md", f'---\ntitle: "Entry {number}"\ndate: 2023-11-{number % 28 + 1:02}\n'
            f'tags: ["tag {number % 4}", "größe"]\n---\n' + f"What happened on day {number}.\n\n" * (1 + 4 * number))
    subprocess.run(["hugo", "--quiet"], cwd=tmp, check=True)
    return settled(tmp / "public"), ["/", "/sitemap.xml", "/tags/"]


def settled(root):
    """The directory, when all that is in it is so old that its weak tags have become strong ones (after 2 s)."""
    newest = max(os.stat(os.path.join(where, name)).st_ctime for where, _, names in os.walk(root) for name in names)
    wire.wait_until(lambda: time.time() - newest > 2.5, "files old enough")
    return os.path.realpath(root)


def assert_site_is_right(server, built, coding, cache, least_files):
    root, begin = built
    running = server(f'{cache}[[site]]\nroot = "{root}"\n')
    crawl = Crawl(running, root, coding, begin=begin)
    crawl.run()
    assert not crawl.failures, crawl.failures[:5]
    assert crawl.files >= least_files, (crawl.files, crawl.pages)
    assert (crawl.coded > crawl.files // 2) == (coding != "identity"), (crawl.coded, crawl.files)
    return crawl


CACHES = {"": "", ", no cache": "[cache]\nmemory = 0\n"}


@pytest.mark.parametrize("cache", CACHES.values(), ids=list(CACHES))
@pytest.mark.parametrize("coding", ["identity", *CODINGS])
def test_site_built_by_mkdocs_has_no_broken_link_and_every_file_is_right(server, built_by_mkdocs, coding, cache):
    crawl = assert_site_is_right(server, built_by_mkdocs, coding, cache, 40)
    # Everything that was built was seen.
    built = {os.path.relpath(os.path.join(folder, name), crawl.root) for folder, _, names in os.walk(crawl.root) for name in names}
    seen = {urllib.parse.unquote(path)[1:] + ("index.html" if path.endswith("/") else "") for path in crawl.seen}
    assert built <= seen, built - seen


@pytest.mark.parametrize("cache", CACHES.values(), ids=list(CACHES))
@pytest.mark.parametrize("coding", ["identity", *CODINGS])
def test_site_built_by_hugo_has_no_broken_link_and_every_file_is_right(server, built_by_hugo, coding, cache):
    assert_site_is_right(server, built_by_hugo, coding, cache, 50)
