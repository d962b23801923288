"""What is computed in another form on a GPU gives the same; here the CPU runs those forms."""

from __future__ import annotations

import numpy as np
import pytest

import gpa_mlx
from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.runtime import memory
from gpa_mlx.runtime.backend import mx
from gpa_mlx.types import GenerationOptions, Voice

SPEECH = GenerationOptions(temperature=0.2, repetition_penalty=1.2, seed=7, max_tokens=40)


@pytest.fixture(scope="module")
def results_on_the_cpu(converted_small_a, golden_audio):
    return results(converted_small_a, golden_audio)


@pytest.fixture
def on_gpu(monkeypatch):
    monkeypatch.setattr(mx, "default_device", lambda: mx.Device(mx.gpu))


def results(model, golden_audio):
    """Codes of a recording, a text, and speech with its codes."""
    with gpa_mlx.load(model) as engine:
        tokens = engine.tokenize(golden_audio("slt"))
        voice = Voice(name="slt", global_tokens=tuple(tokens.global_tokens.tolist()))
        text = engine.transcribe(golden_audio("slt"), vad=False, options=GenerationOptions(max_tokens=20)).text
        spoken = engine.speak("good morning", voice=voice, options=SPEECH)
        converted = engine.convert_voice(golden_audio("rms"), voice=voice, options=SPEECH)
    return tokens, text, spoken, converted


@pytest.mark.usefixtures("on_gpu")
def test_every_task_gives_the_same(results_on_the_cpu, converted_small_a, golden_audio):
    expected_tokens, expected_text, *expected_speech = results_on_the_cpu
    tokens, text, *speech = results(converted_small_a, golden_audio)
    for kind in ("glm", "semantic", "global_tokens"):
        assert np.array_equal(getattr(tokens, kind), getattr(expected_tokens, kind))
    assert text == expected_text
    for found, expected in zip(speech, expected_speech, strict=True):
        assert np.array_equal(found.codes, expected.codes)
        assert found.audio.shape == expected.audio.shape
        assert np.abs(found.audio - expected.audio).max() < 1e-4


@pytest.mark.usefixtures("on_gpu")
@pytest.mark.parametrize("task", ["transcribe", "speak", "vc"])
def test_everything_a_task_needs_is_tried_before_its_first_use(converted_small_a, task):
    parts = GPAModel(converted_small_a)
    parts.load(task)
    assert "qkv_proj" in parts.generator.model.layers[0].self_attn
    loaded = list(parts.loaded)
    parts.load(task)
    assert parts.loaded == loaded


def test_recordings_of_varying_length_leave_bounded_memory_behind(converted_small_a, monkeypatch):
    def kept_bytes() -> int:
        mx.clear_cache()
        with gpa_mlx.load(converted_small_a) as engine:
            rng = np.random.default_rng(0)
            for seconds in (1, 2.5, 4, 5.5):
                engine.tokenize((rng.normal(0, 0.1, int(16_000 * seconds)), 16_000))
            return mx.get_cache_memory()

    own = mx.set_cache_limit(10**11)  # what MLX chooses itself on a Mac with much memory
    try:
        without = kept_bytes()
        monkeypatch.setattr(memory, "_MLX_CACHE_BYTES", 10**11)
        monkeypatch.setattr(memory, "DEFAULT_CACHE_BYTES", without // 4)
        assert kept_bytes() <= without // 4
    finally:
        mx.set_cache_limit(own)
        mx.clear_cache()
