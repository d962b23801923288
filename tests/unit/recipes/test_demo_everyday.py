"""The everyday evaluation: what is asked, how an independent judge is read, and what is counted."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from gpa_mlx.audio.files.wav import write_wav
from gpa_mlx.errors import NoSpeechError, SettingsError
from gpa_mlx.recipes.demo.domain.phrases import Phrase
from gpa_mlx.recipes.demo.evaluation.everyday import EverydayEvaluation, table_row
from gpa_mlx.recipes.demo.evaluation.hearing_sets import (
    Clip,
    HearingSet,
    connected_phrases,
    people_sets,
    phrase_sets,
    silent_sets,
    with_margins,
)
from gpa_mlx.recipes.demo.evaluation.whisper_judge import WhisperJudge, as_said
from gpa_mlx.recipes.demo.recordings.people import read_backgrounds, read_commands, read_digits, split_of_person
from gpa_mlx.recipes.demo.recordings.recording import Recording
from gpa_mlx.types import GenerationOptions

needs_engines = pytest.mark.skipif(
    shutil.which("espeak-ng") is None or shutil.which("flite") is None, reason="not installed: espeak-ng, flite"
)

PEOPLE = [f"{number:08x}" for number in range(12)]


def tone(hz=200.0, seconds=0.5):
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(int(16_000 * seconds)) / 16_000)).astype(np.float32)


@pytest.fixture
def people(tmp_path):
    commands = tmp_path / "commands"
    for word in ("yes", "stop"):
        for person in PEOPLE:
            (commands / word).mkdir(parents=True, exist_ok=True)
            write_wav(commands / word / f"{person}_nohash_0.wav", tone(), 16_000)
    (commands / "unknown").mkdir()
    for word in ("five", "bed"):
        for person in PEOPLE:
            write_wav(commands / "unknown" / f"{word}_{person}_nohash_1.wav", tone(), 16_000)
    (commands / "silence").mkdir()
    for number in range(8):
        write_wav(commands / "silence" / f"{number}.wav", tone(50), 16_000)
    (tmp_path / "fsdd" / "george").mkdir(parents=True)
    write_wav(tmp_path / "fsdd" / "george" / "7_00.wav", tone()[::2], 8000)
    return tmp_path


def test_nobody_is_in_both_splits(people):
    train, evaluation = (read_commands(people, split) for split in ("train", "evaluation"))
    assert len(train) + len(evaluation) == 4 * len(PEOPLE)
    assert {recording.voice for recording in train}.isdisjoint(recording.voice for recording in evaluation)
    assert {split_of_person(recording.voice) for recording in evaluation} == {"evaluation"}
    assert {recording.text for recording in train} == {"yes", "stop", "five", ""}


def test_digits_and_backgrounds_are_read(people):
    (digit,) = read_digits(people)
    assert (digit.text, digit.voice, len(digit.samples)) == ("seven", "george", 8000)
    rooms = [read_backgrounds(people, split) for split in ("train", "evaluation")]
    assert len(rooms[0]) + len(rooms[1]) == 8
    assert {recording.text for split in rooms for recording in split} == {""}


def test_a_folder_without_people_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="no recordings of Speech Commands"):
        read_commands(tmp_path, "train")
    assert read_digits(tmp_path) == []
    assert read_backgrounds(tmp_path, "train") == []


def test_people_are_asked_with_three_kinds_of_margins(people):
    sets = {hearing_set.name: hearing_set for hearing_set in people_sets(people, most=4)}
    assert len(sets) == 12
    assert all(1 <= len(hearing_set.clips) <= 4 for hearing_set in sets.values())
    assert {clip.text for clip in sets["the twenty first words by people, quiet margins"].clips} == {
        "yes", "stop", "five",
    }  # fmt: skip
    assert {clip.text for clip in sets["other words by people, left out, no margins"].clips} == {""}


def test_margins_are_a_room_before_and_after():
    clip = Clip(tone(), "yes", "x")
    (same,), (quiet,), (noisy,) = (with_margins([clip], kind) for kind in ("no", "quiet", "noisy"))
    assert same.wave is clip.wave
    assert 0.6 < (len(quiet.wave) - len(clip.wave)) / 16_000 < 1.6
    assert 0 < np.abs(quiet.wave[:4000]).max() < 0.01
    assert np.abs(noisy.wave[:4000]).max() > 0.05
    assert noisy.wave.dtype == np.float32


@needs_engines
def test_phrases_are_of_the_words_that_the_model_knows():
    words = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero")
    known, other = (
        Recording(samples=np.ones(8000, np.int16), groups=(tuple(text.split()),), voice="v", origin="kokoro")
        for text in ("one two three", "one two monday")
    )
    sets = {hearing_set.name: hearing_set for hearing_set in phrase_sets([known, other], None, words, most=3)}
    assert [clip.text for clip in sets["connected, natural voices (Kokoro)"].clips] == ["one two three"]
    old = sets["connected, flite and espeak-ng"].clips
    assert len(old) == 3
    assert all(set(clip.text.split()) <= set(words) and 3 <= len(clip.text.split()) <= 6 for clip in old)
    assert len(connected_phrases(words, 5)) == 5


def test_sounds_without_speech(people):
    sets = {hearing_set.name: hearing_set for hearing_set in silent_sets(people, most=5)}
    assert set(sets) == {"silence and noise", "music", "laughter", "people's rooms"}
    for hearing_set in sets.values():
        for clip in hearing_set.clips:
            assert clip.text == ""
            assert clip.wave.dtype == np.float32
            assert np.abs(clip.wave).max() <= 1


@pytest.mark.parametrize(
    ("written", "reference"),
    [
        ("25, no, left.", "twenty five no left"),
        ("5:36 left", "five three six left"),
        ("67014", "six seven zero one four"),
        ("40485", "forty four eight five"),
        ("256", "two hundred and fifty six"),
        ("6,851", "six thousand eight hundred and fifty one"),
        ("Friday, 2 a.m.", "friday two am"),
        ("Monday at 7 o’clock.", "monday at seven o'clock"),
        ("Minus 4.5", "minus four point five"),
        ("for zero", "four zero"),
        ("OK, thank you!", "okay thank you"),
    ],
)
def test_a_transcript_is_read_as_it_was_said(written, reference):
    assert as_said(written, reference) == reference


def test_a_mistake_stays_a_mistake():
    assert as_said("fifty nine", "five nine") == "fifty nine"
    assert as_said("80 left", "eight left") != "eight left"
    assert as_said("", "one") == ""
    assert as_said("1234567890123456", "one").startswith("one two three")


def test_a_missing_judge_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(SettingsError, match="needs faster-whisper"):
        WhisperJudge(tmp_path)
    monkeypatch.setitem(sys.modules, "faster_whisper", SimpleNamespace())
    with pytest.raises(SettingsError, match="no model of CTranslate2"):
        WhisperJudge(tmp_path)


@dataclass
class Engine:
    """Hears what `heard` says of a recording's length, and speaks as many samples as a text has letters."""

    heard: dict[int, str] = field(default_factory=dict)

    def transcribe(self, audio):
        return SimpleNamespace(text=self.heard.get(len(audio[0]), ""))

    def default_options(self, task):
        return GenerationOptions()

    def speak(self, text, *, voice, options):
        if text == "silent":
            raise NoSpeechError("Nothing.", hint="None.")
        return SimpleNamespace(audio=np.full(1000 * len(text), 0.1, np.float32))

    def convert_voice(self, audio, *, voice, options):
        return SimpleNamespace(audio=audio[0])


