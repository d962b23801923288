"""Long-form synthesis: a text of any length is cut into passages, normalized, spoken, repaired and joined."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from gpa_mlx.audio.recording import MIN_SAMPLES
from gpa_mlx.codec.speech import LIVE_LOOKAHEAD
from gpa_mlx.errors import NoSpeechError
from gpa_mlx.synthesis.attempt import PassageEnd, SpeechRun
from gpa_mlx.synthesis.failure_detector import code_budget
from gpa_mlx.synthesis.plan import SpeechPlan, SynthesisSettings
from gpa_mlx.synthesis.retry import BestAttempt, attempt_seed, best_attempt, with_seed
from gpa_mlx.synthesis.trimming import PAUSE_S, match_level, speech_level
from gpa_mlx.text.metrics import character_error_rate
from gpa_mlx.text.normalization import normalize_text
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from gpa_mlx.protocols import SupportsSpeech
    from gpa_mlx.synthesis.plan import PlannedPassage
    from gpa_mlx.types import GenerationOptions, Voice, Waveform


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
        passage: Set on the chunk that ends a passage; its audio includes the pause.
        is_recalled: Whether it was spoken by an earlier run.
        reference_level: What the loudness of the passages is matched to; 0 before there is any.
    """

    audio: Waveform
    number: int
    passage: SpokenPassage | None = None
    is_recalled: bool = False
    reference_level: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecalledSpeech:
    """A passage that an earlier run spoke.

    Attributes:
        audio: Its float32 samples at 16 kHz, `(samples,)`, without the pause after it.
        passage: How it came out.
        reference_level: What its loudness was matched to.
    """

    audio: Waveform
    passage: SpokenPassage
    reference_level: float


Recall: TypeAlias = Callable[[str], RecalledSpeech | None]
"""What an earlier run made of the words of a passage; None where it made nothing of them."""


SynthesisStream: TypeAlias = Generator[SynthesisChunk, None, None]
"""A running synthesis; `close()` cancels it within one token."""


def synthesize(
    engine: SupportsSpeech,
    plan: SpeechPlan,
    *,
    voice: Voice,
    options: GenerationOptions,
    settings: SynthesisSettings | None = None,
    done: Sequence[SpokenPassage] = (),
    recall: Recall | None = None,
) -> SynthesisStream:
    """Speak a text of any length: long-form synthesis.

    Every passage is spoken on its own with the same voice, within a token budget that follows from its text unless the
    options set one. A passage that loops, falls silent, runs on or comes without a sound is spoken again with another
    seed, and the best attempt is kept. Silence at its edges is trimmed, its loudness matched to the first passage's,
    and a pause put behind it according to its ending. With `options.constrain` off nothing of this happens: the text is
    spoken in one go, exactly as the reference does.

    Args:
        engine: Speaks, and transcribes when passages are verified.
        plan: What to say; exact if `options.constrain` is off.
        voice: Who says it.
        options: Sampling; the n-th passage has the seed `options.seed + n`.
        settings: How to synthesize.
        done: The passages that an interrupted synthesis finished, the first ones of the plan: the others are spoken.
        recall: Gives passages that an earlier run with the same voice and options spoke: they are not spoken again.

    Returns:
        The chunks. Closing the iterator cancels within a token.

    Raises:
        SettingsError: An option is out of range.
        VoiceError: The voice was made for another model.
        NoSpeechError: Not one passage had a sound (raised at the end).
    """
    return _Synthesis(engine, voice, with_seed(options), settings or SynthesisSettings()).run(plan, done, recall)


def end_with_pause(plan: SpeechPlan, number: int, start_s: float, end_s: float) -> int:
    """Return the sample at which the passage after `number` begins; the last one, and a silent one, have no pause."""
    planned = plan.get(number)
    assert planned is not None, "there is such a passage"
    is_silent = end_s == start_s or plan.is_last(number)
    pause_s = 0.0 if is_silent else PAUSE_S[planned.passage.pause]
    return round((end_s + pause_s) * SAMPLE_RATE_HZ)


