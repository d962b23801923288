"""What jobs report while they run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.errors import GPAError
    from gpa_mlx.jobs.recordings import RecordingInput
    from gpa_mlx.synthesis.conversion import ConvertedSegment
    from gpa_mlx.synthesis.long_form import SpokenPassage
    from gpa_mlx.synthesis.plan import PassageCount
    from gpa_mlx.types import Transcription, TranscriptionChunk, Waveform


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """The next step of the job begins.

    Attributes:
        step: What is being done, in a few words: `loading`.
    """

    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationStarted:
    """All that is needed is loaded: audio follows, and the clock runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """So much of the source has been worked through.

    Attributes:
        position_s: Seconds from its start.
        duration_s: Its length; None when it is not known.
    """

    position_s: float
    duration_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartProgress:
    """So much of one part of the work is done: a download, a network that is converted.

    Attributes:
        part: Its name.
        done_bytes: Bytes that are done.
        total_bytes: All of them.
    """

    part: str
    done_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """The job goes on where an interrupted one stopped.

    Attributes:
        done: Passages that are there already.
        count: All passages.
        kept: Passages more that are there, and are used where the text still has them.
        problem: Why not everything that is there can be used, as a clause; None where it can.
    """

    done: int
    count: PassageCount
    kept: int = 0
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedAnew:
    """There was an interrupted job, and this one begins with the first passage all the same.

    Attributes:
        problem: Why, as a clause.
        kept: Passages that are there, and are used where the text still has them.
    """

    problem: str
    kept: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacesFile:
    """With the first sound, a file is replaced that nothing says this program made.

    Attributes:
        path: The file.
    """

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownWords:
    """The model cannot say some words of the text.

    Told before any is spoken; of a long text again, where more of them come.

    Attributes:
        words: Which, each once.
        are_left_out: Whether the rest is spoken without them; they are given to the model where a text is spoken as it
            is written.
    """

    words: tuple[str, ...]
    are_left_out: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageStarted:
    """A passage is being spoken.

    Attributes:
        number: Which, from 0.
        count: Passages of the text.
        share: The share of the text, from 0 to 1, that lies before it.
    """

    number: int
    count: PassageCount
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioChunk:
    """The next piece of the generated audio; all pieces one after the other are the whole.

    Attributes:
        audio: `(samples,)` float32 at 16 kHz; may be empty.
    """

    audio: Waveform


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageDone:
    """A passage is complete, and its audio has been handed out.

    Attributes:
        passage: How it came out.
        number: Which, from 0.
        count: Passages of the text.
        share: The share of the text, from 0 to 1, that has been spoken with it.
    """

    passage: SpokenPassage
    number: int
    count: PassageCount
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentConverted:
    """A segment of the source is converted, and its audio has been handed out.

    Attributes:
        segment: How it came out.
    """

    segment: ConvertedSegment


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStarted:
    """A recording is being transcribed.

    Attributes:
        recording: Which.
        duration_s: Its length as its header says; None when that does not tell.
    """

    recording: RecordingInput
    duration_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextChunk:
    """More text of a recording.

    Attributes:
        recording: Which.
        chunk: The text, and the segment that it ends.
        position_s: How far the recording has been worked through, in seconds.
    """

    recording: RecordingInput
    chunk: TranscriptionChunk
    position_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingDone:
    """A recording is transcribed, and its files are written.

    Attributes:
        recording: Which.
        transcription: The whole text.
        written: Its files.
    """

    recording: RecordingInput
    transcription: Transcription
    written: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFailed:
    """A recording cannot be transcribed to its end, or its text not be written; the job goes on with the next.

    Attributes:
        recording: Which.
        error: Why.
        transcription: What there is of its text.
        written: Files that hold it.
        unwritten: Files that were wanted and could not be written, or are not complete.
    """

    recording: RecordingInput
    error: GPAError
    transcription: Transcription
    written: tuple[Path, ...] = ()
    unwritten: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSkipped:
    """A recording was left out, for all its files are there.

    Attributes:
        recording: Which.
        existing: The files.
    """

    recording: RecordingInput
    existing: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file is complete.

    Attributes:
        path: The file.
    """

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """All of it is made and written: the last event of a job that was not cancelled."""
