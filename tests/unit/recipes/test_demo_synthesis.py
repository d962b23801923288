"""Speech from the real engines: exact times, determinism, resumable shards, and clear errors without the engines."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from gpa_mlx.errors import GPAError
from gpa_mlx.recipes.demo.data import shards, tts_engines
from gpa_mlx.recipes.demo.data.alignment import SEMANTIC_HOP_SAMPLES
from gpa_mlx.recipes.demo.data.dataset import DemoData, conversion_pairs, make_demo_data, steady_speech
from gpa_mlx.recipes.demo.data.plan import DemoDataConfig, SynthesisRequest
from gpa_mlx.recipes.demo.data.synthesis import phrasings, synthesise
from gpa_mlx.recipes.demo.data.synthetic_voices import HELD_OUT, RECOGNISED, SPEAKING, VOICES, EspeakVoice, FliteVoice
from gpa_mlx.recipes.demo.data.vocabulary import PHONES, PRONUNCIATIONS, WORDS

pytestmark = pytest.mark.slow  # not part of `make fast`

MISSING = [program for program in ("espeak-ng", "flite") if shutil.which(program) is None]
needs_engines = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")

SEQUENCE = ("seven", "go", "eight", "up")
CASES = [
    (voice, phrasing)
    for voice in (VOICES["slt"], VOICES["kal"], VOICES["slt-small"], VOICES["f1"], HELD_OUT[0])
    for phrasing in phrasings(voice)
]


def loudness(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


@needs_engines
@pytest.mark.parametrize(("voice", "phrasing"), CASES, ids=lambda value: getattr(value, "name", value))
def test_words_and_phones_lie_where_the_sound_is(voice, phrasing):
    spoken = synthesise(voice, SEQUENCE, phrasing, seed=1)
    assert spoken.wave.dtype == np.float32
    assert 0.2 < np.abs(spoken.wave).max() <= 1
    assert [WORDS[span.label - 1] for span in spoken.words] == list(SEQUENCE)
    assert [PHONES[span.label - 1] for span in spoken.phones] == [
        phone for word in SEQUENCE for phone, _ in PRONUNCIATIONS[word]
    ]
    assert (spoken.words[0].start, spoken.words[-1].end) == (0, len(spoken.wave))
    for spans in (spoken.words, spoken.phones):
        assert all(before.end <= after.start for before, after in pairwise(spans))
        assert all(span.end > span.start for span in spans)
    outside = np.ones(len(spoken.wave), dtype=bool)
    for span in spoken.words:
        assert 0.1 < (span.end - span.start) / 16000 < 1.2
        assert loudness(spoken.wave[span.start : span.end]) > 0.03
        outside[span.start : span.end] = False
    assert not spoken.wave[outside].any()


@needs_engines
@pytest.mark.parametrize("name", ["slt", "rms", "awb", "kal"])
def test_vowels_are_louder_than_the_stop_closures_next_to_them(name):
    spoken = synthesise(VOICES[name], ("stop", "two", "right"), "connected", seed=0)
    level: dict[str, list[float]] = {}
    for span in spoken.phones:
        level.setdefault(PHONES[span.label - 1], []).append(loudness(spoken.wave[span.start : span.end]))
    closures = np.mean([*level["t"], *level["p"]])
    vowels = np.mean([*level["aa"], *level["uw"], *level["ay"]])
    assert vowels > 3 * closures


@needs_engines
def test_steady_speech_says_a_word_the_same_way_in_every_place():
    voice = VOICES["rms"]
    alone = synthesise(voice, ("nine",), "steady", seed=0)
    spoken = synthesise(voice, ("go", "nine", "up"), "steady", seed=5)
    span = spoken.words[1]
    assert span.start % SEMANTIC_HOP_SAMPLES == 0
    np.testing.assert_array_equal(spoken.wave[span.start : span.end], alone.wave)


@needs_engines
def test_resampling_raises_the_pitch():
    low, high = FliteVoice("a", "slt", 170), FliteVoice("b", "slt", 170, 1.0, 1.2)
    frequencies = []
    for voice in (low, high):
        span = synthesise(voice, ("nine",), "steady", seed=0).phones[1]
        vowel = synthesise(voice, ("nine",), "steady", seed=0).wave[span.start : span.end].astype(np.float64)
        correlation = np.correlate(vowel, vowel, "full")[len(vowel) - 1 :]
        frequencies.append(16000 / (40 + int(correlation[40:200].argmax())))
    assert frequencies[1] / frequencies[0] == pytest.approx(1.2, rel=0.05)


@needs_engines
def test_every_espeak_variant_exists():
    wanted = {voice.variant for voice in (*RECOGNISED, *HELD_OUT) if isinstance(voice, EspeakVoice)}
    assert wanted <= tts_engines._espeak_variants()
    with pytest.raises(GPAError, match="no voice variant"):
        tts_engines.speak_with_espeak(EspeakVoice("x", "nobody", 50, 150), "yes")


def test_a_missing_engine_is_named_with_the_command_that_installs_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    tts_engines._espeak_variants.cache_clear()
    calls = [
        tts_engines.require_engines,
        lambda: tts_engines.speak_with_flite(FliteVoice("x", "slt", 170), "yes"),
        lambda: tts_engines.speak_with_espeak(EspeakVoice("x", "f1", 50, 150), "yes"),
        lambda: make_demo_data(tmp_path / "data"),
    ]
    for call in calls:
        with pytest.raises(GPAError, match="not installed") as caught:
            call()
        assert "apt install espeak-ng flite" in caught.value.hint
        assert "brew install" in caught.value.hint


def fake_engine(folder, script: str) -> None:
    program = folder / "flite"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)


def test_a_failing_engine_is_quoted(monkeypatch, tmp_path):
    fake_engine(tmp_path, "echo 'no such voice' >&2; exit 3")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(GPAError, match="flite failed: no such voice"):
        tts_engines.speak_with_flite(FliteVoice("x", "slt", 170), "yes")


def test_a_hanging_engine_is_given_up(monkeypatch, tmp_path):
    fake_engine(tmp_path, "exec sleep 20")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(tts_engines, "_TIMEOUT_S", 0.2)
    started = time.monotonic()
    with pytest.raises(GPAError, match="did not finish"):
        tts_engines.speak_with_flite(FliteVoice("x", "slt", 170), "yes")
    assert time.monotonic() - started < 5


def requests(count: int) -> list[SynthesisRequest]:
    return [
        SynthesisRequest(voice=SPEAKING[i % 3], words=(WORDS[i], WORDS[i + 1]), phrasing="loose", seed=i)
        for i in range(count)
    ]


@needs_engines
def test_shards_resume_where_they_stopped_and_equal_an_uninterrupted_run(monkeypatch, tmp_path):
    monkeypatch.setattr(shards, "_REQUESTS_PER_SHARD", 3)
    whole = shards.make_utterances(requests(8), tmp_path / "whole", workers=2)

    made = []

    def interrupted(voice, words, phrasing, *, seed):
        if len(made) == 5:
            raise KeyboardInterrupt
        made.append(words)
        return synthesise(voice, words, phrasing, seed=seed)

    monkeypatch.setattr(shards, "synthesise", interrupted)
    with pytest.raises(KeyboardInterrupt):
        shards.make_utterances(requests(8), tmp_path / "parts", workers=1)
    finished = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "parts").glob("*.json")}
    assert len(finished) == 1

    monkeypatch.setattr(shards, "synthesise", synthesise)
    resumed = shards.make_utterances(requests(8), tmp_path / "parts", workers=1)
    assert [replace(a, samples=None) for a in resumed] == [replace(b, samples=None) for b in whole]
    for a, b in zip(resumed, whole, strict=True):
        assert isinstance(a.samples, np.memmap)
        np.testing.assert_array_equal(a.samples, b.samples)
    assert all((tmp_path / "parts" / name).stat().st_mtime_ns == stamp for name, stamp in finished.items())


@needs_engines
def test_a_changed_plan_never_reads_old_audio(tmp_path):
    shards.make_utterances(requests(2), tmp_path)
    (changed,) = shards.make_utterances(requests(3)[2:], tmp_path)
    assert changed.words == (WORDS[2], WORDS[3])
    assert len(list(tmp_path.iterdir())) == 2


@pytest.fixture(scope="module")
def small_data(tmp_path_factory) -> DemoData:
    config = DemoDataConfig(
        sequences=12, synthetic_sequences=5, evaluation_sequences=8, held_out_sequences=3, non_speech=10
    )
    # Single words by all voices are most of the work and are not looked at here.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gpa_mlx.recipes.demo.data.plan.RECOGNISED", SPEAKING[:4])
        patch.setattr("gpa_mlx.recipes.demo.data.plan.SPEAKING", SPEAKING[:3])
        patch.setattr("gpa_mlx.recipes.demo.data.plan.WORDS", WORDS[:3])
        return make_demo_data(tmp_path_factory.mktemp("demo"), config)


@needs_engines
def test_evaluation_sets(small_data):
    clean, noisy = small_data.evaluation_set("trained"), small_data.evaluation_set("noisy")
    assert len(clean) == len(noisy) == 8
    for a, b in zip(clean, noisy, strict=True):
        assert a.words == b.words
        speech = a.wave != 0
        scale = (a.wave @ b.wave) / (a.wave @ a.wave)
        noise = b.wave - scale * a.wave
        power = np.mean((scale * a.wave[speech]) ** 2)
        assert 10 * np.log10(power / np.mean(noise**2)) == pytest.approx(10, abs=0.5)
        assert not a.wave[: a.word_spans[0].start].any()
        assert a.word_spans[0].start == 4000
    assert {utterance.voice for utterance in small_data.evaluation_set("held_out")} == {v.name for v in HELD_OUT}
    silent = small_data.evaluation_set("non_speech")
    assert len(silent) == small_data.config.evaluation_non_speech
    assert {utterance.text for utterance in silent} == {""}


@needs_engines
def test_conversion_pairs_say_the_same_words_in_two_voices(small_data):
    pairs = conversion_pairs(small_data.training)
    assert pairs
    targets = {id(utterance) for utterance in steady_speech(small_data.training)}
    for source, target in pairs:
        assert source.words == target.words
        assert source.voice != target.voice
        assert id(target) in targets
