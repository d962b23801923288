"""Trying a voice out: the model speaks with it, and that speech is compared with the voice by its speaker codes."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.errors import AudioFileError, ModelNotFoundError, NoSpeechError, VoiceError
from gpa_mlx.jobs.events import AudioChunk, Finished, GenerationStarted, StepStarted
from gpa_mlx.jobs.voice_choice import open_voice
from gpa_mlx.model import demo
from gpa_mlx.model.parts import read_json
from gpa_mlx.nn.bicodec.config import BiCodecArgs
from gpa_mlx.store.manifest import read_manifest
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.types import Speech, Voice, Waveform

PROBE_TEXT = "The sun was low, and a cold wind blew over the quiet fields."
DEMO_PROBE_TEXT = "three two one go"
"""The same for models of the demo model's family, which know twenty words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarity:
    """How alike two voices are, by their speaker codes alone.

    A code stands for a few coordinates with a few levels each (BiCodec: 6 with 4). Codes drawn at random agree in 0.58
    of the levels. With the demo model, a voice and the same voice in its speech agreed in 0.87 to 1.00, different
    speakers in 0.21 to 0.77.

    Attributes:
        equal_codes: Share of the codes that are the same, 0 to 1.
        levels: 1 minus the mean difference of the coordinates' levels, as a share of the largest possible one; 0 to 1.
    """

    equal_codes: float
    levels: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What the model said with a new voice, and whose voice that was.

    Attributes:
        text: What was to be said.
        similarity: Of the new voice and the voice made from that speech; None where there was no usable speech.
        speech: What was said; None where nothing was.
        problem: Why there is no similarity; empty where there is one.
    """

    text: str
    similarity: Similarity | None
    speech: Speech | None
    problem: str = ""


def probe_voice(engine: SpeechEngine, voice: Voice) -> Probe:
    """Speak a short text greedily, make a voice of that speech, and compare the two.

    Raises:
        ModelNotFoundError: The engine's model is gone.
        ModelFormatError: The engine's model is not a converted one.
        VoiceError: The voice was made for another model.
    """
    text = probe_text(voice.family)
    options = replace(engine.default_options("speak"), temperature=0.0)
    try:
        speech = engine.speak(text, voice=voice, options=options)
    except NoSpeechError as error:
        return Probe(text=text, similarity=None, speech=None, problem=error.message)
    try:
        again = engine.make_voice((speech.audio, speech.sample_rate), name=voice.name)
    except (VoiceError, AudioFileError) as error:
        return Probe(text=text, similarity=None, speech=speech, problem=error.message)
    levels = _bicodec_args(engine.path).speaker_encoder.fsq_levels
    alike = similarity(voice.global_tokens, again.global_tokens, levels)
    return Probe(text=text, similarity=alike, speech=speech)


class SampleJob:
    """A short text, said by a voice, to be played while it is made.

    Without a text of its own it says the probe's, greedily as the probe does: what is heard is what was measured.

    Args:
        engine: Speaks.
        voice: Who: a voice, or a recording to make one from.
        text: What, in one breath; None says the probe's.

    Attributes:
        text: What is said.
        voice: Who says it; None until the voice has been opened.
        pieces: What was said so far, `(samples,)` float32 at 16 kHz each.

    Raises:
        ModelFormatError: The engine's model is not a converted one.
    """

    def __init__(self, engine: SpeechEngine, voice: Voice | Path, text: str | None = None) -> None:
        self._engine, self._source = engine, voice
        self._is_probe = text is None
        self.text = probe_text(read_manifest(engine.path).model_family) if text is None else text
        self.voice: Voice | None = None
        self.pieces: list[Waveform] = []

    @property
    def audio(self) -> Waveform:
        """All that was said so far."""
        return np.concatenate([np.zeros(0, dtype=np.float32), *self.pieces])

    @property
    def duration_s(self) -> float:
        """Its length."""
        return sum(map(len, self.pieces)) / SAMPLE_RATE_HZ

    def run(self) -> Generator[StepStarted | GenerationStarted | AudioChunk | Finished, None, None]:
        """Say it; closing the generator cancels within a token.

        Raises:
            AudioFileError: The recording cannot be used.
            VoiceError: The voice cannot be made, or was made for another model.
            NoSpeechError: Nothing was said.
            CancelledError: The surrounding `CancelScope` was cancelled.
        """
        yield StepStarted(step="loading")
        self.voice = open_voice(self._engine, self._source)
        self._engine.warm("speak")
        options = self._engine.default_options("speak")
        if self._is_probe:
            options = replace(options, temperature=0.0)
        yield GenerationStarted()
        with closing(self._engine.stream_speak(self.text, voice=self.voice, options=options)) as chunks:
            for chunk in chunks:
                self.pieces.append(chunk.audio)
                yield AudioChunk(audio=chunk.audio)
        yield Finished()


def probe_text(family: str) -> str:
    """Return a short text that models of a family can say."""
    try:
        demo_family = read_manifest(demo.demo_model()).model_family
    except ModelNotFoundError:
        return PROBE_TEXT
    return DEMO_PROBE_TEXT if family == demo_family else PROBE_TEXT


def similarity(first: Sequence[int], second: Sequence[int], levels: Sequence[int]) -> Similarity:
    """Compare the speaker codes of two voices.

    Args:
        first: The codes of one voice.
        second: As many codes.
        levels: Levels of each coordinate of a code, the least significant first (`fsq_levels` of the model).
    """
    one, other = np.array(first), np.array(second)
    sizes = np.array(levels)
    radix = np.concatenate([[1], np.cumprod(sizes)[:-1]])
    differences = np.abs(one[:, None] // radix % sizes - other[:, None] // radix % sizes) / (sizes - 1)
    return Similarity(equal_codes=float((one == other).mean()), levels=float(1 - differences.mean()))


def reference_s(model: Path) -> float:
    """Return `SpeechEngine.reference_s` of a model that is not open.

    Raises:
        ModelFormatError: Not a converted model.
    """
    return _bicodec_args(model).ref_segment_duration


def _bicodec_args(model: Path) -> BiCodecArgs:
    path = model / "bicodec" / "config.json"
    return BiCodecArgs.from_dict(read_json(path), str(path))
