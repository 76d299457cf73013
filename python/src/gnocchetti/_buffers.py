"""Columns of timestamps and values from whatever holds them, as memory that the library can read.

What is laid out as the library wants it (64-bit integers of nanoseconds, doubles, one after the other: numpy, ``array``,
pandas, polars, pyarrow) is lent through the buffer protocol: nothing is copied and nothing loops in Python. Other numbers are
converted by numpy or ``array``, in C. Anything else is iterated over. numpy is used only where the caller's own data is numpy's,
or becomes so by ``__array__``.
"""

from __future__ import annotations

import array
import ctypes
import sys
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Union

from ._time import MAX_NANOS, _PARTS, _UNITS, _no_timestamp, _unit_of, to_nanos

if TYPE_CHECKING:
    import numpy
    import pandas
    from typing_extensions import Buffer

    from ._metrics import MetricLike
    from ._time import TimeLike

    Timestamps = Union[Buffer, pandas.Series[Any], pandas.DatetimeIndex, numpy.typing.ArrayLike, Iterable[TimeLike]]
    Values = Union[Buffer, pandas.Series[Any], numpy.typing.ArrayLike, Iterable[float]]

_FORMAT = 0x0004
_C_CONTIGUOUS = 0x0020 | 0x0010 | 0x0008


class _PyBuffer(ctypes.Structure):
    """``Py_buffer``: an exporter's memory, which stays where it is until the buffer is released."""

    _fields_ = [
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.c_void_p),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.POINTER(ctypes.c_ssize_t)),
        ("strides", ctypes.POINTER(ctypes.c_ssize_t)),
        ("suboffsets", ctypes.POINTER(ctypes.c_ssize_t)),
        ("internal", ctypes.c_void_p),
    ]


_get_buffer = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.POINTER(_PyBuffer), ctypes.c_int)(
    ("PyObject_GetBuffer", ctypes.pythonapi)
)
_release_buffer = ctypes.PYFUNCTYPE(None, ctypes.POINTER(_PyBuffer))(("PyBuffer_Release", ctypes.pythonapi))


class Column:
    """A column of 8-byte numbers lent to the library: an address and a length, until the ``with`` block ends."""

    __slots__ = ("_view", "address", "length")

    def __init__(self, data: object) -> None:
        self._view = _PyBuffer()
        _get_buffer(data, self._view, _C_CONTIGUOUS | _FORMAT)
        if self._view.itemsize != 8 or self._view.ndim != 1:
            self.release()
            raise BufferError("not a column of 8-byte numbers")
        self.address: int = self._view.buf or 0
        self.length: int = self._view.len // 8

    @property
    def format(self) -> str:
        """The kind of its numbers, as ``struct`` names it, without the mark of this machine's byte order."""
        return (self._view.format or b"B").decode().lstrip("@=" + ("<" if sys.byteorder == "little" else ">"))

    def release(self) -> None:
        """Gives the memory back to its owner, who may move it from then on."""
        _release_buffer(self._view)

    def __enter__(self) -> Column:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()


def values_of(data: Values) -> Column:
    """The values of a column: doubles are lent as they lie, other numbers are converted."""
    lent = _lend(data, "d")
    if lent is not None:
        return lent
    if hasattr(data, "__array__"):
        import numpy

        return Column(numpy.ascontiguousarray(_flat(numpy.asarray(data)), dtype=numpy.float64))
    return Column(array.array("d", data))  # type: ignore[arg-type]


def timestamps_of(data: Timestamps) -> Column:
    """The timestamps of a column: nanoseconds and numpy's ``datetime64[ns]`` are lent as they lie, others are converted."""
    lent = _lend(data, "ql")
    if lent is not None:
        return lent
    if hasattr(data, "__array__"):
        import numpy

        return _timestamps_of_array(numpy.asarray(_without_zone(data)))
    if isinstance(data, (list, tuple)) and data and type(data[0]) is int:
        try:
            return Column(array.array("q", data))
        except (TypeError, OverflowError):
            # Not whole numbers only, or one that is out of range: which one, the loop says.
            pass
    return _looped(data)  # type: ignore[arg-type]


def _looped(data: Iterable[TimeLike]) -> Column:
    return Column(array.array("q", [to_nanos(time) for time in data]))


def _lend(data: object, formats: str) -> Column | None:
    """The memory of ``data`` as it lies, if it is a column of this kind."""
    if isinstance(data, (list, tuple)):
        return None
    try:
        column = Column(data)
    except (TypeError, BufferError, ValueError):
        return None
    if column.format in formats:
        return column
    column.release()
    return None


def _flat(data: Any) -> Any:
    if data.ndim != 1:
        raise ValueError(f"a column has one dimension; this one has {data.ndim}")
    return data


def _without_zone(data: Any) -> Any:
    """pandas' times that know their zone, as UTC; numpy would make objects of them."""
    if getattr(getattr(data, "dtype", None), "tz", None) is None:
        return data
    return getattr(data, "dt", data).tz_convert(None)


def _timestamps_of_array(data: Any) -> Column:
    import numpy

    _flat(data)
    if data.dtype.kind in "iu":
        if data.dtype.kind == "u" and data.size and int(data.max()) > MAX_NANOS:
            raise _no_timestamp(int(data.max()), "it is after 2262-04-11, where 64 bits of nanoseconds end")
        return Column(numpy.ascontiguousarray(data, dtype=numpy.int64))
    if data.dtype.kind != "M":
        return _looped(data.tolist())
    unit, count = _unit_of(data.dtype)
    if unit in ("Y", "M"):
        data, unit, count = data.astype("M8[D]"), "D", 1
    # A view where numpy allows one: nanoseconds are lent as they lie.
    ticks = numpy.ascontiguousarray(data).astype(data.dtype.newbyteorder("="), copy=False).view(numpy.int64)
    if ticks.size:
        least, greatest = int(ticks.min()), int(ticks.max())
        for extreme in (least, greatest):
            to_nanos(numpy.array([extreme]).view(f"M8[{count}{unit}]")[0])
    if unit in _PARTS:
        return Column(ticks * count // _PARTS[unit])
    factor = _UNITS[unit] * count
    return Column(ticks if factor == 1 else ticks * factor)


def keys_of(metrics: Iterable[MetricLike], key_of: Callable[[MetricLike], int]) -> Column:
    """The keys of metrics: an array of keys is lent as it lies, others are looked up."""
    lent = _lend(metrics, "QL")
    if lent is not None:
        return lent
    if hasattr(metrics, "__array__"):
        import numpy

        keys = _flat(numpy.asarray(metrics))
        if keys.dtype.kind in "iu":
            return Column(numpy.ascontiguousarray(keys, dtype=numpy.uint64))
    return Column(array.array("Q", map(key_of, metrics)))
