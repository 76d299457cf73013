"""What the library says beside its answers, brought to ``logging``."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from ._abi import LOG_CALLBACK

_DEBUG = 10
# What logging calls the library's levels: error, warning, info, debug; what is below debug has no level of its own there.
_LEVELS = {1: 40, 2: 30, 3: 20, 4: _DEBUG, 5: _DEBUG}


def callback_for(log: bool | Callable[[int, str], None]) -> Any:
    """The function that the library calls; whoever opens the database keeps it. None when nobody is to be told."""
    if log is False:
        return None
    tell = _to_logging if log is True else log

    def said(userdata: int | None, level: int, message: int, length: int) -> None:
        tell(_LEVELS.get(level, _DEBUG), ctypes.string_at(message, length).decode())

    return LOG_CALLBACK(said)


def _to_logging(level: int, message: str) -> None:
    # Imported with the first message: most programs never get one.
    import logging

    logging.getLogger("gnocchetti").log(level, "%s", message)
