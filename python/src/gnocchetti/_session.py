"""What all parts of a database share: its handle, and how a method becomes a call."""

from __future__ import annotations

from typing import Any

from ._handle import DatabaseHandle


class Session:
    """An open handle and the library it belongs to."""

    def __init__(self, handle: DatabaseHandle) -> None:
        self._handle = handle
        self._library = handle.library

    def _call(self, function: str, *arguments: Any) -> None:
        """Calls a function of the library on this database."""
        with self._handle as database:
            self._library.call(getattr(self._library, function), database, *arguments)

    def _given(self, function: str, *arguments: Any) -> int:
        """Calls a function that gives a handle; whoever gets it owns it."""
        with self._handle as database:
            return self._library.handle(getattr(self._library, function), database, *arguments)

    def _json(self, function: str, *arguments: Any) -> Any:
        """Calls a function that gives JSON, and returns what it says."""
        with self._handle as database:
            return self._library.json(getattr(self._library, function), database, *arguments)
