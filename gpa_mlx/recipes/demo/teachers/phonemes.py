"""Words in Kokoro's phonemes, by espeak-ng."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, TypeAlias

from gpa_mlx.errors import GPAError
from gpa_mlx.recipes.demo.data.tts_engines import run_engine
from gpa_mlx.recipes.demo.data.vocabulary import WordSequence
from gpa_mlx.recipes.demo.domain.lexicon import spelling

Accent: TypeAlias = Literal["en-us", "en-gb"]

_LETTERS = (
    ("\u200d", ""), ("eɪ", "A"), ("aɪ", "I"), ("ɔɪ", "Y"), ("oʊ", "O"), ("əʊ", "Q"), ("aʊ", "W"), ("tʃ", "ʧ"),
    ("dʒ", "ʤ"), ("ɚ", "əɹ"), ("ɜː", "ɜɹ"), ("r", "ɹ"), ("ɐ", "ə"), ("ː", ""),
)  # fmt: skip
"""From espeak-ng's IPA to the letters Kokoro was trained with."""


@lru_cache(maxsize=65536)
def phonemes(words: WordSequence, accent: Accent) -> tuple[str, ...]:
    """Return what each word sounds like in one breath with the others, in Kokoro's letters.

    Args:
        words: Said without a pause; not empty.
        accent: American or British.

    Raises:
        GPAError: espeak-ng is not installed or fails.
    """
    said = _said(" ".join(map(spelling, words)), accent).split()
    if len(said) != len(words):  # espeak-ng has run two of them together
        said = ["".join(_said(spelling(word), accent).split()) for word in words]
    if not all(said):
        raise GPAError(f"espeak-ng does not know how to say {' '.join(words)!r}.", hint="Try `espeak-ng --version`.")
    return tuple(said)


def _said(text: str, accent: Accent) -> str:
    ipa = run_engine(["espeak-ng", "-q", "--ipa=3", "-v", accent, "--", text])
    for theirs, ours in _LETTERS:
        ipa = ipa.replace(theirs, ours)
    return ipa
