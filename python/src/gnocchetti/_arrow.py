"""Columns for whoever speaks Arrow: capsules of its PyCapsule interface, over the library's own memory.

A capsule holds a struct of Arrow's C data interface. Whoever takes it moves the content out, and with it the duty to release it;
a capsule that goes untouched releases it itself, by a destructor of the library's: that may happen while an exception is on its
way, when no code of Python's may run. Name and struct of a capsule lie in one piece of memory, which that destructor frees.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._abi import Library
    from ._columns import Columns

_SCHEMA, _ARRAY, _STREAM = b"arrow_schema", b"arrow_array", b"arrow_array_stream"

# How many pointers and 64-bit numbers each struct has.
_MEMBERS = {_SCHEMA: (7, 2), _ARRAY: (5, 5), _STREAM: (5, 0)}

_pointer, _size = ctypes.c_void_p, ctypes.c_size_t
_calloc = ctypes.PYFUNCTYPE(_pointer, _size, _size)(("calloc", ctypes.pythonapi))
_free = ctypes.PYFUNCTYPE(None, _pointer)(("free", ctypes.pythonapi))
_new_capsule = ctypes.PYFUNCTYPE(ctypes.py_object, _pointer, _pointer, _pointer)(("PyCapsule_New", ctypes.pythonapi))


def _empty(library: Library, name: bytes) -> tuple[object, int]:
    """A capsule of this name, and where its struct is: all zeros, which says that there is nothing to release."""
    pointers, numbers = _MEMBERS[name]
    length = pointers * ctypes.sizeof(_pointer) + numbers * 8
    memory = _calloc(1, length + len(name) + 1)
    if not memory:
        raise MemoryError
    ctypes.memmove(memory + length, name, len(name))
    try:
        return _new_capsule(memory, memory + length, ctypes.cast(library.gnt_arrow_capsule_free, _pointer)), memory
    except BaseException:
        _free(memory)
        raise


def array(columns: Columns) -> tuple[object, object]:
    """Schema and array of the points of one series."""
    library = columns._result.library
    schema, schema_at = _empty(library, _SCHEMA)
    points, points_at = _empty(library, _ARRAY)
    library.call(library.gnt_result_arrow, columns._result.pointer, columns._index, schema_at, points_at)
    return schema, points


def stream(library: Library, series: Sequence[Columns], labels: Sequence[str] | None) -> object:
    """A stream of series, one array for each; where they have labels, these are a column of their own."""
    count = len(series)
    results = (_pointer * count)(*[each._result.pointer for each in series])
    indices = (_size * count)(*[each._index for each in series])
    texts = None if labels is None else (ctypes.c_char_p * count)(*[label.encode() for label in labels])
    named = None if texts is None else ctypes.cast(texts, ctypes.POINTER(_pointer))
    made, at = _empty(library, _STREAM)
    library.call(library.gnt_arrow_stream, results, indices, named, count, at)
    return made


def schema(library: Library, labelled: bool) -> object:
    """The schema of such a stream."""
    made, at = _empty(library, _SCHEMA)
    nothing = _Stream()
    labels = (_pointer * 0)() if labelled else None
    library.call(library.gnt_arrow_stream, None, None, labels, 0, ctypes.addressof(nothing))
    try:
        nothing.get_schema(ctypes.addressof(nothing), at)
    finally:
        nothing.release(ctypes.addressof(nothing))
    return made


class _Stream(ctypes.Structure):
    """``ArrowArrayStream``, for a look at its schema."""

    _fields_ = [
        ("get_schema", ctypes.CFUNCTYPE(ctypes.c_int, _pointer, _pointer)),
        ("get_next", _pointer),
        ("get_last_error", _pointer),
        ("release", ctypes.CFUNCTYPE(None, _pointer)),
        ("private_data", _pointer),
    ]
