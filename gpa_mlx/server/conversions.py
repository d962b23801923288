"""`/v1/audio/conversions`: what a recording says, said in another voice."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx.jobs.convert import ConvertJob, ConvertRequest
from gpa_mlx.server.answers import SpeechDefaults, answer_speech, read_shape
from gpa_mlx.server.headers import header_text, ignored_header
from gpa_mlx.server.lengths import check_length
from gpa_mlx.server.speech import read_sampling
from gpa_mlx.server.state import state_of
from gpa_mlx.server.uploads import form_of, recordings_of
from gpa_mlx.synthesis.conversion import ConversionSettings

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from gpa_mlx.jobs.audio_output import AudioTarget
    from gpa_mlx.types import Voice


async def create_conversion(request: Request) -> Response:
    """Convert an uploaded recording to a voice."""
    return await convert(request, SpeechDefaults(format="wav"), source_field="file")


async def convert(
    request: Request, defaults: SpeechDefaults, *, source_field: str, voice_field: str | None = None
) -> Response:
    """Convert the recording of a form.

    Args:
        request: The request.
        defaults: How the speech is sent.
        source_field: Where the recording is.
        voice_field: Where a recording of the target voice is; None: the field `voice` names one.
    """
    state = state_of(request)
    async with AsyncExitStack() as stack:
        fields = await stack.enter_async_context(form_of(request))
        state.check_model(fields.text("model"))
        shape = read_shape(fields, defaults)
        sampling = read_sampling(fields)
        settings = ConversionSettings(
            verify=(verify := fields.switch("verify")), live=not verify and shape.delivery != "file"
        )
        names = (source_field,) if voice_field is None else (source_field, voice_field)
        source, *others = await stack.enter_async_context(recordings_of(fields, *names))
        await asyncio.to_thread(check_length, source, state.options.limits)
        voice: Voice | Path
        if voice_field is None:
            voice = await asyncio.to_thread(state.find_voice, fields.raw("voice"))
            headers = {"X-Voice": header_text(voice.name)}
        else:
            voice, headers = Path(os.fspath(others[0])), {}

        def plan(target: AudioTarget | None) -> ConvertJob:
            return ConvertJob(
                state.engine,
                ConvertRequest(
                    source=source,
                    voice=voice,
                    options=sampling.options(state.engine, "vc"),
                    settings=settings,
                    output=target,
                ),
            )

        headers |= ignored_header(fields.unused)
        cleanup = stack.pop_all()
    return await answer_speech(request, state, plan, shape, task="vc", headers=headers, cleanup=cleanup)
