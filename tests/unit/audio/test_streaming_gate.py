"""The early gate decides as the energy gate does, and sooner."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.audio.vad.energy_gate import EnergyGate
from gpa_mlx.audio.vad.streaming_gate import StreamingEnergyGate
from tests.support.examples import examples

FRAMES_PER_S = 50


def syllables(seconds, generator):
    """Bursts of noise of many levels, with dips."""
    frames = round(seconds * FRAMES_PER_S)
    levels = np.repeat(10 ** generator.uniform(-2.5, -0.5, frames // 6 + 1), 6)[:frames]
    return levels[:, None] * generator.standard_normal((frames, 320))


def sound(seed):
    generator = np.random.default_rng(seed)
    parts = []
    for _ in range(6):
        parts.append(syllables(generator.uniform(0.2, 4), generator))
        parts.append(np.zeros((round(generator.uniform(0, 4) * FRAMES_PER_S), 320)))
    speech = np.concatenate(parts)
    noise = 10 ** generator.uniform(-4.5, -1.5) * generator.standard_normal(speech.shape)
    noise[len(noise) // 2 :] *= generator.choice([0.2, 1, 1, 5])  # sometimes a fan is switched on or off
    return speech + noise


def decisions(gate, frames, sizes):
    """Return all decisions and, after every push, how many of them were due."""
    gate.reset()
    masks, told, index, position = [], [], 0, 0
    while position < len(frames):
        size = sizes[index % len(sizes)]
        masks.append(gate.push(frames[position : position + size]))
        position, index = position + size, index + 1
        told.append(sum(map(len, masks)))
    return np.concatenate([*masks, gate.flush()]), told


@pytest.mark.slow
@examples(15)
@given(seed=st.integers(0, 10_000), sizes=st.lists(st.integers(1, 150), min_size=1, max_size=4))
def test_it_decides_as_the_energy_gate(seed, sizes):
    frames = sound(seed)
    expected, _ = decisions(EnergyGate(), frames, [len(frames)])
    found, _ = decisions(StreamingEnergyGate(), frames, sizes)
    assert np.array_equal(found, expected)


@pytest.mark.slow
@examples(10)
@given(seed=st.integers(0, 10_000))
def test_pending_decisions_are_never_wrong(seed):
    frames = sound(seed)
    expected, _ = decisions(EnergyGate(), frames, [5])
    gate, told = StreamingEnergyGate(), 0
    for start in range(0, len(frames), 5):
        told += len(gate.push(frames[start : start + 5]))
        pending = gate.pending
        truth = expected[told : told + len(pending.certain)]
        assert truth[pending.certain].all()
        assert not truth[~pending.possible].any()


def test_the_end_of_speech_is_known_soon():
    generator = np.random.default_rng(0)
    frames = 1e-4 * generator.standard_normal((400, 320))
    frames[200:300] += syllables(2, generator)
    mask, told = decisions(StreamingEnergyGate(), frames, [5])
    end = int(np.flatnonzero(mask)[-1]) + 1
    assert 295 <= end <= 305
    known = next(5 * (number + 1) for number, count in enumerate(told) if count >= end + 25)
    assert known - end <= 35
    assert decisions(EnergyGate(), frames, [5])[1][known // 5 - 1] < end


@pytest.mark.parametrize("frames", [0, 1, 3, 50, 99, 103])
def test_short_recordings(frames):
    sounds = sound(3)[:frames].reshape(-1, 320)
    gate, early = EnergyGate(), StreamingEnergyGate()
    for detector in (gate, early):
        detector.reset()
    expected = np.concatenate([gate.push(sounds), gate.flush()])
    assert np.array_equal(np.concatenate([early.push(sounds), early.flush()]), expected)
