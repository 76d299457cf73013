"""Points in time and lengths of time, as Python says them, to the library's nanoseconds and back.

What Python has of its own (``datetime``, numpy's and pandas' scalars, whole numbers) is converted here, exactly, in integers;
texts and floats are read by the library, so that one text means the same in every language. Nothing here imports numpy or
pandas: their values are recognised by what they carry.
"""

from __future__ import annotations

import datetime
import operator
from typing import TYPE_CHECKING, Any, SupportsIndex, Union

from . import _text
from .errors import BeforeEpoch, InvalidTimespan, InvalidTimestamp

if TYPE_CHECKING:
    import numpy
    import pandas

    TimeLike = Union[datetime.datetime, str, int, float, numpy.datetime64, pandas.Timestamp, SupportsIndex]
    SpanLike = Union[datetime.timedelta, str, int, float, numpy.timedelta64, pandas.Timedelta, SupportsIndex]

#: The epoch, from which nanoseconds count.
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

#: The newest nanosecond there is: 2262-04-11T23:47:16.854775807Z.
MAX_NANOS = 2**63 - 1

SECOND = 1_000_000_000

# Nanoseconds of numpy's units; what is shorter divides. Months and years have no length of their own.
_UNITS = {
    "W": 604_800 * SECOND,
    "D": 86_400 * SECOND,
    "h": 3600 * SECOND,
    "m": 60 * SECOND,
    "s": SECOND,
    "ms": 1_000_000,
    "us": 1000,
    "ns": 1,
}
_PARTS = {"ps": 1000, "fs": 1_000_000, "as": 1_000_000_000}


def to_nanos(time: TimeLike) -> int:
    """The nanoseconds since the epoch that a point in time means.

    A whole number is nanoseconds, as ``time.time_ns()`` gives them; a float is seconds, as ``time.time()``. A text is read as
    in Rust and C: ISO 8601 (UTC unless it says otherwise), seconds, or relative to now, like ``-1 hour``. A ``datetime`` must
    know its time zone; numpy's and pandas' times without one are UTC.
    """
    if isinstance(time, str):
        return _text.timestamp(time)
    if isinstance(time, datetime.datetime):
        return _of_datetime(time)
    if isinstance(time, float):
        return _text.timestamp(repr(float(time)))
    if isinstance(time, bool) or isinstance(time, datetime.date):
        raise _no_timestamp(time, "a point in time is a datetime, a text, whole nanoseconds or seconds as a float")
    if type(time).__name__ == "datetime64":
        return _checked(_of_numpy(time, _no_timestamp), time)
    if hasattr(time, "__index__"):
        return _checked(operator.index(time), time)
    if hasattr(time, "__float__"):
        return _text.timestamp(repr(float(time)))
    raise _no_timestamp(time, "a point in time is a datetime, a text, whole nanoseconds or seconds as a float")


def to_span(span: SpanLike) -> int:
    """The nanoseconds that a length of time means: more than none.

    A number is seconds, whole or not, as everywhere in Python. A text is read as in Rust and C: ``5 minutes``, ``1h30m``,
    ``0:05:00``, or seconds.
    """
    if isinstance(span, str):
        return _text.timespan(span)
    if isinstance(span, datetime.timedelta):
        return _positive(_of_timedelta(span), span)
    if isinstance(span, float):
        return _text.timespan(repr(float(span)))
    if isinstance(span, bool):
        raise _no_timespan(span, "a length of time is a timedelta, a text or a number of seconds")
    if type(span).__name__ == "timedelta64":
        return _positive(_of_numpy(span, _no_timespan), span)
    if hasattr(span, "__index__"):
        return _positive(operator.index(span) * SECOND, span)
    if hasattr(span, "__float__"):
        return _text.timespan(repr(float(span)))
    raise _no_timespan(span, "a length of time is a timedelta, a text or a number of seconds")


