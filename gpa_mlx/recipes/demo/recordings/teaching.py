"""Recording what the teachers say: take by take, to be interrupted at any time."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np

from gpa_mlx.recipes.demo.data.utterances import as_int16
from gpa_mlx.recipes.demo.recordings.recording import Recording
from gpa_mlx.recipes.demo.recordings.store import RecordingStore
from gpa_mlx.recipes.demo.recordings.takes import Take, draw_take
from gpa_mlx.recipes.demo.teachers.kokoro import SpokenPhrases, SpokenWord, TimedSound
from gpa_mlx.types import SAMPLE_RATE_HZ, Waveform

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gpa_mlx.recipes.demo.data.vocabulary import Split
    from gpa_mlx.recipes.demo.domain.phrases import Phrase
    from gpa_mlx.recipes.demo.teachers.voices import TeacherVoice

TAKES_PER_SHARD = 8

EVALUATION_TAKES = 96
"""Of voices and phrases that are not trained on."""

_MARGIN_SAMPLES = SAMPLE_RATE_HZ // 10
_REACH_SAMPLES = SAMPLE_RATE_HZ // 40
_WINDOW_SAMPLES = SAMPLE_RATE_HZ // 100


class Teacher(Protocol):
    """A synthesiser that tells when it says each word."""

    def say(self, phrases: Sequence[Phrase], voice: TeacherVoice, *, speed: float) -> SpokenPhrases:
        """Say phrases one after the other."""
        ...


def record_both_splits(
    folder: Path, teacher: Teacher, takes: int, *, should_stop: Callable[[], bool], report: Callable[[str], None]
) -> bool:
    """Record what there is to evaluate on, then the first takes to train on, each into a folder of its name.

    Args:
        folder: Of the two.
        teacher: Says them.
        takes: How many there should be for training.
        should_stop: See `record_takes`.
        report: Called after each take with how far it is.

    Returns:
        Whether all of them are there.
    """
    plans: tuple[tuple[Split, int], ...] = (("evaluation", EVALUATION_TAKES), ("train", takes))
    return all(
        record_takes(
            folder / split,
            teacher,
            split,
            count,
            should_stop=should_stop,
            on_progress=lambda done, total, split=split: report(f"{split}: take {done} of {total}"),
        )
        for split, count in plans
    )


def record_takes(
    folder: Path,
    teacher: Teacher,
    split: Split,
    takes: int,
    *,
    should_stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> bool:
    """Record the first takes of a split, those that are not on disk yet.

    Args:
        folder: Of the shards.
        teacher: Says them.
        split: Whose phrases and voices.
        takes: How many there should be; a started shard is made whole.
        should_stop: Asked before each take; what belongs to an unfinished shard is made again next time.
        on_progress: Told after each take how many of how many are there.

    Returns:
        Whether all of them are there.

    Raises:
        GPAError: The teacher fails.
        OSError: Nothing can be written.
    """
    store = RecordingStore(folder)
    for shard, first in enumerate(range(0, takes, TAKES_PER_SHARD)):
        if store.has(shard):
            continue
        numbers = range(first, first + TAKES_PER_SHARD)
        recordings: list[Recording] = []
        for number in numbers:
            if should_stop():
                return False
            take = draw_take(split, number)
            recordings += cut_take(take, teacher.say(take.phrases, take.voice, speed=take.speed))
            on_progress(number + 1, takes)
        plan = [{"take": number, "speed": draw_take(split, number).speed} for number in numbers]
        store.write(shard, recordings, plan)
    return True


def cut_take(take: Take, spoken: SpokenPhrases) -> list[Recording]:
    """Cut a take into its phrases, where it is quietest between them, and at most 0.1 s before and after a phrase."""
    first = [phrase[0].sounds[0].start for phrase in spoken.phrases]
    last = [phrase[-1].sounds[-1].end for phrase in spoken.phrases]
    between = [
        _quietest(spoken.wave, end - _REACH_SAMPLES, start + _REACH_SAMPLES)
        for (_, end), (start, _) in pairwise(zip(first, last, strict=True))
    ]
    starts = [max(start - _MARGIN_SAMPLES, limit) for start, limit in zip(first, [0, *between], strict=True)]
    stops = [min(end + _MARGIN_SAMPLES, limit) for end, limit in zip(last, [*between, len(spoken.wave)], strict=True)]
    samples = as_int16(spoken.wave)
    return [
        Recording(
            samples=samples[start:stop],
            groups=phrase.groups,
            voice=take.voice.name,
            origin="kokoro",
            words=tuple(_moved(word, -start, stop - start) for word in words),
        )
        for phrase, words, start, stop in zip(take.phrases, spoken.phrases, starts, stops, strict=True)
    ]


def _quietest(wave: Waveform, start: int, stop: int) -> int:
    """Return the middle of the quietest 10 ms between two samples."""
    energy = np.convolve(np.square(wave[max(start, 0) : stop], dtype=np.float64), np.ones(_WINDOW_SAMPLES), "valid")
    return max(start, 0) + int(energy.argmin()) + _WINDOW_SAMPLES // 2


def _moved(word: SpokenWord, samples: int, length: int) -> SpokenWord:
    """Move a word, and keep it inside a recording of that length."""

    def place(sample: int) -> int:
        return min(max(sample + samples, 0), length)

    return SpokenWord(
        word.word, tuple(TimedSound(sound.letter, place(sound.start), place(sound.end)) for sound in word.sounds)
    )
