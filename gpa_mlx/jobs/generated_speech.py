"""Speech that a job has generated: what it consists of, where it is collected, and how its record describes it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

import numpy as np

from gpa_mlx.model.parts import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from gpa_mlx.provenance.metadata import GenerationMetadata, digest_of_private_text
from gpa_mlx.provenance.tagging import identify_model, identify_voice
from gpa_mlx.store.manifest import sha256_of
from gpa_mlx.synthesis.conversion import ConvertedSegment
from gpa_mlx.synthesis.long_form import SpokenPassage
from gpa_mlx.types import SAMPLE_RATE_HZ, Voice

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpa_mlx.jobs.audio_output import TaggedWriter
    from gpa_mlx.provenance.metadata import ModelIdentity, Option
    from gpa_mlx.synthesis.attempt import PassageEnd
    from gpa_mlx.types import AudioLike, GenerationOptions, Waveform

PartT = TypeVar("PartT", bound=SpokenPassage | ConvertedSegment)


@dataclass(slots=True, eq=False, kw_only=True)
class GeneratedSpeech(Generic[PartT]):
    """What a job has generated so far; grows on its thread, may be read on others, and stays when it is cancelled.

    Attributes:
        options: Sampling, with the seed.
        voice: Who speaks; None until the voice has been opened.
        parts: The passages or segments that are complete, those of an interrupted run included.
        pieces: The audio, `(samples,)` float32 at 16 kHz each; empty unless the request keeps it.
        is_complete: Whether all was generated and written.
        resumed_s: Seconds of speech that an interrupted run left.
        generated_s: Seconds of speech that this run made.
        elapsed_s: Time it took, without loading; 0 until all was generated.
        first_audio_s: Time until the first sound; None before it.
    """

    options: GenerationOptions
    voice: Voice | None = None
    parts: list[PartT] = field(default_factory=list)
    pieces: list[Waveform] = field(default_factory=list)
    is_complete: bool = False
    resumed_s: float = 0.0
    generated_s: float = 0.0
    elapsed_s: float = 0.0
    first_audio_s: float | None = None

    @property
    def seed(self) -> int | None:
        """What repeats the speech; None for greedy decoding."""
        return None if self.options.temperature == 0 else self.options.seed

    @property
    def duration_s(self) -> float:
        """Seconds of speech, those of an interrupted run included."""
        return self.resumed_s + self.generated_s

    @property
    def real_time_factor(self) -> float:
        """Time it took / speech made in it; 0 before the end and where nothing was made."""
        return self.elapsed_s / self.generated_s if self.generated_s > 0 else 0.0

    @property
    def finish_reason(self) -> PassageEnd:
        """The first reason that is not `stop`, if there is one."""
        for part in self.parts:
            if part.finish_reason != "stop":
                return part.finish_reason
        return "stop"

    @property
    def has_audio(self) -> bool:
        """Whether there is kept audio to play and to save."""
        return any(map(len, self.pieces))

    @property
    def audio(self) -> Waveform:
        """All kept audio, `(samples,)` float32 at 16 kHz."""
        return np.concatenate([np.zeros(0, dtype=np.float32), *self.pieces])

    def pieces_from(self, start_s: float) -> Iterator[Waveform]:
        """Yield the kept audio from a moment on."""
        skip = round(start_s * SAMPLE_RATE_HZ)
        for piece in list(self.pieces):
            yield piece[min(skip, len(piece)) :]
            skip = max(skip - len(piece), 0)


class SpeechCollector:
    """Takes audio as it is generated: counts it, writes it, keeps it. The clock starts when this is made.

    Args:
        result: What to fill.
        file: Where to write it; None writes nothing.
        keep_audio: Whether all of it stays in memory.
    """

    def __init__(
        self,
        result: GeneratedSpeech[SpokenPassage] | GeneratedSpeech[ConvertedSegment],
        file: TaggedWriter | None,
        *,
        keep_audio: bool,
    ) -> None:
        self._result = result
        self._file = file
        self._keep_audio = keep_audio
        self._started = time.perf_counter()
        result.resumed_s = 0.0 if file is None else file.duration_s

    def append(self, audio: Waveform, *, is_recalled: bool = False) -> str:
        """Take the next samples.

        Args:
            audio: `(samples,)` float32.
            is_recalled: An interrupted run made them.

        Returns:
            The SHA-256 of their bytes in the file; empty where there is none.

        Raises:
            AudioFileError: They cannot be written.
        """
        result = self._result
        if result.first_audio_s is None and audio.any():
            result.first_audio_s = time.perf_counter() - self._started
        digest = ""
        if self._file is not None:
            self._file.append(audio)
            digest = self._file.take_digest()
        if self._keep_audio:
            result.pieces.append(audio)
        if is_recalled:
            result.resumed_s += len(audio) / SAMPLE_RATE_HZ
        else:
            result.generated_s += len(audio) / SAMPLE_RATE_HZ
        return digest

    def finish(self) -> None:
        """All audio has been generated: stop the clock."""
        self._result.elapsed_s = time.perf_counter() - self._started


def identify_weights(model: Path, adapter: Path | None) -> ModelIdentity:
    """Return which weights a model and its adapter are; to be asked before the work: later others may be there.

    Args:
        model: The model's directory.
        adapter: The adapter's, if there is one.

    Raises:
        ModelFormatError: Not a converted model.
        OSError: A file of the adapter cannot be read.
    """
    return identify_model(model, [] if adapter is None else [adapter / ADAPTER_CONFIG, adapter / ADAPTER_WEIGHTS])


def digest_of_audio(audio: AudioLike) -> str:
    """Return the SHA-256 of a recording: of the file, or of the float32 samples where there is none.

    Raises:
        OSError: The file cannot be read.
    """
    if isinstance(audio, tuple):
        return hashlib.sha256(np.ascontiguousarray(audio[0], dtype="<f4").tobytes()).hexdigest()
    return sha256_of(Path(audio))


def describe_generation(
    task: Literal["speak", "vc"],
    model: ModelIdentity,
    result: GeneratedSpeech[SpokenPassage] | GeneratedSpeech[ConvertedSegment],
    *,
    settings: Mapping[str, Option],
    text: str | None = None,
    lexicon: str | None = None,
    source_sha256: str | None = None,
) -> GenerationMetadata:
    """Return the generation metadata of speech: weights, voice, sampling, and how each part came out.

    Args:
        task: The command.
        model: The weights.
        result: What was generated.
        settings: What else the speech depends on.
        text: As written; only its digest is kept.
        lexicon: What was read in another way than usual; only its digest is kept.
        source_sha256: Of the recording, if there was one.
    """
    assert result.voice is not None, "nothing was generated"
    sampling = asdict(result.options)
    sampling.pop("seed")
    parts: Sequence[SpokenPassage | ConvertedSegment] = list(result.parts)
    scores = tuple(part.error_rate for part in parts)
    voice = identify_voice(result.voice)

    def digest(private: str | None) -> str | None:
        return None if private is None else digest_of_private_text(private, model, voice, result.seed)

    return GenerationMetadata(
        task=task,
        model=model,
        voice=voice,
        seed=result.seed,
        seeds=tuple(part.seed for part in parts),
        text_digest=digest(text),
        source_sha256=source_sha256,
        options={**sampling, **settings, **({} if lexicon is None else {"lexicon_pbkdf2": digest(lexicon)})},
        scores=None if all(score is None for score in scores) else scores,
    )
