"""`gnocchetti serve` for tests in Python: on an empty database, at a free port of this machine."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

START_SECONDS = 30


class Server:
    """A server with these options, from `with` to its end; whoever ends with anything but 0 is an error."""

    def __init__(self, command, options=()):
        self.directory = tempfile.mkdtemp(prefix="gnocchetti-")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = "http://127.0.0.1:%d" % self.port
        self.log = open(os.path.join(self.directory, "log"), "wb")
        self.process = subprocess.Popen(
            [command, "serve", "--listen", "127.0.0.1:%d" % self.port, "--data",
             os.path.join(self.directory, "data"), *options],
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
