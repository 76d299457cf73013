"""Measures that wait to be pushed together, and what became of pushed ones."""

from __future__ import annotations

import ctypes
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _abi
from ._buffers import keys_of, timestamps_of, values_of
from ._handle import Owned
from ._time import to_nanos

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._buffers import Timestamps, Values
    from ._measures import Measures
    from ._metrics import MetricLike
    from ._time import TimeLike


class Pushed(NamedTuple):
    """What became of pushed measures."""

    #: Measures within the window, those that overwrote another included.
    accepted: int
    #: Accepted measures at a time that had one already: the last wins.
    overwritten: int
    #: Measures that were dropped because their block had closed.
    late: int


class Report(NamedTuple):
    """What became of the measures of a batch: of all together, and of each metric's by its key."""

    total: Pushed
    per_metric: dict[int, Pushed]


class Batch:
    """Measures that are pushed together: checked together, journaled as one record, made durable by one sync.

    As a ``with`` block it commits at the end, and drops everything when the block raises. It may be filled and committed again
    and again, and keeps its memory. Threads may share it: their calls wait for one another.
    """

    def __init__(self, database: Measures) -> None:
        library = database._library
        self._database = database
        self._library = library
        self._waiting = Owned(library, library.handle(library.gnt_batch_new), library.gnt_batch_free)
        self._lock = threading.Lock()
        #: What became of the measures of the last commit.
        self.report: Report | None = None

    def add(self, metric: MetricLike, timestamp: TimeLike, value: float) -> None:
        """Adds a measure."""
        key, nanos = self._database._key(metric), to_nanos(timestamp)
        with self._lock:
            self._library.call(self._library.gnt_batch_add, self._waiting.pointer, key, nanos, value)

    def extend(self, metric: MetricLike, timestamps: Timestamps, values: Values) -> None:
        """Adds measures of one metric: as many timestamps as values. All of them, or on an error none.

        Arrays of nanoseconds or ``datetime64[ns]`` and of doubles are read where they lie; see the documentation of times for
        what else will do.
        """
        key = self._database._key(metric)
        with timestamps_of(timestamps) as times, values_of(values) as numbers:
            count = same_length(timestamps=times.length, values=numbers.length)
            arguments = (self._waiting.pointer, key, times.address, numbers.address, count)
            with self._lock:
                self._library.call(self._library.gnt_batch_extend, *arguments)

    def extend_keyed(self, metrics: Iterable[MetricLike], timestamps: Timestamps, values: Values) -> None:
        """Adds measures of several metrics: as many metrics as timestamps and values. All of them, or on an error none.

        An array of keys is read where it lies.
        """
        keys = keys_of(metrics, self._database._key)
        with keys, timestamps_of(timestamps) as times, values_of(values) as numbers:
            count = same_length(metrics=keys.length, timestamps=times.length, values=numbers.length)
            arguments = (self._waiting.pointer, keys.address, times.address, numbers.address, count)
            with self._lock:
                self._library.call(self._library.gnt_batch_extend_keyed, *arguments)

    def __len__(self) -> int:
        """How many measures wait."""
        with self._lock:
            length: int = self._library.gnt_batch_length(self._waiting.pointer)
        return length

    def clear(self) -> None:
        """Drops the measures that wait, and keeps their memory."""
        with self._lock:
            self._library.call(self._library.gnt_batch_clear, self._waiting.pointer)

    def commit(self) -> Report:
        """Pushes all measures that wait: all of them, and none waits any more; or on an error none, and they still wait."""
        pushed, count = _abi.Pushed(), ctypes.c_size_t()
        with self._lock:
            self._database._call("gnt_commit", self._waiting.pointer, ctypes.byref(pushed))
            outcome = self._library.gnt_batch_outcome(self._waiting.pointer, ctypes.byref(count))
            each = {outcome[index].metric: told(outcome[index].pushed) for index in range(count.value)}
            self.report = report = Report(told(pushed), each)
        return report

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.commit()
        else:
            self.clear()


def told(pushed: Any) -> Pushed:
    """The library's counts as Python's."""
    return Pushed(pushed.accepted, pushed.overwritten, pushed.late)


def same_length(**lengths: int) -> int:
    """How many measures the columns are; ``ValueError`` when they do not belong together."""
    if len(set(lengths.values())) > 1:
        counted = ", ".join(f"{length} {name}" for name, length in lengths.items())
        raise ValueError(f"{counted}: each measure needs one of each")
    return next(iter(lengths.values()))
