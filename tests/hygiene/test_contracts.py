"""The layers hold, the wheel holds what it should, and README shows how to run these tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]


def test_import_contracts():
    pytest.importorskip("importlinter", reason="import-linter is a developer tool")
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    result = subprocess.run(
        [sys.executable, "-c", command, "--no-cache"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_wheel_holds_the_three_packages_and_nothing_else(tmp_path):
    pytest.importorskip("hatchling", reason="hatchling is a developer tool")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("gpa_mlx-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
        assert "gpa-mlx = gpa_mlx.cli:main" in archive.read(entry_points).decode()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"gpa_mlx", "gpa_mlx_convert", "gpa_mlx_tui"}
    modules = {
        str(path.relative_to(folder))
        for folder in (ROOT, ROOT / "convert", ROOT / "tui")
        for package in ("gpa_mlx", "gpa_mlx_convert", "gpa_mlx_tui")
        for path in (folder / package).rglob("*.py")
    }
    assert modules <= set(names)
    assert {f"{package}/py.typed" for package in ("gpa_mlx", "gpa_mlx_convert", "gpa_mlx_tui")} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


class Block(NamedTuple):
    """Commands that README shows."""

    heading: str
    commands: str


def readme_blocks() -> list[Block]:
    path = ROOT / "README.md"
    if not path.exists():
        pytest.skip("there is no README.md yet")
    found, heading = [], ""
    pattern = r"^(#+ [^\n]*)$|^```(?:sh|bash|console|shell)\n(.*?)^```"
    for title, commands in re.findall(pattern, path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        heading = title or heading
        if commands:
            found.append(Block(heading, commands))
    return found


def test_readme_shows_a_test_command():
    about_tests = [block.commands for block in readme_blocks() if "test" in block.heading.lower()]
    assert about_tests
    assert "pytest" in about_tests[0]


def test_readme_commands_exist():
    from gpa_mlx.cli import _COMMANDS

    used = {name for block in readme_blocks() for name in re.findall(r"\bgpa-mlx ([a-z]+)", block.commands)}
    assert used
    assert used <= set(_COMMANDS)
