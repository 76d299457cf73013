"""What all tests share: a database of their own, in a directory of their own."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

import gnocchetti

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def directory(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "db"


@pytest.fixture
def db(directory: pathlib.Path) -> Iterator[gnocchetti.Database]:
    with gnocchetti.open(directory, default_policies=True) as database:
        yield database


@pytest.fixture
def seconds(db: gnocchetti.Database) -> gnocchetti.Metric:
    """A metric that keeps every second of a day."""
    policy = gnocchetti.ArchivePolicy("seconds", [("1 second", "1 day")], ["mean", "max", "count"])
    db.create_archive_policy(policy)
    return db.create_metric("load", archive_policy="seconds")
