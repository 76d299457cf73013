"""Has Gnocchi aggregate many metrics by mean, as its API does once it knows them, and says how long that took and what came out.

For benches/index: aggregate.py VALUES DIRECTORY METRICS POINTS MEASURES_PER_POINT START. VALUES are little-endian doubles, metric
after metric. For each line ``answer`` on stdin it answers once, and prints how many milliseconds that took by the clock; for any
other, what came out, and the medians of what it took of a core.
"""

import json
import pathlib
import statistics
import sys
import time

import gnocchi_storage
import numpy
from gnocchi.rest.aggregates import processor

MINUTE = 60 * 10**9
RUNS = 5


def timed(call):
    """What a call takes of a core in milliseconds, and what it returns."""
    begin = time.process_time()
    answer = call()
    return (time.process_time() - begin) * 1e3, answer


def whole_turns(call):
    """Answers as often as it is told to, the caches warm; what each took of a core, and the last answer."""
    cores, answer = [], None
    for line in sys.stdin:
        if line != "answer\n":
            break
        call()
        begin = time.perf_counter()
        core, answer = timed(call)
        print((time.perf_counter() - begin) * 1e3, flush=True)
        cores.append(core)
    return cores, answer


def main():
    values, directory = sys.argv[1], pathlib.Path(sys.argv[2])
    count, points, measures, start = map(int, sys.argv[3:])
    values = numpy.fromfile(values, dtype="<f8").reshape(count, points * measures)
    stamps = [start + i * (MINUTE // measures) for i in range(points * measures)]
    directory.mkdir()
    upstream = gnocchi_storage.Gnocchi(directory)
    series = {"archives": [[MINUTE, None]], "back_window": 0, "methods": ["mean"]}
    metrics = [upstream.metric(series) for _ in range(count)]
    for metric, column in zip(metrics, values):
        upstream.push(metric, stamps, column.tolist())

    operations = ["aggregate", "mean", ["metric"] + [[str(metric.id), "mean"] for metric in metrics]]
    references = [processor.MetricReference(metric, "mean") for metric in metrics]

    def whole():
        return processor.get_measures(upstream.storage, references, operations, fill="dropna")

    span = gnocchi_storage.ns(MINUTE)
    read = [processor._get_measures_timeserie(upstream.storage, reference, span, None, None) for reference in references]

    def computation():
        return processor.aggregated(read, operations, None, None, 100.0, "dropna")

    cores, answer = whole_turns(whole)
    computations = [timed(computation) for _ in range(RUNS)]
    json.dump(
        {
            "core_ms": statistics.median(cores),
            "computation_ms": statistics.median(ms for ms, _ in computations),
            "points": [[int(stamp.astype("int64")), float(value)] for stamp, _, value in answer["aggregated"]],
        },
        sys.stdout,
    )
    print()


if __name__ == "__main__":
    main()
