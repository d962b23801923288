"""gpa-mlx: one local model that listens, speaks and changes voices, on Apple MLX.

    import gpa_mlx

    gpa = gpa_mlx.load("path/to/converted-model")
    print(gpa.transcribe("memo.wav").text)

Public names are resolved on first use (PEP 562), so that importing the package costs nothing: `gpa-mlx --help` must
not wait for MLX.
"""

from __future__ import annotations

from gpa_mlx.version import __version__

TYPE_CHECKING = False  # importing `typing` for it would take longer than all else here
if TYPE_CHECKING:
    from typing import Any

    from gpa_mlx.engine.gpa import GPA, load
    from gpa_mlx.engine.shared import SharedEngine, load_shared
    from gpa_mlx.errors import GPAError
    from gpa_mlx.types import (
        AudioTokens,
        GenerationOptions,
        LiveChunk,
        Segment,
        Speech,
        SpeechChunk,
        Timings,
        Transcription,
        TranscriptionChunk,
        Voice,
    )


_HOMES = {
    "GPA": "gpa_mlx.engine.gpa",
    "load": "gpa_mlx.engine.gpa",
    "GPAError": "gpa_mlx.errors",
    "SharedEngine": "gpa_mlx.engine.shared",
    "load_shared": "gpa_mlx.engine.shared",
    "Voice": "gpa_mlx.types",
    "AudioTokens": "gpa_mlx.types",
    "GenerationOptions": "gpa_mlx.types",
    "LiveChunk": "gpa_mlx.types",
    "Segment": "gpa_mlx.types",
    "Speech": "gpa_mlx.types",
    "SpeechChunk": "gpa_mlx.types",
    "Timings": "gpa_mlx.types",
    "Transcription": "gpa_mlx.types",
    "TranscriptionChunk": "gpa_mlx.types",
}

__all__ = [
    "GPA",
    "AudioTokens",
    "GPAError",
    "GenerationOptions",
    "LiveChunk",
    "Segment",
    "SharedEngine",
    "Speech",
    "SpeechChunk",
    "Timings",
    "Transcription",
    "TranscriptionChunk",
    "Voice",
    "__version__",
    "load",
    "load_shared",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _HOMES:
        raise AttributeError(f"module 'gpa_mlx' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
