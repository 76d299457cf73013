"""What ctypes believes of the library is what its header says: drift fails here, not as a crash at a user's."""

from __future__ import annotations

import ctypes
import re
from typing import Any

from conftest import ROOT
from gnocchetti import _abi, errors
from gnocchetti._version import __version__

HEADER = (ROOT / "include/gnocchetti.h").read_text()
CODE = re.sub(r"//[^\n]*|/\*.*?\*/", "", HEADER, flags=re.S)

SCALARS: dict[str, Any] = {
    "bool": ctypes.c_bool,
    "size_t": ctypes.c_size_t,
    "int64_t": ctypes.c_int64,
    "uint64_t": ctypes.c_uint64,
    "uint32_t": ctypes.c_uint32,
    "double": ctypes.c_double,
    "gnt_status": ctypes.c_uint32,
    "gnt_log_callback": _abi.LOG_CALLBACK,
    "gnt_progress_callback": _abi.PROGRESS_CALLBACK,
    "gnt_clock_callback": _abi.CLOCK_CALLBACK,
}
STRUCTS: dict[str, type[ctypes.Structure]] = {
    "gnt_pushed": _abi.Pushed,
    "gnt_metric_pushed": _abi.MetricPushed,
    "gnt_string": _abi.String,
    "gnt_metric": _abi.Metric,
    "gnt_series": _abi.Series,
    "gnt_snapshot_report": _abi.SnapshotReport,
}


def acceptable(declaration: str) -> tuple[Any, ...]:
    """The ways in which ctypes may say a C type, without its name."""
    words = declaration.replace("const", " ").replace("struct", " ").replace("enum", " ")
    stars, name = words.count("*"), words.replace("*", " ").split()[0]
    if stars == 0:
        return (None,) if name == "void" else (SCALARS[name],) if name in SCALARS else (STRUCTS[name],)
    if stars == 2:
        return (ctypes.POINTER(ctypes.c_void_p),)
    if name == "char":
        return (ctypes.c_char_p, ctypes.c_void_p)
    if name in STRUCTS:
        return (ctypes.POINTER(STRUCTS[name]),)
    # An array of numbers or one number that is written: an address, or a pointer to its type.
    return (ctypes.c_void_p, ctypes.POINTER(SCALARS[name])) if name in SCALARS else (ctypes.c_void_p,)


def without_name(parameter: str) -> str:
    return re.sub(r"\w+$", "", parameter.strip())


def declared() -> dict[str, list[str]]:
    """Each function of the header: what it returns and what it takes."""
    functions = {}
    for returned, name, parameters in re.findall(r"^((?:\w+[ *]+)+?)(gnt_\w+)\(([^)]*)\);", CODE, flags=re.M):
        taken = [] if parameters.strip() == "void" else [without_name(each) for each in parameters.split(",")]
        functions[name] = [returned, *taken]
    return functions


def test_every_function_is_declared_as_in_the_header() -> None:
    functions = declared()
    assert len(functions) > 60
    assert sorted(functions) == sorted(_abi.FUNCTIONS)
    for name, types in functions.items():
        ours = _abi.FUNCTIONS[name]
        assert len(ours) == len(types), f"{name}: {len(ours) - 1} arguments here, {len(types) - 1} in the header"
        for place, (mine, declaration) in enumerate(zip(ours, types)):
            assert mine in acceptable(declaration), f"{name}: {mine} here, `{declaration}` in the header, at {place}"


def test_every_struct_is_laid_out_as_in_the_header() -> None:
    for name, ours in STRUCTS.items():
        found = re.search(rf"typedef struct {name}\s*\{{(.*?)\}} {name};", CODE, flags=re.S)
        assert found is not None, name
        members = [member.strip() for member in found[1].split(";") if member.strip()]
        names = [member.split()[-1].lstrip("*") for member in members]
        assert names == [field[0] for field in ours._fields_], name
        for member, field in zip(members, ours._fields_):
            expected = (ctypes.c_void_p,) if "*" in member else acceptable(without_name(member))
            assert field[1] in expected, f"{name}: {member}"


def test_every_status_has_its_exception() -> None:
    statuses = re.findall(r"^    (GNT_\w+) = (\d+),", CODE[: CODE.index("enum gnt_durability")], flags=re.M)
    named = {int(number): name for name, number in statuses if number != "0"}
    assert len(named) > 50
    assert sorted(named) == sorted(errors.BY_STATUS)
    for number, name in named.items():
        spoken = name.removeprefix("GNT_").replace("_", "").lower()
        assert errors.BY_STATUS[number].__name__.lower() == spoken


def test_the_comparison_finds_what_differs() -> None:
    assert ctypes.c_uint64 not in acceptable("int64_t ")
    assert ctypes.c_void_p not in acceptable("size_t ")
    assert ctypes.POINTER(_abi.Series) not in acceptable("const struct gnt_metric *")
    assert declared()["gnt_close"] == ["gnt_status ", "struct gnt_database *", "struct gnt_error **"]


def test_versions_agree() -> None:
    manifest = (ROOT / "Cargo.toml").read_text()
    assert f'version = "{__version__}"' in manifest
    assert f"#define GNT_ABI_VERSION {_abi.ABI_MAJOR}" in HEADER
    assert f"const ABI_MAJOR: u32 = {_abi.ABI_MAJOR};" in (ROOT / "build.rs").read_text()
