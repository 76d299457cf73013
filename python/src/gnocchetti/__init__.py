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

from . import errors
from ._batch import Batch, Pushed, Report
from ._check import CheckReport, Damage, Finding, check_directory
from ._columns import Columns, ColumnSet, Point
from ._database import Database, Durability, open, open_read_only
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
from ._stats import Stats
from ._version import __version__
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
    "DeletedResources",
    "Durability",
    "Finding",
    "GnocchettiError",
    "LibraryError",
    "Metric",
    "MetricRef",
    "NewMetric",
    "NewResource",
    "Point",
    "Pushed",
    "Report",
    "Resource",
    "ResourceBatch",
    "ResourceGroup",
    "ResourceMetric",
    "ResourceType",
    "Stats",
    "UNCHANGED",
    "__version__",
    "check_directory",
    "errors",
    "library_version",
    "open",
    "open_read_only",
    "use_library",
]
