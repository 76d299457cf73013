"""Gnocchi itself, for comparison: its API by uWSGI, its workers, files, and an index in a PostgreSQL of its own.

All of it lives in one directory and ends with it. Needs PostgreSQL's programs and, as these refuse to run as root, the user
`postgres` where root runs this.
"""

import glob
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

START_SECONDS = 60
WORKERS = 2


def program(name):
    """A program of PostgreSQL, the newest there is; Debian keeps them out of the way."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/" + name))
    path = found[-1] if found else shutil.which(name)
    if not path:
        raise SystemExit("PostgreSQL's %s is not here: install the package postgresql" % name)
    return path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Reference:
    """Gnocchi in the environment `bin`, from `with` to its end."""

    def __init__(self, bin_directory):
        self.bin = os.path.abspath(bin_directory)
        self.directory = tempfile.mkdtemp(prefix="gnocchi-")
        self.port, self.index_port = free_port(), free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        self.processes = []

    def postgres(self, *command):
        """Runs a program of PostgreSQL to its end, as a user that may."""
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run([*as_user, *command], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       cwd=self.directory, timeout=START_SECONDS)

    def start_index(self):
        os.chmod(self.directory, 0o755)
        place = os.path.join(self.directory, "postgres")
        os.mkdir(place)
        if os.geteuid() == 0:
            shutil.chown(place, "postgres", "postgres")
        cluster = os.path.join(place, "cluster")
        self.postgres(program("initdb"), "-D", cluster, "-A", "trust", "-U", "gnocchi", "-E", "UTF8", "--no-sync")
        options = "-p %d -k %s -c listen_addresses=127.0.0.1" % (self.index_port, place)
        self.postgres(program("pg_ctl"), "-D", cluster, "-w", "-l", os.path.join(place, "log"), "-o", options, "start")
        self.cluster = cluster
        self.postgres(program("createdb"), "-h", "127.0.0.1", "-p", str(self.index_port), "-U", "gnocchi", "gnocchi")

    def start(self, name, *arguments):
        log = open(os.path.join(self.directory, name + ".log"), "wb")
        environment = dict(os.environ, PATH=self.bin + os.pathsep + os.environ["PATH"], VIRTUAL_ENV=os.path.dirname(self.bin))
        self.processes.append(subprocess.Popen(
            [os.path.join(self.bin, name), "--config-file", self.config, *arguments], stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, env=environment, start_new_session=True))

    def __enter__(self):
        try:
            self.start_index()
            self.config = os.path.join(self.directory, "gnocchi.conf")
            with open(self.config, "w", encoding="utf-8") as config:
                config.write("""[indexer]
url = postgresql://gnocchi@127.0.0.1:%d/gnocchi
[storage]
driver = file
file_basepath = %s/files
[api]
auth_mode = basic
host = 127.0.0.1
port = %d
max_limit = 1000
[metricd]
workers = %d
metric_processing_delay = 1
""" % (self.index_port, self.directory, self.port, WORKERS))
            subprocess.run([os.path.join(self.bin, "gnocchi-upgrade"), "--config-file", self.config], check=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           timeout=START_SECONDS)
            self.start("gnocchi-api")
            self.start("gnocchi-metricd")
            self.wait()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def wait(self):
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                urllib.request.urlopen(self.url + "/", timeout=5).close()
                return
            except OSError:
                if time.monotonic() > deadline or any(process.poll() is not None for process in self.processes):
                    raise RuntimeError("Gnocchi does not answer") from None
                time.sleep(0.1)

    def __exit__(self, kind=None, *_):
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(timeout=START_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if hasattr(self, "cluster"):
            self.postgres(program("pg_ctl"), "-D", self.cluster, "-m", "immediate", "stop")
        if kind is None:
            shutil.rmtree(self.directory, ignore_errors=True)
        else:
            print("Gnocchi's logs are in %s" % self.directory, file=sys.stderr)
