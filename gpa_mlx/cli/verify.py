"""`gpa-mlx verify`: what a sound file is, and whether it was altered since this program wrote it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpa_mlx.cli.diagnostics import ExitCode
from gpa_mlx.cli.options import InputFile, json_option
from gpa_mlx.cli.output import say, write_json
from gpa_mlx.text.printable import printable_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpa_mlx.provenance.metadata import Provenance
    from gpa_mlx.provenance.verification import VerificationResult

_SHOWN_DIGITS = 16


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=InputFile())
@json_option
@click.pass_context
def verify(context: click.Context, *, files: tuple[Path, ...], as_json: bool) -> None:
    """Tell what a sound file is and whether it was altered.

    FILE is compared with the tag that gpa-mlx leaves inside the files it writes and with the record beside them,
    FILE.json. The answer is one of: intact, sound altered, metadata altered, sidecar missing (the record is gone),
    re-saved (by another program, with the same sound), not by gpa-mlx, unreadable.

    The exit code is 0 when every FILE is intact, and 1 otherwise. Nothing is signed: this finds accidents and careless
    changes, not somebody who forges tag and record. --json gives one object per FILE.
    """
    from gpa_mlx.provenance.verification import verify_file

    if Path("-") in files:
        raise click.UsageError("Standard input has no record beside it: give the name of a file.", context)
    all_intact = True
    for file in files:
        result = verify_file(file)
        all_intact = all_intact and result.is_intact
        if as_json:
            write_json(_document(result))
        else:
            say(printable_line(f"{file}: {result.state}: {result.message}"))
            for name, value in _facts(result.provenance):
                say(printable_line(f"  {name:<8} {value}"))
    if not all_intact:
        context.exit(ExitCode.FAILED)


def _document(result: VerificationResult) -> dict[str, Any]:
    return {
        "file": str(result.file),
        "state": result.state,
        "intact": result.is_intact,
        "message": result.message,
        "mark": result.comment,
        "record": None if result.provenance is None else _record_document(result.provenance),
    }


def _record_document(record: Provenance) -> dict[str, Any]:
    return {
        "version": record.version,
        "created": record.created,
        "making": asdict(record.metadata),
        "sound": asdict(record.sound),
    }


def _facts(record: Provenance | None) -> Iterator[tuple[str, str]]:
    """Yield what people want to know of a record; `--json` has all of it."""
    if record is None:
        return
    metadata, sound = record.metadata, record.sound
    yield "made", f"{record.created} by gpa-mlx {record.version}, {metadata.task}"
    adapter = f", adapter {_short(metadata.model.adapter_sha256)}" if metadata.model.adapter_sha256 else ""
    yield "model", f"{metadata.model.name} ({metadata.model.family}), {_short(metadata.model.sha256)}{adapter}"
    yield "voice", f"{metadata.voice.name or 'codes'}, {_short(metadata.voice.sha256)}"
    if metadata.text_digest:
        yield "text", _short(metadata.text_digest, "sha256" if record.format_version == 1 else "pbkdf2")
    if metadata.source_sha256:
        yield "source", _short(metadata.source_sha256)
    if metadata.seed is not None:
        yield "seed", str(metadata.seed)
    heard = [score for score in metadata.scores or () if score is not None]
    if heard:
        parts = "1 part" if len(heard) == 1 else f"the worst of {len(heard)} parts"
        yield "heard", f"{max(heard):.1%} of the characters wrong in {parts}"
    yield "sound", f"{sound.frames / (sound.sample_rate or 1):.2f} s, {sound.subtype}, {_short(sound.sha256)}"


def _short(digest: str, kind: str = "sha256") -> str:
    return f"{kind} {digest[:_SHOWN_DIGITS]}..."
