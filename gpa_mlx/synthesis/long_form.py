"""Long-form synthesis: a text of any length is cut into passages, normalized, spoken, repaired and joined."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from gpa_mlx.audio.recording import MIN_SAMPLES
from gpa_mlx.codec.speech import LIVE_LOOKAHEAD
from gpa_mlx.errors import NoSpeechError
from gpa_mlx.synthesis.attempt import PassageEnd, SpeechRun
from gpa_mlx.synthesis.failure_detector import code_budget
from gpa_mlx.synthesis.retry import BestAttempt, attempt_seed, best_attempt, with_seed
from gpa_mlx.synthesis.trimming import PAUSE_S, match_level, speech_level
from gpa_mlx.text.joining import check_text
from gpa_mlx.text.metrics import character_error_rate
from gpa_mlx.text.normalization import CleanText, clean_text, language_of, normalize_text
from gpa_mlx.text.segmentation import Passage, split_passages
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from gpa_mlx.protocols import SupportsSpeech
    from gpa_mlx.text.normalization import Language, Lexicon
    from gpa_mlx.types import GenerationOptions, Voice, Waveform


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
        start_s: Where it begins in the speech.
        end_s: Where it ends; the pause after it is not counted.
        finish_reason: All but `stop` means that something is missing or wrong.
        seed: Of the attempt that was kept; None for greedy decoding.
        attempts: How often it was spoken.
        error_rate: Character errors between `spoken` and what was transcribed; None when not verified.
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
class SynthesisChunk:
    """A piece of the speech; all pieces one after the other are the whole.

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


SynthesisStream: TypeAlias = Generator[SynthesisChunk, None, None]
"""A running synthesis; `close()` cancels it within one token."""


class PlannedPassage(NamedTuple):
    """What will be spoken in one go.

    Attributes:
        passage: As written, and the pause that follows.
        spoken: What the model is given: normalized, as written where nothing is.
    """

    passage: Passage
    spoken: str


def plan_passages(text: str, settings: SynthesisSettings, *, exact: bool = False) -> tuple[PlannedPassage, ...]:
    """Cut a text into passages and normalize them: what will be spoken.

    Args:
        text: As written.
        settings: How to synthesize.
        exact: The whole text is one passage, spoken as it is written.

    Raises:
        InputTextError: Nothing that can be spoken.
        SettingsError: `max_chars` is too small.
    """
    check_text(text)
    if exact:
        return (PlannedPassage(Passage(text=text, start=0, end=len(text), pause="paragraph"), text),)
    if not settings.normalize:
        raw = split_passages(text, max_chars=settings.max_chars)
        return tuple(PlannedPassage(passage, passage.text) for passage in raw)
    clean = clean_text(text)
    check_text(clean.text)
    passages = split_passages(clean.text, max_chars=settings.max_chars)
    # A passage of numbers only is said in the language of the one before it, else of the first that has one.
    found: list[Language | None] = [language_of(passage.text) for passage in passages]
    language = next((one for one in found if one), None)
    planned: list[PlannedPassage] = []
    for passage, shown in zip(passages, found, strict=True):
        planned += _planned(passage, settings, language)
        language = shown or language
    return tuple(_as_written(planned, clean))


def synthesize(
    engine: SupportsSpeech,
    plan: Sequence[PlannedPassage],
    *,
    voice: Voice,
    options: GenerationOptions,
    settings: SynthesisSettings | None = None,
    done: Sequence[SpokenPassage] = (),
) -> SynthesisStream:
    """Speak a text of any length: long-form synthesis.

    Every passage is spoken on its own with the same voice, within a token budget that follows from its text unless the
    options set one. A passage that loops, falls silent, runs on or comes without a sound is spoken again with another
    seed, and the best attempt is kept. Silence at its edges is trimmed, its loudness matched to the first passage's,
    and a pause put behind it according to its ending. With `options.constrain` off nothing of this happens: the text is
    spoken in one go, exactly as the reference does.

    Args:
        engine: Speaks, and transcribes when passages are verified.
        plan: What to say, from `plan_passages`; exact if `options.constrain` is off.
        voice: Who says it.
        options: Sampling; the n-th passage has the seed `options.seed + n`.
        settings: How to synthesize.
        done: The passages that an interrupted synthesis of the same plan finished: only the others are spoken.

    Returns:
        The chunks. Closing the iterator cancels within a token.

    Raises:
        SettingsError: An option is out of range.
        VoiceError: The voice was made for another model.
        NoSpeechError: Not one passage had a sound (raised at the end).
    """
    return _Synthesis(engine, voice, with_seed(options), settings or SynthesisSettings()).run(plan, done)


def samples_after(plan: Sequence[PlannedPassage], done: Sequence[SpokenPassage]) -> int:
    """Return how many samples some passages have, with the pause that follows the last of them."""
    return _end_with_pause(plan, len(done) - 1, done[-1].start_s, done[-1].end_s) if done else 0


