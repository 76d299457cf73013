"""Answers: columns of timestamps and values, in the library's own memory.

A :class:`Columns` owns a result of the library, whatever becomes of the database. numpy arrays and what is made of them lie in the
same memory and keep it alive; they are read-only, since others may look at it too. Without numpy the columns are lists. Nothing
here imports numpy, pandas, polars or matplotlib before it is asked for theirs.
"""

from __future__ import annotations

import ctypes
import datetime
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _frames
from ._library import library
from ._time import to_datetime, to_timedelta

if TYPE_CHECKING:
    import matplotlib.axes
    import numpy
    import pandas
    import polars

    from ._check import Damage
    from ._handle import Result
    from ._metrics import Metric
    from ._resources import Resource


class Point(NamedTuple):
    """One point of an archive. Its time is cut to microseconds, the most that a ``datetime`` can hold; the columns are not."""

    timestamp: datetime.datetime
    value: float


class _Vector:
    """Memory of a result as numpy takes it; an array made of it keeps this, and this keeps the result."""

    __slots__ = ("__array_interface__", "_owner")

    def __init__(self, owner: Result, address: int, length: int, kind: str) -> None:
        self._owner = owner
        # An empty column has no memory; numpy wants an address all the same.
        where = (address or ctypes.addressof(_NOWHERE), True)
        self.__array_interface__ = {"version": 3, "shape": (length,), "typestr": kind, "data": where}


_NOWHERE = ctypes.c_int64()


class Columns:
    """The points of one series, in order of time: ``timestamps`` and ``values``, and for whom and what they stand.

    Iterating yields :class:`Point` after point.
    """

    __slots__ = (
        *("_index", "_length", "_result", "_timestamps", "_values"),
        *("calendar", "granularity_nanos", "group", "label", "method", "metrics", "resource", "resources"),
    )

    def __init__(self, result: Result, index: int, label: str | None = None) -> None:
        shown = result.series(index)
        self._result = result
        self._index = index
        self._timestamps: int = shown.timestamps or 0
        self._values: int = shown.values or 0
        self._length: int = shown.length
        #: The aggregation method whose values they are; empty for what an operation made of several metrics.
        self.method = str(shown.method)
        metric, group = str(shown.label), shown.group.optional()
        #: The id of the resource through which an operation found the metric, if it did.
        self.resource = shown.resource.optional()
        #: What the resources of an answer agree in; empty when it has no groups, none when it is not about resources.
        self.group: dict[str, Any] | None = None if group is None else json.loads(group)
        if label is None:
            # A metric that was asked about by itself needs no name.
            label = self.method if shown.metric else " ".join(filter(None, [metric, self.method])) or "aggregated"
        #: What the series is called in frames and legends.
        self.label = label
        #: The length of the groups in nanoseconds; none for groups of the calendar.
        self.granularity_nanos: int | None = shown.granularity or None
        #: To which groups of the calendar the points were resampled, if they were: ``Y``, ``H``, ``Q``, ``M`` or ``W``.
        self.calendar = shown.calendar.optional()
        #: Of which metrics an operation made it, or of those of which resources, when it was asked for details.
        self.metrics: list[Metric] = []
        self.resources: list[Resource] = []

    @property
    def granularity(self) -> datetime.timedelta | None:
        """The length of the groups; none for groups of the calendar."""
        return None if self.granularity_nanos is None else to_timedelta(self.granularity_nanos)

    @property
    def nanos(self) -> numpy.ndarray[Any, numpy.dtype[numpy.int64]]:
        """The timestamps in nanoseconds since the epoch: an array of numpy that copies nothing, or a list without numpy."""
        array: numpy.ndarray[Any, numpy.dtype[numpy.int64]] = self._vector(self._timestamps, "<i8", ctypes.c_int64)
        return array

    @property
    def timestamps(self) -> numpy.ndarray[Any, numpy.dtype[numpy.datetime64]]:
        """The timestamps: numpy's ``datetime64[ns]`` (UTC), copying nothing, or a list of ``datetime`` without numpy."""
        array: numpy.ndarray[Any, numpy.dtype[numpy.datetime64]] = self._vector(self._timestamps, "<M8[ns]", ctypes.c_int64)
        if isinstance(array, list):
            return [to_datetime(nanos) for nanos in array]
        return array

    @property
    def values(self) -> numpy.ndarray[Any, numpy.dtype[numpy.float64]]:
        """The values: an array of numpy that copies nothing, or a list without numpy."""
        array: numpy.ndarray[Any, numpy.dtype[numpy.float64]] = self._vector(self._values, "<f8", ctypes.c_double)
        return array

    def _vector(self, address: int, typestr: str, kind: Any) -> Any:
        try:
            import numpy
        except ImportError:
            return (kind * self._length).from_address(address)[:] if self._length else []
        return numpy.asarray(_Vector(self._result, address, self._length, typestr))

    @property
    def skipped(self) -> list[Damage]:
        """What the question left out since it is damaged, when it said ``skip_damaged``; empty when the answer is whole."""
        from ._check import Damage

        return Damage._of_result(self._result)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Point]:
        for nanos, value in zip(self._list(self._timestamps, ctypes.c_int64), self._list(self._values, ctypes.c_double)):
            yield Point(to_datetime(nanos), value)

    def _list(self, address: int, kind: Any) -> list[Any]:
        return (kind * self._length).from_address(address)[:] if self._length else []

    def __repr__(self) -> str:
        points = f"{self._length} points" if self._length != 1 else "1 point"
        return f"<gnocchetti.Columns of {self.label}: {points}>"

    def __arrow_c_schema__(self) -> object:
        """A struct of ``timestamp`` (nanoseconds, UTC) and ``value`` (float64), as Arrow's PyCapsule interface says it."""
        from . import _arrow

        return _arrow.schema(self._result.library, labelled=False)

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        """The points as one array for any library that speaks Arrow, which copies nothing; they have the one schema they have."""
        from . import _arrow

        return _arrow.array(self)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The points as a stream of one array: ``pyarrow.table(columns)``, ``polars.DataFrame(columns)``."""
        from . import _arrow

        return _arrow.stream(self._result.library, [self], None)

    def to_pandas(self) -> pandas.Series[float]:
        """A ``pandas.Series`` of the values, named after the method, over the times in UTC."""
        return _frames.series(self)

    def to_polars(self) -> polars.DataFrame:
        """A ``polars.DataFrame`` with the columns ``timestamp`` (UTC) and ``value``, in the library's memory."""
        return _frames.table(self)

    def plot(self, ax: matplotlib.axes.Axes | None = None, **options: Any) -> matplotlib.axes.Axes:
        """Draws the values over time with matplotlib, onto ``ax`` or a new figure; options go to ``Axes.plot``."""
        return _frames.plot({self.label: self}, ax, options)


