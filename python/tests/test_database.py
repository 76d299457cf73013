"""A database in Python's hands: what goes in comes out, and what is refused says why."""

from __future__ import annotations

import datetime
import logging
import pathlib
import pickle
import uuid
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gnocchetti
from gnocchetti import errors
from gnocchetti._time import to_nanos

UTC = datetime.timezone.utc
NOON = datetime.datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_policies_come_back_whole(db: gnocchetti.Database) -> None:
    week = datetime.timedelta(days=7)
    policy = gnocchetti.ArchivePolicy(
        "sensors",
        [gnocchetti.Definition(60, timespan=week), gnocchetti.Definition(np.timedelta64(1, "h")), ("1 day", "3650 days")],
        ["mean", "+95pct"],
        back_window=2,
    )
    created = db.create_archive_policy(policy)
    assert db.archive_policy("sensors") == created
    minutes, hours, days = created.definitions
    assert (minutes.points, minutes.timespan, minutes.granularity) == (10_080, week, datetime.timedelta(minutes=1))
    assert (hours.points, hours.timespan) == (None, None)
    assert days.points == 3650
    assert set(created.methods) == {"mean", "95pct"}
    assert created.back_window == 2
    assert "sensors" in [each.name for each in db.archive_policies()]
    updated = db.update_archive_policy("sensors", back_window=0)
    assert (updated.back_window, updated.definitions) == (0, created.definitions)
    db.delete_archive_policy("sensors")
    with pytest.raises(errors.UnknownArchivePolicy):
        db.archive_policy("sensors")


def test_rules_give_policies(db: gnocchetti.Database) -> None:
    rule = db.create_archive_policy_rule("disks", "disk.*", "high")
    assert db.archive_policy_rule("disks") == rule
    assert db.archive_policy_for("disk.sda").name == "high"
    assert db.create_metric("disk.sda").archive_policy_name == "high"
    db.rename_archive_policy_rule("disks", "drives")
    assert [each.name for each in db.archive_policy_rules()] == ["drives", "default"]
    db.delete_archive_policy_rule("drives")
    assert db.archive_policy_for("disk.sda").name == "low"


def test_a_metric_is_found_by_all_its_names(db: gnocchetti.Database) -> None:
    given = uuid.uuid4()
    metric = db.create_metric("cpu", unit="%", creator="me", id=given, archive_policy="medium")
    assert (metric.id, metric.name, metric.unit, metric.creator, metric.deleted) == (given, "cpu", "%", "me", False)
    assert abs(metric.created_at - datetime.datetime.now(UTC)) < datetime.timedelta(minutes=1)
    for way in (metric, metric.key, given, str(given), "cpu"):
        assert db.metric(way) == metric
    assert db.policy_of("cpu").name == "medium"
    assert db.last_measure("cpu") is None
    db.delete_metric("cpu")
    with pytest.raises(errors.UnknownMetric) as caught:
        db.metric("cpu")
    assert (caught.value.status, caught.value.metric, isinstance(caught.value, KeyError)) == (16, "cpu", True)
    assert str(caught.value) == "metric `cpu` does not exist"


def test_metrics_are_listed_over_pages(db: gnocchetti.Database) -> None:
    created = db.create_metrics([f"m{number}" for number in range(1500)] + [gnocchetti.NewMetric(unit="B")])
    assert [each.key for each in db.metrics()] == [each.key for each in created]
    assert created[-1].name is None
    db.push(created[0], NOON, 1.0)
    db.delete_metric(created[0])
    assert len(list(db.metrics())) == 1500


