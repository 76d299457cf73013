"""Writes what Gnocchi makes of random operations over random series, one JSON object per line.

tests/upstream/operations.jsonl is `operations.py --small --seed 1 --cases 60`; ci/upstream.sh makes a larger one each time. Left out is
what docs/operations.md lists as different. Times are ns; a column of values is the hexadecimal text of their bits.
"""

import argparse
import json
import pathlib
import random
import sys
import types
import warnings

import generate
import numpy

# Its API imports the daemon, and that a database which nothing here needs.
sys.modules["gnocchi.cli.metricd"] = types.ModuleType("gnocchi.cli.metricd")

from gnocchi import carbonara  # noqa: E402
from gnocchi.rest.aggregates import api  # noqa: E402
from gnocchi.rest.aggregates import exceptions  # noqa: E402
from gnocchi.rest.aggregates import processor  # noqa: E402

MINUTE = 60 * 10**9
HOUR = 60 * MINUTE
REDUCTIONS = ["mean", "sum", "min", "max", "std", "var", "count", "median"]
REDUCTIONS += [f"rate:{reduction}" for reduction in REDUCTIONS]
ARITHMETIC = ["+", "add", "-", "sub", "*", "×", "mul", "/", "÷", "div", "%", "mod", "**", "^", "pow", "max"]
ARITHMETIC += ["clip_min", "clip_max"]
COMPARISONS = ["=", "==", "eq", "!=", "≠", "ne", "<", "lt", ">", "gt", "<=", "≤", "le", ">=", "≥", "ge"]
UNARY = ["abs", "absolute", "neg", "negative", "cos", "sin", "tan", "floor", "ceil", "rateofchange", "rateofchangesec"]
FILLS = [None, None, "null", "dropna", "ffill", "bfill", "full_ffill", "full_bfill", 0.0, -2.5]


def span(count):
    return numpy.timedelta64(count, "ns")


def stamp(time):
    return None if time is None else numpy.datetime64(time, "ns")


class Trees:
    """Random operations over the same metrics; each comes with whether it is one series, and whether it has truths."""

    def __init__(self, source, names):
        self.source, self.names = source, names

    def tree(self, depth):
        if depth == 0:
            return self.metric()
        return self.source.choice([self.aggregate, self.rolling, self.resample, self.unary, self.number, self.clip, self.pair])(depth)

    def metric(self):
        return ["metric"] + [[name, "mean"] for name in self.names], len(self.names) == 1, False

    def plain(self, depth):
        """One without truths, of which arithmetic makes something else in Gnocchi."""
        while True:
            operation, one, truths = self.tree(depth - 1)
            if not truths:
                return operation, one

    def aggregate(self, depth):
        operation, _, truths = self.tree(depth - 1)
        choice = ["mean", "sum", "min", "max", "count"] if truths else REDUCTIONS
        method = self.source.choice(choice)
        return ["aggregate", method, operation], True, truths and method in ("min", "max")

    def rolling(self, depth):
        operation, one = self.plain(depth)
        return ["rolling", self.source.choice(REDUCTIONS), self.source.randint(1, 5), operation], one, False

    def resample(self, depth):
        operation, one = self.plain(depth)
        method = self.source.choice(["mean", "sum", "min", "max", "count", "median"])
        return ["resample", method, self.source.choice([120, 300, 600]), operation], one, False

    def unary(self, depth):
        operation, one = self.plain(depth)
        return [self.source.choice(UNARY), operation], one, False

    def number(self, depth):
        operation, one = self.plain(depth)
        name = self.source.choice(ARITHMETIC + COMPARISONS)
        number = self.source.choice([-3.0, -0.5, 0.0, 0.25, 2.0, 10.0])
        # Gnocchi's clip has the values on the left.
        left = name.startswith("clip") or self.source.random() < 0.6
        return [name, operation, number] if left else [name, number, operation], one, name in COMPARISONS

    def clip(self, depth):
        operation, one = self.plain(depth)
        bounds = sorted(self.source.sample([-20.0, -1.5, 0.0, 3.0, 30.0], self.source.randint(1, 2)))
        return ["clip", operation] + bounds, one, False

    def pair(self, depth):
        (left, one), (right, other) = self.plain(depth), self.plain(depth)
        name = self.source.choice(ARITHMETIC[:16] + COMPARISONS)
        return [name, left, right], one and other, name in COMPARISONS


def for_gnocchi(operation):
    """The same, with the spans that its API has made of numbers."""
    if not isinstance(operation, list):
        return operation
    if operation[0] == "resample":
        _, method, seconds, operand = operation
        return ["resample", method, numpy.timedelta64(seconds * 10**9, "ns"), for_gnocchi(operand)]
    if operation[0] == "metric":
        return operation
    return [for_gnocchi(operand) for operand in operation]


def value(source):
    kind = source.random()
    if kind < 0.04:
        return float("nan")
    # Quarters, of which sums are exact: what differs is then not the order of a sum.
    return source.randint(-400, 400) / 4 if kind < 0.8 else source.uniform(1, 1000)


def points(source, granularity, count, present):
    times = [i * granularity for i in range(count) if source.random() < present]
    return times, [value(source) for _ in times]


