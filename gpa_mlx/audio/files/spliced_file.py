"""Pieces of a file, with other bytes before or between them, read as if they were one file."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class FileRange:
    """The bytes `start` to `end` of the underlying file."""

    start: int
    end: int


Piece: TypeAlias = bytes | FileRange
"""What a spliced file is made of, in order."""


def piece_bytes(piece: Piece) -> int:
    """Return the length of a piece."""
    return len(piece) if isinstance(piece, bytes) else piece.end - piece.start


class SplicedFile(io.RawIOBase):
    """A read-only, seekable file made of pieces; the position of the underlying descriptor is neither used nor moved.

    Args:
        descriptor: The underlying regular file; it stays open when this is closed.
        pieces: What the file is made of.
    """

    def __init__(self, descriptor: int, pieces: Sequence[Piece]) -> None:
        self._descriptor = descriptor
        self._pieces = tuple(pieces)
        self._ends = list(accumulate(map(piece_bytes, self._pieces)))
        self._position = 0

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self._ends[-1] if self._ends else 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position, also behind the end, and return it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: memoryview | bytearray, /) -> int:  # type: ignore[override]
        """Read up to the end of `buffer` or of the file and return how many bytes that were."""
        view = memoryview(buffer).cast("B")
        done = 0
        start = 0
        for piece, end in zip(self._pieces, self._ends, strict=True):
            if done < len(view) and start <= self._position < end:
                wanted = min(len(view) - done, end - self._position)
                content = self._read(piece, self._position - start, wanted)
                view[done : done + len(content)] = content
                done += len(content)
                self._position += len(content)
                if len(content) < wanted:  # the file has become shorter
                    break
            start = end
        return done

    def _read(self, piece: Piece, offset: int, count: int) -> bytes:
        if isinstance(piece, bytes):
            return piece[offset : offset + count]
        return read_at(self._descriptor, piece.start + offset, count)


def read_at(descriptor: int, start: int, count: int) -> bytes:
    """Read up to `count` bytes from `start` on; fewer only at the end of the file."""
    parts = []
    while count > 0 and (part := os.pread(descriptor, count, start)):
        parts.append(part)
        start += len(part)
        count -= len(part)
    return b"".join(parts)


class ByteWindow:
    """Random access to a file that is mostly walked through forward: one block is kept.

    Args:
        descriptor: The file.
        size: Its length.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self.size = size
        self._start = 0
        self._block = b""

    def at(self, start: int, count: int) -> bytes:
        """Return up to `count` bytes from `start` on; fewer only at the end."""
        offset = start - self._start
        if offset < 0 or offset + count > len(self._block):
            self._block = read_at(self._descriptor, start, max(count, _BLOCK_BYTES))
            self._start, offset = start, 0
        return self._block[offset : offset + count]

    def find(self, needle: bytes, start: int, end: int) -> int:
        """Return where `needle` begins between `start` and `end`, -1 if nowhere."""
        while start < end:
            block = self.at(start, min(_BLOCK_BYTES, end - start))
            if (place := block.find(needle)) >= 0:
                return start + place
            if len(block) <= len(needle):
                break
            start += len(block) - len(needle) + 1
        return -1

    def skip(self, value: int, start: int) -> int:
        """Return the first position from `start` on that holds another byte than `value`; the size if there is none."""
        while start < self.size:
            block = self.at(start, _BLOCK_BYTES)
            if not block:
                break
            rest = block.lstrip(bytes([value]))
            if rest:
                return start + len(block) - len(rest)
            start += len(block)
        return self.size
