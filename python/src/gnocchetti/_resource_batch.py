"""Measures that wait to be pushed together, of metrics that are named as within their resources."""

from __future__ import annotations

import ctypes
import threading
import uuid
from types import TracebackType
from typing import TYPE_CHECKING

from . import _abi
from ._abi import optional_utf8, utf8
from ._batch import Pushed, same_length, told
from ._buffers import timestamps_of, values_of
from ._handle import Owned

if TYPE_CHECKING:
    from ._buffers import Timestamps, Values
    from ._measures import Measures
    from ._time import TimeLike


class ResourceBatch:
    """Measures that are pushed together, each of a resource and the name of one of its metrics.

    As a ``with`` block it commits at the end, and drops everything when the block raises. Threads may share it.
    """

    def __init__(self, database: Measures) -> None:
        self._database = database
        self._library = database._library
        self._lock = threading.Lock()
        self._renew()

    def _renew(self) -> None:
        library = self._library
        self._waiting = Owned(library, library.handle(library.gnt_resource_batch_new), library.gnt_resource_batch_free)

    def add(
        self, resource: str | uuid.UUID, metric: str, timestamp: TimeLike, value: float, *, creator: str | None = None
    ) -> None:
        """Adds a measure."""
        self.extend(resource, metric, [timestamp], [value], creator=creator)

    def extend(
        self,
        resource: str | uuid.UUID,
        metric: str,
        timestamps: Timestamps,
        values: Values,
        *,
        creator: str | None = None,
    ) -> None:
        """Adds measures of a metric of a resource, which is known by the id with which it was created, and its creator."""
        names = (*utf8(str(resource)), *optional_utf8(creator), *utf8(metric))
        with timestamps_of(timestamps) as times, values_of(values) as numbers, self._lock:
            count = same_length(timestamps=times.length, values=numbers.length)
            columns = (times.address, numbers.address, count)
            self._library.call(self._library.gnt_resource_batch_extend, self._waiting.pointer, *names, *columns)

    def __len__(self) -> int:
        """How many measures wait."""
        with self._lock:
            length: int = self._library.gnt_resource_batch_length(self._waiting.pointer)
        return length

    def clear(self) -> None:
        """Drops the measures that wait."""
        with self._lock:
            self._renew()

    def commit(self, *, create_metrics: bool = False) -> Pushed:
        """Pushes all measures that wait, or on an error none: ``UnknownResourceMetrics`` tells all that are missing.

        ``create_metrics``: whether metrics that a resource does not have are made, by rule.
        """
        pushed = _abi.Pushed()
        with self._lock:
            arguments = (self._waiting.pointer, create_metrics, ctypes.byref(pushed), None)
            self._database._call("gnt_commit_resources", *arguments)
        return told(pushed)

    def __enter__(self) -> ResourceBatch:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.commit()
        else:
            self.clear()
