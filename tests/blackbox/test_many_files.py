# SPDX-License-Identifier: MIT
"""A tree of 200,000 files, scanned and listed by some while another asks for one small file: one loop, and little memory."""
import concurrent.futures
import contextlib
import errno
import json
import multiprocessing
import os
import re
import shutil
import statistics
import threading
import time

import pytest

import wire
from sites import put
from wire import request

FOLDERS, FILES_EACH, FILES_OF_ONE = 400, 375, 50_000
CONTENTS = [b"content %d\n" % n * (20 + 10 * n) for n in range(8)]
BATCH = 50  # requests in a pipeline
SCANNERS, CONNECTIONS = 2, 3
CACHE = 8 << 20
# Each of the four threads that make listings keeps what the largest one took, about 15 MiB.
LISTINGS = 96 << 20
BESIDES = 8 << 20
WORST, MEDIAN = 1.0, 0.1  # seconds
CONFIG = f"""
[server]
workers = 1
[access_log]
path = "off"
[cache]
memory = "{CACHE >> 20}MiB"
[[site]]
root = "www"
listing = true
"""


class Links:
    """Makes files with a content out of few inodes, which may have only so many names."""

    def __init__(self, tmp):
        self.tmp = tmp
        self.made = 0
        self.sources = [self.new(content) for content in CONTENTS]

    def new(self, content):
        self.made += 1
        return str(put(self.tmp / f"sources/{self.made}", content))

    def add(self, path, number):
        kind = number % len(CONTENTS)
        try:
            os.link(self.sources[kind], path)
        except OSError as failure:
            if failure.errno != errno.EMLINK:
                raise
            self.sources[kind] = self.new(CONTENTS[kind])
            os.link(self.sources[kind], path)


def name_of_one(number):
    return f"entry {number:05} of many.txt"


def targets():
    """Of all files, with the number of each."""
    for number in range(FOLDERS * FILES_EACH):
        yield f"/tree/{number // FILES_EACH}/{number}.bin", number
    for number in range(FILES_OF_ONE):
        yield "/many/" + name_of_one(number).replace(" ", "%20"), number


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("many")
    links = Links(tmp)
    for folder in range(FOLDERS):
        (tmp / f"www/tree/{folder}").mkdir(parents=True)
        for number in range(folder * FILES_EACH, (folder + 1) * FILES_EACH):
            links.add(f"{tmp}/www/tree/{folder}/{number}.bin", number)
    (tmp / "www/many").mkdir()
    for number in range(FILES_OF_ONE):
        links.add(f"{tmp}/www/many/{name_of_one(number)}", number)
    put(tmp / "www/small.txt", "the small file")
    yield tmp
    shutil.rmtree(tmp)


# The clients are processes of their own, so that they do not wait for each other.

def scan(address, share, shares):
    """Asks for one of so many shares of the files, on several connections; returns how many there were."""
    mine = [target for at, target in enumerate(targets()) if at % shares == share]
    batches = [mine[at:at + BATCH] for at in range(0, len(mine), BATCH)]
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(wire.Client(address)) for _ in range(CONNECTIONS)]
        for at in range(0, len(batches), CONNECTIONS):
            together = list(zip(clients, batches[at:at + CONNECTIONS]))
            for client, batch in together:
                client.send(b"".join(request(target) for target, _ in batch))
            for client, batch in together:
                for target, number in batch:
                    answer = client.response()
                    assert answer.status == 200 and answer.body == CONTENTS[number % len(CONTENTS)], (target, answer)
    return len(mine)


def list_again_and_again(address, is_over):
    """Returns how many listings there were, all of them right."""
    names = [name_of_one(number) for number in range(FILES_OF_ONE)]
    listings = 0
    with wire.Client(address) as client:
        while not is_over.is_set() or listings < 2:
            answer = client.request("/many/", fields=["Accept: application/json" if listings % 2 else "Accept: text/html"])
            assert answer.status == 200, answer
            if listings % 2:
                listed = [entry["name"] for entry in json.loads(answer.body)]
            else:
                listed = [name.replace("%20", " ") for name in re.findall(r'<a href="(?:\./)?(entry[^"]*)"', answer.body.decode())]
            assert listed == names, f"{len(listed)} names, not as they are on the disk"
            listings += 1
    return listings


class Visitor:
    """Asks for one small file now and then, and notes how long each answer took."""

    def __init__(self, running):
        self.running = running
        self.is_over = threading.Event()
        self.seconds = []
        self.failure = None
        self.thread = threading.Thread(target=self.use)
        self.thread.start()

    def use(self):
        try:
            with self.running.client() as client:
                # A visitor, not a load of its own.
                while not self.is_over.wait(0.005):
                    begin = time.monotonic()
                    answer = client.request("/small.txt")
                    self.seconds.append(time.monotonic() - begin)
                    assert answer.status == 200 and answer.body == b"the small file", answer
        except BaseException as failure:
            self.failure = failure

    def stop(self):
        self.is_over.set()
        self.thread.join()
        assert self.failure is None, self.failure


def test_scan_takes_no_more_memory_than_the_cache_may_have(server, tree):
    running = server(CONFIG, tmp=tree)
    assert running.fetch("/small.txt").status == 200
    before = running.memory()
    assert scan(running.address, 0, 10) == (FOLDERS * FILES_EACH + FILES_OF_ONE) // 10
    if running.has_bounded_memory():
        assert running.memory("VmHWM") - before < CACHE + BESIDES


def test_one_small_file_is_answered_while_others_scan_and_list_a_large_tree(server, tree):
    running = server(CONFIG, tmp=tree)
    assert running.fetch("/small.txt").status == 200
    before = running.memory()
    processes = multiprocessing.get_context("fork")
    with processes.Manager() as manager, concurrent.futures.ProcessPoolExecutor(SCANNERS + 1, processes) as pool:
        is_over = manager.Event()
        listing = pool.submit(list_again_and_again, running.address, is_over)
        scans = [pool.submit(scan, running.address, share, SCANNERS) for share in range(SCANNERS)]
        visitor = Visitor(running)
        try:
            assert sum(each.result() for each in scans) == FOLDERS * FILES_EACH + FILES_OF_ONE
        finally:
            is_over.set()
            visitor.stop()
        assert listing.result() >= 2
    assert len(visitor.seconds) > 100
    assert max(visitor.seconds) < WORST and statistics.median(visitor.seconds) < MEDIAN
    if running.has_bounded_memory():
        assert running.memory("VmHWM") - before < CACHE + BESIDES + LISTINGS
