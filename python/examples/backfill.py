"""A backfill from pandas: history that exists as a table goes in column by column, and comes back aggregated.

The cells (`# %%`) run one after the other as a script, and one by one in an editor that knows them.
"""

# %% Two weeks of a table as they might come out of a file: a column per sensor, every ten seconds, with holes.
import tempfile

import numpy as np
import pandas as pd

import gnocchetti

random = np.random.default_rng(1)
times = pd.date_range("2026-03-01", periods=14 * 8640, freq="10s", tz="UTC")
table = pd.DataFrame(
    {
        "kitchen.temperature": 20 + np.sin(np.arange(len(times)) / 1375) + random.normal(0, 0.1, len(times)),
        "cellar.temperature": 12 + random.normal(0, 0.05, len(times)),
    },
    index=times,
)
table.loc["2026-03-05", "cellar.temperature"] = np.nan

# %% Minutes for a month, hours for ten years; a rule gives the policy to all temperatures.
db = gnocchetti.open(tempfile.mkdtemp(prefix="backfill-"))
db.create_archive_policy(
    gnocchetti.ArchivePolicy(
        "temperatures",
        [
            gnocchetti.Definition(granularity="1 minute", timespan=pd.Timedelta(days=31)),
            gnocchetti.Definition(granularity="1 hour", timespan=pd.Timedelta(days=3650)),
        ],
        aggregation_methods=["mean", "min", "max", "count"],
    )
)
db.create_archive_policy_rule("temperatures", metric_pattern="*.temperature", archive_policy="temperatures")

# %% Each column goes in as it lies in memory. A hole is no measure: it is left out, not pushed as NaN.
with db.batch() as batch:
    for name in table:
        column = table[name].dropna()
        batch.extend(db.create_metric(name, unit="°C"), column.index, column)
assert batch.report is not None
print(f"{batch.report.total.accepted} measures of {len(table.columns)} metrics")
assert batch.report.total.accepted == int(table.count().sum())

# %% Back again: hours as a pandas table, both sensors side by side.
hours = gnocchetti.ColumnSet({name: db.measures(name, method="mean", granularity="1 hour") for name in table}).to_pandas()
print(hours.describe().round(2))

# %% The same as pandas itself makes of the raw measures.
expected = table.resample("1h").mean()
np.testing.assert_allclose(hours["kitchen.temperature"], expected["kitchen.temperature"], rtol=1e-12)
assert hours["cellar.temperature"]["2026-03-05"].isna().all()

# %% A day, to look at: in a notebook, plot() draws it. Agg draws without a screen.
import matplotlib

matplotlib.use("Agg")
day = db.measures("kitchen.temperature", granularity="1 minute", start="2026-03-07", stop="2026-03-08")
axes = day.plot(linewidth=1)
axes.set_title(f"{len(day)} minutes of the kitchen")
db.close()
