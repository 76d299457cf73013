"""Has Gnocchi aggregate many metrics by mean, as its API does once it knows them, and says how long that took and what came out.

For benches/index: aggregate.py VALUES DIRECTORY METRICS POINTS MEASURES_PER_POINT START. VALUES are little-endian doubles, metric
after metric.
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

    wholes = [timed(whole) for _ in range(RUNS)]
    computations = [timed(computation) for _ in range(RUNS)]
    answer = wholes[0][1]["aggregated"]
    json.dump(
        {
            "whole_ms": statistics.median(ms for ms, _ in wholes),
            "computation_ms": statistics.median(ms for ms, _ in computations),
            "points": [[int(stamp.astype("int64")), float(value)] for stamp, _, value in answer],
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
