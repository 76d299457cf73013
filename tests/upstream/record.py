"""Writes a recording: series, and what Gnocchi answers for each, one JSON object per line.

tests/upstream/recorded.jsonl is `record.py --small --seed 1 --series 40`; ci/upstream.sh makes a larger one each time.
"""

import argparse
import json
import pathlib
import tempfile

import generate
import gnocchi_storage


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seed", type=int, required=True)
    arguments.add_argument("--series", type=int, required=True)
    arguments.add_argument("--small", action="store_true", help="few measures per series")
    arguments.add_argument("output", type=pathlib.Path)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as directory, open(given.output, "w") as output:
        upstream = gnocchi_storage.Gnocchi(pathlib.Path(directory))
        for number, series in enumerate(generate.all_series(given.seed, given.series, given.small), 1):
            answer(upstream, series)
            output.write(json.dumps(series, separators=(",", ":")) + "\n")
            if number % 100 == 0 or number == given.series:
                print(f"Gnocchi has answered for {number} of {given.series} series", flush=True)


def answer(upstream, series):
    metric = upstream.metric(series)
    for timestamps, values in series["batches"]:
        upstream.push(metric, timestamps, generate.values(values))
    for query in series["queries"]:
        query["answers"] = [[stamps, generate.column(values)] for stamps, values in upstream.answer(metric, query)]


if __name__ == "__main__":
    main()
