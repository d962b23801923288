"""The versions that are known to work together are those of everything pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.support.markdown import ROOT

PINS = dict(
    re.match(r"([\w.-]+)==([\w.]+)", line).groups()
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
)


def required() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return [line for line in (*project["dependencies"], *extras) if not line.startswith("gpa-mlx")]


@pytest.mark.parametrize("line", sorted(set(required())))
def test_every_requirement_has_a_version_that_fits(line):
    requirements = pytest.importorskip("packaging.requirements", reason="it comes with pytest")
    requirement = requirements.Requirement(line)
    name = re.sub(r"[-_.]+", "-", requirement.name).lower()
    assert name in PINS, "run `make lock`"
    assert PINS[name] in requirement.specifier, "run `make lock`"


def test_nothing_comes_from_elsewhere():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert not re.search(r"://|@|file:|^-", text, re.MULTILINE)
