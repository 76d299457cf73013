"""What a check of a database found."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from ._abi import PROGRESS_CALLBACK, utf8
from ._library import library

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
