"""Numbers of long texts in digits: the same as of short ones, in time that grows with the text."""

from __future__ import annotations

import random
import time

import pytest
from text_to_num import alpha2digit

from gpa_mlx.text import itn
from gpa_mlx.text.itn import inverse_normalize

NUMBERS = "one two three nine ten eleven twenty thirty hundred thousand million point and minus zero first second fifth"
OTHERS = "of house dog the it was in march since said, then. one. two, twenty-one 1990 don't yes no so well uh ok tell"
ENGLISH = f"{NUMBERS} {OTHERS}".split()


@pytest.mark.parametrize("seed", range(20))
def test_where_a_text_is_cut_changes_nothing(monkeypatch, seed):
    monkeypatch.setattr(itn, "_PIECE_WORDS", seed % 5)
    chance = random.Random(seed)
    text = " ".join(chance.choice(ENGLISH) for _ in range(200))
    assert "".join(alpha2digit(piece, "en") for piece in itn._pieces(text)) == alpha2digit(text, "en")


@pytest.mark.parametrize(
    "part", ["one ", "house twenty ", "twenty one, ", "in nineteen fifty ", "二十三", "十月", "点一", "百分之二十三月"]
)
def test_long_texts_take_linear_time(part):
    def seconds(count):
        started_s = time.process_time()
        inverse_normalize(part * count)
        return time.process_time() - started_s

    seconds(10)
    # With the square of the length it would be 64 times as long.
    assert min(seconds(16_000) for _ in range(2)) < 24 * max(0.02, min(seconds(2_000) for _ in range(3)))
