"""Lets Prometheus, collectd and a sender of statsd write to `gnocchetti serve`, and compares what it has with what they know.

    run.py --command PATH --prometheus PATH --collectd PATH --folder DIR [--seconds N]

All run at the same time, each in its own way: Prometheus scrapes itself and the server and remote-writes; one collectd posts by its
plugin write_http, another sends by its plugin network, and both write the same values to CSV files; datagrams of statsd are made
of known numbers. The policy keeps every
millisecond, so that each sample is found at its own time. Names of metrics and resources are worked out here once more, from
what docs/rest.md says. The last line counts.
"""

import argparse
import base64
import csv
import json
import math
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import uuid

# Gnocchi's name space for identifiers of resources that are no UUIDs.
NAMESPACE = uuid.UUID("0a7a15ff-aa13-4ac2-897c-9bdf30ce175b")
USER = "admin"
# How many seconds a program may take to start, or to send what it has.
PATIENCE = 30
# How often datagrams are pushed, in seconds.
FLUSH = 1
TYPES = "/usr/share/collectd/types.db"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(url, body=None):
    """The JSON that a URL answers, with no regard to proxies."""
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode())
    request.add_header("Authorization", "Basic " + base64.b64encode(USER.encode() + b":").decode())
    request.add_header("Content-Type", "application/json")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=PATIENCE) as answer:
        text = answer.read().decode()
    return json.loads(text) if answer.headers.get_content_type() == "application/json" else text


def wait_for(what, condition):
    """Waits until the condition gives something, and returns that."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            found = condition()
        except OSError:
            found = None
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError("%s after %d s" % (what, PATIENCE))
        time.sleep(0.2)


class Program:
    """A program that runs until it is ended, with its output in a file."""

    def __init__(self, folder, arguments):
        self.log = folder / (pathlib.Path(arguments[0]).name + ".log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(argument) for argument in arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def end(self):
        """Asks it to end; its status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def encoded(text, more=""):
    """A text as it stands in a name."""
    hexadecimal = lambda found: "%%%02X" % ord(found[0])
    return re.sub("[\x00-\x1f\x7f%%/,=@~%s]" % more, hexadecimal, text)


def labelled(name, labels):
    """The name of a metric with labels."""
    pairs = ",".join("%s=%s" % (encoded(label), encoded(labels[label])) for label in sorted(labels))
    whole = encoded(name) + ("@" if pairs else "") + pairs
    assert len(whole) <= 255, whole
    return whole


class Server:
    """What `gnocchetti serve` has."""

    def __init__(self, command, folder):
        self.port, self.statsd, self.collectd = free_port(), free_port(), free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        self.program = Program(folder, [
            command, "serve", "--listen", "127.0.0.1:%d" % self.port, "--data", folder / "data", "--no-default-policies",
            "--max-limit", "100000", "--statsd", "127.0.0.1:%d" % self.statsd, "--statsd-flush", FLUSH,
            "--collectd", "127.0.0.1:%d" % self.collectd, "--collectd-flush", FLUSH, "--collectd-types", TYPES, "--log-level", "warn"])
        wait_for("the server does not answer", lambda: ask(self.url + "/v1"))
        definition = [{"granularity": 0.001, "timespan": 3600}, {"granularity": 60, "timespan": 86400}]
        ask(self.url + "/v1/archive_policy", {
            "name": "every", "definition": definition, "aggregation_methods": ["last", "count", "sum"], "back_window": 1})
        ask(self.url + "/v1/archive_policy_rule", {"name": "every", "metric_pattern": "*", "archive_policy_name": "every"})

    def metrics(self, resource):
        """The metrics of a resource: name and identifier."""
        resource = str(uuid.uuid5(NAMESPACE, "%s\0%s" % (resource, USER)))
        metrics = ask(self.url + "/v1/metric")
        return {metric["name"]: metric["id"] for metric in metrics if metric["resource_id"] == resource}

    def points(self, metric, method="last"):
        """The values of a metric, by milliseconds."""
        query = "aggregation=%s&granularity=0.001" % method
        points = ask("%s/v1/metric/%s/measures?%s" % (self.url, metric, query))
        return {milliseconds(when): value for when, _, value in points}


