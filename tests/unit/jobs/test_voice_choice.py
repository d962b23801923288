"""A voice made from a recording that is named in passing: its best part, or a clear word that there is none."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from gpa_mlx.errors import VoiceError
from gpa_mlx.jobs.reference_clip import find_reference_clip
from gpa_mlx.jobs.voice_choice import open_voice
from gpa_mlx.model.demo import demo_samples
from gpa_mlx.testing import FakeEngine

RATE_HZ = 16_000


def noise(seconds, level=0.05):
    return level * np.random.default_rng(0).standard_normal(round(seconds * RATE_HZ))


def chords(seconds):
    """Return plucked chords, one every half second."""
    time_s = np.arange(RATE_HZ // 2) / RATE_HZ
    steps = (1.0, 1.125, 1.25, 1.333, 1.5, 1.25)
    tones = [sum(np.sin(2 * np.pi * hz * step * time_s) for hz in (220.0, 277.2, 329.6)) for step in steps]
    bars = np.concatenate([0.1 * tone * np.exp(-3 * time_s) for tone in tones])
    return np.resize(bars, round(seconds * RATE_HZ))


def speech():
    samples = np.concatenate([soundfile.read(sample.file)[0] for sample in demo_samples()[:3]])
    return samples + noise(len(samples) / RATE_HZ, 0.0005)[: len(samples)]


@pytest.fixture
def named(tmp_path):
    def write(*parts):
        soundfile.write(tmp_path / "anna.wav", np.concatenate(parts), RATE_HZ)
        return tmp_path / "anna.wav"

    return write


@pytest.mark.parametrize("first", [np.zeros(4 * RATE_HZ), noise(4), chords(4), noise(4) * np.hanning(4 * RATE_HZ)])
def test_what_is_before_the_voice_is_not_taken(named, first):
    path = named(first, speech())
    clip = find_reference_clip(path, 3.0)
    assert clip.has_voice
    assert clip.window.start_s > 3.5
    engine = FakeEngine(reference_s=3.0)
    assert open_voice(engine, path).name == "anna"
    call = engine.calls[-1]
    assert (call.method, call.subject) == ("make_voice", str(len(clip.samples)))


@pytest.mark.parametrize("only", [np.zeros(4 * RATE_HZ), noise(4), chords(4), chords(9)])
def test_a_recording_without_a_voice_is_refused(named, only):
    engine = FakeEngine(reference_s=3.0)
    with pytest.raises(VoiceError, match=r"No speech was heard in .*anna\.wav") as caught:
        open_voice(engine, named(only))
    assert "3 s of clear speech" in caught.value.hint
    assert engine.count("make_voice") == 0


def test_a_poor_recording_is_taken_with_a_word(named, caplog):
    voice = speech()
    open_voice(FakeEngine(reference_s=3.0), named(voice + noise(len(voice) / RATE_HZ, 0.05)[: len(voice)]))
    assert "is noisy" in caplog.text


def test_the_reference_takes_the_beginning(named):
    engine = FakeEngine(reference_s=3.0)
    open_voice(engine, named(noise(4), speech()), as_reference=True)
    assert (engine.calls[-1].subject, engine.calls[-1].channels) == ("anna.wav", "reference")


def test_a_voice_on_the_right_channel(tmp_path):
    voice = speech()
    soundfile.write(tmp_path / "a.wav", np.stack([noise(30)[: len(voice)], voice], axis=1), RATE_HZ, subtype="DOUBLE")
    clip = find_reference_clip(tmp_path / "a.wav", 30.0)
    assert np.array_equal(clip.recording.first_channel, voice)
    assert clip.has_voice
