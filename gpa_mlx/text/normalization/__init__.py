"""The spoken form of written text: numbers, dates, units, symbols and acronyms as the words a person says."""

from __future__ import annotations

from gpa_mlx.text.normalization.cleaning import CleanText, clean_text
from gpa_mlx.text.normalization.languages import Language, language_of
from gpa_mlx.text.normalization.lexicon import Lexicon, read_lexicon
from gpa_mlx.text.normalization.normalizer import normalize_text

__all__ = ["CleanText", "Language", "Lexicon", "clean_text", "language_of", "normalize_text", "read_lexicon"]
