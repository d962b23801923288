"""Voices: which there are, new ones from recordings, and their removal. They are those of the user's library."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from gpa_mlx.jobs.enroll import EnrollJob, EnrollRequest, keep_voice
from gpa_mlx.jobs.voice_choice import fitting_voices, free_name, named_voice, refuse_built_in_name
from gpa_mlx.server.answers import while_connected
from gpa_mlx.server.errors import ApiError, invalid
from gpa_mlx.server.lengths import check_length
from gpa_mlx.server.state import state_of
from gpa_mlx.server.uploads import form_of, recordings_of
from gpa_mlx.voices.card import format_card
from gpa_mlx.voices.coaching import advise, likeness, verdict
from gpa_mlx.voices.consent import CONSENT, CONSENT_QUESTION
from gpa_mlx.voices.library import VoiceLibrary

if TYPE_CHECKING:
    from starlette.requests import Request

    from gpa_mlx.jobs.enroll import Enrollment
    from gpa_mlx.types import Voice

CONSENT_ANSWER = "i_have_the_right"
"""What a request for a new voice must say in `consent`."""

_MOST_SAMPLES = 10


async def list_voices(request: Request) -> Response:
    """List the voices of the model: as OpenAI lists things, and under `voices` where other clients look."""
    voices = await asyncio.to_thread(fitting_voices, state_of(request).path)
    listed = [_listed(voice) for voice in voices]
    return JSONResponse({"object": "list", "data": listed, "voices": listed})


async def create_voice(request: Request) -> Response:
    """Make a voice from recordings of one speaker, and keep it."""
    state = state_of(request)
    async with form_of(request) as fields:
        name = fields.required_text("name")
        description = fields.text("description", "") or ""
        if fields.raw("consent") != CONSENT_ANSWER:
            message = f"{CONSENT_QUESTION} Say so: send 'consent={CONSENT_ANSWER}'."
            raise ApiError(400, message, code="consent_required", param="consent")
        field = "audio_sample" if fields.files.get("audio_sample") else "file"
        if len(fields.files.get(field, [])) > _MOST_SAMPLES:
            raise invalid(field, f"At most {_MOST_SAMPLES} recordings make a voice.")
        keeps = fields.switch("keep", default=True)
        async with recordings_of(fields, field) as recordings:
            for recording in recordings:
                await asyncio.to_thread(check_length, recording, state.options.limits)

            def make() -> dict[str, Any]:
                if keeps:
                    free_name(VoiceLibrary(), name)
                enroll = EnrollRequest(recordings=recordings, name=name, consent=CONSENT, description=description)
                job = EnrollJob(state.engine, enroll)
                with closing(job.run()) as events:
                    for _ in events:
                        pass
                assert job.result is not None
                if keeps:
                    keep_voice(job.result.voice, name, CONSENT)
                return _made(job.result, state.engine.reference_s)

            made = await while_connected(request, state.runner.ask(make))
    return JSONResponse(made)


async def delete_voice(request: Request) -> Response:
    """Remove a voice of the user's library."""
    name = request.path_params["id"]

    def remove() -> str:
        library = VoiceLibrary()
        if library.find(name) is None:
            refuse_built_in_name(name)
        return library.remove(name)

    removed = await asyncio.to_thread(remove)
    return JSONResponse({"id": removed, "object": "audio.voice.deleted", "deleted": True})


async def get_voice_card(request: Request) -> Response:
    """Return a voice as text: it can be sent back as `{"card": TEXT}`, to this server or another."""
    voice = await asyncio.to_thread(named_voice, request.path_params["id"], state_of(request).path)
    return PlainTextResponse(format_card(voice))


def _listed(voice: Voice) -> dict[str, Any]:
    return {
        "id": voice.name,
        "object": "audio.voice",
        "name": voice.name,
        "description": voice.description,
        "is_own": voice.origin is not None,
    }


def _made(made: Enrollment, wanted_s: float) -> dict[str, Any]:
    """Return OpenAI's object for a voice, with what the coach says of it."""
    voice = made.voice
    window, quality = made.window, made.window.quality
    similarity = None if made.probe is None else made.probe.similarity
    advice = advise(quality, window.end_s - window.start_s, wanted_s)
    return {
        **_listed(voice),
        "created_at": int(time.time()),
        "type": "audio_sample",
        "start": round(window.start_s, 2),
        "end": round(window.end_s, 2),
        "quality": round(quality.total, 2),
        "verdict": verdict(quality.total),
        "advice": [{"topic": one.topic, "grade": one.grade, "words": one.words} for one in advice],
        "warnings": list(made.warnings),
        "similarity": None if similarity is None else round(similarity.levels, 3),
        "likeness": None if similarity is None else likeness(similarity.levels),
        "card": format_card(voice),
    }
