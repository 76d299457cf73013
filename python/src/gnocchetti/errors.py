"""What can go wrong: one exception per status of the library, of the same name and number as in Rust and C.

They are grouped by what a caller does about them, and are the exceptions of Python that they are like: what is not valid is
a ``ValueError``, what is not there a ``KeyError``, what the disk does an ``OSError``. The message says what was wrong, with
which value, where, and what to do; what a program may want to act on is an attribute.
"""

from __future__ import annotations

from typing import Any

#: The exception of each status.
BY_STATUS: dict[int, type[GnocchettiError]] = {}


class GnocchettiError(Exception):
    """Whatever the library refuses or fails at."""

    #: The number of the error, the same in Rust, C and Python; 0 for groups of errors.
    status: int = 0

    #: The parts of the error, by the names that Rust has for them; each is an attribute too.
    details: dict[str, Any]

    def __init__(self, message: str = "", **details: Any) -> None:
        super().__init__(message)
        self.details = details
        for name, value in details.items():
            setattr(self, name, value)

    def __init_subclass__(cls, status: int = 0, **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.status = status
        if status:
            BY_STATUS[status] = cls

    def __reduce__(self) -> tuple[Any, ...]:
        # So that it gets from one process to another with all its parts.
        return _rebuilt, (type(self), self.status, str(self), self.details)

    def __str__(self) -> str:
        # Not as KeyError does, which quotes what it is given.
        return str(self.args[0]) if self.args else type(self).__name__


class InvalidError(GnocchettiError, ValueError):
    """Something given cannot be taken; nothing was changed."""


class NotFoundError(GnocchettiError, KeyError):
    """Something asked for is not there."""


class AlreadyExistsError(GnocchettiError):
    """Something to be created is there already."""


class InUseError(GnocchettiError):
    """Something to be deleted or changed is still needed."""


class StorageError(GnocchettiError, OSError):
    """The disk, or what lies on it, does not do; ``errno`` and ``filename`` are set where the system said them."""

    def __init__(self, message: str = "", **details: Any) -> None:
        super().__init__(message, **details)
        self.filename = details.get("path", details.get("file"))


class MisuseError(GnocchettiError, RuntimeError):
    """A handle is used when or where it must not be."""


class InternalError(GnocchettiError, RuntimeError):
    """The package or the library has a bug."""


class InvalidTimestamp(InvalidError, status=1):
    """A text or number that is no point in time."""

    value: str
    reason: str


class BeforeEpoch(InvalidError, status=2):
    """A point in time before 1970-01-01T00:00:00Z."""


class TooFarInFuture(InvalidError, status=3):
    """A measure further in the future than the option ``max_future`` allows."""

    timestamp: int
    limit: int


class InvalidTimespan(InvalidError, status=4):
    """A text or number that is no length of time."""

    value: str
    reason: str


class InvalidAggregationMethod(InvalidError, status=5):
    """A name that is no aggregation method."""


class InvalidArchivePolicy(InvalidError, status=6):
    """An archive policy that breaks a rule."""


class ArchivePolicyExists(AlreadyExistsError, status=7):
    """There is a policy of that name already."""

    name: str


class UnknownArchivePolicy(NotFoundError, status=8):
    """There is no policy of that name."""

    name: str


class ArchivePolicyInUse(InUseError, status=9):
    """A policy that metrics or rules still use cannot be deleted."""

    name: str
    used_by: str


class InvalidArchivePolicyRule(InvalidError, status=10):
    """An archive policy rule that breaks a rule of its own."""


class ArchivePolicyRuleExists(AlreadyExistsError, status=11):
    """There is a rule of that name already."""

    name: str


class UnknownArchivePolicyRule(NotFoundError, status=12):
    """There is no rule of that name."""

    name: str


class NoArchivePolicyRuleMatch(NotFoundError, status=13):
    """A metric was to get its policy by rule, and no rule's pattern matches its name."""

    name: str


class InvalidMetric(InvalidError, status=14):
    """A metric's name, unit or other attribute that cannot be taken."""

    attribute: str
    value: str
    reason: str


class MetricExists(AlreadyExistsError, status=15):
    """There is a metric of that name or id already."""

    name: str


class UnknownMetric(NotFoundError, status=16):
    """There is no such metric (or it was deleted)."""

    metric: str


class MethodNotKept(NotFoundError, status=17):
    """The metric's policy does not keep this aggregation method."""

    metric: int
    method: str
    kept: str


class UnknownGranularity(NotFoundError, status=18):
    """The metric's policy has no archive of this granularity."""

    metric: int
    granularity: str
    kept: str


class InvalidQuery(InvalidError, status=19):
    """A query that asks for what cannot be."""


class InvalidOption(InvalidError, status=20):
    """An option that cannot be taken."""

    option: str
    value: str
    reason: str


class Io(StorageError, status=21):
    """A call to the operating system failed on a file."""

    operation: str
    path: str


class DiskFull(StorageError, status=22):
    """There is no space, or no quota, left on the disk."""

    operation: str
    path: str


class Corrupt(StorageError, status=23):
    """Stored bytes are damaged."""

    file: str
    offset: int
    metric: int | None
    first: int | None
    last: int | None
    what: str

    @property
    def span(self) -> tuple[int, int] | None:
        """First and last nanosecond of the data that cannot be read, when known."""
        return None if self.first is None or self.last is None else (self.first, self.last)


class UnsupportedFormat(StorageError, status=24):
    """The directory was written by a newer version of the library."""

    path: str
    found: int
    supported: int


class NotADatabase(StorageError, status=25):
    """The directory holds something else, or a part of a database only."""

    path: str
    reason: str


class Locked(StorageError, status=26):
    """Another process, or another handle of this one, has the database open for writing."""

    path: str
    pid: int


class NetworkFileSystem(StorageError, status=27):
    """The directory lies on a file system whose locks and syncs cannot be relied on."""

    path: str
    kind: str


class Failed(StorageError, status=28):
    """An earlier failure of the disk left unknown what is stored; writing goes on after reopening."""

    reason: str


class Forked(MisuseError, status=29):
    """The handle was inherited through ``fork``."""

    opened_by: int


class Index(StorageError, status=30):
    """``SQLite`` failed on the index."""


class Closed(MisuseError, status=31):
    """The database was closed."""


class PushTooLarge(InvalidError, status=32):
    """One push carries more than one journal record takes."""

    bytes: int
    limit: int


class InvalidDefinition(InvalidError, status=33):
    """A definition of an archive policy that cannot be kept."""


class InvalidOperation(InvalidError, status=34):
    """A text or JSON list that is no operation, or no search of values."""

    operation: str
    expected: str
    found: str
    byte: int | None
    pointer: str | None


class OperationTooLarge(InvalidError, status=35):
    """An operation that would take more stack, memory or time than is allowed."""

    what: str
    limit: int


class Unaggregable(InvalidError, status=36):
    """Series that an operation cannot bring together."""

    references: list[list[str]]
    reason: str


class UnknownReferenceMethod(NotFoundError, status=37):
    """An operation asks a metric for an aggregation method that does not exist."""

    metric: str
    method: str


class InvalidResourceType(InvalidError, status=40):
    """A resource type that breaks a rule of its own, or an attribute of it that does."""


class ResourceTypeExists(AlreadyExistsError, status=41):
    """There is a resource type of that name already."""

    name: str


class UnknownResourceType(NotFoundError, status=42):
    """There is no resource type of that name."""

    name: str


class ResourceTypeInUse(InUseError, status=43):
    """A resource type that is built in, or that resources still have, cannot be changed or deleted like that."""

    name: str
    used_by: str


class InvalidAttribute(InvalidError, status=44):
    """A definition of an attribute that cannot be."""


class UnknownAttribute(NotFoundError, status=45):
    """What was asked about has no attribute of that name."""

    of: str
    attribute: str


class InvalidAttributeValue(InvalidError, status=46):
    """A value that its attribute cannot have, or cannot be compared with."""

    attribute: str
    value: str
    expected: str


class MissingAttribute(InvalidError, status=47):
    """A new resource lacks an attribute that its type requires, or a change takes one away."""

    resource_type: str
    attribute: str


class InvalidResourceId(InvalidError, status=48):
    """An identifier that no resource can have."""


class ResourceExists(AlreadyExistsError, status=49):
    """There is a resource of that identifier already."""

    resource: str


class UnknownResource(NotFoundError, status=50):
    """There is no such resource."""

    resource: str


class InvalidFilter(InvalidError, status=51):
    """A filter that says nothing, or nothing that can be asked."""

    position: int | None
    reason: str


class FilterTooLarge(InvalidError, status=52):
    """A filter that is larger or deeper than one question may be."""

    what: str
    limit: int


class InvalidPagination(InvalidError, status=53):
    """An order or a place in it that cannot be continued from."""


class UnknownResourceMetrics(NotFoundError, status=54):
    """A batch of measures by resource and metric name names what is not there."""

    resources: list[list[str]]
    metrics: list[list[str]]


class ResourceChanged(GnocchettiError, status=55):
    """A resource is not what a change or deletion of it expects."""

    resource: str
    expected: str
    since: str


class Irreparable(StorageError, status=58):
    """What a repair goes by is damaged itself: MANIFEST or the index."""

    path: str
    reason: str


class ReadOnly(MisuseError, status=61):
    """A call that writes, on a database that was opened for reading."""

    call: str
    path: str


class SnapshotTarget(MisuseError, status=62):
    """A directory that cannot become a snapshot."""

    path: str
    reason: str


class Outrun(StorageError, status=63):
    """The writer replaced files faster than this reader could read them."""

    path: str
    attempts: int


class InvalidRange(InvalidError, status=64):
    """A stretch of time that ends before it begins."""

    start: int
    end: int


class MemoryLimit(StorageError, status=66):
    """As many measures wait in memory as may, and the options say to refuse more."""

    waiting: int
    limit: int


class DiskLimit(StorageError, status=67):
    """The directory takes as many bytes as it may."""

    bytes: int
    limit: int


class NullPointer(InternalError, status=200):
    """A pointer that must not be NULL was."""


class WrongHandle(InternalError, status=201):
    """A pointer that is no live handle of the kind it must be."""


class InvalidUtf8(InternalError, status=202):
    """A text that is not UTF-8."""


class Panic(InternalError, status=203):
    """The library panicked, which is a bug of it: please report it."""


class Poisoned(InternalError, status=204):
    """An earlier call on the handle panicked: it can only be closed."""


class InvalidJson(InvalidError, status=205):
    """What was given has not the form that the function takes."""

    argument: str
    reason: str


class InvalidArgument(InvalidError, status=206):
    """A number or text that the function does not take."""

    argument: str
    reason: str


def of_status(status: int, message: str, details: dict[str, Any]) -> GnocchettiError:
    """The exception of a status; a status that only a later version knows is a plain ``GnocchettiError``."""
    return _rebuilt(BY_STATUS.get(status, GnocchettiError), status, message, details)


def _rebuilt(kind: type[GnocchettiError], status: int, message: str, details: dict[str, Any]) -> GnocchettiError:
    error = kind(message, **details)
    error.status = status
    return error
