"""Samples with time stamps as `ffmpeg -f matroska` writes them to a pipe (RFC 9559, of which this is a small part)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_EBML, _SEGMENT, _INFO, _TRACKS, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
_SCALE, _TRACK_ENTRY, _AUDIO, _RATE, _CHANNELS = 0x2AD7B1, 0xAE, 0xE1, 0xB5, 0x9F
_CLUSTER_TIME, _SIMPLE_BLOCK, _BLOCK_GROUP, _BLOCK = 0xE7, 0xA3, 0xA0, 0xA1
_ENTERED = frozenset((_SEGMENT, _INFO, _TRACKS, _CLUSTER, _TRACK_ENTRY, _AUDIO, _BLOCK_GROUP))
_MOST_BYTES = 1 << 28


@dataclass(frozen=True, slots=True)
class PcmFormat:
    """What the samples are: float32, interleaved."""

    rate_hz: int
    channels: int


@dataclass(frozen=True, slots=True, eq=False)
class PcmBlock:
    """Samples `(frames, channels)` float32, and when they are to be heard, in seconds, to a millisecond."""

    time_s: float
    samples: npt.NDArray[np.float32]


class MatroskaPcm:
    """Reads one track of float32 samples.

    Args:
        read: Returns exactly so many bytes, fewer only at the end.

    Raises:
        ValueError: It is no such stream, or ends before its first samples.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._scale_s = 1e-3
        self._time = 0
        self._first: PcmBlock | None = None
        self._frame_bytes = 0
        rate_hz, channels = 0.0, 1
        for name, content in self._elements():
            if name == _SCALE:
                self._scale_s = int.from_bytes(content, "big") * 1e-9
            elif name == _RATE:
                rate_hz = struct.unpack(">d" if len(content) == 8 else ">f", content)[0]
            elif name == _CHANNELS:
                channels = int.from_bytes(content, "big")
            elif name in (_SIMPLE_BLOCK, _BLOCK):
                break
        else:
            raise ValueError("no samples")
        if not rate_hz >= 1 or not 1 <= channels <= 1024:
            raise ValueError("no format")
        self.format = PcmFormat(round(rate_hz), channels)
        self._first = self._block(content)

    def blocks(self) -> Iterator[PcmBlock]:
        """Yield the blocks; a stream that breaks off ends there."""
        if self._first is not None:
            yield self._first
        for name, content in self._elements():
            if name in (_SIMPLE_BLOCK, _BLOCK):
                yield self._block(content)

    def _block(self, content: bytes) -> PcmBlock:
        # Track number (one byte for small ones), time relative to the cluster, flags; ffmpeg uses no lacing for PCM.
        start = 4
        relative = struct.unpack(">h", content[1:3])[0]
        width = 4 * self.format.channels
        whole = (len(content) - start) // width * width
        samples = np.frombuffer(content, "<f4", whole // 4, start).reshape(-1, self.format.channels)
        return PcmBlock((self._time + relative) * self._scale_s, samples)

    def _elements(self) -> Iterator[tuple[int, bytes]]:
        """Yield the elements that hold values; those that hold elements are entered."""
        while True:
            name = self._number(keeps_marker=True)
            size = self._number(keeps_marker=False)
            if name is None or size is None:
                return
            if name in _ENTERED:
                continue
            if size > _MOST_BYTES:
                raise ValueError("an element of an absurd size")
            content = self._read(size)
            if len(content) < size:
                return
            if name == _CLUSTER_TIME:
                self._time = int.from_bytes(content, "big")
            else:
                yield name, content

    def _number(self, *, keeps_marker: bool) -> int | None:
        """Read a number of variable length: as many leading zero bits as bytes follow the first."""
        first = self._read(1)
        if not first or not first[0]:
            return None
        length = 9 - first[0].bit_length()
        rest = self._read(length - 1)
        if len(rest) < length - 1:
            return None
        lead = first[0] if keeps_marker else first[0] & (0xFF >> length)
        return int.from_bytes(bytes([lead]) + rest, "big")
