"""Recordings of the teachers: what is planned, how it is cut, and that an interruption changes nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from gpa_mlx.errors import GPAError
from gpa_mlx.recipes.demo.recordings import teaching
from gpa_mlx.recipes.demo.recordings.store import RecordingStore
from gpa_mlx.recipes.demo.recordings.takes import Take, draw_take
from gpa_mlx.recipes.demo.recordings.teaching import cut_take, record_takes
from gpa_mlx.recipes.demo.teachers.kokoro import SpokenPhrases, SpokenWord, TimedSound
from gpa_mlx.recipes.demo.teachers.voices import SPEAKING, single

PAUSE = 3200
WORD = 4000


class FakeTeacher:
    """Each word is noise of a quarter of a second in two sounds; between phrases nothing is heard."""

    def __init__(self):
        self.takes = 0

    def say(self, phrases, voice, *, speed):
        self.takes += 1
        rng = np.random.default_rng(len(voice.name))
        pieces, timed, place = [np.zeros(PAUSE)], [], PAUSE
        for phrase in phrases:
            words = []
            for word in phrase.words:
                middle, end = place + WORD // 2, place + WORD
                words.append(SpokenWord(word, (TimedSound("a", place, middle), TimedSound("b", middle, end))))
                pieces.append(rng.uniform(-0.5, 0.5, WORD))
                place = end
            pieces.append(np.zeros(PAUSE))
            place += PAUSE
            timed.append(tuple(words))
        return SpokenPhrases(np.concatenate(pieces).astype(np.float32), tuple(timed))


def test_a_take_depends_on_its_number_alone():
    assert draw_take("train", 7) == draw_take("train", 7)
    assert draw_take("train", 7) != draw_take("train", 8)
    assert draw_take("train", 7) != draw_take("evaluation", 7)


def test_whom_the_model_speaks_as_has_one_pace_and_others_have_many():
    takes = [draw_take("train", number) for number in range(100)]
    assert {take.speed for take in takes if take.voice in SPEAKING} == {1.0}
    assert len({take.speed for take in takes if take.voice not in SPEAKING}) > 20
    assert all(14 <= sum(len(phrase.words) for phrase in take.phrases) < 14 + 8 for take in takes)


def test_a_take_is_cut_into_its_phrases():
    take = draw_take("train", 0)
    recordings = cut_take(take, FakeTeacher().say(take.phrases, take.voice, speed=1.0))
    assert [recording.groups for recording in recordings] == [phrase.groups for phrase in take.phrases]
    for recording, phrase in zip(recordings, take.phrases, strict=True):
        assert recording.text == phrase.text
        assert [word.word for word in recording.words] == list(phrase.words)
        sounds = [sound for word in recording.words for sound in word.sounds]
        assert all(before.end <= after.start for before, after in pairwise(sounds))
        start, end = sounds[0].start, sounds[-1].end
        assert end - start == WORD * len(phrase.words)
        assert 0 < start <= 1600
        assert not recording.samples[:start].any()
        assert recording.samples[start:end].any()
        assert not recording.samples[end:].any()


def test_a_cut_is_made_where_it_is_quietest():
    wave = np.full(20_000, 0.3, np.float32)
    wave[10_100:10_400] = 0.01
    words = [SpokenWord("go", (TimedSound("a", start, end),)) for start, end in ((1000, 10_000), (10_200, 19_000))]
    take = Take(draw_take("train", 0).phrases[:2], single("af_heart"), 1.0)
    first, second = cut_take(take, SpokenPhrases(wave, ((words[0],), (words[1],))))
    assert abs(int(first.samples[-1])) < 500
    assert abs(int(second.samples[0])) < 500


def test_recordings_are_read_as_they_were_written(tmp_path):
    take = draw_take("evaluation", 3)
    recordings = cut_take(take, FakeTeacher().say(take.phrases, take.voice, speed=1.0))
    store = RecordingStore(tmp_path)
    store.write(0, recordings, [{"take": 3}])
    read = list(store.read())
    assert [replace(a, samples=None) for a in read] == [replace(a, samples=None) for a in recordings]
    for ours, theirs in zip(read, recordings, strict=True):
        assert isinstance(ours.samples, np.memmap)
        np.testing.assert_array_equal(ours.samples, theirs.samples)


@pytest.mark.parametrize("content", ["", "[]", '{"format": 0}', '{"format": 1, "recordings": [{"samples": 3}]}'])
def test_a_damaged_shard_is_named(tmp_path, content):
    take = draw_take("train", 1)
    store = RecordingStore(tmp_path)
    store.write(0, cut_take(take, FakeTeacher().say(take.phrases, take.voice, speed=1.0)), [])
    (tmp_path / "shard-00000.json").write_text(content, encoding="utf-8")
    with pytest.raises(GPAError, match=r"shard-00000\.json is damaged"):
        list(store.read())


def test_recording_goes_on_where_it_stopped_and_ends_with_the_same_files(tmp_path, monkeypatch):
    monkeypatch.setattr(teaching, "TAKES_PER_SHARD", 2)
    assert record_takes(tmp_path / "whole", FakeTeacher(), "train", 5)
    teacher, seen = FakeTeacher(), []
    stopped = record_takes(
        tmp_path / "parts",
        teacher,
        "train",
        5,
        should_stop=lambda: teacher.takes == 3,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert not stopped
    assert seen == [(1, 5), (2, 5), (3, 5)]
    assert len(list((tmp_path / "parts").iterdir())) == 2
    resumed = FakeTeacher()
    assert record_takes(tmp_path / "parts", resumed, "train", 5)
    assert resumed.takes == 4
    names = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "parts").iterdir())
    for name in names:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()
