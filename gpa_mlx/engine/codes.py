"""Voices from recordings, and recordings as codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.audio.files.reader import load_recording
from gpa_mlx.audio.recording import require_min_length
from gpa_mlx.engine.synthesizer import MAX_PASS_S
from gpa_mlx.errors import VoiceError
from gpa_mlx.types import Voice

if TYPE_CHECKING:
    from gpa_mlx.model.tasks import CodecTask, EnrollmentTask
    from gpa_mlx.types import AudioLike, AudioTokens, ChannelChoice

MAX_REFERENCE_S = 600.0
"""Longest recording a voice is made from: loudness is measured over all of it."""

MIN_VOICE_S = 0.5
"""Shortest recording a voice is made from."""


def enroll_voice(task: EnrollmentTask, audio: AudioLike, name: str, *, channels: ChannelChoice = "speech") -> Voice:
    """Make a voice; arguments and errors as for `GPA.make_voice`."""
    recording = load_recording(audio, max_duration_s=MAX_REFERENCE_S, channels=channels)
    hint = f"Use {task.reference_s:g} s of clean speech."
    if recording.duration_s < MIN_VOICE_S:
        raise VoiceError(
            f"The recording for the voice is {recording.duration_s:.2f} s long; it takes at least {MIN_VOICE_S} s.",
            hint=hint,
        )
    if not np.any(recording.first_channel):
        raise VoiceError("The recording for the voice is silent.", hint=hint)
    return Voice(name=name, global_tokens=tuple(int(code) for code in task.speaker_codes(recording)))


def tokenize(task: CodecTask, audio: AudioLike) -> AudioTokens:
    """Return all codes of a recording; errors as for `GPA.tokenize`."""
    recording = load_recording(audio, max_duration_s=MAX_PASS_S)
    require_min_length(recording, "The recording")
    return task.tokenize(recording)
