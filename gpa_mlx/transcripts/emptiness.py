"""What is said of a recording without any text."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpa_mlx.types import EmptyReason

EMPTY_REASONS: Mapping[EmptyReason, str] = MappingProxyType(
    {
        "silent": "it is silent, every sample is zero",
        "too_quiet": "it is too quiet, as if the microphone had been muted or far away",
        "too_short": "it is shorter than a syllable",
        "only_noise": "there are only steady sounds in it, such as noise, hum or a tone",
        "no_speech": "none of its sounds was taken for speech",
        "other_channel": "its channels cancel or were not listened to",
        "no_words": "the model found no words in it",
    }
)
"""Each a clause that follows the name of the recording."""
