"""What all routes of a server share."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx.errors import VoiceError
from gpa_mlx.jobs.voice_choice import fitting_voice, fitting_voices, named_voice
from gpa_mlx.server.errors import ApiError, invalid
from gpa_mlx.voices.card import parse_card

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.server.metrics import Metrics
    from gpa_mlx.server.options import ServerOptions
    from gpa_mlx.server.work import JobRunner
    from gpa_mlx.types import Voice

ALIASES = (
    "tts-1",
    "tts-1-hd",
    "gpt-4o-mini-tts",
    "whisper-1",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    "gpt-transcribe",
)
"""Names that clients have built in; all mean the model that is served."""

_HOSTED_VOICES = frozenset(
    "alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse".split()  # noqa: SIM905
)
"""Names that clients have built in; where no voice is called so, the usual one speaks."""

_MOST_NAMED, _MOST_SHOWN = 12, 80


@dataclass(eq=False)
class ServerState:
    """What all routes share.

    Attributes:
        engine: Does the work; for several threads.
        path: Directory of the model.
        model: What clients call it.
        options: How the server is reached.
        runner: Runs jobs.
        metrics: Counts.
        voice: Name of the usual voice; None takes the first.
        started: When the server began, seconds since 1970.
        is_ready: Whether the model is loaded.
        words: All that the model can say and understand; None where it knows any, or is not loaded yet.
    """

    engine: SpeechEngine
    path: Path
    model: str
    options: ServerOptions
    runner: JobRunner
    metrics: Metrics
    voice: str | None = None
    started: float = field(default_factory=time.time)
    is_ready: bool = False
    words: tuple[str, ...] | None = None

    def check_model(self, name: str | None) -> None:
        """Refuse a model that is not served.

        Raises:
            ApiError: It is another one.
        """
        if name and name != self.model and name not in ALIASES:
            raise ApiError(
                404,
                f"This server serves '{self.model}', not '{name}'.",
                code="model_not_found",
                param="model",
            )

    def check_text(self, text: str, param: str) -> str:
        """Return a text that is not too long.

        Raises:
            ApiError: It is.
        """
        if len(text) > (limit := self.options.limits.text_chars):
            message = f"'{param}' has {len(text):,} characters; this server takes {limit:,}."
            raise ApiError(413, message, code="text_too_long", param=param)
        return text

    def find_voice(self, wanted: object) -> Voice:
        """Return the voice that a request names: a string, `{"id": NAME}`, `{"card": TEXT}`, or nothing.

        Raises:
            ApiError: None of these.
            VoiceError: There is no such voice, or the card is damaged or of another model.
        """
        if isinstance(wanted, dict):
            if isinstance(card := wanted.get("card"), str):
                return fitting_voice(parse_card(card, "the voice card"), self.path)
            wanted = wanted.get("id")
        if wanted is not None and not isinstance(wanted, str):
            raise invalid("voice", "'voice' must be a voice's name, or an object with its 'id' or with a 'card'.")
        if wanted and "\n" in wanted:
            return fitting_voice(parse_card(wanted, "the voice card"), self.path)
        if not wanted:
            return self._usual_voice()
        names = [voice.name for voice in fitting_voices(self.path)]
        if wanted in names:
            return named_voice(wanted, self.path)
        if wanted in _HOSTED_VOICES:
            return self._usual_voice()
        known = ", ".join(names[:_MOST_NAMED])
        raise ApiError(
            400,
            f"There is no voice '{wanted[:_MOST_SHOWN]}'. GET /v1/audio/voices lists them: {known}.",
            code="invalid_voice",
            param="voice",
        )

    def _usual_voice(self) -> Voice:
        if self.voice:
            return named_voice(self.voice, self.path)
        voices = fitting_voices(self.path)
        if not voices:
            raise VoiceError("There is no voice for this model.", hint="Make one: POST /v1/audio/voices.")
        return voices[0]


def state_of(connection: HTTPConnection) -> ServerState:
    """Return what the routes share."""
    return connection.app.state.server