def test_measures_go_in_and_out(db: gnocchetti.Database, seconds: gnocchetti.Metric) -> None:
    assert db.push(seconds, NOON, 1.0) == gnocchetti.Pushed(accepted=1, overwritten=0, late=0)
    assert db.push("load", "2026-03-01T12:00:00.5Z", 3) == (1, 0, 0)
    assert db.push(seconds.key, pd.Timestamp("2026-03-01T12:00:00"), 2.0) == (1, 1, 0)
    columns = db.measures("load")
    assert list(columns) == [gnocchetti.Point(NOON, 2.5)]
    assert (columns.method, columns.label, columns.granularity) == ("mean", "mean", datetime.timedelta(seconds=1))
    assert columns.timestamps[0] == np.datetime64("2026-03-01T12:00")
    assert columns.nanos.tolist() == [1_772_366_400_000_000_000]
    assert db.last_measure(seconds) == NOON + datetime.timedelta(milliseconds=500)
    assert db.push(seconds, "2026-02-01", 1.0).late == 1
    db.push(seconds, 1_772_366_401_000_000_789, 1.0)
    assert db.last_measure_nanos(seconds) == 1_772_366_401_000_000_789
    assert db.last_measure(seconds) == NOON + datetime.timedelta(seconds=1)
    assert seconds.created_at_nanos // 1000 * 1000 == to_nanos(seconds.created_at)


def test_a_batch_is_all_or_nothing(db: gnocchetti.Database, seconds: gnocchetti.Metric) -> None:
    other = db.create_metric("other", archive_policy="seconds")
    with db.batch() as batch:
        batch.add(seconds, NOON, 1.0)
        batch.extend(other, [NOON, NOON + datetime.timedelta(seconds=1)], [2.0, 3.0])
        batch.extend_keyed(np.array([seconds.key, other.key], dtype=np.uint64), [NOON, NOON], [0.0, 0.0])
        batch.extend_keyed([seconds, "other"], ["2026-03-01T12:00:09"] * 2, [4, 5])
        assert len(batch) == 7
    assert batch.report is not None
    assert batch.report.total.accepted == 7
    assert {key: pushed.accepted for key, pushed in batch.report.per_metric.items()} == {seconds.key: 3, other.key: 4}
    with pytest.raises(ZeroDivisionError), db.batch() as failing:
        failing.add(seconds, NOON, 9.0)
        _ = 1 / 0
    assert len(failing) == 0
    assert db.measures(seconds, "count", start=NOON, stop=NOON + datetime.timedelta(seconds=1)).values.tolist() == [1.0]
    batch.add(10**6, NOON, 1.0)
    with pytest.raises(errors.UnknownMetric):
        batch.commit()
    assert len(batch) == 1
    batch.clear()
    assert len(batch) == 0


def test_columns_that_do_not_belong_together_are_refused(db: gnocchetti.Database, seconds: gnocchetti.Metric) -> None:
    with pytest.raises(ValueError, match="2 timestamps, 1 values"):
        db.push_many(seconds, [0, 1], [1.0])
    with pytest.raises(errors.BeforeEpoch):
        db.push_many(seconds, np.array([5, -5]), np.array([1.0, 2.0]))
    assert db.stats().accepted == 0


