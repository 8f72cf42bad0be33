#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Prints `PASSED FAILED` for a result file, and then the names of those that failed, a line each. The file is meson's
testlog.json or pytest's JUnit XML. A doctest program counts with its test cases. A skipped test is one that proved nothing: it
counts as failed. A second JUnit XML says what became of tests that failed in the first: those that passed count so, and are
named behind `alone: `."""
import json
import re
import sys
import xml.etree.ElementTree as ElementTree

DOCTEST = re.compile(r"\[doctest\] test cases: *\d+ *\| *(\d+) passed *\| *(\d+) failed")


def meson(path):
    passed = failed = 0
    names = []
    with open(path, encoding="utf-8") as lines:
        for test in map(json.loads, lines):
            good = test["result"] in ("OK", "EXPECTEDFAIL")
            cases = DOCTEST.search(test.get("stdout", ""))
            test_passed, test_failed = map(int, cases.groups()) if cases else (int(good), int(not good))
            passed += test_passed
            bad = test_failed if good else max(test_failed, 1)
            failed += bad
            if bad > 0:
                names.append(test["name"])
    return passed, failed, names


def name_of(case):
    return f"{case.get('classname')}::{case.get('name')}"


def faults(path):
    """Of each test that failed: its name, and how."""
    return {name_of(case): kind.tag for case in ElementTree.parse(path).getroot().iter("testcase") for kind in case
            if kind.tag in ("failure", "error", "skipped")}


def junit(path, again=None):
    root = ElementTree.parse(path)
    tests = sum(int(suite.get("tests")) for suite in root.iter("testsuite"))
    bad = sum(int(suite.get(kind, 0)) for suite in root.iter("testsuite") for kind in ("failures", "errors", "skipped"))
    failed = faults(path)
    passed_again = set()
    if again is not None:
        run = {name_of(case) for case in ElementTree.parse(again).getroot().iter("testcase")}
        passed_again = (run - faults(again).keys()) & failed.keys()
        failed = {name: kind for name, kind in failed.items() if name not in passed_again}
        bad = len(failed)
    return tests - bad, bad, [f"{kind}: {name}" for name, kind in failed.items()] + [f"alone: {name}" for name in sorted(passed_again)]


all_passed, all_failed, names = meson(sys.argv[1]) if sys.argv[1].endswith(".json") else junit(*sys.argv[1:])
print(all_passed, all_failed)
for name in names:
    print(name)
