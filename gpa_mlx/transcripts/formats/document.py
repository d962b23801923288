"""A transcript as a JSON document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpa_mlx.text.joining import join_segments
from gpa_mlx.text.printable import to_json
from gpa_mlx.transcripts.cues import encodable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpa_mlx.transcripts.cues import Layout
    from gpa_mlx.types import EmptyReason, Segment


def json_document(segments: Sequence[Segment], layout: Layout | None, empty_reason: EmptyReason | None = None) -> str:
    """Return the text, and the segments as they are: times in seconds, confidences, what is doubtful."""
    document: dict[str, Any] = {
        "text": encodable(join_segments(segment.text for segment in segments)),
        "segments": [
            {
                "start": segment.start_s,
                "end": segment.end_s,
                "text": encodable(segment.text),
                "confidence": segment.confidence,
                "doubtful": segment.doubtful,
            }
            | ({} if segment.channel is None else {"channel": segment.channel})
            for segment in segments
        ],
    }
    if empty_reason is not None:
        document["empty_reason"] = empty_reason
    return to_json(document, indent=2) + "\n"
