"""Processes that are killed, and one that works for long: short forms of `kills.py` and `soak.py`."""

from __future__ import annotations

import pytest

from tests.robustness.interrupts import run as run_interrupts
from tests.robustness.kills import run
from tests.robustness.soak import Soak, soak


@pytest.mark.slow
def test_nothing_is_damaged_by_kills():
    tallies = run(8, seed=20261121)
    assert [tally.damage for tally in tallies] == [[], [], [], []]
    assert [tally.kills for tally in tallies] == [2, 2, 2, 2]


@pytest.mark.slow
def test_signals_end_every_command_cleanly():
    tallies = run_interrupts(12, seed=20261130)
    assert len(tallies) >= 5
    assert [tally.problems for tally in tallies] == [[] for _ in tallies]


@pytest.mark.slow
def test_memory_stays_where_it_is():
    result = soak(84, warm_up=42)
    assert sum(result.counts.values()) == 84
    assert len(result.counts) == 7
    assert result.is_steady, result


@pytest.mark.parametrize(("rss_mb", "files", "steady"), [(104, 6, True), (106, 6, False), (100, 7, False)])
def test_growth_is_seen(rss_mb, files, steady):
    assert Soak(warm_mb=100, rss_mb=rss_mb, warm_files=6, files=files).is_steady is steady
