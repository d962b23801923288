"""Which of several audio tracks is meant: the default one, unless only others have speech."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.audio.dsp.resample import StreamResampler
from gpa_mlx.audio.files.ffmpeg import DecoderError, FfmpegDecoder
from gpa_mlx.audio.vad.energy_gate import EnergyGate

if TYPE_CHECKING:
    from gpa_mlx.audio.files.ffmpeg import MediaFile
    from gpa_mlx.audio.files.media_tracks import Media, Track

_MIN_SPEECH_S = 0.3
_FRAME_SAMPLES = 320
_FRAMES_PER_S = 50
_MOST_TRACKS = 16


def choose_track(file: MediaFile, media: Media) -> tuple[Track, bool | None]:
    """Choose a track.

    Each is read only until there is speech in it, so the usual file costs a second of sound.

    Args:
        file: Where they are.
        media: At least one track.

    Returns:
        The track, and why: None for the one that is preferred anyway, True for one that is the first with speech, False
        for the preferred one when no track has any.
    """
    wanted = media.by_preference()
    for number, track in enumerate(wanted[:_MOST_TRACKS]):
        try:
            decoder = FfmpegDecoder(file, track, media)
        except DecoderError:
            continue
        try:
            if _has_speech(decoder):
                return track, True if number else None
        finally:
            decoder.close()
    return wanted[0], False


def _has_speech(decoder: FfmpegDecoder) -> bool:
    gate, resampler = EnergyGate(), StreamResampler(decoder.rate_hz)
    rest = np.zeros(0)
    speech = 0
    for block in decoder.blocks():
        rest = np.concatenate([rest, resampler.push(np.ascontiguousarray(block.mean(axis=1)))])
        whole = len(rest) // _FRAME_SAMPLES
        speech += int(gate.push(rest[: whole * _FRAME_SAMPLES].reshape(whole, _FRAME_SAMPLES)).sum())
        rest = rest[whole * _FRAME_SAMPLES :]
        if speech >= _MIN_SPEECH_S * _FRAMES_PER_S:
            return True
    return speech + int(gate.flush().sum()) >= _MIN_SPEECH_S * _FRAMES_PER_S
