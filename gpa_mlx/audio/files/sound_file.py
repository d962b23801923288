"""Sound files, decoded by libsndfile as far as they go, other formats after another program has decoded them."""

from __future__ import annotations

import logging
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from gpa_mlx.audio.files import ffmpeg
from gpa_mlx.audio.files.audio_source import ChannelBlock, checked_rate, frames_per_block, no_samples
from gpa_mlx.errors import AudioFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

logger = logging.getLogger(__name__)

_UNKNOWN_FRAMES = 1 << 62
_CUT_OFF_TOLERANCE_S = 0.1

# libsndfile's error code for a format it does not know; all others mean a known format with something wrong in it.
_UNRECOGNISED = 1

_WAV_DATA = re.compile(r"^data : (\d+) \(should be (\d+)\)$", re.MULTILINE)
_STREAMED_BYTES = 0x7FFF_0000

_NAMES = "wav wave bwf w64 rf64 flac ogg oga opus mp3 mp2 aif aiff aifc caf au snd"
NATIVE_SUFFIXES = frozenset(f".{name}" for name in _NAMES.split())
"""Usual names of files that libsndfile reads."""


class _ForwardFile(soundfile.SoundFile):
    """A sound file that is never repositioned.

    soundfile seeks to the place it is at after every read of a seekable file. For MP3 that empties the decoder's bit
    reservoir, which is audible, and for a truncated FLAC it fails although the samples read were good.
    """

    def seekable(self) -> bool:
        return False


class FileSource:
    """A file in any format that libsndfile or a program of the system reads.

    Args:
        path: The file.

    Raises:
        AudioFileError: Missing, unreadable, empty, not audio, in a format nothing here reads, without samples, or at a
            rate outside 1 to 768 kHz.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.name = os.fspath(path)
        self._handle, self._file = _open(self.name)
        try:
            self.rate_hz: int = checked_rate(self._file.samplerate, self.name)
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
        block_frames = frames_per_block(self.channels)
        promised = self._promised_frames()
        decoded = 0
        while True:
            try:
                block = np.asarray(self._file.read(block_frames, dtype="float64", always_2d=True), dtype=np.float64)
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


def announced_duration_s(path: str | os.PathLike[str]) -> float | None:
    """Return the length of a file as its header announces it, without decoding anything.

    Args:
        path: The file; what is no regular file is not touched, because it can be read only once.

    Returns:
        Seconds; None when the header does not tell, or libsndfile cannot read it.
    """
    try:
        if not Path(path).is_file():
            return None
        with Path(path).open("rb", buffering=0) as handle, _sound_file(handle) as file:
            return file.frames / file.samplerate if 0 < file.frames <= _UNKNOWN_FRAMES else None
    except (OSError, soundfile.LibsndfileError):
        return None


def _open(name: str) -> tuple[FileIO, _ForwardFile]:
    handle = _open_binary(Path(name))
    try:
        return handle, _sound_file(handle)
    except soundfile.LibsndfileError as error:
        with handle:
            if not ffmpeg.may_need_ffmpeg(name, handle.fileno()):
                raise _unreadable(name, error.code) from error
    handle = ffmpeg.decode(name)
    try:
        return handle, _sound_file(handle)
    except soundfile.LibsndfileError as error:
        with handle:
            raise _damaged(name) from error


def _sound_file(handle: FileIO) -> _ForwardFile:
    # By descriptor and not by name: the name would make soundfile take `.raw` for headerless samples.
    return _ForwardFile(handle.fileno(), closefd=False)


def _open_binary(path: Path) -> FileIO:
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


def _unreadable(name: str, code: int) -> AudioFileError:
    if code == _UNRECOGNISED:
        return AudioFileError(
            f"{name} is not an audio file, or in a format that cannot be read.",
            hint="WAV, FLAC, Ogg Vorbis, Opus, MP3, AIFF and CAF can be read, M4A, MP4 and others with ffmpeg.",
        )
    return _damaged(name)


def _damaged(name: str) -> AudioFileError:
    return AudioFileError(
        f"{name} is damaged or cut off: no sample of it can be decoded.", hint="Record or download it again."
    )
