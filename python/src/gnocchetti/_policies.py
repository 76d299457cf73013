"""Archive policies and the rules that give them to metrics, as values and as methods of a database."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

from ._abi import as_json, utf8
from ._session import Session
from ._time import from_seconds, span_text, to_span, to_timedelta

if TYPE_CHECKING:
    from ._time import SpanLike

    DefinitionLike = Union["Definition", tuple[SpanLike, "SpanLike | None"]]


@dataclass(frozen=True, init=False)
class Definition:
    """One archive: an aggregate every ``granularity``, for ``points`` of them, together a ``timespan``.

    Any two will do; the granularity alone is kept for ever. Lengths are ``timedelta``, texts (``1 hour``) or seconds.
    """

    granularity_nanos: int | None
    points: int | None
    timespan_nanos: int | None

    def __init__(
        self, granularity: SpanLike | None = None, points: int | None = None, timespan: SpanLike | None = None
    ) -> None:
        object.__setattr__(self, "granularity_nanos", None if granularity is None else to_span(granularity))
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "timespan_nanos", None if timespan is None else to_span(timespan))

    @property
    def granularity(self) -> datetime.timedelta | None:
        """The length of a group; below a microsecond, ``granularity_nanos`` has all of it."""
        return None if self.granularity_nanos is None else to_timedelta(self.granularity_nanos)

    @property
    def timespan(self) -> datetime.timedelta | None:
        """How far the archive reaches back behind the newest measure; none: for ever."""
        return None if self.timespan_nanos is None else to_timedelta(self.timespan_nanos)

    @classmethod
    def _of(cls, told: dict[str, Any]) -> Definition:
        definition = cls(points=told["points"])
        object.__setattr__(definition, "granularity_nanos", from_seconds(told["granularity"]))
        timespan = told["timespan"]
        object.__setattr__(definition, "timespan_nanos", None if timespan is None else from_seconds(timespan))
        return definition

    def _json(self) -> dict[str, Any]:
        lengths = {"granularity": self.granularity_nanos, "timespan": self.timespan_nanos}
        given: dict[str, Any] = {name: span_text(nanos) for name, nanos in lengths.items() if nanos is not None}
        return given if self.points is None else {**given, "points": self.points}


@dataclass(frozen=True, init=False)
class ArchivePolicy:
    """What is kept of a metric: archives of several granularities, by which aggregation methods, how late a measure may come.

    A definition may be given as a pair of granularity and timespan: ``ArchivePolicy("cpu", [("1 second", "1 hour")])``. Methods
    may be ``*`` for all, and ``+m`` or ``-m`` for changes to the default ones, which are mean, min, max, sum, std and count.
    """

    name: str
    definitions: tuple[Definition, ...]
    aggregation_methods: tuple[str, ...]
    back_window: int
    #: The methods in effect, once a database knows the policy.
    methods: tuple[str, ...]

    def __init__(
        self,
        name: str,
        definitions: Iterable[DefinitionLike],
        aggregation_methods: Iterable[str] = (),
        back_window: int = 0,
    ) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "definitions", _definitions(definitions))
        object.__setattr__(self, "aggregation_methods", tuple(aggregation_methods))
        object.__setattr__(self, "back_window", back_window)
        object.__setattr__(self, "methods", ())

    @classmethod
    def _of(cls, told: dict[str, Any]) -> ArchivePolicy:
        definitions = [Definition._of(each) for each in told["definition"]]
        policy = cls(told["name"], definitions, told["aggregation_methods"], told["back_window"])
        object.__setattr__(policy, "methods", tuple(told["methods"]))
        return policy

    def _json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "back_window": self.back_window,
            "aggregation_methods": self.aggregation_methods,
            "definition": [definition._json() for definition in self.definitions],
        }


@dataclass(frozen=True)
class ArchivePolicyRule:
    """Metrics that are created without an archive policy get that of the rule with the longest pattern that matches."""

    name: str
    metric_pattern: str
    archive_policy_name: str


def _definitions(given: Iterable[DefinitionLike]) -> tuple[Definition, ...]:
    return tuple(
        each if isinstance(each, Definition) else Definition(granularity=each[0], timespan=each[1]) for each in given
    )


class Policies(Session):
    """What a database does with archive policies and rules."""

    def create_archive_policy(self, policy: ArchivePolicy) -> ArchivePolicy:
        """Creates an archive policy, and returns it as the database has it: with all lengths, and its methods in effect."""
        self._call("gnt_create_archive_policy", *as_json(policy._json()))
        return self.archive_policy(policy.name)

    def archive_policy(self, name: str) -> ArchivePolicy:
        """The archive policy of this name; ``UnknownArchivePolicy`` when there is none."""
        return ArchivePolicy._of(self._json("gnt_archive_policy", *utf8(name)))

    def archive_policies(self) -> list[ArchivePolicy]:
        """All archive policies, by name."""
        return [ArchivePolicy._of(each) for each in self._json("gnt_archive_policies")]

    def update_archive_policy(
        self, name: str, definitions: Sequence[DefinitionLike] | None = None, back_window: int | None = None
    ) -> ArchivePolicy:
        """Changes how long a policy keeps points, and its back window; what is not given stays. Granularities cannot change."""
        update: dict[str, Any] = {}
        if definitions is not None:
            update["definition"] = [definition._json() for definition in _definitions(definitions)]
        if back_window is not None:
            update["back_window"] = back_window
        self._call("gnt_update_archive_policy", *utf8(name), *as_json(update))
        return self.archive_policy(name)

    def delete_archive_policy(self, name: str) -> None:
        """Deletes an archive policy that no metric and no rule uses."""
        self._call("gnt_delete_archive_policy", *utf8(name))

    def archive_policy_for(self, metric_name: str) -> ArchivePolicy:
        """The archive policy that a metric of this name would get by rule."""
        return ArchivePolicy._of(self._json("gnt_archive_policy_for", *utf8(metric_name)))

    def create_archive_policy_rule(self, name: str, metric_pattern: str, archive_policy: str) -> ArchivePolicyRule:
        """Creates a rule: metrics whose names match get this policy when they name none. ``*`` matches all."""
        rule = {"name": name, "metric_pattern": metric_pattern, "archive_policy_name": archive_policy}
        self._call("gnt_create_archive_policy_rule", *as_json(rule))
        return ArchivePolicyRule(**rule)

    def archive_policy_rule(self, name: str) -> ArchivePolicyRule:
        """The rule of this name; ``UnknownArchivePolicyRule`` when there is none."""
        return ArchivePolicyRule(**self._json("gnt_archive_policy_rule", *utf8(name)))

    def archive_policy_rules(self) -> list[ArchivePolicyRule]:
        """All rules, in the order in which they are tried: longest pattern first."""
        return [ArchivePolicyRule(**each) for each in self._json("gnt_archive_policy_rules")]

    def rename_archive_policy_rule(self, name: str, new_name: str) -> None:
        """Gives a rule another name."""
        self._call("gnt_rename_archive_policy_rule", *utf8(name), *utf8(new_name))

    def delete_archive_policy_rule(self, name: str) -> None:
        """Deletes a rule; metrics that got their policy by it keep it."""
        self._call("gnt_delete_archive_policy_rule", *utf8(name))