def milliseconds(when):
    """The milliseconds since the epoch of a date that the server prints."""
    found = re.fullmatch(r"(\d+-\d+-\d+T\d+:\d+:\d+)(?:\.(\d+))?\+00:00", when)
    seconds = int(time.mktime(time.strptime(found[1] + " UTC", "%Y-%m-%dT%H:%M:%S %Z"))) - time.timezone
    return seconds * 1000 + int((found[2] or "0").ljust(9, "0")[:3])


class Prometheus:
    """Prometheus, which scrapes itself and the server, and writes to the server."""

    JOBS = {"itself": "prometheus", "server": "gnocchetti/server"}

    def __init__(self, command, folder, server):
        self.server, port = server, free_port()
        self.url = "http://127.0.0.1:%d" % port
        self.targets = {"itself": "127.0.0.1:%d" % port, "server": "127.0.0.1:%d" % server.port}
        jobs = "".join("  - job_name: %s\n    static_configs: [{targets: ['%s']}]\n" % (self.JOBS[job], target)
                       for job, target in self.targets.items())
        configuration = folder / "prometheus.yml"
        configuration.write_text(
            "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n%sremote_write:\n  - url: %s/v1/prometheus/write\n"
            "    basic_auth: {username: %s}\n    queue_config: {batch_send_deadline: 1s}\n" % (jobs, server.url, USER),
            encoding="utf-8")
        self.program = Program(folder, [
            command, "--config.file", configuration, "--storage.tsdb.path", folder / "prometheus",
            "--web.listen-address", self.targets["itself"]])

    def samples(self, job, begin, end):
        """What Prometheus has between two times, in milliseconds: by name and labels, values by milliseconds."""
        matrix = "{job=\"%s\"}[%dms]" % (self.JOBS[job], end - begin)
        query = urllib.parse.urlencode({"query": matrix, "time": "%.3f" % (end / 1000)})
        series = {}
        for found in ask("%s/api/v1/query?%s" % (self.url, query))["data"]["result"]:
            labels = dict(found["metric"])
            assert labels.pop("job") == self.JOBS[job] and labels.pop("instance") == self.targets[job]
            name = labelled(labels.pop("__name__"), labels)
            assert name not in series, name
            series[name] = {round(when * 1000): float(value) for when, value in found["values"]}
        return series

    def compare(self, job, begin, end):
        """Holds every sample against the points of the server; how many there were."""
        resource = "%s@%s" % (encoded(self.JOBS[job]), encoded(self.targets[job]))
        expected = self.samples(job, begin, end)
        assert len(expected) > 10, "Prometheus has %d series of %s" % (len(expected), job)

        def arrived():
            metrics = self.server.metrics(resource)
            return metrics if "up" in metrics and max(self.server.points(metrics["up"])) > end else None

        metrics = wait_for("the last samples of %s are not there" % resource, arrived)
        assert set(expected) <= set(metrics), sorted(set(expected) - set(metrics))[:5]
        count = 0
        for name, samples in expected.items():
            points = self.server.points(metrics[name])
            points = {when: value for when, value in points.items() if begin < when <= end}
            assert same(points, samples), "%s is %s to Prometheus, and here %s" % (name, samples, points)
            count += len(samples)
        return count


def same(some, others):
    """Whether both have the same values at the same times; NaN is the same as itself."""
    equal = lambda one, other: one == other or (math.isnan(one) and math.isnan(other))
    return some.keys() == others.keys() and all(equal(value, others[when]) for when, value in some.items())


