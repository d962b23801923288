"""What a native speaker reads aloud: a table of sentences, with the errors that are known.

Lines of `readings_english.tsv` are kind, text, reading, and "known error" where the program still says something else.
In texts and readings `\\n`, `\\t`, `\\xNN` and `\\uNNNN` are escapes.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gpa_mlx.text.normalization import normalize_text

TABLE = Path(__file__).with_name("readings_english.tsv")
_ESCAPE = re.compile(r"\\(?:n(?!otes)|t(?!om)|x[0-9a-f]{2}|u[0-9a-f]{4})")


def _unescaped(written: str) -> str:
    return _ESCAPE.sub(lambda match: match[0].encode("ascii").decode("unicode_escape"), written)


def _rows() -> list[object]:
    rows: list[object] = []
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("# kind") or not line:
            continue
        kind, text, reading, *known = line.split("\t")
        marks = [pytest.mark.xfail(strict=True, reason="known error")] if known else []
        rows.append(pytest.param(_unescaped(text), _unescaped(reading), marks=marks, id=f"{kind}: {text}"))
    return rows


@pytest.mark.parametrize(("text", "reading"), _rows())
def test_a_sentence_is_read_as_a_native_speaker_reads_it(text: str, reading: str):
    assert normalize_text(text) == reading
    assert normalize_text(reading) == reading


def test_the_table_is_large_and_mostly_right():
    rows = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("# kind")]
    assert len(rows) >= 300
    assert sum(line.endswith("\tknown error") for line in rows) <= len(rows) // 20
