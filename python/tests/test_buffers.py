"""Columns are lent where they lie when they can be, and otherwise mean the same numbers."""

from __future__ import annotations

import array
import datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from gnocchetti import errors
from gnocchetti._buffers import Column, timestamps_of, values_of
from gnocchetti._time import to_nanos

DAY = 86_400 * 10**9


def numbers(column: Column, kind: Any) -> list[Any]:
    """What the library would read."""
    if column.length == 0:
        return []
    memory = (kind * column.length).from_address(column.address)
    return list(memory)


def values(data: Any) -> list[float]:
    import ctypes

    with values_of(data) as column:
        return numbers(column, ctypes.c_double)


def timestamps(data: Any) -> list[int]:
    import ctypes

    with timestamps_of(data) as column:
        return numbers(column, ctypes.c_int64)


def test_doubles_and_nanoseconds_are_not_copied() -> None:
    doubles = np.arange(5.0)
    nanos = np.arange(5)
    times = nanos.view("M8[ns]")
    plain = array.array("d", [1.0, 2.0])
    frozen = doubles.copy()
    frozen.flags.writeable = False
    for data, lend in [(doubles, values_of), (frozen, values_of), (plain, values_of), (nanos, timestamps_of), (times, timestamps_of)]:
        address = data.buffer_info()[0] if isinstance(data, array.array) else data.__array_interface__["data"][0]
        with lend(data) as column:
            assert column.address == address
            assert column.length == len(data)
    series = pd.Series(doubles)
    with values_of(series) as column:
        assert column.address == np.asarray(series).__array_interface__["data"][0]
    index = pd.DatetimeIndex(times, tz="UTC")
    with timestamps_of(index) as column:
        assert column.address == index.asi8.__array_interface__["data"][0]


def test_a_lent_array_cannot_be_moved_meanwhile() -> None:
    data = array.array("d", [1.0])
    column = values_of(data)
    with pytest.raises(BufferError):
        data.append(2.0)
    column.release()
    data.append(2.0)


@pytest.mark.parametrize(
    "data",
    [
        [1, 2.0, 4],
        (1.0, 2.0, 4.0),
        iter([1, 2, 4]),
        range(1, 5),
        array.array("i", [1, 2, 4]),
        array.array("f", [1, 2, 4]),
        memoryview(array.array("d", [1, 2, 4])),
        np.array([1, 2, 4]),
        np.array([1, 2, 4], dtype=np.float32),
        np.array([1, 2, 4], dtype=">f8"),
        np.array([1.0, 0, 2, 0, 4, 0])[::2],
        pd.Series([1, 2, 4]),
        pl.Series([1.0, 2.0, 4.0]),
        pa.array([1.0, 2.0, 4.0]),
        pa.chunked_array([[1.0], [2.0, 4.0]]),
    ],
)
def test_values_of_any_kind(data: Any) -> None:
    expected = [1.0, 2.0, 3.0, 4.0] if isinstance(data, range) else [1.0, 2.0, 4.0]
    assert values(data) == expected


TWO_DAYS = [DAY, 2 * DAY]


@pytest.mark.parametrize(
    "data",
    [
        TWO_DAYS,
        iter(TWO_DAYS),
        range(DAY, 3 * DAY, DAY),
        array.array("q", TWO_DAYS),
        np.array(TWO_DAYS),
        np.array(TWO_DAYS, dtype=np.uint64),
        np.array(TWO_DAYS, dtype=">i8"),
        np.array([1, 2], dtype="M8[D]"),
        np.array([86_400, 172_800], dtype="M8[s]"),
        np.array([86_400, 172_800], dtype=">M8[s]"),
        np.array([4, 8], dtype="M8[6h]"),
        np.array([DAY * 1000, 2 * DAY * 1000], dtype="M8[ps]"),
        np.array([DAY, 0, 2 * DAY, 0], dtype="M8[ns]")[::2],
        np.array([86_400.0, 172_800.0]),
        ["1970-01-02", "1970-01-03T00:00:00Z"],
        [86_400.0, 2 * DAY],
        [datetime.datetime(1970, 1, day, tzinfo=datetime.timezone.utc) for day in (2, 3)],
        [np.datetime64("1970-01-02"), pd.Timestamp("1970-01-03")],
        pd.to_datetime(["1970-01-02", "1970-01-03"]),
        pd.Series(pd.to_datetime(["1970-01-02", "1970-01-03"])),
        pd.Series(pd.to_datetime(["1970-01-02T09:00+09:00", "1970-01-03T09:00+09:00"])),
        pd.date_range("1970-01-02", periods=2, tz="Europe/Berlin") + pd.Timedelta(hours=1),
        pd.Series(["1970-01-02", "1970-01-03"]),
        pl.Series([datetime.datetime(1970, 1, 2), datetime.datetime(1970, 1, 3)]),
        pl.Series([datetime.datetime(1970, 1, 2), datetime.datetime(1970, 1, 3)]).dt.replace_time_zone("UTC"),
        pl.Series([datetime.date(1970, 1, 2), datetime.date(1970, 1, 3)]),
        pa.array(TWO_DAYS, pa.timestamp("ns")),
        pa.chunked_array([[86_400], [172_800]], pa.timestamp("s", "UTC")),
    ],
)
def test_timestamps_of_any_kind(data: Any) -> None:
    assert timestamps(data) == TWO_DAYS


def test_empty_columns() -> None:
    data: Any
    for data in ([], (), np.array([]), np.array([], dtype="M8[s]"), array.array("q"), pd.Series([], dtype=float)):
        assert timestamps(data) == [] or isinstance(data, pd.Series)
        assert values(data if not isinstance(data, np.ndarray) else data.astype(float)) == []


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (np.array(["NaT", "1970"], dtype="M8[ns]"), errors.InvalidTimestamp),
        (np.array(["1970", "2300"], dtype="M8[s]"), errors.InvalidTimestamp),
        (np.array(["1969", "1970"], dtype="M8[D]"), errors.BeforeEpoch),
        (np.array([2**63], dtype=np.uint64), errors.InvalidTimestamp),
        (np.array([[1, 2]]), ValueError),
        ([1, 2**63], errors.InvalidTimestamp),
        (["nonsense"], errors.InvalidTimestamp),
        ([1, None], errors.InvalidTimestamp),
        (pa.array([1, None], pa.timestamp("ns")), errors.InvalidTimestamp),
        (5, TypeError),
    ],
)
def test_what_is_no_column_of_times_is_refused(data: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        timestamps(data)


@pytest.mark.parametrize("data", [["a"], [None], 5, np.array([[1.0]]), np.array(["a"]), None])
def test_what_is_no_column_of_values_is_refused(data: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        values(data)


def test_a_column_means_what_its_elements_mean() -> None:
    seconds = [0.3, 1_772_366_400.4, 0.1 + 0.7]
    assert timestamps(np.array(seconds)) == [to_nanos(each) for each in seconds]
