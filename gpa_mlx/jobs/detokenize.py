"""Discrete audio tokens to a tagged WAV file."""

from __future__ import annotations

import hashlib
import json
import reprlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from gpa_mlx.errors import GPAError
from gpa_mlx.jobs.audio_output import AudioTarget, write_tagged
from gpa_mlx.jobs.events import AudioChunk, Finished, ReplacesFile, StepStarted, Written
from gpa_mlx.provenance.metadata import GenerationMetadata, VoiceIdentity
from gpa_mlx.provenance.tagging import identify_codes, identify_model
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Generator

    from gpa_mlx.protocols import SpeechEngine

DetokenizeEvent: TypeAlias = StepStarted | AudioChunk | ReplacesFile | Written | Finished

_HINT = "Give what `gpa-mlx tokenize --json` writes: an object with the lists `semantic` and `global`."


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechTokens:
    """What the codec's decoder needs.

    Attributes:
        semantic: Codes of the sound, 50 a second.
        global_tokens: Codes of the speaker.
        sha256: Of the document they were read from.
    """

    semantic: tuple[int, ...]
    global_tokens: tuple[int, ...]
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DetokenizeRequest:
    """What is to be decoded, and where it goes.

    Attributes:
        tokens: See `parse_tokens`.
        output: The file; None: only the events have the audio.
    """

    tokens: SpeechTokens
    output: AudioTarget | None = None


class DetokenizeJob:
    """Tokens on their way to sound; the decoder's output is written as it is.

    Args:
        engine: Decodes.
        request: What is to be decoded.

    Attributes:
        duration_s: Seconds of audio that were decoded; 0 before.

    Raises:
        SettingsError: The output makes no sense.
        AudioFileError: Nothing can be written there.
    """

    def __init__(self, engine: SpeechEngine, request: DetokenizeRequest) -> None:
        if request.output is not None:
            request.output.check()
        self.request = request
        self._engine = engine
        self._weights = identify_model(engine.path)
        self.duration_s = 0.0

    def run(self) -> Generator[DetokenizeEvent, None, None]:
        """Decode and write.

        Raises:
            GPAError: The tokens are not the model's, or the file cannot be written.
        """
        tokens, output = self.request.tokens, self.request.output
        yield StepStarted(step="decoding")
        audio = self._engine.detokenize(tokens.semantic, tokens.global_tokens)
        self.duration_s = len(audio) / SAMPLE_RATE_HZ
        yield AudioChunk(audio=audio)
        if output is not None:
            metadata = GenerationMetadata(
                task="detokenize",
                model=self._weights,
                voice=VoiceIdentity(name=None, sha256=identify_codes(tokens.global_tokens)),
                source_sha256=tokens.sha256,
                options={},
            )
            if output.replaces_foreign:
                yield ReplacesFile(path=output.path)
            write_tagged(output, audio, metadata)
            yield Written(path=output.path)
        yield Finished()


def parse_tokens(content: bytes, name: str) -> SpeechTokens:
    """Read the codes from a JSON document.

    Args:
        content: The document, UTF-8.
        name: Where it came from, for error messages.

    Raises:
        GPAError: Not JSON, no object, or a list is missing, empty or not made of codes.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise GPAError(f"{name} is not valid JSON: {error}.", hint=_HINT) from error
    if not isinstance(document, dict):
        raise GPAError(f"{name} holds no JSON object.", hint=_HINT)
    return SpeechTokens(
        semantic=_codes(document, "semantic", name),
        global_tokens=_codes(document, "global", name),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _codes(document: dict[str, object], key: str, name: str) -> tuple[int, ...]:
    codes = document.get(key)
    if not isinstance(codes, list) or not codes:
        problem = "is missing" if key not in document else "must be a list of at least one code"
        raise GPAError(f"{name}: '{key}' {problem}.", hint=_HINT)
    for position, code in enumerate(codes):
        if type(code) is not int or code < 0:
            raise GPAError(
                f"{name}: '{key}'[{position}] is {reprlib.repr(code)}, not a code (an integer from 0 up).", hint=_HINT
            )
    return tuple(codes)
