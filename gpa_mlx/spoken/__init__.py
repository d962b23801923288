"""The spoken form of written text: numbers, dates, units, symbols and acronyms as the words a person says."""

from __future__ import annotations

from gpa_mlx.spoken.form import spoken_form
from gpa_mlx.spoken.lexicon import Lexicon, read_lexicon

__all__ = ["Lexicon", "read_lexicon", "spoken_form"]
