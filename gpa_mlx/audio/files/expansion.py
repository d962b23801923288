"""How much sound a file may decode to.

A few bytes can stand for hours: a table of an MPEG-4 file that names the same samples again and again, FLAC or AAC of
digital silence, a gap between two time stamps. Sound is read block by block, so that memory stays flat, but whoever
sends such a file decides how long the machine works. The sparsest sound that people have, silence in Opus with
discontinuous transmission, takes 20 bytes a second; speech takes hundreds.
"""

from __future__ import annotations

from gpa_mlx.errors import AudioFileError
from gpa_mlx.text.quantities import readable_duration

_FREE_S = 600.0
"""So much may be in the smallest file."""

_LEAST_BYTES_PER_S = 10.0
_VALUES_PER_S = 2 * 48_000
"""Samples of all channels; a second that has more counts for several."""


class ExpansionLimit:
    """Counts what comes out of a file against its size.

    Args:
        name: The file, for messages.
        size: Its bytes.
        rate_hz: Sample rate of what comes out.
        channels: How many there are.
    """

    def __init__(self, name: str, size: int, rate_hz: int, channels: int) -> None:
        self._name = name
        self._size = size
        self._values_per_s = rate_hz * channels
        self._most_values = longest_s(size) * min(self._values_per_s, _VALUES_PER_S)
        self._values = 0

    def count(self, values: int) -> None:
        """Take so many samples, of all channels together.

        Raises:
            AudioFileError: It is more than such a file can hold.
        """
        self._values += values
        if self._values > self._most_values:
            raise expanded(self._name, self._size, self._values / self._values_per_s)


def most_values(size: int) -> float:
    """Return how many samples, of all channels, a file of so many bytes may hold, whatever its rate."""
    return longest_s(size) * _VALUES_PER_S


def expanded(name: str, size: int, after_s: float) -> AudioFileError:
    """Return the error for a file that goes on after so many seconds."""
    return AudioFileError(
        f"{name} goes on after {readable_duration(after_s)}, which no recording of {size / 1000:.0f} kB does.",
        hint="If it is right, decode it yourself and give the result: `ffmpeg -i FILE decoded.wav`.",
    )


def longest_s(size: int) -> float:
    """Return how many seconds a file of so many bytes may hold."""
    return _FREE_S + size / _LEAST_BYTES_PER_S
