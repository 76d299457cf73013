"""Where the library comes from: found once, when it is first needed, and checked before anything else is called.

In this order: what :func:`use_library` names, what the environment variable ``GNOCCHETTI_LIBRARY`` names, what the wheel
carries beside this file, and what is installed on the system. Loading it is all that happens here; what its functions take
stands in ``_abi``.
"""

from __future__ import annotations

import ctypes
import os
import threading

from . import _abi

_lock = threading.Lock()
_named: str | None = None
_loaded: _abi.Library | None = None


class LibraryError(ImportError):
    """The library cannot be found, or is of another version than this package was made for."""


def use_library(path: str | os.PathLike[str]) -> None:
    """Names the library to use, before anything else of this package is: a path, or a name that the system's loader finds.

    Raises ``LibraryError`` once another one is in use, since a process has one.
    """
    global _named
    with _lock:
        if _loaded is not None and os.fspath(path) != _loaded.path:
            raise LibraryError(f"{_loaded.path} is in use already; name another one before anything else is called")
        _named = os.fspath(path)


def library() -> _abi.Library:
    """The library, loaded when this is first called."""
    global _loaded
    if _loaded is None:
        with _lock:
            if _loaded is None:
                _loaded = _load()
    return _loaded


def library_version() -> str:
    """The version of the library in use."""
    return library().version


def _load() -> _abi.Library:
    named = _named or os.environ.get("GNOCCHETTI_LIBRARY")
    shipped = os.path.join(os.path.dirname(os.path.abspath(__file__)), "libgnocchetti.so")
    path = named or (shipped if os.path.exists(shipped) else f"libgnocchetti.so.{_abi.ABI_MAJOR}")
    try:
        dynamic = ctypes.CDLL(path)
    except OSError as error:
        advice = "install a wheel that carries it, or name it in the environment variable GNOCCHETTI_LIBRARY"
        raise LibraryError(f"cannot load the library {path} ({error}); {advice}") from error
    return _checked(dynamic, path)


def _checked(dynamic: ctypes.CDLL, path: str) -> _abi.Library:
    try:
        return _abi.Library(dynamic, path)
    except AttributeError as error:
        raise LibraryError(f"{path} is not of the version that this package was made for: {error}") from error
