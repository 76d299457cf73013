"""Arrow's PyCapsule interface: the library's memory in the hands of pyarrow and polars, and released once whatever becomes of it."""

from __future__ import annotations

import ctypes
import gc
import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pytest

import gnocchetti
from gnocchetti import _arrow
from gnocchetti._library import library

POINTS = 50_000


@pytest.fixture
def columns(db: gnocchetti.Database, seconds: gnocchetti.Metric) -> gnocchetti.Columns:
    db.push_many(seconds, np.arange(POINTS) * 1_000_000_000, np.arange(float(POINTS)))
    return db.measures(seconds)


@pytest.fixture
def several(db: gnocchetti.Database, seconds: gnocchetti.Metric, columns: gnocchetti.Columns) -> gnocchetti.ColumnSet:
    return db.measures_of(seconds, ["mean", "max"])


def address_of(array: Any) -> int:
    """Where the values of an array of pyarrow are."""
    address: int = array.buffers()[-1].address + array.offset * 8
    return address


def test_pyarrow_takes_points_without_a_copy(columns: gnocchetti.Columns) -> None:
    batch = pa.record_batch(columns)
    assert batch.schema == pa.schema(columns) == pa.table(columns).schema
    assert batch.schema.names == ["timestamp", "value"]
    assert batch.schema.types == [pa.timestamp("ns", "UTC"), pa.float64()]
    assert (address_of(batch["timestamp"]), address_of(batch["value"])) == (columns._timestamps, columns._values)
    (chunk,) = pa.table(columns)["value"].chunks
    assert address_of(chunk) == columns._values
    assert pa.array(columns).type == pa.struct(list(batch.schema))
    assert batch["value"].to_numpy().tolist() == columns.values.tolist()
    assert batch["timestamp"].cast(pa.int64()).to_numpy().tolist() == columns.nanos.tolist()


def test_polars_takes_points_without_a_copy(columns: gnocchetti.Columns) -> None:
    frame = columns.to_polars()
    assert frame.schema == {"timestamp": pl.Datetime("ns", "UTC"), "value": pl.Float64}
    for series, address in [(frame["value"], columns._values), (frame["timestamp"].to_physical(), columns._timestamps)]:
        assert series.to_numpy(allow_copy=False).__array_interface__["data"][0] == address
    assert frame["value"].to_list() == columns.values.tolist()
    assert pl.DataFrame(columns).equals(frame)


def test_several_series_are_one_stream(several: gnocchetti.ColumnSet) -> None:
    table = pa.table(several)
    assert table.schema == pa.schema(several)
    assert table.schema.names == ["series", "timestamp", "value"]
    assert [address_of(chunk) for chunk in table["value"].chunks] == [each._values for each in several.values()]
    assert table["series"].unique().to_pylist() == ["mean", "max"]
    frame = several.to_polars()
    assert (frame.height, frame.columns) == (2 * POINTS, ["series", "timestamp", "value"])
    assert frame.filter(series="max")["value"].to_list() == several["max"].values.tolist()


def test_series_of_several_answers_are_one_stream(db: gnocchetti.Database, columns: gnocchetti.Columns) -> None:
    pair = gnocchetti.ColumnSet({"naïve": columns, "none": db.measures("load", start="2000-01-01")})
    assert pa.table(pair).to_pydict()["series"] == ["naïve"] * POINTS
    nothing = pa.table(gnocchetti.ColumnSet({}))
    assert (nothing.num_rows, nothing.schema) == (0, pa.schema(pair))
    assert gnocchetti.ColumnSet({}).to_polars().columns == ["series", "timestamp", "value"]
    assert pa.table(pair["none"]).num_rows == 0


def test_what_arrow_has_outlives_the_rest(db: gnocchetti.Database, several: gnocchetti.ColumnSet) -> None:
    mean = several["mean"]
    reader = pa.RecordBatchReader.from_stream(several)
    batch, frame, capsule = pa.record_batch(mean), mean.to_polars(), mean.__arrow_c_stream__()
    del several, mean
    db.close()
    gc.collect()
    # Memory that was given back would be used again by now.
    ballast = [np.full(POINTS, -1.0) for _ in range(20)]
    expected = np.arange(float(POINTS)).tolist()
    assert batch["value"].to_pylist() == frame["value"].to_list() == expected
    assert reader.read_all()["value"].to_pylist() == expected * 2
    assert pa.table(Given(capsule))["value"].to_pylist() == expected
    assert len(ballast) == 20


class Given:
    """Hands on a stream."""

    def __init__(self, capsule: object) -> None:
        self.capsule = capsule

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.capsule


def test_what_nobody_takes_is_released(db: gnocchetti.Database, seconds: gnocchetti.Metric, columns: gnocchetti.Columns) -> None:
    def resident() -> int:
        return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096

    before = resident()
    for _ in range(400):
        answer = db.measures(seconds)
        answer.__arrow_c_stream__()
        answer.__arrow_c_array__()
        answer.__arrow_c_schema__()
    assert resident() - before < 400 * POINTS * 16 / 4


RELEASE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


@pytest.mark.parametrize(("name", "pointers_before"), [(b"arrow_schema", 5), (b"arrow_array", 3), (b"arrow_array_stream", 3)])
@pytest.mark.parametrize("taken", [True, False])
def test_release_is_called_once_or_not_at_all(name: bytes, pointers_before: int, taken: bool) -> None:
    released: list[int] = []

    release = RELEASE(released.append)
    pointers, numbers = _arrow._MEMBERS[name]
    capsule, address = _arrow._empty(library(), name)
    slots = ctypes.c_void_p * (pointers + numbers)
    assert not any(slots.from_address(address))
    if not taken:
        slots.from_address(address)[pointers_before + numbers] = ctypes.cast(release, ctypes.c_void_p).value
    del capsule
    assert released == ([] if taken else [address])


def test_a_capsule_may_go_while_an_exception_is_on_its_way(columns: gnocchetti.Columns) -> None:
    def local() -> None:
        capsules = [columns.__arrow_c_stream__(), *columns.__arrow_c_array__(), columns.__arrow_c_schema__()]
        raise LookupError(f"{len(capsules)} of them")

    def take(capsule: object, other: float) -> None: ...

    for _ in range(3):
        with pytest.raises(LookupError, match="4 of them"):
            local()
        with pytest.raises(ZeroDivisionError):
            take(columns.__arrow_c_stream__(), 1 / 0)


def test_a_capsule_may_outlive_everything(directory: pathlib.Path) -> None:
    program = f"""
import builtins, sys, gnocchetti
db = gnocchetti.open({str(directory)!r}, default_policies=True)
metric = db.create_metric("a")
db.push(metric, 0, 1.0)
builtins.kept = sys.kept = kept = [db.measures(metric).__arrow_c_stream__(), *db.measures(metric).__arrow_c_array__()]
kept.append(kept)
"""
    outcome = subprocess.run([sys.executable, "-X", "dev", "-c", program], capture_output=True, text=True, check=False)
    assert (outcome.returncode, outcome.stderr) == (0, "")
