"""How far a transcription is from the truth."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence


def edit_distance(first: Sequence[object], second: Sequence[object]) -> int:
    """Return the least number of insertions, deletions and substitutions (Levenshtein) between two sequences."""
    row = list(range(len(second) + 1))
    for count, left in enumerate(first, start=1):
        diagonal, row[0] = row[0], count
        for column, right in enumerate(second, start=1):
            best = min(row[column] + 1, row[column - 1] + 1, diagonal + (left != right))
            diagonal, row[column] = row[column], best
    return row[-1]


def word_error_rate(pairs: Iterable[tuple[str, str]]) -> float:
    """Return edits per reference word over all (reference, hypothesis) pairs, case and punctuation aside."""
    return _rate((_words(reference), _words(hypothesis)) for reference, hypothesis in pairs)


def character_error_rate(pairs: Iterable[tuple[str, str]]) -> float:
    """Return edits per reference character, case, punctuation and blanks aside."""
    return _rate(("".join(_words(reference)), "".join(_words(hypothesis))) for reference, hypothesis in pairs)


def _rate(pairs: Iterable[tuple[Sequence[object], Sequence[object]]]) -> float:
    """Divide all edits by all reference symbols; with an empty reference every symbol of the hypothesis counts 1."""
    edits = symbols = 0
    for reference, hypothesis in pairs:
        edits += edit_distance(reference, hypothesis)
        symbols += len(reference)
    return edits / max(1, symbols)


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).casefold().replace("'", "")
    return "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in folded).split()
