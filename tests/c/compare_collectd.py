"""Holds what collectd's own CSV writer wrote against what the database has. Usage: compare_collectd.py QUERY DATABASE CSV"""

import csv
import pathlib
import subprocess
import sys


def measured(query, database, name):
    """The values of a metric by whole second."""
    lines = subprocess.run([query, database, name, "max", "1"], check=True, capture_output=True, text=True).stdout
    return [float(line.split()[1]) for line in lines.splitlines()]


def main(query, database, folder):
    compared = 0
    for file in sorted(pathlib.Path(folder).glob("*/*")):
        with file.open(encoding="utf-8") as rows:
            header, *lines = csv.reader(rows)
        kind = file.name.rsplit("-", 3)[0]
        for column, source in enumerate(header[1:], 1):
            name = f"host.{file.parent.name}.{kind}" + (f".{source}" if len(header) > 2 else "")
            values = measured(query, database, name)
            written = [float(line[column]) for line in lines]
            # The CSV writer writes six decimals, and one of both may have seen one collection more when collectd ended.
            common = min(len(values), len(written))
            alike = all(abs(a - b) <= 5e-7 + 1e-9 * abs(b) for a, b in zip(values, written))
            if common < 3 or abs(len(values) - len(written)) > 1 or not alike:
                sys.exit(f"{name}: the database has {values}, collectd wrote {written}")
            compared += common
    print(f"{compared} values of collectd are in the database")
    if compared < 20:
        sys.exit("too few")


main(*sys.argv[1:])
