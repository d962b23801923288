"""The formula of Homebrew, as far as it can be checked without Homebrew."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_formula_agrees_with_the_package():
    formula = (ROOT / "Formula" / "gpa-mlx.rb").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f'license "{project["license"]}"' in formula
    assert "class GpaMlx < Formula" in formula  # Homebrew's name for gpa-mlx.rb
    (program,) = project["scripts"]
    assert f'"bin/{program}"' in formula
    (minor,) = set(re.findall(r"python@?3\.(\d+)", formula))
    assert project["requires-python"] == ">=3.11"
    assert int(minor) >= 11
    assert "depends_on arch: :arm64" in formula
    assert "depends_on macos: :sonoma" in formula  # 14, the oldest for which MLX is built


def test_what_macs_without_mlx_can_install_needs_none():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    on_macs = [line for line in project["dependencies"] if line.startswith("mlx") and "linux" not in line]
    assert on_macs
    assert all("platform_machine == 'arm64'" in line for line in on_macs)
