"""Voice conversion as the Convert mode makes, plays and saves it; for the threads of tasks."""

from __future__ import annotations

from contextlib import closing, nullcontext
from typing import TYPE_CHECKING

from gpa_mlx_tui.features.convert.messages import (
    ConversionAdvanced,
    ConversionMade,
    ConversionPlanned,
    ResultGrew,
    SegmentAdded,
    SourceRead,
)
from gpa_mlx_tui.services.sound import PeakFinder, SoundGrew, sounding

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.audio.devices.playback import OutputDevice
    from gpa_mlx.jobs.convert import ConvertJob, ConvertRequest
    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx_tui.features.convert.source import Source
    from gpa_mlx_tui.services.background import BackgroundTask
    from gpa_mlx_tui.services.choices import VoiceChoice

_DRAWN_S = 0.25
"""The picture of a source grows by so much at least, so that hours do not flood the screen with messages."""


def read_source(task: BackgroundTask, source: Source) -> None:
    """Read a source once, for its picture and to know that it can be used.

    Raises:
        AudioFileError: It cannot be used.
    """
    from gpa_mlx.types import SAMPLE_RATE_HZ

    finder, samples = PeakFinder(), 0
    waiting: list[float] = []
    drawn = 0
    for piece in source.pieces():
        task.check()
        samples += len(piece)
        waiting += finder.push(piece)
        # Fewer and larger steps the longer it gets.
        if samples - drawn >= max(_DRAWN_S * SAMPLE_RATE_HZ, samples / 8):
            task.post(SoundGrew(task, tuple(waiting)))
            waiting, drawn = [], samples
    task.post(SoundGrew(task, tuple(waiting)))
    task.post(SourceRead(task, source, samples / SAMPLE_RATE_HZ))


def conversion_request(
    engine: SpeechEngine, source: Source, voice: VoiceChoice, *, verify: bool, plays: bool
) -> ConvertRequest:
    """Ask for a conversion that is kept in memory, to be played again and saved.

    Args:
        engine: Has the options.
        source: What is converted.
        voice: Who shall say it.
        verify: Transcribe every segment before and after, and convert it again when they differ.
        plays: It is played while it is made.
    """
    from gpa_mlx.jobs.convert import ConvertRequest
    from gpa_mlx.synthesis.conversion import ConversionSettings

    return ConvertRequest(
        source=source.audio,
        voice=voice.source,
        options=engine.default_options("vc"),
        settings=ConversionSettings(verify=verify, live=plays and not verify),
        keep_audio=True,
    )


def convert(
    task: BackgroundTask,
    engine: SpeechEngine,
    source: Source,
    voice: VoiceChoice,
    output: OutputDevice | None,
    *,
    verify: bool,
    plays: bool,
    expected_s: float,
) -> None:
    """Convert a recording, and play the result while it is made if that is wanted.

    Args:
        task: The task.
        engine: Converts.
        source: What is converted.
        voice: Who shall say it.
        output: Where it is played; None means the system's default output.
        verify: As for `conversion_request`.
        plays: As for `conversion_request`.
        expected_s: Length of the result, as far as it is known.

    Raises:
        GPAError: The voice, the recording or the model cannot be used, or the sound output disappeared.
        CancelledError: The task was cancelled.
    """
    from gpa_mlx.jobs.convert import ConvertJob
    from gpa_mlx.jobs.events import AudioChunk, Progress, SegmentConverted

    sound = sounding(task, output, expected_s=expected_s) if plays else nullcontext()
    finder = PeakFinder()
    with sound as playback:
        job = ConvertJob(engine, conversion_request(engine, source, voice, verify=verify, plays=plays))
        task.post(ConversionPlanned(task, job))
        with closing(job.run()) as events:
            for event in events:
                if isinstance(event, AudioChunk):
                    if playback is not None:
                        playback.feed(event.audio)
                    task.post(ResultGrew(task, finder.push(event.audio)))
                elif isinstance(event, Progress):
                    task.post(ConversionAdvanced(task, event.position_s))
                elif isinstance(event, SegmentConverted):
                    task.post(SegmentAdded(task, event.segment))
        task.post(ConversionMade(task))
        if playback is not None:
            playback.finish()


def save(job: ConvertJob, path: Path) -> tuple[str, ...]:
    """Write the result as a file that says how it was made.

    Returns:
        The name of the file; the record beside it is not named.

    Raises:
        SettingsError: It is the source, or something else is where the record goes.
        GPAError: Nothing can be written there.
    """
    from gpa_mlx.jobs.audio_output import AudioTarget

    job.save(AudioTarget(path=path))
    return (path.name,)