def test_questions(db: gnocchetti.Database, seconds: gnocchetti.Metric) -> None:
    times = np.datetime64("2026-03-01T12:00", "ns") + np.arange(7200) * np.timedelta64(1, "s")
    assert db.push_many(seconds, times, np.arange(7200.0)).accepted == 7200
    hour = db.measures(seconds, start="2026-03-01T13:00", stop=NOON + datetime.timedelta(hours=1, seconds=3))
    assert hour.values.tolist() == [3600.0, 3601.0, 3602.0]
    hours = db.measures(seconds, "max", resample="1 hour")
    assert (hours.values.tolist(), hours.granularity) == ([3599.0, 7199.0], datetime.timedelta(hours=1))
    assert db.measures(seconds, "max", resample=3600).values.tolist() == [3599.0, 7199.0]
    months = db.measures(seconds, "max", resample="M")
    assert (len(months), months.granularity, months.calendar) == (1, None, "M")
    both = db.measures_of(seconds, ["mean", "count"])
    assert list(both) == ["mean", "count"]
    assert both["count"].values.sum() == 7200
    pair = db.measures_of(["load", db.create_metric("empty", archive_policy="seconds")], "max")
    assert {label: len(columns) for label, columns in pair.items()} == {"load": 7200, "empty": 0}
    assert list(db.measures_of([seconds], ["mean", "max"])) == ["mean", "max"]
    assert list(db.measures_of(["load", "empty"], ["mean", "max"]))[1] == "load max"
    assert len(db.measures_of([], "mean")) == 0
    assert db.search_values(seconds, {">=": 7198}, "max").values.tolist() == [7198.0, 7199.0]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"method": "median"}, errors.MethodNotKept),
        ({"method": "nonsense"}, errors.InvalidAggregationMethod),
        ({"granularity": 60}, errors.UnknownGranularity),
        ({"resample": "fortnight"}, errors.GnocchettiError),
        ({"start": datetime.datetime(2026, 3, 1)}, errors.InvalidTimestamp),
    ],
)
def test_questions_that_cannot_be_answered(
    db: gnocchetti.Database, seconds: gnocchetti.Metric, arguments: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        db.measures(seconds, **arguments)


def test_what_is_stored_stays(directory: pathlib.Path) -> None:
    for durability in ("sync", "kernel", gnocchetti.Durability.buffered("5 seconds")):
        with gnocchetti.open(directory, default_policies=True, durability=durability) as db:
            name = f"metric {durability}"
            db.push(db.create_metric(name), NOON, 1.5)
            db.flush()
            db.checkpoint()
            db.maintain()
            db.check_index()
            assert db.stats().checkpoints >= 1
    with gnocchetti.open(directory, log=False, max_future=None, memory=1 << 20, grace=1, background=False) as db:
        assert [db.measures(metric).values.tolist() for metric in db.metrics()] == [[1.5]] * 3
        db.push(db.create_metric("far"), "2200-01-01", 1.0)


def test_a_clock_is_asked_with_each_push(directory: pathlib.Path) -> None:
    now = [100.0]
    with gnocchetti.open(directory, default_policies=True, clock=lambda: now[0], max_ahead=10) as db:
        metric = db.create_metric("a")
        db.push(metric, 110.0, 1.0)
        with pytest.raises(errors.TooFarInFuture) as refused:
            db.push(metric, 110_000_000_001, 1.0)
        assert (refused.value.timestamp, refused.value.limit) == (110_000_000_001, 110_000_000_000)
        now[0] = 50.0
        with pytest.raises(errors.TooFarInFuture):
            db.push_many(metric, [0, 100_000_000_000], [1.0, 1.0])
        now[0] = 1000.0
        db.push(metric, 1001.0, 1.0)

        assert db.stats().accepted == 2


def test_a_second_writer_is_told_who_has_it(db: gnocchetti.Database, directory: pathlib.Path) -> None:
    with pytest.raises(errors.Locked) as caught:
        gnocchetti.open(directory)
    assert caught.value.path == str(directory)
    assert caught.value.filename == str(directory)
    assert isinstance(caught.value, OSError)
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (type(copied), str(copied), copied.details) == (errors.Locked, str(caught.value), caught.value.details)


def test_damage_is_located(directory: pathlib.Path) -> None:
    with gnocchetti.open(directory, default_policies=True) as db:
        db.push(db.create_metric("a"), NOON, 1.0)
    manifest = directory / "MANIFEST"
    data = bytearray(manifest.read_bytes())
    data[len(data) // 2] ^= 0xFF
    manifest.write_bytes(data)
    with pytest.raises(errors.Corrupt) as caught:
        gnocchetti.open(directory)
    assert caught.value.file.endswith("MANIFEST")
    assert caught.value.offset >= 0
    assert (caught.value.metric, caught.value.span) == (None, None)


def test_options_that_cannot_work_are_refused(directory: pathlib.Path) -> None:
    with pytest.raises(errors.InvalidOption, match="dirty_bytes"):
        gnocchetti.open(directory, dirty_bytes=1)
    with pytest.raises(ValueError, match="over_memory is 'wait'"):
        gnocchetti.open(directory, over_memory="wait")  # type: ignore[arg-type]
    with pytest.raises(errors.TooFarInFuture), gnocchetti.open(directory, default_policies=True) as db:
        db.push(db.create_metric("a"), datetime.datetime.now(UTC) + datetime.timedelta(days=3), 1.0)


def test_what_happens_beside_the_calls_is_logged(directory: pathlib.Path) -> None:
    said: list[tuple[int, str]] = []
    with gnocchetti.open(directory, default_policies=True, log=lambda level, message: said.append((level, message))) as db:
        db.push(db.create_metric("a"), NOON, 1.0)
    journal = sorted((directory / "journal").iterdir())[-1]
    with journal.open("ab") as file:
        file.write(b"\x07torn")
    with gnocchetti.open(directory, log=lambda level, message: said.append((level, message))):
        pass
    assert all(level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR) for level, _ in said)
    assert said, "a torn tail is worth a word"


def test_a_reader_sees_what_it_is_brought_to(db: gnocchetti.Database, directory: pathlib.Path, seconds: gnocchetti.Metric) -> None:
    with gnocchetti.open_read_only(directory) as reader:
        assert reader.is_read_only()
        assert not db.is_read_only()
        db.push(seconds, NOON, 1.5)
        assert len(reader.measures(seconds)) == 0
        assert reader.refresh()
        assert list(reader.measures(seconds).values) == [1.5]
        assert not reader.refresh()
        with pytest.raises(errors.ReadOnly) as refused:
            reader.push(seconds, NOON, 2.5)
        assert refused.value.call == "push"
    assert list(db.measures(seconds).values) == [1.5]


def test_a_snapshot_is_a_database_of_its_own(
    db: gnocchetti.Database, directory: pathlib.Path, seconds: gnocchetti.Metric, tmp_path: pathlib.Path
) -> None:
    target = tmp_path / "snapshots" / "first"
    db.push(seconds, NOON, 1.5)
    seen: list[tuple[int, int]] = []
    report = db.snapshot(target, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (report.bytes, report.bytes)
    assert 0 < report.copied_bytes <= report.bytes
    db.push(seconds, NOON, 2.5)
    with gnocchetti.open(target) as snapshot:
        assert list(snapshot.measures(seconds.key).values) == [1.5]
        snapshot.push(seconds.key, NOON, 3.5)
    assert list(db.measures(seconds).values) == [2.5]
    with gnocchetti.open_read_only(directory) as reader:
        reader.snapshot(tmp_path / "second")
    with gnocchetti.open_read_only(tmp_path / "second") as second:
        assert list(second.measures(seconds.key).values) == [2.5]


def test_a_snapshot_says_what_is_wrong_with_its_directory(db: gnocchetti.Database, directory: pathlib.Path) -> None:
    with pytest.raises(errors.SnapshotTarget) as refused:
        db.snapshot(directory / "within")
    assert refused.value.path == str(directory / "within")
    assert "within the database" in refused.value.reason


def test_a_directory_has_a_limit_and_says_what_it_takes(tmp_path: pathlib.Path) -> None:
    with gnocchetti.open(tmp_path / "db", default_policies=True, disk=16 << 20, over_disk="expire") as db:
        stats = db.stats()
        assert stats.disk_limit == 16 << 20
        assert 0 < stats.disk_bytes < 4 << 20
        assert (stats.disk_refused, stats.expired_partitions, stats.expired_early) == (0, 0, [])
    with pytest.raises(errors.InvalidOption):
        gnocchetti.open(tmp_path / "db", disk=1 << 20)
    with pytest.raises(ValueError, match="over_disk is 'block'"):
        gnocchetti.open(tmp_path / "db", over_disk="block")  # type: ignore[arg-type]


def test_a_push_that_finds_no_memory_is_refused(tmp_path: pathlib.Path) -> None:
    options: dict[str, Any] = {"default_policies": True, "memory": 1, "over_memory": "refuse", "background": False}
    with gnocchetti.open(tmp_path / "db", durability="buffered", **options) as db:
        metric = db.create_metric("load")
        times = [NOON + datetime.timedelta(seconds=second) for second in range(4098)]
        for time in times[:-1]:
            db.push(metric, time, 1.0)
        with pytest.raises(errors.MemoryLimit) as refused:
            db.push(metric, times[-1], 1.0)
        assert refused.value.waiting > refused.value.limit == 64 << 10
        assert db.stats().pushes_refused == 1
        db.checkpoint()
        db.push(metric, times[-1], 1.0)
