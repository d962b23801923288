"""Dictation: what is said into a microphone becomes text, and is never lost on the way.

Three threads work together. The recorder takes the microphone's blocks, puts each one on disk and only then hands it
on. The engine's thread (`EngineThread`) transcribes them while they come. The transcript thread takes what the engine
yields, and finishes each utterance in the history. Events notify the front end.
"""

from __future__ import annotations

from gpa_mlx.dictation.events import (
    Cancelled,
    Event,
    Failed,
    Finished,
    Level,
    Listening,
    NoInput,
    Notice,
    Partial,
    Paused,
    Stopped,
)
from gpa_mlx.dictation.options import DictationOptions, Mode
from gpa_mlx.dictation.service import Dictation, recognise_again

__all__ = [
    "Cancelled",
    "Dictation",
    "DictationOptions",
    "Event",
    "Failed",
    "Finished",
    "Level",
    "Listening",
    "Mode",
    "NoInput",
    "Notice",
    "Partial",
    "Paused",
    "Stopped",
    "recognise_again",
]
