"""How to dictate, and what the user's words and digits make of a text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from gpa_mlx.audio.devices.silence import SilenceAdviser
from gpa_mlx.text.custom_vocabulary import Correction
from gpa_mlx.text.itn import inverse_normalize
from gpa_mlx.text.spoken_punctuation import write_punctuation

if TYPE_CHECKING:
    from gpa_mlx.errors import GPAError
    from gpa_mlx.text.custom_vocabulary import CustomVocabulary
    from gpa_mlx.types import GenerationOptions

Mode: TypeAlias = Literal["push", "auto", "continuous"]
"""`push`: records until `stop`. `auto`: until a pause after speech. `continuous`: a pause ends one text and begins the
next, until `stop`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DictationOptions:
    """How to dictate.

    Attributes:
        mode: What ends a text.
        silence_s: The pause that ends a text in `auto` and `continuous`; it is noticed half a second later.
        patience_s: `auto` ends after so long without any speech.
        limit_s: Longest recording; None: as long as it takes.
        words: The user's words.
        digits: Write numbers in digits.
        spoken_punctuation: Write "comma", "new line" and the like as signs.
        generation: Sampling; None: the engine's own.
        notices: What is said when a recording begins.
        silence: Says what to do when the microphone gives zeros.
    """

    mode: Mode = "push"
    silence_s: float = 1.2
    patience_s: float = 30.0
    limit_s: float | None = None
    words: CustomVocabulary | None = None
    digits: bool = False
    spoken_punctuation: bool = False
    generation: GenerationOptions | None = None
    notices: tuple[str, ...] = ()
    silence: SilenceAdviser = field(default_factory=SilenceAdviser)

    def polish(self, heard: str) -> Correction:
        """Put the user's words into a text, then the digits, then the signs."""
        correction = Correction(heard) if self.words is None else self.words.correct(heard)
        text = correction.text
        if self.digits:
            text = inverse_normalize(text)
        if self.spoken_punctuation:
            text = write_punctuation(text)
        return correction if text == correction.text else Correction(text, correction.replacements)


def without_words(error: GPAError) -> str:
    """Return what is said where the words of the setting `words_file` cannot be used."""
    return f"Your words are not used: {error.message} `gpa-mlx settings unset words_file` takes the setting out."
