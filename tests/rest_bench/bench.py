"""How fast `gnocchetti serve` is over HTTP, and Gnocchi itself, one after the other in one run.

    bench.py --command PATH [--reference BIN]

Prints `figure: NAME VALUE UNIT`. Every answer that is timed is also looked at; a wrong one ends the run. Times are medians, on
one connection that is kept alive. Gnocchetti acknowledges at `sync`, which is its default. BIN is the folder of the programs of an
environment that has Gnocchi; without it, the ratios are left out.
"""

import argparse
import base64
import http.client
import json
import os
import select
import selectors
import signal
import socket
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "support"))
from reference import Reference  # noqa: E402
from serve import Server  # noqa: E402

HEADERS = {"Content-Type": "application/json", "Authorization": "Basic " + base64.b64encode(b"admin:").decode()}
WIDE, DEEP, AGGREGATED = 1000, 1440, 100
CONNECTIONS = 500
READY_SECONDS = 300
# Midnight of a day: blocks of all policies begin here.
DAY = 1769817600


class Client:
    """One connection to a server. One that the server closed while nothing was asked is made anew, whichever server it is, before
    the clock starts; one that ends in the middle of a request ends the run."""

    def __init__(self, server):
        self.server = server
        self.connect()

    def connect(self):
        self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=READY_SECONDS)
        # Requests of two writes would wait for the other side's delayed acknowledgement.
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ready(self):
        """Sees to it that there is a connection. Between two requests there is nothing to be read but its end."""
        if self.connection.sock is None or select.select([self.connection.sock], [], [], 0)[0]:
            self.connection.close()
            self.connect()

    def send(self, method, path, body, expected):
        """The bytes of the answer, and after how many seconds they were all there."""
        body = None if body is None else json.dumps(body)
        self.ready()
        began = time.perf_counter()
        self.connection.request(method, path, body, HEADERS)
        answer = self.connection.getresponse()
        text = answer.read()
        took = time.perf_counter() - began
        if answer.status != expected:
            raise SystemExit("%s %s: %d %s" % (method, path, answer.status, text[:300]))
        return text, took

    def ask(self, method, path, body=None, expected=200):
        return self.timed(method, path, body, expected)[0]

    def timed(self, method, path, body=None, expected=200):
        """The answer, and after how many seconds it was there. What Python takes to read its JSON does not count."""
        text, took = self.send(method, path, body, expected)
        return json.loads(text) if text else None, took

    def metrics(self, policy, count):
        return [self.ask("POST", "/v1/metric", {"archive_policy_name": policy}, 201)["id"] for _ in range(count)]

    def wait(self):
        """Until nothing waits to be processed."""
        deadline = time.monotonic() + READY_SECONDS
        while self.ask("GET", "/v1/status?details=false")["storage"]["summary"]["measures"]:
            if time.monotonic() > deadline:
                raise SystemExit("measures are not processed within %d s" % READY_SECONDS)
            time.sleep(0.005)


def batch(client):
    """Measures per second: WIDE metrics with 60 measures each in one request, until all are readable."""
    ids = client.metrics("low", WIDE)
    measures = [{"timestamp": DAY + 60 * minute, "value": float(minute)} for minute in range(60)]
    body = {one: measures for one in ids}
    _, pushing = client.timed("POST", "/v1/batch/metrics/measures", body, 202)
    began = time.perf_counter()
    client.wait()
    took = pushing + time.perf_counter() - began
    for one in ids:
        points = client.ask("GET", "/v1/metric/%s/measures?granularity=300" % one)
        if [point[2] for point in points] != [5.0 * block + 2 for block in range(12)]:
            raise SystemExit("metric %s is answered %s" % (one, points))
    return WIDE * 60 / took


def minutes(client, count):
    """Metrics with a day of minutes."""
    definition = [{"granularity": 60, "points": 2 * DEEP}]
    client.ask("POST", "/v1/archive_policy", {"name": "day-%d" % count, "definition": definition}, 201)
    ids = client.metrics("day-%d" % count, count)
    for offset, one in enumerate(ids):
        measures = [{"timestamp": DAY + 60 * minute, "value": minute * 0.7 + offset} for minute in range(DEEP)]
        client.ask("POST", "/v1/metric/%s/measures" % one, measures, 202)
    client.wait()
    return ids


def get(client, repeats):
    """Seconds of reading DEEP points."""
    one = minutes(client, 1)[0]
    times = []
    for _ in range(repeats):
        points, took = client.timed("GET", "/v1/metric/%s/measures?granularity=60" % one)
        if len(points) != DEEP or points[DEEP - 1][2] != (DEEP - 1) * 0.7:
            raise SystemExit("%d points, the last of them %s" % (len(points), points[-1:]))
        times.append(took)
    return statistics.median(times)


