"""Groups over resources: machines with attributes, their metrics found by filter, and one series per group.

The cells (`# %%`) run one after the other as a script, and one by one in an editor that knows them.
"""

# %% Machines have a host group and a number of processors.
import tempfile

import numpy as np

import gnocchetti

db = gnocchetti.open(tempfile.mkdtemp(prefix="groups-"), default_policies=True)
db.create_resource_type(
    gnocchetti.ResourceType(
        "machine",
        {
            "rack": gnocchetti.Attribute("string", max_length=20),
            "processors": gnocchetti.Attribute("number", minimum=1, required=False),
        },
    )
)

# %% Six of them in three racks, each with a metric of its own named `cpu`.
machines = db.create_resources(
    gnocchetti.NewResource(
        f"node-{number}",
        type="machine",
        attributes={"rack": f"rack-{number % 3}", "processors": 2 ** (number % 4)},
        metrics={"cpu": gnocchetti.ResourceMetric(archive_policy="high", unit="%")},
    )
    for number in range(6)
)

# %% An hour of measures, every ten seconds: rack 2 is the busy one.
times = np.datetime64("2026-03-01T12:00", "s") + np.arange(0, 3600, 10)
random = np.random.default_rng(1)
with db.batch() as batch:
    for machine in machines:
        level = 30 + 20 * int(machine.attributes["rack"][-1])
        batch.extend(machine.metrics["cpu"], times, random.normal(level, 3, len(times)))

# %% Who is large and in rack 1 or 2?
large = db.search_resources("machine", "processors >= 2 and rack in ['rack-1', 'rack-2']")
print("large machines:", ", ".join(machine.original_resource_id for machine in large))

# %% Each rack is a group, and each group becomes one series: the mean of its machines, minute by minute.
for group in db.group_resources(["rack"], "machine"):
    metrics = " ".join(f"({machine.metrics['cpu'].id} mean)" for machine in group.resources)
    answer = db.aggregates(f"(aggregate mean (metric {metrics}))", granularity="1 minute")
    (series,) = answer
    mean = float(np.mean(series.values))
    print(f"{group.group['rack']}: {len(group.resources)} machines, {len(series)} minutes, mean {mean:.1f} %")
    assert abs(mean - (30 + 20 * int(group.group["rack"][-1]))) < 1

db.close()
