from __future__ import annotations

import numpy as np
import pytest

from gpa_mlx.codec.speech import LIVE_LOOKAHEAD
from gpa_mlx.errors import InputTextError, NoSpeechError, SettingsError
from gpa_mlx.synthesis.long_form import synthesize
from gpa_mlx.synthesis.plan import SpeechPlan, SynthesisSettings, plan_passages
from gpa_mlx.synthesis.trimming import PAUSE_S, speech_level
from gpa_mlx.types import SAMPLE_RATE_HZ, GenerationOptions

OPTIONS = GenerationOptions(temperature=0.2, seed=5)
FIRST = "The first sentence of this text is here."
SECOND = "The second one follows it closely, as ever."
THIRD = "A paragraph of its own is what the third has."
TEXT = f"{FIRST} {SECOND}\n\n{THIRD}"
SETTINGS = SynthesisSettings(max_chars=50)


def begun(engine, voice, text, options=OPTIONS, settings=SETTINGS, done=()):
    plan = SpeechPlan(text, settings, exact=not options.constrain)
    return synthesize(engine, plan, voice=voice, options=options, settings=settings, done=done)


def told(engine, voice, text=TEXT, settings=SETTINGS, options=OPTIONS, done=()):
    pieces = list(begun(engine, voice, text, options, settings, done))
    passages = [piece.passage for piece in pieces if piece.passage]
    return np.concatenate([np.zeros(0, dtype=np.float32), *(piece.audio for piece in pieces)]), passages


def test_every_passage_is_said_in_order_with_its_own_seed_and_budget(scripted, voice):
    engine = scripted()
    _, passages = told(engine, voice)
    assert [passage.text for passage in passages] == [FIRST, SECOND, THIRD]
    assert [(call.subject, call.options.seed) for call in engine.calls] == [(FIRST, 5), (SECOND, 6), (THIRD, 7)]
    assert [call.lookahead for call in engine.calls] == [None] * 3
    assert all(call.options.max_tokens > 3 * len(call.subject) for call in engine.calls)
    assert {passage.finish_reason for passage in passages} == {"stop"}


def test_pauses_follow_from_the_endings(scripted, voice):
    audio, (first, second, third) = told(scripted(), voice)
    assert first.start_s == 0
    assert second.start_s - first.end_s == pytest.approx(PAUSE_S["sentence"], abs=1e-4)
    assert third.start_s - second.end_s == pytest.approx(PAUSE_S["paragraph"], abs=1e-4)
    assert len(audio) == round(third.end_s * SAMPLE_RATE_HZ)
    silence = audio[round(first.end_s * SAMPLE_RATE_HZ) : round(second.start_s * SAMPLE_RATE_HZ)]
    assert not np.any(silence)
    assert np.abs(audio[round(second.start_s * SAMPLE_RATE_HZ) :][:100]).max() > 0.1


@pytest.mark.parametrize("end", ["loop", "silence", "length", "nothing"])
def test_what_goes_wrong_is_said_again(scripted, voice, end):
    engine = scripted({SECOND: [end, "stop"]})
    audio, passages = told(engine, voice)
    assert [passage.attempts for passage in passages] == [1, 2, 1]
    assert passages[1].finish_reason == "stop"
    seeds = [call.options.seed for call in engine.calls if call.subject == SECOND]
    assert passages[1].seed == seeds[1] != seeds[0]
    well, _ = told(scripted(), voice)
    assert len(audio) == len(well)


@pytest.mark.parametrize(("end", "reason"), [("loop", "loop"), ("silence", "silence"), ("length", "length")])
def test_what_stays_wrong_says_so_and_is_kept_as_far_as_it_was_well(scripted, voice, end, reason):
    audio, passages = told(scripted({SECOND: [end]}), voice)
    assert passages[1].finish_reason == reason
    assert passages[1].attempts == 1 + SETTINGS.retries
    well, _ = told(scripted(), voice)
    assert len(well) - SAMPLE_RATE_HZ <= len(audio) <= len(well) + 3.5 * SAMPLE_RATE_HZ


def test_a_passage_without_sound_takes_no_time(scripted, voice):
    _, passages = told(scripted({SECOND: ["nothing"]}), voice)
    assert passages[1].finish_reason == "no_codes"
    assert passages[1].start_s == passages[1].end_s == passages[2].start_s


def test_nothing_at_all_is_an_error(scripted, voice):
    engine = scripted({key: ["nothing"] for key in [FIRST, SECOND, THIRD]})
    with pytest.raises(NoSpeechError):
        told(engine, voice)


def test_greedy_speech_is_not_tried_twice(scripted, voice):
    engine = scripted({SECOND: ["loop", "stop"]})
    _, passages = told(engine, voice, options=GenerationOptions())
    assert passages[1].attempts == 1
    assert passages[1].seed is None


def test_verified_speech_keeps_the_attempt_that_is_understood(scripted, voice):
    _, passages = told(
        scripted({SECOND: ["unintelligible", "unintelligible", "stop"]}),
        voice,
        settings=SynthesisSettings(max_chars=50, verify=True),
    )
    assert [passage.attempts for passage in passages] == [1, 3, 1]
    assert [passage.error_rate for passage in passages] == [0, 0, 0]


