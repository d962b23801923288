"""The Python that README and the how-to page show runs, with the demo model in the place of a model."""

from __future__ import annotations

import shutil

import pytest

from gpa_mlx.model.demo import demo_model
from tests.support.markdown import ROOT, blocks

SAMPLES = ROOT / "gpa_mlx/data/demo/samples"


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/how-to/python.md"])
def test_python_on_pages_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(SAMPLES / "slt-three-off.wav", "memo.wav")
    shutil.copy(SAMPLES / "rms-no-one.wav", "my-voice.wav")
    (tmp_path / "book.txt").write_text("three two one. go left.\n", encoding="utf-8")
    shown = [block.text for block in blocks(ROOT / page) if block.language == "python"]
    assert shown
    played = []
    names = {"play": played.append}
    for code in shown:
        code = code.replace("path/to/converted-model", str(demo_model())).replace("Good morning.", "three off")
        exec(compile(code, page, "exec"), names)
    if page != "README.md":
        assert played
        assert (tmp_path / "book.wav").is_file()
