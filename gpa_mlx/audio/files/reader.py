"""Recordings in, WAV files out.

Files are decoded and resampled in blocks, so that hours of audio need no more memory than seconds.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

import numpy as np

from gpa_mlx.audio.dsp.resample import StreamResampler
from gpa_mlx.audio.files.audio_source import ArraySource, AudioSource, ChannelBlock, no_samples
from gpa_mlx.audio.files.sound_file import FileSource
from gpa_mlx.audio.files.wav import WAV_SUBTYPES, write_wav
from gpa_mlx.audio.recording import MIN_SAMPLES, Recording, require_min_length
from gpa_mlx.errors import AudioFileError, InputTooLongError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import TracebackType

    from gpa_mlx.types import AudioLike

__all__ = [
    "MIN_SAMPLES",
    "WAV_SUBTYPES",
    "Recording",
    "RecordingReader",
    "load_recording",
    "open_recording",
    "require_min_length",
    "write_wav",
]

MAX_MAGNITUDE = 2.0**31
"""Larger samples than unscaled 32-bit integers only occur in damaged files; refusing them keeps float32 finite."""


class RecordingReader:
    """A recording that is read once, block by block; a context manager.

    Iterating yields non-empty `Recording` blocks at 16 kHz and raises `AudioFileError` when the file turns out to hold
    no samples, samples that are not numbers, or damage right at the start.

    Args:
        source: Where the samples come from; closed with the reader.
    """

    def __init__(self, source: AudioSource) -> None:
        self._source = source
        self._frames_read = 0
        self._blocks = self._read()

    @property
    def name(self) -> str:
        """The file, or what stands for it in messages."""
        return self._source.name

    @property
    def source_rate_hz(self) -> int:
        """Sample rate before resampling."""
        return self._source.rate_hz

    @property
    def channels(self) -> int:
        """Channels before they are reduced to two views."""
        return self._source.channels

    @property
    def duration_s(self) -> float | None:
        """Length as the header announces it; None when it does not."""
        return None if self._source.frames is None else self._source.frames / self._source.rate_hz

    @property
    def position_s(self) -> float:
        """Seconds read so far; the true length once the iteration has ended."""
        return self._frames_read / self._source.rate_hz

    def __iter__(self) -> Iterator[Recording]:
        return self._blocks

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; iterating further yields nothing."""
        self._blocks.close()
        self._source.close()

    def _read(self) -> Generator[Recording]:
        first = StreamResampler(self.source_rate_hz)
        mean = StreamResampler(self.source_rate_hz) if self.channels > 1 else None
        samples = 0
        for block in self._source.blocks():
            self._check(block)
            self._frames_read += len(block)
            head = first.push(np.ascontiguousarray(block[:, 0]))
            if len(recording := Recording(head, head if mean is None else mean.push(block.mean(axis=1)))):
                samples += len(recording)
                yield recording
        rest = first.flush()
        if len(recording := Recording(rest, rest if mean is None else mean.flush())):
            yield recording
        elif not samples:
            raise no_samples(self.name)

    def _check(self, block: ChannelBlock) -> None:
        # A NaN makes the maximum NaN, which no comparison accepts.
        if not np.abs(block).max() <= MAX_MAGNITUDE:
            bad = int(np.argmin((np.abs(block) <= MAX_MAGNITUDE).all(axis=1)))
            place_s = (self._frames_read + bad) / self.source_rate_hz
            raise AudioFileError(
                f"{self.name} holds samples that are not numbers (NaN, infinite or absurdly large), "
                f"the first at {place_s:.3f} s.",
                hint="Record or export it again.",
            )


def open_recording(audio: AudioLike) -> RecordingReader:
    """Open audio for reading in blocks; what can be known before decoding is checked here.

    Args:
        audio: A file in any format libsndfile reads (WAV, FLAC, Ogg Vorbis, Opus, MP3, AIFF, CAF, ...), or `afconvert`
            or `ffmpeg` where one is installed (M4A, MP4, MOV, AAC, ...), which decodes all of it at once; or samples
            and their rate: `(samples,)` or `(samples, channels)`, floats with full scale 1 or integers of up to 32
            bits.

    Raises:
        AudioFileError: The file is missing, unreadable, empty, not audio or of an unsupported kind, the array has
            another shape or dtype, there are no samples, or the rate is outside 1 to 768 kHz.
    """
    if isinstance(audio, (str, os.PathLike)):
        return RecordingReader(FileSource(audio))
    if isinstance(audio, tuple) and len(audio) == 2:
        return RecordingReader(ArraySource(*audio))
    raise AudioFileError(
        f"Audio must be a file or a pair (samples, rate), not {type(audio).__name__}.", hint="Pass (samples, rate)."
    )


def load_recording(audio: AudioLike, *, max_duration_s: float | None = None) -> Recording:
    """Read a whole recording.

    Channel 0 equals the reference's loader bit for bit: `soundfile.read` as float64, then `soxr.resample(..., "VHQ")`.

    Args:
        audio: As for `open_recording`.
        max_duration_s: Refuse longer recordings, before reading them where their header tells.

    Raises:
        AudioFileError: The audio cannot be used.
        InputTooLongError: Longer than `max_duration_s`.
    """
    with open_recording(audio) as reader:
        if max_duration_s is not None and reader.duration_s is not None and reader.duration_s > max_duration_s:
            raise _too_long(f"{reader.name} is {reader.duration_s:.1f} s long", max_duration_s)
        blocks = []
        for block in reader:
            blocks.append(block)
            if max_duration_s is not None and reader.position_s > max_duration_s:
                raise _too_long(f"{reader.name} goes on after {max_duration_s:g} s", max_duration_s)
        return Recording.join(blocks)


def _too_long(problem: str, max_duration_s: float) -> InputTooLongError:
    return InputTooLongError(
        f"{problem}; at most {max_duration_s:g} s can be taken in one piece.",
        hint="Cut the file; only `transcribe` takes any length, because it works in segments.",
    )