def to_datetime(nanos: int) -> datetime.datetime:
    """The point in time in UTC; what is below a microsecond is cut."""
    return EPOCH + datetime.timedelta(microseconds=nanos // 1000)


def to_timedelta(nanos: int) -> datetime.timedelta:
    """The length of time; what is below a microsecond is cut."""
    return datetime.timedelta(microseconds=nanos // 1000)


def _of_datetime(time: datetime.datetime) -> int:
    # A pandas Timestamp is a datetime with nanoseconds, and like numpy's times it is UTC unless it says otherwise.
    nanos = getattr(time, "value", None)
    if nanos is not None:
        if time != time:
            raise _no_timestamp(time, "it is not a time")
        return _checked(int(nanos), time)
    if time.utcoffset() is None:
        reason = "it does not say its time zone; datetime.now(timezone.utc) does, and .astimezone() takes that of this machine"
        raise _no_timestamp(time.isoformat(), reason)
    return _checked(_of_timedelta(time - EPOCH), time)


def _of_timedelta(span: datetime.timedelta) -> int:
    nanos = getattr(span, "value", None)
    if nanos is not None:
        return int(nanos)
    return (span.days * 86_400 + span.seconds) * SECOND + span.microseconds * 1000


def _of_numpy(scalar: Any, refusal: Any) -> int:
    """Nanoseconds of numpy's ``datetime64`` or ``timedelta64``, in integers that cannot overflow."""
    if scalar != scalar:
        raise refusal(scalar, "it is not a time")
    kind = scalar.dtype.str[1:3]
    unit, count = _unit_of(scalar.dtype)
    if unit in ("Y", "M") and kind == "M8":
        # A calendar's unit: which day it is, numpy knows.
        scalar, unit, count = scalar.astype("M8[D]"), "D", 1
    ticks = int(scalar.astype("i8")) * count
    if unit in _UNITS:
        return ticks * _UNITS[unit]
    if unit in _PARTS:
        return ticks // _PARTS[unit]
    raise refusal(scalar, f"its unit `{unit}` has no fixed length")


def _unit_of(dtype: Any) -> tuple[str, int]:
    """The unit of a dtype such as ``<M8[25s]``, and how many of it one tick is."""
    text = dtype.str.partition("[")[2].rstrip("]")
    digits = text.rstrip("YMWDhmsunpfa")
    return text[len(digits) :], int(digits or 1)


def _checked(nanos: int, given: object) -> int:
    if not 0 <= nanos <= MAX_NANOS:
        if nanos < 0:
            message = f"timestamp {given} lies before the epoch (1970-01-01T00:00:00Z); measures start there"
            raise BeforeEpoch(message, value=str(given))
        raise _no_timestamp(given, "it is after 2262-04-11, where 64 bits of nanoseconds end")
    return nanos


def _positive(nanos: int, given: object) -> int:
    if nanos <= 0:
        raise _no_timespan(given, "it must be more than zero")
    if nanos > MAX_NANOS:
        raise _no_timespan(given, "it is more than 292 years, where 64 bits of nanoseconds end")
    return nanos


def _no_timestamp(given: object, reason: str) -> InvalidTimestamp:
    return InvalidTimestamp(f"`{given}` is not a timestamp: {reason}", value=str(given), reason=reason)


def _no_timespan(given: object, reason: str) -> InvalidTimespan:
    return InvalidTimespan(f"`{given}` is not a timespan: {reason}", value=str(given), reason=reason)


def calendar_or_span(groups: SpanLike) -> str:
    """Into which groups points are resampled: of the calendar (``Y H Q M W``), or of a length of time."""
    return groups if isinstance(groups, str) else span_text(to_span(groups))


def span_text(nanos: int) -> str:
    """A length of time as the library reads it, exact to the nanosecond."""
    return f"{nanos // SECOND}.{nanos % SECOND:09}"


def from_seconds(seconds: float) -> int:
    """The nanoseconds of a length of time that the library told in seconds."""
    return seconds * SECOND if isinstance(seconds, int) else round(seconds * SECOND)
