"""Runs files of Gnocchi's gabbi suite against `gnocchetti serve`, over HTTP, each on a new and empty database.

    run.py --command PATH --suite DIR [--suite DIR] [--expected FILE] [FILE.yaml ...]

Needs gabbi and PyYAML; the YAML files are those of the published package. Without names, all files of the suite are run. Each
test that fails is shown with its request and the reason. The last line counts.

--expected names tests that cannot pass, with the reason for each. Such a test runs; when it fails, it counts as skipped, and when
it passes, the run fails, as it does for a test that is not in its file, and for more than five such tests.

The files assume to be run in process, below the prefix /gnocchi, with fixtures that make a server and with a tag for NaN:
here the prefix is the server's root, fixtures do nothing, and the tag equals NaN only. They also ask again, up to six minutes,
until measures are processed: here for some seconds only, as they are there at once. Newer gabbi sends Accept and
Accept-Encoding by itself, which changes what errors look like; they are taken away.
"""

import argparse
import glob
import math
import os
import re
import sys
import types
import unittest

import yaml
from gabbi import fixture, handlers, suitemaker

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "support"))
from serve import Server  # noqa: E402

# What the suite assumes of a server.
OPTIONS = ["--no-default-policies", "--max-limit", "7", "--cors-origin", "http://foobar.com", "--proxy-headers"]
# What the live files take from the environment: no token of Keystone's, and `admin:` in Base64.
ENVIRONMENT = {"GNOCCHI_SERVICE_TOKEN": "", "GNOCCHI_AUTHORIZATION": "basic YWRtaW46"}
# How often a test asks again that does not get what it expects.
MOST_POLLS = 5
# How many tests may be expected to fail.
MOST_EXPECTED = 5


class EqualsNaN:
    """Equal to NaN, and to nothing else."""

    def __eq__(self, other):
        return isinstance(other, float) and math.isnan(other)

    def __repr__(self):
        return "NaN"


class Loader(yaml.SafeLoader):
    """YAML, and the tag of the suite."""


Loader.add_constructor("!AssertNAN", lambda loader, node: EqualsNaN())


class Outcomes(unittest.TestResult):
    """The outcome of each test, in order: passed, failed or skipped, and why."""

    def __init__(self):
        super().__init__()
        self.rows = []

    def addSuccess(self, test):
        # gabbi has reported a test that may fail before unittest calls this for it.
        if not (self.rows and self.rows[-1][0] is test):
            self.rows.append((test, "passed", ""))

    def addFailure(self, test, err):
        self.rows.append((test, "failed", str(err[1]) or err[0].__name__))

    addError = addFailure

    def addSkip(self, test, reason):
        self.rows.append((test, "skipped", reason))

    def addExpectedFailure(self, test, err):
        self.rows.append((test, "passed", ""))

    def addUnexpectedSuccess(self, test):
        self.rows.append((test, "passed", ""))


def suite_of(path, port):
    """The tests of one file, for the server at `port`."""
    with open(path, encoding="utf-8") as source:
        text = source.read().replace("/gnocchi/v1", "/v1")
    content = yaml.load(text, Loader=Loader)
    for test in content["tests"]:
        if "poll" in test:
            test["poll"]["count"] = min(test["poll"]["count"], MOST_POLLS)
    names = content.get("fixtures") or []
    fixtures = types.SimpleNamespace(**{name: type(name, (fixture.GabbiFixture,), {}) for name in names})
    suite = suitemaker.test_suite_from_dict(
        unittest.TestLoader(), os.path.splitext(os.path.basename(path))[0], content,
        os.path.dirname(os.path.abspath(path)), "127.0.0.1", port, fixtures, None, prefix="",
        handlers=[handler() for handler in handlers.RESPONSE_HANDLERS])
    for test in suite:
        client = getattr(test.http, "client", None)
        if client is not None:
            client.headers.pop("accept", None)
            client.headers.pop("accept-encoding", None)
    return suite


def short(text):
    return re.sub(r"\s+", " ", str(text)).strip()[:400]


def judged(outcome, reason, expected):
    """What an outcome counts as, and why, for a test that is expected to fail for the reason `expected`, or None."""
    if expected is None:
        return ("failed", "it was not run: %s" % reason) if outcome == "skipped" else (outcome, reason)
    if outcome == "failed":
        return "skipped", expected
    return "failed", "it %s, and is expected to fail: %s" % (outcome, expected)


def read_expected(path):
    """The tests that are expected to fail: reasons by name, by file."""
    with open(path, encoding="utf-8") as source:
        expected = yaml.safe_load(source) or {}
    count = sum(len(tests) for tests in expected.values())
    if count > MOST_EXPECTED:
        raise SystemExit("%s expects %d tests to fail, and at most %d may" % (path, count, MOST_EXPECTED))
    for name, tests in expected.items():
        for test, reason in tests.items():
            if not isinstance(reason, str) or not reason.strip():
                raise SystemExit("%s: there is no reason for `%s` of %s" % (path, test, name))
    return expected


def run_file(command, path, expected):
    """Runs one file and shows it; the counts of what passed, failed and was skipped. `expected` has the reasons of those of
    its tests that cannot pass."""
    outcomes = Outcomes()
    with Server(command, OPTIONS) as server:
        suite = suite_of(path, server.port)
        suite.run(outcomes)
        present = suite.countTestCases()
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    unseen = dict(expected)
    for test, outcome, reason in outcomes.rows:
        data = getattr(test, "test_data", {})
        name = data.get("name", str(test))
        outcome, reason = judged(outcome, reason, unseen.pop(name, None))
        counts[outcome] += 1
        if outcome == "skipped":
            print("  SKIPPED %s: %s" % (name, short(reason)))
        if outcome == "failed":
            print("  FAILED %s: %s %s" % (name, data.get("method", ""), getattr(test, "url", "")))
            print("    %s" % short(reason))
            print("    answered: %s" % short(getattr(test, "output", "")))
    for name in unseen:
        counts["failed"] += 1
        print("  FAILED: there is no test `%s`, which is expected to fail" % name)
    if len(outcomes.rows) != present:
        counts["failed"] += 1
        print("  FAILED: %d tests, of which %d were run" % (present, len(outcomes.rows)))
    print("%s: %d passed, %d failed, %d skipped" % (os.path.basename(path), *counts.values()), flush=True)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", required=True, help="the binary gnocchetti")
    parser.add_argument("--suite", required=True, action="append", help="a folder of YAML files")
    parser.add_argument("--expected", help="a YAML file of tests that cannot pass")
    parser.add_argument("files", nargs="*")
    arguments = parser.parse_args()
    os.environ.update(ENVIRONMENT)
    paths = {os.path.basename(path): path
             for suite in arguments.suite for path in sorted(glob.glob(os.path.join(suite, "*.yaml")))}
    names = arguments.files or list(paths)
    expected = read_expected(arguments.expected) if arguments.expected else {}
    strange = sorted(set(expected) - set(paths))
    if strange:
        raise SystemExit("%s: the suite has no %s" % (arguments.expected, ", ".join(strange)))
    total = {"passed": 0, "failed": 0, "skipped": 0}
    for name in names:
        if name not in paths:
            raise SystemExit("the suite has no %s" % name)
        for outcome, count in run_file(arguments.command, paths[name], expected.get(name, {})).items():
            total[outcome] += count
    print("%d passed, %d failed, %d skipped" % tuple(total.values()))
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
