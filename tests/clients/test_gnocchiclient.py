"""Gnocchi's own client, by its command line and by its API: it cannot tell the difference."""

import json
import os
import subprocess
import sys
import uuid

import pytest
from gnocchiclient import auth, exceptions
from gnocchiclient.v1 import client as api

MINUTE = "2026-01-31T12:00:00+00:00"


@pytest.fixture
def policy(gnocchi):
    """An archive policy of its own."""
    name = "policy-%s" % uuid.uuid4()
    gnocchi.ask("archive-policy", "create", name, "-d", "granularity:1s,points:3600", "-d", "granularity:60s,points:60",
                "-m", "mean", "-m", "max", "-b", "60")
    return name


@pytest.fixture
def metric(gnocchi, policy):
    """The id of a metric with three measures."""
    created = gnocchi.ask("metric", "create", "--archive-policy-name", policy)["id"]
    words = [word for second in range(3) for word in ("-m", "2026-01-31T12:00:0%d@%d" % (second, second + 1))]
    gnocchi.say("measures", "add", *words, created)
    return created


def rows(answer):
    return [(row["timestamp"], float(row["granularity"]), float(row["value"])) for row in answer]


EXPECTED = [(MINUTE, 60.0, 2.0)] + [("2026-01-31T12:00:0%d+00:00" % second, 1.0, second + 1.0) for second in range(3)]


def test_the_installed_command(gnocchi):
    command = os.path.join(os.path.dirname(sys.executable), "gnocchi")
    answered = subprocess.run([command, *gnocchi.arguments("server", "version", "-f", "json")], capture_output=True,
                              check=True, timeout=60)
    assert json.loads(answered.stdout)["version"]


def test_what_the_server_is(gnocchi):
    assert "mean" in gnocchi.ask("capabilities", "list")["aggregation_methods"]
    assert gnocchi.ask("status")["storage/total number of measures to process"] == 0
    refused = gnocchi.refuse("status", user="somebody")
    assert "403" in refused or "Forbidden" in refused, refused


def test_archive_policies(gnocchi, policy):
    assert policy in [one["name"] for one in gnocchi.ask("archive-policy", "list")]
    shown = gnocchi.ask("archive-policy", "show", policy)
    assert shown["back_window"] == 60
    gnocchi.ask("archive-policy", "update", policy, "-d", "granularity:1s,points:7200", "-d", "granularity:60s,points:60")
    assert "7200" in str(gnocchi.ask("archive-policy", "show", policy)["definition"])
    assert "already exists" in gnocchi.refuse("archive-policy", "create", policy, "-d", "granularity:1s,points:1")
    gnocchi.say("archive-policy", "delete", policy)
    assert "does not exist" in gnocchi.refuse("archive-policy", "show", policy)


def test_archive_policies_are_the_administrators(gnocchi):
    refused = gnocchi.refuse("archive-policy", "create", "mine", "-d", "granularity:1s,points:1", user="somebody")
    assert "403" in refused or "Forbidden" in refused, refused


def test_archive_policy_rules(gnocchi, policy):
    name, renamed = "rule-%s" % uuid.uuid4(), "rule-%s" % uuid.uuid4()
    gnocchi.ask("archive-policy-rule", "create", "-a", policy, "-m", "disk.%s.*" % name, name)
    assert name in [one["name"] for one in gnocchi.ask("archive-policy-rule", "list")]
    created = gnocchi.ask("metric", "create", "disk.%s.io" % name)
    assert created["archive_policy_name"] == policy
    gnocchi.ask("archive-policy-rule", "update", name, "-n", renamed)
    assert gnocchi.ask("archive-policy-rule", "show", renamed)["archive_policy_name"] == policy
    gnocchi.say("archive-policy-rule", "delete", renamed)
    assert "does not exist" in gnocchi.refuse("archive-policy-rule", "show", renamed)


def test_metrics(gnocchi, policy):
    created = gnocchi.ask("metric", "create", "--archive-policy-name", policy, "--unit", "packets", user="alice")
    shown = gnocchi.ask("metric", "show", created["id"], user="alice")
    assert (shown["unit"], shown["creator"], shown["archive_policy/name"]) == ("packets", "alice", policy)
    listed = gnocchi.ask("metric", "list", "--sort", "id:asc", user="alice")
    assert created["id"] in [one["id"] for one in listed]
    gnocchi.refuse("metric", "delete", created["id"], user="bob")
    gnocchi.say("metric", "delete", created["id"], user="alice")
    assert "does not exist" in gnocchi.refuse("metric", "show", created["id"], user="alice")


