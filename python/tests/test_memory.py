"""Who owns what: arrays share the library's memory and outlive everything else, in whatever order things go."""

from __future__ import annotations

import gc
import itertools
import os
import pathlib
import random
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import gnocchetti
from gnocchetti import errors

POINTS = 50_000


def filled(db: gnocchetti.Database, metric: gnocchetti.Metric, points: int = POINTS) -> gnocchetti.Columns:
    times = np.arange(points) * 1_000_000_000
    db.push_many(metric, times, np.arange(float(points)))
    return db.measures(metric)


def test_arrays_share_the_memory_of_the_library(db: gnocchetti.Database, seconds: gnocchetti.Metric) -> None:
    columns = filled(db, seconds)
    for array, address in [(columns.values, columns._values), (columns.timestamps, columns._timestamps)]:
        assert array.__array_interface__["data"] == (address, True)
        assert not array.flags.owndata
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[1]
    series = columns.to_pandas()
    assert series.to_numpy().__array_interface__["data"][0] == columns._values


def test_arrays_outlive_a_closed_database(db: gnocchetti.Database, seconds: gnocchetti.Metric) -> None:
    columns = filled(db, seconds)
    values, frame = columns.values[10:], columns.to_pandas()
    db.close()
    del columns
    gc.collect()
    # Memory that was given back would be used again by now.
    ballast = [np.full(POINTS, -1.0) for _ in range(20)]
    assert np.array_equal(values, np.arange(10.0, POINTS))
    assert frame.sum() == POINTS * (POINTS - 1) / 2
    assert len(ballast) == 20


def test_things_may_go_in_any_order(tmp_path: pathlib.Path) -> None:
    orders = list(itertools.permutations(["db", "columns", "values", "batch", "set"]))
    for number, order in enumerate(random.Random(1).sample(orders, 20)):
        db = gnocchetti.open(tmp_path / str(number), default_policies=True)
        metric = db.create_metric("a")
        batch = db.batch()
        batch.add(metric, 0, 1.0)
        batch.commit()
        batch.add(metric, 1, 2.0)
        columns = db.measures(metric)
        things = {
            "db": db,
            "columns": columns,
            "values": columns.values,
            "batch": batch,
            "set": db.measures_of(metric, ["mean", "max"]),
        }
        del db, columns, batch
        for name in order:
            del things[name]
            gc.collect()
            for left in things.values():
                assert repr(left)


def test_a_closed_database_refuses_and_closes_twice(db: gnocchetti.Database, seconds: gnocchetti.Metric) -> None:
    batch = db.batch()
    batch.add(seconds, 0, 1.0)
    db.close()
    db.close()
    assert db.closed
    for call in (batch.commit, db.stats, db.flush, lambda: db.push(seconds, 0, 1.0), lambda: db.metric("load")):
        with pytest.raises(errors.Closed):
            call()
    assert len(batch) == 1


def test_closing_waits_for_calls_of_other_threads(directory: pathlib.Path) -> None:
    db = gnocchetti.open(directory, default_policies=True, durability="buffered")
    metric = db.create_metric("a", archive_policy="low")
    outcomes: list[type[BaseException] | None] = []

    def push() -> None:
        try:
            for second in itertools.count():
                db.push(metric, second * 1_000_000_000, 1.0)
        except BaseException as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=push) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    db.close()
    for thread in threads:
        thread.join()
    assert outcomes == [errors.Closed] * 4
    with gnocchetti.open(directory) as again:
        assert again.measures("a", "count").values.sum() > 0


def test_other_threads_run_while_the_library_works(db: gnocchetti.Database, seconds: gnocchetti.Metric) -> None:
    filled(db, seconds, 80_000)
    done = threading.Event()
    during = 0

    def work() -> None:
        # One call after the other, each without the interpreter's lock.
        for _ in range(30):
            db.measures(seconds, resample="7 seconds")
        done.set()

    thread = threading.Thread(target=work)
    before = sys.getswitchinterval()
    # The interpreter would not interrupt the worker by itself: whoever runs beside it runs because it let go.
    sys.setswitchinterval(3600)
    try:
        thread.start()
        while not done.is_set():
            during += 1
            time.sleep(0)
        thread.join()
    finally:
        sys.setswitchinterval(before)
    assert during > 30


def test_a_child_must_open_its_own(db: gnocchetti.Database, seconds: gnocchetti.Metric) -> None:
    db.push(seconds, 0, 1.0)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            db.push(seconds, 1_000_000_000, 2.0)
        except errors.Forked as error:
            code = 0 if error.opened_by == os.getppid() else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert db.push(seconds, 2_000_000_000, 3.0).accepted == 1


def test_what_nobody_closed_is_closed_at_the_end(directory: pathlib.Path) -> None:
    program = f"""
import gnocchetti
db = gnocchetti.open({str(directory)!r}, default_policies=True, durability=gnocchetti.Durability.buffered(3600))
columns = db.measures(db.create_metric("a"))
db.push("a", 0, 1.0)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    with gnocchetti.open(directory) as db:
        assert db.measures("a").values.tolist() == [1.0]
        assert db.stats().replayed_records == 0
