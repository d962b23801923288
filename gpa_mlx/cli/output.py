"""Results: JSON and text on standard output, WAV files where the user wants them."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.cli.diagnostics import Diagnostics
    from gpa_mlx.types import Speech, Timings


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


def deliver_speech(speech: Speech, output: Path, *, subtype: str, as_json: bool, diagnostics: Diagnostics) -> None:
    """Write generated speech to its file and say so."""
    from gpa_mlx.audio.io import write_wav

    write_wav(output, speech.audio, speech.sample_rate, subtype=subtype)
    duration_s = len(speech.audio) / speech.sample_rate
    timings = speech.timings
    diagnostics.inform(
        f"{output}: {duration_s:.2f} s of speech in {timings.processing_s:.2f} s (RTF {timings.real_time_factor:.2f})"
    )
    if speech.finish_reason == "length":
        diagnostics.note(
            f"the speech is cut: the model had not ended after {timings.generated_tokens} tokens; raise --max-tokens."
        )
    if as_json:
        write_json(
            {
                "file": str(output),
                "duration_s": duration_s,
                "sample_rate": speech.sample_rate,
                "finish_reason": speech.finish_reason,
                "seed": speech.seed,
                "codes": len(speech.codes),
                "timings": timings_document(timings),
            }
        )
