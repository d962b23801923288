"""Where Latin words and numbers begin and end in text of any script, such as Chinese without blanks.

`rules.LEFT` and `rules.RIGHT` are for English text, in which other scripts are masked. A set of more than 256
characters takes 1 ms to compile in each of hundreds of patterns, so these know the letters of western Europe only.
"""

from __future__ import annotations

from gpa_mlx.text.cjk import is_syllabic

LETTERS = "A-Za-z_\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff"
"""Latin letters, for a character class."""

_LATIN = LETTERS + "0-9\u00b2\u00b3\u00b9"

LEFT = rf"(?<![{_LATIN}])"
"""A Latin word or a number may begin here."""

RIGHT = rf"(?![{_LATIN}])"
"""A Latin word or a number may end here."""

CLEAR = rf"{LEFT}(?<![0-9][.,:/])"
"""A number may begin here: no part of a longer word or number."""


def is_latin(character: str) -> bool:
    """Return whether a character is part of words that blanks part, as in Latin script."""
    return (character.isalnum() or character == "_") and not is_syllabic(character)
