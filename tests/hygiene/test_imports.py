"""What gets imported when. Only a fresh process can show that a deferred import is really deferred."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

HEAVY = ("mlx", "numpy", "textual", "sounddevice", "soundfile", "transformers", "torch", "mlx_lm", "rich", "tokenizers")
NEVER_AT_RUN_TIME = ("transformers", "torch", "mlx_lm", "textual")


def imported(code: str, *arguments: str) -> set[str]:
    """Run code in a new interpreter and return the top-level packages it left imported."""
    report = "\nimport json, sys; sys.stderr.write(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    result = subprocess.run(
        [sys.executable, "-c", code + report, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stderr.splitlines()[-1]))


RUN = """
import sys
from gpa_mlx.cli.commands import cli
from gpa_mlx.cli.program import run
assert run(cli, sys.argv[1:]) == 0
"""


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("import gpa_mlx; dir(gpa_mlx)", ()),
        (RUN, ("--help",)),
        (RUN, ("--version",)),
        (RUN, ("transcribe", "--help")),
        (RUN, ("speak", "--help")),
        (RUN, ("convert", "--help")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_answers_that_must_not_wait(code, arguments):
    assert imported(code, *arguments).isdisjoint(HEAVY)


def test_the_first_picture_of_the_app_waits_for_no_numpy():
    assert imported("import gpa_mlx_tui.app.app").isdisjoint({"numpy", "mlx", "sounddevice", "soundfile"})


def test_help_imports_no_command():
    code = RUN + "\nassert not [name for name in sys.modules if name.startswith(('gpa_mlx.cli.s', 'gpa_mlx_convert'))]"
    assert "click" in imported(code, "--help")


def test_a_first_run_reports_even_where_mlx_does_not_load():
    packages = imported("import gpa_mlx.cli.first_run, gpa_mlx.doctor.first_run.session")
    assert packages.isdisjoint({"mlx", "sounddevice", "soundfile", "tokenizers", "textual"})


@pytest.mark.slow
def test_a_transcription_needs_no_training_stack(converted_small_a, golden_audio):
    packages = imported(RUN, "transcribe", str(golden_audio("slt")), "--model", str(converted_small_a), "--no-vad")
    assert {"mlx", "numpy"} <= packages
    assert packages.isdisjoint(NEVER_AT_RUN_TIME)
