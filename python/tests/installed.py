"""Uses an installed package as a user would: run by ci/python.sh with the Python of an empty environment."""

import shutil
import sys
import tempfile

import gnocchetti

assert shutil.which("cargo") is None and shutil.which("gcc") is None, "a compiler is at hand"
directory = tempfile.mkdtemp()
with gnocchetti.open(directory, default_policies=True) as db:
    metric = db.create_metric("room.temperature", unit="°C")
    db.push_many(metric, ["2026-03-01T12:00:00Z", "2026-03-01T12:00:20Z"], [20.5, 21.5])
    columns = db.measures(metric)
try:
    import numpy
except ImportError:
    assert columns.values == [21.0] and columns.nanos == [1_772_366_400_000_000_000]
    kind = "lists"
else:
    assert isinstance(columns.values, numpy.ndarray) and columns.values.tolist() == [21.0]
    kind = "arrays"
with gnocchetti.open(directory) as db:
    assert [point.value for point in db.measures("room.temperature")] == [21.0]
shutil.rmtree(directory)
print(f"gnocchetti {gnocchetti.library_version()} in Python {sys.version.split()[0]} gives {kind}")
