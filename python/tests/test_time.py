"""Whatever Python calls a time is the same nanosecond for the library, and what could be misread is refused."""

from __future__ import annotations

import datetime
import fractions
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gnocchetti import errors
from gnocchetti._time import MAX_NANOS, to_datetime, to_nanos, to_span, to_timedelta

NOON = 1_772_366_400_000_000_000  # 2026-03-01T12:00:00Z
UTC = datetime.timezone.utc
TOKYO = datetime.timezone(datetime.timedelta(hours=9))


@pytest.mark.parametrize(
    "time",
    [
        NOON,
        np.int64(NOON),
        np.uint64(NOON),
        1_772_366_400.0,
        np.float64(1_772_366_400.0),
        fractions.Fraction(1_772_366_400),
        "2026-03-01T12:00:00",
        "2026-03-01T12:00:00Z",
        "2026-03-01T21:00:00+09:00",
        "1772366400",
        datetime.datetime(2026, 3, 1, 12, tzinfo=UTC),
        datetime.datetime(2026, 3, 1, 21, tzinfo=TOKYO),
        np.datetime64("2026-03-01T12"),
        np.datetime64("2026-03-01T12:00:00", "s"),
        np.datetime64("2026-03-01T12:00:00.000", "ms"),
        np.datetime64(NOON, "ns"),
        np.array([NOON // 25_000_000_000], dtype="M8[25s]")[0],
        pd.Timestamp("2026-03-01T12:00:00"),
        pd.Timestamp("2026-03-01T12:00:00Z"),
        pd.Timestamp("2026-03-01T21:00:00", tz="Asia/Tokyo"),
        pd.Timestamp("2026-03-01T12:00:00").as_unit("s"),
    ],
)
def test_every_way_to_say_noon(time: Any) -> None:
    assert to_nanos(time) == NOON


def test_nothing_is_rounded() -> None:
    assert to_nanos(datetime.datetime(2026, 3, 1, 12, 0, 0, 123_456, UTC)) == NOON + 123_456_000
    assert to_nanos(np.datetime64(NOON + 1, "ns")) == NOON + 1
    assert to_nanos(pd.Timestamp(NOON + 789)) == NOON + 789
    # A float means its shortest decimal, not the binary number beside it.
    assert to_nanos(1_772_366_400.4) == NOON + 400_000_000
    assert to_nanos(0.3) == 300_000_000
    assert to_nanos(np.datetime64(1999, "ps")) == 1
    assert to_nanos(np.datetime64("1970-02", "M")) == 31 * 86_400 * 10**9
    assert to_nanos(MAX_NANOS) == MAX_NANOS


def test_text_may_be_relative_to_now() -> None:
    hour = datetime.timedelta(hours=1)
    earlier = to_datetime(to_nanos("-1 hour"))
    assert abs(datetime.datetime.now(UTC) - hour - earlier) < datetime.timedelta(minutes=1)


@pytest.mark.parametrize(
    ("time", "says"),
    [
        (datetime.datetime(2026, 3, 1, 12), "time zone"),
        (datetime.date(2026, 3, 1), "datetime"),
        (True, "datetime"),
        (None, "datetime"),
        ([1], "datetime"),
        ("yesterday", "yesterday"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (2**63, "2262"),
        (datetime.datetime(2300, 1, 1, tzinfo=UTC), "2262"),
        (np.datetime64("2300-01-01"), "2262"),
        (np.datetime64("2300-01-01", "s"), "2262"),
        (np.datetime64("NaT"), "not a time"),
        (np.datetime64("NaT", "ns"), "not a time"),
        (pd.NaT, "not a time"),
    ],
)
def test_what_is_no_time_is_refused(time: Any, says: str) -> None:
    with pytest.raises(errors.InvalidTimestamp, match=says) as caught:
        to_nanos(time)
    assert caught.value.status == 1
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "time", [-1, -0.5, "1969-12-31", datetime.datetime(1969, 12, 31, tzinfo=UTC), np.datetime64("1969-12-31", "D")]
)
def test_nothing_lies_before_the_epoch(time: Any) -> None:
    with pytest.raises(errors.BeforeEpoch, match="before the epoch"):
        to_nanos(time)


@pytest.mark.parametrize(
    "span",
    [
        60,
        60.0,
        np.int32(60),
        np.float64(60),
        fractions.Fraction(60),
        "60",
        "1 minute",
        "0:01:00",
        datetime.timedelta(minutes=1),
        np.timedelta64(1, "m"),
        np.timedelta64(60_000_000_000, "ns"),
        pd.Timedelta("1min"),
    ],
)
def test_every_way_to_say_a_minute(span: Any) -> None:
    assert to_span(span) == 60_000_000_000


def test_short_spans_are_exact() -> None:
    assert to_span(0.1) == 100_000_000
    assert to_span(datetime.timedelta(microseconds=7)) == 7000
    assert to_span(pd.Timedelta(3, "ns")) == 3
    assert to_span("0.000000001") == 1


@pytest.mark.parametrize(
    "span",
    [0, -1, 0.0, -0.5, True, None, "", "5 parsecs", float("nan"), 2**40, datetime.timedelta(0), datetime.timedelta(days=-1)]
    + [np.timedelta64("NaT"), np.timedelta64(1, "M"), np.timedelta64(1, "Y"), pd.NaT],
)
def test_what_is_no_span_is_refused(span: Any) -> None:
    with pytest.raises(errors.InvalidTimespan):
        to_span(span)


def test_the_way_back() -> None:
    assert to_datetime(NOON) == datetime.datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert to_datetime(NOON + 999) == to_datetime(NOON)
    assert to_datetime(MAX_NANOS).year == 2262
    assert to_timedelta(60_000_000_000) == datetime.timedelta(minutes=1)
