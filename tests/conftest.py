"""Shared by all tests: their surroundings, hypothesis' profiles, the golden checkpoint and its converted form."""

from __future__ import annotations

from tests.support.surroundings import make_uniform, share_processors  # isort: skip

share_processors()  # before NumPy loads its BLAS
make_uniform()

import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, settings

from tests.support.examples import CI_EXAMPLES, DEV_EXAMPLES
from tests.support.made_once import made_once

for profile, count in (("ci", CI_EXAMPLES), ("dev", DEV_EXAMPLES)):
    settings.register_profile(
        profile,
        max_examples=count,
        deadline=None,  # how long an example takes depends on what else the machine does
        suppress_health_check=[
            HealthCheck.too_slow,  # as above
            HealthCheck.function_scoped_fixture,  # an example overwrites what the one before wrote to `tmp_path`
        ],
        print_blob=True,
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))

GOLDEN = Path(__file__).parent / "golden" / "small-a"
LONG34 = ("rms", "cmn", "slt", "rms", "cmn", "rms", "cmn", "rms", "rms")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Spread files, not tests, in the order in which they are collected: rooms with long ones come first."""
    from tests.support.scheduling import RoomScheduling

    config.option.loadscopereorder = False
    return RoomScheduling(config, log)


LONG_UNITS = ("tests/devices/", "tests/unit/train/", "tests/unit/recipes/")
"""Begin with them: one process must run each device test, and a long file at the end leaves the other idle."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes longest first."""
    items.sort(key=lambda item: next((n for n, unit in enumerate(LONG_UNITS) if item.nodeid.startswith(unit)), 9))


@cache
def _arrays(name: str) -> Mapping[str, np.ndarray]:
    with np.load(GOLDEN / "golden" / f"{name}.npz") as archive:
        return {key: archive[key] for key in archive.files}


@pytest.fixture(scope="session")
def new_homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Paths of folders that are not there yet; pytest's own numbering looks through all folders each time."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def program_home(new_homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for settings, voices, models and history: the tester's own are neither read nor touched."""
    home = next(new_homes)
    home.mkdir()
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
    """The golden checkpoint converted once per test run, float32."""
    from gpa_mlx_convert.pipeline import ConvertOptions, convert

    return made_once(
        tmp_path_factory.getbasetemp(), "small-a", lambda folder: convert(GOLDEN, folder, ConvertOptions())
    )
