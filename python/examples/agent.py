"""An agent inside a program: it samples this machine while the program works, and the program asks for its own history.

The cells (`# %%`) run one after the other as a script, and one by one in an editor that knows them.
"""

# %% A database beside the program. Measures may wait a second for the disk: an agent rather loses one than waits.
import os
import tempfile
import threading
import time

import gnocchetti

directory = os.environ.get("AGENT_DB") or tempfile.mkdtemp(prefix="agent-")
db = gnocchetti.open(directory, durability=gnocchetti.Durability.kernel(1.0))

# %% What is kept: a second each for an hour, a minute each for a week. A policy of that name may be there from the last run.
try:
    db.create_archive_policy(
        gnocchetti.ArchivePolicy(
            "agent",
            [
                gnocchetti.Definition(granularity=1, timespan="1 hour"),
                gnocchetti.Definition(granularity=60, timespan="7 days"),
            ],
            aggregation_methods=["mean", "min", "max", "rate:mean"],
        )
    )
except gnocchetti.errors.ArchivePolicyExists:
    pass


# %% What is measured. Each function returns what one file of /proc says now.
def load() -> dict[str, float]:
    with open("/proc/loadavg") as file:
        return {"load.1min": float(file.read().split()[0])}


def memory() -> dict[str, float]:
    with open("/proc/meminfo") as file:
        sizes = {line.split(":")[0]: float(line.split()[1]) * 1024 for line in file}
    return {"memory.used": sizes["MemTotal"] - sizes["MemAvailable"]}


def processors() -> dict[str, float]:
    with open("/proc/stat") as file:
        user, nice, system, idle, *_ = (float(ticks) for ticks in file.readline().split()[1:])
    return {"cpu.busy.ticks": user + nice + system, "cpu.idle.ticks": idle}


UNITS = {"load.1min": "processes", "memory.used": "B", "cpu.busy.ticks": "ticks", "cpu.idle.ticks": "ticks"}


def metric(name: str) -> gnocchetti.Metric:
    try:
        return db.metric_by_name(name)
    except gnocchetti.errors.UnknownMetric:
        return db.create_metric(name, archive_policy="agent", unit=UNITS[name])


metrics = {name: metric(name) for name in UNITS}

# %% The agent: all measures of one moment in one batch, five times a second, until it is told to stop.
stop = threading.Event()


def sample() -> None:
    while not stop.wait(0.2):
        now = time.time_ns()
        with db.batch() as batch:
            for name, value in {**load(), **memory(), **processors()}.items():
                batch.add(metrics[name], now, value)


agent = threading.Thread(target=sample)
agent.start()

# %% The program works. Nobody waits for the agent, and the agent waits for nobody.
deadline = time.monotonic() + float(os.environ.get("AGENT_SECONDS", "5"))
while time.monotonic() < deadline:
    sum(number * number for number in range(100_000))
stop.set()
agent.join()

# %% What was there, second by second. Ticks only grow: their rate is what is of interest.
for name, each in metrics.items():
    method = "rate:mean" if name.endswith("ticks") else "mean"
    columns = db.measures(each, method=method, granularity="1 second")
    newest = f"{columns.values[-1]:>16.3f}" if len(columns) else "nothing".rjust(16)
    print(f"{name:<16} {method:<10} {len(columns):>4} points, newest {newest} {each.unit}")

# %% Closed properly, the next open has nothing to recover.
db.close()
