"""What a check of a database found."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from ._abi import PROGRESS_CALLBACK, utf8
from ._library import library

if TYPE_CHECKING:
    from ._handle import Result

#: Is told how many bytes of how many a check or a repair has gone through.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Finding:
    """One thing that a check found: what, where, whose, and what to do."""

    #: What kind of trouble it is: ``chunk``, ``entries``, ``segment``, ``journal``, ``manifest``, ``index``, ``stray_file``, …
    kind: str
    #: The file.
    file: str
    #: The byte at which it was noticed.
    offset: int
    #: The key of the metric whose data it touches, when known.
    metric: int | None
    #: The id of that metric, when the index knows it.
    metric_id: uuid.UUID | None
    #: What the bytes held, when known: ``state``, ``measures`` (raw ones) or ``aggregates``.
    data: str | None
    #: The granularity of the archive in ns, when they held aggregates.
    granularity: int | None
    #: The first and the last time, in ns, of what they held.
    span: tuple[int, int] | None
    #: How many rows they held; 0 when unknown.
    rows: int
    #: What is wrong.
    what: str
    #: What to do about it.
    advice: str

    @classmethod
    def _of(cls, told: dict[str, Any]) -> Finding:
        metric_id, span = told["metric_id"], told["span"]
        told = told | {"metric_id": metric_id and uuid.UUID(metric_id), "span": span and tuple(span)}
        return cls(**_known(cls, told))


@dataclass(frozen=True)
class Damage:
    """A place that an answer left out: whose data it held, and of which time, as far as that can be known."""

    #: The file.
    file: str
    #: The byte at which it was noticed.
    offset: int
    #: The metric's key.
    metric: int | None
    #: The first and the last time, in ns, of what it held.
    first: int | None
    last: int | None
    #: What is wrong.
    what: str

    @classmethod
    def _of_result(cls, result: Result) -> list[Damage]:
        told = result.library.json(result.library.gnt_result_skipped, result.pointer)
        return [cls(**_known(cls, each)) for each in told]


@dataclass(frozen=True)
class CheckReport:
    """What a check went through, and what it found."""

    #: What was found, in the order of the walk.
    findings: list[Finding]
    #: Findings that are not listed, for there are too many.
    unlisted: int
    #: Segments looked through.
    segments: int
    #: Their chunks, each of which was decoded.
    chunks: int
    #: Bytes of segments and journal read.
    bytes: int
    #: Records of the journal that are still needed.
    journal_records: int
    #: Metrics of which segments have something.
    metrics: int

    @property
    def is_sound(self) -> bool:
        """Whether nothing is damaged. There may be findings that are only worth knowing."""
        return not self.unlisted and all(each.kind in ("torn_tail", "stray_file") for each in self.findings)

    @classmethod
    def _of(cls, told: dict[str, Any]) -> CheckReport:
        return cls(**_known(cls, told | {"findings": [Finding._of(each) for each in told["findings"]]}))


def _known(kind: type, told: dict[str, Any]) -> dict[str, Any]:
    # A later library may tell more.
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in told.items() if name in names}


@dataclass(frozen=True)
class Repair(Finding):
    """A damaged place, and what became of what it held."""

    #: ``not_needed``, ``rebuilt`` to the last bit, ``partly_rebuilt`` (all but ``methods``), or ``lost``.
    outcome: str
    #: The first and the last time, in ns, of what is gone; none when nothing is, or when nobody can tell.
    lost: tuple[int, int] | None
    #: The aggregation methods that are gone, when not all are.
    methods: list[str]
    #: Where the damaged bytes are kept.
    quarantined: str | None

    @classmethod
    def _of(cls, told: dict[str, Any]) -> Repair:
        metric_id, span, lost = told["metric_id"], told["span"], told["lost"]
        told = told | {"metric_id": metric_id and uuid.UUID(metric_id), "span": span and tuple(span), "lost": lost and tuple(lost)}
        return cls(**_known(cls, told))


@dataclass(frozen=True)
class JournalLoss:
    """Records of the journal that are gone: pushes that were not in segments yet."""

    #: The journal's file.
    file: str
    #: The byte at which reading stopped.
    offset: int
    #: The numbers of the first and the last record that are gone.
    records: tuple[int, int]
    #: What stands there instead.
    what: str
    #: Where a copy of the file is kept.
    quarantined: str | None


@dataclass(frozen=True)
class RepairReport:
    """What a repair did."""

    #: Each damaged place of the segments.
    repairs: list[Repair]
    #: What the journal lacks.
    journal: list[JournalLoss]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is gone."""
        return not self.journal and all(each.outcome in ("not_needed", "rebuilt") for each in self.repairs)

    @classmethod
    def _of(cls, told: dict[str, Any]) -> RepairReport:
        losses = [_known(JournalLoss, each | {"records": tuple(each["records"])}) for each in told["journal"]]
        return cls([Repair._of(each) for each in told["repairs"]], [JournalLoss(**each) for each in losses])


def repair(path: str | os.PathLike[str], progress: Progress | None = None) -> RepairReport:
    """Makes a damaged directory, which nobody may have open, a sound one, and says exactly what that cost.

    Only what is damaged is taken out; its bytes are kept in the directory ``quarantine``. ``Irreparable`` when MANIFEST or the index
    is damaged beyond what mends without doubt. Keep a copy of the directory first.
    """
    lib = library()
    told = teller(progress)
    return RepairReport._of(lib.json(lib.gnt_repair, *utf8(os.fspath(path)), told, None))


def check_directory(path: str | os.PathLike[str], progress: Progress | None = None) -> CheckReport:
    """As :meth:`Database.check`, of a directory that nobody has open, also when it does not open because of damage."""
    lib = library()
    told = teller(progress)
    return CheckReport._of(lib.json(lib.gnt_check_directory, *utf8(os.fspath(path)), told, None))


def teller(progress: Progress | None) -> Any:
    """The function that the library calls meanwhile."""
    if progress is None:
        return PROGRESS_CALLBACK()
    tell = progress

    def said(userdata: int | None, done: int, total: int) -> None:
        tell(done, total)

    return PROGRESS_CALLBACK(said)
