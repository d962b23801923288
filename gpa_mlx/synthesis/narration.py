"""Text of any length to speech: cut into passages, put into words, spoken, watched, repaired and joined."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from gpa_mlx.audio.recording import MIN_SAMPLES
from gpa_mlx.codec.speech import LIVE_LOOKAHEAD
from gpa_mlx.errors import NoSpeechError
from gpa_mlx.synthesis.attempt import Attempt, PassageEnd
from gpa_mlx.synthesis.failure_detector import code_budget
from gpa_mlx.synthesis.retry import Try, best_of, drawn_seed, seed_of
from gpa_mlx.synthesis.trimming import PAUSE_S, matched, speech_level
from gpa_mlx.text.joining import check_text
from gpa_mlx.text.metrics import character_error_rate
from gpa_mlx.text.normalization import normalize_text
from gpa_mlx.text.segmentation import Passage, split_passages
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from gpa_mlx.protocols import SupportsSpeech
    from gpa_mlx.text.normalization import Lexicon
    from gpa_mlx.types import GenerationOptions, Voice, Waveform


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrationSettings:
    """How a text is narrated.

    Attributes:
        normalize: Put numbers, units, symbols and abbreviations into words first.
        lexicon: The user's own readings.
        max_chars: Passages are shorter than this many characters.
        retries: How often a passage that went wrong is spoken again, with another seed.
        verify: Transcribe every passage, and speak it again when it is not understood, within the same `retries`.
        live: Hand sound out while it is made, for playing, as early as `LIVE_LOOKAHEAD` allows. What is out cannot be
            repaired: nothing is spoken again, and loudness is not matched.
    """

    normalize: bool = True
    lexicon: Lexicon | None = None
    max_chars: int = 200
    retries: int = 2
    verify: bool = False
    live: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenPassage:
    """One passage, spoken.

    Attributes:
        text: As written.
        spoken: As it was given to the model.
        start_s: Where it begins in the narration.
        end_s: Where it ends; the pause after it is not counted.
        finish_reason: All but `stop` means that something is missing or wrong.
        seed: Of the attempt that was kept; None for greedy decoding.
        attempts: How often it was spoken.
        error_rate: Character errors between `spoken` and what was heard; None when not verified.
        level: Loudness before matching (see `speech_level`); 0 where there is no sound.
    """

    text: str
    spoken: str
    start_s: float
    end_s: float
    finish_reason: PassageEnd
    seed: int | None
    attempts: int
    error_rate: float | None
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrationChunk:
    """A piece of a narration; all pieces one after the other are the whole.

    Attributes:
        audio: float32 samples at 16 kHz, `(samples,)`; may be empty.
        number: Of the passage, from 0.
        total: Passages of the whole text.
        passage: Set on the chunk that ends a passage; its audio includes the pause.
    """

    audio: Waveform
    number: int
    total: int
    passage: SpokenPassage | None = None


NarrationStream: TypeAlias = Generator[NarrationChunk, None, None]
"""A running narration; `close()` cancels it within one token."""


def plan_passages(text: str, settings: NarrationSettings, *, exact: bool = False) -> tuple[tuple[Passage, str], ...]:
    """Return what will be spoken: each passage as written and as given to the model.

    Args:
        text: As written.
        settings: How to narrate.
        exact: The whole text is one passage, spoken as it is written.

    Raises:
        InputTextError: Nothing that can be spoken.
        SettingsError: `max_chars` is too small.
    """
    check_text(text)
    if exact:
        return ((Passage(text=text, start=0, end=len(text), pause="paragraph"), text),)
    passages = split_passages(text, max_chars=settings.max_chars)
    return tuple(planned for passage in passages for planned in _planned(passage, settings))


def narrate(
    engine: SupportsSpeech,
    text: str,
    *,
    voice: Voice,
    options: GenerationOptions,
    settings: NarrationSettings | None = None,
    done: Sequence[SpokenPassage] = (),
) -> NarrationStream:
    """Speak a text of any length.

    Every passage is spoken on its own with the same voice, within a budget that follows from its text unless the
    options set one, and watched: one that loops, falls silent, runs on or comes without a sound is spoken again with
    another seed, and the best attempt is kept. Silence at its edges is trimmed, its loudness matched to the first
    passage's, and a pause put behind it according to its ending. With `options.constrain` off nothing of this happens:
    the text is spoken in one go, exactly as the reference does.

    Args:
        engine: Speaks, and transcribes when passages are verified.
        text: What to say, as written.
        voice: Who says it.
        options: Sampling; the n-th passage has the seed `options.seed + n`.
        settings: How to narrate.
        done: The passages that an interrupted narration of the same text finished: only the others are spoken.

    Returns:
        The chunks. Closing the iterator cancels within a token.

    Raises:
        InputTextError: Nothing that can be spoken.
        SettingsError: A setting or an option is out of range.
        VoiceError: The voice was made for another model.
        NoSpeechError: Not one passage had a sound (raised at the end).
    """
    settings = settings or NarrationSettings()
    plan = plan_passages(text, settings, exact=not options.constrain)
    return _Narration(engine, voice, drawn_seed(options), settings).run(plan, done)


class _Narration:
    def __init__(
        self, engine: SupportsSpeech, voice: Voice, options: GenerationOptions, settings: NarrationSettings
    ) -> None:
        self._engine = engine
        self._voice = voice
        self._options = options
        self._settings = settings

    def run(self, plan: Sequence[tuple[Passage, str]], done: Sequence[SpokenPassage]) -> NarrationStream:
        level = next((passage.level for passage in done if passage.level), 0.0)
        position = narrated_samples([passage for passage, _ in plan], done)
        for number in range(len(done), len(plan)):
            passage, spoken = plan[number]
            start, tries = position, 1
            if self._settings.live:
                seed = seed_of(self._options, number, 0)
                kept = Try(attempt=self._begin(spoken, seed), seed=seed)
                for piece in kept.attempt.pieces():
                    position += len(piece)
                    yield NarrationChunk(audio=piece, number=number, total=len(plan))
                own, rest = speech_level(kept.attempt.audio), np.zeros(0, dtype=np.float32)
            else:
                kept, tries = best_of(
                    1 + self._settings.retries if self._options.constrain else 1,
                    self._options,
                    number,
                    partial(self._begin, spoken),
                    partial(self._error_rate, spoken) if self._settings.verify else None,
                )
                own = speech_level(kept.attempt.audio)
                level = level or own
                rest = matched(kept.attempt.audio, level) if self._options.constrain else kept.attempt.audio
                position += len(rest)
            result = SpokenPassage(
                text=passage.text,
                spoken=spoken,
                start_s=start / SAMPLE_RATE_HZ,
                end_s=position / SAMPLE_RATE_HZ,
                finish_reason=kept.attempt.finish_reason,
                seed=kept.seed,
                attempts=tries,
                error_rate=kept.error_rate,
                level=own,
            )
            done = [*done, result]
            silence = narrated_samples([passage for passage, _ in plan], done) - position
            position += silence
            yield NarrationChunk(
                audio=np.concatenate([rest, np.zeros(silence, dtype=np.float32)]),
                number=number,
                total=len(plan),
                passage=result,
            )
        if not any(passage.end_s > passage.start_s for passage in done):
            raise NoSpeechError(
                "The model ended without any speech.", hint="Try another seed, a higher temperature or other text."
            )

    def _begin(self, spoken: str, seed: int | None) -> Attempt:
        options = replace(self._options, seed=seed)
        if options.constrain and options.max_tokens is None:
            options = replace(options, max_tokens=code_budget(spoken))
        lookahead = LIVE_LOOKAHEAD if self._settings.live else None
        speech = self._engine.stream_speak(spoken, voice=self._voice, options=options, lookahead=lookahead)
        return Attempt(speech, exact=not options.constrain, trim=True)

    def _error_rate(self, spoken: str, audio: Waveform) -> float:
        heard = ""
        if len(audio) >= MIN_SAMPLES:
            heard = self._engine.transcribe((audio, SAMPLE_RATE_HZ), vad=False).text
        # What was spoken as words may be written down with digits.
        return character_error_rate([(normalize_text(spoken), normalize_text(heard))])


def narrated_samples(passages: Sequence[Passage], done: Sequence[SpokenPassage]) -> int:
    """Return how many samples a narration has after some passages, with the pause that follows the last of them."""
    if not done:
        return 0
    last = done[-1]
    silent = len(done) == len(passages) or last.end_s == last.start_s
    pause_s = 0.0 if silent else PAUSE_S[passages[len(done) - 1].pause]
    return round((last.end_s + pause_s) * SAMPLE_RATE_HZ)


def _planned(passage: Passage, settings: NarrationSettings) -> Iterator[tuple[Passage, str]]:
    """Yield a passage and its words, in halves where the words are many more than the text: "1999 2000 2001"."""
    spoken = _in_words(passage.text, settings)
    blanks = [match.start() for match in re.finditer(r"\s+", passage.text)]
    if len(spoken) < settings.max_chars or not blanks:
        yield passage, spoken
        return
    middle = min(blanks, key=lambda place: abs(place - len(passage.text) / 2))
    left, right = passage.text[:middle], passage.text[middle:].lstrip()
    yield from _planned(
        Passage(text=left, start=passage.start, end=passage.start + len(left), pause="clause"), settings
    )
    yield from _planned(
        Passage(text=right, start=passage.end - len(right), end=passage.end, pause=passage.pause), settings
    )


def _in_words(text: str, settings: NarrationSettings) -> str:
    return normalize_text(text, lexicon=settings.lexicon) if settings.normalize else text
