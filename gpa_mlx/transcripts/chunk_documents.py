"""The chunks of a running transcription as JSON documents, and back: how one program hands them to another."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from gpa_mlx.types import Segment, Timings, TranscriptionChunk

_CHUNK = frozenset(field.name for field in fields(TranscriptionChunk))
_SEGMENT = frozenset(field.name for field in fields(Segment))
_TIMINGS = frozenset(field.name for field in fields(Timings))


def chunk_document(chunk: TranscriptionChunk) -> dict[str, Any]:
    """Return a chunk as an object; what is not set is left out."""
    return {name: value for name, value in asdict(chunk).items() if value is not None and value is not False}


def chunk_of(document: dict[str, Any]) -> TranscriptionChunk:
    """Return the chunk of an object; what a newer program says beyond it is left out.

    Raises:
        ValueError: It is none.
    """
    try:
        known = {name: value for name, value in document.items() if name in _CHUNK}
        if "segment" in known:
            known["segment"] = Segment(**{name: known["segment"][name] for name in known["segment"].keys() & _SEGMENT})
        if "timings" in known:
            known["timings"] = Timings(**{name: known["timings"][name] for name in known["timings"].keys() & _TIMINGS})
        return TranscriptionChunk(**known)
    except (AttributeError, TypeError) as error:
        raise ValueError(f"no chunk: {document!r}") from error
