"""The spoken form of written text: numbers, dates, units, symbols and acronyms as the words a person says."""

from __future__ import annotations

from gpa_mlx.text.normalization.lexicon import Lexicon, read_lexicon
from gpa_mlx.text.normalization.normalizer import normalize_text

__all__ = ["Lexicon", "normalize_text", "read_lexicon"]
