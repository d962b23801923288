"""`gpa-mlx bench` and the service behind it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gpa_mlx.bench.benchmark import run_benchmark
from gpa_mlx.bench.playback_simulation import Arrival, simulated_underruns
from gpa_mlx.bench.results import Spread
from gpa_mlx.bench.synthetic_input import speech_like, text_for
from gpa_mlx.engine.gpa import load


def test_spread_of_trials():
    assert Spread.of([3.0, 1.0, 8.0]) == Spread(median=3.0, low=1.0, high=8.0)
    assert Spread.of([2.0]) == Spread(2.0, 2.0, 2.0)


@pytest.mark.parametrize("seconds", [0.5, 3.0])
def test_synthetic_speech(seconds):
    sound = speech_like(seconds)
    assert (sound.dtype, sound.shape) == (np.float32, (round(seconds * 16_000),))
    assert np.abs(sound).max() == pytest.approx(0.5)
    np.testing.assert_array_equal(sound, speech_like(seconds))
    # Like a voice, most of its energy lies in the lower part of the band.
    power = np.abs(np.fft.rfft(sound)) ** 2
    assert power[: len(power) // 2].sum() > 0.95 * power.sum()


def test_text_has_the_asked_length():
    assert len(text_for(20.0)) == pytest.approx(300, abs=2)
    assert text_for(0.1).startswith("The north wind")


@pytest.mark.parametrize(("rate", "late_s", "gaps"), [(2.0, 0, 0), (1.0, 0, 0), (2.0, 9, 1)])
def test_gaps_of_simulated_playing(rate, late_s, gaps):
    """Chunks of 0.5 s that come at a steady rate, the last ten `late_s` later."""
    times = [0.5 * count / rate + (late_s if count > 10 else 0) for count in range(1, 21)]
    assert simulated_underruns([Arrival(time_s, 8000) for time_s in times]) == gaps


def test_every_task_is_measured(converted_small_a):
    steps = []
    report = run_benchmark(lambda: load(converted_small_a), seconds=0.5, trials=2, on_progress=steps.append)
    assert [result.task for result in report.tasks] == ["transcribe", "speak", "vc"]
    assert steps[:4] == ["transcribe: loading", "transcribe: warm-up", "transcribe: trial 1 of 2", steps[3]]
    assert len(steps) == 3 * 4
    transcribe, speak, vc = report.tasks
    for result in report.tasks:
        assert result.trials == 2
        assert 0 < result.total_s.low <= result.total_s.median <= result.total_s.high
        assert result.real_time_factor.median == pytest.approx(result.total_s.median / result.audio_s, rel=0.5)
        assert result.load_s > 0
        assert result.peak_memory_bytes > 0
    assert transcribe.encode_s.low > 0
    assert transcribe.decode_s.high == 0
    assert speak.encode_s.high == 0
    assert speak.decode_s.low > 0
    assert vc.encode_s.low > 0
    assert speak.generated_tokens <= 25
    assert transcribe.streaming is vc.streaming is None
    assert speak.streaming.first_audio_s.low == pytest.approx(speak.first_output_s.low, rel=0.2)
    assert speak.streaming.reference_first_audio_s.low > 0
    assert speak.streaming.ratio.high >= speak.streaming.ratio.low > 0
    assert report.peak_process_bytes > max(result.peak_memory_bytes for result in report.tasks)


def test_json_document(gpa_mlx, converted_small_a):
    result = gpa_mlx("bench", "--model", converted_small_a, "--seconds", 0.5, "--trials", 1, "--task", "vc", "--json")
    assert (result.code, result.err) == (0, "")
    document = json.loads(result.out)
    assert document["seconds"] == 0.5
    (task,) = document["tasks"]
    assert task["task"] == "vc"
    assert task["total_s"].keys() == {"median", "low", "high"}


def test_table(gpa_mlx, converted_small_a):
    result = gpa_mlx("bench", "--model", converted_small_a, "--seconds", 0.5, "--trials", 1, "--task", "speak")
    assert (result.code, result.err) == (0, "")
    for label in (
        "load",
        "tokenise",
        "prefill",
        "decode",
        "tokens/s",
        "vocoder",
        "total",
        "RTF",
        "first output",
        "codes",
        "gaps",
        "MB",
    ):
        assert label in result.out


@pytest.mark.parametrize("option", [("--seconds", "0"), ("--seconds", "nan"), ("--seconds", "31"), ("--trials", "0")])
def test_values_out_of_range(gpa_mlx, option):
    result = gpa_mlx("bench", "--model", "m", *option)
    assert result.code == 2
    assert option[0] in result.err
