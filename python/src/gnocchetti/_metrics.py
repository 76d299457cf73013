"""Metrics: created, found, listed, deleted; and the ways to say which one is meant."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from . import _text
from ._abi import as_json, utf8
from ._policies import ArchivePolicy, Policies
from ._time import to_datetime

if TYPE_CHECKING:
    from . import _abi
    from ._abi import Library

    #: A metric, or its name, id or key. A ``Metric`` is the quickest: the others are looked up in the index.
    MetricLike = Union["Metric", "MetricRef", str, uuid.UUID, int]

# So many metrics are fetched at a time.
_PAGE = 1000


class MetricRef(NamedTuple):
    """A metric as its resource knows it; it will do wherever a metric is asked for."""

    key: int
    id: uuid.UUID


@dataclass(frozen=True)
class Metric:
    """A metric as the index describes it."""

    #: The number by which measures refer to it: never used twice.
    key: int
    id: uuid.UUID
    name: str | None
    unit: str | None
    creator: str | None
    resource_id: uuid.UUID | None
    archive_policy_name: str
    #: When it was created, in nanoseconds since the epoch.
    created_at_nanos: int
    #: Whether it was deleted, and has not left the index yet.
    deleted: bool

    @property
    def created_at(self) -> datetime.datetime:
        """When it was created; below a microsecond, ``created_at_nanos`` has all of it."""
        return to_datetime(self.created_at_nanos)

    @classmethod
    def _of(cls, shown: _abi.Metric) -> Metric:
        resource = shown.resource_id.optional()
        return cls(
            key=shown.key,
            id=uuid.UUID(str(shown.id)),
            name=shown.name.optional(),
            unit=shown.unit.optional(),
            creator=shown.creator.optional(),
            resource_id=None if resource is None else uuid.UUID(resource),
            archive_policy_name=str(shown.archive_policy_name),
            created_at_nanos=shown.created_at,
            deleted=shown.deleted,
        )

    @classmethod
    def _told(cls, told: dict[str, Any]) -> Metric:
        resource, created = told["resource_id"], _text.timestamp(told["created_at"])
        values = {name: told[name] for name in ("key", "name", "unit", "creator", "archive_policy_name", "deleted")}
        resource_id = None if resource is None else uuid.UUID(resource)
        return cls(id=uuid.UUID(told["id"]), resource_id=resource_id, created_at_nanos=created, **values)


@dataclass(frozen=True)
class NewMetric:
    """A metric to be created. Without an archive policy it gets one by rule; a name must be free, unless its creator is named."""

    name: str | None = None
    archive_policy: str | None = field(default=None, kw_only=True)
    unit: str | None = field(default=None, kw_only=True)
    creator: str | None = field(default=None, kw_only=True)
    id: uuid.UUID | str | None = field(default=None, kw_only=True)

    def _json(self) -> dict[str, Any]:
        given = {
            "id": None if self.id is None else str(self.id),
            "name": self.name,
            "unit": self.unit,
            "creator": self.creator,
            "archive_policy_name": self.archive_policy,
        }
        return {name: value for name, value in given.items() if value is not None}


def _listed(library: Library, given: int) -> list[Metric]:
    try:
        length = library.gnt_metric_list_length(given)
        return [Metric._of(library.gnt_metric_list_get(given, index).contents) for index in range(length)]
    finally:
        library.gnt_metric_list_free(given)


class Metrics(Policies):
    """What a database does with metrics."""

    def create_metric(
        self,
        name: str | None = None,
        *,
        archive_policy: str | None = None,
        unit: str | None = None,
        creator: str | None = None,
        id: uuid.UUID | str | None = None,
    ) -> Metric:
        """Creates a metric; when this returns, it survives a power cut. Without an archive policy it gets one by rule."""
        new = NewMetric(name, archive_policy=archive_policy, unit=unit, creator=creator, id=id)
        return self.create_metrics([new])[0]

    def create_metrics(self, metrics: Iterable[NewMetric | str]) -> list[Metric]:
        """Creates metrics at once: all of them, or on an error none. A name alone will do."""
        new = [NewMetric(each) if isinstance(each, str) else each for each in metrics]
        return self._metric_list("gnt_create_metrics", *as_json([each._json() for each in new]))

    def metric(self, metric: MetricLike) -> Metric:
        """The metric of this id, name or key, as it is now; ``UnknownMetric`` when there is none."""
        if isinstance(metric, (Metric, MetricRef)):
            return self.metric_by_key(metric.key)
        if isinstance(metric, uuid.UUID):
            return self._metric_list("gnt_metric_by_id", *utf8(str(metric)))[0]
        if isinstance(metric, str):
            return self.metric(uuid.UUID(metric)) if _is_uuid(metric) else self.metric_by_name(metric)
        return self.metric_by_key(metric)

    def metric_by_name(self, name: str) -> Metric:
        """The metric of this name that belongs to no resource; ``UnknownMetric`` when there is none.

        When several have it, the one that names no creator, of which there is one at most; else the oldest.
        """
        return self._metric_list("gnt_metric_by_name", *utf8(name))[0]

    def metric_by_key(self, key: int) -> Metric:
        """The metric of this key; ``UnknownMetric`` when there is none."""
        return self._metric_list("gnt_metric_by_key", key)[0]

    def metrics(self) -> Iterator[Metric]:
        """All metrics, in order of their keys, fetched page by page."""
        return self._pages("gnt_metrics")

    def deleted_metrics(self) -> Iterator[Metric]:
        """The metrics that were deleted and have not left the index yet, as they do with the next maintenance."""
        return self._pages("gnt_deleted_metrics")

    def delete_metric(self, metric: MetricLike) -> None:
        """Deletes a metric with all its measures: gone for readers at once and for good, its name free."""
        self._call("gnt_delete_metric", self._key(metric))

    def policy_of(self, metric: MetricLike) -> ArchivePolicy:
        """The archive policy of a metric."""
        return ArchivePolicy._of(self._json("gnt_policy_of", self._key(metric)))

    def _key(self, metric: MetricLike) -> int:
        """The key of a metric, looked up where only its name or id is known."""
        if isinstance(metric, (Metric, MetricRef)):
            return metric.key
        if isinstance(metric, int):
            return metric
        return self.metric(metric).key

    def _metric_list(self, function: str, *arguments: Any) -> list[Metric]:
        return _listed(self._library, self._given(function, *arguments))

    def _pages(self, function: str) -> Iterator[Metric]:
        after = 0
        while page := self._metric_list(function, after, _PAGE):
            yield from page
            after = page[-1].key


def _is_uuid(text: str) -> bool:
    return len(text) == 36 and text.count("-") == 4 and all(c in "0123456789abcdefABCDEF-" for c in text)
