"""The functions and structs of ``include/gnocchetti.h``, as ctypes calls them. A test compares each with the header.

Every call that can fail goes through :meth:`Library.call`, which makes an exception of a status. Pointers to handles are plain
integers here; who owns them is decided in ``_handle``.
"""

from __future__ import annotations

import ctypes
import json
from typing import Any

from . import errors

#: The version of the ABI that this package was made for.
ABI_MAJOR = 0

u32, u64, i64, f64 = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_int64, ctypes.c_double
size, boolean, text, pointer = ctypes.c_size_t, ctypes.c_bool, ctypes.c_char_p, ctypes.c_void_p
out = ctypes.POINTER(pointer)
status = u32


class Pushed(ctypes.Structure):
    """``gnt_pushed``."""

    _fields_ = [("accepted", u64), ("overwritten", u64), ("late", u64)]


class MetricPushed(ctypes.Structure):
    """``gnt_metric_pushed``."""

    _fields_ = [("metric", u64), ("pushed", Pushed)]


class String(ctypes.Structure):
    """``gnt_string``."""

    _fields_ = [("data", pointer), ("length", size)]

    def __str__(self) -> str:
        return ctypes.string_at(self.data, self.length).decode() if self.data else ""

    def optional(self) -> str | None:
        """The text, if there is one."""
        return str(self) if self.data else None


class Metric(ctypes.Structure):
    """``gnt_metric``."""

    _fields_ = [
        ("key", u64),
        ("id", String),
        ("name", String),
        ("unit", String),
        ("creator", String),
        ("resource_id", String),
        ("archive_policy_name", String),
        ("created_at", i64),
        ("deleted", boolean),
    ]


class Series(ctypes.Structure):
    """``gnt_series``."""

    _fields_ = [
        ("length", size),
        ("timestamps", pointer),
        ("values", pointer),
        ("metric", u64),
        ("label", String),
        ("method", String),
        ("resource", String),
        ("granularity", i64),
        ("calendar", String),
        ("group", String),
    ]


class SnapshotReport(ctypes.Structure):
    """``gnt_snapshot_report``."""

    _fields_ = [("files", u64), ("bytes", u64), ("copied_bytes", u64)]


LOG_CALLBACK = ctypes.CFUNCTYPE(None, pointer, u32, pointer, size)
CLOCK_CALLBACK = ctypes.CFUNCTYPE(i64, pointer)
PROGRESS_CALLBACK = ctypes.CFUNCTYPE(None, pointer, u64, u64)

pushed_out, key_out, time_out, count_out = (ctypes.POINTER(kind) for kind in (Pushed, u64, i64, size))
bool_out = ctypes.POINTER(boolean)
report_out = ctypes.POINTER(SnapshotReport)

