"""Recordings in, WAV files out.

Files are decoded and resampled in blocks, so that hours of audio need no more memory than seconds.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from gpa_mlx.audio.channels.downmixer import MAX_CHANNELS, SpeechDownmixer
from gpa_mlx.audio.dsp.resample import StreamResampler
from gpa_mlx.audio.files.audio_source import ArraySource, AudioSource, ChannelBlock, no_samples
from gpa_mlx.audio.files.sound_file import FileSource
from gpa_mlx.audio.files.wav import WAV_SUBTYPES, write_wav
from gpa_mlx.audio.recording import MIN_SAMPLES, Recording, require_min_length
from gpa_mlx.errors import AudioFileError, InputTooLongError
from gpa_mlx.types import AudioFile

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import TracebackType

    from gpa_mlx.types import AudioLike, ChannelChoice

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
        channels: Which mono several channels are read as.

    Raises:
        AudioFileError: There is no such channel; the source is closed.
    """

    def __init__(self, source: AudioSource, channels: ChannelChoice = "reference") -> None:
        self._source = source
        if isinstance(channels, int) and not 0 <= channels < source.channels:
            source.close()
            raise AudioFileError(
                f"{source.name} has no channel {channels + 1}.", hint=f"It has {source.channels}; they count from 1."
            )
        self._choice: ChannelChoice = channels
        self._frames_read = 0
        self._peak = 0.0
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
    def peak(self) -> float:
        """The largest magnitude read so far, of all channels, or of the one that was asked for."""
        return self._peak

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
        samples = 0
        mix = self._mixer()
        for block in self._source.blocks():
            block = self._repaired(block)
            self._frames_read += len(block)
            self._peak = max(self._peak, float(np.abs(self._listened(block)).max()))
            for recording in mix.push(block):
                samples += len(recording)
                yield recording
        self._report_unusable()
        for recording in mix.flush():
            samples += len(recording)
            yield recording
        if not samples:
            raise no_samples(self.name)

    def _listened(self, block: ChannelBlock) -> ChannelBlock:
        return block[:, self._choice] if isinstance(self._choice, int) else block

    def _mixer(self) -> _ReferenceMix | _SpeechMix:
        if isinstance(self._choice, int):
            return _ReferenceMix(self.source_rate_hz, slice(self._choice, self._choice + 1), is_mono=True)
        if self._choice == "speech" and 1 < self.channels <= MAX_CHANNELS:
            return _SpeechMix(self.source_rate_hz, self.channels)
        return _ReferenceMix(self.source_rate_hz, slice(None), is_mono=self.channels == 1)

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


class _ReferenceMix:
    """Channel 0 and the mean of channels, resampled; of one channel these are the same."""

    def __init__(self, rate_hz: int, channels: slice, *, is_mono: bool) -> None:
        self._channels = channels
        self._first = StreamResampler(rate_hz)
        self._mean = None if is_mono else StreamResampler(rate_hz)

    def push(self, block: ChannelBlock) -> list[Recording]:
        block = block[:, self._channels]
        first = self._first.push(np.ascontiguousarray(block[:, 0]))
        recording = Recording(first, first if self._mean is None else self._mean.push(block.mean(axis=1)))
        return [recording] if len(recording) else []

    def flush(self) -> list[Recording]:
        first = self._first.flush()
        recording = Recording(first, first if self._mean is None else self._mean.flush())
        return [recording] if len(recording) else []


class _SpeechMix:
    """The mono with the speech; every channel is resampled, and so is their mean, exactly as the reference's."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._resamplers = [StreamResampler(rate_hz) for _ in range(channels)]
        self._mean = StreamResampler(rate_hz)
        self._downmixer = SpeechDownmixer(channels)

    def push(self, block: ChannelBlock) -> list[Recording]:
        tracks = [each.push(np.ascontiguousarray(track)) for each, track in zip(self._resamplers, block.T, strict=True)]
        return self._downmixer.push(np.stack(tracks), self._mean.push(block.mean(axis=1)))

    def flush(self) -> list[Recording]:
        rest = self._downmixer.push(np.stack([each.flush() for each in self._resamplers]), self._mean.flush())
        return [*rest, *self._downmixer.flush()]


def open_recording(audio: AudioLike, *, channels: ChannelChoice = "reference") -> RecordingReader:
    """Open audio for reading in blocks; what can be known before decoding is checked here.

    Args:
        audio: A file in any format libsndfile reads (WAV, FLAC, Ogg Vorbis, Opus, MP3, AIFF, CAF, ...), or `ffmpeg` or
            `afconvert` where one is installed (M4A, MP4, MOV, AAC, ...), or a pipe; an `AudioFile` says which track of
            several; or samples and their rate: `(samples,)` or `(samples, channels)`, floats with full scale 1 or
            integers of up to 32 bits.
        channels: Which mono several channels are read as. The default is exact; what is to be understood or to become
            a voice is read as `speech`.

    Raises:
        AudioFileError: There is no such channel, the file is missing, unreadable, empty, not audio or of an unsupported
            kind, the array has another shape or dtype, there are no samples, or the rate is outside 1 to 768 kHz.
    """
    if isinstance(audio, (str, os.PathLike)):
        return RecordingReader(_file_source(audio), channels)
    if isinstance(audio, tuple) and len(audio) == 2:
        return RecordingReader(ArraySource(*audio), channels)
    raise AudioFileError(
        f"Audio must be a file or a pair (samples, rate), not {type(audio).__name__}.", hint="Pass (samples, rate)."
    )


def _file_source(audio: str | os.PathLike[str]) -> FileSource:
    if isinstance(audio, AudioFile):
        return FileSource(audio.path, track=audio.track, name=audio.name)
    return FileSource(audio)


def load_recording(
    audio: AudioLike, *, max_duration_s: float | None = None, channels: ChannelChoice = "reference"
) -> Recording:
    """Read a whole recording.

    By default channel 0 equals the reference's loader bit for bit: `soundfile.read` as float64, then
    `soxr.resample(..., "VHQ")`.

    Args:
        audio: As for `open_recording`.
        max_duration_s: Refuse longer recordings, before reading them where their header tells.
        channels: As for `open_recording`.

    Raises:
        AudioFileError: The audio cannot be used.
        InputTooLongError: Longer than `max_duration_s`.
    """
    with open_recording(audio, channels=channels) as reader:
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
