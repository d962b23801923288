from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.lm.repetition import LoopDetector

LIMITS = {"max_period": 6, "min_ids": 12, "min_periods": 3}


def looping(ids, **limits):
    """Say after which ids there is a loop, by looking at every period of the whole past."""
    limits = LIMITS | limits
    found = []
    for end in range(1, len(ids) + 1):
        past = ids[:end]
        for period in range(1, limits["max_period"] + 1):
            needed = max(limits["min_ids"], limits["min_periods"] * period)
            tail = past[-needed:]
            if len(tail) == needed and all(a == b for a, b in zip(tail[period:], tail, strict=False)):
                found.append(end)
                break
    return found


@given(st.lists(st.integers(0, 2), max_size=60))
def test_it_agrees_with_a_search_of_the_whole_past(ids):
    detector = LoopDetector(**LIMITS)
    assert [end for end, token in enumerate(ids, start=1) if detector.push(token)] == looping(ids)


@given(st.lists(st.integers(0, 9), max_size=9), st.lists(st.integers(10, 20), min_size=1, max_size=6, unique=True))
def test_what_repeats_is_counted(start, period):
    detector = LoopDetector(**LIMITS)
    ids = start + period * 20
    end = next(end for end, token in enumerate(ids, start=1) if detector.push(token))
    assert detector.period == len(period)
    assert ids[: end - detector.repeated()] == start + period


@pytest.mark.parametrize("ids", [[1, 2, 3] * 3, [5] * 11, list(range(40))])
def test_a_little_repetition_is_no_loop(ids):
    detector = LoopDetector(**LIMITS)
    assert not any(detector.push(token) for token in ids)
    assert detector.repeated() == 0
