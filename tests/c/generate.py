"""Writes a C test that calls every function of the header with NULLs and with handles of a wrong kind.

The functions come from include/gnocchetti.h itself, so that none can be forgotten: a declaration that this script cannot read
is an error. Usage: generate.py HEADER OUTPUT
"""

import re
import sys

# What may be NULL behind the first argument that is a pointer; all else gives GNT_NULL_POINTER.
OPTIONAL = {
    "gnt_open": {"options"},
    "gnt_open_read_only": {"options"},
    "gnt_create_metric": {"archive_policy", "unit", "key"},
    "gnt_create_metrics": {"created"},
    "gnt_push": {"pushed"},
    "gnt_commit": {"pushed"},
    "gnt_query_set_resample": {"sampling"},
    "gnt_result_arrow": {"schema"},
    "gnt_arrow_stream": {"labels"},
    "gnt_resource_by_original_id": {"creator"},
    "gnt_resource_batch_extend": {"creator"},
    "gnt_commit_resources": {"pushed", "created"},
    "gnt_snapshot": {"report"},
}

HANDLES = ["batch", "database", "error", "metric_list", "options", "query", "resource_batch", "result", "text"]


def functions(header):
    """Each declaration as return type, name and list of (type, name)."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", header, flags=re.S)
    found = re.findall(r"^((?:const )?(?:struct )?\w+ \**)\s*(gnt_\w+)\(([^;]*?)\);", text, flags=re.M | re.S)
    named = set(re.findall(r"\b(gnt_\w+)\(", text))
    missed = named - {name for _, name, _ in found}
    if missed:
        sys.exit(f"cannot read the declarations of {sorted(missed)}")
    for kind, name, arguments in found:
        flat = " ".join(arguments.split())
        parts = [] if flat == "void" else re.split(r", ?", flat)
        pairs = [re.fullmatch(r"(.*?)(\w+)", part).groups() for part in parts]
        yield kind.strip(), name, [(type_.strip(), argument) for type_, argument in pairs]


def handle_of(type_):
    """The kind of handle that an argument takes, if it takes one."""
    found = re.fullmatch(r"(?:const )?(?:struct )?gnt_(\w+) \*", type_)
    return found.group(1) if found and found.group(1) in HANDLES else None


def valid(type_):
    """Something that fits an argument of this type."""
    handle = handle_of(type_)
    if handle:
        return f"fit.{handle}"
    if type_ == "const char *":
        return '"x"'
    if type_ == "const char *const *":
        return "fit.texts"
    if type_ == "const struct gnt_result *const *":
        return f"({type_})&fit.result"
    out = re.fullmatch(r"(?:struct )?(?:gnt_)?(\w+) \*\*?", type_)
    if out and (out.group(1) in HANDLES or out.group(1).startswith("Arrow")):
        return "NULL" if out.group(1) == "error" else f"&fit.{out.group(1)}_out"
    if type_.endswith("*"):
        return "NULL" if type_ == "void *" else f"({type_})fit.space"
    if type_.endswith("_callback"):
        return "NULL"
    return {"size_t": "1", "bool": "true"}.get(type_, "0")


def nothing(type_):
    return "NULL" if type_.endswith(("*", "_callback")) else "0"


def main(header, output):
    lines = []
    for kind, name, arguments in functions(open(header, encoding="utf-8").read()):
        status = kind == "gnt_status" and name != "gnt_error_status"
        nulls = ", ".join(nothing(type_) for type_, _ in arguments)
        first = next((type_ for type_, _ in arguments if type_.endswith("*")), None)
        if status and name != "gnt_close" and first:
            lines.append(f"    expect({name}({nulls}), GNT_NULL_POINTER, \"{name}: NULL\");")
        else:
            lines.append(f"    (void){name}({nulls});" if kind != "void" else f"    {name}({nulls});")
        takes = name == "gnt_close" or name.endswith("_free")
        for place, (type_, argument) in enumerate(arguments):
            handle = handle_of(type_)
            if not type_.endswith("*"):
                continue
            given = [valid(other) if index != place else None for index, (other, _) in enumerate(arguments)]
            if handle:
                other = "query" if handle != "query" else "options"
                given[place] = f"({type_})fit.{other}"
                call = f"{name}({', '.join(given)})"
                lines.append(
                    f"    expect({call}, GNT_WRONG_HANDLE, \"{name}: wrong {argument}\");" if status
                    else f"    (void)({call});"
                )
            if not takes:
                given[place] = "NULL"
                call = f"{name}({', '.join(given)})"
                if not status or argument == "error":
                    lines.append(f"    (void)({call});")
                elif type_ == "void *" or argument in OPTIONAL.get(name, set()):
                    lines.append(f"    unexpected({call}, GNT_NULL_POINTER, \"{name}: no {argument}\");")
                else:
                    lines.append(f"    expect({call}, GNT_NULL_POINTER, \"{name}: no {argument}\");")
                lines.append("    sweep(&fit);")
    body = "\n".join(lines)
    with open(output, "w", encoding="utf-8") as out:
        out.write(f'#include "misuse.h"\n\nvoid misuse_every_function(struct fit fit)\n{{\n{body}\n}}\n')
        out.write(f"\nconst int misuse_functions = {len(list(functions(open(header, encoding='utf-8').read())))};\n")


main(sys.argv[1], sys.argv[2])
