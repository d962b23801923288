"""The licences and sizes of what is installed with the program are known, and do not change unseen."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

pytest.importorskip("packaging", reason="it comes with pytest")

from tests.hygiene import dependencies as module
from tests.hygiene.dependencies import Dependency, dependencies, problems


def test_what_is_installed_is_what_was_written_down():
    installed = dependencies()
    assert {each.name for each in installed} >= {"mlx", "numpy", "textual", "tqdm"}
    assert problems(installed) == []


def test_the_core_does_not_need_what_only_extras_bring():
    assert {each.name for each in dependencies()}.isdisjoint({"mlx-lm", "transformers", "torch", "onnxruntime"})


@pytest.mark.parametrize(
    ("licence", "is_copyleft"),
    [
        ("LGPL-2.1-or-later", True),
        ("GNU General Public License v3 (GPLv3)", True),
        ("AGPL-3.0-only", True),
        ("MIT OR GPL-2.0-only", False),
        ("MPL-2.0 AND MIT", False),
        ("BSD-3-Clause", False),
    ],
)
def test_copyleft_is_recognised(licence, is_copyleft):
    assert Dependency("x", licence, 1).is_copyleft == is_copyleft


def test_a_new_copyleft_licence_and_a_new_package_are_said():
    installed = dependencies()
    changed = [replace(each, licence="GPL-3.0-only") if each.name == "click" else each for each in installed]
    assert problems(changed) == ["click has a new copyleft licence, GPL-3.0-only."]
    assert problems([*installed, Dependency("newcomer", "MIT", 1)]) == ["NOTICE does not name newcomer."]


def test_growth_by_more_than_a_tenth_is_said(tmp_path, monkeypatch):
    installed = dependencies()
    sizes = {each.name: each.size for each in installed}
    monkeypatch.setattr(module, "SIZES", tmp_path / "sizes.json")
    for factor, count in ((0.95, 0), (0.85, 1)):
        smaller = {name: int(factor * size) for name, size in sizes.items()}
        module.SIZES.write_text(json.dumps({module.PLATFORM: smaller}))
        assert len([said for said in problems(installed) if "have grown" in said]) == count
