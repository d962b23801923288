"""Computers on which the program cannot run, and what it says there."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from gpa_mlx.cli.requirements import unsupported

ROOT = Path(__file__).parents[2]
MAC = {"python": (3, 13), "platform": "darwin", "machine": "arm64", "release": "24.1.0"}
FIRST = """
import sys
before = set(sys.modules)
import gpa_mlx.cli
print(*(sys.modules[name].__file__ for name in set(sys.modules) - before if name.startswith("gpa_mlx")), sep="\\n")
"""


@pytest.mark.parametrize(
    ("fields", "problem", "hint"),
    [
        ({"python": (3, 9)}, "needs Python 3.11 or later, and this is 3.9", "uv tool install"),
        ({"python": (3, 9)}, "3.9", "brew install python@3.13"),
        ({"machine": "x86_64", "is_translated": lambda: True}, "Rosetta", "Apple silicon"),
        ({"machine": "x86_64", "is_translated": lambda: False}, "Intel processors", "M1"),
        ({"release": "22.6.0"}, "macOS 14", "Software Update"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_what_to_do_another(fields, problem, hint):
    found = unsupported(["speak"], **{**MAC, **fields})
    assert found is not None
    assert problem in found[0]
    assert hint in found[1]


@pytest.mark.parametrize("fields", [{}, {"platform": "linux", "machine": "x86_64", "release": "6.1.0"}])
def test_where_it_runs_nothing_is_said(fields):
    assert unsupported(["speak"], **{**MAC, **fields}) is None


@pytest.mark.parametrize("word", ["--help", "--version", "doctor"])
def test_help_and_doctor_answer_on_the_wrong_machine_but_not_in_an_old_python(word):
    assert unsupported([word], **{**MAC, "machine": "x86_64"}) is None
    assert unsupported([word], **{**MAC, "python": (3, 10)}) is not None


def test_all_that_is_read_before_the_check_can_be_read_by_the_oldest_python():
    """macOS's own `python3` is 3.9: it must come as far as the sentence."""
    answer = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, cwd=ROOT, check=True)
    files = [Path(line) for line in answer.stdout.split("\n") if line]
    assert {file.name for file in files} >= {"requirements.py", "ready_help.py", "version.py"}
    for file in [*files, ROOT / "gpa_mlx" / "__main__.py"]:
        ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 9))


def test_the_program_ends_with_the_sentence_and_no_traceback():
    script = (
        "import sys; sys.version_info = (3, 9, 6); sys.argv = ['gpa-mlx', 'demo']; import gpa_mlx.cli as c; c.main()"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: gpa-mlx needs Python 3.11 or later, and this is 3.9.\nhint: ")
    assert "Traceback" not in answer.stderr
