"""A listener that has nothing to do with the model: pocketsphinx, restricted to sequences of the twenty words."""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from gpa_mlx.errors import GPAError
from gpa_mlx.recipes.demo.data.utterances import as_int16
from gpa_mlx.recipes.demo.data.vocabulary import MAX_WORDS, WORDS

if TYPE_CHECKING:
    from gpa_mlx.types import Waveform

_MARGIN_SAMPLES = 8000
_SEARCH = "words"


class Judge(Protocol):
    """Writes down what it hears."""

    def transcribe(self, wave: Waveform) -> str:
        """Return the words heard in `(samples,)` float32 at 16 kHz, with blanks between them."""
        ...


def open_judge() -> Judge | None:
    """Return the judge, or None where pocketsphinx is not installed."""
    return PocketsphinxJudge() if importlib.util.find_spec("pocketsphinx") else None


class PocketsphinxJudge:
    """pocketsphinx with its own model of American English and a grammar of one to four words.

    What it hears does not depend on what it heard before. In silence it hears some word: the grammar asks for one.

    Raises:
        GPAError: pocketsphinx's dictionary lacks a word.
    """

    def __init__(self) -> None:
        # pocketsphinx is optional: only this figure of the evaluation needs it.
        decoder_type: Any = importlib.import_module("pocketsphinx").Decoder
        self._decoder = decoder_type(lm=None, loglevel="FATAL")
        for word in WORDS:
            if self._decoder.lookup_word(word) is None:
                raise GPAError(
                    f"The dictionary of pocketsphinx lacks {word!r}.", hint="Install pocketsphinx from PyPI again."
                )
        self._decoder.add_jsgf_string(_SEARCH, grammar())
        self._decoder.activate_search(_SEARCH)

    def transcribe(self, wave: Waveform) -> str:
        """Return the words heard in `(samples,)` float32 at 16 kHz, with blanks between them; empty if it gives up."""
        samples = np.pad(as_int16(wave), _MARGIN_SAMPLES)
        self._decoder.start_utt()
        self._decoder.process_raw(samples.tobytes(), full_utt=True)
        self._decoder.end_utt()
        hypothesis = self._decoder.hyp()
        return hypothesis.hypstr if hypothesis else ""


def grammar() -> str:
    """Return the JSGF grammar of one to four words of the vocabulary."""
    sequence = "<word>" + " [<word>" * (MAX_WORDS - 1) + "]" * (MAX_WORDS - 1)
    return f"#JSGF V1.0;\ngrammar demo;\n<word> = {' | '.join(WORDS)};\npublic <sequence> = {sequence};\n"
