"""An open database: all its parts together, how it is opened, looked after and closed."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Union

from . import _abi
from ._abi import utf8
from ._check import CheckReport, teller
from ._clock import clock_for
from ._handle import DatabaseHandle, Owned
from ._library import library
from ._log import callback_for
from ._operations import Operations
from ._snapshot import Snapshots
from ._stats import Stats
from ._time import to_span

if TYPE_CHECKING:
    from ._abi import Library
    from ._check import Progress
    from ._clock import Clock
    from ._time import SpanLike

    Log = Union[bool, Callable[[int, str], None]]


@dataclass(frozen=True)
class Durability:
    """What a push survives once it has returned."""

    level: Literal["sync", "kernel", "buffered"]
    #: After how many nanoseconds measures are on the disk at the latest; 0 for ``sync``, which waits for it.
    delay_nanos: int = 0

    @classmethod
    def sync(cls) -> Durability:
        """Its measures are on the disk: nothing is lost when the power goes. The default."""
        return cls("sync")

    @classmethod
    def kernel(cls, delay: SpanLike = 1.0) -> Durability:
        """Its measures are with the kernel, and on the disk after ``delay``: a crash of the process loses nothing."""
        return cls("kernel", to_span(delay))

    @classmethod
    def buffered(cls, delay: SpanLike = 1.0) -> Durability:
        """Its measures are in memory, and on the disk after ``delay``: a crash loses at most that."""
        return cls("buffered", to_span(delay))


_LEVELS = {"sync": 0, "kernel": 1, "buffered": 2}
_OVER_MEMORY = {"block": 0, "refuse": 1}
_OVER_DISK = {"refuse": 0, "expire": 1}


class Database(Operations, Snapshots):
    """An open database: one directory, one writer. :func:`open` opens it; the end of its ``with`` block closes it.

    All methods may be called from any thread; while the library works, other threads of Python run. After ``fork`` a child must
    open its own: calls on an inherited one raise ``Forked``.
    """

    def __init__(self, handle: DatabaseHandle, path: str) -> None:
        super().__init__(handle)
        #: The directory.
        self.path = path

    def stats(self) -> Stats:
        """The state of the database in numbers."""
        return Stats._of(self._json("gnt_stats"))

    def check_index(self) -> None:
        """Reads all of the index and compares its parts; ``Corrupt`` says what was found first. Nothing waits for it."""
        self._call("gnt_check_index")

    def check(self, progress: Progress | None = None) -> CheckReport:
        """Reads everything that is on the disk and compares it with everything else; nothing is changed.

        The database may be in use, and be open for reading only. ``progress`` is told how many bytes of how many it has gone
        through. :func:`check_directory` looks at a directory that does not open.
        """
        return CheckReport._of(self._json("gnt_check", teller(progress), None))

    def refresh(self) -> bool:
        """Brings a database that is open for reading to the newest state; returns whether anything has changed.

        That is what its writer has handed to the kernel. The writer itself always sees the newest state.
        """
        changed = ctypes.c_bool()
        self._call("gnt_refresh", ctypes.byref(changed))
        return changed.value

    def is_read_only(self) -> bool:
        """Whether it was opened for reading only, by :func:`open_read_only`."""
        read_only = ctypes.c_bool()
        self._call("gnt_is_read_only", ctypes.byref(read_only))
        return read_only.value

    def flush(self) -> None:
        """Makes everything that was pushed durable now, whatever the durability."""
        self._call("gnt_flush")

    def checkpoint(self) -> None:
        """Writes everything that was pushed into segments, so that the next open has nothing to replay."""
        self._call("gnt_checkpoint")

    def maintain(self) -> None:
        """Does all background work now: a checkpoint, every merge there is to do, expiry, the removal of old files."""
        self._call("gnt_maintain")

    def close(self) -> None:
        """Closes the database: everything is durable, and the next open has nothing to recover. Twice is fine.

        Calls of other threads end first. What the database gave (columns, frames, batches) stays valid.
        """
        self._handle.close()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._handle.closed

    def __enter__(self) -> Database:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<gnocchetti.Database {self.path}{' (closed)' if self.closed else ''}>"


def open(
    path: str | os.PathLike[str],
    *,
    default_policies: bool = False,
    durability: Durability | Literal["sync", "kernel", "buffered"] = "sync",
    max_future: SpanLike | None = "1 day",
    clock: Clock | None = None,
    max_ahead: SpanLike = 60,
    memory: int | None = None,
    over_memory: Literal["block", "refuse"] = "block",
    disk: int | None = None,
    over_disk: Literal["refuse", "expire"] = "refuse",
    dirty_bytes: int | None = None,
    journal_bytes: int | None = None,
    checkpoint_interval: SpanLike | None = None,
    grace: SpanLike | None = None,
    background: bool = True,
    compress_journal: bool = False,
    query_threads: int = 1,
    resource_inactive_after: SpanLike | None = None,
    resource_cleanup_after: SpanLike | None = None,
    log: Log = True,
) -> Database:
    """Opens the database in the directory ``path``, creating it when the directory is absent or empty.

    What a crash left in the journal is recovered before this returns. ``Locked`` when it is open for writing elsewhere.

    ``default_policies``: a new database gets Gnocchi's archive policies (bool, low, medium, high) and a rule that gives every
    metric the policy low. ``durability``: what a push survives; :class:`Durability` says how long measures may wait.
    ``max_future``: how far beyond the wall clock a measure may lie; None: any distance. ``clock``: a clock to trust, a function that
    gives a point in time, and is asked once for each push; ``max_ahead``: how far ahead of it a measure may lie. A clock that raises
    counts as the epoch: what lies more than ``max_ahead`` after that is refused.
    ``memory``, ``dirty_bytes``, ``journal_bytes``, ``checkpoint_interval``, ``grace``: limits, each with a default for an agent on a
    small machine.
    ``over_memory``: whether a push waits for a checkpoint, or raises ``MemoryLimit``, when as many measures wait in memory as may.
    ``disk``: how many bytes the directory may take, at least 16 MiB; None: any number. ``over_disk``: whether pushes raise
    ``DiskLimit`` when it takes nearly as many, or the oldest points of the finest archives go before their time.
    ``background``: whether checkpoints, merges and expiry run by themselves; without, only ``maintain`` does them.
    ``resource_inactive_after``: when the resources of silent metrics end by themselves; ``resource_cleanup_after``: when ended ones
    are deleted; None: never. ``compress_journal``: fewer bytes in the journal for some 20 ns per measure. ``query_threads``: how
    many threads answer one question about many metrics, to the same bits; 0: as many as there are cores. ``log``: whether what
    happens beside the calls goes to the logger ``gnocchetti`` of ``logging``, or a function that gets a level of ``logging`` and
    a message.
    """
    lib = library()
    name = os.fspath(path)
    level = Durability(durability, 0 if durability == "sync" else 1_000_000_000) if isinstance(durability, str) else durability
    spans = {
        "checkpoint_interval": checkpoint_interval,
        "grace": grace,
        "resource_inactive_after": resource_inactive_after,
        "resource_cleanup_after": resource_cleanup_after,
    }
    if over_memory not in _OVER_MEMORY:
        raise ValueError(f"over_memory is {over_memory!r}, and takes 'block' or 'refuse'")
    if over_disk not in _OVER_DISK:
        raise ValueError(f"over_disk is {over_disk!r}, and takes 'refuse' or 'expire'")
    settings: dict[str, tuple[Any, ...]] = {
        "default_policies": (default_policies,),
        "durability": (_LEVELS[level.level], level.delay_nanos),
        "max_future": (0 if max_future is None else to_span(max_future),),
        "background": (background,),
        "over_memory": (_OVER_MEMORY[over_memory],),
        "over_disk": (_OVER_DISK[over_disk],),
        "compress_journal": (compress_journal,),
        "query_threads": (_threads(query_threads),),
        **{name: (to_span(span),) for name, span in spans.items() if span is not None},
    }
    sizes = {"memory": memory, "disk": disk, "dirty_bytes": dirty_bytes, "journal_bytes": journal_bytes}
    settings.update({name: (size,) for name, size in sizes.items() if size is not None})
    callback = callback_for(log)
    if callback is not None:
        settings["log"] = (callback, None)
    asked = clock_for(clock)
    if asked is not None:
        settings["clock"] = (asked, None, to_span(max_ahead))
    options = _options(lib, settings)
    opened = lib.handle(lib.gnt_open, *utf8(name), options.pointer)
    return Database(DatabaseHandle(lib, opened, (callback, asked)), name)


def open_read_only(path: str | os.PathLike[str], *, query_threads: int = 1, log: Log = True) -> Database:
    """Opens the database in the directory ``path`` for reading, beside its one writer, in this process or another.

    It sees the state after some of the pushes, and stays there until :meth:`Database.refresh`. Calls that write raise
    ``ReadOnly``. ``query_threads``, ``log``: as :func:`open` takes them.
    """
    lib = library()
    name = os.fspath(path)
    callback = callback_for(log)
    settings: dict[str, tuple[Any, ...]] = {"query_threads": (_threads(query_threads),)}
    if callback is not None:
        settings["log"] = (callback, None)
    options = _options(lib, settings)
    opened = lib.handle(lib.gnt_open_read_only, *utf8(name), options.pointer)
    return Database(DatabaseHandle(lib, opened, callback), name)


def _threads(number: int) -> int:
    if not 0 <= number < 1 << 32:
        raise ValueError(f"query_threads is {number}, and takes a number of threads, or 0 for as many as there are cores")
    return number


def _options(lib: Library, settings: dict[str, tuple[Any, ...]]) -> Owned:
    options = Owned(lib, lib.handle(lib.gnt_options_new), lib.gnt_options_free)
    for name, values in settings.items():
        lib.call(getattr(lib, f"gnt_options_set_{name}"), options.pointer, *values)
    return options
