"""The layers hold, and the wheel holds what it should."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
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


def test_every_contract_says_why():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    above = re.findall(r"^(.*)\n\[\[tool\.importlinter\.contracts\]\]", text, re.MULTILINE)
    assert above
    assert all(line.startswith("# ") for line in above)


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
