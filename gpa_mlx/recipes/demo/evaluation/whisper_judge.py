"""Whisper (Radford et al. 2022, MIT) by faster-whisper: an independent recogniser of free English that judges.

It never trains. It writes numbers in digits and words as it likes; `as_said` turns them into the words of the domain.
"""

from __future__ import annotations

import importlib
import re
from itertools import islice, product
from typing import TYPE_CHECKING, Any

import numpy as np

from gpa_mlx.errors import SettingsError
from gpa_mlx.recipes.demo.domain.lexicon import DIGITS
from gpa_mlx.recipes.demo.domain.phrases import cardinal
from gpa_mlx.text.metrics import edit_distance
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.types import Waveform

_MARGIN_SAMPLES = SAMPLE_RATE_HZ // 2
_TOKEN = re.compile(r"[0-9]+(?:[,.:-][0-9]+)*|[a-z]+(?:'[a-z]+)*")
_SPLIT = re.compile(r"[,.:-]")
_HOMOPHONES = {
    "for": "four", "fore": "four", "to": "two", "too": "two", "won": "one", "ate": "eight", "know": "no",
    "write": "right", "ok": "okay", "a.m": "am", "p.m": "pm", "mourning": "morning", "thanks": "thank",
}  # fmt: skip
"""What cannot be told apart without a sentence."""

_MOST_READINGS = 4096
_MOST_DIGITS = 9


class WhisperJudge:
    """Whisper, greedy, English.

    Args:
        folder: A model of CTranslate2: `model.bin`, `config.json`, `tokenizer.json`, `vocabulary.txt`.

    Raises:
        SettingsError: faster-whisper is not installed, or the folder holds no such model.
    """

    def __init__(self, folder: Path) -> None:
        try:
            faster_whisper = importlib.import_module("faster_whisper")  # optional, and absent for type checkers
        except ImportError as error:
            raise SettingsError(
                "The judge Whisper needs faster-whisper, which is not installed.",
                hint="Run `pip install faster-whisper`, in an environment of its own if you like.",
            ) from error
        if not (folder / "model.bin").is_file():
            raise SettingsError(
                f"{folder} holds no model of CTranslate2.",
                hint="The page `docs/how-to/train-demo.md` says how to get it.",
            )
        self._model: Any = faster_whisper.WhisperModel(
            str(folder), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True
        )

    def transcribe(self, wave: Waveform) -> str:
        """Return what Whisper writes for `(samples,)` float32 at 16 kHz."""
        segments, _ = self._model.transcribe(np.pad(wave, _MARGIN_SAMPLES), language="en", beam_size=1)
        return " ".join(segment.text.strip() for segment in segments)


def as_said(written: str, reference: str) -> str:
    """Return a transcript in words, numbers read as is nearest to the reference: 536 may be "five three six".

    Args:
        written: Any English text.
        reference: What was said, in words of the domain.
    """
    folded = written.casefold().replace("’", "'").replace("a.m.", "am").replace("p.m.", "pm")
    readings = [_readings(token) for token in _TOKEN.findall(folded)]
    wanted = reference.split()
    candidates = ([word for words in choice for word in words] for choice in islice(product(*readings), _MOST_READINGS))
    return " ".join(min(candidates, key=lambda words: edit_distance(wanted, words)))


def _readings(token: str) -> list[tuple[str, ...]]:
    if not token[0].isdecimal():
        return [(_HOMOPHONES.get(token, token),)]
    parts = _SPLIT.split(token)
    digits = "".join(parts)
    readings = [tuple(word for part in parts for word in _number(part)), _number(digits)]
    if len(digits) <= _MOST_DIGITS:
        readings += _divided(digits)
    if "." in token:
        readings.append((*_number(parts[0]), "point", *(DIGITS[int(d)] for part in parts[1:] for d in part)))
    return list(dict.fromkeys(readings))


def _divided(digits: str) -> list[tuple[str, ...]]:
    """Read a row of digits as numbers of one to three digits, in all ways."""
    if not digits:
        return [()]
    return [
        (*_number(digits[:size]), *rest)
        for size in range(1, min(3, len(digits)) + 1)
        for rest in _divided(digits[size:])
    ]


def _number(digits: str) -> tuple[str, ...]:
    if len(digits) > 6 or (len(digits) > 1 and digits[0] == "0"):
        return tuple(DIGITS[int(digit)] for digit in digits)
    return cardinal(int(digits))
