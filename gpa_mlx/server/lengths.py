"""How long a recording may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx.audio.files.sound_file import announced_duration_s
from gpa_mlx.server.errors import ApiError

if TYPE_CHECKING:
    from gpa_mlx.server.options import Limits
    from gpa_mlx.types import AudioFile


def check_length(recording: AudioFile, limits: Limits) -> float | None:
    """Return how long a recording says that it is, in seconds; one that does not say is read as far as the limit.

    Raises:
        ApiError: It is.
    """
    announced = announced_duration_s(recording)
    if announced is not None and announced > limits.duration_s:
        raise too_long(limits)
    return announced


def too_long(limits: Limits) -> ApiError:
    """Return the error of a recording that is too long."""
    message = f"The recording is longer than the {limits.duration_s / 3600:g} hours that this server takes."
    return ApiError(413, message, code="recording_too_long", param="file")
