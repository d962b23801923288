"""Sound files, decoded by libsndfile as far as they go."""

from __future__ import annotations

import logging
import os
import re
import shlex
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from gpa_mlx.audio.sources import ChannelBlock, checked_rate, frames_per_block, no_samples
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
_FOREIGN_SUFFIXES = frozenset(
    {".m4a", ".m4b", ".m4v", ".mp4", ".mov", ".3gp", ".aac", ".webm", ".mkv", ".mka", ".avi", ".wma", ".amr"}
)


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


def _unreadable(name: str, descriptor: int, code: int) -> AudioFileError:
    if _is_foreign(name, descriptor):
        return AudioFileError(
            f"{name} is in a format that cannot be read (AAC, MP4, Matroska and Windows Media are not supported).",
            hint=f"Convert it first: `afconvert -f WAVE -d LEI16 {shlex.quote(name)} out.wav` on macOS, "
            f"`ffmpeg -i {shlex.quote(name)} out.wav` elsewhere.",
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
