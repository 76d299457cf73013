"""What pandas, polars and matplotlib make of answers: the same numbers, under the names that were asked for."""

from __future__ import annotations

import datetime

import matplotlib
import numpy as np
import pandas as pd
import polars as pl
import pytest

import gnocchetti

matplotlib.use("Agg")
NOON = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.timezone.utc)


@pytest.fixture
def several(db: gnocchetti.Database, seconds: gnocchetti.Metric) -> gnocchetti.ColumnSet:
    """Two metrics, of which the second has every other point of the first, and none of its last."""
    other = db.create_metric("other", archive_policy="seconds")
    times = np.datetime64("2026-03-01T12:00", "ns") + np.arange(5) * np.timedelta64(1, "s")
    db.push_many(seconds, times, np.arange(5.0))
    db.push_many(other, times[:4:2], [10.0, 20.0])
    return db.measures_of([seconds, other], "max")


def test_one_series_in_pandas(several: gnocchetti.ColumnSet) -> None:
    series = several["load"].to_pandas()
    assert (str(series.name), str(series.index.name), str(series.dtype)) == ("load", "timestamp", "float64")
    assert series.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert isinstance(series.index, pd.DatetimeIndex)
    assert str(series.index.tz) == "UTC"
    assert series.index[1] == pd.Timestamp(NOON) + pd.Timedelta(seconds=1)


def test_several_series_in_pandas(db: gnocchetti.Database, several: gnocchetti.ColumnSet) -> None:
    frame = several.to_pandas()
    assert frame.columns.tolist() == ["load", "other"]
    assert frame["load"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert frame["other"].dropna().tolist() == [10.0, 20.0]
    assert frame["other"].isna().tolist() == [False, True, False, True, True]
    nothing = gnocchetti.ColumnSet({}).to_pandas()
    assert (len(nothing), nothing.index.name) == (0, "timestamp")
    assert len(db.measures("load", start="2026-03-02").to_pandas()) == 0


def test_series_in_polars(several: gnocchetti.ColumnSet) -> None:
    one = several["other"].to_polars()
    assert one.columns == ["timestamp", "value"]
    assert one["timestamp"].to_list() == [NOON, NOON + datetime.timedelta(seconds=2)]
    assert one["value"].to_list() == [10.0, 20.0]
    both = several.to_polars()
    assert both.columns == ["series", "timestamp", "value"]
    assert both["series"].cast(pl.String).to_list() == ["load"] * 5 + ["other"] * 2
    assert both.group_by("series").agg(pl.col("value").sum()).sort("value")["value"].to_list() == [10.0, 30.0]


def test_plots(several: gnocchetti.ColumnSet) -> None:
    ax = several.plot(linewidth=3)
    assert [line.get_label() for line in ax.get_lines()] == ["load", "other"]
    assert [line.get_linewidth() for line in ax.get_lines()] == [3, 3]
    assert np.asarray(ax.get_lines()[1].get_ydata()).tolist() == [10.0, 20.0]
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["load", "other"]
    assert several["load"].plot(ax=ax, label="again") is ax
    last = ax.get_lines()[-1]
    assert (last.get_label(), len(np.asarray(last.get_xdata()))) == ("again", 5)
    alone = several["load"].plot()
    assert alone is not ax
    assert alone.get_legend() is None
    matplotlib.pyplot.close("all")
