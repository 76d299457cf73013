"""Damage in Python's hands: what a check finds."""

from __future__ import annotations

import pathlib

import gnocchetti


def flip(path: pathlib.Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x10
    path.write_bytes(data)


def test_a_damaged_chunk_is_found_and_placed(directory: pathlib.Path) -> None:
    with gnocchetti.open(directory, default_policies=True, background=False) as db:
        metric = db.create_metric("load")
        db.push_many(metric, [second * 1_000_000_000 for second in range(100)], [1.0] * 100)
        db.checkpoint()
        told: list[tuple[int, int]] = []
        report = db.check(lambda done, total: told.append((done, total)))
        assert report.is_sound and report.chunks >= 2 and report.metrics == 1
        assert told and told[-1][0] == told[-1][1]

        [raw] = (directory / "raw").iterdir()
        flip(raw, 30)
        [finding] = db.check().findings
        assert (finding.kind, finding.data, finding.offset, finding.file) == ("chunk", "state", 28, str(raw))
        assert (finding.metric, finding.metric_id) == (metric.key, metric.id)
        assert finding.span == (99_000_000_000, 99_000_000_000)
        assert finding.advice and "checksum" in finding.what
    assert gnocchetti.check_directory(directory).findings == [finding]


def test_a_directory_that_does_not_open_is_checked(directory: pathlib.Path) -> None:
    gnocchetti.open(directory, default_policies=True).close()
    flip(directory / "MANIFEST", 40)
    report = gnocchetti.check_directory(directory)
    assert [each.kind for each in report.findings] == ["manifest"]
    assert not report.is_sound