def series(name, granularity, times, values):
    metric = types.SimpleNamespace(id=name)
    aggregation = carbonara.Aggregation("mean", span(granularity), None)
    stamps = numpy.array(times, dtype="datetime64[ns]")
    return (
        processor.MetricReference(metric, "mean"),
        carbonara.AggregatedTimeSerie.from_data(aggregation, stamps, numpy.array(values, dtype=float)),
    )


def listed(measures):
    return [[int(t.astype("int64")), int(g.astype("timedelta64[ns]").astype("int64")), generate.column([v])] for t, g, v in measures]


def case(source, length):
    names = [f"m{i}" for i in range(source.randint(1, 4))]
    granularities = source.choice([[MINUTE], [MINUTE], [MINUTE, HOUR]])
    present = source.choice([1.0, 1.0, 0.9, 0.5])
    operation = Trees(source, names).tree(source.randint(0, 3))[0]
    made = {
        "operation": operation,
        "fill": source.choice(FILLS),
        "needed_overlap": source.choice([100.0, 50.0, 0.0]),
        "from": source.choice([None, None, 3 * MINUTE, 150 * 10**9]),
        "to": source.choice([None, None, 20 * MINUTE]),
        "inputs": [[name, g, *points(source, g, length, present)] for name in names for g in granularities],
    }
    inputs = [series(*given) for given in made["inputs"]]
    try:
        answer = processor.aggregated(
            inputs, for_gnocchi(operation), stamp(made["from"]), stamp(made["to"]), made["needed_overlap"], made["fill"]
        )
    except exceptions.UnAggregableTimeseries as error:
        made["error"] = error.reason
    except (ValueError, RuntimeError, IndexError, TypeError):
        # Gnocchi fails, as on series of different numbers.
        return None
    else:
        if "aggregated" in answer:
            made["answer"] = [[None, listed(answer["aggregated"])]]
        else:
            made["answer"] = [[name, listed(by_method["mean"])] for name, by_method in answer.items()]
    made["inputs"] = [[name, g, times, generate.column(values)] for name, g, times, values in made["inputs"]]
    return made


def history(source):
    """One resource that changes its flavor, grouped by it as it was over time."""
    times, values = points(source, HOUR, 12, 0.9)
    moments = sorted(source.sample(range(60, 11 * 60), source.randint(0, 4)))
    flavors = [source.choice(["a", "b", "c"]) for _ in range(len(moments) + 1)]
    edges = [0] + [moment * MINUTE for moment in moments] + [None]
    states = [[begin, end, flavor] for begin, end, flavor in zip(edges, edges[1:], flavors)]
    # Without a beginning, Gnocchi fails on a group with several states.
    begin, end = source.choice([0, 2 * HOUR, 90 * MINUTE]), source.choice([12 * HOUR, 8 * HOUR, 7 * HOUR + 20 * MINUTE])
    operation = source.choice(
        [
            ["aggregate", "mean", ["metric", ["m", "mean"]]],
            ["aggregate", "sum", ["metric", ["m", "mean"]]],
            ["*", ["aggregate", "max", ["metric", ["m", "mean"]]], 2.0],
        ]
    )

    def measures(resources, references, operations, start, stop, granularity, overlap, fill, details):
        return {"measures": processor.aggregated([series("m", HOUR, times, values)], operation, start, stop, 100.0, "dropna")}

    resources = [
        {"original_resource_id": "r", "revision_start": stamp(b), "revision_end": stamp(e), "flavor": f} for b, e, f in states
    ]
    # What its filter of the index finds.
    resources = [r for r in resources if r["revision_end"] is None or r["revision_end"] >= stamp(begin)]
    resources = [r for r in resources if r["revision_start"] < stamp(end)]
    grouper = api.Grouper(["flavor"], stamp(begin), stamp(end), {"operations": operation}, None, None, None, None, None, None, False)
    grouper.retrieve_resources_history = lambda: resources
    api.AggregatesController._get_measures_by_name = staticmethod(measures)
    answer = grouper.get_grouped_measures()
    groups = [[group["group"]["flavor"], listed(group["measures"]["measures"]["aggregated"])] for group in answer]
    inputs = [["m", HOUR, times, generate.column(values)]]
    return {"operation": operation, "from": begin, "to": end, "states": states, "inputs": inputs, "answer": groups}


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seed", type=int, required=True)
    arguments.add_argument("--cases", type=int, required=True)
    arguments.add_argument("--small", action="store_true", help="few points per series")
    arguments.add_argument("output", type=pathlib.Path)
    given = arguments.parse_args()
    numpy.seterr(all="ignore")
    warnings.simplefilter("ignore")
    source = random.Random(given.seed)
    with open(given.output, "w") as output:
        written = 0
        while written < given.cases:
            made = history(source) if written % 5 == 4 else case(source, 10 if given.small else 30)
            if made is not None:
                output.write(json.dumps(made, separators=(",", ":"), ensure_ascii=False) + "\n")
                written += 1
    print(f"Gnocchi has evaluated {written} operations", flush=True)


if __name__ == "__main__":
    main()
