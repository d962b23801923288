"""Ogg files (RFC 3533) page by page: streams that are chained one behind the other, and pages that are damaged."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gpa_mlx.audio.files.layout import Layout, Link
from gpa_mlx.audio.files.spliced_file import ByteWindow, FileRange

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD_BYTES = 27
_FIRST, _LAST = 2, 4
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class _Page(NamedTuple):
    start: int
    end: int
    kind: int
    serial: int
    number: int


@dataclass(slots=True)
class _Chain:
    ranges: list[FileRange]
    serials: set[int]
    has_audio: bool = False


def scan(window: ByteWindow, start: int) -> Layout | None:
    """Find the links of an Ogg file.

    Args:
        window: The file.
        start: Where its first page is.

    Returns:
        A link for each chained file; None when there is no page.
    """
    chains: list[_Chain] = []
    last: dict[int, int] = {}
    is_damaged = False
    ended: set[int] = set()
    position = start
    for page in _pages(window, start):
        is_damaged = is_damaged or page.start != position
        position = page.end
        if page.kind & _FIRST and (not chains or chains[-1].has_audio):
            chains.append(_Chain([], set()))
            last = {}
            ended = set()
        if not chains:
            continue
        chain = chains[-1]
        if page.kind & _LAST:
            ended.add(page.serial)
        if page.kind & _FIRST:
            chain.serials.add(page.serial)
        else:
            chain.has_audio = True
            if page.serial in last and page.number != last[page.serial] + 1:
                is_damaged = True
        last[page.serial] = page.number
        if chain.ranges and chain.ranges[-1].end == page.start:
            chain.ranges[-1] = FileRange(chain.ranges[-1].start, page.end)
        else:
            chain.ranges.append(FileRange(page.start, page.end))
    if not chains:
        return None
    return Layout(tuple(Link(tuple(chain.ranges)) for chain in chains), is_damaged=is_damaged, is_unended=not ended)


def _pages(window: ByteWindow, start: int) -> Iterator[_Page]:
    """Yield the pages whose checksums are right."""
    position = start
    while (position := window.find(b"OggS", position, window.size)) >= 0:
        head = window.at(position, _HEAD_BYTES)
        if len(head) < _HEAD_BYTES:
            return
        lengths = window.at(position + _HEAD_BYTES, head[26])
        size = _HEAD_BYTES + len(lengths) + sum(lengths)
        page = window.at(position, size)
        stated = int.from_bytes(page[22:26], "little")
        if len(page) == size and stated == _checksum(page[:22] + bytes(4) + page[26:]):
            serial, number = int.from_bytes(head[14:18], "little"), int.from_bytes(head[18:22], "little")
            yield _Page(position, position + size, head[5], serial, number)
            position += size
        else:
            position += 4


def _checksum(page: bytes) -> int:
    """Return Ogg's CRC: the polynomial of zlib's, but without reflection and without inversion."""
    reflected = zlib.crc32(page.translate(_REVERSED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int(f"{reflected:032b}"[::-1], 2)
