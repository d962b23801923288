"""Tags of MPEG-4 audio files: the list `ilst` of iTunes, read and appended.

A file consists of boxes: a length, a name, a content that may be boxes. `moov` describes the sound, `mdat` holds it,
and `moov` says at which byte of the file. So a new `moov` goes to the end of the file and the old one becomes free
space: no offset changes.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from typing import BinaryIO, NamedTuple

SOFTWARE, COMMENT = b"\xa9too", b"\xa9cmt"
"""The names of the entries for the program that made a file, and for a comment."""

_BLOCK_BYTES = 1 << 20
_MOST_BOXES = 10_000
_MOST_MOOV_BYTES = 1 << 28
_UTF_8 = 1


class _Box(NamedTuple):
    """Where a box is: `start` is that of its length, `body` that of its content."""

    name: bytes
    start: int
    body: int
    end: int


def media(file: BinaryIO) -> Iterator[bytes]:
    """Yield the compressed sound in pieces."""
    for box in _boxes_of(file):
        if box.name == b"mdat":
            file.seek(box.body)
            rest = box.end - box.body
            while rest and (block := file.read(min(rest, _BLOCK_BYTES))):
                yield block
                rest -= len(block)


def read_tags(file: BinaryIO) -> dict[bytes, str]:
    """Return the texts of the entries by their names.

    Raises:
        ValueError: The boxes do not fit together.
    """
    tags: dict[bytes, str] = {}
    moov = _content_of(file, b"moov")
    for entry in _inside(moov, _find(moov, (b"udta", b"meta", b"ilst"))):
        for data in _inside(moov, entry):
            if data.name == b"data":
                tags[entry.name] = moov[data.body + 8 : data.end].decode("utf-8", errors="replace")
    return tags


def write_tags(file: BinaryIO, tags: Mapping[bytes, str]) -> None:
    """Give a finished file these tags and no others.

    Args:
        file: Open for reading and writing.
        tags: Texts by name.

    Raises:
        ValueError: The file has no description, or its boxes do not fit together.
        OSError: It cannot be written.
    """
    old = next((box for box in _boxes_of(file) if box.name == b"moov"), None)
    if old is None:
        raise ValueError("there is no moov")
    content = _content_of(file, b"moov")
    kept = b"".join(
        content[box.start : box.end]
        for box in _inside(content, _Box(b"moov", 0, 0, len(content)))
        if box.name != b"udta"
    )
    moov = _box(b"moov", kept + _box(b"udta", _meta(tags)))
    if old.end == file.seek(0, os.SEEK_END):
        file.truncate(old.start)
    else:
        file.seek(old.start + 4)
        file.write(b"free")
    file.seek(0, os.SEEK_END)
    file.write(moov)


def _meta(tags: Mapping[bytes, str]) -> bytes:
    entries = b"".join(
        _box(name, _box(b"data", struct.pack(">II", _UTF_8, 0) + text.encode())) for name, text in tags.items()
    )
    handler = _box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    return _box(b"meta", bytes(4) + handler + _box(b"ilst", entries))


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


def _boxes_of(file: BinaryIO) -> Iterator[_Box]:
    """Yield the boxes of the file itself; the last one may be cut."""
    end = os.fstat(file.fileno()).st_size
    start = 0
    for _ in range(_MOST_BOXES):
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            return
        size, name = struct.unpack_from(">I4s", head)
        body = start + 8
        if size == 1 and len(head) == 16:
            size, body = int.from_bytes(head[8:16], "big"), start + 16
        stop = end if size == 0 else start + size
        if stop < body:
            raise ValueError("a box is smaller than its head")
        yield _Box(name, start, body, min(stop, end))
        start = stop


def _content_of(file: BinaryIO, name: bytes) -> bytes:
    for box in _boxes_of(file):
        if box.name == name:
            file.seek(box.body)
            return file.read(min(box.end - box.body, _MOST_MOOV_BYTES))
    return b""


def _inside(content: bytes, outer: _Box) -> Iterator[_Box]:
    start = outer.body
    for _ in range(_MOST_BOXES):
        if start + 8 > outer.end:
            return
        size, name = struct.unpack_from(">I4s", content, start)
        if size < 8 or start + size > outer.end:
            raise ValueError("a box is larger than the one around it")
        yield _Box(name, start, start + 8, start + size)
        start += size


def _find(content: bytes, path: tuple[bytes, ...]) -> _Box:
    """Return a box by the names that lead to it, an empty one where there is none."""
    found = _Box(b"", 0, 0, len(content))
    for name in path:
        found = next((box for box in _inside(content, found) if box.name == name), _Box(b"", 0, 0, 0))
        if name == b"meta":  # a version comes before its boxes
            found = found._replace(body=min(found.body + 4, found.end))
    return found
