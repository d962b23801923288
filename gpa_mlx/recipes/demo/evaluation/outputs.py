"""Outputs of a model that may have said nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx.errors import NoSpeechError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpa_mlx.types import Speech, Waveform


def speech_or_none(make: Callable[[], Speech]) -> Waveform | None:
    """Return what was said; None where the model ended without a single code."""
    try:
        return make().audio
    except NoSpeechError:
        return None
