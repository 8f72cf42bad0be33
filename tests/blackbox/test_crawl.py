# SPDX-License-Identifier: MIT
"""A real site, the HTML documentation of Python (package python3-doc): crawled link by link and compared with the disk."""
import glob
import html.parser
import os
import queue
import threading
import urllib.parse

import pytest

import wire

CLIENTS = 4
LEAST_PAGES = 300


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


class Crawl:
    """Follows every link from the first page on, on several connections."""

    def __init__(self, running, root):
        self.running = running
        self.root = root
        self.todo = queue.Queue()
        self.seen = {"/"}
        self.lock = threading.Lock()
        self.pages = self.files = self.octets = 0
        self.failures = []
        self.todo.put("/")

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
        answer = client.request(path, fields=["Accept-Encoding: identity"])
        name = os.path.join(self.root, urllib.parse.unquote(path).lstrip("/"))
        if os.path.isdir(name):
            if not path.endswith("/"):
                assert answer.status == 301 and answer.get("Location") == path + "/"
                return self.add(path, path + "/")
            name = os.path.join(name, "index.html")
        if not os.path.isfile(name) or not os.path.realpath(name).startswith(self.root + "/"):
            # Some links of the documentation lead to nothing, and some files to other packages.
            assert answer.status == 404, (path, answer)
            return
        with open(name, "rb") as file:
            content = file.read()
        assert answer.status == 200 and answer.body == content and answer.get("Content-Length") == str(len(content)), (path, answer)
        with self.lock:
            self.files += 1
            self.octets += len(content)
        if answer.get("Content-Type").startswith("text/html"):
            with self.lock:
                self.pages += 1
            for link in Links(content.decode()).found:
                self.add(path, link)

    def add(self, path, link):
        url = urllib.parse.urlsplit(urllib.parse.urljoin(f"http://localhost{path}", link))
        if url.scheme != "http" or url.netloc != "localhost":
            return
        target = urllib.parse.quote(urllib.parse.unquote(url.path), safe="/") or "/"
        with self.lock:
            if target not in self.seen:
                self.seen.add(target)
                self.todo.put(target)


@pytest.mark.parametrize("cache", ["", '[cache]\nmemory = "1MiB"\n'], ids=["cached", "small cache"])
def test_every_linked_file_of_a_real_site_is_as_it_is_on_the_disk(server, cache):
    root = documentation()
    running = server(f'{cache}[[site]]\nroot = "{root}"\n')
    crawl = Crawl(running, root)
    crawl.run()
    assert not crawl.failures, crawl.failures[:5]
    assert crawl.pages >= LEAST_PAGES and crawl.octets > 10 << 20, (crawl.pages, crawl.files, crawl.octets)
    wire.wait_until(lambda: running.stdout_text().count('" 200 ') >= crawl.files)
