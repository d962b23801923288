import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.text.metrics import character_error_rate, edit_distance, word_error_rate

words = st.text("abc", max_size=7)


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [("", "", 0), ("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("ab", "ba", 2), ("abcd", "bcd", 1)],
)
def test_known_distances(first, second, distance):
    assert edit_distance(first, second) == distance


@given(words, words, words)
def test_distance_is_a_metric(a, b, c):
    assert edit_distance(a, b) == edit_distance(b, a)
    assert (edit_distance(a, b) == 0) == (a == b)
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)
    assert abs(len(a) - len(b)) <= edit_distance(a, b) <= max(len(a), len(b))


def test_rates_pool_all_pairs():
    pairs = [("one two three", "one too three"), ("four", "four")]
    assert word_error_rate(pairs) == 1 / 4
    assert character_error_rate(pairs) == 1 / 15


def test_case_and_punctuation_do_not_count():
    assert word_error_rate([("Don't stop, now!", "dont stop now")]) == 0
    assert character_error_rate([("你好，世界。", "你好世界")]) == 0


def test_words_for_silence_count_as_errors():
    assert word_error_rate([("", "well hello")]) == 2
    assert word_error_rate([("", "")]) == 0
