"""Where samples come from: a sound file or an array, read once, forward, in blocks, at their own rate."""

from __future__ import annotations

import logging
import operator
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import soundfile

from gpa_mlx.errors import AudioFileError

logger = logging.getLogger(__name__)

ChannelBlock: TypeAlias = npt.NDArray[np.float64]
"""Consecutive samples, `(frames, channels)`, float64, full scale 1."""

MIN_RATE_HZ = 1_000
MAX_RATE_HZ = 768_000
MAX_CHANNELS = 1_024
"""The limit of libsndfile."""

_BLOCK_FRAMES = 8_192
_BLOCK_VALUES = 1 << 20
_UNKNOWN_FRAMES = 1 << 62
_UNRECOGNISED = 1
_STREAMED_BYTES = 0x7FFF_0000
_CUT_OFF_TOLERANCE_S = 0.1

_WAV_DATA = re.compile(r"^data : (\d+) \(should be (\d+)\)$", re.MULTILINE)
_FOREIGN_SUFFIXES = frozenset(
    {".m4a", ".m4b", ".m4v", ".mp4", ".mov", ".3gp", ".aac", ".webm", ".mkv", ".mka", ".avi", ".wma", ".amr"}
)


class AudioSource(Protocol):
    """Samples of one recording.

    Attributes:
        name: For messages: the file, or what stands for it.
        rate_hz: Samples per second.
        channels: At least 1.
        frames: Samples per channel as announced; None when unknown before the end is reached.
    """

    name: str
    rate_hz: int
    channels: int
    frames: int | None

    def blocks(self) -> Iterator[ChannelBlock]:
        """Yield all samples once, in order, in non-empty blocks of bounded size."""
        ...

    def close(self) -> None:
        """Free the file; idempotent."""
        ...


class _ForwardFile(soundfile.SoundFile):
    """A sound file that is never repositioned.

    soundfile seeks to the place it is at after every read of a seekable file. For MP3 that empties the decoder's bit
    reservoir, which is audible, and for a truncated FLAC it fails although the samples read were good.
    """

    def seekable(self) -> bool:
        return False


class FileSource:
    """A file in any format libsndfile reads.

    Args:
        path: The file.

    Raises:
        AudioFileError: Missing, unreadable, empty, not audio, in a format libsndfile does not read, without samples,
            or at a rate outside 1 to 768 kHz.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.name = os.fspath(path)
        self._handle = _open_binary(Path(path))
        try:
            # By descriptor and not by name: the name would make soundfile take `.raw` for headerless samples.
            self._file = _ForwardFile(self._handle.fileno(), closefd=False)
        except soundfile.LibsndfileError as error:
            with self._handle:
                raise _unreadable(self.name, self._handle.fileno(), error.code) from error
        try:
            self.rate_hz: int = _checked_rate(self._file.samplerate, self.name)
            if self._file.frames == 0:
                raise no_samples(self.name)
        except AudioFileError:
            self.close()
            raise
        self.channels: int = self._file.channels
        self.frames = None if self._file.frames > _UNKNOWN_FRAMES else int(self._file.frames)

    def blocks(self) -> Iterator[ChannelBlock]:
        """Yield the samples; a file that ends early or breaks in the middle is used as far as it goes.

        Raises:
            AudioFileError: Not a single sample can be decoded.
        """
        block_frames = max(1, min(_BLOCK_FRAMES, _BLOCK_VALUES // self.channels))
        promised = self._promised_frames()
        decoded = 0
        while True:
            try:
                block = self._file.read(block_frames, dtype="float64", always_2d=True)
            except soundfile.LibsndfileError as error:
                if decoded == 0:
                    raise _damaged(self.name) from error
                logger.warning("%s is damaged after %.1f s; the rest is lost.", self.name, decoded / self.rate_hz)
                return
            if len(block) == 0:
                break
            decoded += len(block)
            yield block
        if promised is not None and 0 < decoded < promised - _CUT_OFF_TOLERANCE_S * self.rate_hz:
            logger.warning(
                "%s is cut off: %.1f of %.1f s could be read.",
                self.name,
                decoded / self.rate_hz,
                promised / self.rate_hz,
            )

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._handle.close()

    def _promised_frames(self) -> int | None:
        """Return how many frames the header promises.

        libsndfile corrects the count of a truncated WAV file silently; only its log tells. Programs that write to a
        pipe leave a maximal size there, which promises nothing.
        """
        match = _WAV_DATA.search(self._file.extra_info)
        if self.frames is None or match is None:
            return self.frames
        promised_bytes, present_bytes = int(match[1]), int(match[2])
        if promised_bytes >= _STREAMED_BYTES or present_bytes == 0:
            return self.frames
        return self.frames * promised_bytes // present_bytes


class ArraySource:
    """Samples in memory.

    Args:
        samples: `(samples,)` or `(samples, channels)`; any float dtype with full scale 1, or integers of up to 32 bits
            with the full scale of their dtype.
        rate: Samples per second.

    Raises:
        AudioFileError: Another shape or dtype, no samples, or a rate outside 1 to 768 kHz.
    """

    name = "The given audio"

    def __init__(self, samples: Any, rate: Any) -> None:  # noqa: ANN401
        try:
            array, rate_hz = np.asarray(samples), operator.index(rate)
        except (TypeError, ValueError) as error:
            raise AudioFileError(
                "In-memory audio must be a pair of a numpy array and an integer rate in Hz.",
                hint="Pass (samples, rate), in this order.",
            ) from error
        if array.dtype.kind not in "fiu" or (array.dtype.kind in "iu" and array.dtype.itemsize > 4):
            raise AudioFileError(
                f"{self.name} has the dtype {array.dtype}, whose full scale is not known.",
                hint="Pass floats in [-1, 1] or integers of 8, 16 or 32 bits.",
            )
        if array.ndim not in (1, 2):
            raise AudioFileError(
                f"{self.name} has the shape {array.shape}.", hint="Pass (samples,) or (samples, channels)."
            )
        if array.size == 0:
            raise no_samples(self.name)
        self.rate_hz = _checked_rate(rate_hz, self.name)
        self.frames: int | None = len(array)
        self.channels = array.shape[1] if array.ndim == 2 else 1
        if self.channels > MAX_CHANNELS:
            raise AudioFileError(
                f"{self.name} has {self.channels} channels, more than {MAX_CHANNELS}.",
                hint="Pass (samples, channels), not (channels, samples).",
            )
        self._array = array.reshape(len(array), self.channels)

    def blocks(self) -> Iterator[ChannelBlock]:
        """Yield the samples as float64."""
        block_frames = max(1, min(_BLOCK_FRAMES, _BLOCK_VALUES // self.channels))
        for start in range(0, len(self._array), block_frames):
            yield _full_scale(self._array[start : start + block_frames])

    def close(self) -> None:
        """Do nothing; the array is the caller's."""


