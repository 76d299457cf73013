"""Deleting a stretch of time of a metric."""

from __future__ import annotations

import pathlib

import pytest

import gnocchetti
from gnocchetti import errors

SECOND = 1_000_000_000


def test_deleted_measures_are_gone_and_the_answer_says_what_became_of_groups(directory: pathlib.Path) -> None:
    policy = gnocchetti.ArchivePolicy("p", [("1 second", None), ("1 minute", None)], ["count", "median"])
    with gnocchetti.open(directory, background=False) as db:
        db.create_archive_policy(policy)
        metric = db.create_metric("load", archive_policy="p")
        times = [half * SECOND // 2 for half in range(400)]
        db.push_many(metric, times, [1.0] * len(times))

        said = db.delete_measures(metric, 190 * SECOND)
        assert (said.removed, said.newest, said.accepted_from, said.partial) == (20, times[379], 180 * SECOND, [])

        said = db.delete_measures("load", 70 * SECOND, 80 * SECOND)
        assert said.partial == [gnocchetti.PartialGroup(60 * SECOND, 60 * SECOND, "kept")]
        said = db.delete_measures(metric.id, 70 * SECOND, 80 * SECOND, partial="remove")
        assert said.partial == [gnocchetti.PartialGroup(60 * SECOND, 60 * SECOND, "removed")]
        assert len(db.measures(metric, "count", granularity=1)) == 200 - 10 - 10
        assert [point.value for point in db.measures(metric, "count", granularity=60)] == [120.0, 120.0, 20.0]

        assert db.delete_measures(metric) == gnocchetti.DeletedMeasures(20, None, 180 * SECOND, [])
        assert db.last_measure(metric) is None and len(db.measures(metric, "count")) == 0


def test_what_makes_no_sense_is_refused(directory: pathlib.Path) -> None:
    with gnocchetti.open(directory, default_policies=True, background=False) as db:
        metric = db.create_metric("load")
        with pytest.raises(errors.InvalidRange) as refused:
            db.delete_measures(metric, 5, 4)
        assert (refused.value.start, refused.value.end) == (5, 4)
        with pytest.raises(ValueError, match="keep"):
            db.delete_measures(metric, partial="some")  # type: ignore[arg-type]
