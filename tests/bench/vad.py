#!/usr/bin/env python3
"""Measure the voice activity detectors on words of people in noise and in music.

    python tests/bench/vad.py RECORDINGS [--snr 20 10 5 0] [--scenes 2] [--seed 1] [--json]

RECORDINGS is a folder (or several) of short recordings of single words, WAV or FLAC, searched recursively; those quiet
enough around the word are used, because where they speak is read off their own energy. The speakers that
babble in the background never speak in front.

A scene is 60 s of phrases at one level, one to six words 0.05 to 0.3 s apart, with pauses of 0.6 to 4 s between them,
in front of: a quiet room (-70 dB), white noise, mains hum, babble of eight people, or music (chords, an arpeggio and a
beat, made here). The ratio of speech to noise is that of the mean power where somebody speaks. Every detector of the
registry is asked, those that are not installed excepted.

* miss: share of the 10 ms of speech that are not taken for speech. false alarm: share of the rest that are. 0.1 s on
  both sides of each beginning and end of speech do not count.
* words lost: words of which less than 80 % lies in the segments that the transcriber would get.
* passed on: share of the time without speech that lies in those segments, margins and short pauses included.
* empty: the same for 30 s of the background alone, of which nothing should be passed on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from rich.console import Console
from rich.table import Table

from gpa_mlx.audio.recording import Recording
from gpa_mlx.audio.vad.detector import VoiceActivityDetector
from gpa_mlx.audio.vad.registry import DETECTORS, make_detector
from gpa_mlx.audio.vad.segmenter import iter_segments
from gpa_mlx.errors import GPAError

RATE_HZ = 16_000
STEP = RATE_HZ // 100
SPEECH_DB = -26.0
ROOM_DB = -70.0
SCENE_S, EMPTY_S = 60, 30
COLLAR_STEPS = 10
KEPT_SHARE = 0.8

Background = Callable[[np.random.Generator, int], np.ndarray]


@dataclass(frozen=True, slots=True)
class Word:
    """A recording of one word, cut close to it.

    Attributes:
        samples: 16 kHz, with a power of 1 where it is speech.
        mask: One value per 10 ms: whether that is speech.
        speaker: Who says it.
    """

    samples: np.ndarray
    mask: np.ndarray
    speaker: str


@dataclass(frozen=True, slots=True)
class Score:
    """What one detector makes of one kind of scene; shares, see the module."""

    background: str
    snr_db: float | None
    detector: str
    miss: float
    false_alarm: float
    words_lost: float
    passed_on: float
    empty: float


def powers_of(samples: np.ndarray) -> np.ndarray:
    """Return the mean power of every whole 10 ms."""
    whole = len(samples) // STEP
    return np.square(samples[: whole * STEP].reshape(whole, STEP)).mean(axis=1)


def read_word(path: Path) -> Word | None:
    """Return a recording as a word, None where it is not clear where somebody speaks in it."""
    samples, rate_hz = soundfile.read(path, dtype="float64", always_2d=True)
    samples = soxr.resample(samples[:, 0], rate_hz, RATE_HZ) if rate_hz != RATE_HZ else samples[:, 0]
    samples = samples - samples.mean()
    powers = np.convolve(powers_of(samples), np.ones(3) / 3, mode="same") + 1e-10
    loud_db, quiet_db = 10 * np.log10(np.percentile(powers, [95, 10]))
    if loud_db - quiet_db < 35 or len(samples) < RATE_HZ // 4:
        return None
    mask = powers > 10 ** (max(loud_db - 30, quiet_db + 8) / 10)
    speech = np.flatnonzero(mask)
    if len(speech) < 15:
        return None
    first, last = speech[0], speech[-1] + 1
    mask = mask[first:last]
    # A closure inside a word, such as that of the t in "stop it", is part of it.
    gaps = np.flatnonzero(np.diff(np.flatnonzero(mask)) > 15)
    if len(gaps):
        return None
    mask[:] = True
    cut = samples[first * STEP : last * STEP]
    return Word(cut / np.sqrt(np.square(cut).mean()), mask, path.name.split("_")[0])


def white(random: np.random.Generator, count: int) -> np.ndarray:
    """Return white noise."""
    return random.normal(size=count)


def hum(random: np.random.Generator, count: int) -> np.ndarray:
    """Return mains hum: 50 Hz with nine harmonics."""
    time_s = np.arange(count) / RATE_HZ
    return sum(
        np.sin(2 * np.pi * 50 * n * time_s + random.uniform(0, 2 * np.pi)) / n for n in range(1, 11)
    ) + 0.01 * random.normal(size=count)


def music(random: np.random.Generator, count: int) -> np.ndarray:
    """Return four chords over and over, with an arpeggio and a beat; notes have harmonics and fade away."""
    roots = [220.0 * 2 ** (step / 12) for step in random.permutation([0, 5, 7, -4])]
    beat = int(RATE_HZ * 60 / random.uniform(80, 130))
    mixed = np.zeros(count + 8 * beat)

    def play(at: int, pitch_hz: float, length: int, level: float, decay_s: float) -> None:
        time_s = np.arange(length) / RATE_HZ
        tone = sum(np.sin(2 * np.pi * pitch_hz * n * time_s) / n**1.5 for n in range(1, 9))
        mixed[at : at + length] += level * tone * np.exp(-time_s / decay_s) * np.minimum(1, time_s / 0.005)

    for number, at in enumerate(range(0, count, beat)):
        root = roots[number // 4 % 4]
        if number % 4 == 0:
            for interval in (0, 4, 7):
                play(at, root * 2 ** (interval / 12), 4 * beat, 0.5, 1.5)
        for half in (0, 1):
            interval = (0, 4, 7, 12, 16, 12, 7, 4)[(2 * number + half) % 8]
            play(at + half * beat // 2, 2 * root * 2 ** (interval / 12), beat, 0.4, 0.3)
        noise = random.normal(size=beat // 4) * np.exp(-np.arange(beat // 4) / (0.03 * RATE_HZ))
        mixed[at : at + len(noise)] += 0.3 * noise
    return mixed[:count]


def babble_of(words: Sequence[Word]) -> Background:
    """Return a background of eight people who say words one right after the other."""

    def babble(random: np.random.Generator, count: int) -> np.ndarray:
        mixed = np.zeros(count)
        for _ in range(8):
            parts: list[np.ndarray] = []
            length = 0
            while length < count:
                word = words[int(random.integers(len(words)))]
                parts.append(word.samples)
                length += len(word.samples)
            mixed += np.concatenate(parts)[:count]
        return mixed

    return babble


def scaled(samples: np.ndarray, level_db: float) -> np.ndarray:
    """Return samples with a mean power of `level_db`."""
    return samples * (10 ** (level_db / 20) / np.sqrt(np.square(samples).mean()))


def make_scene(words: Sequence[Word], random: np.random.Generator) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Return 60 s of words without background, and where each begins and ends, in steps of 10 ms."""
    samples = np.zeros(SCENE_S * RATE_HZ)
    places = []
    at, left = int(random.integers(50, 200)), int(random.integers(1, 7))
    while True:
        word = words[int(random.integers(len(words)))]
        end = at + len(word.mask)
        if end + 50 > SCENE_S * 100:
            return samples, places
        samples[at * STEP : end * STEP] = word.samples * 10 ** (SPEECH_DB / 20)
        places.append((at, end))
        left -= 1
        at = end + int(random.integers(5, 30) if left else random.integers(60, 400))
        left = left or int(random.integers(1, 7))


