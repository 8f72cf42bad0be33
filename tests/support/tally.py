#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Prints `PASSED FAILED` for a result file, and then the names of those that failed, a line each. The file is meson's
testlog.json or pytest's JUnit XML. A doctest program counts with its test cases. A skipped test is one that proved nothing: it
counts as failed."""
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


def junit(path):
    root = ElementTree.parse(path)
    tests = bad = 0
    for suite in root.iter("testsuite"):
        tests += int(suite.get("tests"))
        bad += sum(int(suite.get(kind, 0)) for kind in ("failures", "errors", "skipped"))
    names = [f"{kind.tag}: {case.get('classname')}::{case.get('name')}" for case in root.iter("testcase") for kind in case
             if kind.tag in ("failure", "error", "skipped")]
    return tests - bad, bad, names


all_passed, all_failed, failed_names = (meson if sys.argv[1].endswith(".json") else junit)(sys.argv[1])
print(all_passed, all_failed)
for name in failed_names:
    print(name)
