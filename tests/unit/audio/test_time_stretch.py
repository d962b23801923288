"""Speech at another speed: the same pitch, the right length, however it is cut into pieces."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import soundfile

from gpa_mlx.audio.dsp.time_stretch import TimeStretcher, stretch
from gpa_mlx.model import demo

RATE = 16_000


def speech() -> np.ndarray:
    samples, rate = soundfile.read(demo.demo_samples()[0].file, dtype="float32")
    assert rate == RATE
    return samples


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.25, 1.5, 2.0])
def test_a_tone_keeps_its_pitch_and_loudness_and_has_the_length_that_was_asked_for(speed):
    tone = (0.5 * np.sin(2 * np.pi * 200 * np.arange(2 * RATE) / RATE)).astype(np.float32)
    out = stretch(tone, speed)
    assert len(out) == round(len(tone) / speed)
    spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out))))
    assert np.argmax(spectrum) * RATE / len(out) == pytest.approx(200, abs=2)
    middle = out[len(out) // 8 : -len(out) // 8]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("speed", [0.7, 1.3, 2.0])
def test_pieces_make_the_same_sound_as_the_whole(speed):
    samples = speech()
    whole = stretch(samples, speed)
    stretcher, pieces = TimeStretcher(speed), []
    cuts = [0, 1, 7, 500, 501, 4000, 9000, len(samples)]
    for start, end in pairwise(cuts):
        pieces.append(stretcher.push(samples[start:end], last=end == len(samples)))
    assert np.array_equal(np.concatenate(pieces), whole)


def test_speech_keeps_its_spectrum_and_its_order():
    samples = speech()
    out = stretch(samples, 1.5)
    assert np.isfinite(out).all()

    def bands(signal):
        power = np.abs(np.fft.rfft(signal)) ** 2
        return np.array([part.sum() for part in np.array_split(power, 16)]) / power.sum()

    assert bands(out) == pytest.approx(bands(samples), abs=0.05)
    loudness = [np.array([np.sqrt(np.mean(part**2)) for part in np.array_split(one, 20)]) for one in (samples, out)]
    assert np.corrcoef(*loudness)[0, 1] > 0.95


@pytest.mark.parametrize("count", [0, 1, 100, 479, 481, 2000])
def test_short_sounds_and_silence_are_whole(count):
    assert len(stretch(np.zeros(count, dtype=np.float32), 2.0)) == round(count / 2)
    assert stretch(np.ones(count, dtype=np.float32), 1.0).sum() == count
    assert len(stretch(np.full(count, 0.1, dtype=np.float32), 0.5)) == count * 2