class Collectd:
    """collectd, which sends to the server and writes files."""

    POSTING = """
LoadPlugin write_http
<Plugin write_http>
  <Node "gnocchetti">
    URL "%(url)s/v1/collectd"
    Format "JSON"
    User "%(user)s"
    Password "none"
    LogHttpError true
  </Node>
</Plugin>
"""
    SENDING = """
LoadPlugin network
<Plugin network>
  Server "127.0.0.1" "%(port)d"
</Plugin>
"""

    def __init__(self, command, folder, server, host, plugin):
        self.server, self.host, folder = server, host, folder / host
        self.csv = folder / "csv"
        folder.mkdir()
        configuration = folder / "collectd.conf"
        plugin %= {"url": server.url, "user": USER, "port": server.collectd}
        configuration.write_text("""
BaseDir "%(folder)s"
TypesDB "%(types)s"
Hostname "%(host)s"
FQDNLookup false
Interval 1
LoadPlugin cpu
LoadPlugin interface
LoadPlugin load
LoadPlugin memory
LoadPlugin csv
<Plugin csv>
  DataDir "%(csv)s"
  StoreRates false
</Plugin>
%(plugin)s""" % {"folder": folder, "types": TYPES, "host": host, "csv": self.csv, "plugin": plugin}, encoding="utf-8")
        self.program = Program(folder, [command, "-f", "-C", configuration, "-P", folder / "collectd.pid"])

    def written(self):
        """What the CSV files have: by name of the metric, milliseconds and values."""
        series = {}
        for path in sorted((self.csv / self.host).glob("*/*")):
            plugin, kind = path.parent.name, re.sub(r"-\d{4}-\d\d-\d\d$", "", path.name)
            with path.open(encoding="utf-8") as rows:
                header, *lines = csv.reader(rows)
            for column, source in enumerate(header[1:], 1):
                name = "%s@%s-%s" % (encoded(plugin), encoded(kind), encoded(source, "-"))
                values = [(round(float(line[0]) * 1000), float(line[column])) for line in lines]
                series.setdefault(name, []).extend(values)
        return series

    def compare(self):
        """Ends collectd, and holds what it wrote against the points of the server; how many values there were."""
        assert self.program.end() == 0, self.program.log.read_text()
        time.sleep(2 * FLUSH)
        metrics, expected = self.server.metrics(self.host), self.written()
        assert set(metrics) == set(expected), set(metrics) ^ set(expected)
        assert len(expected) > 5, sorted(expected)
        count = 0
        for name, written in expected.items():
            points = list(self.server.points(metrics[name]).items())
            # Files have milliseconds, rounded, and six decimals of values.
            close = lambda point, row: abs(point[0] - row[0]) <= 1 and abs(point[1] - row[1]) <= 5e-7 + 1e-9 * abs(row[1])
            fits = len(points) == len(written) and all(map(close, points, written))
            assert fits, "%s is %s to collectd, and here %s" % (name, written, points)
            count += len(written)
        return count


