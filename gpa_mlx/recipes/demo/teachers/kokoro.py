"""Kokoro-82M (hexgrad, Apache-2.0; Kong 2025), a StyleTTS 2 synthesiser, run by onnxruntime: natural speech with times.

The folder holds `kokoro.onnx` (int8, its sha256 is checked), `vocab.json`, and `voices/NAME.bin`: tables of style
vectors, float32 `(510, 256)`, one row for each number of phonemes. `docs/how-to/train-demo.md` says
where they come from.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import soxr

from gpa_mlx.errors import GPAError, SettingsError
from gpa_mlx.recipes.demo.teachers.onnx import HINT, open_network, read_part, require_onnxruntime
from gpa_mlx.recipes.demo.teachers.phonemes import phonemes
from gpa_mlx.types import SAMPLE_RATE_HZ, Waveform

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gpa_mlx.recipes.demo.domain.phrases import Phrase
    from gpa_mlx.recipes.demo.teachers.voices import TeacherVoice

MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"

_RATE_HZ = 24_000
_DURATIONS = "/encoder/Clip_output_0"
"""Frames that each phoneme lasts: a tensor inside this network, which it does not give away by itself."""

_FRAME_SAMPLES = 600
_LEAD_S = 0.035
"""So long before its frames a phoneme sounds: what correlates best with the level, 25 to 65 ms in all voices."""

_STYLES, _STYLE_DIMS = 510, 256


@dataclass(frozen=True, slots=True)
class TimedSound:
    """A phoneme in Kokoro's letters, and the samples it covers: `start` up to, not including, `end`."""

    letter: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word and its phonemes, at least one."""

    word: str
    sounds: tuple[TimedSound, ...]


@dataclass(frozen=True, slots=True)
class SpokenPhrases:
    """Phrases said one after the other.

    Attributes:
        wave: `(samples,)` float32 at 16 kHz.
        phrases: The words of each phrase, with times in samples of `wave`.
    """

    wave: Waveform
    phrases: tuple[tuple[SpokenWord, ...], ...]


class Kokoro:
    """The synthesiser; the same phrases, voice and speed give the same samples on one machine.

    Args:
        folder: With its files.
        threads: Of onnxruntime.

    Raises:
        SettingsError: onnxruntime is not installed, or a file is missing or another one.
    """

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        require_onnxruntime()
        self._folder = folder
        network = read_part(folder / "kokoro.onnx")
        if hashlib.sha256(network).hexdigest() != MODEL_SHA256:
            raise SettingsError(f"{folder / 'kokoro.onnx'} is another version of Kokoro or damaged.", hint=HINT)
        self._ids: dict[str, int] = json.loads(read_part(folder / "vocab.json"))["vocab"]
        self._session = open_network(with_output(network, _DURATIONS), threads=threads)
        self._table = lru_cache(maxsize=64)(self._read_table)

    def say(self, phrases: Sequence[Phrase], voice: TeacherVoice, *, speed: float) -> SpokenPhrases:
        """Say phrases, with a comma's pause between the groups of a phrase and a longer one between phrases.

        Args:
            phrases: At most 500 phonemes together.
            voice: Who speaks.
            speed: Factor on the usual rate.

        Raises:
            GPAError: espeak-ng, which tells the phonemes, fails; or the phrases are too long.
        """
        script = make_script(phrases, voice)
        if len(script.letters) > _STYLES:
            raise GPAError(f"Kokoro says {_STYLES} phonemes at once, not {len(script.letters)}.", hint="Say less.")
        table = sum(np.float32(weight) * self._table(name) for name, weight in voice.parts)
        inputs = {
            "tokens": np.array([[0, *(self._id(letter) for letter in script.letters), 0]], np.int64),
            "style": np.asarray(table)[len(script.letters) - 1][None].astype(np.float32),
            "speed": np.array([speed], np.float32),
        }
        audio, frames = self._session.run(None, inputs)
        wave = soxr.resample(np.ravel(audio).astype(np.float64), _RATE_HZ, SAMPLE_RATE_HZ).astype(np.float32)
        ends_s = np.cumsum(np.ravel(frames)) * (_FRAME_SAMPLES / _RATE_HZ) - _LEAD_S
        ends = np.clip(np.round(ends_s * SAMPLE_RATE_HZ), 0, len(wave)).astype(int)
        return SpokenPhrases(wave, script.timed(ends.tolist()))

    def _id(self, letter: str) -> int:
        if letter not in self._ids:
            raise GPAError(f"Kokoro has no phoneme {letter!r}.", hint="Use espeak-ng 1.51 or 1.52.")
        return self._ids[letter]

    def _read_table(self, name: str) -> np.ndarray:
        content = np.frombuffer(read_part(self._folder / "voices" / f"{name}.bin"), np.float32)
        if content.size != _STYLES * _STYLE_DIMS:
            raise SettingsError(f"{self._folder / 'voices' / name}.bin is no voice of Kokoro.", hint=HINT)
        return content.reshape(_STYLES, _STYLE_DIMS)


@dataclass(frozen=True, slots=True)
class Script:
    """What Kokoro is given, and which of its letters are whose.

    Attributes:
        letters: Phonemes, blanks and signs.
        words: Of each phrase, the words and the range of their letters.
    """

    letters: str
    words: tuple[tuple[tuple[str, int, int], ...], ...]

    def timed(self, ends: Sequence[int]) -> tuple[tuple[SpokenWord, ...], ...]:
        """Turn the sample at which each token ends, those of the border before and after included, into times."""

        def word(text: str, first: int, stop: int) -> SpokenWord:
            # Token 0 is the border: letter n is token n + 1, and begins where token n ends.
            return SpokenWord(
                text, tuple(TimedSound(self.letters[n], ends[n], ends[n + 1]) for n in range(first, stop))
            )

        return tuple(tuple(word(*entry) for entry in phrase) for phrase in self.words)


def make_script(phrases: Sequence[Phrase], voice: TeacherVoice) -> Script:
    """Write phrases in phonemes: blanks between words, commas between groups, dots between phrases.

    Three dots make the longest pause.

    Raises:
        GPAError: espeak-ng is not installed or fails.
    """
    letters, listing = "", []
    for phrase in phrases:
        words: list[tuple[str, int, int]] = []
        for number, group in enumerate(phrase.groups):
            letters += ", " if number else ("... " if letters else "")
            for place, (word, said) in enumerate(zip(group, phonemes(group, voice.accent), strict=True)):
                letters += " " if place else ""
                words.append((word, len(letters), len(letters) + len(said)))
                letters += said
        listing.append(tuple(words))
    return Script(letters + ".", tuple(listing))


def with_output(network: bytes, name: str) -> bytes:
    """Return an ONNX file that has a tensor among its outputs.

    Joined Protocol Buffers are merged, repeated fields appended: behind the file goes a model whose graph (field 7) has
    nothing but an output (field 12) of that name (field 1).
    """
    return network + _field(7, _field(12, _field(1, name.encode())))


def _field(number: int, content: bytes) -> bytes:
    """Encode a field that has a length."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])
