"""The package as it is installed: light to import, whole without numpy, its documentation true."""

from __future__ import annotations

import doctest
import pathlib
import re
import subprocess
import sys

import pytest

import gnocchetti
from conftest import ROOT


def python(program: str, *options: str) -> str:
    outcome = subprocess.run([sys.executable, *options, "-c", program], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout


def test_the_heavy_ones_are_imported_only_when_used() -> None:
    program = "import sys, gnocchetti; gnocchetti.library_version(); print(*sys.modules)"
    loaded = set(python(program).split())
    assert not loaded & {"numpy", "pandas", "polars", "pyarrow", "matplotlib", "asyncio", "unittest"}


def test_a_fresh_import_loads_next_to_nothing() -> None:
    program = "import sys; before = set(sys.modules); import gnocchetti; print(*set(sys.modules) - before)"
    heavy = {"numpy", "pandas", "polars", "logging", "dataclasses", "inspect", "typing", "ctypes", "pathlib", "uuid", "json"}
    loaded = set(python(program).split())
    assert "gnocchetti" in loaded
    assert not loaded & heavy


def test_an_open_database_loads_no_more_than_it_needs(directory: pathlib.Path) -> None:
    program = f"""
import sys, gnocchetti
with gnocchetti.open({str(directory)!r}, default_policies=True) as db:
    db.push(db.create_metric("a"), 0, 1.0)
    print(*sys.modules)
    print(*db.measures("a").values)
"""
    *loaded, value = python(program).split()
    assert value == "1.0"
    assert not set(loaded) & {"numpy", "pandas", "polars", "logging", "pathlib", "gnocchetti._arrow"}


def test_every_public_name_is_at_home() -> None:
    for name in gnocchetti.__all__:
        assert getattr(gnocchetti, name) is not None
        assert name in dir(gnocchetti)
    assert sorted(gnocchetti.__all__) == gnocchetti.__all__
    elsewhere = {"__version__", "errors"}
    assert sorted(gnocchetti._HOMES) == sorted(set(gnocchetti.__all__) - elsewhere)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        getattr(gnocchetti, "nonsense")
    with pytest.raises(ImportError):
        exec("from gnocchetti import nonsense")


def test_without_numpy_there_are_lists(directory: pathlib.Path) -> None:
    program = f"""
import sys, datetime
sys.modules["numpy"] = None
import gnocchetti
with gnocchetti.open({str(directory)!r}, default_policies=True) as db:
    metric = db.create_metric("a")
    db.push_many(metric, range(0, 600_000_000_000, 1_000_000_000), map(float, range(600)))
    db.push_many(metric, ["1970-01-01T00:10:00"], [7])
    columns = db.measures(metric)
    assert columns.values == [149.5, 449.5, 7.0], columns.values
    assert columns.nanos == [0, 300_000_000_000, 600_000_000_000]
    assert columns.timestamps[1] == datetime.datetime(1970, 1, 1, 0, 5, tzinfo=datetime.timezone.utc)
    assert db.measures(metric, start="1990").values == []
print("ok")
"""
    assert python(program) == "ok\n"


def test_a_library_that_is_not_there_is_said() -> None:
    program = """
import gnocchetti
try:
    gnocchetti.use_library("libnone.so")
    gnocchetti.open("x")
except gnocchetti.LibraryError as error:
    print("libnone.so" in str(error) and "GNOCCHETTI_LIBRARY" in str(error))
"""
    assert python(program) == "True\n"


def test_a_library_of_another_kind_is_refused() -> None:
    program = """
import gnocchetti
try:
    gnocchetti.use_library("libc.so.6")
    gnocchetti.library_version()
except gnocchetti.LibraryError as error:
    print("gnt_version" in str(error))
"""
    assert python(program) == "True\n"


def test_another_library_cannot_be_named_later() -> None:
    gnocchetti.library_version()
    with pytest.raises(gnocchetti.LibraryError, match="in use already"):
        gnocchetti.use_library("other.so")


def test_the_documentation_of_the_package_runs() -> None:
    assert doctest.testmod(gnocchetti).failed == 0


@pytest.mark.parametrize("page", ["README.md", "docs/python.md", "python/README.md"])
def test_programs_of_the_papers_run(page: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), flags=re.M | re.S)
    assert programs, f"{page} has no program"
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for program in programs:
        exec(compile(program, page, "exec"), names)
