"""What the library says beside its answers, brought to ``logging``."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from typing import Any

from ._abi import LOG_CALLBACK

# The library's levels; what is below debug has no level of its own in Python.
_LEVELS = {1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO, 4: logging.DEBUG, 5: logging.DEBUG}


def callback_for(log: bool | Callable[[int, str], None]) -> Any:
    """The function that the library calls; whoever opens the database keeps it. None when nobody is to be told."""
    if log is False:
        return None
    tell = logging.getLogger("gnocchetti").log if log is True else log

    def said(userdata: int | None, level: int, message: int, length: int) -> None:
        tell(_LEVELS.get(level, logging.DEBUG), ctypes.string_at(message, length).decode())

    return LOG_CALLBACK(said)
