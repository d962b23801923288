"""Streams of samples that libsndfile decodes, one behind the other."""

from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

import numpy as np
import soundfile

from gpa_mlx.audio.files.spliced_file import FileRange, SplicedFile

if TYPE_CHECKING:
    from gpa_mlx.audio.files.audio_source import ChannelBlock
    from gpa_mlx.audio.files.layout import Layout, Link

UNRECOGNISED = 1
"""libsndfile's error code for a format it does not know; all others mean a known format with something wrong in it."""

_UNKNOWN_FRAMES = 1 << 62
_HEAD = struct.Struct("<II")
_EXIT_TIMEOUT_S = 10.0


class BrokenStreamError(Exception):
    """A stream cannot be decoded, or no further.

    Args:
        is_recognised: libsndfile knows the format.
    """

    def __init__(self, *, is_recognised: bool = True) -> None:
        super().__init__("broken")
        self.is_recognised = is_recognised


class ForwardFile(soundfile.SoundFile):
    """A sound file that is never repositioned.

    soundfile seeks to the place it is at after every read of a seekable file. For MP3 that empties the decoder's bit
    reservoir, which is audible, and for a truncated FLAC it fails although the samples read were good.
    """

    def seekable(self) -> bool:
        """Return False, whatever the file is."""
        return False


class SampleStream(Protocol):
    """One stream of samples.

    Attributes:
        rate_hz: Samples per second.
        channels: At least 1.
        frames: Samples per channel as its header says; None when it does not.
        log: What libsndfile wrote down about the header.
    """

    rate_hz: int
    channels: int
    frames: int | None
    log: str

    def read(self, frames: int) -> ChannelBlock:
        """Return up to so many frames; none at the end.

        Raises:
            BrokenStreamError: The rest cannot be decoded.
        """
        ...

    def close(self) -> None:
        """Free it; idempotent."""
        ...


def open_stream(descriptor: int, layout: Layout | None, number: int) -> SampleStream:
    """Open a stream of a file.

    Args:
        descriptor: The file, open for reading; it stays open.
        layout: Its streams; None for the whole file as it is.
        number: Which, from 0.

    Raises:
        BrokenStreamError: Not a sample of it can be decoded.
    """
    if layout is None:
        return _InProcess(descriptor, None)
    link = layout.links[number]
    return _MpegStream(descriptor, link) if layout.is_mpeg else _InProcess(descriptor, link)


class _InProcess:
    def __init__(self, descriptor: int, link: Link | None) -> None:
        try:
            if link is None:
                # By descriptor and not by name: the name would make soundfile take `.raw` for headerless samples.
                os.lseek(descriptor, 0, os.SEEK_SET)
                self._file = ForwardFile(descriptor, closefd=False)
            else:
                self._file = ForwardFile(cast("BinaryIO", SplicedFile(descriptor, link.pieces)))
        except soundfile.LibsndfileError as error:
            raise BrokenStreamError(is_recognised=error.code != UNRECOGNISED) from error
        self.rate_hz: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.log: str = self._file.extra_info
        found = None if self._file.frames > _UNKNOWN_FRAMES else int(self._file.frames)
        self.frames = link.frames if link is not None and link.frames is not None else found

    def read(self, frames: int) -> ChannelBlock:
        try:
            return np.asarray(self._file.read(frames, dtype="float64", always_2d=True), dtype=np.float64)
        except soundfile.LibsndfileError as error:
            raise BrokenStreamError from error

    def close(self) -> None:
        self._file.close()


class _MpegStream:
    def __init__(self, descriptor: int, link: Link) -> None:
        self.frames, self.log = link.frames, ""
        pieces = [[piece.start, piece.end] if isinstance(piece, FileRange) else piece.hex() for piece in link.pieces]
        program = Path(__file__).with_name("mpeg_process.py")
        self._process = subprocess.Popen(  # noqa: S603 - our own program, no shell
            # -P: the folder of the program, and of the user, are no place to import from.
            [sys.executable, "-P", str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(descriptor,),
            process_group=0,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._out = self._process.stdout
        try:
            with contextlib.suppress(BrokenPipeError), self._process.stdin as request:
                request.write(json.dumps({"descriptor": descriptor, "pieces": pieces}).encode())
            head = self._out.read(_HEAD.size)
        except BaseException:
            self.close()
            raise
        if len(head) < _HEAD.size:
            self.close()
            raise BrokenStreamError
        self.rate_hz, self.channels = _HEAD.unpack(head)

    def read(self, frames: int) -> ChannelBlock:
        width = 4 * self.channels
        content = self._out.read(frames * width)
        whole = len(content) // width * width
        if not whole and self._process.wait(_EXIT_TIMEOUT_S):
            raise BrokenStreamError
        return np.frombuffer(content[:whole], "<f4").reshape(-1, self.channels).astype(np.float64)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._out.close()
