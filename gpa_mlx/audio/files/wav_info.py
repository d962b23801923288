"""What a WAV file says about itself: its chunks, a digest of its samples, and the texts of its INFO list."""

from __future__ import annotations

import hashlib
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from gpa_mlx.audio.files.existing import address_error
from gpa_mlx.audio.files.wav import PathLike
from gpa_mlx.errors import AudioFileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CHUNK = struct.Struct("<4sI")
_FMT = struct.Struct("<HHIIHH")
_RIFF_BYTES = 12
_MAX_SIZE = 0xFFFF_FFFF
_BLOCK_BYTES = 1 << 20

_MOST_CHUNKS = 1000
"""Files of real programs have a dozen; a made-up one of 4 GiB could have half a billion."""

_MOST_INFO_BYTES = 1 << 16
_EXTENSIBLE = 0xFFFE
_SUBTYPES = {
    (1, 8): "PCM_U8",
    (1, 16): "PCM_16",
    (1, 24): "PCM_24",
    (1, 32): "PCM_32",
    (3, 32): "FLOAT",
    (3, 64): "DOUBLE",
}
_OTHER_FORMATS = {
    b"fLaC": "a FLAC file",
    b"OggS": "an Ogg file",
    b"ID3\x02": "an MP3 file",
    b"ID3\x03": "an MP3 file",
    b"ID3\x04": "an MP3 file",
    b"FORM": "an AIFF file",
    b"caff": "a CAF file",
    b"RF64": "an RF64 file",
    b"BW64": "a BW64 file",
    b"riff": "a Wave64 file",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WavContent:
    """What is in a WAV file.

    Attributes:
        sample_rate: Frames per second.
        channels: Samples per frame.
        subtype: Sample format as libsndfile spells it; `format N, B bits` for the less usual.
        frames: Of the `data` chunk, as far as it is there.
        data_sha256: Of the bytes of the `data` chunk, hexadecimal.
        chunks: Names in the order of the file; an INFO list is `INFO`.
        info: Texts of the INFO lists, by four-letter name.
        is_whole: The file ends where its header says, no chunk is cut, and texts fill their list.
    """

    sample_rate: int
    channels: int
    subtype: str
    frames: int
    data_sha256: str
    chunks: tuple[str, ...]
    info: Mapping[str, str]
    is_whole: bool


class _Chunk(NamedTuple):
    """Where a chunk is: `start` is that of its content, `size` what of it is in the file."""

    name: bytes
    start: int
    size: int
    is_whole: bool


def read_wav(path: PathLike) -> WavContent:
    """Read a WAV file once, in pieces; what is damaged or unusual is described rather than refused.

    Args:
        path: The file.

    Raises:
        AudioFileError: It cannot be read, is no RIFF WAV file, or has no samples.
    """
    try:
        if not Path(path).is_file():
            problem = "is not a regular file" if Path(path).exists() else "does not exist"
            raise address_error(str(path)) or AudioFileError(f"{path} {problem}.", hint="Give the name of a WAV file.")
        with Path(path).open("rb") as file:
            return _read(file, path)
    except OSError as error:
        raise AudioFileError(
            f"{path} cannot be read: {error.strerror or error}.", hint="Check the file and its permissions."
        ) from error
    except ValueError as error:  # a name that no file can have
        raise AudioFileError(f"{path!r} cannot be the name of a file.", hint="Check the name.") from error


def append_info(path: PathLike, info: Mapping[str, str]) -> None:
    """Add an INFO list behind everything else in a finished WAV file.

    The list is written first and the size in the header last: a crash in between leaves the file as it was, with some
    bytes behind its end that every reader passes over and the next call replaces.

    Args:
        path: The file; a symbolic link is followed.
        info: Texts by four-letter name, `ISFT` for example, without NUL characters.

    Raises:
        AudioFileError: It is no RIFF WAV file or is cut short, would be larger than 4 GiB, or cannot be written.
    """
    content = _encode_info(info)
    try:
        with Path(path).open("r+b", buffering=0) as file:
            stated, name, kind = _riff_head(file.read(_RIFF_BYTES), path)
            end = 8 + stated + stated % 2
            is_there = stated != _MAX_SIZE and os.fstat(file.fileno()).st_size >= 8 + stated
            # A chunk that reaches beyond the end would swallow the list.
            if not is_there or not all(chunk.is_whole for chunk in _chunks(file, 8 + stated)):
                raise AudioFileError(f"{path} is cut short.", hint="Make the file again.")
            size = end + len(content) - 8
            if size > _MAX_SIZE:
                raise AudioFileError(
                    f"{path} has no room for a description: a WAV file has at most 4 GiB.",
                    hint="Use a smaller sample format, or make two files of it.",
                )
            file.truncate(8 + stated)  # so that the byte that makes an odd size even is 0
            try:
                _write_all(file, content, end)
                _write_all(file, struct.pack("<4sI4s", name, size, kind), 0)
            except OSError:
                file.truncate(end)
                raise
    except OSError as error:
        raise AudioFileError(
            f"{path} cannot be written: {error.strerror or error}.", hint="Free some space there, or choose another."
        ) from error


def _read(file: BinaryIO, path: PathLike) -> WavContent:
    size = os.fstat(file.fileno()).st_size
    stated, _, _ = _riff_head(file.read(_RIFF_BYTES), path)
    end = size if stated in (0, _MAX_SIZE) else min(size, 8 + stated)
    is_whole = size == 8 + stated
    names: list[str] = []
    info: dict[str, str] = {}
    fmt: bytes | None = None
    data: _Chunk | None = None
    for chunk in _chunks(file, end):
        is_whole = is_whole and chunk.is_whole
        names.append(chunk.name.decode("latin-1"))
        if chunk.name == b"fmt " and fmt is None:
            fmt = _content(file, chunk, 40)
        elif chunk.name == b"data" and data is None:
            data = chunk
        elif chunk.name == b"LIST":
            content = _content(file, chunk, _MOST_INFO_BYTES)
            if content[:4] == b"INFO":
                names[-1] = "INFO"
                texts, fits = _decode_info(content[4:])
                info |= texts
                is_whole = is_whole and fits
    if fmt is None or len(fmt) < _FMT.size or data is None:
        raise AudioFileError(f"{path} is a WAV file without samples.", hint="Check the file.")
    tag, channels, sample_rate, _, frame_bytes, bits = _FMT.unpack_from(fmt)
    if tag == _EXTENSIBLE and len(fmt) >= 26:
        tag = int.from_bytes(fmt[24:26], "little")
    return WavContent(
        sample_rate=sample_rate,
        channels=channels,
        subtype=_SUBTYPES.get((tag, bits), f"format {tag}, {bits} bits"),
        frames=data.size // (frame_bytes or 1),
        data_sha256=_digest(file, data),
        chunks=tuple(names),
        info=info,
        is_whole=is_whole,
    )


def _riff_head(start: bytes, path: PathLike) -> tuple[int, bytes, bytes]:
    """Return the size that a file states for what follows, and the two names around it."""
    if len(start) < _RIFF_BYTES or start[:4] != b"RIFF" or start[8:12] != b"WAVE":
        kind = _OTHER_FORMATS.get(start[:4])
        if start[4:8] == b"ftyp":
            kind = "an MPEG-4 file"
        raise AudioFileError(
            f"{path} is not a WAV file{f': it is {kind}' if kind else ''}.", hint="Give the name of a WAV file."
        )
    return int.from_bytes(start[4:8], "little"), start[:4], start[8:12]


def _chunks(file: BinaryIO, end: int) -> Iterator[_Chunk]:
    position = _RIFF_BYTES
    for _ in range(_MOST_CHUNKS):
        if position + _CHUNK.size > end:
            return
        file.seek(position)
        name, stated = _CHUNK.unpack(file.read(_CHUNK.size))
        start = position + _CHUNK.size
        yield _Chunk(name, start, min(stated, end - start), start + stated <= end)
        position = start + stated + stated % 2


def _content(file: BinaryIO, chunk: _Chunk, most: int) -> bytes:
    file.seek(chunk.start)
    return file.read(min(chunk.size, most))


def _digest(file: BinaryIO, chunk: _Chunk) -> str:
    digest = hashlib.sha256()
    file.seek(chunk.start)
    rest = chunk.size
    while rest and (block := file.read(min(rest, _BLOCK_BYTES))):
        digest.update(block)
        rest -= len(block)
    return digest.hexdigest()


def _encode_info(info: Mapping[str, str]) -> bytes:
    entries = b"INFO"
    for name, text in info.items():
        assert len(name) == 4, "four letters"
        assert "\0" not in text, "NUL ends the text"
        value = text.encode() + b"\0"
        entries += _CHUNK.pack(name.encode("ascii"), len(value)) + value + bytes(len(value) % 2)
    return _CHUNK.pack(b"LIST", len(entries)) + entries


def _decode_info(content: bytes) -> tuple[dict[str, str], bool]:
    """Read the entries of a list as far as they go, the first of a name counts, and whether they fill it exactly."""
    found: dict[str, str] = {}
    position = 0
    while position + _CHUNK.size <= len(content):
        name, size = _CHUNK.unpack_from(content, position)
        position += _CHUNK.size
        text = content[position : position + size].partition(b"\0")[0].decode("utf-8", errors="replace")
        found.setdefault(name.decode("latin-1"), text)
        position += size + size % 2
    return found, position == len(content)


def _write_all(file: BinaryIO, content: bytes, offset: int) -> None:
    """Write everything; one call to the system may write a part."""
    rest = memoryview(content)
    while rest:
        written = os.pwrite(file.fileno(), rest, offset)
        rest = rest[written:]
        offset += written