def test_measures(gnocchi, metric):
    assert rows(gnocchi.ask("measures", "show", metric, "--utc")) == EXPECTED
    fine = gnocchi.ask("measures", "show", metric, "--utc", "--granularity", "1", "--aggregation", "max", "--start",
                       "2026-01-31T12:00:01", "--stop", "2026-01-31T12:00:02")
    assert rows(fine) == EXPECTED[2:3]
    resampled = gnocchi.ask("measures", "show", metric, "--utc", "--granularity", "1", "--resample", "2", "--refresh")
    assert [row[2] for row in rows(resampled)] == [1.5, 3.0]
    assert "does not exist" in gnocchi.refuse("measures", "show", metric, "--aggregation", "std")


def test_measures_of_many_metrics(gnocchi, policy, tmp_path):
    ids = [gnocchi.ask("metric", "create", "--archive-policy-name", policy)["id"] for _ in range(2)]
    batch = tmp_path / "batch.json"
    batch.write_text(json.dumps({one: [{"timestamp": MINUTE, "value": 12}] for one in ids}))
    gnocchi.say("measures", "batch-metrics", str(batch))
    for one in ids:
        assert [row[2] for row in rows(gnocchi.ask("measures", "show", one))] == [12.0, 12.0]
    batch.write_text(json.dumps({str(uuid.uuid4()): [{"timestamp": MINUTE, "value": 12}]}))
    assert "Unknown metrics" in gnocchi.refuse("measures", "batch-metrics", str(batch))


def test_aggregates(gnocchi, policy, metric):
    other = gnocchi.ask("metric", "create", "--archive-policy-name", policy)["id"]
    gnocchi.say("measures", "add", "-m", "2026-01-31T12:00:00@5", other)
    operation = "(aggregate mean (metric (%s mean) (%s mean)))" % (metric, other)
    answer = gnocchi.ask("aggregates", operation, "--granularity", "60")
    assert [(row["name"], float(row["value"])) for row in answer] == [("aggregated", 3.5)]
    each = gnocchi.ask("aggregates", "(* (metric %s mean) 10)" % metric, "--granularity", "1")
    assert [float(row["value"]) for row in each] == [10.0, 20.0, 30.0]
    older = gnocchi.ask("measures", "aggregation", "-m", metric, other, "--aggregation", "mean", "--granularity", "60",
                        "--utc")
    assert rows(older) == [(MINUTE, 60.0, 3.5)]
    assert "Unknown metrics" in gnocchi.refuse("aggregates", "(metric %s mean)" % uuid.uuid4())


def test_benchmarks(gnocchi, policy, metric):
    made = gnocchi.ask("benchmark", "metric", "create", "--archive-policy-name", policy, "--count", "10", "--workers", "2")
    assert (made["create executed"], made["create failures"]) == (10, 0)
    shown = gnocchi.ask("benchmark", "metric", "show", metric, "--count", "10", "--workers", "2")
    assert (shown["show executed"], shown["show failures"]) == (10, 0)
    pushed = gnocchi.ask("benchmark", "measures", "add", metric, "--count", "200", "--batch", "50", "--workers", "2",
                         "--timestamp-start", "2026-02-01", "--timestamp-end", "2026-02-02")
    assert pushed["push failures"] == 0
    read = gnocchi.ask("benchmark", "measures", "show", metric, "--count", "10", "--workers", "2")
    assert (read["show executed"], read["show failures"]) == (10, 0)


def test_the_api(server, policy):
    plugin = auth.GnocchiBasicPlugin(user="carol", endpoint=server.url)
    client = api.Client(session_options={"auth": plugin})
    created = client.metric.create(name="api", archive_policy_name=policy)
    client.metric.add_measures(created["id"], [{"timestamp": MINUTE, "value": 42.0}])
    points = client.metric.get_measures(created["id"], granularity=60)
    assert [(one.isoformat(), span, value) for one, span, value in points] == [(MINUTE, 60.0, 42.0)]
    answer = client.aggregates.fetch("(metric %s mean)" % created["id"], granularity=60)
    assert answer["measures"][created["id"]]["mean"][0][2] == 42.0
    with pytest.raises(exceptions.MetricNotFound):
        client.metric.get(str(uuid.uuid4()))
    with pytest.raises(exceptions.ArchivePolicyNotFound):
        client.archive_policy.get("no such policy")
    other = api.Client(session_options={"auth": auth.GnocchiBasicPlugin(user="dave", endpoint=server.url)})
    with pytest.raises(exceptions.Forbidden):
        other.metric.get(created["id"])
