"""`--model demo`, built-in voices and `gpa-mlx demo`, on a toy in the place of the demo model."""

from __future__ import annotations

import json

import pytest
import soundfile

from gpa_mlx.engine.gpa import GPA
from gpa_mlx.model import demo as demo_data
from gpa_mlx.types import GenerationOptions

SHORT = ("--max-tokens", 8, "--seed", 1, "--retries", 0)


# -- --model demo -----------------------------------------------------------------------------------------------------


def test_demo_is_a_model_like_any_other(program, toy, converted_small_a, golden_audio):
    given = ("transcribe", golden_audio("slt"), "--no-vad", "--max-tokens", 8, "--model")
    assert program(*given, "demo") == program(*given, converted_small_a)


def test_the_environment_may_name_it_too(program, toy, golden_audio, monkeypatch):
    named = program("tokenize", golden_audio("slt"), "--model", "demo")
    monkeypatch.setenv("GPA_MLX_MODEL", "demo")
    assert program("tokenize", golden_audio("slt")) == named
    assert named.code == 0


def test_a_directory_called_demo_is_reached_by_a_path(program, toy, golden_audio, monkeypatch, tmp_path):
    (tmp_path / "demo").mkdir()
    monkeypatch.chdir(tmp_path)
    assert program("tokenize", golden_audio("slt"), "--model", "demo").code == 0
    result = program("tokenize", golden_audio("slt"), "--model", "./demo")
    assert result.code == 3
    assert "demo is not a converted model" in result.err


def test_without_the_data_the_demo_model_is_explained(program, golden_audio, monkeypatch, tmp_path):
    monkeypatch.setattr(demo_data, "_DATA", tmp_path)
    for command in (("tokenize", golden_audio("slt"), "--model", "demo"), ("demo", "--out", tmp_path / "out")):
        result = program(*command)
        assert (result.code, result.out) == (3, "")
        assert result.err.splitlines()[0] == "error: This installation has no demo model."
        assert len(result.err.splitlines()) == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("transcribe", "AUDIO"),
        ("tokenize", "AUDIO"),
        ("detokenize", "TOKENS", "-o", "OUT"),
        ("speak", "yes", "--voice", "AUDIO", "-o", "OUT"),
        ("speak", "yes", "--voice", "slt", "-o", "OUT"),
        ("vc", "AUDIO", "--voice", "slt", "-o", "OUT"),
        ("bench",),
        ("train", "lm", "--data", "TOKENS", "--full", "--steps", "1", "--out", "DIR"),
        ("train", "fuse", "--adapter", "DIR", "--out", "DIR"),
    ],
    ids=" ".join,
)
def test_no_model_is_two_lines_that_offer_the_demo(program, golden_audio, tmp_path, command):
    (tmp_path / "tokens.json").write_text('{"semantic": [1], "global": [1]}')
    places = {
        "AUDIO": golden_audio("slt"),
        "TOKENS": tmp_path / "tokens.json",
        "OUT": tmp_path / "out.wav",
        "DIR": tmp_path,
    }
    result = program(*(places.get(word, word) for word in command))
    assert (result.code, result.out) == (3, "")
    first, second = result.err.splitlines()
    assert first == "error: No model is given."
    assert second.startswith("hint: ")
    for way in ("--model demo", "twenty words", "gpa-mlx convert"):
        assert way in second


@pytest.mark.parametrize("command", [("transcribe",), ("vc",), ("bench",), ("train", "lm")], ids=" ".join)
def test_help_names_the_demo(program, command):
    assert "Directory of a converted model, or `demo`." in " ".join(program(*command, "--help").out.split())


# -- built-in voices --------------------------------------------------------------------------------------------------


@pytest.fixture
def heard_voices(monkeypatch):
    """Voices that the engine was asked to speak with."""
    voices = []

    def noting(method):
        return lambda self, subject, *, voice, **options: (
            voices.append(voice) or method(self, subject, voice=voice, **options)
        )

    monkeypatch.setattr(GPA, "stream_speak", noting(GPA.stream_speak))
    monkeypatch.setattr(GPA, "stream_convert_voice", noting(GPA.stream_convert_voice))
    return voices


@pytest.mark.parametrize("task", [("speak", "yes"), ("vc", "AUDIO")], ids=" ".join)
def test_a_built_in_voice_needs_no_recording(program, toy, golden_audio, tmp_path, heard_voices, task):
    words = [golden_audio("slt") if word == "AUDIO" else word for word in task]
    result = program(*words, "--voice", "rms", "--model", "demo", "-o", tmp_path / "out.wav", *SHORT)
    assert result.code == 0, result.err
    assert heard_voices == [demo_data.demo_voices()[0]]
    assert soundfile.info(tmp_path / "out.wav").frames > 0


def test_a_built_in_voice_fits_every_model_of_its_family(program, toy, converted_small_a, tmp_path, heard_voices):
    out = tmp_path / "out.wav"
    assert program("speak", "yes", "--voice", "slt", "--model", converted_small_a, "-o", out, *SHORT).code == 0
    assert [voice.name for voice in heard_voices] == ["slt"]


