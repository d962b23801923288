"""Results on standard output: lines for people, and JSON documents."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from gpa_mlx.text.printable import printable, to_json

if TYPE_CHECKING:
    from gpa_mlx.types import Timings


def say(text: str, *, newline: bool = True, err: bool = False) -> None:
    """Write a line for people, with what their terminal would obey spelled out; with `err` on standard error."""
    click.echo(printable(text), nl=newline, err=err)


def write_json(document: dict[str, Any]) -> None:
    """Write one JSON document as one line of standard output."""
    text = to_json(document)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(document, allow_nan=False)
    click.echo(text)


def timings_document(timings: Timings) -> dict[str, float]:
    """Return the timings with the real-time factor worked out."""
    return {**asdict(timings), "processing_s": timings.processing_s, "real_time_factor": timings.real_time_factor}
