"""Sizes and durations for people."""

from __future__ import annotations

from gpa_mlx.text.quantities import readable_duration, readable_size


def test_durations():
    shown = [readable_duration(value) for value in (0, 59.9, 60, 3600, 360_000)]
    assert shown == ["0:00", "0:59", "1:00", "1:00:00", "100:00:00"]


def test_sizes():
    sizes = (0, 30_000, 6_120_000, 9_990_000, 45_400_000, 999_000_000, 10**9, 12_345_678_900)
    shown = [readable_size(size) for size in sizes]
    assert shown == ["0 MB", "0 MB", "6 MB", "10 MB", "45 MB", "999 MB", "1.00 GB", "12.35 GB"]