def test_another_family_has_no_built_in_voice(program, toy, converted_small_a, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    manifest = json.loads((converted_small_a / "gpa_mlx.json").read_text())
    (model / "gpa_mlx.json").write_text(json.dumps({**manifest, "model_family": "bicodec-other"}))
    result = program("speak", "yes", "--voice", "slt", "--model", model, "-o", tmp_path / "out.wav")
    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines() == [
        "error: There is no voice 'slt'.",
        "hint: Give the path of a recording of the voice.",
    ]


def test_an_unknown_name_lists_the_voices(program, toy, tmp_path):
    result = program("speak", "yes", "--voice", "anna", "--model", "demo", "-o", tmp_path / "out.wav")
    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines() == [
        "error: There is no voice 'anna'.",
        "hint: Give the path of a recording of the voice, or one of rms, slt.",
    ]


def test_a_recording_comes_before_a_built_in_voice(program, toy, golden_audio, monkeypatch, tmp_path, heard_voices):
    (tmp_path / "slt").write_bytes(golden_audio("rms").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert program("speak", "yes", "--voice", "slt", "--model", "demo", "-o", "out.wav", *SHORT).code == 0
    assert heard_voices[0].global_tokens == demo_data.demo_voices()[0].global_tokens


# -- gpa-mlx demo -----------------------------------------------------------------------------------------------------

FILES = ["speak-rms.wav", "speak-slt.wav", "vc-rms.wav", "words.wav"]


@pytest.fixture
def wide(monkeypatch):
    """A terminal on which no line wraps."""
    monkeypatch.setenv("COLUMNS", "200")


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_step_is_shown(program, toy, wide, tmp_path):
    result = program("demo", "--out", tmp_path / "out")
    assert (result.code, result.err) == (0, "")
    assert sorted(content(tmp_path / "out")) == FILES
    lines = [line.rstrip() for line in result.out.splitlines()]
    for title in (
        "Transcribe a recording of slt",
        "Speak as rms",
        "Speak as slt",
        "Change the voice of the recording to rms",
    ):
        assert title in lines
    said = [line.split(maxsplit=1)[1] for line in lines if line.startswith("said ")]
    assert said == ["words of slt", "three two one go", "three two one go", "words of slt"]
    assert sum(line.startswith("heard ") for line in lines) == 4
    assert sum("(RTF " in line for line in lines) == 7
    for name in FILES:
        assert str(tmp_path / "out" / name) in result.out
    for command in ("transcribe FILE.wav", 'speak "three two one go" --voice rms', "vc FILE.wav --voice rms"):
        assert any(line.startswith(f"gpa-mlx {command} --model demo") for line in lines)


def test_what_is_shown_as_heard_is_what_transcribe_hears(program, toy, tmp_path):
    result = program("demo", "--out", tmp_path / "out", "--json")
    assert (result.code, result.err) == (0, "")
    document = json.loads(result.out)
    assert document["model"] == str(toy / "model")
    steps = document["steps"]
    assert [(step["task"], step["voice"]) for step in steps] == [
        ("transcribe", "slt"),
        ("speak", "rms"),
        ("speak", "slt"),
        ("vc", "rms"),
    ]
    assert [step["making"] is None for step in steps] == [True, False, False, False]
    for step in steps:
        assert program("transcribe", step["file"], "--model", "demo").out.strip() == step["heard"]
        assert step["hearing"]["real_time_factor"] > 0
        assert step["duration_s"] == pytest.approx(soundfile.info(step["file"]).duration)


def test_the_demo_repeats_itself(program, toy, monkeypatch, tmp_path):
    random = GenerationOptions(temperature=2.0, max_tokens=20)
    monkeypatch.setattr(GPA, "default_options", lambda self, task: random)
    program("demo", "--out", tmp_path / "a")
    program("demo", "--out", tmp_path / "b")
    assert content(tmp_path / "a") == content(tmp_path / "b")


@pytest.mark.parametrize("width", ["20", "1"])
def test_a_narrow_terminal_keeps_the_commands_whole(program, toy, monkeypatch, tmp_path, width):
    monkeypatch.setenv("COLUMNS", width)
    result = program("demo", "--out", tmp_path / "out")
    assert (result.code, result.err) == (0, "")
    assert 'gpa-mlx speak "three two one go" --voice rms --model demo -o OUT.wav' in result.out.splitlines()


def test_the_default_folder_is_new_and_here(program, toy, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert program("demo").code == 0
    assert sorted(content(tmp_path / "gpa-mlx-demo")) == FILES


@pytest.mark.parametrize("name", ["words.wav", "notes.txt"])
def test_a_folder_with_files_is_left_alone(program, toy, tmp_path, name):
    (tmp_path / name).write_bytes(b"mine")
    result = program("demo", "--out", tmp_path)
    assert (result.code, result.out) == (2, "")
    assert f"error: {tmp_path} is not empty." in result.err
    assert "--force" in result.err
    assert content(tmp_path) == {name: b"mine"}


def test_force_replaces_only_what_the_demo_writes(program, toy, tmp_path):
    mine, out = tmp_path / "mine.wav", tmp_path / "out"
    mine.write_bytes(b"mine")
    out.mkdir()
    (out / "notes.txt").write_bytes(b"mine")
    (out / "words.wav").symlink_to(mine)
    assert program("demo", "--out", out, "--force").code == 0
    assert mine.read_bytes() == (out / "notes.txt").read_bytes() == b"mine"
    assert (out / "words.wav").read_bytes() == (toy / "samples" / "words.wav").read_bytes()


def test_a_file_is_no_folder(program, toy, tmp_path):
    (tmp_path / "out").write_bytes(b"mine")
    result = program("demo", "--out", tmp_path / "out")
    assert (result.code, result.out) == (2, "")
    assert "is not a directory" in result.err
    assert (tmp_path / "out").read_bytes() == b"mine"


def test_an_interrupt_leaves_whole_files_only(program, toy, monkeypatch, tmp_path):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(GPA, "convert_voice", interrupted)
    result = program("demo", "--out", tmp_path / "out")
    assert (result.code, result.err.split()) == (130, ["interrupted"])
    assert sorted(content(tmp_path / "out")) == ["speak-rms.wav", "speak-slt.wav", "words.wav"]
    for name in content(tmp_path / "out"):
        assert soundfile.info(tmp_path / "out" / name).frames > 0
