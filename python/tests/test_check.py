"""Damage in Python's hands: what a check finds."""

from __future__ import annotations

import pathlib

import pytest

import gnocchetti
from gnocchetti import errors


def flip(path: pathlib.Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x10
    path.write_bytes(data)


def test_a_damaged_chunk_is_found_and_placed(directory: pathlib.Path) -> None:
    with gnocchetti.open(directory, default_policies=True, background=False) as db:
        metric = db.create_metric("load")
        db.push_many(metric, [second * 1_000_000_000 for second in range(100)], [1.0] * 100)
        db.checkpoint()
        told: list[tuple[int, int]] = []
        report = db.check(lambda done, total: told.append((done, total)))
        assert report.is_sound and report.chunks >= 2 and report.metrics == 1
        assert told and told[-1][0] == told[-1][1]

        [raw] = (directory / "raw").iterdir()
        flip(raw, 30)
        [finding] = db.check().findings
        assert (finding.kind, finding.data, finding.offset, finding.file) == ("chunk", "state", 28, str(raw))
        assert (finding.metric, finding.metric_id) == (metric.key, metric.id)
        assert finding.span == (99_000_000_000, 99_000_000_000)
        assert finding.advice and "checksum" in finding.what
    assert gnocchetti.check_directory(directory).findings == [finding]


def test_a_directory_that_does_not_open_is_checked(directory: pathlib.Path) -> None:
    gnocchetti.open(directory, default_policies=True).close()
    flip(directory / "MANIFEST", 40)
    report = gnocchetti.check_directory(directory)
    assert [each.kind for each in report.findings] == ["manifest"]
    assert not report.is_sound


def test_a_question_skips_what_is_damaged_and_says_so(directory: pathlib.Path) -> None:
    with gnocchetti.open(directory, background=False, memory=0) as db:
        db.create_archive_policy(gnocchetti.ArchivePolicy("p", [("1 second", "1 day"), ("1 minute", "1 day")], ["max"]))
        metric = db.create_metric("load", archive_policy="p")
        db.push_many(metric, [second * 1_000_000_000 for second in range(100)], [float(second) for second in range(100)])
        db.maintain()
        whole = db.measures(metric, "max", skip_damaged=True)
        assert len(whole) == 100 and whole.skipped == []
        [sealed] = (directory / "archive" / "1000000000").glob("*/*.seg")
        flip(sealed, 28)
        with pytest.raises(errors.Corrupt):
            db.measures(metric, "max")
        rest = db.measures(metric, "max", skip_damaged=True)
        assert [point.value for point in rest] == [float(second) for second in range(60, 100)]
        [damage] = rest.skipped
        assert (damage.file, damage.metric, damage.first, damage.last) == (str(sealed), metric.key, 0, 59_000_000_000)
        assert db.measures_of(metric, ["max"], skip_damaged=True)["max"].skipped == [damage]


def test_questions_across_metrics_skip_what_is_damaged(directory: pathlib.Path) -> None:
    with gnocchetti.open(directory, background=False, memory=0) as db:
        db.create_archive_policy(gnocchetti.ArchivePolicy("p", [("1 second", "1 day"), ("1 minute", "1 day")], ["max"]))
        metrics = [db.create_metric(name, archive_policy="p") for name in ("a", "b")]
        nanos = [second * 1_000_000_000 for second in range(120)]
        db.push_many(metrics[0], nanos, [1.0] * 120)
        db.maintain()
        [sealed] = (directory / "archive" / "1000000000").glob("*/*.seg")
        flip(sealed, 28)
        db.push_many(metrics[1], nanos, [2.0] * 120)
        operation = "(aggregate sum (metric (a max) (b max)))"
        with pytest.raises(errors.Corrupt):
            db.aggregates(operation, granularity="1 second")
        [rest] = db.aggregates(operation, granularity="1 second", skip_damaged=True)
        assert [point.value for point in rest] == [2.0] * 60 + [3.0] * 60
        [damage] = rest.skipped
        assert (damage.file, damage.metric, damage.first, damage.last) == (str(sealed), metrics[0].key, 0, 59_000_000_000)
        minutes = "(resample sum 60 (metric a max))"
        [groups] = db.aggregates(minutes, granularity="1 second", skip_damaged=True)
        assert [point.value for point in groups] == [60.0] and groups.skipped == [damage]
        [older] = db.reaggregate(["a", "b"], "max", reaggregation="sum", granularity="1 second", fill="dropna", skip_damaged=True)
        assert list(older) == list(rest) and older.skipped == [damage]
        found = db.search_values(metrics[0], {">": 0}, "max", granularity="1 second", skip_damaged=True)
        assert len(found) == 60 and found.skipped == [damage]


def test_repair_says_exactly_what_is_gone(directory: pathlib.Path) -> None:
    with gnocchetti.open(directory, background=False) as db:
        db.create_archive_policy(gnocchetti.ArchivePolicy("p", [("1 second", "1 day"), ("1 minute", "1 day")], ["max", "sum"]))
        metric = db.create_metric("load", archive_policy="p")
        db.push_many(metric, [second * 1_000_000_000 for second in range(100)], [float(second) for second in range(100)])
        db.maintain()
        with pytest.raises(errors.Locked):
            gnocchetti.repair(directory)
    [minutes] = (directory / "archive" / "60000000000").glob("*/*.seg")
    flip(minutes, 28)
    report = gnocchetti.repair(directory)
    [repair] = report.repairs
    assert (repair.outcome, repair.lost, repair.methods, repair.metric_id) == ("partly_rebuilt", (0, 0), ["sum"], metric.id)
    assert repair.quarantined and pathlib.Path(repair.quarantined).exists() and not report.is_whole
    assert gnocchetti.check_directory(directory).is_sound and gnocchetti.repair(directory).is_whole
    with gnocchetti.open(directory) as db:
        assert [point.value for point in db.measures(metric, "max", granularity="1 minute")] == [59.0, 99.0]
    flip(directory / "MANIFEST", 40)
    [repair] = gnocchetti.repair(directory).repairs
    assert (repair.kind, repair.outcome) == ("manifest", "rebuilt")
    flip(directory / "MANIFEST", 40)
    flip(directory / "MANIFEST", 60)
    with pytest.raises(errors.Irreparable):
        gnocchetti.repair(directory)