def decisions(detector: VoiceActivityDetector, samples: np.ndarray) -> np.ndarray:
    """Return a detector's answer for every 10 ms: that of the frame in which its middle lies."""
    size = detector.frame_samples
    whole = len(samples) // size
    detector.reset()
    mask = np.concatenate([detector.push(samples[: whole * size].reshape(whole, size)), detector.flush()])
    middles = np.arange(len(samples) // STEP) * STEP + STEP // 2
    return mask[np.minimum(middles // size, len(mask) - 1)]


def passed_on(detector: VoiceActivityDetector, samples: np.ndarray) -> np.ndarray:
    """Return which 10 ms the transcriber would get."""
    mask = np.zeros(len(samples) // STEP, dtype=bool)
    for part in iter_segments([Recording(samples, samples)], max_duration_s=30.0, vad=detector):
        mask[round(part.start_s * 100) : round(part.end_s * 100)] = True
    return mask


def score(
    name: str,
    detector: VoiceActivityDetector,
    scenes: Sequence[tuple[np.ndarray, list[tuple[int, int]]]],
    empty: np.ndarray,
    what: tuple[str, float | None],
) -> Score:
    """Run a detector over scenes of one kind."""
    missed = speech = wrong = silence = lost = spoken = extra = 0
    for samples, places in scenes:
        truth = np.zeros(len(samples) // STEP, dtype=bool)
        counts = np.ones_like(truth)
        for first, last in places:
            truth[first:last] = True
            for edge in (first, last):
                counts[max(0, edge - COLLAR_STEPS) : edge + COLLAR_STEPS] = False
        found, heard = decisions(detector, samples), passed_on(detector, samples)
        missed += (truth & counts & ~found).sum()
        speech += (truth & counts).sum()
        wrong += (~truth & counts & found).sum()
        silence += (~truth & counts).sum()
        lost += sum(heard[first:last].mean() < KEPT_SHARE for first, last in places)
        spoken += len(places)
        extra += (heard & ~truth & counts).sum()
    return Score(
        background=what[0],
        snr_db=what[1],
        detector=name,
        miss=float(missed / speech),
        false_alarm=float(wrong / silence),
        words_lost=float(lost / spoken),
        passed_on=float(extra / silence),
        empty=float(passed_on(detector, empty).mean()),
    )


def measure(words: Sequence[Word], snrs_db: Sequence[float], scenes: int, seed: int) -> Iterator[Score]:
    """Yield the scores of every installed detector in every background at every ratio."""
    speakers = sorted({word.speaker for word in words})
    behind = set(speakers[::4])
    front = [word for word in words if word.speaker not in behind]
    backgrounds: dict[str, Background] = {
        "white": white,
        "hum": hum,
        "babble": babble_of([word for word in words if word.speaker in behind]),
        "music": music,
    }
    detectors = {}
    for name in DETECTORS:
        try:
            detectors[name] = make_detector(name)
        except GPAError as error:
            Console(stderr=True).print(f"without {name}: {error}")
    random = np.random.default_rng(seed)
    clean = [make_scene(front, random) for _ in range(scenes)]
    kinds: list[tuple[str, float | None]] = [("quiet room", None)]
    kinds += [(name, snr_db) for name in backgrounds for snr_db in snrs_db]
    for background, snr_db in kinds:
        make = backgrounds.get(background, white)
        level_db = ROOM_DB if snr_db is None else SPEECH_DB - snr_db
        room = [scaled(white(random, len(samples)), ROOM_DB) for samples, _ in clean]
        mixed = [
            (samples + scaled(make(random, len(samples)), level_db) + quiet, places)
            for (samples, places), quiet in zip(clean, room, strict=True)
        ]
        empty = scaled(make(random, EMPTY_S * RATE_HZ), level_db) + room[0][: EMPTY_S * RATE_HZ]
        for name, detector in detectors.items():
            if detector is not None:
                yield score(name, detector, mixed, empty, (background, snr_db))


def table_of(scores: Sequence[Score]) -> Table:
    """Return the scores as a table, in percent."""
    table = Table("background", "SNR", "detector", "miss", "false alarm", "words lost", "passed on", "empty")
    for one in scores:
        shares = (one.miss, one.false_alarm, one.words_lost, one.passed_on, one.empty)
        snr = "" if one.snr_db is None else f"{one.snr_db:g} dB"
        table.add_row(one.background, snr, one.detector, *(f"{100 * share:.1f} %" for share in shares))
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recordings", nargs="+", type=Path)
    parser.add_argument("--snr", nargs="+", type=float, default=[20.0, 10.0, 5.0, 0.0])
    parser.add_argument("--scenes", type=int, default=2)
    parser.add_argument("--most", type=int, default=1000, help="how many recordings are read at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    paths = sorted(path for folder in given.recordings for kind in ("*.wav", "*.flac") for path in folder.rglob(kind))
    np.random.default_rng(given.seed).shuffle(paths)  # pyright: ignore[reportArgumentType]
    words = [word for path in paths[: given.most] if (word := read_word(path)) is not None]
    scores = list(measure(words, given.snr, given.scenes, given.seed))
    if given.json:
        print(json.dumps([asdict(one) for one in scores], indent=1))
        return
    console = Console(width=120)
    console.print(f"{len(words)} words of {len({word.speaker for word in words})} people")
    console.print(table_of(scores))


if __name__ == "__main__":
    main()
