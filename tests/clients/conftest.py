"""A server for the tests of clients, and the client's command line over it."""

import contextlib
import io
import json
import os
import sys

import futurist
import pytest
from gnocchiclient import benchmark, shell

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "support"))
from serve import Server  # noqa: E402


# The benchmark's workers are processes, which are handed the client's session; that cannot be pickled in any keystoneauth
# of these years, whatever the server is. So they are threads here; all else is as published.
benchmark.BenchmarkPool = type("Threads", (futurist.ThreadPoolExecutor,), {
    name: member for name, member in vars(benchmark.BenchmarkPool).items() if not name.startswith("__")})


class CommandLine:
    """`gnocchi` with basic authentication; its command line is read in this process, which saves a second each time."""

    def __init__(self, url):
        self.url = url

    def arguments(self, *words, user="admin"):
        return ["--os-auth-type", "gnocchi-basic", "--endpoint", self.url, "--user", user, *words]

    def run(self, *words, user="admin"):
        """The exit code, and what was printed."""
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            code = shell.main(self.arguments(*words, user=user))
        return code, output.getvalue() + errors.getvalue()

    def say(self, *words, user="admin"):
        """Runs what must succeed, and prints nothing of use."""
        code, output = self.run(*words, user=user)
        assert code == 0, "%s: %s" % (" ".join(words), output)

    def ask(self, *words, user="admin"):
        """Runs what must succeed, and gives what it answers."""
        code, output = self.run(*words, "-f", "json", user=user)
        assert code == 0, "%s: %s" % (" ".join(words), output)
        return json.loads(output)

    def refuse(self, *words, user="admin"):
        """Runs what must fail, and gives the reason."""
        code, output = self.run(*words, user=user)
        assert code != 0, "%s: %s" % (" ".join(words), output)
        return output


@pytest.fixture(scope="session")
def server():
    with Server(os.environ["GNOCCHETTI"]) as server:
        yield server


@pytest.fixture(scope="session")
def gnocchi(server):
    return CommandLine(server.url)
