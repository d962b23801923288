"""The first hour of the documentation, command by command, as a newcomer types it."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.support.markdown import ROOT, blocks
from tests.support.surroundings import PROCESSOR_VARIABLES

TUTORIAL = ROOT / "docs/tutorial.md"


def steps() -> list[tuple[str, str]]:
    """Every command of the page's consoles, with what is shown below it."""
    found: list[tuple[str, str]] = []
    for block in blocks(TUTORIAL):
        if block.language == "console":
            for line in block.text.splitlines(keepends=True):
                if line.startswith("$ "):
                    found.append((line[2:].rstrip("\n"), ""))
                else:
                    found[-1] = (found[-1][0], found[-1][1] + line)
    return found


def matches(shown: str, printed: str) -> bool:
    """Whether the output is what the page shows; `...` stands for anything."""
    return (
        re.fullmatch(re.escape(shown.rstrip("\n")).replace(re.escape("..."), ".*"), printed.rstrip("\n"), re.DOTALL)
        is not None
    )


@pytest.mark.slow
def test_the_tutorial_does_what_it_shows(tmp_path):
    (tmp_path / "gpa_mlx").symlink_to(ROOT / "gpa_mlx")
    program = tmp_path / "bin/gpa-mlx"
    program.parent.mkdir()
    paths = [str(ROOT / folder) for folder in (".", "convert", "tui")]
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path[:0] = {paths!r}\nfrom gpa_mlx.cli import main\nmain()\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    environment = {"PATH": f"{program.parent}:/usr/bin:/bin", "HOME": str(home), "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}
    environment |= {name: os.environ[name] for name in PROCESSOR_VARIABLES if name in os.environ}
    commands = steps()
    assert len(commands) > 20
    for command, shown in commands:
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            environment[name] = value
            continue
        result = subprocess.run(
            ["/bin/sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, f"{command}\n{result.stderr}"
        assert matches(shown, result.stdout), f"{command}\nshown:\n{shown}\nprinted:\n{result.stdout}"
    assert not list(tmp_path.glob("*.wav"))