class _Synthesis:
    def __init__(
        self, engine: SupportsSpeech, voice: Voice, options: GenerationOptions, settings: SynthesisSettings
    ) -> None:
        self._engine = engine
        self._voice = voice
        self._options = options
        self._settings = settings

    def run(self, plan: Sequence[PlannedPassage], done: Sequence[SpokenPassage]) -> SynthesisStream:
        level = next((passage.level for passage in done if passage.level), 0.0)
        has_sound = any(passage.end_s > passage.start_s for passage in done)
        position = samples_after(plan, done)
        for number in range(len(done), len(plan)):
            passage, spoken = plan[number]
            start, rest = position, np.zeros(0, dtype=np.float32)
            if self._settings.live:
                seed = attempt_seed(self._options, number, 0)
                run = self._begin(spoken, seed)
                for piece in run.pieces():
                    position += len(piece)
                    yield SynthesisChunk(audio=piece, number=number, total=len(plan))
                best = BestAttempt(kept=run.attempt(seed), count=1)
                own_level = speech_level(best.kept.audio)
            else:
                best = self._best(spoken, number)
                own_level = speech_level(best.kept.audio)
                level = level or own_level
                rest = match_level(best.kept.audio, level) if self._options.constrain else best.kept.audio
                position += len(rest)
            has_sound = has_sound or position > start
            result = SpokenPassage(
                text=passage.text,
                spoken=spoken,
                start_s=start / SAMPLE_RATE_HZ,
                end_s=position / SAMPLE_RATE_HZ,
                finish_reason=best.kept.finish_reason,
                seed=best.kept.seed,
                attempts=best.count,
                error_rate=best.kept.error_rate,
                level=own_level,
            )
            pause = _end_with_pause(plan, number, result.start_s, result.end_s) - position
            position += pause
            yield SynthesisChunk(
                audio=np.concatenate([rest, np.zeros(pause, dtype=np.float32)]),
                number=number,
                total=len(plan),
                passage=result,
            )
        if not has_sound:
            raise NoSpeechError(
                "The model ended without any speech.", hint="Try another seed, a higher temperature or other text."
            )

    def _best(self, spoken: str, number: int) -> BestAttempt:
        most = 1 + self._settings.retries if self._options.constrain else 1
        error_rate = partial(self._error_rate, spoken) if self._settings.verify else None
        return best_attempt(most, self._options, number, partial(self._begin, spoken), error_rate)

    def _begin(self, spoken: str, seed: int | None) -> SpeechRun:
        options = replace(self._options, seed=seed)
        if options.constrain and options.max_tokens is None:
            options = replace(options, max_tokens=code_budget(spoken))
        lookahead = LIVE_LOOKAHEAD if self._settings.live else None
        speech = self._engine.stream_speak(spoken, voice=self._voice, options=options, lookahead=lookahead)
        return SpeechRun(speech, exact=not options.constrain, trim=True)

    def _error_rate(self, spoken: str, audio: Waveform) -> float:
        text = self._engine.transcribe((audio, SAMPLE_RATE_HZ), vad=False).text if len(audio) >= MIN_SAMPLES else ""
        # What was spoken as words may be written down with digits.
        return character_error_rate([(normalize_text(spoken), normalize_text(text))])


def _end_with_pause(plan: Sequence[PlannedPassage], number: int, start_s: float, end_s: float) -> int:
    """Return the sample at which the passage after `number` begins; the last one, and a silent one, have no pause."""
    is_silent = number + 1 == len(plan) or end_s == start_s
    pause_s = 0.0 if is_silent else PAUSE_S[plan[number].passage.pause]
    return round((end_s + pause_s) * SAMPLE_RATE_HZ)


def _as_written(planned: Sequence[PlannedPassage], clean: CleanText) -> Iterator[PlannedPassage]:
    """Yield the passages with the text they have before cleaning; what was taken out goes with what is before it."""
    starts = [0, *(clean.origin(passage.start) for passage, _ in planned[1:]), len(clean.raw)]
    for (passage, spoken), (start, following) in zip(planned, pairwise(starts), strict=True):
        text = clean.raw[start:following]
        start += len(text) - len(text.lstrip())
        text = text.strip()
        yield PlannedPassage(replace(passage, text=text, start=start, end=start + len(text)), spoken)


def _planned(passage: Passage, settings: SynthesisSettings, language: Language | None) -> Iterator[PlannedPassage]:
    """Normalize a passage, in halves where the words are many more than the text: "1999 2000 2001"."""
    text = passage.text
    spoken = normalize_text(text, lexicon=settings.lexicon, language=language)
    blanks = [match.start() for match in re.finditer(r"\s+", text)]
    if len(spoken) < settings.max_chars or not blanks:
        yield PlannedPassage(passage, spoken)
        return
    middle = min(blanks, key=lambda place: abs(place - len(text) / 2))
    left, right = text[:middle], text[middle:].lstrip()
    parts = (
        Passage(text=left, start=passage.start, end=passage.start + len(left), pause="clause"),
        Passage(text=right, start=passage.end - len(right), end=passage.end, pause=passage.pause),
    )
    for part in parts:
        yield from _planned(part, settings, language_of(text) or language)
