"""Where an abbreviation's dot is also the end of its sentence."""

from __future__ import annotations

import re

from gpa_mlx.text.normalization.rules import LazyPattern

_END_OF_TEXT = LazyPattern(r"[\"'”’)\]]{0,3}[ ]?(?:\n|\Z)")
_NEW_SENTENCE = LazyPattern(
    r"[\"'”’)\]]{0,3}\s(?!(?:[ECMP][SD]?T|GMT|UTC|CES?T|BST|IST|JST|Eastern|Pacific|Central)\b)"
    r"[\"'“‘(]?[A-Z]"
)


def full_stop(match: re.Match[str], *, ends_sentences: bool = False) -> str:
    """Return the dot to keep after an abbreviation that was read without its own.

    Args:
        match: The abbreviation with its dot.
        ends_sentences: A capital after it begins a new sentence; else it may be a name ("U.S. Army").
    """
    end = match.end()
    if _END_OF_TEXT.match(match.string, end) or (ends_sentences and _NEW_SENTENCE.match(match.string, end)):
        return "."
    return ""
