"""The state of a database in numbers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Stats:
    """Counters count since the database was opened; sizes are bytes on disk unless said otherwise."""

    #: Metrics that are there.
    metrics: int
    #: Metrics that were ever created, deleted ones included.
    metrics_ever: int
    #: Deleted metrics whose bytes are not all reclaimed.
    deleted_metrics: int
    #: Measures accepted, those that overwrote another included.
    accepted: int
    #: Measures that overwrote another.
    overwritten: int
    #: Measures dropped because they came too late.
    late: int
    #: Pushes that waited for a checkpoint because too many measures waited in memory.
    pushes_blocked: int
    #: How long they waited, all together, in ns.
    blocked_nanos: int
    #: Pushes that were refused for that.
    pushes_refused: int
    #: What all files of the directory take, but for room that the journal's file reserves.
    disk_bytes: int
    #: How much they may take.
    disk_limit: int | None
    #: Pushes that were refused because the directory was full.
    disk_refused: int
    #: Partitions of archives that went before their time because the directory was full.
    expired_partitions: int
    #: Which archives ever lost points so: ``granularity`` in ns, and ``until``, in ns, before which points may be gone.
    expired_early: list[dict[str, int]]
    #: Measures that wait for the next checkpoint (about).
    dirty_measures: int
    #: Memory of encoded windows.
    window_bytes: int
    #: The journal's current file.
    journal_bytes: int
    #: All that was ever appended to the journal since the database was opened.
    journal_bytes_written: int
    #: Raw segments.
    raw_segments: int
    #: Their size.
    raw_bytes: int
    #: Segments of freshly sealed aggregates.
    level0_segments: int
    #: Their size.
    level0_bytes: int
    #: Segments of archives.
    archive_segments: int
    #: Their size.
    archive_bytes: int
    #: Files that wait to be removed.
    superseded_files: int
    #: Segments in which merges met damage since the database was opened, and which they leave as they are.
    damaged_segments: int
    #: Checkpoints made.
    checkpoints: int
    #: Merges made.
    merges: int
    #: Journal records replayed when the database was opened.
    replayed_records: int
    #: Replayed measures that were dropped because the index knows no such metric.
    unknown_metric_measures: int
    #: Why the last checkpoint, merge or expiry in the background failed, when it did.
    background_error: str | None

    @classmethod
    def _of(cls, told: dict[str, Any]) -> Stats:
        # A later library may tell more.
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in told.items() if name in known})
