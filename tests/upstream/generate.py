"""Series to put through Gnocchi and through the database: archive policies, batches of measures, and queries.

A series is a dictionary, ready for JSON. Times are ns since the epoch; a column of values is the hexadecimal text of
their bits, 16 digits each. Everything follows from the seed.

Timestamps are whole microseconds below 2**62 ns: Gnocchi finds a measure's group in floating point, which is exact on a
boundary and at least that far from one. Granularities divide one another, as Gnocchi's late rule needs.
"""

import math
import random
import struct

SECOND = 10**9
MICROSECOND = 1000
CALENDAR = ["Y", "H", "Q", "M", "W"]

SIMPLE = ["mean", "sum", "min", "max", "count", "std", "first", "last", "median"]
PERCENTILES = [f"{percent}pct" for percent in range(1, 100)]
NAMED = SIMPLE + [f"rate:{method}" for method in SIMPLE]
METHODS = NAMED + PERCENTILES + [f"rate:{method}" for method in PERCENTILES]

# In tenths of a second.
NESTED = [
    [10],
    [600],
    [864000],
    [1, 10],
    [50, 3000],
    [600, 36000],
    [36000, 864000],
    [1, 10, 100],
    [10, 600, 36000],
    [100, 600, 3000],
    [70, 210, 2100],
    [3000, 36000, 864000],
]

BASES = [0, 0, 3 * 86400 * SECOND, 1_400_000_000 * SECOND, 1_700_000_000 * SECOND, 1_709_164_800 * SECOND]
FAR_BASES = [3_000_000_000 * SECOND, 4_102_444_800 * SECOND]

SPECIAL = [math.nan, math.inf, -math.inf, -0.0, 0.0, 1.0, -1.0]


def column(values):
    return "".join(struct.pack(">d", value).hex() for value in values)


def values(text):
    """The values of a column."""
    return struct.unpack(f">{len(text) // 16}d", bytes.fromhex(text))


def all_series(seed, count, small=False):
    """`count` series; those of `small` are short enough to be kept in a repository."""
    source = random.Random(seed)
    named, every = turns(source, NAMED), turns(source, METHODS)
    for number in range(count):
        if number % 75 == 50 and not small:
            methods = METHODS
        else:
            methods = [next(named) for _ in range(3)] + [next(every) for _ in range(source.randint(4, 6))]
        yield series(source, number, sorted(set(methods)), small)


def turns(source, methods):
    """Methods without end; each gets its turn before any gets the next one."""
    while True:
        yield from source.sample(methods, len(methods))


