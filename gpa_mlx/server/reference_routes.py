"""Routes of the reference service, so that its clients work here: forms in, JSON or WAV files out."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from gpa_mlx.jobs.events import RecordingDone, TextChunk
from gpa_mlx.jobs.voice_choice import fitting_voices
from gpa_mlx.server.answers import SpeechDefaults, while_connected
from gpa_mlx.server.conversions import convert
from gpa_mlx.server.lengths import check_length
from gpa_mlx.server.speech import read_sampling, speak
from gpa_mlx.server.state import state_of
from gpa_mlx.server.transcriptions import last_of, transcribed
from gpa_mlx.server.uploads import form_of, recordings_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from starlette.requests import Request


async def stt(request: Request) -> Response:
    """Transcribe the recording in `file` (or `audio`): `{"text": ...}`."""
    state = state_of(request)
    async with form_of(request) as fields:
        sampling = read_sampling(fields)
        field = "file" if fields.files.get("file") else "audio"
        async with recordings_of(fields, field) as (recording, *_):
            await asyncio.to_thread(check_length, recording, state.options.limits)

            def start() -> Generator[TextChunk | RecordingDone, None, None]:
                return transcribed(state, recording, sampling, vad=True)

            async with state.runner.run(start) as work:
                transcription = await while_connected(request, last_of(work))
    return JSONResponse({"text": transcription.text})


async def tts(request: Request) -> Response:
    """Say `text` in the voice of the recording in `ref_audio`, or in that named `voice`: a WAV file."""
    return await _say(request, SpeechDefaults(format="wav", delivery="file"))


async def tts_stream(request: Request) -> Response:
    """Say `text` while it is made: raw 16-bit samples at 16 kHz."""
    return await _say(request, SpeechDefaults(format="pcm", rate_hz=16_000))


async def _say(request: Request, defaults: SpeechDefaults) -> Response:
    async with AsyncExitStack() as stack:
        fields = await stack.enter_async_context(form_of(request))
        clip = None
        if fields.files.get("ref_audio"):
            (recording,) = await stack.enter_async_context(recordings_of(fields, "ref_audio"))
            clip = Path(os.fspath(recording))
        return await speak(request, fields, "text", defaults, clip=clip, cleanup=stack.pop_all())


async def vc(request: Request) -> Response:
    """Say what the recording in `src_audio` says in the voice of that in `ref_audio`: a WAV file."""
    return await convert(
        request, SpeechDefaults(format="wav", delivery="file"), source_field="src_audio", voice_field="ref_audio"
    )


async def voices(request: Request) -> Response:
    """List the names of the voices."""
    found = await asyncio.to_thread(fitting_voices, state_of(request).path)
    return JSONResponse({"voices": [voice.name for voice in found]})
