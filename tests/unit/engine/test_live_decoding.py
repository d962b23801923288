"""The loop of live transcription with an ear that writes down how loud it was: no model."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field

import numpy as np
import pytest

from gpa_mlx.audio.vad.segmenter import Segmenter
from gpa_mlx.audio.vad.streaming_gate import StreamingEnergyGate
from gpa_mlx.engine.local_agreement import follow
from gpa_mlx.errors import CancelledError
from gpa_mlx.runtime.cancellation import CancelScope, cancellable
from gpa_mlx.types import Segment

RATE_HZ = 16_000


@dataclass
class CountingEar:
    """Hears one word for every half second."""

    opened: list[tuple[float, float]] = field(default_factory=list)
    ended: list[tuple[float, float]] = field(default_factory=list)

    def decode_open(self, part):
        self.opened.append((part.start_s, part.end_s))
        return words(part)

    def decode(self, part):
        self.ended.append((part.start_s, part.end_s))
        return Segment(start_s=part.start_s, end_s=part.end_s, text=words(part))


def words(part):
    return " ".join(f"w{number}" for number in range(int(2 * part.recording.duration_s)))


def talk(seconds, seed=0):
    """Speech-like: bursts of 0.15 s with dips of 0.05 s."""
    samples = 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))
    time_s = np.arange(len(samples)) / RATE_HZ
    return samples * np.where(time_s % 0.2 < 0.15, 1.0, 0.02)


def scene(*seconds):
    """Pauses and speech in turn, in a quiet room."""
    parts = [talk(s, n) if n % 2 else np.zeros(round(s * RATE_HZ)) for n, s in enumerate(seconds)]
    sound = np.concatenate(parts)
    return (sound + 1e-4 * np.random.default_rng(9).standard_normal(len(sound))).astype(np.float32)


def blocks_of(sound, *sizes):
    position = index = 0
    while position < len(sound):
        yield sound[position : position + sizes[index % len(sizes)]]
        position, index = position + sizes[index % len(sizes)], index + 1


def followed(sound, *sizes, vad=True, max_duration_s=30.0):
    ear = CountingEar()
    segmenter = Segmenter(max_duration_s=max_duration_s, vad=StreamingEnergyGate() if vad else None, is_live=True)
    return list(follow(blocks_of(sound, *(sizes or (800,))), segmenter, ear)), ear


def test_words_come_while_somebody_speaks_and_a_segment_when_they_have_stopped():
    chunks, ear = followed(scene(3, 4, 3))
    *running, last = chunks
    assert len(running) >= 4
    assert all(chunk.segment is None and chunk.heard_s < 7.6 for chunk in running)
    assert 3.3 < running[0].heard_s < 4.2
    assert "w0 w1 w2 w3".startswith(running[-1].confirmed[:11])
    assert last.segment is not None
    assert (last.confirmed, last.unconfirmed) == ("", "")
    assert 8.0 <= last.heard_s <= 8.5
    assert last.segment.start_s == pytest.approx(2.8, abs=0.1)
    assert last.segment.end_s == pytest.approx(7.2, abs=0.1)
    assert ear.ended == [(last.segment.start_s, last.segment.end_s)]


def test_nothing_is_heard_after_speech_has_stopped():
    _, ear = followed(scene(3, 4, 10))
    assert all(end_s <= 7.5 for _, end_s in ear.opened)
    lengths = [round(end_s - start_s, 2) for start_s, end_s in ear.opened]
    assert lengths == sorted(set(lengths))


def test_confirmed_words_only_grow_until_the_segment_ends():
    chunks, _ = followed(scene(1, 4, 2, 3, 1.5, 6, 2))
    before, segments = "", 0
    for chunk in chunks:
        if chunk.segment is not None:
            before, segments = "", segments + 1
            continue
        assert chunk.confirmed.startswith(before)
        before = chunk.confirmed
    assert segments == 3


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("vad", [True, False])
def test_segments_do_not_depend_on_the_blocks(seed, vad):
    generator = np.random.default_rng(seed)
    sound = scene(*generator.uniform(0.2, 4, 9))
    _, expected = followed(sound, len(sound), vad=vad, max_duration_s=6.0)
    _, found = followed(sound, *generator.integers(1, 5000, 7).tolist(), vad=vad, max_duration_s=6.0)
    assert found.ended == expected.ended
    assert expected.ended


def test_long_speech_is_cut_and_nothing_is_lost():
    _, ear = followed(scene(1, 20, 2), max_duration_s=6.0)
    starts, ends = zip(*ear.ended, strict=True)
    assert starts[1:] == ends[:-1]
    assert starts[0] == pytest.approx(0.8, abs=0.1)
    assert ends[-1] == pytest.approx(21.2, abs=0.1)
    assert all(end_s - start_s <= 6.0 + 1e-9 for start_s, end_s in ear.ended + ear.opened)


def test_without_a_detector_all_is_speech():
    chunks, ear = followed(scene(2.5), vad=False)
    assert ear.ended == [(0.0, 2.5)]
    assert ear.opened[0][0] == 0.0
    assert chunks[0].heard_s <= 1.1


@pytest.mark.parametrize("kind", ["silence", "zeros", "noise", "fan switched on", "hum"])
def test_what_is_no_speech_is_not_heard(kind):
    generator = np.random.default_rng(0)
    count = 12 * RATE_HZ
    sound = {
        "silence": 1e-5 * generator.standard_normal(count),
        "zeros": np.zeros(count),
        "noise": 0.1 * generator.standard_normal(count),
        "fan switched on": np.where(np.arange(count) < 5 * RATE_HZ, 1e-4, 0.05) * generator.standard_normal(count),
        "hum": 0.2 * np.sin(2 * np.pi * 50 * np.arange(count) / RATE_HZ) + 1e-4 * generator.standard_normal(count),
    }[kind]
    chunks, ear = followed(sound.astype(np.float32))
    assert (chunks, ear.opened, ear.ended) == ([], [], [])


def test_a_source_that_ends_at_once_and_one_with_nothing_new():
    assert followed(np.zeros(0, dtype=np.float32))[0] == []
    assert followed(talk(0.02).astype(np.float32), vad=False)[0] == []
    ear = CountingEar()
    sound = scene(1, 2, 1)
    blocks = (block for part in blocks_of(sound, 800) for block in (part, np.zeros(0, dtype=np.float32)))
    list(follow(blocks, Segmenter(max_duration_s=30.0, vad=StreamingEnergyGate(), is_live=True), ear))
    assert ear.ended == followed(sound)[1].ended


def test_a_buffer_that_the_source_uses_again_does_no_harm():
    sound = scene(1, 2, 1)
    buffer = np.zeros(800, dtype=np.float32)

    def blocks():
        for block in blocks_of(sound, 800):
            buffer[: len(block)] = block
            yield buffer[: len(block)]

    heard = []
    ear = CountingEar()
    ear.decode = lambda part: heard.append(part.recording.channel_mean) or Segment(start_s=0, end_s=1, text="")
    segmenter = Segmenter(max_duration_s=30.0, vad=StreamingEnergyGate(), is_live=True)
    list(follow(blocks(), segmenter, ear))
    first = round(0.8 * RATE_HZ)
    assert np.isin(heard[0][:1000].astype(np.float32), sound[first - 3200 :]).all()


def test_the_scope_ends_it_and_so_does_closing():
    scope = CancelScope()

    def blocks():
        for number, block in enumerate(blocks_of(scene(1, 5, 1), 800)):
            if number == 60:
                scope.cancel()
            yield block

    segmenter = Segmenter(max_duration_s=30.0, vad=StreamingEnergyGate(), is_live=True)
    with cancellable(scope), pytest.raises(CancelledError):
        list(follow(blocks(), segmenter, CountingEar()))
    assert segmenter.position_s <= 3.0
    ear = CountingEar()
    stream = follow(
        blocks_of(scene(1, 5, 3), 800), Segmenter(max_duration_s=30.0, vad=StreamingEnergyGate(), is_live=True), ear
    )
    next(stream)
    opened = len(ear.opened)
    stream.close()
    assert (len(ear.opened), ear.ended) == (opened, [])


PROGRAM = """
import sys
import numpy as np
from gpa_mlx.audio.vad.streaming_gate import StreamingEnergyGate
from gpa_mlx.audio.vad.segmenter import Segmenter
from gpa_mlx.engine.local_agreement import follow
from gpa_mlx.types import Segment

class Ear:
    def decode_open(self, part):
        return "words"
    def decode(self, part):
        return Segment(start_s=part.start_s, end_s=part.end_s, text="words")

from tests.support.memory import peak_bytes as peak

def blocks(minutes):
    generator = np.random.default_rng(0)
    time_s = np.arange(1600) / 16_000
    for number in range(minutes * 600):
        now_s = time_s + number / 10
        loud = (now_s % 0.25 < 0.18) & (now_s % 12 < 9.5)
        yield (np.where(loud, 0.3, 1e-4) * generator.standard_normal(1600)).astype(np.float32)

def segments(minutes):
    segmenter = Segmenter(max_duration_s=30.0, vad=StreamingEnergyGate(), is_live=True)
    return sum(chunk.segment is not None for chunk in follow(blocks(minutes), segmenter, Ear()))

segments(1)
before = peak()
print(segments(6), peak() - before)
"""


@pytest.mark.slow
def test_a_long_source_runs_in_flat_memory():
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    segments, grown = map(int, result.stdout.split())
    assert segments == 30
    assert grown < 8 * 2**20
