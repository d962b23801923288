"""What users get wrong: one sentence, the right exit code, nothing written, no traceback."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from gpa_mlx.runtime.backend import mx

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RATE_HZ = 16_000


@pytest.fixture
def audio_command(gpa_mlx, converted_small_a, golden_audio, tmp_path):
    """Run one of the commands that read audio, on the given file."""

    def invoke(command: str, file: Path, model: Path = converted_small_a):
        model_option = ("--model", model)
        output = ("-o", tmp_path / "out.wav", "--temperature", 0, "--max-tokens", 3)
        if command == "transcribe":
            return gpa_mlx("transcribe", file, "--max-tokens", 3, *model_option)
        if command == "tokenize":
            return gpa_mlx("tokenize", file, "--json", *model_option)
        if command == "vc":
            return gpa_mlx("vc", file, "--voice", golden_audio("slt"), *model_option, *output)
        return gpa_mlx("speak", "hello", "--voice", file, *model_option, *output)

    return invoke


def refused(result, code: int) -> None:
    assert (result.code, result.out) == (code, ""), result.err
    first, *rest = result.err.splitlines()
    assert first.startswith("error: ")
    assert "unexpected" not in first
    assert len(rest) <= 1
    assert all(line.startswith("hint: ") for line in rest)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("This is not audio.\n" * 50)


def no_samples(path: Path) -> None:
    soundfile.write(path, np.zeros(0), RATE_HZ)


def header_only(path: Path) -> None:
    soundfile.write(path, np.zeros(RATE_HZ), RATE_HZ)
    os.truncate(path, 30)


def not_a_number(path: Path) -> None:
    samples = np.full(RATE_HZ, np.nan)
    soundfile.write(path, samples, RATE_HZ, subtype="FLOAT")


def infinite(path: Path) -> None:
    samples = np.full(RATE_HZ, -np.inf)
    soundfile.write(path, samples, RATE_HZ, subtype="FLOAT")


COMMANDS = ["transcribe", "tokenize", "vc", "voice"]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("make", [empty, text, no_samples, header_only, not_a_number, infinite])
def test_unusable_audio(audio_command, tmp_path, tree, command, make):
    make(tmp_path / "bad.wav")
    result = audio_command(command, tmp_path / "bad.wav")
    refused(result, 4)
    assert "bad.wav" in result.err
    assert tree() == ["bad.wav"]


@pytest.mark.parametrize(("command", "code"), [("transcribe", 4), ("tokenize", 4), ("vc", 4), ("voice", 1)])
def test_missing_audio(audio_command, tmp_path, tree, command, code):
    result = audio_command(command, tmp_path / "none.wav")
    refused(result, code)
    assert "none.wav" in result.err
    assert tree() == []


@pytest.mark.parametrize(("seconds", "command", "code"), [(0.01, "tokenize", 4), (0.01, "vc", 4), (0.05, "voice", 1)])
def test_too_short(audio_command, tmp_path, tree, seconds, command, code):
    soundfile.write(tmp_path / "short.wav", 0.3 * np.sin(np.arange(round(seconds * RATE_HZ)) / 9), RATE_HZ)
    refused(audio_command(command, tmp_path / "short.wav"), code)
    assert tree() == ["short.wav"]


def test_silence(audio_command, golden_audio, tree):
    result = audio_command("transcribe", golden_audio("silence1s"))
    assert (result.code, result.out) == (0, "\n")
    assert "no speech was heard" in result.err
    assert audio_command("tokenize", golden_audio("silence1s")).code == 0
    refused(audio_command("vc", golden_audio("silence1s")), 1)
    refused(audio_command("voice", golden_audio("silence1s")), 1)
    assert tree() == []


@pytest.mark.parametrize("command", COMMANDS)
def test_eight_channels_at_96_khz(audio_command, tmp_path, command):
    samples = np.tile(0.3 * np.sin(np.arange(96_000) / 40)[:, None], (1, 8))
    soundfile.write(tmp_path / "many.wav", samples, 96_000)
    result = audio_command(command, tmp_path / "many.wav")
    # A steady tone is no voice.
    words = ("ended without any speech", "sounds like speech", "No speech was heard")
    assert result.code == 0 or any(word in result.err for word in words)


@pytest.mark.parametrize("command", COMMANDS)
def test_truncated_mp3(audio_command, tmp_path, command):
    samples = 0.3 * np.sin(np.arange(2 * RATE_HZ) / 9)
    soundfile.write(tmp_path / "cut.mp3", samples, RATE_HZ, format="MP3")
    os.truncate(tmp_path / "cut.mp3", (tmp_path / "cut.mp3").stat().st_size // 2)
    result = audio_command(command, tmp_path / "cut.mp3")
    # What is left may be used, or the file refused: never a crash.
    assert result.code in (0, 1, 4)
    assert "unexpected" not in result.err


def hours_of_silence(path: Path) -> None:
    """Three hours, 345 MB, of which a sparse file stores only the header."""
    data_bytes = 3 * 3600 * RATE_HZ * 2
    header = struct.pack(
        "<4sI8sIHHIIHH4sI",
        b"RIFF",
        36 + data_bytes,
        b"WAVEfmt ",
        16,
        1,
        1,
        RATE_HZ,
        2 * RATE_HZ,
        2,
        16,
        b"data",
        data_bytes,
    )
    path.write_bytes(header)
    os.truncate(path, len(header) + data_bytes)


@pytest.mark.parametrize("command", ["tokenize", "voice"])
def test_three_hours_are_refused_where_one_pass_is_needed(audio_command, tmp_path, tree, command):
    hours_of_silence(tmp_path / "long.wav")
    refused(audio_command(command, tmp_path / "long.wav"), 1)
    assert tree() == ["long.wav"]


RUN_AND_MEASURE = """
import sys
from gpa_mlx.cli.commands import cli
from gpa_mlx.cli.program import run
from tests.support.memory import peak_bytes
status = run(cli, sys.argv[1:])
sys.stderr.write(f"{int(status)} {peak_bytes()}")
"""


@pytest.mark.slow
def test_three_hours_are_transcribed_in_bounded_memory(converted_small_a, tmp_path):
    hours_of_silence(tmp_path / "long.wav")
    result = subprocess.run(
        [sys.executable, "-c", RUN_AND_MEASURE, "transcribe", tmp_path / "long.wav", "--model", converted_small_a],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    status, peak = map(int, result.stderr.splitlines()[-1].split())
    assert (status, result.stdout) == (0, "\n")
    assert peak < 500e6


# -- models -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def damaged(converted_small_a, tmp_path_factory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Copy the model, change one file, and let the manifest agree, as if the model had been made that way."""

    def make(name: str, change: Callable[[Path], None]) -> Path:
        model = tmp_path_factory.mktemp("damaged") / "model"
        shutil.copytree(converted_small_a, model, copy_function=os.link)
        content = (model / name).read_bytes()
        (model / name).unlink()
        (model / name).write_bytes(content)
        change(model / name)
        manifest = json.loads((model / "gpa_mlx.json").read_text())
        manifest["files"][name]["size"] = (model / name).stat().st_size
        (model / "gpa_mlx.json").unlink()
        (model / "gpa_mlx.json").write_text(json.dumps(manifest))
        return model

    return make


