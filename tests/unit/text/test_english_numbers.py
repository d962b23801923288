"""Words of English numbers."""

from __future__ import annotations

import pytest

from gpa_mlx.text.normalization.english_numbers import cardinal, ordinal


@pytest.mark.parametrize(
    ("value", "words", "rank"),
    [
        (0, "zero", "zeroth"),
        (1, "one", "first"),
        (12, "twelve", "twelfth"),
        (13, "thirteen", "thirteenth"),
        (20, "twenty", "twentieth"),
        (21, "twenty-one", "twenty-first"),
        (58, "fifty-eight", "fifty-eighth"),
        (100, "one hundred", "one hundredth"),
        (110, "one hundred and ten", "one hundred and tenth"),
        (999, "nine hundred and ninety-nine", "nine hundred and ninety-ninth"),
        (1_000, "one thousand", "one thousandth"),
        (1_005, "one thousand and five", "one thousand and fifth"),
        (1_100, "one thousand one hundred", "one thousand one hundredth"),
        (40_080, "forty thousand and eighty", "forty thousand and eightieth"),
        (
            12_345_678,
            "twelve million three hundred and forty-five thousand six hundred and seventy-eight",
            "twelve million three hundred and forty-five thousand six hundred and seventy-eighth",
        ),
        (10**9 + 3, "one billion and three", "one billion and third"),
        (10**15, "one quadrillion", "one quadrillionth"),
        (2 * 10**21, "two thousand quintillion", "two thousand quintillionth"),
    ],
)
def test_cardinals_and_ordinals(value: int, words: str, rank: str):
    assert (cardinal(value), ordinal(value)) == (words, rank)


def test_every_number_has_words_of_its_own():
    assert len({cardinal(value) for value in range(20_000)}) == 20_000


def test_below_zero():
    assert cardinal(-21) == "minus twenty-one"
