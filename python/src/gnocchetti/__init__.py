"""Gnocchi's model of time series as an embedded database: no server, one directory, nothing lost.

>>> import gnocchetti, tempfile
>>> db = gnocchetti.open(tempfile.mkdtemp(), default_policies=True)
>>> metric = db.create_metric("room.temperature", unit="°C")
>>> db.push(metric, "2026-03-01T12:00:00Z", 20.5)
Pushed(accepted=1, overwritten=0, late=0)
>>> db.push(metric, "2026-03-01T12:00:20Z", 21.5)
Pushed(accepted=1, overwritten=0, late=0)
>>> [point.value for point in db.measures(metric, method="mean")]
[21.0]
>>> db.close()

Times may be ``datetime``, texts, numpy's and pandas' times, whole nanoseconds or seconds as floats. Measures go in from arrays and
come out as arrays, without a copy, where numpy is installed; nothing but the standard library is needed.
"""

from __future__ import annotations

from ._version import __version__

# As typing has it, whose import would take longer than this package's own.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import errors
    from ._batch import Batch, Pushed, Report
    from ._check import CheckReport, Damage, Finding, JournalLoss, Repair, RepairReport, check_directory, repair
    from ._columns import Columns, ColumnSet, Point
    from ._database import Database, Durability, open, open_read_only
    from ._deletion import DeletedMeasures, PartialGroup
    from ._library import LibraryError, library_version, use_library
    from ._metrics import Metric, MetricRef, NewMetric
    from ._policies import ArchivePolicy, ArchivePolicyRule, Definition
    from ._resource_batch import ResourceBatch
    from ._resources import (
        UNCHANGED,
        Attribute,
        DeletedResources,
        NewResource,
        Resource,
        ResourceGroup,
        ResourceMetric,
        ResourceType,
    )
    from ._snapshot import SnapshotReport
    from ._stats import Stats
    from .errors import GnocchettiError

__all__ = [
    "ArchivePolicy",
    "ArchivePolicyRule",
    "Attribute",
    "Batch",
    "CheckReport",
    "ColumnSet",
    "Columns",
    "Damage",
    "Database",
    "Definition",
    "DeletedMeasures",
    "DeletedResources",
    "Durability",
    "Finding",
    "GnocchettiError",
    "JournalLoss",
    "LibraryError",
    "Metric",
    "MetricRef",
    "NewMetric",
    "NewResource",
    "PartialGroup",
    "Point",
    "Pushed",
    "Repair",
    "RepairReport",
    "Report",
    "Resource",
    "ResourceBatch",
    "ResourceGroup",
    "ResourceMetric",
    "ResourceType",
    "SnapshotReport",
    "Stats",
    "UNCHANGED",
    "__version__",
    "check_directory",
    "errors",
    "library_version",
    "open",
    "open_read_only",
    "repair",
    "use_library",
]

# Where each name is at home. A module is imported when something of it is first asked for.
_HOMES = {
    "ArchivePolicy": "_policies",
    "ArchivePolicyRule": "_policies",
    "Attribute": "_resources",
    "Batch": "_batch",
    "CheckReport": "_check",
    "ColumnSet": "_columns",
    "Columns": "_columns",
    "Damage": "_check",
    "Database": "_database",
    "Definition": "_policies",
    "DeletedMeasures": "_deletion",
    "DeletedResources": "_resources",
    "Durability": "_database",
    "Finding": "_check",
    "GnocchettiError": "errors",
    "JournalLoss": "_check",
    "LibraryError": "_library",
    "Metric": "_metrics",
    "MetricRef": "_metrics",
    "NewMetric": "_metrics",
    "NewResource": "_resources",
    "PartialGroup": "_deletion",
    "Point": "_columns",
    "Pushed": "_batch",
    "Repair": "_check",
    "RepairReport": "_check",
    "Report": "_batch",
    "Resource": "_resources",
    "ResourceBatch": "_resource_batch",
    "ResourceGroup": "_resources",
    "ResourceMetric": "_resources",
    "ResourceType": "_resources",
    "SnapshotReport": "_snapshot",
    "Stats": "_stats",
    "UNCHANGED": "_resources",
    "check_directory": "_check",
    "library_version": "_library",
    "open": "_database",
    "open_read_only": "_database",
    "repair": "_check",
    "use_library": "_library",
}

# Type checkers read the imports above, and so find names that are not there.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        if name not in _HOMES:
            return import_module(f".{name}", __name__)
        value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
