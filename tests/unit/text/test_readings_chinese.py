"""Chinese sentences and how a native speaker reads them aloud; a blank beside a Chinese character is nothing.

Lines of `readings_chinese.tsv`: the kind, the text, the reading. A kind with `!` in front is a known error: it must
fail, and says so when it no longer does.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gpa_mlx.text.cjk import CJK
from gpa_mlx.text.normalization import normalize_text

_BLANK = re.compile(rf"(?<=[{CJK}…—]) +| +(?=[{CJK}…—])")


def _table():
    for line in (Path(__file__).parent / "readings_chinese.tsv").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            kind, written, spoken = (field.replace(r"\n", "\n") for field in line.split("\t"))
            wrong = pytest.mark.xfail(strict=True, reason="a known error")
            yield pytest.param(written, spoken, id=f"{kind}: {written}", marks=[wrong] if kind[0] == "!" else [])


@pytest.mark.parametrize(("written", "spoken"), list(_table()))
def test_a_sentence_is_read_as_a_native_speaker_reads_it(written: str, spoken: str):
    said = normalize_text(written)
    assert _BLANK.sub("", said) == _BLANK.sub("", spoken)
    assert normalize_text(said) == said