class Statsd:
    """A sender of datagrams, and what they add up to."""

    ROUNDS = 200

    def __init__(self, server):
        self.server = server
        self.numbers = random.Random(1)
        self.hits, self.level, self.timings, self.lines = 0, 0, [], 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send(self):
        """Sends datagrams over some seconds."""
        for at in range(self.ROUNDS):
            hits, change, timing = self.numbers.randint(1, 9), self.numbers.choice([-3, -1, 2, 5]), self.numbers.random()
            lines = ["hits:%d|c|@0.5" % hits, "hits:1|c|@0.5", "level:%+d|g" % change, "took:%r|ms" % timing,
                     "took:%d:2|ms|#path:/a,code:200" % at, "who:member-%d|s" % (at % 7)]
            self.hits += 2 * hits + 2
            self.level += change
            self.timings.append(timing)
            self.lines += len(lines)
            self.socket.sendto("\n".join(lines).encode(), ("127.0.0.1", self.server.statsd))
            time.sleep(0.02)
        self.socket.sendto(b"nonsense\nx:1|unknown", ("127.0.0.1", self.server.statsd))

    def compare(self):
        """Holds what was sent against what the server has; how many lines there were."""
        time.sleep(2 * FLUSH)
        text = ask(self.server.url + "/metrics")
        for line in ["items_total{protocol=\"statsd\"} %d" % self.lines, "refused_total{protocol=\"statsd\",reason=\"form\"} 1",
                     "refused_total{protocol=\"statsd\",reason=\"type\"} 1", "measures_lost_total{protocol=\"statsd\"} 0"]:
            assert "gnocchetti_datagram_" + line in text, text
        metrics = self.server.metrics("statsd")
        tagged = "took|ms@code=200,path=%2Fa"
        assert set(metrics) == {"hits|c", "level|g", "took|ms", tagged, "who|s"}, metrics
        values = lambda name, method: list(self.server.points(metrics[name], method).values())
        intervals = len(values("hits|c", "count"))
        assert intervals >= 3, "%d intervals" % intervals
        for name, method, expected in [
                ("hits|c", "sum", self.hits), ("hits|c", "count", intervals), ("level|g", "count", intervals),
                ("took|ms", "count", self.ROUNDS), (tagged, "count", 2 * self.ROUNDS), ("who|s", "count", intervals),
                (tagged, "sum", sum(range(self.ROUNDS)) + 2 * self.ROUNDS)]:
            assert sum(values(name, method)) == expected, "%s of %s: %s" % (method, name, values(name, method))
        assert values("level|g", "last")[-1] == self.level, values("level|g", "last")
        assert math.isclose(sum(values("took|ms", "sum")), sum(self.timings))
        # No interval between the first and the last is so short that it has fewer than all seven.
        assert values("who|s", "last")[1:-1] == [7] * (intervals - 2), values("who|s", "last")
        return self.lines


def run(options):
    """All programs, and what each comparison says: its name, how much was compared, and what was wrong."""
    folder = pathlib.Path(options.folder)
    server = Server(options.command, folder)
    prometheus = Prometheus(options.prometheus, folder, server)
    posting = Collectd(options.collectd, folder, server, "posting.example", Collectd.POSTING)
    sending = Collectd(options.collectd, folder, server, "sending.example", Collectd.SENDING)
    statsd = Statsd(server)
    try:
        wait_for("Prometheus does not answer", lambda: ask(prometheus.url + "/-/ready"))
        # What is scraped before remote write has begun is not sent.
        begin = time.time() + 4
        statsd.send()
        time.sleep(max(0.0, begin + options.seconds - time.time()))
        begin, end = round(begin * 1000), round((time.time() - 2) * 1000)
        for name, compare in [
                ("Prometheus' own series", lambda: prometheus.compare("itself", begin, end)),
                ("Prometheus' series of the server", lambda: prometheus.compare("server", begin, end)),
                ("collectd's values, posted", posting.compare), ("collectd's values, sent", sending.compare),
                ("statsd's lines", statsd.compare)]:
            try:
                yield name, compare(), None
            except (AssertionError, OSError) as error:
                yield name, 0, str(error)[:2000]
    finally:
        for program in [prometheus.program, posting.program, sending.program]:
            if program.process.poll() is None:
                program.end()
        status = server.program.end()
    warnings = [line for line in server.program.log.read_text().splitlines() if "ERROR" in line or "panicked" in line]
    yield "the server's end", 1, "status %d\n%s" % (status, "\n".join(warnings[:20])) if status or warnings else None


def main():
    parser = argparse.ArgumentParser()
    for name in ["command", "prometheus", "collectd", "folder"]:
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--seconds", type=float, default=30)
    os.environ["TZ"] = "UTC"
    time.tzset()
    failed = passed = 0
    for name, count, error in run(parser.parse_args()):
        if error is None:
            passed += 1
            print("%-34s %7d compared" % (name, count), flush=True)
        else:
            failed += 1
            print("%-34s FAILED: %s" % (name, error), flush=True)
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0)


main()
