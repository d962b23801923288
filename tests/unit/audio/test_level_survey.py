"""Why a recording has no text."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from gpa_mlx.audio.files.reader import open_recording
from gpa_mlx.audio.level_survey import LevelSurvey
from gpa_mlx.model.demo import demo_samples

RATE_HZ = 16_000
NOISE = np.random.default_rng(0).standard_normal(2 * RATE_HZ)
TONE = np.sin(2 * np.pi * 440 * np.arange(2 * RATE_HZ) / RATE_HZ)
SPEECH = soundfile.read(demo_samples()[0].file)[0]


def reason_for(*channels, heard="speech"):
    survey = LevelSurvey()
    with open_recording((np.stack(channels, axis=1), RATE_HZ), channels=heard) as reader:
        for block in reader:
            survey.push(block)
        return survey.reason(reader.peak)


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros(RATE_HZ), "silent"),
        (1e-5 * NOISE, "too_quiet"),
        (0.2 + 1e-5 * NOISE, "too_quiet"),
        (0.001 * SPEECH, "too_quiet"),
        (0.1 * NOISE[:1_000], "too_short"),
        (0.1 * NOISE, "only_noise"),
        (0.1 + 0.01 * NOISE, "only_noise"),
        (0.3 * TONE, "only_noise"),
        (0.3 * TONE * np.hanning(len(TONE)), "no_speech"),
    ],
)
def test_the_reason(samples, reason):
    assert reason_for(samples) == reason


def test_sound_in_a_channel_that_was_not_heard():
    assert reason_for(SPEECH, -SPEECH, heard="reference") == "other_channel"
    assert reason_for(0 * SPEECH, SPEECH, heard=0) == "silent"