def series(source, number, methods, small):
    """Every third series comes in several batches; the others in one."""
    tenths = source.choice(NESTED)
    shape = source.choice(["regular", "dense", "dense", "gaps", "sparse", "bursts"])
    kind = source.choice(list(VALUES))
    parts = source.choice([1, 2, 6, 7, 10, 60])
    if methods == sorted(METHODS):
        # Groups of 51: the position of 56pct, (51 - 1) * 0.56, is not quite 28, and its neighbours may be infinite.
        tenths, shape, kind, parts = [51, 102, 510], "regular", source.choice(["half infinite", "half nan"]), 51
    granularities = [tenth * SECOND // 10 for tenth in tenths]
    whole_seconds = all(granularity % SECOND == 0 for granularity in granularities)
    base = source.choice(BASES + (FAR_BASES if whole_seconds else []))
    size = number_of_measures(source, methods, small)
    times = timestamps(source, shape, parts, base, granularities, size)
    values = VALUES[kind](source, len(times))
    measures = list(zip(times, values))
    batches = cut(source, measures, granularities[-1]) if number % 3 == 2 else [one(source, measures)]
    archives = [[granularity, points(source)] for granularity in granularities]
    return {
        "name": f"{number} {kind} {shape} in {len(batches)}",
        "back_window": source.randint(0, 3),
        "archives": archives,
        "methods": methods,
        "batches": [[[t for t, _ in batch], column(v for _, v in batch)] for batch in batches],
        "queries": list(queries(source, archives, methods, times)),
    }


def number_of_measures(source, methods, small):
    if small:
        return source.choice([1, 8, 20, 30])
    if len(methods) > 50:
        return source.choice([250, 500])
    return source.choice([1, 2, 3, 5, 10, 30, 60, 60, 100, 200, 200, 400, 1500])


def points(source):
    return source.choice([None, None, None, 1, 2, 7, 30, 500])


def timestamps(source, shape, parts, base, granularities, size):
    finest, coarsest = granularities[0], granularities[-1]
    longest = {"regular": 0, "dense": finest - 1, "gaps": 5 * finest, "sparse": 3 * coarsest, "bursts": finest // 10}[shape]
    step = max(finest // parts // MICROSECOND, 1) * MICROSECOND
    now = base + source.choice([0, source.randrange(coarsest)]) // MICROSECOND * MICROSECOND
    times = []
    for _ in range(size):
        times.append(now)
        if shape == "regular":
            now += step
        elif shape == "bursts" and source.random() < 0.1:
            now += source.randrange(1, 4 * coarsest) // MICROSECOND * MICROSECOND + MICROSECOND
        elif source.random() < 0.1:
            # Onto a boundary, which belongs to the group that it begins.
            now = (now // finest + 1) * finest
        else:
            now += source.randrange(longest) // MICROSECOND * MICROSECOND + MICROSECOND
    return times


def counter(source, size):
    value = float(source.randrange(10**6))
    for _ in range(size):
        value = 0.0 if source.random() < 0.02 else value + source.randrange(1000)
        yield value


def huge(source):
    return source.choice([-1, 1]) * source.uniform(0.1, 1.79) * 10.0 ** source.choice([300, 307, 308])


def wide(source):
    return struct.unpack("<d", struct.pack("<Q", source.getrandbits(64)))[0]


def each(draw):
    return lambda source, size: [draw(source) for _ in range(size)]


VALUES = {
    "integers": each(lambda source: float(source.randint(-50, 50))),
    "booleans": each(lambda source: float(source.random() < 0.5)),
    "decimals": each(lambda source: source.randint(-10000, 10000) / 100),
    "floats": each(lambda source: source.uniform(-1e3, 1e3) * 10.0 ** source.randint(-3, 3)),
    "counter": lambda source, size: list(counter(source, size)),
    "constant": lambda source, size: [source.uniform(-100, 100)] * size,
    "huge": each(huge),
    "tiny": each(lambda source: source.choice([-1, 1]) * source.randrange(1000) * 5e-324),
    "any": each(wide),
    "zeros": each(lambda source: source.choice([0.0, -0.0, -0.0, 1.0])),
    "nan": each(lambda source: math.nan if source.random() < 0.1 else source.uniform(-10, 10)),
    "infinite": each(lambda source: source.choice([math.inf, -math.inf]) if source.random() < 0.1 else source.random()),
    "half infinite": each(lambda source: math.inf if source.random() < 0.44 else source.uniform(-10, 10)),
    "half nan": each(lambda source: math.nan if source.random() < 0.44 else source.uniform(-10, 10)),
    "special": each(lambda source: source.choice(SPECIAL)),
}


def one(source, measures):
    """One batch: in order, out of order, or with some timestamps twice.

    Gnocchi keeps the smallest of duplicates that are processed together, the database the last one: here the last one is
    the smallest.
    """
    order = source.choice(["sorted", "shuffled", "duplicates"])
    if order == "sorted":
        return measures
    shuffled = measures[:]
    source.shuffle(shuffled)
    if order == "duplicates":
        larger = [(t, v + 1) for t, v in measures if v + 1 > v and source.random() < 0.2]
        return larger + shuffled
    return shuffled


def cut(source, measures, block):
    """Batches in the order in which they arrive: in order of time, or some measures late, or overwriting earlier ones."""
    cuts = sorted(source.randrange(len(measures) + 1) for _ in range(source.randint(1, 7)))
    batches = [measures[a:b] for a, b in zip([0] + cuts, cuts + [len(measures)])]
    if source.random() < 0.5:
        batches = delayed(source, measures, block * source.randint(1, 4), len(batches))
    if source.random() < 0.3:
        batches = [overwriting(source, earlier, batch) for earlier, batch in zip([[]] + batches, batches)]
    return [batch for batch in batches if batch] or [measures]


def delayed(source, measures, longest, count):
    """The measures in order of arrival, each up to `longest` after its time, in batches of about equal size."""
    arrivals = sorted(measures, key=lambda measure: measure[0] + source.choice([0, 0, source.randrange(longest)]))
    size = -(-len(arrivals) // count)
    return [arrivals[begin : begin + size] for begin in range(0, len(arrivals), size)]


def overwriting(source, earlier, batch):
    again = [(t, source.uniform(-10, 10)) for t, _ in earlier if source.random() < 0.1]
    return batch + again


def queries(source, archives, methods, times):
    """All of each archive; some of it where nothing is expired; and all of it resampled."""
    plain = [method for method in methods if not method.startswith("rate:")]
    for granularity, limit in archives:
        whole = {"granularity": granularity, "methods": methods, "from": None, "to": None, "resample": None}
        yield whole
        if limit is None:
            begin, end = sorted(source.choice(times) + source.choice([0, MICROSECOND]) for _ in range(2))
            begin, end = source.choice([(begin, end), (begin, None), (None, end)])
            yield {**whole, "from": begin, "to": end}
        if plain:
            longer = granularity * source.choice([2, 3, 10, 1000])
            yield {**whole, "methods": plain, "resample": source.choice(CALENDAR + [longer] * 3)}