def no_samples(name: str) -> AudioFileError:
    """Return the error for audio of no length."""
    return AudioFileError(f"{name} holds no samples.", hint="It may be empty or cut off; record or export it again.")


def _open_binary(path: Path) -> Any:  # noqa: ANN401
    try:
        handle = path.open("rb", buffering=0)
    except FileNotFoundError as error:
        raise AudioFileError(f"{path} does not exist.", hint="Check the path.") from error
    except IsADirectoryError as error:
        raise AudioFileError(f"{path} is a directory.", hint="Give an audio file.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AudioFileError(f"{path} cannot be read: {reason}.", hint="Check the file and its permissions.") from error
    status = os.fstat(handle.fileno())
    if stat.S_ISREG(status.st_mode) and status.st_size == 0:
        handle.close()
        raise AudioFileError(f"{path} is empty.", hint="Record or download it again.")
    return handle


def _unreadable(name: str, descriptor: int, code: int) -> AudioFileError:
    if _is_foreign(name, descriptor):
        return AudioFileError(
            f"{name} is in a format that cannot be read (AAC, MP4, Matroska and Windows Media are not supported).",
            hint=f"Convert it first: `afconvert -f WAVE -d LEI16 '{name}' out.wav` on macOS, "
            f"`ffmpeg -i '{name}' out.wav` elsewhere.",
        )
    if code == _UNRECOGNISED:
        return AudioFileError(
            f"{name} is not an audio file, or in a format that cannot be read.",
            hint="WAV, FLAC, Ogg Vorbis, Opus, MP3, AIFF and CAF can be read.",
        )
    return _damaged(name)


def _damaged(name: str) -> AudioFileError:
    return AudioFileError(
        f"{name} is damaged or cut off: no sample of it can be decoded.", hint="Record or download it again."
    )


def _is_foreign(name: str, descriptor: int) -> bool:
    """Tell whether a file that libsndfile refused is audio of a kind that other programs can convert."""
    head = os.pread(descriptor, 12, 0) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    return (
        Path(name).suffix.lower() in _FOREIGN_SUFFIXES
        or head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide")  # MP4, QuickTime
        or head.startswith((b"\x1aE\xdf\xa3", b"0&\xb2u"))  # Matroska, Windows Media
        or (head[:1] == b"\xff" and head[1:2] in (b"\xf0", b"\xf1", b"\xf8", b"\xf9"))  # AAC in ADTS frames
    )


def _checked_rate(rate_hz: int, name: str) -> int:
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise AudioFileError(
            f"{name} has a sample rate of {rate_hz} Hz; {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz can be read.",
            hint="Check where it comes from: the rate is probably wrong.",
        )
    return rate_hz


def _full_scale(block: npt.NDArray[Any]) -> ChannelBlock:
    """Convert to float64 with full scale 1, integers as libsndfile does."""
    if block.dtype.kind == "f":
        return block.astype(np.float64)
    half = float(1 << (8 * block.dtype.itemsize - 1))
    middle = half if block.dtype.kind == "u" else 0.0
    return (block.astype(np.float64) - middle) / half
