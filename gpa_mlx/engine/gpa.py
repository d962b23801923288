"""The engine's facade: one object that transcribes, speaks and converts voices, whatever the model's family.

Every `stream_x` checks its arguments at the call and yields numpy and text as they appear; its last item alone carries
`finish_reason` and `timings`. Every `x` is the fold of its stream.

Speech is decoded while its codes are generated, in the chunks of `SpeechChunker`; a chunk has the codes of its audio.
The mean is removed as the speech goes (`DCOffsetRemover`), and pauses are made silent (`NoiseGate`); only with
`constrain=False` it is the mean of the whole utterance and nothing else, as in the reference, and all audio is in the
last chunk.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from gpa_mlx.engine.codes import enroll_voice, tokenize
from gpa_mlx.engine.folding import fold_speech
from gpa_mlx.engine.synthesizer import Synthesizer
from gpa_mlx.engine.transcriber import Transcriber
from gpa_mlx.errors import GPAError
from gpa_mlx.model.family import ModelFamily
from gpa_mlx.model.parts import ModelParts
from gpa_mlx.model.registry import FAMILIES, open_model
from gpa_mlx.runtime.memory import cap_cache
from gpa_mlx.transcripts.collector import collect
from gpa_mlx.types import (
    SAMPLE_RATE_HZ,
    AudioLike,
    AudioTokens,
    Capabilities,
    ChannelChoice,
    GenerationOptions,
    LiveStream,
    Samples,
    Speech,
    SpeechStream,
    Task,
    Transcription,
    TranscriptionStream,
    VadChoice,
    Voice,
    Waveform,
)

T = TypeVar("T")

REFERENCE_OPTIONS: dict[Task, GenerationOptions] = {
    "transcribe": GenerationOptions(),
    "speak": GenerationOptions(temperature=0.2, repetition_penalty=1.2),
    "vc": GenerationOptions(temperature=0.2, repetition_penalty=1.2),
}
_MAX_PASSAGE_CHARS = 200
_TASK_WORDS: dict[Task, str] = {"transcribe": "transcribe", "speak": "speak", "vc": "convert voices"}


def load(
    path: str | os.PathLike[str],
    *,
    adapter: str | os.PathLike[str] | None = None,
    families: Mapping[str, ModelFamily] = FAMILIES,
) -> GPA:
    """Open a converted model; weights are read when a task first needs them.

    MLX keeps at most 512 MB of freed memory from now on, unless `mlx.core.set_cache_limit` has said something else.

    Args:
        path: A directory written by `gpa-mlx convert`.
        adapter: A directory written by `gpa-mlx train lm --lora`, to be added to the language model.
        families: The model families that are known, by name.

    Raises:
        ModelNotFoundError: Nothing at `path` or `adapter`.
        ModelFormatError: Not a converted model, or a damaged one.
    """
    parts = open_model(path, adapter, families=families)
    cap_cache()
    return GPA(parts)


class GPA:
    """A loaded model. Use it from one thread: MLX streams belong to the thread that made them.

    What a model cannot do (see `capabilities`) is refused with a `GPAError`.

    Args:
        parts: The model's parts; `load` makes them from a directory.
    """

    sample_rate = SAMPLE_RATE_HZ

    def __init__(self, parts: ModelParts) -> None:
        self._parts = parts
        self._synthesizer = Synthesizer(parts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free all weights; the object stays usable and loads them again."""
        self._parts.unload()

    @property
    def path(self) -> Path:
        """The model directory."""
        return self._parts.path

    @property
    def parts_loaded(self) -> tuple[str, ...]:
        """Names of the parts in memory, in the order they were loaded."""
        return tuple(self._parts.loaded)

    def default_options(self, task: Task) -> GenerationOptions:
        """Return what is used when no options are given.

        That is what the reference uses, greedy for text, temperature 0.2 and penalty 1.2 for speech, unless the model's
        manifest has another penalty.
        """
        options, penalty = REFERENCE_OPTIONS[task], self._parts.manifest.speech_repetition_penalty
        return options if task == "transcribe" or penalty is None else replace(options, repetition_penalty=penalty)

    @property
    def max_passage_chars(self) -> int:
        """Passages of a long text should be shorter than this many characters: what the model can say in one go."""
        return self._parts.manifest.speech_max_chars or _MAX_PASSAGE_CHARS

    @property
    def capabilities(self) -> Capabilities:
        """What the model can do."""
        parts = self._parts
        return Capabilities(family=parts.family, tasks=frozenset(parts.needs), words=parts.manifest.words)

    @property
    def max_segment_s(self) -> float:
        """Longest segment of a recording that the model decodes in one pass."""
        return self._transcriber.max_segment_s

    @property
    def reference_s(self) -> float:
        """Seconds of a recording that the model makes a voice from; what comes after them does not count."""
        return self._able(self._parts.enrollment, "make voices").reference_s

    def warm(self, task: Task) -> None:
        """Load the parts a task needs now instead of at its first use."""
        self._able(self._parts.needs.get(task), _TASK_WORDS[task])
        self._parts.load(task)

    # -- transcribe ---------------------------------------------------------------------------------------------------

    def transcribe(
        self,
        audio: AudioLike,
        *,
        options: GenerationOptions | None = None,
        vad: VadChoice = True,
        batch: int = 1,
        channels: ChannelChoice | None = None,
    ) -> Transcription:
        """Turn speech into text.

        Args:
            audio: A file, or samples and their rate. Longer than 30 s is cut at silences.
            options: Sampling; greedy by default.
            vad: Skip what is not speech, by the default detector or the one named. Without it everything goes to the
                model, which invents words for silence.
            batch: Segments that are decoded at the same time: faster for long recordings, with more memory and a later
                first word.
            channels: Which mono a recording with several channels is read as; by default the one with the speech, and
                with `constrain=False` the reference's.

        Returns:
            Text and segments; `finish_reason` is `no_speech` when no segment has speech, `length` when a segment's text
            ran out of tokens, `loop` when the model repeated itself, also after the segment had been cut in two.

        Raises:
            AudioFileError: The audio cannot be used.
            SettingsError: An option is out of range.
        """
        return collect(self.stream_transcribe(audio, options=options, vad=vad, batch=batch, channels=channels))

    def stream_transcribe(
        self,
        audio: AudioLike,
        *,
        options: GenerationOptions | None = None,
        vad: VadChoice = True,
        batch: int = 1,
        channels: ChannelChoice | None = None,
    ) -> TranscriptionStream:
        """Yield text as it is decoded; arguments and errors as for `transcribe`.

        With a batch of several segments the text of each comes in one piece.
        """
        options = options or self.default_options("transcribe")
        return self._transcriber.stream(audio, options, vad=vad, batch=batch, channels=channels)

    def stream_transcribe_live(
        self, blocks: Iterable[Samples], *, options: GenerationOptions | None = None, vad: VadChoice = True
    ) -> LiveStream:
        """Yield what is being said while it is said; `close` cancels.

        A pause of 1 s ends a segment, and so does `max_segment_s`. Its final text is that of `transcribe` with
        `vad=False` for the samples from its start to its end; what is shown before it ends is provisional.

        Args:
            blocks: 16 kHz mono float64, `(samples,)` of any length, also empty ("nothing new"), until the source ends.
                Waiting for audio is the source's business; it should hand out all it has at once.
            options: Sampling; greedy by default.
            vad: Decode only what may be speech, see `transcribe`; without it everything.

        Raises:
            SettingsError: An option is out of range.
        """
        options = options or self.default_options("transcribe")
        return self._transcriber.stream_live(blocks, options, vad=vad)

    # -- speak and convert --------------------------------------------------------------------------------------------

    def speak(self, text: str, *, voice: Voice, options: GenerationOptions | None = None) -> Speech:
        """Turn text into speech.

        Args:
            text: What to say, as written.
            voice: Who says it.
            options: Sampling; the reference's by default.

        Raises:
            InputTextError: Nothing that can be spoken.
            InputTooLongError: More text than one pass takes.
            VoiceError: The voice was made for another model.
            NoSpeechError: The model produced no speech.
            SettingsError: An option is out of range.
        """
        return fold_speech(self.stream_speak(text, voice=voice, options=options))

    def stream_speak(
        self, text: str, *, voice: Voice, options: GenerationOptions | None = None, lookahead: int | None = None
    ) -> SpeechStream:
        """Yield speech as it is made; arguments and errors as for `speak`.

        With a `lookahead` sound starts that many codes after the first chunk's, which is sooner and no longer exact:
        `StreamingDecoder` tells by how much.
        """
        task = self._able(self._parts.speech, _TASK_WORDS["speak"])
        options = options or self.default_options("speak")
        return self._synthesizer.stream_speak(task, text, voice, options, lookahead=lookahead)

    def convert_voice(self, audio: AudioLike, *, voice: Voice, options: GenerationOptions | None = None) -> Speech:
        """Say the same thing in another voice.

        Args:
            audio: The source, at most 60 s.
            voice: Who shall say it.
            options: Sampling; the reference's by default, with a token budget that follows the source's length.

        Raises:
            AudioFileError: The audio cannot be used.
            InputTooLongError: More than 60 s.
            VoiceError: The voice was made for another model.
            NoSpeechError: The model produced no speech.
            SettingsError: An option is out of range.
        """
        return fold_speech(self.stream_convert_voice(audio, voice=voice, options=options))

    def stream_convert_voice(
        self,
        audio: AudioLike,
        *,
        voice: Voice,
        options: GenerationOptions | None = None,
        lookahead: int | None = None,
    ) -> SpeechStream:
        """Yield converted speech as it is made; `lookahead` as for `stream_speak`, all else as for `convert_voice`."""
        task = self._able(self._parts.conversion, _TASK_WORDS["vc"])
        options = options or self.default_options("vc")
        return self._synthesizer.stream_convert(task, audio, voice, options, lookahead=lookahead)

    # -- voices and codes ---------------------------------------------------------------------------------------------

    def make_voice(self, audio: AudioLike, *, name: str, channels: ChannelChoice = "speech") -> Voice:
        """Make a voice from a recording; only the speaker encoder runs.

        Args:
            audio: One clean voice; the first `reference_s` count.
            name: For people.
            channels: Which mono a recording with several channels is read as.

        Raises:
            AudioFileError: The audio cannot be used.
            VoiceError: Silent or shorter than 0.5 s.
            InputTooLongError: Longer than 10 minutes.
        """
        return enroll_voice(self._able(self._parts.enrollment, "make voices"), audio, name, channels=channels)

    def tokenize(self, audio: AudioLike) -> AudioTokens:
        """Turn a recording into its three kinds of codes, as the reference does.

        GLM codes cover at most the first 30 s, the tokenizer's limit, as `glm_duration_s` tells.

        Raises:
            AudioFileError: The audio cannot be used.
            InputTooLongError: More than 60 s.
        """
        return tokenize(self._able(self._parts.codec, "tokenise recordings"), audio)

    def detokenize(self, semantic: Sequence[int], global_tokens: Sequence[int]) -> Waveform:
        """Decode codes to sound: `(320 * len(semantic),)` float32, the decoder's output as it is.

        Raises:
            GPAError: No codes, or codes this model does not have.
        """
        return self._able(self._parts.codec, "decode codes").detokenize(semantic, global_tokens)

    @property
    def _transcriber(self) -> Transcriber:
        return Transcriber(self._parts, self._able(self._parts.transcription, _TASK_WORDS["transcribe"]))

    def _able(self, task: T | None, words: str) -> T:
        """Return a task of the model, or refuse one that it has not."""
        if task is None:
            raise GPAError(
                f"The model '{self._parts.manifest.model_name}' cannot {words}.",
                hint=f"Use another model; this one can {', '.join(_TASK_WORDS[able] for able in self._parts.needs)}.",
            )
        return task
