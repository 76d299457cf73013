"""Resources, their history and searches, and operations across metrics, in Python's hands."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import pytest

import gnocchetti
from gnocchetti import Attribute, NewResource, ResourceMetric, ResourceType, errors

UTC = datetime.timezone.utc
NOON = datetime.datetime(2026, 3, 1, 12, tzinfo=UTC)

HOST = ResourceType(
    "host",
    {"rack": Attribute("string", max_length=8), "cores": Attribute("number", minimum=1, maximum=64, required=False)},
)


@pytest.fixture
def hosts(db: gnocchetti.Database) -> list[gnocchetti.Resource]:
    """Three hosts in two racks, each with a metric `cpu` that has one measure."""
    db.create_resource_type(HOST)
    new = [
        NewResource(
            f"node-{number}",
            "host",
            user_id="me",
            started_at=NOON,
            attributes={"rack": f"r{number % 2}", "cores": number + 1},
            metrics={"cpu": ResourceMetric("low", unit="%")},
        )
        for number in range(3)
    ]
    hosts = db.create_resources(new)
    for number, host in enumerate(hosts):
        db.push(host.metrics["cpu"], NOON, 10.0 * number)
    return hosts


def test_types_come_back_and_change(db: gnocchetti.Database) -> None:
    db.create_resource_type(HOST)
    told = db.resource_type("host")
    assert told.attributes["cores"] == HOST.attributes["cores"]
    assert (told.attributes["rack"].max_length, told.attributes["rack"].required) == (8, True)
    assert [each.name for each in db.resource_types()] == ["generic", "host"]
    changed = db.update_resource_type("host", add={"since": (Attribute("datetime"), NOON)}, remove=["cores"])
    assert set(changed.attributes) == {"rack", "since"}
    db.delete_resource_type("host")
    with pytest.raises(errors.UnknownResourceType):
        db.resource_type("host")


def test_a_resource_comes_back_whole(db: gnocchetti.Database, hosts: list[gnocchetti.Resource]) -> None:
    host = hosts[1]
    assert (host.original_resource_id, host.type, host.user_id) == ("node-1", "host", "me")
    assert (host.started_at, host.ended_at, host.revision) == (NOON, None, None)
    assert host.attributes == {"rack": "r1", "cores": 2}
    assert db.resource(host.id) == db.resource(str(host.id)) == db.resource_by_original_id("node-1") == host
    metric = db.metric(host.metrics["cpu"])
    assert (metric.resource_id, metric.name, metric.unit, metric.id) == (host.id, "cpu", "%", host.metrics["cpu"].id)
    with pytest.raises(errors.ResourceExists):
        db.create_resource(NewResource("node-1", "host", attributes={"rack": "r"}))
    with pytest.raises(errors.MissingAttribute):
        db.create_resource(NewResource("node-9", "host"))
    with pytest.raises(errors.UnknownResource):
        db.resource(uuid.uuid4())


def test_changes_become_history(db: gnocchetti.Database, hosts: list[gnocchetti.Resource]) -> None:
    earlier = datetime.datetime.now(UTC)
    changed = db.update_resource(hosts[0].id, attributes={"rack": "r9", "cores": None}, user_id=None, ended_at="now")
    assert changed.attributes == {"rack": "r9", "cores": None}
    assert changed.user_id is None
    assert changed.ended_at is not None
    before, now = db.search_resources("host", "original_resource_id = 'node-0'", history=True, sort="revision_start")
    assert (before.attributes["rack"], now) == ("r0", changed)
    assert before.revision_end == now.revision_start
    then = db.search_resources("host", {"=": {"rack": "r0"}}, history=earlier)
    assert "node-0" in [each.original_resource_id for each in then]
    within = db.search_resources("host", history=(earlier, "now"), limit=2)
    assert len(within) == 2
    assert db.update_resource(hosts[0].id, ended_at=None).ended_at is None
    more = db.append_metrics(hosts[0].id, {"load": ResourceMetric(), "own": db.create_metric("own")})
    assert set(more.metrics) == {"cpu", "load", "own"}
    assert set(db.update_resource(hosts[0].id, metrics={}).metrics) == set()


def test_nothing_is_lost_that_others_changed(db: gnocchetti.Database, hosts: list[gnocchetti.Resource]) -> None:
    seen, theirs = hosts[0], db.update_resource(hosts[0].id, attributes={"rack": "r8"})
    with pytest.raises(errors.ResourceChanged):
        db.update_resource(seen.id, attributes={"rack": "r7"}, if_unchanged_since=seen.revision_start_nanos)
    with pytest.raises(errors.ResourceChanged) as refused:
        db.delete_resource(seen.id, if_unchanged_since=seen.revision_start_nanos)
    assert refused.value.resource == str(seen.id)
    mine = db.update_resource(seen.id, attributes={"rack": "r7"}, if_unchanged_since=theirs.revision_start_nanos)
    assert db.delete_resource(seen.id, if_unchanged_since=mine.revision_start_nanos).resources == 1


def test_times_of_history_are_whole(db: gnocchetti.Database, hosts: list[gnocchetti.Resource]) -> None:
    began = 1_772_366_400_000_000_123
    ended = db.update_resource(hosts[0].id, started_at=began, ended_at=began + 1, attributes={"rack": "r7"})
    assert (ended.started_at_nanos, ended.ended_at_nanos) == (began, began + 1)
    assert ended.started_at == ended.ended_at == NOON
    before, now = db.search_resources("host", "original_resource_id = 'node-0'", history=True, sort="revision_start")
    assert (before.revision_end_nanos, now.revision_end_nanos) == (now.revision_start_nanos, None)
    assert now.revision_start == datetime.datetime.fromtimestamp(now.revision_start_nanos // 1000 / 1e6, UTC)
    (then,) = db.search_resources("host", "original_resource_id = 'node-0'", history=now.revision_start_nanos)
    assert then.attributes["rack"] == "r7"
    (then,) = db.search_resources("host", "original_resource_id = 'node-0'", history=now.revision_start_nanos - 1)
    assert then.attributes["rack"] == "r0"


def test_searches(db: gnocchetti.Database, hosts: list[gnocchetti.Resource]) -> None:
    names = [each.original_resource_id for each in db.search_resources("host", "cores > 1", sort=["cores:desc"])]
    assert names == ["node-2", "node-1"]
    after = db.search_resources("host", limit=2, marker=hosts[0].id)
    assert [each.original_resource_id for each in after] == ["node-1", "node-2"]
    groups = db.group_resources(["rack"], "host")
    assert [(group.group, len(group.resources)) for group in groups] == [({"rack": "r0"}, 2), ({"rack": "r1"}, 1)]
    metrics = db.search_metrics("name = cpu and unit = '%'", sort="id", limit=2)
    assert [metric.name for metric in metrics] == ["cpu", "cpu"]
    with pytest.raises(errors.InvalidFilter) as caught:
        db.search_resources("host", "cores >")
    assert caught.value.position is not None


def test_ends_and_deletions(db: gnocchetti.Database, hosts: list[gnocchetti.Resource]) -> None:
    assert db.normalize_ends("2026-03-01") == ([], [])
    assert db.delete_resources("host", "rack = r1") == (1, [hosts[1].metrics["cpu"].key])
    assert db.delete_resource(hosts[0].id).resources == 1
    db.update_resource(hosts[2].id, ended_at=NOON + datetime.timedelta(hours=1))
    assert db.delete_ended_resources("2026-03-01T12:30").resources == 0
    assert db.delete_ended_resources("2026-03-02").resources == 1
    assert db.search_resources() == []


def test_operations(db: gnocchetti.Database, hosts: list[gnocchetti.Resource]) -> None:
    for name, value in [("cpu.0", 10.0), ("cpu.1", 30.0)]:
        db.push(db.create_metric(name), NOON, value)
    operations: list[Any] = [
        "(aggregate mean (metric cpu.* mean))",
        ["aggregate", "mean", ["metric", ["cpu.0", "mean"], ["cpu.1", "mean"]]],
    ]
    for operation in operations:
        (mean,) = db.aggregates(operation, granularity="5 minutes", start=NOON, stop=NOON + datetime.timedelta(hours=1))
        assert (mean.values.tolist(), mean.label, mean.granularity) == ([20.0], "aggregated", datetime.timedelta(minutes=5))
    each = db.aggregates("(* 2 (metric (cpu.0 mean) (cpu.1 max)))", fill=0)
    assert [(one.label, one.values.tolist()) for one in each] == [("cpu.0 mean", [20.0]), ("cpu.1 max", [60.0])]
    (made,) = db.aggregates(operations[0], details=True)
    assert (made.metrics, made.resources, mean.metrics) == ([db.metric("cpu.0"), db.metric("cpu.1")], [], [])
    (older,) = db.reaggregate(["cpu.0", "cpu.1"], reaggregation="max", needed_overlap=50)
    assert older.values.tolist() == [30.0]
    with pytest.raises(errors.InvalidOperation):
        db.aggregates("(aggregate")


def test_operations_over_resources(db: gnocchetti.Database, hosts: list[gnocchetti.Resource]) -> None:
    racks = db.aggregates_of_resources("(aggregate sum (metric cpu mean))", "host", group_by=["rack"])
    assert [(one.group, one.values.tolist()) for one in racks] == [({"rack": "r0"}, [20.0]), ({"rack": "r1"}, [10.0])]
    racks = db.aggregates_of_resources("(metric cpu mean)", "host", group_by=["rack"], details=True)
    assert [one.resources for one in racks] == [[hosts[0], hosts[2]]] * 2 + [[hosts[1]]]
    (all_of_them,) = db.aggregates_of_resources("(aggregate max (metric cpu mean))", "host", "cores > 1")
    assert (all_of_them.values.tolist(), all_of_them.group) == ([20.0], {})
    older = db.reaggregate_resources("cpu", "mean", "host", group_by=["rack"], reaggregation="sum")
    assert [one.values.tolist() for one in older] == [[20.0], [10.0]]


def test_measures_by_resource_and_name(db: gnocchetti.Database, hosts: list[gnocchetti.Resource]) -> None:
    with db.resource_batch() as batch:
        batch.add("node-0", "cpu", NOON, 5.0)
        batch.extend(hosts[1].id, "cpu", ["2026-03-01T12:05", "2026-03-01T12:10"], [1, 2])
        assert len(batch) == 3
    assert len(batch) == 0
    batch.add("node-0", "disk", NOON, 1.0)
    with pytest.raises(errors.UnknownResourceMetrics) as caught:
        batch.commit()
    assert caught.value.metrics == [[str(hosts[0].id), "disk"]]
    assert batch.commit(create_metrics=True).accepted == 1
    batch.add("node-0", "cpu", NOON, 1.0)
    batch.clear()
    assert len(batch) == 0
