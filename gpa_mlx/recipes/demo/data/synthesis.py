"""Speech synthesis with exact word and phone times."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np

from gpa_mlx.audio.dsp.loudness import normalize_loudness
from gpa_mlx.errors import GPAError
from gpa_mlx.recipes.demo.data.alignment import SEMANTIC_HOP_SAMPLES, LabelledSpan, proportional_phones, shifted
from gpa_mlx.recipes.demo.data.synthetic_voices import EspeakVoice, FliteVoice, VoiceSpec
from gpa_mlx.recipes.demo.data.tts_engines import TimedPhone, speak_with_espeak, speak_with_flite
from gpa_mlx.recipes.demo.data.vocabulary import PHONE_LABELS, PRONUNCIATIONS, WORD_LABELS, WordSequence
from gpa_mlx.types import SAMPLE_RATE_HZ, Waveform

Phrasing: TypeAlias = Literal["steady", "loose", "connected"]
"""`steady`: word for word, always the same pause, each word starting on a semantic frame: what the model learns to
say. `loose`: word for word, tempo and pauses random. `connected`: one breath, tempo random; flite only, because
espeak-ng tells no word times."""

_STEADY_PAUSE_SAMPLES = 960
_MAX_LOOSE_PAUSE_SAMPLES = 2400
_TEMPI = (0.9, 1.0, 1.1)
_FADE_SAMPLES = 80
_AUDIBLE = 0.01


@dataclass(frozen=True, slots=True)
class TimedSpeech:
    """Speech from the first sample of the first word to the last of the last, exactly zero between separate words.

    Attributes:
        wave: `(samples,)` float32 at 16 kHz, of normal loudness.
        words: Where the words lie, in order.
        phones: Where the phones lie, in order.
    """

    wave: Waveform
    words: tuple[LabelledSpan, ...]
    phones: tuple[LabelledSpan, ...]


def phrasings(voice: VoiceSpec) -> tuple[Phrasing, ...]:
    """Return the phrasings that a voice has."""
    return ("steady", "loose", "connected") if isinstance(voice, FliteVoice) else ("steady", "loose")


def synthesise(voice: VoiceSpec, words: WordSequence, phrasing: Phrasing, *, seed: int) -> TimedSpeech:
    """Say words.

    Args:
        voice: Who speaks.
        words: At least one of `WORDS`.
        phrasing: How; one of `phrasings(voice)`.
        seed: Decides tempo and pauses, except for `steady`, which has nothing random.

    Raises:
        GPAError: The engine is missing or fails.
    """
    rng = np.random.default_rng(seed)
    tempo = 1.0 if phrasing == "steady" else float(rng.choice(_TEMPI))
    if phrasing == "connected":
        assert isinstance(voice, FliteVoice)
        return _connected(voice, words, tempo)
    pieces = [_single_word(voice, word, tempo) for word in words]
    starts, end = [], 0
    for piece in pieces:
        if not starts:
            start = 0
        elif phrasing == "steady":
            start = -(-(end + _STEADY_PAUSE_SAMPLES) // SEMANTIC_HOP_SAMPLES) * SEMANTIC_HOP_SAMPLES
        else:
            start = end + int(rng.integers(_MAX_LOOSE_PAUSE_SAMPLES))
        starts.append(start)
        end = start + len(piece.wave)
    wave = np.zeros(end, dtype=np.float32)
    for piece, start in zip(pieces, starts, strict=True):
        wave[start : start + len(piece.wave)] = piece.wave
    return TimedSpeech(
        wave,
        words=tuple(span for piece, start in zip(pieces, starts, strict=True) for span in shifted(piece.words, start)),
        phones=tuple(
            span for piece, start in zip(pieces, starts, strict=True) for span in shifted(piece.phones, start)
        ),
    )


@lru_cache(maxsize=4096)
def _single_word(voice: VoiceSpec, word: str, tempo: float) -> TimedSpeech:
    if isinstance(voice, FliteVoice):
        return _connected(voice, (word,), tempo)
    return _espeak_word(voice, word, tempo)


def _espeak_word(voice: EspeakVoice, word: str, tempo: float) -> TimedSpeech:
    wave = speak_with_espeak(voice, word, tempo=tempo)
    magnitudes = np.abs(wave)
    audible = np.flatnonzero(magnitudes > _AUDIBLE * magnitudes.max(initial=0.0))
    if len(audible) == 0:
        raise GPAError(f"espeak-ng said nothing for {word!r} as {voice.name!r}.", hint="Try `espeak-ng --version`.")
    wave = _finished(wave[audible[0] : audible[-1] + 1])
    return TimedSpeech(wave, (LabelledSpan(WORD_LABELS[word], 0, len(wave)),), proportional_phones(word, 0, len(wave)))


def _connected(voice: FliteVoice, words: WordSequence, tempo: float) -> TimedSpeech:
    wave, timed = speak_with_flite(voice, " ".join(words), tempo=tempo)
    expected = [phone for word in words for phone, _ in PRONUNCIATIONS[word]]
    if [phone.phone for phone in timed] != expected:
        raise GPAError(
            f"flite pronounced {' '.join(words)!r} as {' '.join(phone.phone for phone in timed)!r}.",
            hint="Use flite 2.2.",
        )
    first = _sample(timed[0].start_s)
    wave = _finished(wave[first : _sample(timed[-1].end_s)])
    phones = tuple(_span(phone, first, len(wave)) for phone in timed)
    spans, position = [], 0
    for word in words:
        count = len(PRONUNCIATIONS[word])
        spans.append(LabelledSpan(WORD_LABELS[word], phones[position].start, phones[position + count - 1].end))
        position += count
    return TimedSpeech(wave, tuple(spans), phones)


def _sample(time_s: float) -> int:
    return round(time_s * SAMPLE_RATE_HZ)


def _span(phone: TimedPhone, first: int, samples: int) -> LabelledSpan:
    start, end = (min(_sample(time_s) - first, samples) for time_s in (phone.start_s, phone.end_s))
    return LabelledSpan(PHONE_LABELS[phone.phone], start, end)


def _finished(wave: Waveform) -> Waveform:
    """Normalise loudness and fade both ends."""
    wave = normalize_loudness(wave.astype(np.float64)).astype(np.float32)
    fade = np.linspace(0.0, 1.0, _FADE_SAMPLES, endpoint=False, dtype=np.float32)
    wave[:_FADE_SAMPLES] *= fade
    wave[-_FADE_SAMPLES:] *= fade[::-1]
    return wave