def change_tensors(change: Callable[[dict[str, mx.array]], object]) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        tensors = mx.load(str(path))
        assert isinstance(tensors, dict)
        mx.eval(tensors)
        change(tensors)
        mx.save_safetensors(str(path), tensors)

    return apply


def change_json(change: Callable[[dict], object]) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))

    return apply


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 100)


def without_audio_tokens(document: dict) -> None:
    document["added_tokens"] = [token for token in document["added_tokens"] if "bicodec" not in token["content"]]


NORM = "model.norm.weight"


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("model.safetensors", truncate, "model.safetensors"),
        ("model.safetensors", empty, "model.safetensors"),
        ("model.safetensors", text, "model.safetensors"),
        ("model.safetensors", change_tensors(lambda tensors: tensors.pop(NORM)), NORM),
        ("model.safetensors", change_tensors(lambda tensors: tensors.update(extra=mx.zeros(2))), "extra"),
        ("model.safetensors", change_tensors(lambda tensors: tensors.update({NORM: mx.zeros(3)})), NORM),
        ("bicodec/model.safetensors", truncate, "bicodec/model.safetensors"),
        ("config.json", text, "config.json"),
        ("config.json", change_json(lambda config: config.pop("hidden_size")), "hidden_size"),
        ("config.json", change_json(lambda config: config.update(hidden_size=-1)), "hidden_size"),
        ("bicodec/config.json", change_json(lambda config: config.clear()), "bicodec/config.json"),
        ("tokenizer.json", text, "tokenizer.json"),
        ("tokenizer.json", change_json(without_audio_tokens), "tokenizer.json"),
    ],
)
def test_damaged_model(audio_command, damaged, golden_audio, tree, name, change, words):
    result = audio_command("voice", golden_audio("slt"), damaged(name, change))
    refused(result, 3)
    assert words in result.err
    assert tree() == []


