"""What pandas, polars and matplotlib make of columns. Each is imported when it is asked for, and not before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import matplotlib.axes
    import pandas
    import polars

    from ._columns import Columns, ColumnSet


def series(columns: Columns) -> pandas.Series[float]:
    """The values over the times in UTC; both in the library's memory."""
    import pandas

    index = pandas.DatetimeIndex(columns.timestamps, name="timestamp", copy=False).tz_localize("UTC")
    made: pandas.Series[float] = pandas.Series(columns.values, index=index, name=columns.label, copy=False)
    return made


def frame(columns: Mapping[str, Columns]) -> pandas.DataFrame:
    """One column for each series, over the times of all of them."""
    import pandas

    made: pandas.DataFrame
    if columns:
        made = pandas.concat([series(one).rename(label) for label, one in columns.items()], axis=1, sort=True)
    else:
        made = pandas.DataFrame(index=pandas.DatetimeIndex([], name="timestamp", tz="UTC"))
    return made


def table(columns: Columns | ColumnSet) -> polars.DataFrame:
    """All points, through Arrow's interface."""
    import polars

    return polars.DataFrame(_Stream(columns))


class _Stream:
    """What has a stream and nothing else: of a mapping polars would make columns instead."""

    __slots__ = ("__arrow_c_stream__",)

    def __init__(self, columns: Columns | ColumnSet) -> None:
        self.__arrow_c_stream__ = columns.__arrow_c_stream__


def plot(columns: Mapping[str, Columns], ax: matplotlib.axes.Axes | None, options: dict[str, Any]) -> matplotlib.axes.Axes:
    """A line for each series, its label in the legend where there are several."""
    if ax is None:
        from matplotlib import pyplot

        _, ax = pyplot.subplots()
        ax.figure.autofmt_xdate()
    for label, one in columns.items():
        ax.plot(one.timestamps, one.values, **{"label": label, **options})
    if len(columns) > 1:
        ax.legend()
    return ax
