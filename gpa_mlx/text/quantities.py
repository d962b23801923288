"""Sizes and durations as people read them."""

from __future__ import annotations

_GB = 10**9
_MB = 10**6


def readable_size(size_bytes: int) -> str:
    """Return a number of bytes as `1.23 GB` or `45 MB`, in decimal units."""
    return f"{size_bytes / _GB:.2f} GB" if size_bytes >= _GB else f"{size_bytes / _MB:.0f} MB"


def readable_duration(duration_s: float) -> str:
    """Return a time as `2:05` or `1:02:05`; parts of a second are cut off."""
    minutes, seconds = divmod(int(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