def test_verified_speech_that_is_never_understood_has_its_score(scripted, voice):
    _, passages = told(
        scripted({SECOND: ["unintelligible"]}), voice, settings=SynthesisSettings(max_chars=50, verify=True, retries=1)
    )
    assert passages[1].attempts == 2
    assert passages[1].error_rate > 0.3


def test_loudness_is_matched_to_the_first_passage(scripted, voice):
    audio, (first, second, _) = told(scripted({SECOND: ["quiet"]}), voice)
    assert second.level == pytest.approx(first.level / 2, rel=0.1)
    levels = [speech_level(audio[round(p.start_s * 16000) : round(p.end_s * 16000)]) for p in (first, second)]
    assert levels[1] == pytest.approx(levels[0], rel=0.05)


def test_live_speech_comes_at_once_and_is_said_once(scripted, voice):
    engine = scripted({SECOND: ["loop", "stop"], THIRD: ["quiet"]})
    stream = begun(engine, voice, TEXT, settings=SynthesisSettings(max_chars=50, live=True))
    first = next(stream)
    assert 0 < len(first.audio) <= 25 * 320
    assert engine.streams_closed == 0
    passages = [piece.passage for piece in stream if piece.passage]
    assert [passage.attempts for passage in passages] == [1, 1, 1]
    assert passages[1].finish_reason == "loop"
    assert [call.lookahead for call in engine.calls] == [LIVE_LOOKAHEAD] * 3


def test_live_and_whole_speech_are_the_same_where_nothing_is_repaired(scripted, voice):
    live, _ = told(scripted(), voice, text=FIRST, settings=SynthesisSettings(live=True))
    whole, _ = told(scripted(), voice, text=FIRST)
    np.testing.assert_array_equal(live, whole)


def test_closing_cancels(scripted, voice):
    engine = scripted()
    stream = begun(engine, voice, TEXT, settings=SynthesisSettings(max_chars=50, live=True))
    next(stream)
    stream.close()
    assert engine.streams_closed == len(engine.calls) == 1


@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_is_done_is_not_said_again(scripted, voice, count):
    script = {SECOND: ["quiet"]}
    whole, passages = told(scripted(script), voice)
    engine = scripted(script)
    rest, further = told(engine, voice, done=passages[:count])
    assert engine.spoken == [FIRST, SECOND, THIRD][count:]
    assert further == passages[count:]
    np.testing.assert_array_equal(rest, whole[len(whole) - len(rest) :])


def test_a_drawn_seed_is_told(scripted, voice):
    _, passages = told(scripted(), voice, options=GenerationOptions(temperature=0.2))
    assert [passage.seed - passages[0].seed for passage in passages] == [0, 1, 2]


def test_numbers_are_put_into_words_unless_told_otherwise():
    assert [spoken for _, spoken in plan_passages("I have 3 cats.", SynthesisSettings())] == ["I have three cats."]
    assert [spoken for _, spoken in plan_passages("I have 3 cats.", SynthesisSettings(normalize=False))] == [
        "I have 3 cats."
    ]


def test_passages_are_short_when_spoken_too():
    text = "It was 1999 2000 2001 2002."
    plan = plan_passages(text, SynthesisSettings(max_chars=30))
    assert all(len(spoken) < 30 for _, spoken in plan)
    assert " ".join(passage.text for passage, _ in plan) == text
    assert all(text[passage.start : passage.end] == passage.text for passage, _ in plan)
    assert [passage.pause for passage, _ in plan][-2:] == ["clause", "paragraph"]


def test_a_word_that_is_long_when_spoken_stays_whole():
    ((passage, spoken),) = plan_passages("123456789012", SynthesisSettings(max_chars=20))
    assert passage.text == "123456789012"
    assert len(spoken) > 20


def test_bad_input_is_refused_by_the_plan():
    with pytest.raises(InputTextError):
        plan_passages("...", SETTINGS)
    with pytest.raises(SettingsError):
        plan_passages("hello", SynthesisSettings(max_chars=1))


def test_passages_are_cut_where_the_clean_text_ends_and_keep_what_was_written():
    text = (
        "# Title\n\n<p>He **paid** 5&nbsp;dollars.</p>"
        "<p>See [the docs](https://a.com/x. y) 👍 now.</p>\n\n```sh\nls\n```"
    )
    plan = plan_passages(text, SynthesisSettings())
    assert [spoken for _, spoken in plan] == ["Title", "He paid five dollars.", "See the docs now.", "ls"]
    assert all(passage.text == text[passage.start : passage.end] for passage, _ in plan)
    assert "".join("".join(passage.text.split()) for passage, _ in plan) == "".join(text.split())


def test_a_passage_of_numbers_is_said_in_the_language_around_it():
    text = "我们的电话号码是这个，请大家记住：\n\n13812345678\n\n谢谢大家的支持和理解。"
    assert plan_passages(text, SynthesisSettings())[1].spoken == "幺三八幺二三四五六七八"


def test_text_with_nothing_left_to_say_is_refused():
    with pytest.raises(InputTextError, match="no text to speak"):
        plan_passages("👍 <img src=a.png>", SynthesisSettings())
