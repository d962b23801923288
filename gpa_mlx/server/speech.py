"""`/v1/audio/speech`, as OpenAI's: a text becomes speech, while it is made."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx.audio.dsp.time_stretch import LEAST_SPEED, MOST_SPEED
from gpa_mlx.jobs.speak import SpeakJob, SpeakRequest
from gpa_mlx.server.answers import SpeechDefaults, answer_speech, read_shape
from gpa_mlx.server.errors import unsupported
from gpa_mlx.server.fields import Fields, read_json
from gpa_mlx.server.headers import header_text, ignored_header
from gpa_mlx.server.state import state_of
from gpa_mlx.synthesis.plan import SynthesisSettings

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from gpa_mlx.jobs.audio_output import AudioTarget
    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.types import GenerationOptions, Task

_MOST_RETRIES = 10
_IGNORED = ("instructions",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """What a request says of sampling; None keeps the model's own.

    Attributes:
        temperature: 0 is greedy.
        top_k: Of how many codes one is drawn.
        top_p: Of which share of the probability.
        repetition_penalty: Above 1, codes that were said become less likely.
        seed: What repeats the result.
    """

    temperature: float | None
    top_k: int | None
    top_p: float | None
    repetition_penalty: float | None
    seed: int | None

    def options(self, engine: SpeechEngine, task: Task) -> GenerationOptions:
        """Return the engine's options with these."""
        options = engine.default_options(task)
        given = {
            "temperature": self.temperature,
            "top_k": self.top_k,
            "top_p": self.top_p,
            "repetition_penalty": self.repetition_penalty,
            "seed": self.seed,
        }
        return replace(options, **{name: value for name, value in given.items() if value is not None})


def read_sampling(fields: Fields) -> Sampling:
    """Read what a request says of sampling."""
    return Sampling(
        temperature=fields.number("temperature", None, 0, 2),
        top_k=fields.integer("top_k", None, 1, 100_000),
        top_p=fields.number("top_p", None, 1e-6, 1),
        repetition_penalty=fields.number("repetition_penalty", None, 0.01, 10),
        seed=fields.integer("seed", None, 0, 2**63 - 1),
    )


async def create_speech(request: Request) -> Response:
    """Say a text."""
    return await speak(request, await read_json(request), "input", SpeechDefaults(format="mp3"))


async def speak(
    request: Request,
    fields: Fields,
    text_field: str,
    defaults: SpeechDefaults,
    *,
    clip: Path | None = None,
    cleanup: AsyncExitStack | None = None,
) -> Response:
    """Say the text of a request.

    Args:
        request: The request.
        fields: Its fields.
        text_field: Which of them has the text.
        defaults: How the speech is sent.
        clip: A recording of who speaks, in the place of the field `voice`.
        cleanup: What is to be done in the end; this function sees to it.
    """
    async with AsyncExitStack() as stack:
        if cleanup is not None:
            stack.push_async_callback(cleanup.aclose)
        return await _speak(request, fields, text_field, defaults, clip, stack)


async def _speak(
    request: Request,
    fields: Fields,
    text_field: str,
    defaults: SpeechDefaults,
    clip: Path | None,
    stack: AsyncExitStack,
) -> Response:
    state = state_of(request)
    state.check_model(fields.text("model"))
    text = state.check_text(fields.required_text(text_field), text_field)
    shape = read_shape(fields, defaults)
    speed = fields.number("speed", 1.0, 0.25, 4)
    assert speed is not None
    if not LEAST_SPEED <= speed <= MOST_SPEED:
        raise unsupported("speed", f"'speed' goes from {LEAST_SPEED:g} to {MOST_SPEED:g} here.")
    sampling = read_sampling(fields)
    retries = fields.integer("retries", 2, 0, _MOST_RETRIES)
    assert retries is not None
    settings = SynthesisSettings(
        normalize=fields.switch("normalize", default=True),
        verify=(verify := fields.switch("verify")),
        retries=retries,
        live=not verify and shape.delivery != "file",
    )
    wanted = fields.raw("voice")
    voice = clip or await asyncio.to_thread(state.find_voice, wanted)
    ignored = [name for name in _IGNORED if fields.raw(name)] + list(fields.unused)

    def plan(target: AudioTarget | None) -> SpeakJob:
        return SpeakJob(
            state.engine,
            SpeakRequest(
                text=text,
                voice=voice,
                options=sampling.options(state.engine, "speak"),
                settings=settings,
                output=target,
                speed=speed,
            ),
        )

    headers = {} if isinstance(voice, Path) else {"X-Voice": header_text(voice.name)}
    headers |= ignored_header(ignored)
    return await answer_speech(
        request,
        state,
        plan,
        shape,
        task="speak",
        headers=headers,
        text_chars=len(text),
        cleanup=stack.pop_all(),
    )
