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
        self.arguments = [command, "serve", "--listen", "127.0.0.1:%d" % self.port, "--data",
                          os.path.join(self.directory, "data"), *options]
        self.log = os.path.join(self.directory, "log")

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            shutil.rmtree(self.directory)
            raise
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.directory)

    def restart(self):
        """Ends it and starts it over the same database."""
        self.stop()
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise RuntimeError("gnocchetti serve does not answer") from None
                time.sleep(0.02)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        if code != 0:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                raise RuntimeError("gnocchetti serve ended with %d:\n%s" % (code, log.read()[-2000:]))
