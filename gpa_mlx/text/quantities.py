"""Sizes and durations as people read them."""

from __future__ import annotations

_GB = 10**9
_MB = 10**6


def readable_size(size_bytes: int) -> str:
    """Return a number of bytes as `1.23 GB`, `45 MB`, `6.7 MB` or `0 MB`, in decimal units."""
    if size_bytes >= _GB:
        return f"{size_bytes / _GB:.2f} GB"
    return f"{round(size_bytes / _MB, 0 if size_bytes >= 10 * _MB else 1):g} MB"


def readable_duration(duration_s: float) -> str:
    """Return a time as `2:05` or `1:02:05`; parts of a second are cut off."""
    minutes, seconds = divmod(int(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