class Judge:
    def transcribe(self, wave):
        return {7000: "1 2", 6000: "nothing"}.get(len(wave), "")


VOICES = (SimpleNamespace(name="ann"), SimpleNamespace(name="bob"))


def figures(measured):
    return {row.target.name: row.target.figure for row in measured}


def test_hearing_is_counted_as_each_set_says():
    engine = Engine({5000: "Yes.", 6000: "one three"})
    clips = tuple(Clip(np.zeros(length, np.float32), text) for length, text in ((5000, "yes"), (6000, "one two")))
    sets = [HearingSet(name=name, clips=clips, measure=name, bound=0.5) for name in ("right", "errors")]
    sets.append(HearingSet(name="empty", clips=(*clips, Clip(np.zeros(9000), "")), measure="empty", bound=0.5))
    measured = list(EverydayEvaluation(engine, VOICES, None).hearing(sets))
    assert figures(measured) == {
        "right": 0.5, "word errors: errors": pytest.approx(1 / 3), "empty": pytest.approx(1 / 3),
    }  # fmt: skip
    assert [row.target.met for row in measured] == [True, True, False]
    assert table_row(measured[0]) == "| right | at least 50% | 50.0% | 2 | met |"
    assert table_row(measured[2]).endswith("| missed |")


def test_speech_is_heard_by_itself_and_by_the_judge():
    phrases = [Phrase((("one", "two"),)), Phrase((("silent",),))]
    teacher = [Clip(np.zeros(7000, np.float32), "one two")]
    engine = Engine({7000: "one two"})
    measured = EverydayEvaluation(engine, VOICES, Judge()).speaking(phrases, teacher)
    assert figures(measured) == {
        "word errors: its own speech, heard by itself": pytest.approx(1 / 3),
        "word errors: its own speech, heard by the judge": pytest.approx(1 / 3),
    }
    assert measured[1].beside == "the teacher's own speech: 0.0%"
    assert len(EverydayEvaluation(engine, VOICES, None).speaking(phrases, teacher)) == 1


def test_conversions_are_compared_with_both_voices():
    nearer = SimpleNamespace(timbre_closer=lambda *of: True, pitch_closer=lambda wave, source, target: target == "ann")
    clips = [Clip(np.zeros(7000, np.float32), "one two", "x")] * 2
    word = Clip(np.zeros(6000, np.float32), "go", "y")
    measured = EverydayEvaluation(Engine(), VOICES, Judge()).converting(clips, [word], nearer)
    assert figures(measured) == {
        "word errors: converted speech, heard by the judge": 0.0,
        "converted speech, closer to the target": 0.5,
        "a person's word in a built-in voice, understood by the judge": 0.0,
    }
    assert len(EverydayEvaluation(Engine(), VOICES, None).converting(clips, [word], nearer)) == 1