# For each function what it returns and takes. The error object, the last argument of what can fail, is always an `out`.
FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "gnt_version": (text,),
    "gnt_abi_version": (u32,),
    "gnt_error_status": (status, pointer),
    "gnt_error_message": (text, pointer),
    "gnt_error_details": (text, pointer),
    "gnt_error_free": (None, pointer),
    "gnt_text_data": (pointer, pointer),
    "gnt_text_length": (size, pointer),
    "gnt_text_free": (None, pointer),
    "gnt_parse_timestamp": (status, text, size, i64, time_out, out),
    "gnt_parse_timespan": (status, text, size, time_out, out),
    "gnt_options_new": (status, out, out),
    "gnt_options_free": (None, pointer),
    "gnt_options_set_default_policies": (status, pointer, boolean, out),
    "gnt_options_set_durability": (status, pointer, u32, i64, out),
    "gnt_options_set_max_future": (status, pointer, i64, out),
    "gnt_options_set_clock": (status, pointer, CLOCK_CALLBACK, pointer, i64, out),
    "gnt_options_set_memory": (status, pointer, u64, out),
    "gnt_options_set_over_memory": (status, pointer, u32, out),
    "gnt_options_set_query_threads": (status, pointer, u32, out),
    "gnt_options_set_disk": (status, pointer, u64, out),
    "gnt_options_set_over_disk": (status, pointer, u32, out),
    "gnt_options_set_dirty_bytes": (status, pointer, u64, out),
    "gnt_options_set_journal_bytes": (status, pointer, u64, out),
    "gnt_options_set_checkpoint_interval": (status, pointer, i64, out),
    "gnt_options_set_grace": (status, pointer, i64, out),
    "gnt_options_set_background": (status, pointer, boolean, out),
    "gnt_options_set_compress_journal": (status, pointer, boolean, out),
    "gnt_options_set_resource_inactive_after": (status, pointer, i64, out),
    "gnt_options_set_resource_cleanup_after": (status, pointer, i64, out),
    "gnt_options_set_log": (status, pointer, LOG_CALLBACK, pointer, out),
    "gnt_open": (status, text, size, pointer, out, out),
    "gnt_close": (status, pointer, out),
    "gnt_open_read_only": (status, text, size, pointer, out, out),
    "gnt_refresh": (status, pointer, bool_out, out),
    "gnt_is_read_only": (status, pointer, bool_out, out),
    "gnt_flush": (status, pointer, out),
    "gnt_checkpoint": (status, pointer, out),
    "gnt_maintain": (status, pointer, out),
    "gnt_stats": (status, pointer, out, out),
    "gnt_check_index": (status, pointer, out),
    "gnt_snapshot": (status, pointer, text, size, PROGRESS_CALLBACK, pointer, report_out, out),
    "gnt_check": (status, pointer, PROGRESS_CALLBACK, pointer, out, out),
    "gnt_repair": (status, text, size, PROGRESS_CALLBACK, pointer, out, out),
    "gnt_check_directory": (status, text, size, PROGRESS_CALLBACK, pointer, out, out),
    "gnt_create_archive_policy": (status, pointer, text, size, out),
    "gnt_archive_policy": (status, pointer, text, size, out, out),
    "gnt_archive_policies": (status, pointer, out, out),
    "gnt_update_archive_policy": (status, pointer, text, size, text, size, out),
    "gnt_delete_archive_policy": (status, pointer, text, size, out),
    "gnt_archive_policy_for": (status, pointer, text, size, out, out),
    "gnt_create_archive_policy_rule": (status, pointer, text, size, out),
    "gnt_archive_policy_rule": (status, pointer, text, size, out, out),
    "gnt_archive_policy_rules": (status, pointer, out, out),
    "gnt_rename_archive_policy_rule": (status, pointer, text, size, text, size, out),
    "gnt_delete_archive_policy_rule": (status, pointer, text, size, out),
    "gnt_metric_list_length": (size, pointer),
    "gnt_metric_list_get": (ctypes.POINTER(Metric), pointer, size),
    "gnt_metric_list_free": (None, pointer),
    "gnt_create_metric": (status, pointer, text, size, text, size, text, size, key_out, out),
    "gnt_create_metrics": (status, pointer, text, size, out, out),
    "gnt_metric_by_id": (status, pointer, text, size, out, out),
    "gnt_metric_by_name": (status, pointer, text, size, out, out),
    "gnt_metric_by_key": (status, pointer, u64, out, out),
    "gnt_metrics": (status, pointer, u64, size, out, out),
    "gnt_deleted_metrics": (status, pointer, u64, size, out, out),
    "gnt_delete_metric": (status, pointer, u64, out),
    "gnt_policy_of": (status, pointer, u64, out, out),
    "gnt_last_measure": (status, pointer, u64, time_out, out),
    "gnt_delete_measures": (status, pointer, u64, i64, i64, boolean, out, out),
    "gnt_push": (status, pointer, u64, i64, f64, pushed_out, out),
    "gnt_batch_new": (status, out, out),
    "gnt_batch_free": (None, pointer),
    "gnt_batch_add": (status, pointer, u64, i64, f64, out),
    "gnt_batch_extend": (status, pointer, u64, pointer, pointer, size, out),
    "gnt_batch_extend_keyed": (status, pointer, pointer, pointer, pointer, size, out),
    "gnt_batch_length": (size, pointer),
    "gnt_batch_clear": (status, pointer, out),
    "gnt_commit": (status, pointer, pointer, pushed_out, out),
    "gnt_batch_outcome": (ctypes.POINTER(MetricPushed), pointer, count_out),
    "gnt_query_new": (status, out, out),
    "gnt_query_free": (None, pointer),
    "gnt_query_add_metric": (status, pointer, u64, out),
    "gnt_query_add_method": (status, pointer, text, size, out),
    "gnt_query_set_granularity": (status, pointer, i64, out),
    "gnt_query_set_from": (status, pointer, i64, out),
    "gnt_query_set_to": (status, pointer, i64, out),
    "gnt_query_set_resample": (status, pointer, text, size, out),
    "gnt_query_set_skip_damaged": (status, pointer, boolean, out),
    "gnt_measures": (status, pointer, pointer, out, out),
    "gnt_search_values": (status, pointer, pointer, text, size, out, out),
    "gnt_search_metrics": (status, pointer, text, size, out, out),
    "gnt_create_resource_type": (status, pointer, text, size, out),
    "gnt_resource_type": (status, pointer, text, size, out, out),
    "gnt_resource_types": (status, pointer, out, out),
    "gnt_update_resource_type": (status, pointer, text, size, text, size, out),
    "gnt_delete_resource_type": (status, pointer, text, size, out),
    "gnt_create_resources": (status, pointer, text, size, out, out),
    "gnt_resource": (status, pointer, text, size, out, out),
    "gnt_resource_by_original_id": (status, pointer, text, size, text, size, out, out),
    "gnt_update_resource": (status, pointer, text, size, text, size, out, out),
    "gnt_append_metrics": (status, pointer, text, size, text, size, out, out),
    "gnt_delete_resource": (status, pointer, text, size, out, out),
    "gnt_delete_resource_unchanged": (status, pointer, text, size, i64, out, out),
    "gnt_delete_resources": (status, pointer, text, size, out, out),
    "gnt_delete_ended_resources": (status, pointer, i64, size, out, out),
    "gnt_search_resources": (status, pointer, text, size, out, out),
    "gnt_group_resources": (status, pointer, text, size, text, size, out, out),
    "gnt_normalize_ends": (status, pointer, i64, out, out),
    "gnt_resource_batch_new": (status, out, out),
    "gnt_resource_batch_free": (None, pointer),
    "gnt_resource_batch_extend": (status, pointer, text, size, text, size, text, size, pointer, pointer, size, out),
    "gnt_resource_batch_length": (size, pointer),
    "gnt_commit_resources": (status, pointer, pointer, boolean, pushed_out, out, out),
    "gnt_aggregates": (status, pointer, text, size, out, out),
    "gnt_aggregates_of_resources": (status, pointer, text, size, out, out),
    "gnt_reaggregate": (status, pointer, text, size, out, out),
    "gnt_reaggregate_resources": (status, pointer, text, size, out, out),
    "gnt_result_arrow": (status, pointer, size, pointer, pointer, out),
    "gnt_result_arrow_stream": (status, pointer, pointer, out),
    "gnt_arrow_stream": (status, out, ctypes.POINTER(size), out, size, pointer, out),
    "gnt_arrow_capsule_free": (None, pointer),
    "gnt_result_length": (size, pointer),
    "gnt_result_get": (ctypes.POINTER(Series), pointer, size),
    "gnt_result_details": (text, pointer),
    "gnt_result_skipped": (status, pointer, out, out),
    "gnt_result_free": (None, pointer),
}


