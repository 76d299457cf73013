"""Runs files of Gnocchi's gabbi suite against `gnocchetti serve`, over HTTP, each on a new and empty database.

    run.py --command PATH --suite DIR [--enforced FILE] [FILE.yaml ...]

Needs gabbi and PyYAML; the YAML files are those of the published package. Without names, the files that --enforced lists
are run. Each test that fails is shown with its request and the reason. The last line counts.

The files assume to be run in process, below the prefix /gnocchi, with fixtures that make a server and with a tag for NaN:
here the prefix is the server's root, fixtures do nothing, and the tag equals NaN only. Newer gabbi sends Accept and
Accept-Encoding by itself, which changes what errors look like; they are taken away.
"""

import argparse
import math
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import types
import unittest

import yaml
from gabbi import fixture, handlers, suitemaker

START_SECONDS = 30


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


class Server:
    """`gnocchetti serve` on an empty database, at a free port of this machine."""

    def __init__(self, command):
        self.directory = tempfile.mkdtemp(prefix="gabbi-")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = open(os.path.join(self.directory, "log"), "wb")
        self.process = subprocess.Popen(
            [command, "serve", "--listen", "127.0.0.1:%d" % self.port, "--no-default-policies",
             "--max-limit", "7", "--cors-origin", "http://foobar.com", "--proxy-headers", "--data", os.path.join(self.directory, "data")],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def __enter__(self):
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.__exit__()
                    raise RuntimeError("gnocchetti serve does not answer") from None
                time.sleep(0.02)

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.log.close()
        with open(self.log.name, encoding="utf-8", errors="replace") as log:
            text = log.read()
        shutil.rmtree(self.directory)
        if code != 0:
            raise RuntimeError("gnocchetti serve ended with %d:\n%s" % (code, text[-2000:]))


def suite_of(path, port):
    """The tests of one file, for the server at `port`."""
    with open(path, encoding="utf-8") as source:
        text = source.read().replace("/gnocchi/v1", "/v1")
    content = yaml.load(text, Loader=Loader)
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


def run_file(command, path):
    """Runs one file and shows it; the counts of what passed, failed and was skipped."""
    outcomes = Outcomes()
    with Server(command) as server:
        suite = suite_of(path, server.port)
        suite.run(outcomes)
        expected = suite.countTestCases()
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for test, outcome, reason in outcomes.rows:
        counts[outcome] += 1
        if outcome == "failed":
            data = getattr(test, "test_data", {})
            print("  FAILED %s: %s %s" % (data.get("name", test), data.get("method", ""), getattr(test, "url", "")))
            print("    %s" % short(reason))
            print("    answered: %s" % short(getattr(test, "output", "")))
    if len(outcomes.rows) != expected:
        counts["failed"] += 1
        print("  FAILED: %d tests, of which %d were run" % (expected, len(outcomes.rows)))
    print("%s: %d passed, %d failed, %d skipped" % (os.path.basename(path), *counts.values()), flush=True)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", required=True, help="the binary gnocchetti")
    parser.add_argument("--suite", required=True, help="the folder of the YAML files")
    parser.add_argument("--enforced", help="a list of files, one on a line")
    parser.add_argument("files", nargs="*")
    arguments = parser.parse_args()
    names = arguments.files
    if not names and arguments.enforced:
        with open(arguments.enforced, encoding="utf-8") as listed:
            names = [line.strip() for line in listed if line.strip() and not line.startswith("#")]
    total = {"passed": 0, "failed": 0, "skipped": 0}
    for name in names:
        for outcome, count in run_file(arguments.command, os.path.join(arguments.suite, name)).items():
            total[outcome] += count
    print("%d passed, %d failed, %d skipped" % tuple(total.values()))
    return 1 if total["failed"] or total["skipped"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
