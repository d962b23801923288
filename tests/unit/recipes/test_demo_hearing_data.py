"""What the part that hears learns from: labels, words cut and joined, acoustics, and batches."""

from __future__ import annotations

import shutil
from itertools import pairwise

import numpy as np
import pytest

from gpa_mlx.recipes.demo.data.alignment import LabelledSpan
from gpa_mlx.recipes.demo.domain import phones
from gpa_mlx.recipes.demo.domain.lexicon import WORDS
from gpa_mlx.recipes.demo.domain.phones import LABEL_COUNT, OTHER_SPEECH, PHONE_LABELS, labels_and_shares
from gpa_mlx.recipes.demo.recordings import hearing_data, old_engines
from gpa_mlx.recipes.demo.recordings.acoustics import (
    Acoustics,
    change_tempo,
    disturb,
    fast_length,
    shift_pitch,
    telephone,
)
from gpa_mlx.recipes.demo.recordings.frame_labels import audible, divided, phone_spans
from gpa_mlx.recipes.demo.recordings.hearing_pool import HearingPool, Mix, labelled_words
from gpa_mlx.recipes.demo.recordings.recording import Recording
from gpa_mlx.recipes.demo.recordings.splicing import LabelledSound, cut, join
from gpa_mlx.recipes.demo.recordings.store import RecordingStore
from gpa_mlx.recipes.demo.teachers.kokoro import SpokenWord, TimedSound
from gpa_mlx.recipes.demo.teachers.phonemes import phonemes
from gpa_mlx.recipes.demo.training.hearing_source import hearing_source

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="not installed: espeak-ng")

SPANS = (LabelledSpan(1, 1000, 3000), LabelledSpan(2, 3000, 6000))
MIX = Mix(whole={"kokoro": 0.4, "people": 0.3}, spliced=0.2, silent=0.1)


def noise(samples, seed=0):
    return np.random.default_rng(seed).uniform(-0.3, 0.3, samples).astype(np.float32)


def sound(samples=8000):
    return LabelledSound(noise(samples), ("go",), SPANS)


def timed(text="go on", voice="ann"):
    words = tuple(
        SpokenWord(
            word, (TimedSound("ɡ", 4000 * n, 4000 * n + 1000), TimedSound("O", 4000 * n + 1000, 4000 * n + 4000))
        )
        for n, word in enumerate(text.split())
    )
    samples = (noise(4000 * len(words)) * 32767).astype(np.int16)
    return Recording(samples=samples, groups=(tuple(text.split()),), voice=voice, origin="kokoro", words=words)


def of_person(text="go"):
    samples = np.concatenate([np.zeros(4000), noise(6000), np.zeros(6000)]) * 32767
    groups = ((text,),) if text else ()
    return Recording(samples=samples.astype(np.int16), groups=groups, voice="p1", origin="people")


@needs_espeak
@pytest.mark.parametrize("accent", ["en-us", "en-gb"])
def test_every_letter_of_every_word_has_a_phone_but_for_stress(accent):
    letters = {letter for word in WORDS for letter in phonemes((word,), accent)[0]}
    assert {letter for letter in letters if phones.label_of(letter) is None} <= set("ˈˌ")


def test_labels_are_told_apart_from_silence_and_other_speech():
    assert sorted(PHONE_LABELS.values()) == list(range(1, LABEL_COUNT - 1))
    assert OTHER_SPEECH == LABEL_COUNT - 1
    assert labels_and_shares("ɡˈO") == [(PHONE_LABELS["g"], 1.0), (PHONE_LABELS["ow"], 1.6)]


def test_a_stress_mark_sounds_with_its_vowel():
    word = SpokenWord("go", (TimedSound("ɡ", 0, 10), TimedSound("ˈ", 10, 30), TimedSound("O", 30, 50)))
    recording = Recording(samples=np.zeros(50, np.int16), groups=(("go",),), voice="a", origin="kokoro", words=(word,))
    assert phone_spans(recording) == (
        LabelledSpan(PHONE_LABELS["g"], 0, 10),
        LabelledSpan(PHONE_LABELS["ow"], 10, 50),
    )


