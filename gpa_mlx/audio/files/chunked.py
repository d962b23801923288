"""Files whose header states the size of the samples (WAV, RF64, AIFF, CAF, AU), when that is not true.

A program that was killed, or wrote to a pipe, leaves a size of 0 or one of long ago; libsndfile repairs some of it.
What is believed here is the structure: a size is right when it leads to the next chunk, or to the end of the file.
FLAC is here too, because its header states a number of samples.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from gpa_mlx.audio.files.layout import Layout, Link
from gpa_mlx.audio.files.spliced_file import FileRange

if TYPE_CHECKING:
    from gpa_mlx.audio.files.spliced_file import ByteWindow, Piece

_MAX_32 = 0xFFFF_FFFF
_MOST_CHUNKS = 1000
_MOST_LINKS = 1000
_TOLERATED_BYTES = 512
"""So much behind the last chunk is padding, or a tag of another format, and not sound."""

_MPEG_TAGS = (0x50, 0x55)
_FLAC_START = b"fLaC"


class _Chunk(NamedTuple):
    name: bytes
    start: int
    stated: int


def scan_wav(window: ByteWindow, start: int) -> Layout | None:
    """Find the samples of a WAV file or of several that were joined.

    Returns:
        None when the file is what its header says, or cannot be understood.
    """
    links: list[Link] = []
    position = start
    is_plain = start == 0
    while len(links) < _MOST_LINKS and (found := _wav_link(window, position)) is not None:
        link, position, is_true = found
        links.append(link)
        is_plain = is_plain and is_true and len(links) == 1
    return None if is_plain or not links else Layout(tuple(links))


def mpeg_in_wav(window: ByteWindow, start: int) -> int | None:
    """Return where the samples of a WAV file begin when they are MPEG audio; None otherwise."""
    position, is_mpeg = start + 12, False
    for _ in range(_MOST_CHUNKS):
        chunk = _riff_chunk(window, position)
        if chunk is None:
            return None
        if chunk.name == b"fmt ":
            is_mpeg = int.from_bytes(window.at(chunk.start, 2), "little") in _MPEG_TAGS
        elif chunk.name == b"data":
            return chunk.start if is_mpeg else None
        position = chunk.start + chunk.stated + chunk.stated % 2
    return None


def _wav_link(window: ByteWindow, start: int) -> tuple[Link, int, bool] | None:
    """Return a file's samples, where the next file can begin, and whether its header is right."""
    head = window.at(start, 12)
    if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64", b"BW64") or head[8:] != b"WAVE":
        return None
    big_size: int | None = None
    before: list[Piece] = []
    frame_bytes = 0
    position = start + 12
    for _ in range(_MOST_CHUNKS):
        chunk = _riff_chunk(window, position)
        if chunk is None:
            return None
        if chunk.name == b"ds64":
            sizes = window.at(chunk.start, 16)
            big_size = int.from_bytes(sizes[8:16], "little")
        elif chunk.name == b"data":
            break
        elif chunk.name in (b"fmt ", b"fact"):
            before.append(FileRange(position, chunk.start + chunk.stated + chunk.stated % 2))
            if chunk.name == b"fmt ":
                frame_bytes = int.from_bytes(window.at(chunk.start + 12, 2), "little")
        position = chunk.start + chunk.stated + chunk.stated % 2
    else:
        return None
    if not frame_bytes:
        return None
    stated = big_size if big_size is not None and chunk.stated == _MAX_32 else chunk.stated
    end, following, is_true = _data_end(window, chunk.start, stated)
    size = end - chunk.start
    pieces: list[Piece] = [*before, b"data" + struct.pack("<I", min(size, _MAX_32)), FileRange(chunk.start, end)]
    inner = sum(len(piece) if isinstance(piece, bytes) else piece.end - piece.start for piece in pieces) + 4
    if inner > _MAX_32:
        ds64 = b"ds64" + struct.pack("<IQQQI", 28, inner + 36, size, size // frame_bytes, 0)
        pieces[-2] = b"data" + struct.pack("<I", _MAX_32)
        pieces = [b"RF64" + struct.pack("<I", _MAX_32) + b"WAVE" + ds64, *pieces]
    else:
        pieces = [b"RIFF" + struct.pack("<I", inner) + b"WAVE", *pieces]
    return Link(tuple(pieces)), following, is_true


def _riff_chunk(window: ByteWindow, position: int) -> _Chunk | None:
    head = window.at(position, 8)
    if len(head) < 8 or not _is_name(head[:4]):
        return None
    return _Chunk(head[:4], position + 8, int.from_bytes(head[4:8], "little"))


def _is_name(name: bytes) -> bool:
    return len(name) == 4 and all(32 <= byte < 127 for byte in name)


def _data_end(window: ByteWindow, start: int, stated: int) -> tuple[int, int, bool]:
    """Return where samples end, where another file can follow, and whether the header is right about it.

    Args:
        window: The file.
        start: Where they begin.
        stated: The size in the header.
    """
    end = start + stated
    if end >= window.size:
        # Cut off, or a size of a program that cannot know: libsndfile handles both.
        return window.size, window.size, True
    for padding in (stated % 2, 0):
        if (following := _after_chunks(window, end + padding)) is not None:
            return end, following, True
    return window.size, window.size, False


def _after_chunks(window: ByteWindow, position: int) -> int | None:
    """Return where the chunks from `position` on lead: to the end, or another file; None when they are none."""
    first = position
    for _ in range(_MOST_CHUNKS):
        if window.size - position <= _TOLERATED_BYTES and (position > first or not _is_sound(window, position)):
            return window.size
        if window.at(position, 4) in (b"RIFF", b"RF64", b"BW64") and window.at(position + 8, 4) == b"WAVE":
            return position
        chunk = _riff_chunk(window, position)
        if chunk is None or chunk.start + chunk.stated > window.size:
            return None
        position = chunk.start + chunk.stated + chunk.stated % 2
    return None


def _is_sound(window: ByteWindow, position: int) -> bool:
    """Return whether the last bytes of a file can only be samples: neither a chunk, a tag, nor padding."""
    rest = window.at(position, _TOLERATED_BYTES)
    return bool(rest.strip(b"\0")) and len(rest) > 128 and not rest.startswith(b"TAG") and not _is_name(rest[:4])


def scan_aiff(window: ByteWindow, start: int) -> Layout | None:
    """Find the samples of an AIFF file whose sizes are not true; None when they are, or cannot be understood."""
    head = window.at(start, 12)
    if len(head) < 12 or head[:4] != b"FORM" or head[8:] not in (b"AIFF", b"AIFC"):
        return None
    position = start + 12
    common = b""
    others: list[Piece] = []
    for _ in range(_MOST_CHUNKS):
        chunk = window.at(position, 8)
        if len(chunk) < 8 or not _is_name(chunk[:4]):
            return None
        stated, content = int.from_bytes(chunk[4:], "big"), position + 8
        if chunk[:4] == b"SSND":
            break
        if chunk[:4] == b"COMM":
            common = window.at(position, 8 + stated + stated % 2)
        elif chunk[:4] == b"FVER":
            others.append(FileRange(position, content + stated))
        position = content + stated + stated % 2
    else:
        return None
    frame_bytes = _aiff_frame_bytes(common, head[8:])
    if not frame_bytes:
        return None
    end = content + stated
    is_unfinished = stated <= 8 or (end < window.size and not _leads_to_chunks(window, end + stated % 2))
    true_end = window.size if is_unfinished or end > window.size else end
    frames = (true_end - content - 8) // frame_bytes
    promised = int.from_bytes(common[10:14], "big")
    if start == 0 and not is_unfinished and end <= window.size and frames <= promised:
        return None
    size = true_end - content
    common = common[:10] + min(frames, _MAX_32).to_bytes(4, "big") + common[14:]
    pieces = [*others, common, b"SSND" + min(size, _MAX_32).to_bytes(4, "big"), FileRange(content, true_end)]
    inner = 4 + sum(len(piece) if isinstance(piece, bytes) else piece.end - piece.start for piece in pieces)
    return Layout(
        (
            Link(
                (b"FORM" + min(inner, _MAX_32).to_bytes(4, "big") + head[8:], *pieces),
                frames if is_unfinished else max(frames, promised),
            ),
        )
    )


def _aiff_frame_bytes(common: bytes, kind: bytes) -> int:
    """Return the bytes of a frame of plain samples; 0 for others, and for a header that makes no sense."""
    if len(common) < 26:
        return 0
    if kind == b"AIFC" and common[26:30] not in (
        b"NONE",
        b"sowt",
        b"twos",
        b"fl32",
        b"FL32",
        b"fl64",
        b"in24",
        b"in32",
    ):
        return 0
    channels, bits = int.from_bytes(common[8:10], "big"), int.from_bytes(common[14:16], "big")
    return channels * (-(-bits // 8))


def _leads_to_chunks(window: ByteWindow, position: int) -> bool:
    for _ in range(_MOST_CHUNKS):
        if window.size - position <= _TOLERATED_BYTES:
            return True
        chunk = window.at(position, 8)
        if len(chunk) < 8 or not _is_name(chunk[:4]):
            return False
        stated = int.from_bytes(chunk[4:], "big")
        position += 8 + stated + stated % 2
        if position > window.size + 1:
            return False
    return False


def scan_au(window: ByteWindow, start: int) -> Layout | None:
    """Find the samples of AU files that were joined, or whose size is not true; None when nothing is to be mended."""
    links: list[Link] = []
    position, is_plain = start, start == 0
    while len(links) < _MOST_LINKS and window.at(position, 4) == b".snd":
        head = window.at(position, 24)
        if len(head) < 24:
            break
        offset, stated = struct.unpack(">II", head[4:12])
        content = position + offset
        end = content + stated
        joined = end < window.size and window.at(end, 4) == b".snd"
        if not joined:
            is_plain = is_plain and not links and end >= window.size - _TOLERATED_BYTES
            end = window.size
        else:
            is_plain = False
        if offset < 24 or content > window.size:
            break
        mended = b".snd" + struct.pack(">II", 24, min(end - content, _MAX_32)) + head[12:24]
        links.append(Link((mended, FileRange(content, end))))
        position = end
    return None if is_plain or not links else Layout(tuple(links))


def scan_flac(window: ByteWindow, start: int) -> Layout | None:
    """Find the streams of a FLAC file, without believing how many samples they have."""
    if (first := window.find(_FLAC_START, start, window.size)) < 0:
        return None
    starts = []
    position = first
    while position >= 0 and len(starts) < _MOST_LINKS:
        block = window.at(position + 4, 4)
        if len(block) == 4 and block[0] & 0x7F == 0 and block[1:] == b"\0\0\x22":  # STREAMINFO, of its only size
            starts.append(position)
        position = window.find(_FLAC_START, position + 4, window.size)
    links = []
    for begin, end in pairwise([*starts, window.size]):
        info = bytearray(window.at(begin, 42))
        if len(info) < 42:
            continue
        # 36 bits behind rate, channels and sample size: bytes 21 (the lower half) to 25 of the file.
        promised = (info[21] & 0x0F) << 32 | int.from_bytes(info[22:26], "big")
        info[21] &= 0xF0
        info[22:26] = bytes(4)
        links.append(Link((bytes(info), FileRange(begin + 42, end)), promised or None))
    return Layout(tuple(links)) if links else None
