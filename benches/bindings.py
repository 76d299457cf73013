"""The calls that benches/bindings.rs times from Python: it prints ns per measure or per query, or ms.

Usage: bindings.py batch|query|import|ready DIRECTORY COUNT
"""

import sys
import time

SECOND = 1_000_000_000
BATCH = 10_000


def batch(directory, measures):
    """Batches of numpy arrays, as the other languages make them: ns per measure."""
    import numpy

    import gnocchetti

    durability = gnocchetti.Durability.buffered(1)
    with gnocchetti.open(directory, default_policies=True, durability=durability) as db:
        metric = db.create_metric("m", archive_policy="high")
        waiting = db.batch()
        begin = time.perf_counter_ns()
        for done in range(0, measures, BATCH):
            timestamps = numpy.arange(done, done + BATCH) * SECOND
            values = numpy.arange(float(BATCH))
            waiting.extend(metric, timestamps, values)
            waiting.commit()
        return (time.perf_counter_ns() - begin) / measures


def query(directory, times):
    """All points of the metric as numpy arrays: ns per query, the median of several."""
    import gnocchetti

    took = []
    with gnocchetti.open(directory) as db:
        metric = db.metric("m")
        # The first answer imports numpy.
        assert len(db.measures(metric, "mean").values) > 0
        for _ in range(times):
            begin = time.perf_counter_ns()
            columns = db.measures(metric, "mean")
            timestamps, values = columns.timestamps, columns.values
            took.append(time.perf_counter_ns() - begin)
            assert len(timestamps) == len(values) > 0
            # What an answer takes to be given back is not part of asking.
            del columns, timestamps, values
    return sorted(took)[times // 2]


def imported():
    """How long the import takes in a fresh process, in ms."""
    begin = time.perf_counter_ns()
    import gnocchetti

    assert gnocchetti.__version__
    return (time.perf_counter_ns() - begin) / 1e6


def ready():
    """How long it takes until a database can be opened: the import, all that a database needs, the library; in ms."""
    begin = time.perf_counter_ns()
    import gnocchetti

    assert gnocchetti.open and gnocchetti.library_version()
    return (time.perf_counter_ns() - begin) / 1e6


what, directory, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
if what in ("batch", "query"):
    print({"batch": batch, "query": query}[what](directory, count))
else:
    print({"import": imported, "ready": ready}[what]())
