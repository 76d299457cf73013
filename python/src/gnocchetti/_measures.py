"""Measures on their way in, and the questions about them: what a database does with points in time."""

from __future__ import annotations

import ctypes
import datetime
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from . import _abi
from ._abi import utf8
from ._batch import Batch, Pushed, told
from ._columns import Columns, ColumnSet
from ._deletion import DeletedMeasures
from ._handle import Owned, Result
from ._metrics import Metric, MetricRef, Metrics
from ._time import MAX_NANOS, calendar_or_span, to_datetime, to_nanos, to_span

if TYPE_CHECKING:
    from ._buffers import Timestamps, Values
    from ._metrics import MetricLike
    from ._time import SpanLike, TimeLike


class Measures(Metrics):
    """What a database does with measures."""

    def push(self, metric: MetricLike, timestamp: TimeLike, value: float) -> Pushed:
        """Pushes one measure: when this returns, it is visible to every thread, and as durable as was chosen."""
        pushed = _abi.Pushed()
        key = metric.key if isinstance(metric, Metric) else self._key(metric)
        self._call("gnt_push", key, to_nanos(timestamp), value, ctypes.byref(pushed))
        return told(pushed)

    def push_many(self, metric: MetricLike, timestamps: Timestamps, values: Values) -> Pushed:
        """Pushes measures of one metric, all of them or on an error none: as many timestamps as values.

        Arrays of nanoseconds or ``datetime64[ns]`` and of doubles are read where they lie, by no loop in Python.
        """
        batch = Batch(self)
        batch.extend(metric, timestamps, values)
        return batch.commit().total

    def batch(self) -> Batch:
        """A batch to push many measures at once, of as many metrics as one likes."""
        return Batch(self)

    def delete_measures(
        self,
        metric: MetricLike,
        start: TimeLike | None = None,
        stop: TimeLike | None = None,
        *,
        partial: Literal["keep", "remove"] = "keep",
    ) -> DeletedMeasures:
        """Deletes what a metric has from ``start`` on and before ``stop``; without one of them, from the beginning or to the end.

        Raw measures that could still change an aggregate are gone, and closed groups wholly inside; on the disk when this
        returns. A closed group partly inside is computed anew where finer archives say exactly what is left; else it is kept,
        or removed with ``partial="remove"``. What had closed stays closed: the answer says from when on measures are accepted.
        """
        if partial not in ("keep", "remove"):
            raise ValueError(f"partial={partial!r} is not one of 'keep' and 'remove'")
        begin = 0 if start is None else to_nanos(start)
        end = MAX_NANOS if stop is None else to_nanos(stop)
        key = metric.key if isinstance(metric, Metric) else self._key(metric)
        return DeletedMeasures._of(self._json("gnt_delete_measures", key, begin, end, partial == "remove"))

    def measures(
        self,
        metric: MetricLike,
        method: str = "mean",
        *,
        granularity: SpanLike | None = None,
        start: TimeLike | None = None,
        stop: TimeLike | None = None,
        resample: SpanLike | None = None,
        skip_damaged: bool = False,
    ) -> Columns:
        """The points of one archive of a metric, in order of time.

        The finest archive where no ``granularity`` is named; from the group that holds ``start`` on, and only groups that begin
        before ``stop``. ``resample`` groups the points again, by a length of time or the calendar (``Y H Q M W``).
        ``skip_damaged`` leaves out what damage makes unknown, instead of raising ``Corrupt``; ``skipped`` of the columns says what.
        """
        query = self._query([metric], [method], granularity, start, stop, resample, skip_damaged)
        return Columns(self._result("gnt_measures", query.pointer), 0)

    def measures_of(
        self,
        metrics: MetricLike | Iterable[MetricLike],
        methods: str | Iterable[str] = "mean",
        *,
        granularity: SpanLike | None = None,
        start: TimeLike | None = None,
        stop: TimeLike | None = None,
        resample: SpanLike | None = None,
        skip_damaged: bool = False,
    ) -> ColumnSet:
        """As :meth:`measures`, of several methods, several metrics, or both; those of one metric at one moment.

        The series are labelled by what tells them apart: methods, metrics as they were given, or ``metric method``.
        """
        asked = [metrics] if isinstance(metrics, (str, int, Metric, MetricRef)) or not isinstance(metrics, Iterable) else list(metrics)
        wanted = [methods] if isinstance(methods, str) else list(methods)
        if not asked or not wanted:
            return ColumnSet({})
        query = self._query(asked, wanted, granularity, start, stop, resample, skip_damaged)
        result = self._result("gnt_measures", query.pointer)
        names = [_name_of(metric) for metric in asked]
        labels = [_label(name, method, len(asked), len(wanted)) for name in names for method in wanted]
        return ColumnSet({label: Columns(result, index, label) for index, label in enumerate(labels)})

    def search_values(
        self,
        metric: MetricLike,
        predicate: Mapping[str, Any],
        method: str = "mean",
        *,
        granularity: SpanLike | None = None,
        start: TimeLike | None = None,
        stop: TimeLike | None = None,
        resample: SpanLike | None = None,
        skip_damaged: bool = False,
    ) -> Columns:
        """Those points whose values fulfil a predicate such as ``{">=": 50}`` or ``{"and": [{">": 5}, {"<": 9}]}``."""
        query = self._query([metric], [method], granularity, start, stop, resample, skip_damaged)
        return Columns(self._result("gnt_search_values", query.pointer, *utf8(json.dumps(predicate))), 0)

    def last_measure(self, metric: MetricLike) -> datetime.datetime | None:
        """The time of the newest measure that a metric accepted; ``None`` when it never had one.

        It is cut to microseconds, the most that a ``datetime`` can hold; :meth:`last_measure_nanos` has all of it.
        """
        nanos = self.last_measure_nanos(metric)
        return None if nanos is None else to_datetime(nanos)

    def last_measure_nanos(self, metric: MetricLike) -> int | None:
        """As :meth:`last_measure`, in nanoseconds since the epoch."""
        newest = ctypes.c_int64()
        self._call("gnt_last_measure", self._key(metric), ctypes.byref(newest))
        return None if newest.value < 0 else newest.value

    def _query(
        self,
        metrics: Iterable[MetricLike],
        methods: Iterable[str],
        granularity: SpanLike | None,
        start: TimeLike | None,
        stop: TimeLike | None,
        resample: SpanLike | None,
        skip_damaged: bool,
    ) -> Owned:
        library = self._library
        query = Owned(library, library.handle(library.gnt_query_new), library.gnt_query_free)
        for metric in metrics:
            library.call(library.gnt_query_add_metric, query.pointer, self._key(metric))
        for method in methods:
            library.call(library.gnt_query_add_method, query.pointer, *utf8(method))
        if granularity is not None:
            library.call(library.gnt_query_set_granularity, query.pointer, to_span(granularity))
        if start is not None:
            library.call(library.gnt_query_set_from, query.pointer, to_nanos(start))
        if stop is not None:
            library.call(library.gnt_query_set_to, query.pointer, to_nanos(stop))
        if resample is not None:
            library.call(library.gnt_query_set_resample, query.pointer, *utf8(calendar_or_span(resample)))
        if skip_damaged:
            library.call(library.gnt_query_set_skip_damaged, query.pointer, True)
        return query

    def _result(self, function: str, *arguments: Any) -> Result:
        return Result(self._library, self._given(function, *arguments))


def _name_of(metric: MetricLike) -> str:
    if isinstance(metric, Metric):
        return metric.name or str(metric.id)
    return str(metric.id if isinstance(metric, MetricRef) else metric)


def _label(name: str, method: str, metrics: int, methods: int) -> str:
    if metrics == 1:
        return method
    return name if methods == 1 else f"{name} {method}"