class ColumnSet(Mapping[str, Columns]):
    """Several series under their labels: the methods of a metric, several metrics, or what an operation made of them."""

    __slots__ = ("_series",)

    def __init__(self, series: Mapping[str, Columns]) -> None:
        self._series = dict(series)

    def __getitem__(self, label: str) -> Columns:
        return self._series[label]

    def __iter__(self) -> Iterator[str]:
        return iter(self._series)

    def __len__(self) -> int:
        return len(self._series)

    def __repr__(self) -> str:
        return f"<gnocchetti.ColumnSet of {', '.join(self._series) or 'nothing'}>"

    def __arrow_c_schema__(self) -> object:
        """A struct of ``series`` (texts, by dictionary), ``timestamp`` (nanoseconds, UTC) and ``value`` (float64)."""
        from . import _arrow

        return _arrow.schema(library(), labelled=True)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """All points as a stream for any library that speaks Arrow: one array for each series, their points not copied."""
        from . import _arrow

        return _arrow.stream(library(), list(self._series.values()), list(self._series))

    def to_pandas(self) -> pandas.DataFrame:
        """A ``pandas.DataFrame`` with a column for each series, over all their times in UTC; NaN where one has no point."""
        return _frames.frame(self._series)

    def to_polars(self) -> polars.DataFrame:
        """A ``polars.DataFrame`` of all points, one series below the other: ``series`` (``Categorical``), ``timestamp``, ``value``."""
        return _frames.table(self)

    def plot(self, ax: matplotlib.axes.Axes | None = None, **options: Any) -> matplotlib.axes.Axes:
        """Draws all series over time with matplotlib, onto ``ax`` or a new figure; options go to ``Axes.plot``."""
        return _frames.plot(self._series, ax, options)
