"""Small things to train: a decoder that a step takes milliseconds of, and examples of the golden model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gpa_mlx.nn.qwen3 import Qwen3, Qwen3Args
from gpa_mlx.runtime.backend import mx
from gpa_mlx.train.language_model.corpus import Example
from gpa_mlx.train.language_model.fine_tuning import Dataset, DatasetConfig, load_dataset


@pytest.fixture(scope="session")
def tiny_args() -> Qwen3Args:
    return Qwen3Args(
        hidden_size=16,
        intermediate_size=24,
        num_layers=2,
        num_heads=2,
        num_kv_heads=1,
        head_dim=8,
        rms_norm_eps=1e-6,
        rope_theta=10_000.0,
        vocab_size=32,
        max_position_embeddings=64,
        tie_word_embeddings=True,
        attention_bias=False,
    )


@pytest.fixture(scope="session")
def tiny_model(tiny_args: Qwen3Args) -> Callable[[], Qwen3]:
    """Make the same random decoder as often as wanted."""

    def make() -> Qwen3:
        mx.random.seed(1)
        return Qwen3(tiny_args)

    return make


@pytest.fixture(scope="session")
def tiny_examples() -> tuple[Example, ...]:
    random = np.random.default_rng(3)
    lengths = random.integers(6, 14, 12)
    return tuple(
        Example(task="stt", ids=random.integers(0, 32, length).astype(np.int32), target_start=int(length) // 2)
        for length in lengths
    )


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory, golden_audio: Callable[[str], Path]) -> Path:
    """Four utterances, all three tasks."""
    slt, chirp = str(golden_audio("slt")), str(golden_audio("chirp"))
    lines = [
        {"task": "stt", "audio": slt, "text": "one two three"},
        {"task": "stt", "audio": chirp, "text": "four five"},
        {"task": "tts-a", "audio": slt, "ref_audio": chirp, "text": "hello"},
        {"task": "vc", "audio": slt, "ref_audio": chirp, "vc_audio": chirp},
    ]
    path = tmp_path_factory.mktemp("data") / "manifest.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def code_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("codes")


@pytest.fixture(scope="session")
def dataset(converted_small_a: Path, manifest: Path, code_cache: Path) -> Dataset:
    """The four utterances, to learn and to evaluate on."""
    from gpa_mlx.model.families.gpa.family import GPAModel

    config = DatasetConfig(
        manifest=manifest, eval_manifest=manifest, eval_fraction=0, cache=code_cache, max_tokens=4096, seed=0
    )
    return load_dataset(GPAModel(converted_small_a), config)
