"""Recordings with several channels: which mono both halves of the model hear."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.audio.channels.downmixer import SpeechDownmixer
from gpa_mlx.audio.files.reader import load_recording, open_recording
from gpa_mlx.audio.recording import Recording
from gpa_mlx.errors import AudioFileError
from gpa_mlx.model.demo import demo_samples
from tests.support.examples import examples

RATE_HZ = 16_000


def voice(index, *, before_s=0.4, after_s=0.6):
    """Return one of the bundled recordings with quiet around it."""
    samples, rate_hz = soundfile.read(demo_samples()[index].file)
    assert rate_hz == RATE_HZ
    return np.concatenate([np.zeros(round(before_s * RATE_HZ)), samples, np.zeros(round(after_s * RATE_HZ))])


def noise(count, level_db, seed=0):
    return np.random.default_rng(seed).standard_normal(count) * 10 ** (level_db / 20)


def in_a_room(samples):
    """Return diffuse reverberation, 0.3 s long, as loud as the voice."""
    decay = noise(4_800, 0, seed=5) * np.exp(-np.arange(4_800) / 700)
    return np.convolve(samples, decay / np.sqrt(np.square(decay).sum()))[: len(samples)]


def heard(*channels):
    return load_recording((np.stack(channels, axis=1), RATE_HZ), channels="speech")


def hears_alone(recording, wanted):
    """Check that both halves hear one track alone."""
    return recording.first_channel is recording.channel_mean and np.array_equal(recording.first_channel, wanted)


def hears_like_the_reference(*channels):
    recording = heard(*channels)
    first_is_first = np.array_equal(recording.first_channel, channels[0])
    return first_is_first and np.array_equal(recording.channel_mean, np.stack(channels, axis=1).mean(axis=1))


SPEECH = voice(0)
SILENCE = np.zeros(len(SPEECH))
HISS = noise(len(SPEECH), -30)


@pytest.mark.parametrize("left", [SILENCE, HISS, 10 * HISS, 0.03 * SPEECH, SPEECH + HISS])
def test_speech_on_the_right_alone_or_much_clearer_there(left):
    assert hears_alone(heard(left, SPEECH), SPEECH)


def test_noise_on_the_right_is_not_mixed_in():
    assert hears_alone(heard(SPEECH, 10 * HISS), SPEECH)


def test_only_the_centre_of_six_channels():
    assert hears_alone(heard(SILENCE, SILENCE, SPEECH, 0.1 * HISS, SILENCE, SILENCE), SPEECH)


@pytest.mark.parametrize("factor", [-1.0, -0.7])
def test_channels_that_cancel(factor):
    assert hears_alone(heard(SPEECH, factor * SPEECH), SPEECH)


@pytest.mark.parametrize(
    "right",
    [
        SPEECH,
        0.5 * SPEECH,
        1.9 * SPEECH,
        SPEECH + noise(len(SPEECH), -50, seed=1),
        0.8 * np.roll(SPEECH, 8),
        SPEECH + in_a_room(SPEECH),
        SILENCE,
    ],
)
def test_where_channel_0_has_all_the_speech_nothing_changes(right):
    assert hears_like_the_reference(SPEECH + noise(len(SPEECH), -50), right)


def test_nothing_that_sounds_like_speech_changes_nothing():
    assert hears_like_the_reference(HISS, 3 * noise(len(SPEECH), -30, seed=1))
    assert hears_like_the_reference(SILENCE, SILENCE)


def test_two_speakers_who_take_turns_are_heard_one_after_the_other():
    one, other = voice(0), voice(1)
    left = np.concatenate([one, np.zeros(len(other))])
    right = np.concatenate([np.zeros(len(one)), other])
    recording = heard(left, right)
    assert np.array_equal(recording.first_channel, left + right)
    assert np.array_equal(recording.channel_mean[len(one) :], other)


def test_two_speakers_at_the_same_time_are_mixed():
    other = np.resize(voice(1, before_s=0.2), len(SPEECH))
    recording = heard(SPEECH, other)
    assert hears_alone(recording, (SPEECH + other) / 2)


def test_what_is_before_the_first_word_is_that_channel_s():
    left, right = 10 * noise(5 * RATE_HZ + len(SPEECH), -30), np.concatenate([np.zeros(5 * RATE_HZ), SPEECH])
    assert hears_alone(heard(left, right), right)


def test_a_speaker_who_changes_the_channel_late():
    quiet = np.zeros(40 * RATE_HZ)
    left, right = np.concatenate([SPEECH, quiet, SILENCE]), np.concatenate([SILENCE, quiet, SPEECH])
    recording = heard(left, right)
    assert np.array_equal(recording.first_channel, left + right)
    assert len(recording) == len(left)


def test_one_channel_is_never_touched():
    recording = load_recording((SPEECH, RATE_HZ), channels="speech")
    assert hears_alone(recording, SPEECH)


def test_resampled_like_the_reference(tmp_path):
    both = np.stack([SPEECH, 0.8 * SPEECH], axis=1)
    soundfile.write(tmp_path / "a.wav", both, 44_100)
    ours = load_recording(tmp_path / "a.wav", channels="speech")
    reference = load_recording(tmp_path / "a.wav")
    assert np.array_equal(ours.first_channel, reference.first_channel)
    assert np.array_equal(ours.channel_mean, reference.channel_mean)


def test_one_channel_by_its_number():
    assert hears_alone(load_recording((np.stack([HISS, SPEECH], axis=1), RATE_HZ), channels=1), SPEECH)
    with pytest.raises(AudioFileError, match="no channel 3"):
        open_recording((np.stack([HISS, SPEECH], axis=1), RATE_HZ), channels=2)


@examples(6)
@given(cuts=st.lists(st.integers(500, 70_000), min_size=1, max_size=12))
def test_blocks_of_any_length_give_the_same(cuts):
    one, other = voice(2), voice(3)
    quiet = np.zeros(RATE_HZ)
    left = np.concatenate([one, quiet, np.zeros(len(other)), quiet, one])
    right = np.concatenate([np.zeros(len(one)), quiet, other, quiet, -one])
    tracks = np.stack([left, right])
    whole = heard(left, right)
    mixer, parts, start = SpeechDownmixer(2), [], 0
    while start < len(left):
        stop = start + cuts[start % len(cuts)]
        parts += mixer.push(tracks[:, start:stop], tracks[:, start:stop].mean(axis=0))
        start = stop
    joined = Recording.join([*parts, *mixer.flush()])
    assert np.array_equal(joined.first_channel, whole.first_channel)
    assert np.array_equal(joined.channel_mean, whole.channel_mean)


def test_memory_stays_bounded():
    mixer = SpeechDownmixer(2)
    minute = np.stack([np.resize(SPEECH, 30 * RATE_HZ), np.zeros(30 * RATE_HZ)])
    longest, given_out = 0, 0
    for start in range(0, 30 * RATE_HZ, 8_000):
        block = minute[:, start : start + 8_000]
        given_out += sum(map(len, mixer.push(block, block.mean(axis=0))))
        longest = max(longest, start + 8_000 - given_out)
    assert longest < 15 * RATE_HZ
    assert given_out + sum(map(len, mixer.flush())) == 30 * RATE_HZ
