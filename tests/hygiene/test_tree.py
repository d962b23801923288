"""Rules for the files themselves."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("gpa_mlx", "convert", "tui")
MAX_LINES = 600


def project_files() -> list[Path]:
    """Every file that git tracks or would add."""
    try:
        listing = subprocess.run(
            ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no git checkout")
    paths = (ROOT / name for name in listing.stdout.decode().split("\0") if name)
    return [path for path in paths if path.is_file()]


def product_modules() -> list[Path]:
    return [path for folder in PRODUCT for path in sorted((ROOT / folder).rglob("*.py"))]


def test_there_is_a_product_to_check():
    assert len(product_modules()) > 20


def test_no_file_is_too_long():
    sources = [path for path in project_files() if path.suffix == ".py"]
    lengths = {path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for path in sources}
    assert {path: length for path, length in lengths.items() if length > MAX_LINES} == {}


@pytest.mark.parametrize("path", product_modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_product_never_prints(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    printing = [node.lineno for node in calls if isinstance(node.func, ast.Name) and node.func.id in {"print", "input"}]
    assert printing == []


def test_no_machine_path_is_left_in_the_tree():
    folders = "|".join(["work", "farm", "root", "home", "Users", "private", "tmp/bash_jobs"])
    machine_path = re.compile(rf"(?<![\w.\-/])/({folders})/")
    found = []
    for path in project_files():
        if path.suffix in {".json", ".svg", ".npz", ".wav", ".safetensors", ".bin"}:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            if machine_path.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert found == []


def test_folders_of_tests_are_no_packages():
    assert sorted((ROOT / "tests").rglob("__init__.py")) == []


def test_names_of_test_files_are_unique():
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
