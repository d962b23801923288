"""Runs the command line inside the test process, on the converted golden model or on a fake engine."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from gpa_mlx.cli.commands import cli
from gpa_mlx.cli.program import run
from gpa_mlx.testing import FakeEngine
from gpa_mlx.types import Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


MANIFEST = {
    "format_version": 1,
    "converter_version": "0.1.0",
    "model_family": "scripted",
    "model_name": "nobody",
    "source": {"location": "nowhere", "revision": None, "sha256": {}},
    "parts": {},
    "files": {"model.safetensors": {"size": 1, "sha256": "ab" * 32}},
}
"""What the fake engine's model directory says."""

TWO_SEGMENTS = (
    Segment(start_s=0.0, end_s=1.0, text="first words"),
    Segment(start_s=2.0, end_s=3.0, text="second"),
)
"""What the fake engine transcribes."""


class Outcome(NamedTuple):
    """What a run left behind."""

    code: int
    out: str
    err: str


class _Stdin(io.TextIOWrapper):
    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content), encoding="utf-8")


@pytest.fixture
def gpa_mlx(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Run `gpa-mlx ARGUMENTS...` and return exit code, standard output and standard error."""
    monkeypatch.delenv("GPA_MLX_MODEL", raising=False)

    def invoke(*arguments: object, stdin: bytes = b"") -> Outcome:
        monkeypatch.setattr(sys, "stdin", _Stdin(stdin))
        capsys.readouterr()
        code = run(cli, [str(argument) for argument in arguments])
        return Outcome(code, *capsys.readouterr())

    return invoke


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> FakeEngine:
    """A fake engine, in the place of the model that `--model` names."""
    fake = FakeEngine(texts=TWO_SEGMENTS, path=tmp_path_factory.mktemp("model"))
    (fake.path / "gpa_mlx.json").write_text(json.dumps(MANIFEST))
    monkeypatch.setattr("gpa_mlx.engine.gpa.load", lambda path, **options: fake)
    return fake


@pytest.fixture
def transcribe(
    gpa_mlx: Callable[..., Outcome], engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Outcome]:
    """Run `transcribe` on the fake engine in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments, **options: gpa_mlx("transcribe", *arguments, "--model", "m", **options)


def touch(*names: str) -> None:
    """Make empty files, and the folders they are in."""
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[], Sequence[str]]:
    """Names of everything below the test's folder, to see that nothing half-written stays."""
    return lambda: sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