@pytest.mark.parametrize("name", ["gpa_mlx.json", "model.safetensors", "wav2vec2/config.json"])
def test_incomplete_model(audio_command, damaged, golden_audio, name):
    model = damaged("config.json", lambda path: None)
    (model / name).unlink()
    result = audio_command("transcribe", golden_audio("slt"), model)
    refused(result, 3)
    assert name in result.err


def test_upstream_directory(audio_command, small_a, golden_audio):
    result = audio_command("transcribe", golden_audio("slt"), small_a)
    refused(result, 3)
    assert "gpa-mlx convert" in result.err


@pytest.mark.parametrize("kind", ["nothing", "file", "folder"])
def test_no_model_there(audio_command, golden_audio, tmp_path, kind):
    place = tmp_path / "model"
    if kind == "file":
        place.touch()
    elif kind == "folder":
        place.mkdir()
    result = audio_command("transcribe", golden_audio("slt"), place)
    refused(result, 3)
    assert str(place) in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["transcribe", "ADDRESS"],
        ["tokenize", "ADDRESS"],
        ["vc", "ADDRESS", "--voice", "v", "-o", "out.wav"],
        ["speak", "hello", "--voice", "ADDRESS", "-o", "out.wav"],
        ["voices", "add", "me", "ADDRESS", "--i-have-rights"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_an_address_is_called_one(gpa_mlx, converted_small_a, arguments):
    address = "https://example.com/talk.mp3"
    words = [address if word == "ADDRESS" else word for word in arguments]
    result = gpa_mlx(*words, "--model", converted_small_a)
    refused(result, 4)
    assert f"{address} is an address" in result.err


def test_what_is_too_short_is_named(gpa_mlx, converted_small_a, tmp_path):
    soundfile.write(tmp_path / "click.wav", np.full(10, 0.5), RATE_HZ)
    result = gpa_mlx("transcribe", tmp_path / "click.wav", tmp_path / "none.wav", "--model", converted_small_a)
    assert "click.wav is 0.001 s long" in result.err


@pytest.mark.parametrize(
    "words",
    [
        ("vc", "", "--voice", "slt", "-o", "out.wav"),
        ("tokenize", ""),
        ("voices", "add", "me", "", "--i-have-rights"),
        ("verify", ""),
    ],
)
def test_a_path_that_an_unset_variable_left_empty_is_no_folder(gpa_mlx, words):
    result = gpa_mlx(*words)
    assert (result.code, result.out) == (2, "")
    assert "names no file" in result.err


def test_standard_input_has_no_record_to_be_verified_with(gpa_mlx):
    result = gpa_mlx("verify", "-", stdin=b"RIFF")
    assert result.code == 2
    assert "give the name of a file" in result.err