@needs_espeak
def test_words_of_unknown_times_share_what_is_heard():
    spans = phone_spans(of_person())
    assert [span.label for span in spans] == [PHONE_LABELS["g"], PHONE_LABELS["ow"]]
    assert spans[0].start == pytest.approx(4000, abs=500)
    assert spans[1].end == pytest.approx(10_000, abs=500)


def test_other_speech_is_one_span_and_noise_is_none():
    (span,) = phone_spans(of_person(""))
    assert span.label == OTHER_SPEECH
    assert phone_spans(Recording(samples=np.zeros(500, np.int16), groups=(), voice="", origin="people")) == ()


def test_what_is_heard_is_found_in_noise():
    wave = noise(16_000, 1) * 0.02
    wave[5000:9000] += noise(4000, 2)
    start, end = audible(wave)
    assert (start, end) == (pytest.approx(5000, abs=500), pytest.approx(9000, abs=500))
    assert audible(np.zeros(300, np.float32)) == (0, 300)


def test_a_stretch_is_divided_in_proportion():
    assert divided([(1, 1.0), (2, 3.0)], 100, 500) == (LabelledSpan(1, 100, 200), LabelledSpan(2, 200, 500))


def test_a_cut_takes_its_labels_along():
    part = cut(sound(), 2000, 5000, ("go",))
    assert part.spans == (LabelledSpan(1, 0, 1000), LabelledSpan(2, 1000, 3000))
    assert len(part.wave) == 3000
    assert part.wave[0] == part.wave[-1] == 0


def test_joined_words_are_equally_loud_and_keep_their_labels():
    quiet = LabelledSound(sound().wave * np.float32(0.1), ("up",), SPANS)
    joined = join([sound(), quiet], [500, 0])
    assert joined.words == ("go", "up")
    assert len(joined.wave) == 16_500
    assert joined.spans[2] == LabelledSpan(1, 9500, 11_500)
    assert np.abs(joined.wave[:8000]).mean() == pytest.approx(np.abs(joined.wave[8500:]).mean(), rel=0.1)
    assert not joined.wave[8000:8500].any()
    assert len(join([sound(), quiet], [-10_000, 0]).wave) == 12_000


def test_a_recording_is_cut_into_its_words():
    words = labelled_words(timed("go on"))
    assert [word.words for word in words] == [("go",), ("on",)]
    assert all(4000 <= len(word.wave) <= 4320 for word in words)


def test_pitch_and_tempo_move_the_labels():
    faster = shift_pitch(sound(), 1.25)
    assert len(faster.wave) == pytest.approx(6400, abs=10)
    assert faster.spans[1].end == pytest.approx(4800, abs=10)
    slower = change_tempo(sound(), 0.5)
    assert len(slower.wave) == 16_000
    assert slower.spans[0] == LabelledSpan(1, 2000, 6000)


def test_a_telephone_leaves_its_band():
    wave = telephone(noise(16_001))
    assert len(wave) == 16_001
    power = np.square(np.abs(np.fft.rfft(wave)))
    assert power[4200:].sum() < 0.01 * power.sum()
    assert power[:250].sum() < 0.01 * power.sum()


@pytest.mark.parametrize("samples", [1, 2, 1000, 16_001, 99_999])
def test_lengths_of_transforms_are_fast_and_little_longer(samples):
    length = fast_length(samples)
    assert samples <= length <= max(4, 1.13 * samples)
    assert length % 2 == 0
    rest = length
    for factor in (2, 3, 5):
        while rest % factor == 0:
            rest //= factor
    assert rest == 1


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_words_and_labels_stay_in_order_inside(seed):
    config = Acoustics(speed=0.7, pitch=0.7, room=0.7, microphone=0.7, telephone=0.5, noise=0.9, clipping=0.3)
    heard = disturb(sound(), np.random.default_rng(seed), [noise(5000)], config)
    said = heard.said
    assert said.words == ("go",)
    assert heard.heard.dtype == np.float32
    assert np.abs(heard.heard).max() <= 1
    assert np.isfinite(heard.heard).all()
    assert len(said.wave) == len(heard.heard)
    assert all(before.end <= after.start for before, after in pairwise(said.spans))
    assert said.spans[0].start >= 0
    assert said.spans[-1].end <= len(said.wave)
    again = disturb(sound(), np.random.default_rng(seed), [noise(5000)], config)
    np.testing.assert_array_equal(heard.heard, again.heard)


