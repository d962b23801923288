"""Independent speech recognisers that judge the model's speech, by name.

Another judge is a class with the attributes and methods of `Judge` and a line in `JUDGES`: the evaluation, the targets
and the model card list it by themselves. Judges are optional; those whose package is missing are not measured.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from gpa_mlx.errors import GPAError
from gpa_mlx.recipes.demo.data.synthetic_voices import SPEAKING, FliteVoice
from gpa_mlx.recipes.demo.data.utterances import as_int16
from gpa_mlx.recipes.demo.data.vocabulary import MAX_WORDS, WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gpa_mlx.types import Waveform

_MARGIN_SAMPLES = 8000
_SEARCH = "words"


class Judge(Protocol):
    """A speech recogniser that shares nothing with the model.

    Attributes:
        conditions: What it is told about its task, for the model card.
        limits: What it cannot judge, for the model card.
        voices: Names of the voices it understands; speech of other voices is not judged.
    """

    conditions: str
    limits: str
    voices: frozenset[str]

    def transcribe(self, wave: Waveform) -> str:
        """Return the words in `(samples,)` float32 at 16 kHz, separated by blanks; empty where it recognises none."""
        ...


class PocketsphinxJudge:
    """pocketsphinx with its own model of American English and a grammar of one to four words.

    Results do not depend on earlier recordings. In silence it finds some word: the grammar asks for one.

    Raises:
        GPAError: pocketsphinx's dictionary lacks a word.
    """

    conditions = f"told to expect the {len(WORDS)} words"
    limits = "flite voices only, it does not understand espeak-ng"
    voices = frozenset(voice.name for voice in SPEAKING if isinstance(voice, FliteVoice))

    def __init__(self) -> None:
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
        """Return the words in `(samples,)` float32 at 16 kHz, separated by blanks; empty if the search fails."""
        samples = np.pad(as_int16(wave), _MARGIN_SAMPLES)
        self._decoder.start_utt()
        self._decoder.process_raw(samples.tobytes(), full_utt=True)
        self._decoder.end_utt()
        hypothesis = self._decoder.hyp()
        return hypothesis.hypstr if hypothesis else ""


JUDGES: Mapping[str, Callable[[], Judge]] = {"pocketsphinx": PocketsphinxJudge}
"""Judges by name, which is that of the package they need."""


def installed_judges() -> dict[str, Judge]:
    """Open the judges whose packages are installed.

    Raises:
        GPAError: A package is installed, but not usable.
    """
    return {name: make() for name, make in JUDGES.items() if importlib.util.find_spec(name)}


def grammar() -> str:
    """Return the JSGF grammar of one to four words of the vocabulary."""
    sequence = "<word>" + " [<word>" * (MAX_WORDS - 1) + "]" * (MAX_WORDS - 1)
    return f"#JSGF V1.0;\ngrammar demo;\n<word> = {' | '.join(WORDS)};\npublic <sequence> = {sequence};\n"
