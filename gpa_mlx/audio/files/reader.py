"""Recordings in, WAV files out.

Files are decoded and resampled in blocks, so that hours of audio need no more memory than seconds.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
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

logger = logging.getLogger(__name__)

MAX_MAGNITUDE = 2.0**31
"""Larger samples than unscaled 32-bit integers only occur in damaged files; leaving them out keeps float32 finite."""


@dataclass(slots=True)
class _Unusable:
    """Samples that are not numbers.

    Attributes:
        samples: How many, of all channels.
        first_s: Where the first one is, in seconds.
    """

    samples: int = 0
    first_s: float = 0.0


class RecordingReader:
    """A recording that is read once, block by block; a context manager.

    Iterating yields non-empty `Recording` blocks at 16 kHz and raises `AudioFileError` when the file turns out to hold
    no samples, nothing but samples that are not numbers, or damage right at the start. Single samples that are not
    numbers become silence; how many there were is logged at the end.

    Args:
        source: Where the samples come from; closed with the reader.
    """

    def __init__(self, source: AudioSource) -> None:
        self._source = source
        self._frames_read = 0
        self._unusable = _Unusable()
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
            block = self._repaired(block)
            self._frames_read += len(block)
            head = first.push(np.ascontiguousarray(block[:, 0]))
            if len(recording := Recording(head, head if mean is None else mean.push(block.mean(axis=1)))):
                samples += len(recording)
                yield recording
        self._report_unusable()
        rest = first.flush()
        if len(recording := Recording(rest, rest if mean is None else mean.flush())):
            yield recording
        elif not samples:
            raise no_samples(self.name)

    def _repaired(self, block: ChannelBlock) -> ChannelBlock:
        """Return a block with silence instead of what is no number, infinite or absurdly large."""
        # A NaN makes the maximum NaN, which no comparison accepts.
        if np.abs(block).max() <= MAX_MAGNITUDE:
            return block
        usable = np.abs(block) <= MAX_MAGNITUDE
        if not self._unusable.samples:
            self._unusable.first_s = (self._frames_read + int(np.argmin(usable.all(axis=1)))) / self.source_rate_hz
        self._unusable.samples += int(np.count_nonzero(~usable))
        return np.where(usable, block, 0.0)

    def _report_unusable(self) -> None:
        """Say what was replaced; called when all has been read.

        Raises:
            AudioFileError: Nothing else was there.
        """
        unusable = self._unusable
        if not unusable.samples:
            return
        if unusable.samples == self._frames_read * self.channels:
            raise AudioFileError(
                f"{self.name} holds nothing but samples that are not numbers (NaN, infinite or absurdly large).",
                hint="Record or export it again.",
            )
        logger.warning(
            "%s: damaged samples (NaN, infinite or absurdly large) were taken for silence: %d of %d, "
            "the first at %.3f s.",
            self.name,
            unusable.samples,
            self._frames_read * self.channels,
            unusable.first_s,
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
