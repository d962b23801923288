"""Transcripts on standard output, and what is said of them on standard error."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import click

from gpa_mlx.cli.diagnostics import ExitCode
from gpa_mlx.cli.output import say, timings_document, write_json
from gpa_mlx.cli.progress import Progress
from gpa_mlx.jobs.events import RecordingDone, RecordingFailed, RecordingStarted, TextChunk
from gpa_mlx.jobs.recordings import printable
from gpa_mlx.text.quantities import readable_duration
from gpa_mlx.transcripts.formats import Format, render

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gpa_mlx.cli.diagnostics import Diagnostics
    from gpa_mlx.jobs.recordings import RecordingInput
    from gpa_mlx.jobs.transcribe import RecordingTask, TranscribeEvent
    from gpa_mlx.transcripts.cues import Layout
    from gpa_mlx.types import FinishReason, Transcription

Printed: TypeAlias = Literal["lines", "objects"] | Format | None
"""What standard output gets: the text in lines, one JSON object per recording, a file of a format, or nothing."""


class TranscriptPrinter(Protocol):
    """Shows what a `TranscribeJob` does."""

    failure: ExitCode

    def show(self, event: TranscribeEvent) -> None:
        """Show what has happened."""
        ...

    def stop(self, task: RecordingTask) -> None:
        """Show what there is of the recording in which the job was stopped."""
        ...

    def close(self) -> None:
        """End what is being shown."""
        ...


class LivePrinter:
    """The text on a terminal as it comes, one line per segment; one that is decoded again has a second line.

    Attributes:
        failure: The exit code of the first recording that failed.

    Args:
        diagnostics: Standard error.
        named: Begin the text of each recording with its name.
    """

    def __init__(self, diagnostics: Diagnostics, *, named: bool) -> None:
        self._diagnostics = diagnostics
        self._named = named
        self._prefix = ""
        self._line_open = False
        self.failure = ExitCode.OK

    def show(self, event: TranscribeEvent) -> None:
        """Show what has happened."""
        match event:
            case RecordingStarted(recording=recording):
                self._prefix = _prefix(recording) if self._named else ""
            case TextChunk(chunk=chunk):
                if chunk.restarts and self._line_open:
                    say(" ...")
                    self._line_open = False
                if chunk.text:
                    say(self._prefix + chunk.text, newline=False)
                    self._prefix, self._line_open = "", True
                if chunk.segment is not None:
                    self.close()
            case RecordingDone():
                self.close()
                _explain(event.transcription.finish_reason, event.recording, self._diagnostics)
            case RecordingFailed():
                self.close()
                code = self._diagnostics.report(event.error)
                self.failure = self.failure or code

    def stop(self, task: RecordingTask) -> None:
        """Show nothing: what there is has been shown."""

    def close(self) -> None:
        """End the line."""
        if self._line_open:
            click.echo()
            self._line_open = False


class WholePrinter:
    """Each recording when it is done; a terminal on standard error sees how far it is.

    Attributes:
        failure: The exit code of the first recording that failed.

    Args:
        printed: What standard output gets.
        layout: Of subtitles.
        diagnostics: Standard error.
        named: Begin lines of text with the recording's name.
    """

    def __init__(self, printed: Printed, layout: Layout, diagnostics: Diagnostics, *, named: bool) -> None:
        self._printed = printed
        self._layout = layout
        self._diagnostics = diagnostics
        self._named = named
        self._sign = ExitStack()
        self._progress: Progress | None = None
        self.failure = ExitCode.OK

    def show(self, event: TranscribeEvent) -> None:
        """Show what has happened."""
        match event:
            case RecordingStarted(recording=recording, duration_s=duration_s):
                title = f"transcribing {recording.label}"
                self._progress = Progress(self._sign.enter_context(self._diagnostics.working(title)), title, duration_s)
            case TextChunk(position_s=position_s):
                if self._progress is not None:
                    self._progress.reach(position_s)
            case RecordingDone():
                self.close()
                self._deliver(event.recording, event.transcription)
                if event.written:
                    timings = event.transcription.timings
                    self._diagnostics.inform(
                        f"{_listed(event.written)}: {readable_duration(timings.audio_s)} of audio in "
                        f"{timings.processing_s:.2f} s (RTF {timings.real_time_factor:.2f})"
                    )
                _explain(event.transcription.finish_reason, event.recording, self._diagnostics)
            case RecordingFailed():
                self.close()
                code = self._diagnostics.report(event.error)
                self.failure = self.failure or code

    def stop(self, task: RecordingTask) -> None:
        """Deliver what there is of a recording that was stopped, and say where it ends."""
        self.close()
        label = task.recording.label
        if task.error is not None:
            self._diagnostics.report(task.error)
        elif task.transcript.segments:
            result = task.transcript.result()
            self._deliver(task.recording, result)
            place = f" in {_listed(task.written)}" if task.written else ""
            self._diagnostics.note(
                f"stopped in {label} at {readable_duration(result.segments[-1].end_s)}, where the text{place} ends."
            )
        elif task.targets:
            self._diagnostics.note(f"stopped at the beginning of {label}; nothing of it is written.")

    def close(self) -> None:
        """Take the sign of progress away."""
        self._sign.close()

    def _deliver(self, recording: RecordingInput, result: Transcription) -> None:
        if self._printed == "lines":
            say((_prefix(recording) if self._named else "") + result.text)
        elif self._printed == "objects":
            write_json(_document(recording, result))
        elif self._printed is not None:
            # As bytes: what reads it expects UTF-8, whatever the terminal's alphabet.
            click.echo(render(self._printed, result.segments, self._layout).encode(), nl=False)


def make_printer(printed: Printed, layout: Layout, diagnostics: Diagnostics, *, named: bool) -> TranscriptPrinter:
    """Return what shows transcripts: as they come where a person sees lines of text, else each when it is whole."""
    if printed == "lines" and sys.stdout.isatty():
        return LivePrinter(diagnostics, named=named)
    return WholePrinter(printed, layout, diagnostics, named=named)


def _prefix(recording: RecordingInput) -> str:
    return f"{printable(recording.name)}: "


def _explain(reason: FinishReason, recording: RecordingInput, diagnostics: Diagnostics) -> None:
    if reason == "no_speech":
        diagnostics.note(f"no speech was heard in {recording.label}; --no-vad transcribes it anyway.")
    elif reason == "length":
        diagnostics.note(f"the text of {recording.label} is cut: the model had not finished; raise --max-tokens.")
    elif reason == "loop":
        diagnostics.note(f"the text of {recording.label} is cut where the model began to repeat itself.")


def _listed(files: Iterable[Path]) -> str:
    return ", ".join(map(str, files))


def _document(recording: RecordingInput, result: Transcription) -> dict[str, Any]:
    return {
        "file": recording.name,
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
