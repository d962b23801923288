"""Recordings on their way to another voice: what the Convert mode does on its works' threads."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx_tui.services.messages import TaskMessage
from gpa_mlx_tui.services.sound import GeneratedAudio, PeakFinder, SoundGrew, sounding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpa_mlx.audio.devices.playback import OutputDevice
    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.synthesis.conversion import ConversionSettings, ConversionStream, ConvertedSegment
    from gpa_mlx.types import AudioLike, Waveform
    from gpa_mlx_tui.services.choices import VoiceChoice
    from gpa_mlx_tui.services.service import BackgroundTask, Service
    from gpa_mlx_tui.services.sound import Peaks

_DRAWN_S = 0.25
"""The picture of a source grows by so much at least, so that hours do not flood the screen with messages."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """What is to be said in another voice.

    Attributes:
        name: For people.
        audio: The file, or samples and their rate.
    """

    name: str
    audio: AudioLike

    def pieces(self, start_s: float = 0.0) -> Iterator[Waveform]:
        """Yield its sound as the app plays it, `(samples,)` float32 at 16 kHz, from a moment on.

        Raises:
            AudioFileError: It cannot be read.
        """
        from gpa_mlx.audio.files.reader import open_recording
        from gpa_mlx.types import SAMPLE_RATE_HZ

        skip = round(start_s * SAMPLE_RATE_HZ)
        with open_recording(self.audio) as reader:
            for block in reader:
                if skip < len(block):
                    yield block.first_channel[skip:].astype("float32")
                skip = max(skip - len(block), 0)

    def sha256(self) -> str:
        """Return the digest of the file, or of the float32 samples where there is none.

        Raises:
            OSError: The file cannot be read.
        """
        import hashlib

        import numpy as np

        from gpa_mlx.store.manifest import sha256_of

        if isinstance(self.audio, Path):
            return sha256_of(self.audio)
        assert isinstance(self.audio, tuple)
        return hashlib.sha256(np.ascontiguousarray(self.audio[0], dtype="<f4").tobytes()).hexdigest()


@dataclass(slots=True, eq=False)
class Converted(GeneratedAudio):
    """What has been converted so far.

    Attributes:
        source: What is converted.
        target: Who shall say it.
        verify: Listen to every stretch before and after, and convert it again when they differ.
        plays: Play it while it is made.
        segments: The stretches that are complete.
        source_sha256: Of the source as it was at the beginning.
        settings: How it was converted; None until the model was asked.
        is_whole: Whether it came to the end of the source.
    """

    source: Source
    target: VoiceChoice
    verify: bool
    plays: bool
    segments: list[ConvertedSegment] = field(default_factory=list)
    source_sha256: str = ""
    settings: ConversionSettings | None = None
    is_whole: bool = False


class SourceRead(TaskMessage):
    """The source can be converted.

    Args:
        work: The work.
        source: What it is.
        duration_s: Its length.
    """

    def __init__(self, work: BackgroundTask, source: Source, duration_s: float) -> None:
        super().__init__(work)
        self.source = source
        self.duration_s = duration_s


class ConversionGrew(TaskMessage):
    """There is more of the result.

    Args:
        work: The work.
        peaks: Of the new sound.
        source_s: How far into the source this is.
        segment: The stretch that is complete with this.
    """

    def __init__(self, work: BackgroundTask, peaks: Peaks, source_s: float, segment: ConvertedSegment | None) -> None:
        super().__init__(work)
        self.peaks = peaks
        self.source_s = source_s
        self.segment = segment


class ConversionMade(TaskMessage):
    """All of it is made; what is playing goes on."""


def read_source(work: BackgroundTask, source: Source) -> None:
    """Read a source once, for its picture and to know that it can be used.

    Raises:
        AudioFileError: It cannot be used.
    """
    from gpa_mlx.types import SAMPLE_RATE_HZ

    finder, samples = PeakFinder(), 0
    waiting: list[float] = []
    told = 0
    for piece in source.pieces():
        work.check()
        samples += len(piece)
        waiting += finder.push(piece)
        # Fewer and larger steps the longer it gets.
        if samples - told >= max(_DRAWN_S * SAMPLE_RATE_HZ, samples / 8):
            work.post(SoundGrew(work, tuple(waiting)))
            waiting, told = [], samples
    work.post(SoundGrew(work, tuple(waiting)))
    work.post(SourceRead(work, source, samples / SAMPLE_RATE_HZ))


def convert(
    work: BackgroundTask, service: Service, made: Converted, output: OutputDevice | None, expected_s: float
) -> None:
    """Convert a recording, and play the result while it is made if that is wanted.

    Raises:
        GPAError: The voice, the recording or the model cannot be used, or the sound output disappeared.
        CancelledError: The work was cancelled.
    """
    sound = sounding(work, output, expected_s=expected_s) if made.plays else nullcontext()
    finder = PeakFinder()
    model = service.model
    with sound as playback:
        made.source_sha256 = made.source.sha256()
        for chunk in service.stream(work, lambda engine: _convert(engine, made, model)):
            made.pieces.append(chunk.audio)
            if chunk.segment is not None:
                made.segments.append(chunk.segment)
            if playback is not None:
                playback.feed(chunk.audio)
            work.post(ConversionGrew(work, finder.push(chunk.audio), chunk.source_s, chunk.segment))
        made.is_whole = True
        work.post(ConversionMade(work))
        if playback is not None:
            playback.finish()


def save(made: Converted, path: Path) -> tuple[str, ...]:
    """Write the result as a WAV file that says how it was made.

    Returns:
        The name of the file; the record beside it is not named.

    Raises:
        AudioFileError: Nothing can be written there.
        SettingsError: It is the source, or something else is where the record goes.
        OSError: The record cannot be written.
    """
    import numpy as np

    from gpa_mlx.audio.files.wav import write_wav
    from gpa_mlx.cli.inputs import require_writable
    from gpa_mlx.provenance.tagging import require_free_sidecar, tag_file
    from gpa_mlx.synthesis.metadata import describe_generation
    from gpa_mlx.types import SAMPLE_RATE_HZ

    assert made.settings is not None
    assert made.weights is not None
    assert made.options is not None
    assert made.voice is not None
    source = made.source.audio
    require_writable(path, *([source] if isinstance(source, Path) else []))
    require_free_sidecar(path)
    write_wav(path, np.concatenate(list(made.pieces)), SAMPLE_RATE_HZ)
    making = describe_generation(
        "vc",
        made.weights,
        made.voice,
        made.options,
        list(made.segments),
        settings=asdict(made.settings),
        source_sha256=made.source_sha256,
    )
    tag_file(path, making)
    return (path.name,)


def _convert(engine: SpeechEngine, made: Converted, model: Path) -> ConversionStream:
    """Convert, on the engine's thread."""
    from gpa_mlx.provenance.tagging import identify_model
    from gpa_mlx.synthesis.conversion import ConversionSettings, convert_recording
    from gpa_mlx.synthesis.retry import with_seed

    made.options = with_seed(engine.default_options("vc"))
    made.settings = ConversionSettings(verify=made.verify, live=made.plays and not made.verify)
    made.weights = identify_model(model)
    made.voice = made.target.open(engine)
    yield from convert_recording(
        engine, made.source.audio, voice=made.voice, options=made.options, settings=made.settings
    )