def aggregates(client, repeats):
    """Seconds of the mean across AGGREGATED metrics."""
    ids = minutes(client, AGGREGATED)
    question = {"operations": ["aggregate", "mean", ["metric", *[[one, "mean"] for one in ids]]]}
    times = []
    for _ in range(repeats):
        answer, took = client.timed("POST", "/v1/aggregates?granularity=60", question)
        points = answer["measures"]["aggregated"]
        if len(points) != DEEP or abs(points[0][2] - (AGGREGATED - 1) / 2) > 1e-9:
            raise SystemExit("%d points, the first of them %s" % (len(points), points[:1]))
        times.append(took)
    return statistics.median(times)


def connections(server, count, rounds):
    """Requests per second over `count` connections, each of which is used `rounds` times and never closed by the server."""
    request = ("GET /v1/metric?limit=1 HTTP/1.1\r\nHost: here\r\nAuthorization: %s\r\n\r\n" % HEADERS["Authorization"]).encode()
    waiting = selectors.DefaultSelector()
    began = time.perf_counter()
    for _ in range(count):
        one = socket.create_connection(("127.0.0.1", server.port), timeout=READY_SECONDS)
        one.sendall(request)
        waiting.register(one, selectors.EVENT_READ, [b"", 1])
    answered = 0
    while answered < count * rounds:
        for key, _ in waiting.select(timeout=READY_SECONDS):
            received = key.fileobj.recv(65536)
            if not received:
                raise SystemExit("a connection was closed after %d answers" % answered)
            state = key.data
            state[0] += received
            head, found, body = state[0].partition(b"\r\n\r\n")
            if not found or len(body) < length(head):
                continue
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(head.decode())
            answered += 1
            state[0] = b""
            if state[1] < rounds:
                state[1] += 1
                key.fileobj.sendall(request)
    took = time.perf_counter() - began
    for key in list(waiting.get_map().values()):
        key.fileobj.close()
    return answered / took


def length(head):
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    return int(fields[b"content-length"])


def resident(process):
    """The memory of a process, in MB."""
    with open("/proc/%d/status" % process.pid, encoding="ascii") as status:
        kilobytes = next(line.split()[1] for line in status if line.startswith("VmRSS:"))
    return int(kilobytes) * 1024 / 1e6


def measured(server, batches, repeats, few):
    """Batch rate, seconds of a GET, seconds of an aggregate."""
    client = Client(server)
    rates = [batch(client) for _ in range(batches)]
    return statistics.median(rates), get(client, repeats), aggregates(client, few)


def figure(name, value, unit, target):
    print("%-20s %12.4g %-12s target %s" % (name, value, unit, target))
    print("figure: %s %.4g %s" % (name, value, unit), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", required=True, help="the binary gnocchetti, built for release")
    parser.add_argument("--reference", help="the folder of Gnocchi's programs")
    arguments = parser.parse_args()
    # So that what was started is also ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print("%d processors, load average %.1f" % (os.cpu_count(), os.getloadavg()[0]), flush=True)
    with Server(arguments.command) as server:
        rate, reading, aggregating = measured(server, 5, 500, 50)
        per_second = connections(server, CONNECTIONS, 20)
        print("resident after all this: %.1f MB" % resident(server.process), flush=True)
        server.restart()
        Client(server).ask("GET", "/v1/metric?limit=1")
        time.sleep(2)
        idle = resident(server.process)
    figure("rest_batch", rate, "measures/s", "")
    figure("rest_get_p50_ms", reading * 1e3, "ms", "<= 1")
    figure("rest_agg_p50_ms", aggregating * 1e3, "ms", "")
    figure("rest_keepalive", per_second, "requests/s", "")
    figure("rest_idle_mb", idle, "MB", "<= 30")
    if not arguments.reference:
        return 0
    with Reference(arguments.reference) as reference:
        theirs = measured(reference, 1, 50, 10)
    print("Gnocchi: %.0f measures/s, GET %.1f ms, aggregates %.0f ms" % (theirs[0], theirs[1] * 1e3, theirs[2] * 1e3))
    figure("rest_batch_ratio", rate / theirs[0], "times", ">= 100")
    figure("rest_get_ratio", theirs[1] / reading, "times", ">= 20")
    figure("rest_agg_ratio", theirs[2] / aggregating, "times", "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
