"""The demo model, a stand-in for it, and ways to run and to measure."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pytest

import gpa_mlx
from gpa_mlx.cli.commands import cli
from gpa_mlx.cli.program import run
from gpa_mlx.model import demo as demo_data
from gpa_mlx.store.manifest import read_manifest
from gpa_mlx.voices.card import format_card

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Outcome(NamedTuple):
    """What a run left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def program(capsys, monkeypatch) -> Callable[..., Outcome]:
    """Run `gpa-mlx ARGUMENTS...` inside the test process."""
    monkeypatch.delenv("GPA_MLX_MODEL", raising=False)

    def invoke(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = run(cli, [str(argument) for argument in arguments])
        return Outcome(code, *capsys.readouterr())

    return invoke


@pytest.fixture(scope="session")
def process() -> Callable[..., Outcome]:
    """Run `gpa-mlx ARGUMENTS...` as a process of its own, as users do."""
    environment = {name: value for name, value in os.environ.items() if name != "GPA_MLX_MODEL"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)

    def invoke(*arguments: object) -> Outcome:
        command = [sys.executable, "-m", "gpa_mlx", *map(str, arguments)]
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return Outcome(result.returncode, result.stdout, result.stderr)

    return invoke


@pytest.fixture(scope="session")
def toy_data(converted_small_a, golden_audio, tmp_path_factory) -> Path:
    """Demo data with the golden model: the right layout, but its words mean nothing."""
    data = tmp_path_factory.mktemp("data")
    shutil.copytree(converted_small_a, data / "model", copy_function=os.link)
    (data / "voices").mkdir()
    (data / "samples").mkdir()
    family = read_manifest(converted_small_a).model_family
    with gpa_mlx.load(converted_small_a) as engine:
        for name in ("slt", "rms"):
            voice = engine.make_voice(golden_audio(name), name=name)
            voice = replace(voice, family=family, description=f"Golden {name}.")
            (data / "voices" / f"{name}.voice").write_text(format_card(voice))
    shutil.copyfile(golden_audio("slt"), data / "samples" / "words.wav")
    listing = [{"file": "words.wav", "text": "words of slt", "voice": "slt"}]
    (data / "samples" / "samples.json").write_text(json.dumps(listing))
    return data


@pytest.fixture
def toy(toy_data, monkeypatch) -> Path:
    """Put the toy in the place of the demo data."""
    monkeypatch.setattr(demo_data, "_DATA", toy_data)
    return toy_data
