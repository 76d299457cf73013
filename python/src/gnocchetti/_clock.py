"""A clock of Python's that the library asks before it accepts measures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._abi import CLOCK_CALLBACK
from ._time import to_nanos

if TYPE_CHECKING:
    from ._time import TimeLike

    #: Gives the time as it is now.
    Clock = Callable[[], TimeLike]


def clock_for(clock: Clock | None) -> Any:
    """The function that the library calls; whoever opens the database keeps it. None when there is no clock.

    Should the clock raise, ctypes reports it as an exception that nobody can catch, and the library gets the epoch.
    """
    if clock is None:
        return None

    def now(userdata: int | None) -> int:
        return to_nanos(clock())

    return CLOCK_CALLBACK(now)
