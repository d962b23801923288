"""The program itself: help, exit codes, and how failures look."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import gpa_mlx as package
from gpa_mlx.cli.commands import _COMMANDS, cli
from gpa_mlx.cli.ready_help import USUAL_COLUMNS, WIDEST_COLUMNS, help_file, ready_answer
from gpa_mlx.errors import (
    AudioDeviceError,
    AudioFileError,
    GPAError,
    InputTextError,
    ModelFormatError,
    ModelNotFoundError,
    SettingsError,
    VoiceError,
)
from tests.support.help_texts import help_text

NAMES = ["demo", "tui", "dictate", "transcribe", "speak", "vc", "serve", "voices", "history", "model", "settings"]
NAMES += ["doctor", "verify", "tokenize", "detokenize", "convert", "train", "bench"]


@pytest.fixture
def transcribe_failing(gpa_mlx, engine):
    """Run a transcription that raises the given exception."""

    def invoke(error: BaseException, *options: str):
        engine.failures["stream_transcribe"] = error
        return gpa_mlx(*options, "transcribe", "a.wav", "--model", "m")

    return invoke


def test_help_lists_every_command(gpa_mlx):
    result = gpa_mlx("--help")
    assert result.code == 0
    listed = result.out.split("Commands:\n")[1].split("\n\n")[0]
    assert [line.split()[0] for line in listed.splitlines()] == NAMES
    assert "GPA_MLX_MODEL" in result.out


@pytest.mark.parametrize("name", NAMES)
def test_listed_help_is_what_the_command_says(gpa_mlx, name):
    result = gpa_mlx(name, "--help")
    assert result.code == 0
    assert " ".join(result.out.split()).partition(" Options:")[0].find(_COMMANDS[name].help) > 0


@pytest.mark.parametrize("name", NAMES)
def test_every_command_takes_the_session_options_once(gpa_mlx, name):
    gpa_mlx(name, "--help")
    result = gpa_mlx(name, "--help")
    assert result.out.count("--debug") == 1
    assert result.out.count("--verbose") == 1


def test_version(gpa_mlx):
    assert gpa_mlx("--version") == (0, f"gpa-mlx {package.__version__}\n", "")


def test_no_command_shows_the_help_on_standard_error(gpa_mlx):
    result = gpa_mlx()
    assert (result.code, result.out) == (2, "")
    assert "Commands:" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["sing"],
        ["--loud"],
        ["transcribe"],
        ["transcribe", "a.wav", "--beam", "4"],
        ["speak", "hello", "--model", "m", "-o", "o.wav"],
        ["speak", "hello", "--model", "m", "--voice", "v.wav"],
        ["bench", "--task", "sing"],
    ],
)
def test_wrong_usage_is_one_line_and_a_hint(gpa_mlx, arguments):
    result = gpa_mlx(*arguments)
    assert (result.code, result.out) == (2, "")
    first, second = result.err.splitlines()
    assert first.startswith("error: ")
    assert second.startswith("hint: Run `gpa-mlx")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (GPAError("Broken."), 1),
        (VoiceError("Broken."), 1),
        (InputTextError("Broken."), 1),
        (SettingsError("Broken."), 2),
        (ModelNotFoundError("Broken."), 3),
        (ModelFormatError("Broken."), 3),
        (AudioFileError("Broken."), 4),
        (AudioDeviceError("Broken."), 4),
    ],
)
def test_exit_codes_of_expected_errors(transcribe_failing, error, code):
    error.hint = "Mend it."
    assert transcribe_failing(error) == (code, "", "error: Broken.\nhint: Mend it.\n")


def test_message_stays_on_one_line(transcribe_failing):
    assert transcribe_failing(GPAError("a\nb"))[2] == "error: a b\n"


def test_unexpected_error_has_no_traceback(transcribe_failing):
    result = transcribe_failing(ZeroDivisionError("boom"))
    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines()[0] == "error: a.wav failed: unexpected ZeroDivisionError: boom"
    assert "--debug" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("error", [ZeroDivisionError("boom"), AudioFileError("boom")])
def test_debug_shows_the_traceback_and_keeps_the_code(transcribe_failing, error):
    plain = transcribe_failing(error)
    debug = transcribe_failing(error, "--debug")
    assert debug.code == plain.code
    assert "Traceback" in debug.err
    assert debug.err.endswith(plain.err)


def test_debug_works_after_the_command_too(gpa_mlx, engine):
    engine.failures["stream_transcribe"] = ZeroDivisionError("boom")
    assert "Traceback" in gpa_mlx("transcribe", "a.wav", "--model", "m", "--debug").err
    assert "Traceback" not in gpa_mlx("transcribe", "a.wav", "--model", "m").err


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[metal::malloc] Attempting to allocate 99 bytes"),
        RuntimeError("[malloc_or_wait] Unable to allocate 99 bytes."),
    ],
)
def test_lack_of_memory_is_explained(transcribe_failing, error):
    result = transcribe_failing(error)
    assert result.code == 1
    assert "not enough memory" in result.err
    assert "unexpected" not in result.err


def test_operating_system_error_names_the_file(transcribe_failing):
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out.wav")
    assert transcribe_failing(error) == (
        1,
        "",
        "error: a.wav failed: No space left on device: out.wav.\nhint: Check the disks and the permissions.\n",
    )


def test_interrupt(transcribe_failing):
    result = transcribe_failing(KeyboardInterrupt())
    assert (result.code, result.out) == (130, "")
    assert result.err.split() == ["interrupted"]


def test_end_of_file_is_not_an_interrupt(transcribe_failing):
    result = transcribe_failing(EOFError("truncated"))
    assert result.code == 1
    assert "unexpected EOFError: truncated" in result.err


def test_no_model_names_the_ways_to_give_one(gpa_mlx):
    result = gpa_mlx("transcribe", "a.wav")
    assert (result.code, result.out) == (3, "")
    for way in ("--model demo", "GPA_MLX_MODEL", "gpa-mlx convert"):
        assert way in result.err


def test_environment_names_the_default_model(gpa_mlx, monkeypatch, tmp_path):
    monkeypatch.setenv("GPA_MLX_MODEL", str(tmp_path / "nowhere"))
    result = gpa_mlx("transcribe", "a.wav")
    assert result.code == 3
    assert "nowhere" in result.err


def test_names_of_the_table_are_the_commands():
    assert list(_COMMANDS) == NAMES
    context = cli.make_context("gpa-mlx", ["--help"], resilient_parsing=True)
    assert cli.list_commands(context) == NAMES


def test_as_a_process():
    """Nothing else in these files shows that `python -m gpa_mlx` and its real exit status work."""
    result = subprocess.run(
        [sys.executable, "-m", "gpa_mlx", "speak", "hi"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("columns", [USUAL_COLUMNS, WIDEST_COLUMNS])
def test_the_help_that_is_ready_is_what_click_writes(gpa_mlx, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    ready = Path(help_file(columns)).read_text()
    assert ready == gpa_mlx("--help").out, "make it anew: python tests/support/help_texts.py"


@pytest.mark.parametrize("words", [["-h"], ["--help"], ["--version"]])
@pytest.mark.parametrize("columns", [40, 79, 80, 81, 99, 100, 101, 250])
def test_whoever_answers_the_answer_is_the_same(gpa_mlx, monkeypatch, words, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    ready = ready_answer(words, columns)
    assert (ready is not None) == (columns in (80, 100, 101, 250) or words == ["--version"])
    assert ready is None or ready.decode() == gpa_mlx(*words).out


def test_other_questions_are_answered_by_click():
    for words in ([], ["--help", "-v"], ["speak", "--help"], ["--hel"], ["--version", "--help"]):
        assert ready_answer(words, 80) is None


@pytest.mark.parametrize("columns", ["80", "79"])
def test_a_process_answers_with_and_without_click(columns):
    environment = {**os.environ, "COLUMNS": columns}
    command = [sys.executable, "-X", "importtime", "-m", "gpa_mlx", "--help"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0
    assert result.stdout == help_text(int(columns))
    assert (" click\n" in result.stderr) == (columns == "79")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_help_that_cannot_be_written_is_an_error():
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "gpa_mlx", "--help"]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("error: Standard output cannot be written")


def test_closed_standard_output_is_quiet():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        result = subprocess.run(
            [sys.executable, "-m", "gpa_mlx", "--help"], stdout=closed, stderr=subprocess.PIPE, check=False
        )
    assert (result.returncode, result.stderr) == (1, b"")


def is_asleep(process_id: int) -> bool:
    """Tell whether a process waits for something; a bare Linux has no `ps`."""
    status = Path(f"/proc/{process_id}/stat")
    if status.exists():
        return status.read_text().rpartition(")")[2].split()[0] == "S"
    command = ["ps", "-o", "stat=", "-p", str(process_id)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.startswith(("S", "I"))


@pytest.mark.slow
def test_interrupt_signal_ends_the_process_at_once(tmp_path):
    voice = tmp_path / "voice.wav"
    voice.touch()
    arguments = ["speak", "-", "--voice", str(voice), "--model", "m", "-o", str(tmp_path / "o.wav")]
    process = subprocess.Popen(
        [sys.executable, "-m", "gpa_mlx", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    asleep = 0
    while asleep < 10:  # then it waits for its standard input
        time.sleep(0.1)
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(process.pid)], capture_output=True, text=True, check=True
        )
        asleep = asleep + 1 if state.stdout.startswith(("S", "I")) else 0
    process.send_signal(signal.SIGINT)
    started = time.perf_counter()
    process.wait(timeout=10)
    assert time.perf_counter() - started < 2
    assert process.returncode == 130
    assert process.stderr is not None
    assert process.stderr.read().split() == ["interrupted"]
    process.communicate()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["dictate", "--seconds", "1", "--pause", "2"], "--pause"),
        (["train", "lm", "--data", "d", "--out", "o", "--full", "--lora-scale", "1"], "--lora-scale"),
        (["train", "lm", "--data", "d", "--out", "o", "--full", "--eval-every", "5"], "--eval-every"),
        (["train", "demo", "--out", "o", "--takes", "5"], "--takes"),
        (["doctor", "--first-run", "--no-microphone"], "--no-person"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_an_option_that_would_do_nothing_is_refused(gpa_mlx, monkeypatch, tmp_path, arguments, words):
    monkeypatch.chdir(tmp_path)
    result = gpa_mlx(*arguments)
    assert result.code == 2
    assert words in result.err
    assert list(tmp_path.iterdir()) == []