def respeak(
    engine: SupportsSpeech,
    planned: PlannedPassage,
    *,
    voice: Voice,
    options: GenerationOptions,
    settings: SynthesisSettings,
    reference_level: float,
) -> SynthesisChunk:
    """Speak one passage again, as good as it gets: never live, with retries.

    Args:
        engine: Speaks, and transcribes when passages are verified.
        planned: The passage.
        voice: Who says it.
        options: Sampling; another seed makes another sound.
        settings: How to synthesize.
        reference_level: What its loudness is matched to; 0: nothing.

    Returns:
        The passage without the pause behind it, its times counted from its own beginning.

    Raises:
        NoSpeechError: It had no sound.
    """
    synthesis = _Synthesis(engine, voice, with_seed(options), replace(settings, live=False))
    return synthesis.run_one(planned, reference_level)


class _Synthesis:
    def __init__(
        self, engine: SupportsSpeech, voice: Voice, options: GenerationOptions, settings: SynthesisSettings
    ) -> None:
        self._engine = engine
        self._voice = voice
        self._options = options
        self._settings = settings

    def run(self, plan: SpeechPlan, done: Sequence[SpokenPassage], recall: Recall | None) -> SynthesisStream:
        level = next((passage.level for passage in done if passage.level), 0.0)
        has_sound = any(passage.end_s > passage.start_s for passage in done)
        last = len(done) - 1
        position = end_with_pause(plan, last, done[-1].start_s, done[-1].end_s) if done else 0
        for number in count(len(done)):
            planned = plan.get(number)
            if planned is None:
                break
            start, rest = position, np.zeros(0, dtype=np.float32)
            recalled = recall(planned.spoken) if recall else None
            if recalled is not None:
                known, own_level = recalled.passage, recalled.passage.level
                level = level or own_level
                rest = recalled.audio if recalled.reference_level == level else match_level(recalled.audio, level)
            elif self._settings.live:
                seed = attempt_seed(self._options, number, 0)
                run = self._begin(planned.spoken, seed)
                for piece in run.pieces():
                    position += len(piece)
                    yield SynthesisChunk(audio=piece, number=number)
                known = BestAttempt(kept=run.attempt(seed), count=1)
                own_level = speech_level(known.kept.audio)
            else:
                known = self._best(planned.spoken, number)
                own_level = speech_level(known.kept.audio)
                level = level or own_level
                rest = match_level(known.kept.audio, level) if self._options.constrain else known.kept.audio
            position += len(rest)
            has_sound = has_sound or position > start
            result = _result(planned, known, start / SAMPLE_RATE_HZ, position / SAMPLE_RATE_HZ, own_level)
            pause = end_with_pause(plan, number, result.start_s, result.end_s) - position
            position += pause
            yield SynthesisChunk(
                audio=np.concatenate([rest, np.zeros(pause, dtype=np.float32)]),
                number=number,
                passage=result,
                is_recalled=recalled is not None,
                reference_level=level,
            )
        if not has_sound:
            raise _no_speech()

    def run_one(self, planned: PlannedPassage, reference_level: float) -> SynthesisChunk:
        best = self._best(planned.spoken, 0)
        level, audio = speech_level(best.kept.audio), best.kept.audio
        if not len(audio):
            raise _no_speech()
        if self._options.constrain:
            audio = match_level(audio, reference_level or level)
        passage = _result(planned, best, 0.0, len(audio) / SAMPLE_RATE_HZ, level)
        return SynthesisChunk(audio=audio, number=0, passage=passage, reference_level=reference_level or level)

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


def _no_speech() -> NoSpeechError:
    return NoSpeechError(
        "The model ended without any speech.", hint="Try another seed, a higher temperature or other text."
    )


def _result(
    planned: PlannedPassage, known: BestAttempt | SpokenPassage, start_s: float, end_s: float, level: float
) -> SpokenPassage:
    """Return how a passage came out, of what was made now or by an earlier run."""
    is_new = isinstance(known, BestAttempt)
    made = known.kept if is_new else known
    return SpokenPassage(
        text=planned.passage.text,
        spoken=planned.spoken,
        start_s=start_s,
        end_s=end_s,
        finish_reason=made.finish_reason,
        seed=made.seed,
        attempts=known.count if is_new else known.attempts,
        error_rate=made.error_rate,
        level=level,
    )
