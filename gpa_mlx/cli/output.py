"""Results on standard output: JSON documents."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gpa_mlx.types import Timings


def write_json(document: dict[str, Any]) -> None:
    """Write one JSON document as one line of standard output."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(document, allow_nan=False)
    click.echo(text)


def timings_document(timings: Timings) -> dict[str, float]:
    """Return the timings with the real-time factor worked out."""
    return {**asdict(timings), "processing_s": timings.processing_s, "real_time_factor": timings.real_time_factor}
