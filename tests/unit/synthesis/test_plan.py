"""`SpeechPlan`: a long text is planned bit by bit, and the plan is that of the whole text at once."""

from __future__ import annotations

import random

import pytest

from gpa_mlx.errors import InputTextError, SettingsError
from gpa_mlx.synthesis import reading
from gpa_mlx.synthesis.plan import SpeechPlan, SynthesisSettings, plan_passages

PIECES = (
    "It was a bright cold day. ",
    "Dr. Smith paid $3.50 on 2026-11-21.\n",
    "\n\n",
    "你好，世界。今天有3个人。",
    "**bold** and `code`, ",
    "# A heading\n",
    "- an item\n- another\n",
    "| a | b |\n|---|---|\n| 1 | 2 |\n",
    "12345 ",
    "😀 smile ",
    "x" * 70,
    " - - - - ",
    "zero\u200bwidth ",
)


@pytest.mark.parametrize("seed", range(6))
def test_the_plan_of_blocks_and_windows_is_that_of_the_whole_text(monkeypatch, seed):
    rng = random.Random(seed)
    text = "".join(rng.choice(PIECES) for _ in range(150))
    settings = SynthesisSettings(max_chars=40)
    whole = plan_passages(text, settings)
    monkeypatch.setattr(reading, "_BLOCK_CHARS", 200)
    monkeypatch.setattr(reading, "_LONGEST_LINE_CHARS", 4_000)
    monkeypatch.setattr(reading, "_WINDOW_PASSAGES", 8)
    assert plan_passages(text, settings) == whole
    position = 0
    for planned in whole:
        assert text[planned.passage.start : planned.passage.end] == planned.passage.text
        assert not text[position : planned.passage.start].strip()
        position = planned.passage.end


@pytest.mark.parametrize("unit", ["Hello there, this is one of many sentences. ", "一句话没有标点", "1999 2000 "])
def test_what_is_asked_for_is_planned(monkeypatch, unit):
    seen = 0
    normalize = reading.normalize_text

    def counted(text, **options):
        nonlocal seen
        seen += len(text)
        return normalize(text, **options)

    monkeypatch.setattr(reading, "normalize_text", counted)
    plan = SpeechPlan(unit * 50_000, SynthesisSettings())
    assert plan.get(2) is not None
    assert seen < 3_000
    assert not plan.count.is_exact
    assert plan.count.number > 1_000


def test_the_count_of_a_text_that_was_planned_to_its_end_is_exact():
    plan = SpeechPlan("One sentence is here. Another one is here, too.\n\nAnd one more of them.", SynthesisSettings())
    passages = list(plan)
    assert (plan.count.number, plan.count.is_exact) == (len(passages), True)
    assert plan.is_last(len(passages) - 1)
    assert plan.share_before(0) == 0.0
    assert plan.share_before(len(passages)) == 1.0


def test_the_language_of_numbers_is_that_of_the_first_words():
    plan = SpeechPlan("12345\n\n67890\n\n他有三个苹果。", SynthesisSettings())
    assert all("one" not in planned.spoken for planned in plan)


@pytest.mark.parametrize(("text", "error"), [("...", InputTextError), ("😀😀", InputTextError), ("", InputTextError)])
def test_what_cannot_be_spoken_is_refused_at_once(text, error):
    with pytest.raises(error):
        SpeechPlan(text, SynthesisSettings())
    with pytest.raises(SettingsError):
        SpeechPlan("Hello.", SynthesisSettings(max_chars=3))
