"""Resource types, resources, their history, and searching them, as values and as methods of a database."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Union

from . import _text
from ._abi import as_json, optional_utf8, utf8
from ._measures import Measures
from ._metrics import Metric, MetricRef
from ._resource_batch import ResourceBatch
from ._time import span_text, to_datetime, to_nanos

if TYPE_CHECKING:
    from ._time import TimeLike

    #: A filter as a text (``host = 'node-a' and cores > 2``), or in the form that Gnocchi's API has.
    FilterLike = Union[str, Mapping[str, Any]]
    #: Which states of resources are asked about: all, those at a time, or those within two times.
    HistoryLike = Union[Literal[True], TimeLike, tuple[TimeLike, TimeLike]]
    #: A new metric, or the id of one that is there.
    ResourceMetricLike = Union["ResourceMetric", Metric, MetricRef, uuid.UUID, str]

#: What stays as it is, where ``None`` takes away.
UNCHANGED: Any = type("Unchanged", (), {"__repr__": lambda self: "UNCHANGED"})()


@dataclass(frozen=True)
class Attribute:
    """What values an attribute of a resource type takes: ``string``, ``uuid``, ``number``, ``bool`` or ``datetime``."""

    type: str
    required: bool = True
    min_length: int | None = field(default=None, kw_only=True)
    max_length: int | None = field(default=None, kw_only=True)
    minimum: float | None = field(default=None, kw_only=True)
    maximum: float | None = field(default=None, kw_only=True)

    @classmethod
    def _of(cls, told: dict[str, Any]) -> Attribute:
        names = {"min": "minimum", "max": "maximum"}
        return cls(**{names.get(name, name): value for name, value in told.items()})

    def _json(self) -> dict[str, Any]:
        limits = {"min_length": self.min_length, "max_length": self.max_length, "min": self.minimum, "max": self.maximum}
        return {"type": self.type, "required": self.required, **_given(limits)}


@dataclass(frozen=True)
class ResourceType:
    """A kind of resources, and the attributes that they have."""

    name: str
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    @classmethod
    def _of(cls, told: dict[str, Any]) -> ResourceType:
        return cls(told["name"], {name: Attribute._of(each) for name, each in told["attributes"].items()})


@dataclass(frozen=True)
class ResourceMetric:
    """A metric that a resource is to get. Without an archive policy it gets one by rule."""

    archive_policy: str | None = None
    unit: str | None = None

    def _json(self) -> dict[str, Any]:
        return _given({"archive_policy_name": self.archive_policy, "unit": self.unit})


@dataclass(frozen=True)
class NewResource:
    """A resource to be created, known by its id: a UUID, or any text that is unique for its creator."""

    id: str | uuid.UUID
    type: str = "generic"
    creator: str | None = field(default=None, kw_only=True)
    user_id: str | None = field(default=None, kw_only=True)
    project_id: str | None = field(default=None, kw_only=True)
    started_at: TimeLike | None = field(default=None, kw_only=True)
    ended_at: TimeLike | None = field(default=None, kw_only=True)
    attributes: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    metrics: Mapping[str, ResourceMetricLike] = field(default_factory=dict, kw_only=True)

    def _json(self) -> dict[str, Any]:
        given = {
            "type": self.type,
            "creator": self.creator,
            "user_id": self.user_id,
            "project_id": self.project_id,
            "started_at": _time_in(self.started_at),
            "ended_at": _time_in(self.ended_at),
        }
        attributes, metrics = _attributes_in(self.attributes), _metrics_in(self.metrics)
        return {"id": str(self.id), "attributes": attributes, "metrics": metrics, **_given(given)}


@dataclass(frozen=True)
class Resource:
    """A resource as it is, or one revision of it as it was."""

    id: uuid.UUID
    original_resource_id: str
    type: str
    creator: str | None
    user_id: str | None
    project_id: str | None
    #: When it began and when it ended, in nanoseconds since the epoch; none while it lasts.
    started_at_nanos: int
    ended_at_nanos: int | None
    #: The number of the revision; none for the current state.
    revision: int | None
    #: From when until when this was its state, in nanoseconds since the epoch; none while it is.
    revision_start_nanos: int
    revision_end_nanos: int | None
    attributes: dict[str, Any]
    metrics: dict[str, MetricRef]

    @property
    def started_at(self) -> datetime.datetime:
        """When it began; below a microsecond, ``started_at_nanos`` has all of it."""
        return to_datetime(self.started_at_nanos)

    @property
    def ended_at(self) -> datetime.datetime | None:
        """When it ended, if it did; below a microsecond, ``ended_at_nanos`` has all of it."""
        return _datetime(self.ended_at_nanos)

    @property
    def revision_start(self) -> datetime.datetime:
        """From when on this was its state. Cut to microseconds, that may be before: ``revision_start_nanos`` finds it again."""
        return to_datetime(self.revision_start_nanos)

    @property
    def revision_end(self) -> datetime.datetime | None:
        """Until when this was its state, if it is not; below a microsecond, ``revision_end_nanos`` has all of it."""
        return _datetime(self.revision_end_nanos)

    @classmethod
    def _of(cls, told: dict[str, Any]) -> Resource:
        values = {**told, "id": uuid.UUID(told["id"])}
        for name in ("started_at", "ended_at", "revision_start", "revision_end"):
            text = values.pop(name)
            values[f"{name}_nanos"] = None if text is None else _text.timestamp(text)
        values["metrics"] = {
            name: MetricRef(each["key"], uuid.UUID(each["id"])) for name, each in told["metrics"].items()
        }
        return cls(**values)


def _datetime(nanos: int | None) -> datetime.datetime | None:
    return None if nanos is None else to_datetime(nanos)


class ResourceGroup(NamedTuple):
    """Resources that agree in some attributes."""

    group: dict[str, Any]
    resources: list[Resource]


class DeletedResources(NamedTuple):
    """What was deleted: how many resources, and the keys of which metrics."""

    resources: int
    metrics: list[int]


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _time_in(time: TimeLike | None) -> str | None:
    return None if time is None else span_text(to_nanos(time))


def _attributes_in(attributes: Mapping[str, Any]) -> dict[str, Any]:
    def value(given: Any) -> Any:
        if given is None or isinstance(given, (str, bool, int, float)):
            return given
        return str(given) if isinstance(given, uuid.UUID) else _time_in(given)

    return {name: value(given) for name, given in attributes.items()}


def _metrics_in(metrics: Mapping[str, ResourceMetricLike]) -> dict[str, Any]:
    def metric(given: ResourceMetricLike) -> Any:
        if isinstance(given, ResourceMetric):
            return given._json()
        return str(given.id) if isinstance(given, (Metric, MetricRef)) else str(given)

    return {name: metric(given) for name, given in metrics.items()}


def search_json(
    type: str,
    filter: FilterLike | None = None,
    history: HistoryLike | None = None,
    sort: Iterable[str] = (),
    limit: int | None = None,
    marker: str | uuid.UUID | None = None,
    creator: str | None = None,
) -> dict[str, Any]:
    """A search for resources as the library reads it."""
    states: Any = history
    if history is not None and history is not True:
        between = {"from": _time_in(history[0]), "to": _time_in(history[1])} if isinstance(history, tuple) else None
        states = between or {"at": _time_in(history)}  # type: ignore[arg-type]
    given = {
        "filter": filter,
        "history": states,
        "limit": limit,
        "marker": None if marker is None else str(marker),
        "creator": creator,
        # A filter may have times relative to now.
        "now": span_text(_now()) if filter is not None else None,
    }
    return {"type": type, "sort": [sort] if isinstance(sort, str) else list(sort), **_given(given)}


def _now() -> int:
    return _text.timestamp("now")


class Resources(Measures):
    """What a database does with resource types and resources."""

    def create_resource_type(self, resource_type: ResourceType) -> None:
        """Creates a resource type."""
        attributes = {name: each._json() for name, each in resource_type.attributes.items()}
        self._call("gnt_create_resource_type", *as_json({"name": resource_type.name, "attributes": attributes}))

    def resource_type(self, name: str) -> ResourceType:
        """The resource type of this name; ``UnknownResourceType`` when there is none."""
        return ResourceType._of(self._json("gnt_resource_type", *utf8(name)))

    def resource_types(self) -> list[ResourceType]:
        """All resource types, by name; ``generic`` is always there."""
        return [ResourceType._of(each) for each in self._json("gnt_resource_types")]

    def update_resource_type(
        self,
        name: str,
        *,
        add: Mapping[str, Attribute | tuple[Attribute, Any]] | None = None,
        change: Mapping[str, Attribute | tuple[Attribute, Any]] | None = None,
        remove: Iterable[str] = (),
    ) -> ResourceType:
        """Takes away, changes and adds attributes: all or none. With an attribute may come what resources without it get."""
        changes: list[dict[str, Any]] = [{"op": "remove", "name": each} for each in remove]
        for op, attributes in (("change", change), ("add", add)):
            for attribute_name, given in (attributes or {}).items():
                attribute, fill = given if isinstance(given, tuple) else (given, None)
                filled = _given(_attributes_in({"fill": fill}))
                changes.append({"op": op, "name": attribute_name, "attribute": attribute._json(), **filled})
        self._call("gnt_update_resource_type", *utf8(name), *as_json(changes))
        return self.resource_type(name)

    def delete_resource_type(self, name: str) -> None:
        """Deletes a resource type that no resource is of."""
        self._call("gnt_delete_resource_type", *utf8(name))

    def create_resources(self, resources: Iterable[NewResource]) -> list[Resource]:
        """Creates resources, and the new ones among their metrics: all of them, or on an error none."""
        created = self._json("gnt_create_resources", *as_json([each._json() for each in resources]))
        return [Resource._of(each) for each in created]

    def create_resource(self, resource: NewResource) -> Resource:
        """Creates one resource, and the new ones among its metrics."""
        return self.create_resources([resource])[0]

    def resource(self, id: uuid.UUID | str) -> Resource:
        """The resource of this UUID, as it is now; ``UnknownResource`` when there is none."""
        return Resource._of(self._json("gnt_resource", *utf8(str(id))))

    def resource_by_original_id(self, original_id: str, creator: str | None = None) -> Resource:
        """The resource that ``creator`` created under this identifier, UUID or any other text."""
        return Resource._of(self._json("gnt_resource_by_original_id", *utf8(original_id), *optional_utf8(creator)))

    def update_resource(
        self,
        id: uuid.UUID | str,
        *,
        user_id: str | None = UNCHANGED,
        project_id: str | None = UNCHANGED,
        started_at: TimeLike = UNCHANGED,
        ended_at: TimeLike | None = UNCHANGED,
        attributes: Mapping[str, Any] | None = None,
        metrics: Mapping[str, ResourceMetricLike] | None = None,
        if_unchanged_since: TimeLike | None = None,
    ) -> Resource:
        """Changes a resource; what it was becomes a revision of its history. ``None`` takes away; ``metrics`` are all it is to have.

        With ``if_unchanged_since``, its ``revision_start_nanos`` as it was read, it is changed only when nobody did meanwhile:
        otherwise ``ResourceChanged``.
        """
        plain = {"user_id": user_id, "project_id": project_id}
        times = {"started_at": started_at, "ended_at": ended_at}
        update: dict[str, Any] = {name: value for name, value in plain.items() if value is not UNCHANGED}
        update.update({name: _time_in(value) for name, value in times.items() if value is not UNCHANGED})
        update["attributes"] = _attributes_in(attributes or {})
        if metrics is not None:
            update["metrics"] = _metrics_in(metrics)
        if if_unchanged_since is not None:
            update["if_unchanged_since"] = _time_in(if_unchanged_since)
        return Resource._of(self._json("gnt_update_resource", *utf8(str(id)), *as_json(update)))

    def append_metrics(self, id: uuid.UUID | str, metrics: Mapping[str, ResourceMetricLike]) -> Resource:
        """Gives a resource further metrics."""
        return Resource._of(self._json("gnt_append_metrics", *utf8(str(id)), *as_json(_metrics_in(metrics))))

    def delete_resource(
        self, id: uuid.UUID | str, *, if_unchanged_since: TimeLike | None = None
    ) -> DeletedResources:
        """Deletes a resource with its history and its metrics; ``if_unchanged_since`` is as for ``update_resource``."""
        if if_unchanged_since is not None:
            since = to_nanos(if_unchanged_since)
            return DeletedResources(**self._json("gnt_delete_resource_unchanged", *utf8(str(id)), since))
        return DeletedResources(**self._json("gnt_delete_resource", *utf8(str(id))))

    def delete_resources(self, type: str, filter: FilterLike) -> DeletedResources:
        """Deletes all resources that a filter finds, with their history and metrics."""
        return DeletedResources(**self._json("gnt_delete_resources", *as_json(search_json(type, filter))))

    def delete_ended_resources(self, before: TimeLike, limit: int = 1000) -> DeletedResources:
        """Deletes up to ``limit`` resources that ended before a time."""
        return DeletedResources(**self._json("gnt_delete_ended_resources", to_nanos(before), limit))

    def search_resources(
        self,
        type: str = "generic",
        filter: FilterLike | None = None,
        *,
        history: HistoryLike | None = None,
        sort: Iterable[str] = (),
        limit: int | None = None,
        marker: str | uuid.UUID | None = None,
        creator: str | None = None,
    ) -> list[Resource]:
        """The resources that a filter finds; with ``history`` their revisions too, those at a time, or those within two times.

        ``sort``: attributes such as ``started_at:desc-nullslast``. A page begins behind ``marker``, the last one's ``id``, or
        ``id@revision``.
        """
        search = search_json(type, filter, history, sort, limit, marker, creator)
        return [Resource._of(each) for each in self._json("gnt_search_resources", *as_json(search))]

    def group_resources(
        self,
        attributes: Sequence[str],
        type: str = "generic",
        filter: FilterLike | None = None,
        *,
        history: HistoryLike | None = None,
        sort: Iterable[str] = (),
    ) -> list[ResourceGroup]:
        """The resources that a filter finds, in groups that agree in these attributes."""
        search = search_json(type, filter, history, sort)
        groups = self._json("gnt_group_resources", *as_json(search), *as_json(list(attributes)))
        return [ResourceGroup(each["group"], [Resource._of(one) for one in each["resources"]]) for each in groups]

    def search_metrics(
        self,
        filter: FilterLike | None = None,
        *,
        deleted: bool = False,
        sort: Iterable[str] = (),
        limit: int | None = None,
        marker: str | uuid.UUID | None = None,
        creator: str | None = None,
    ) -> list[Metric]:
        """The metrics that a filter finds, by what they and their resources have."""
        search = {**search_json("", filter, None, sort, limit, marker, creator), "deleted": deleted}
        del search["type"]
        return self._metric_list("gnt_search_metrics", *as_json(search))

    def normalize_ends(self, silent_since: TimeLike) -> tuple[list[uuid.UUID], list[uuid.UUID]]:
        """Ends resources whose metrics are silent since a time, and opens again those that are not: the ids of both."""
        changed = self._json("gnt_normalize_ends", to_nanos(silent_since))
        ended, reopened = ([uuid.UUID(each) for each in changed[name]] for name in ("ended", "reopened"))
        return ended, reopened

    def resource_batch(self) -> ResourceBatch:
        """A batch of measures whose metrics are named as within their resources."""
        return ResourceBatch(self)
