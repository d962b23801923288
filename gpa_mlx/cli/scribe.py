"""One recording at a time: from the engine's text to the files and lines that the user wants."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import click

from gpa_mlx.cli.output import timings_document, write_json
from gpa_mlx.cli.progress import Progress, clock
from gpa_mlx.errors import GPAError
from gpa_mlx.store.text_output import write_text
from gpa_mlx.transcripts.collector import TranscriptCollector
from gpa_mlx.transcripts.subtitles import Format, Layout, render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gpa_mlx.cli.diagnostics import Diagnostics
    from gpa_mlx.cli.recordings import Source
    from gpa_mlx.engine.gpa import GPA
    from gpa_mlx.transcripts.targets import Targets
    from gpa_mlx.types import (
        FinishReason,
        GenerationOptions,
        Transcription,
        TranscriptionChunk,
        TranscriptionStream,
        VadChoice,
    )

Printed: TypeAlias = Literal["lines", "objects"] | Format | None
"""What standard output gets: the text in lines, one JSON object per recording, a file of a format, or nothing."""


@dataclass(frozen=True, slots=True)
class TranscriptWriter:
    """Transcribes one recording after the other and delivers the text.

    Attributes:
        engine: The model.
        options: Sampling.
        vad: Skip what is not speech.
        batch: Segments that are decoded at the same time.
        layout: How srt and vtt look.
        printed: What standard output gets.
        diagnostics: Hears what was done and what was not.
        named: Begin the text of each recording with its name.
    """

    engine: GPA
    options: GenerationOptions
    vad: VadChoice
    batch: int
    layout: Layout
    printed: Printed
    diagnostics: Diagnostics
    named: bool

    def transcribe(self, source: Source, file: Path, targets: Targets) -> FinishReason | None:
        """Transcribe a recording and deliver its text.

        Args:
            source: The recording, for messages and results.
            file: Where it can be read.
            targets: What to write besides what is printed.

        Returns:
            How it ended.

        Raises:
            KeyboardInterrupt: After the text so far has been delivered.
            GPAError: The recording cannot be used, or the text not be written.
        """
        prefix = f"{click.format_filename(source.name)}: " if self.named else ""
        if self.printed == "lines" and sys.stdout.isatty():
            return _show(self._stream(file), prefix)
        with self.diagnostics.working(f"transcribing {source.label}") as show:
            result = self._follow(source, file, show)
        if result.finish_reason == "cancelled":
            self._keep(source, result, targets, prefix)
            raise KeyboardInterrupt
        self._deliver(source, result, targets, prefix)
        if targets:
            timings = result.timings
            self.diagnostics.inform(
                f"{_listed(targets)}: {clock(timings.audio_s)} of audio in {timings.processing_s:.2f} s "
                f"(RTF {timings.real_time_factor:.2f})"
            )
        return result.finish_reason

    def _stream(self, file: Path) -> TranscriptionStream:
        return self.engine.stream_transcribe(file, options=self.options, vad=self.vad, batch=self.batch)

    def _follow(self, source: Source, file: Path, show: Callable[[str], None]) -> Transcription:
        """Fold the stream and show how far it is; an interrupt ends it with what is there."""
        from gpa_mlx.audio.files.sound_file import announced_duration_s

        progress = Progress(show, f"transcribing {source.label}", announced_duration_s(file))
        gathered = TranscriptCollector()
        try:
            for chunk in self._stream(file):
                gathered.take(chunk)
                progress.reach(gathered.position_s)
        except KeyboardInterrupt:
            gathered.finish_reason = "cancelled"
        return gathered.result()

    def _keep(self, source: Source, result: Transcription, targets: Targets, prefix: str) -> None:
        """Deliver what there is of an interrupted recording and say where it ends."""
        if not result.segments:
            if targets:
                self.diagnostics.note(f"stopped at the beginning of {source.label}; nothing of it is written.")
            return
        try:
            self._deliver(source, result, targets, prefix)
        except GPAError as error:
            self.diagnostics.report(error)
        else:
            place = f" in {_listed(targets)}" if targets else ""
            end = clock(result.segments[-1].end_s)
            self.diagnostics.note(f"stopped in {source.label} at {end}, where the text{place} ends.")

    def _deliver(self, source: Source, result: Transcription, targets: Targets, prefix: str) -> None:
        for kind, path in targets.items():
            write_text(path, render(kind, result.segments, self.layout))
        if self.printed == "lines":
            click.echo(prefix + result.text)
        elif self.printed == "objects":
            write_json(_document(source, result))
        elif self.printed is not None:
            # As bytes: what reads it expects UTF-8, whatever the terminal's alphabet.
            click.echo(render(self.printed, result.segments, self.layout).encode(), nl=False)


def _show(chunks: Iterator[TranscriptionChunk], prefix: str) -> FinishReason | None:
    """Write the text to the terminal as it comes, one line per segment; one that is heard again has a second line."""
    line_open = False
    reason: FinishReason | None = None
    try:
        for chunk in chunks:
            reason = chunk.finish_reason
            if chunk.restarts and line_open:
                click.echo(" ...")
                line_open = False
            if chunk.text:
                click.echo(prefix + chunk.text, nl=False)
                prefix, line_open = "", True
            if chunk.segment is not None and line_open:
                click.echo()
                line_open = False
    finally:
        if line_open:
            click.echo()
    return reason


def _listed(targets: Targets) -> str:
    return ", ".join(map(str, targets.values()))


def _document(source: Source, result: Transcription) -> dict[str, Any]:
    return {
        "file": source.name,
        "text": result.text,
        "segments": [
            {
                "start": segment.start_s,
                "end": segment.end_s,
                "text": segment.text,
                "confidence": segment.confidence,
                "doubtful": segment.doubtful,
            }
            for segment in result.segments
        ],
        "finish_reason": result.finish_reason,
        "timings": timings_document(result.timings),
    }
