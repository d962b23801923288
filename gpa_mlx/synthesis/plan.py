"""What will be spoken: a text cut into passages and normalized, each when it is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpa_mlx.errors import InputTextError
from gpa_mlx.synthesis.reading import PlannedPassage, read_aloud
from gpa_mlx.text.joining import check_text
from gpa_mlx.text.segmentation import Passage, iter_passages

if TYPE_CHECKING:
    from gpa_mlx.text.closed_vocabulary import ClosedVocabulary
    from gpa_mlx.text.normalization import Lexicon

_MOST_UNSAYABLE_CHARS = 50_000
"""A text without one word that the model can say is given up after so much of it."""

_MOST_NAMED = 20

COUNTED_CHARS = 4_000
"""Texts up to this length are planned at once, so that the number of their passages is known; that takes 0.1 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisSettings:
    """How a text is spoken.

    Attributes:
        normalize: Apply text normalization: numbers, units, symbols and abbreviations become words.
        lexicon: The user's own pronunciations.
        max_chars: Passages are shorter than this many characters.
        retries: How often a passage that went wrong is spoken again, with another seed.
        verify: Transcribe every passage, and speak it again when it is not understood, within the same `retries`.
        live: Hand sound out while it is made, for playing, as early as `LIVE_LOOKAHEAD` allows. What is out cannot be
            repaired: nothing is spoken again, and loudness is not matched.
        vocabulary: All words that the model can say; None where it says any. Others are left out, and told, but where
            the text is spoken as it is written they are only told.
    """

    normalize: bool = True
    lexicon: Lexicon | None = None
    max_chars: int = 200
    retries: int = 2
    verify: bool = False
    live: bool = False
    vocabulary: ClosedVocabulary | None = None


@dataclass(frozen=True, slots=True)
class PassageCount:
    """How many passages a text has.

    Attributes:
        number: As far as it is known.
        is_exact: Whether the text was planned to its end; otherwise the number follows from its length.
    """

    number: int
    is_exact: bool


class SpeechPlan:
    """The passages of a text, planned one after the other when they are asked for.

    A short text is planned at once. Of a long one the first passage is there as soon as that of a short one: cutting
    and normalizing a book takes longer than speaking its first sentences.

    Args:
        text: As written.
        settings: How to synthesize.
        exact: The whole text is one passage, spoken as it is written.

    Raises:
        InputTextError: Nothing that can be spoken, by this model.
        SettingsError: `max_chars` is too small.
    """

    def __init__(self, text: str, settings: SynthesisSettings, *, exact: bool = False) -> None:
        check_text(text)
        self._vocabulary = settings.vocabulary
        self._is_as_written = exact or not settings.normalize
        self._unknown: dict[str, str] = {}
        self._chars = len(text)
        self._planned: list[PlannedPassage] = []
        self._is_whole = False
        if exact:
            whole = Passage(text=text, start=0, end=len(text), pause="paragraph")
            self._rest = iter((PlannedPassage(whole, text),))
        elif settings.normalize:
            self._rest = read_aloud(text, max_chars=settings.max_chars, lexicon=settings.lexicon)
        else:
            passages = iter_passages(text, max_chars=settings.max_chars)
            self._rest = (PlannedPassage(passage, passage.text) for passage in passages)
        if self._vocabulary is not None:
            self._rest = self._sayable(self._rest, self._vocabulary)
        counted = len(text) if exact or len(text) <= COUNTED_CHARS else 0
        if self._vocabulary is not None:
            counted = COUNTED_CHARS  # what it cannot say is told before it speaks
        while (planned := self.get(len(self._planned))) is not None and planned.passage.end < counted:
            pass
        if counted >= len(text):
            self.get(len(self._planned))

    @property
    def unknown_words(self) -> tuple[str, ...]:
        """What the model cannot say, of the passages that are planned: each word once, as it is spoken."""
        return tuple(self._unknown.values())

    @property
    def leaves_out(self) -> bool:
        """Whether `unknown_words` are left out; where a text is spoken as it is written they are not."""
        return not self._is_as_written

    def get(self, number: int) -> PlannedPassage | None:
        """Return a passage, from 0; None behind the last one."""
        while len(self._planned) <= number and not self._is_whole:
            planned = next(self._rest, None)
            if planned is None:
                self._is_whole = True
            else:
                self._planned.append(planned)
        return self._planned[number] if number < len(self._planned) else None

    def __iter__(self) -> Iterator[PlannedPassage]:
        """Yield all passages, from the first on."""
        number = 0
        while (planned := self.get(number)) is not None:
            yield planned
            number += 1

    def is_last(self, number: int) -> bool:
        """Return whether no passage follows."""
        return self.get(number + 1) is None

    def _sayable(self, passages: Iterator[PlannedPassage], vocabulary: ClosedVocabulary) -> Iterator[PlannedPassage]:
        """Yield the passages with the words that the model can say; one without any is left out."""
        has_words = False
        for planned in passages:
            self._unknown.update((word.casefold(), word) for word in vocabulary.unknown(planned.spoken))
            spoken = vocabulary.restrict(planned.spoken)
            has_words = has_words or bool(spoken)
            if self._is_as_written:
                yield planned
            elif spoken:
                yield planned._replace(spoken=spoken)
            elif not has_words and planned.passage.end > _MOST_UNSAYABLE_CHARS:
                break
        if not has_words and not self._is_as_written:
            raise InputTextError(
                f"This model cannot say any of the words: {named_words(self.unknown_words)}.",
                hint=f"It says only {', '.join(vocabulary.words)}. Another model, from `gpa-mlx model pull`, says any.",
            )

    @property
    def count(self) -> PassageCount:
        """How many passages there are; asking plans nothing."""
        planned = len(self._planned)
        if self._is_whole or not planned:
            return PassageCount(planned, self._is_whole)
        so_far = self._planned[-1].passage.end
        return PassageCount(max(planned, round(planned * self._chars / so_far)), is_exact=False)

    def share_before(self, number: int) -> float:
        """Return the share of the text, from 0 to 1, that lies before a passage; of one that there is not, 1."""
        planned = self.get(number)
        return 1.0 if planned is None else planned.passage.start / self._chars


def named_words(words: Sequence[str]) -> str:
    """Return words as a list for people, the first ones of many."""
    named = ", ".join(words[:_MOST_NAMED])
    return named if len(words) <= _MOST_NAMED else f"{named} and {len(words) - _MOST_NAMED} more"


def plan_passages(text: str, settings: SynthesisSettings, *, exact: bool = False) -> tuple[PlannedPassage, ...]:
    """Return all passages of a text; arguments and errors as for `SpeechPlan`."""
    return tuple(SpeechPlan(text, settings, exact=exact))
