"""Texts that say a time, read by the library: one text means the same in every language."""

from __future__ import annotations

import ctypes
import time

from ._abi import utf8
from ._library import library


def timestamp(text: str) -> int:
    """The nanoseconds since the epoch that a text says; it may be relative to now."""
    lib, nanos = library(), ctypes.c_int64()
    lib.call(lib.gnt_parse_timestamp, *utf8(text), time.time_ns(), ctypes.byref(nanos))
    return nanos.value


def timespan(text: str) -> int:
    """The nanoseconds that a text says as a length of time."""
    lib, nanos = library(), ctypes.c_int64()
    lib.call(lib.gnt_parse_timespan, *utf8(text), ctypes.byref(nanos))
    return nanos.value
