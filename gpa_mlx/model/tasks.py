"""The tasks of a model, as the engine sees them: input to a prompt, and which ids the output is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gpa_mlx.audio.recording import Recording
    from gpa_mlx.codec.decoder import Vocoder
    from gpa_mlx.lm.head import SlicedHead
    from gpa_mlx.model.vocab import CodeRange
    from gpa_mlx.runtime.backend import mx
    from gpa_mlx.tokenizers.text import TextTokenizer
    from gpa_mlx.types import AudioTokens, Codes, GenerationOptions, Voice, Waveform


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What the language model continues.

    Attributes:
        ids: Vocabulary ids, not empty.
        embeddings: `(1, len(ids), D)`, in place of the ids' own, for audio that is not discrete; None for these.
        min_budget: Fewest new tokens that the caller should allow unless told otherwise.
    """

    ids: Sequence[int]
    embeddings: mx.array | None = None
    min_budget: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOutput:
    """Which ids a transcription is made of.

    Attributes:
        head: The output rows that may be drawn.
        stop_ids: End the generation.
        end_ids: What comes after one of them is not text any more.
        marker_ids: Are left out of the text.
        tokenizer: Turns the other ids into text.
    """

    head: SlicedHead
    stop_ids: frozenset[int]
    end_ids: frozenset[int]
    marker_ids: frozenset[int]
    tokenizer: TextTokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechOutput:
    """Which ids speech is made of.

    Attributes:
        head: The output rows that may be drawn.
        stop_ids: End the generation.
        end_ids: What comes after one of them is not speech any more.
        codes: The semantic codes; other ids are left out.
    """

    head: SlicedHead
    stop_ids: frozenset[int]
    end_ids: frozenset[int]
    codes: CodeRange


class RecordingEncoder(Protocol):
    """Turns a recording of at least 25 ms into the prompt of its transcription."""

    def prompt(self, recording: Recording) -> Prompt:
        """Encode it.

        Raises:
            CancelledError: A surrounding `cancellable` scope is cancelled.
        """
        ...


class TranscriptionTask(RecordingEncoder, Protocol):
    """Recordings to text."""

    @property
    def max_samples(self) -> int:
        """Longest recording one pass takes, in samples; asking loads nothing."""
        ...

    def incremental(self) -> RecordingEncoder:
        """Return an encoder for one segment that is encoded again and again while it grows."""
        ...

    def output(self, options: GenerationOptions) -> TextOutput:
        """Return what the text is made of."""
        ...


class VoiceTask(Protocol):
    """Speech in a given voice, whatever it is made from."""

    @property
    def vocoder(self) -> Vocoder:
        """Decodes semantic and speaker codes."""
        ...

    def check_voice(self, voice: Voice) -> None:
        """Check that the model knows a voice.

        Raises:
            VoiceError: It does not.
        """
        ...

    def output(self, options: GenerationOptions) -> SpeechOutput:
        """Return what the speech is made of."""
        ...


class SpeechTask(VoiceTask, Protocol):
    """Text to speech."""

    def prompt(self, text: str, voice: Voice) -> Prompt:
        """Return the prompt that the model continues with the codes of a text.

        Raises:
            InputTooLongError: More text than one pass takes.
            InputTextError: The text is not valid Unicode.
        """
        ...


class ConversionTask(VoiceTask, Protocol):
    """Speech to the same words in another voice."""

    def conversion_prompt(self, recording: Recording, voice: Voice) -> Prompt:
        """Encode the source, of at least 25 ms, and return the prompt."""
        ...


class EnrollmentTask(Protocol):
    """Recordings to speaker codes."""

    @property
    def reference_s(self) -> float:
        """Seconds of a recording that count; asking loads nothing."""
        ...

    def speaker_codes(self, recording: Recording) -> Codes:
        """Return the codes of whoever speaks."""
        ...


class CodecTask(Protocol):
    """Recordings to all codes the family has, and codes to sound."""

    def tokenize(self, recording: Recording) -> AudioTokens:
        """Return the codes of a recording of at least 25 ms."""
        ...

    def detokenize(self, semantic: Sequence[int], global_tokens: Sequence[int]) -> Waveform:
        """Return the decoder's output, as it is; errors as for `Vocoder.decode`."""
        ...
