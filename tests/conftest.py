"""Fixtures shared by all tests: the golden checkpoint, its recorded outputs, and its converted form."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

GOLDEN = Path(__file__).parent / "golden" / "small-a"
LONG34 = ("rms", "cmn", "slt", "rms", "cmn", "rms", "cmn", "rms", "rms")


@cache
def _arrays(name: str) -> Mapping[str, np.ndarray]:
    with np.load(GOLDEN / "golden" / f"{name}.npz") as archive:
        return {key: archive[key] for key in archive.files}


@pytest.fixture(autouse=True)
def program_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for settings, voices, models and history: the tester's own are neither read nor touched."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("GPA_MLX_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def small_a() -> Path:
    """The upstream-layout checkpoint with the reference's outputs."""
    return GOLDEN


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Mapping[str, np.ndarray]]:
    """Load a recorded archive by name: `golden("glm")["slt|tokens"]`."""
    return _arrays


@pytest.fixture(scope="session")
def golden_meta() -> dict[str, Any]:
    """Everything recorded that is not an array."""
    return json.loads((GOLDEN / "golden" / "meta.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def golden_audio() -> Callable[[str], Path]:
    """Path of a recorded input by id: `golden_audio("slt")`."""
    return lambda audio_id: GOLDEN / "golden" / "audio" / f"{audio_id}.wav"


@pytest.fixture(scope="session")
def long34() -> np.ndarray:
    """The 34 s recording, `(573590,)` float64 at 16 kHz: other recordings one after the other."""
    parts = [soundfile.read(GOLDEN / "golden" / "audio" / f"{name}.wav")[0] for name in LONG34]
    return np.concatenate(parts)


@pytest.fixture(scope="session")
def converted_small_a(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden checkpoint converted once per test process, float32."""
    from gpa_mlx_convert.pipeline import ConvertOptions, convert

    destination = tmp_path_factory.mktemp("models") / "small-a"
    convert(GOLDEN, destination, ConvertOptions())
    return destination
