"""Live transcription with the demo model: its own samples, spoken into a quiet room one after the other."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile

import gpa_mlx
from gpa_mlx.errors import CancelledError, SettingsError
from gpa_mlx.model.demo import demo_model, demo_samples
from gpa_mlx.runtime.cancellation import CancelScope, cancellable
from gpa_mlx.types import GenerationOptions

RATE_HZ = 16_000
PAUSE_S = 1.6


@pytest.fixture(scope="module")
def engine():
    with gpa_mlx.load(demo_model()) as opened:
        yield opened


@pytest.fixture(scope="module")
def room():
    """All samples with pauses before and after, float32."""
    parts = [np.zeros(round(2 * PAUSE_S * RATE_HZ))]
    for sample in demo_samples():
        parts += [soundfile.read(sample.file)[0], np.zeros(round(PAUSE_S * RATE_HZ))]
    sound = np.concatenate(parts)
    return (sound + 2e-4 * np.random.default_rng(0).standard_normal(len(sound))).astype(np.float32)


def blocks_of(sound, generator=None, *, at_most=1600):
    """Yield blocks of 20 to 100 ms; with a generator blocks of any length, empty ones too."""
    generator, least = (generator, 0) if generator else (np.random.default_rng(1), 320)
    position = 0
    while position < len(sound):
        size = int(generator.integers(least, at_most + 1))
        yield sound[position : position + size]
        position += size


def segments_of(chunks):
    return [chunk.segment for chunk in chunks if chunk.segment is not None]


@pytest.fixture(scope="module")
def chunks(engine, room):
    return list(engine.stream_transcribe_live(blocks_of(room)))


def test_the_words_are_right(chunks):
    assert [segment.text for segment in segments_of(chunks)] == [sample.text for sample in demo_samples()]
    assert [chunk.finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]


def test_every_segment_has_the_text_of_its_own_samples(chunks, engine, room):
    for segment in segments_of(chunks):
        first, stop = round(segment.start_s * RATE_HZ), round(segment.end_s * RATE_HZ)
        assert engine.transcribe((room[first:stop], RATE_HZ), vad=False).text == segment.text


def test_words_come_before_the_segment_ends(chunks, room):
    before, spoken = [], 0
    for chunk in chunks[:-1]:
        if chunk.segment is None:
            before.append(chunk)
            continue
        spoken += any(
            (early.confirmed + early.unconfirmed).strip() and early.heard_s < chunk.segment.end_s for early in before
        )
        assert chunk.heard_s <= chunk.segment.end_s + 1.5 or chunk.heard_s == len(room) / RATE_HZ
        before = []
    # On a busy machine a short segment may have ended before its first pass.
    assert spoken > len(demo_samples()) / 2


def test_confirmed_words_only_grow(chunks):
    confirmed = ""
    for chunk in chunks:
        assert chunk.segment or chunk.finish_reason or chunk.confirmed.startswith(confirmed)
        confirmed = chunk.confirmed


def test_the_last_chunk_tells_the_time_it_took(chunks, room):
    timings = chunks[-1].timings
    assert timings.audio_s == chunks[-1].heard_s == len(room) / RATE_HZ
    assert timings.first_output_s > 0
    assert min(timings.encode_s, timings.prefill_s, timings.generate_s) > 0
    assert all(chunk.timings is None for chunk in chunks[:-1])


@pytest.mark.parametrize("seed", [1, 2])
def test_the_blocks_do_not_matter(engine, room, chunks, seed):
    part = room[: 9 * RATE_HZ]
    source = blocks_of(part, np.random.default_rng(seed), at_most=10 ** (3 + seed))
    found = segments_of(engine.stream_transcribe_live(source))
    assert found[:2] == segments_of(chunks)[:2]


def test_without_a_detector_the_text_is_that_of_the_recording(engine):
    sample = demo_samples()[0]
    sound = soundfile.read(sample.file, dtype="float32")[0]
    (segment,) = segments_of(engine.stream_transcribe_live(blocks_of(sound), vad=False))
    assert (segment.start_s, segment.end_s) == (0.0, len(sound) / RATE_HZ)
    assert segment.text == engine.transcribe(sample.file, vad=False).text


@pytest.mark.parametrize("level", [0.0, 1e-4, 0.05])
def test_silence_and_noise_give_no_text(engine, level):
    noise = (level * np.random.default_rng(3).standard_normal(8 * RATE_HZ)).astype(np.float32)
    (last,) = engine.stream_transcribe_live(blocks_of(noise))
    assert (last.finish_reason, last.heard_s, last.confirmed, last.unconfirmed) == ("no_speech", 8.0, "", "")


def test_options_are_checked_at_the_call(engine):
    with pytest.raises(SettingsError):
        engine.stream_transcribe_live([], options=GenerationOptions(temperature=-1.0))


def test_nothing_at_all(engine):
    (last,) = engine.stream_transcribe_live([])
    assert (last.finish_reason, last.heard_s) == ("no_speech", 0.0)


def test_another_thread_can_end_it(engine, room):
    scope = CancelScope()

    def source():
        for block in blocks_of(room):
            yield block
            yield block[:0]
        scope.cancel()
        while True:
            yield room[:0]

    with cancellable(scope), pytest.raises(CancelledError):
        list(engine.stream_transcribe_live(source()))


PROGRAM = """
import sys
import numpy as np, soundfile
import gpa_mlx
from gpa_mlx.model.demo import demo_model, demo_samples

from tests.support.memory import peak_bytes as peak

samples = [soundfile.read(sample.file)[0] for sample in demo_samples()]

def blocks(seconds):
    generator = np.random.default_rng(0)
    for number in range(seconds // 10):
        sound = np.zeros(160_000)
        sample = samples[number % len(samples)]
        sound[40_000 : 40_000 + len(sample)] = sample
        sound += 2e-4 * generator.standard_normal(len(sound))
        yield from np.split(sound.astype(np.float32), 100)

def texts(seconds):
    return [chunk.segment.text for chunk in gpa.stream_transcribe_live(blocks(seconds)) if chunk.segment]

with gpa_mlx.load(demo_model()) as gpa:
    texts(60)
    before = peak()
    print(len(texts(300)), peak() - before)
"""


@pytest.mark.slow
def test_five_minutes_run_in_flat_memory():
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    segments, grown = map(int, result.stdout.split())
    assert segments == 30
    assert grown < 16 * 2**20
