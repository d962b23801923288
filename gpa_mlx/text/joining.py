"""Text on its way in and out: what can be spoken, and how the texts of segments become one."""

from __future__ import annotations

from collections.abc import Iterable

from gpa_mlx.errors import InputTextError
from gpa_mlx.text.cjk import is_cjk


def check_text(text: str) -> None:
    """Refuse text without a single letter or digit.

    Raises:
        InputTextError: Nothing that can be spoken.
    """
    if not text.strip():
        raise InputTextError("There is no text to speak.", hint="Give some words.")
    if not any(character.isalnum() for character in text):
        raise InputTextError("The text has only punctuation, nothing to speak.", hint="Give some words.")


def join_segments(texts: Iterable[str]) -> str:
    """Join the texts of segments: a blank between words, none beside CJK; one text stays as it is."""
    parts = [text for text in texts if text]
    if len(parts) < 2:
        return "".join(parts)
    joined = ""
    for text in (part.strip() for part in parts):
        glue = " " if joined and text and not (is_cjk(joined[-1]) or is_cjk(text[0])) else ""
        joined += glue + text
    return joined
