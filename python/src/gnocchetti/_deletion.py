"""What became of measures that were deleted."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class PartialGroup:
    """A group that had closed and lay partly inside of the deleted time."""

    #: The granularity of its archive, in ns.
    granularity: int
    #: Its start, in ns since the epoch.
    start: int
    #: ``recomputed``: it is what the measures left in it make; ``kept`` as it was; or ``removed``.
    outcome: str


@dataclass(frozen=True)
class DeletedMeasures:
    """What a deletion did."""

    #: How many raw measures were removed: those that could still change an aggregate.
    removed: int
    #: The time of the newest measure that is left, in ns since the epoch; ``None`` when nothing is.
    newest: int | None
    #: From when on measures are accepted, in ns since the epoch: what had closed stays closed.
    accepted_from: int
    #: The groups that lay partly inside, finest archive first.
    partial: list[PartialGroup]

    @classmethod
    def _of(cls, told: dict[str, Any]) -> DeletedMeasures:
        return cls(**_known(cls, told | {"partial": [PartialGroup(**_known(PartialGroup, each)) for each in told["partial"]]}))


def _known(kind: type, told: dict[str, Any]) -> dict[str, Any]:
    # A later library may tell more.
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in told.items() if name in names}
