"""Snapshots: a backup of a database while it is used."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import _abi
from ._abi import utf8
from ._session import Session


@dataclass(frozen=True)
class SnapshotProgress:
    """How far a snapshot has come. That of a reader may begin again, when its writer has replaced files meanwhile."""

    #: Files that are there.
    files: int
    #: Bytes that are there.
    bytes: int
    #: How many files there will be.
    total_files: int
    #: How many bytes there will be.
    total_bytes: int


@dataclass(frozen=True)
class SnapshotReport:
    """What a snapshot consists of, without the few bytes of MANIFEST."""

    #: Files.
    files: int
    #: Their bytes.
    bytes: int
    #: Of these, the bytes that were copied; the others lie in files that the database and the snapshot share.
    copied_bytes: int


class Snapshots(Session):
    """Snapshots of a database."""

    def snapshot(
        self, directory: str | os.PathLike[str], progress: Callable[[SnapshotProgress], None] | None = None
    ) -> SnapshotReport:
        """Makes a snapshot: a database of its own in ``directory``, as this one is at one moment of the call.

        The directory must be empty or not there yet; ``SnapshotTarget`` says what is wrong with it. All that was pushed
        before the call is in the snapshot, and nothing that is pushed after that moment; pushes and queries go on meanwhile.
        Segments are shared with it where the file system can, otherwise copied. A database that is open for reading gives
        the newest state that its writer has handed to the kernel.

        ``progress`` is called on this thread. What it raises is raised once the snapshot is made.
        """
        raised: list[BaseException] = []

        def told(userdata: int | None, done: Any) -> None:
            if progress is None or raised:
                return
            shown = done.contents
            try:
                progress(SnapshotProgress(shown.files, shown.bytes, shown.total_files, shown.total_bytes))
            except BaseException as error:  # noqa: BLE001 - nothing may pass through the library
                raised.append(error)

        report = _abi.SnapshotReport()
        callback = _abi.SNAPSHOT_CALLBACK(told)
        self._call("gnt_snapshot", *utf8(os.fspath(directory)), callback, None, ctypes.byref(report))
        if raised:
            raise raised[0]
        return SnapshotReport(report.files, report.bytes, report.copied_bytes)
