"""Who owns what the library gave, and when it is freed: once, and when nobody uses it any more.

Results, lists, queries and batches are freed with the Python object that holds them. A database is closed by whoever says so, by
the end of its ``with`` block, when it is collected, or when the interpreter exits; whichever comes first, calls of other threads
that are inside end before, and later ones raise ``Closed``.
"""

from __future__ import annotations

import collections
import ctypes
import os
import threading
import time
import weakref
from types import TracebackType
from typing import Any

from . import _abi, errors

#: How long the interpreter's exit waits for threads that are inside of the library, in seconds.
PATIENCE = 5.0


class Owned:
    """An object of the library that is freed with this one."""

    __slots__ = ("_free", "library", "pointer")

    def __init__(self, library: _abi.Library, pointer: int, free: Any) -> None:
        self.library = library
        self.pointer = pointer
        self._free = free

    def __del__(self) -> None:
        self._free(self.pointer)


class Result(Owned):
    """An answer: series in the library's memory, which stays where it is as long as this does."""

    __slots__ = ()

    def __init__(self, library: _abi.Library, pointer: int) -> None:
        super().__init__(library, pointer, library.gnt_result_free)

    def __len__(self) -> int:
        length: int = self.library.gnt_result_length(self.pointer)
        return length

    def series(self, index: int) -> _abi.Series:
        """What the library shows of one series; its pointers live as long as this result."""
        shown: _abi.Series = self.library.gnt_result_get(self.pointer, index).contents
        return shown


class _State:
    """What a database's finalizer needs, apart from the handle it belongs to."""

    __slots__ = ("closed", "inside", "kept", "opened_by")

    def __init__(self, kept: object) -> None:
        # One entry per call that is inside. Appending and popping are atomic, so that no lock is needed.
        self.inside: collections.deque[None] = collections.deque()
        self.closed = False
        self.opened_by = os.getpid()
        #: What must live as long as the database is open: the callbacks of its log and its clock.
        self.kept = kept

    def wait(self, patience: float | None) -> bool:
        """Waits until no call is inside. A child made by fork has no threads to wait for."""
        deadline = None if patience is None else time.monotonic() + patience
        while self.inside and os.getpid() == self.opened_by:
            if deadline is not None and time.monotonic() > deadline:
                return False
            time.sleep(0.001)
        return True


class DatabaseHandle:
    """An open database. ``with handle as pointer`` is a call: the database stays open until it ends."""

    __slots__ = ("__weakref__", "_closing", "_finalizer", "_pointer", "_state", "library")

    def __init__(self, library: _abi.Library, pointer: int, kept: object) -> None:
        self.library = library
        self._pointer = pointer
        self._state = _State(kept)
        self._closing = threading.Lock()
        self._finalizer = weakref.finalize(self, _close_quietly, library, pointer, self._state)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._state.closed

    def __enter__(self) -> int:
        state = self._state
        state.inside.append(None)
        if state.closed:
            state.inside.pop()
            raise errors.Closed("the database is closed")
        return self._pointer

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._state.inside.pop()

    def close(self) -> None:
        """Closes the database once calls of other threads have ended. A second time, it does nothing."""
        with self._closing:
            if self._state.closed:
                return
            self._state.closed = True
            self._state.wait(None)
            self._finalizer.detach()
            self.library.call(self.library.gnt_close, self._pointer)


def _close_quietly(library: _abi.Library, pointer: int, state: _State) -> None:
    state.closed = True
    # A daemon thread that stays inside keeps its database: what it pushed is in the journal.
    if state.wait(PATIENCE):
        error = ctypes.c_void_p()
        library.gnt_close(pointer, ctypes.byref(error))
        library.gnt_error_free(error)
