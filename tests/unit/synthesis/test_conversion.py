from __future__ import annotations

import itertools

import numpy as np
import pytest

from gpa_mlx.errors import NoSpeechError
from gpa_mlx.synthesis.conversion import MAX_SEGMENT_S, ConversionSettings, ConvertedSegment, convert_recording
from gpa_mlx.types import SAMPLE_RATE_HZ, GenerationOptions

OPTIONS = GenerationOptions(temperature=0.2, seed=5)
RNG = np.random.default_rng(2)


def speech(seconds):
    """Bursts and dips, as speech has them."""
    time = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return RNG.normal(0, 0.1, len(time)) * (np.sin(2 * np.pi * 2.5 * time) > -0.5)


def hush(seconds):
    return RNG.normal(0, 1e-5, int(seconds * SAMPLE_RATE_HZ))


SOURCE = np.concatenate([hush(3), speech(8), hush(5), speech(14), hush(4), speech(9), hush(6)])


def converted(engine, voice, source=SOURCE, settings=None):
    pieces = list(convert_recording(engine, (source, SAMPLE_RATE_HZ), voice=voice, options=OPTIONS, settings=settings))
    return np.concatenate([piece.audio for piece in pieces]), [piece.segment for piece in pieces if piece.segment]


def test_pauses_and_length_are_kept(scripted, voice):
    audio, segments = converted(scripted(), voice)
    assert len(segments) == 3
    assert len(audio) == pytest.approx(len(SOURCE), rel=0.001)
    for segment in segments:
        assert segment.start_s == pytest.approx(segment.source_start_s, abs=0.01)
        assert segment.finish_reason == "stop"
    between = audio[round(segments[0].end_s * 16000) : round(segments[1].start_s * 16000)]
    assert len(between) > 4 * SAMPLE_RATE_HZ
    assert not np.any(between)


def test_long_speech_is_cut_and_nothing_is_lost(scripted, voice):
    source = np.concatenate([speech(65), hush(3)])
    audio, segments = converted(scripted(), voice, source)
    assert len(segments) >= 4
    assert all(segment.source_end_s - segment.source_start_s <= MAX_SEGMENT_S for segment in segments)
    assert segments[-1].source_end_s >= 65
    for left, right in itertools.pairwise(segments):
        assert right.source_start_s == left.source_end_s
    assert len(audio) == pytest.approx(len(source), rel=0.05)


def test_every_stretch_has_its_seed_and_is_tried_again(scripted, voice):
    engine = scripted()
    _, segments = converted(engine, voice)
    failing = engine.calls[1].subject
    again = scripted({failing: ["loop", "stop"]})
    _, segments = converted(again, voice)
    assert [segment.attempts for segment in segments] == [1, 2, 1]
    assert segments[0].seed == 5
    assert segments[2].seed == 7


def test_verifying_compares_what_is_heard_in_source_and_result(scripted, voice):
    _, segments = converted(
        scripted(ending="unintelligible"), voice, settings=ConversionSettings(verify=True, retries=1)
    )
    assert all(segment.attempts == 2 and segment.error_rate > 0 for segment in segments)


def test_live_conversion_comes_piece_by_piece(scripted, voice):
    engine = scripted()
    stream = convert_recording(
        engine, (SOURCE, SAMPLE_RATE_HZ), voice=voice, options=OPTIONS, settings=ConversionSettings(live=True)
    )
    silence, first = next(stream), next(stream)
    assert not np.any(silence.audio)
    assert 0 < len(first.audio) <= 25 * 320
    stream.close()
    assert engine.streams_closed == 1


def test_silence_is_an_error(scripted, voice):
    with pytest.raises(NoSpeechError):
        converted(scripted(), voice, hush(40))


@pytest.mark.parametrize(("made_s", "early"), [(0.9, True), (1.4, False), (2.6, False)])
def test_a_result_far_shorter_than_its_source_stopped_early(made_s, early):
    segment = ConvertedSegment(
        source_start_s=3.0,
        source_end_s=5.0,
        start_s=3.0,
        end_s=3.0 + made_s,
        finish_reason="stop",
        seed=1,
        attempts=1,
        error_rate=None,
    )
    assert segment.stopped_early == early
