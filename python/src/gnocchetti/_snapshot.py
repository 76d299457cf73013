"""Snapshots: a backup of a database while it is used."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass

from . import _abi
from ._abi import utf8
from ._check import Progress, teller
from ._session import Session


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

    def snapshot(self, directory: str | os.PathLike[str], progress: Progress | None = None) -> SnapshotReport:
        """Makes a snapshot: a database of its own in ``directory``, as this one is at one moment of the call.

        The directory must be empty or not there yet; ``SnapshotTarget`` says what is wrong with it. All that was pushed
        before the call is in the snapshot, and nothing that is pushed after that moment; pushes and queries go on meanwhile.
        Segments are shared with it where the file system can, otherwise copied. A database that is open for reading gives
        the newest state that its writer has handed to the kernel.

        ``progress`` is told how many bytes of how many are there.
        """
        report = _abi.SnapshotReport()
        self._call("gnt_snapshot", *utf8(os.fspath(directory)), teller(progress), None, ctypes.byref(report))
        return SnapshotReport(report.files, report.bytes, report.copied_bytes)
