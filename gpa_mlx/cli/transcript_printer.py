"""Transcripts on standard output, and what is said of them on standard error."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import click

from gpa_mlx.cli.diagnostics import ExitCode
from gpa_mlx.cli.output import say, timings_document, write_json
from gpa_mlx.cli.progress import Progress
from gpa_mlx.jobs.events import RecordingDone, RecordingFailed, RecordingSkipped, RecordingStarted, TextChunk
from gpa_mlx.text.quantities import readable_duration
from gpa_mlx.transcripts.emptiness import EMPTY_REASONS
from gpa_mlx.transcripts.formats import Format, render

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gpa_mlx.cli.diagnostics import Diagnostics
    from gpa_mlx.jobs.recordings import RecordingInput
    from gpa_mlx.jobs.transcribe import RecordingTask, TranscribeEvent
    from gpa_mlx.transcripts.cues import Layout
    from gpa_mlx.types import EmptyReason, Transcription

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
                    label = "" if self._line_open or chunk.channel is None else f"{chunk.channel}: "
                    say(self._prefix + label + chunk.text, newline=False)
                    self._prefix, self._line_open = "", True
                if chunk.segment is not None:
                    self.close()
            case RecordingDone():
                self.close()
                _explain(event.transcription, event.recording, self._diagnostics)
            case RecordingFailed():
                self.close()
                code = self._diagnostics.report(event.error)
                self.failure = self.failure or code
                _say_where_it_ends(event.recording, event.transcription, (), self._diagnostics)

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
                _explain(event.transcription, event.recording, self._diagnostics)
            case RecordingFailed():
                self.close()
                code = self._diagnostics.report(event.error)
                self.failure = self.failure or code
                self._deliver_failed(event)
            case RecordingSkipped():
                self._diagnostics.inform(f"{_listed(event.existing)}: there already, skipped")

    def stop(self, task: RecordingTask) -> None:
        """Deliver what there is of a recording that was stopped, and say where it ends."""
        self.close()
        label = task.recording.label
        if task.error is not None:
            self._diagnostics.report(task.error)
        elif task.transcript.segments:
            result = task.transcript.result()
            self._deliver(task.recording, result)
            _say_where_it_ends(task.recording, result, task.written, self._diagnostics)
        elif task.targets:
            self._diagnostics.note(f"stopped at the beginning of {label}; nothing of it is written.")

    def close(self) -> None:
        """Take the sign of progress away."""
        self._sign.close()

    def _deliver_failed(self, event: RecordingFailed) -> None:
        """Deliver what there is, to standard output too what could not be written to a file."""
        recording, result = event.recording, event.transcription
        if self._printed == "objects":
            write_json(
                {"file": recording.name, "error": event.error.message, "hint": event.error.hint}
                | ({} if not result.segments else _document(recording, result))
            )
        elif result.segments and (self._printed is not None or (event.unwritten and not event.written)):
            if self._printed is None:
                say(result.text)
            else:
                self._deliver(recording, result)
        _say_where_it_ends(recording, result, event.written, self._diagnostics)

    def _deliver(self, recording: RecordingInput, result: Transcription) -> None:
        if self._printed == "lines":
            for line in _lines(result):
                say((_prefix(recording) if self._named else "") + line)
        elif self._printed == "objects":
            write_json(_document(recording, result))
        elif self._printed is not None:
            # As bytes: what reads it expects UTF-8, whatever the terminal's alphabet.
            click.echo(render(self._printed, result.segments, self._layout, result.empty_reason).encode(), nl=False)


def make_printer(printed: Printed, layout: Layout, diagnostics: Diagnostics, *, named: bool) -> TranscriptPrinter:
    """Return what shows transcripts: as they come where a person sees lines of text, else each when it is whole."""
    if printed == "lines" and sys.stdout.isatty():
        return LivePrinter(diagnostics, named=named)
    return WholePrinter(printed, layout, diagnostics, named=named)


def _lines(result: Transcription) -> list[str]:
    """Return the text in one line, or, where channels were transcribed apart, one labelled line per segment."""
    if all(segment.channel is None for segment in result.segments):
        return [result.text]
    return [f"{segment.channel}: {segment.text}" for segment in result.segments if segment.text.strip()]


def _prefix(recording: RecordingInput) -> str:
    return f"{recording.label}: "


def _say_where_it_ends(
    recording: RecordingInput, result: Transcription, written: tuple[Path, ...], diagnostics: Diagnostics
) -> None:
    """Say up to where there is text of a recording that was not transcribed to its end."""
    if result.segments and result.finish_reason == "cancelled":
        place = f" in {_listed(written)}" if written else ""
        end = readable_duration(result.segments[-1].end_s)
        diagnostics.note(f"stopped in {recording.label} at {end}, where the text{place} ends.")


_ANYWAY = "; --no-vad transcribes it anyway"
_WAYS_OUT: dict[EmptyReason | None, str] = {
    None: _ANYWAY,
    "too_quiet": _ANYWAY,
    "only_noise": _ANYWAY,
    "no_speech": _ANYWAY,
    "other_channel": "; without --no-constrain all of them are searched for speech",
}


def _explain(result: Transcription, recording: RecordingInput, diagnostics: Diagnostics) -> None:
    reason = result.finish_reason
    why = "" if result.empty_reason is None else f": {EMPTY_REASONS[result.empty_reason]}"
    if reason == "no_speech":
        diagnostics.note(f"no speech was heard in {recording.label}{why}{_WAYS_OUT.get(result.empty_reason, '')}.")
    elif why:
        diagnostics.note(f"there is no text of {recording.label}{why}.")
    elif reason == "length":
        diagnostics.note(f"the text of {recording.label} is cut: the model had not finished; raise --max-tokens.")
    elif reason == "loop":
        diagnostics.note(f"the text of {recording.label} is cut where the model began to repeat itself.")


def _listed(files: Iterable[Path]) -> str:
    return ", ".join(map(str, files))


def _document(recording: RecordingInput, result: Transcription) -> dict[str, Any]:
    document: dict[str, Any] = {
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
            | ({} if segment.channel is None else {"channel": segment.channel})
            for segment in result.segments
        ],
        "finish_reason": result.finish_reason,
        "timings": timings_document(result.timings),
    }
    if result.empty_reason is not None:
        document["empty_reason"] = result.empty_reason
    return document