@needs_espeak
def test_batches_are_the_same_from_any_step_on():
    pool = HearingPool([timed(), timed("up go", "bob"), of_person(), of_person("")], [noise(4000)], MIX, Acoustics())
    source = hearing_source(pool, 6, seed=3)
    stream = source(0)
    first, second = next(stream), next(stream)
    resumed = next(source(1))
    np.testing.assert_array_equal(second.waveforms, resumed.waveforms)
    np.testing.assert_array_equal(second.encoder_input, resumed.encoder_input)
    np.testing.assert_array_equal(second.labels, resumed.labels)
    assert not np.array_equal(first.waveforms, first.encoder_input)
    assert first.waveforms.shape[1] % 1280 == 0
    assert first.labels.shape == (6, first.waveforms.shape[1] // 320)
    drawn = {label for batch in (first, second, *(next(stream) for _ in range(6))) for label in np.unique(batch.labels)}
    assert {0, OTHER_SPEECH, PHONE_LABELS["g"], PHONE_LABELS["ow"]} <= drawn
    assert max(drawn) < LABEL_COUNT


@needs_espeak
def test_batches_made_ahead_are_the_same():
    pool = HearingPool([timed(), of_person()], [noise(4000)], MIX, Acoustics())
    one, three = (hearing_source(pool, 2, seed=3, loaders=loaders)(5) for loaders in (1, 3))
    for _ in range(8):
        expected, ahead = next(one), next(three)
        np.testing.assert_array_equal(expected.encoder_input, ahead.encoder_input)
        np.testing.assert_array_equal(expected.labels, ahead.labels)
    three.close()


def test_origins_without_recordings_are_left_out():
    pool = HearingPool([], [], MIX, Acoustics())
    assert pool.draw(np.random.default_rng(0)).sound.said.words == ()


def test_old_engines_say_phrases_and_other_words_to_be_gone_on_with(tmp_path, monkeypatch):
    calls = []

    def say(voice, text, *, tempo):
        calls.append(text)
        return noise(4000, len(text))

    monkeypatch.setattr(old_engines, "_PER_SHARD", 20)
    monkeypatch.setattr(old_engines, "require_engines", lambda: None)
    monkeypatch.setattr(old_engines, "speak_with_espeak", say)
    monkeypatch.setattr(old_engines, "speak_with_flite", lambda *args, **options: (say(*args, **options), []))
    old_engines.record_old_engines(tmp_path, 40)
    recordings = list(RecordingStore(tmp_path).read())
    assert len(recordings) == len(calls) == 40
    assert any(recording.groups == () for recording in recordings)
    assert any(len(recording.groups) > 1 for recording in recordings)
    assert {word for recording in recordings for word in recording.text.split()} <= set(WORDS)
    assert not set(old_engines._OTHER_WORDS.split()) & set(WORDS)
    old_engines.record_old_engines(tmp_path, 60)
    assert len(calls) == 60


def test_everything_there_is_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(hearing_data, "read_commands", lambda folder, split: [of_person()])
    monkeypatch.setattr(hearing_data, "read_backgrounds", lambda folder, split: [of_person("")])
    monkeypatch.setattr(
        hearing_data,
        "record_old_engines",
        lambda folder, count, on_progress: RecordingStore(folder).write(0, [timed()], []),
    )
    RecordingStore(tmp_path / "train").write(0, [timed()], [])
    data = hearing_data.record_and_read(tmp_path / "people", tmp_path)
    assert [recording.origin for recording in data.recordings] == ["people", "kokoro", "kokoro"]
    assert data.summary.startswith("3 recordings of 2 voices: kokoro 0.0 min, people")
    assert len(data.backgrounds) == 1