class Library:
    """The loaded library: its functions by their names, and how to call those that can fail."""

    def __init__(self, dynamic: ctypes.CDLL, path: str) -> None:
        self.path = path
        for name, (returned, *taken) in FUNCTIONS.items():
            function = getattr(dynamic, name)
            function.restype = returned
            function.argtypes = taken
            setattr(self, name, function)
        self.version: str = self.gnt_version().decode()
        abi = self.gnt_abi_version()
        if abi != ABI_MAJOR:
            raise AttributeError(f"it has version {abi} of the ABI, not {ABI_MAJOR}")

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the library has no function {name}")

    def call(self, function: Any, *arguments: Any) -> None:
        """Calls a function that can fail, and raises what it says."""
        error = pointer()
        if function(*arguments, ctypes.byref(error)):
            raise self._failure(error)

    def handle(self, function: Any, *arguments: Any) -> int:
        """Calls a function that gives a handle, and returns it: the caller owns it."""
        given, error = pointer(), pointer()
        if function(*arguments, ctypes.byref(given), ctypes.byref(error)):
            raise self._failure(error)
        assert given.value is not None
        return given.value

    def json(self, function: Any, *arguments: Any) -> Any:
        """Calls a function that gives a text of JSON, and returns what it says."""
        given = self.handle(function, *arguments)
        try:
            return json.loads(ctypes.string_at(self.gnt_text_data(given), self.gnt_text_length(given)))
        finally:
            self.gnt_text_free(given)

    def _failure(self, error: ctypes.c_void_p) -> errors.GnocchettiError:
        try:
            number = self.gnt_error_status(error)
            message = self.gnt_error_message(error).decode()
            details = json.loads(self.gnt_error_details(error))
        finally:
            self.gnt_error_free(error)
        return errors.of_status(number, message, details)


def utf8(value: str) -> tuple[bytes, int]:
    """A text as two arguments: its bytes, and how many."""
    data = value.encode()
    return data, len(data)


def optional_utf8(value: str | None) -> tuple[bytes | None, int]:
    """A text that may be absent, as two arguments."""
    return (None, 0) if value is None else utf8(value)


def as_json(value: object) -> tuple[bytes, int]:
    """A value as JSON, as two arguments."""
    return utf8(json.dumps(value, ensure_ascii=False, allow_nan=False))
