"""Room on a disk, and what macOS makes room for."""

from __future__ import annotations

import ctypes

import pytest

from gpa_mlx.runtime.macos.purgeable_space import space_for_important_use
from gpa_mlx.store import free_space
from gpa_mlx.store.free_space import free_bytes, space_warning
from tests.support.apple_frameworks import Library


def core(path, space, living, *, knows=True):
    def make_url(allocator, given, length, is_folder):
        assert (allocator, given, length, is_folder) == (None, str(path).encode(), len(str(path).encode()), 1)
        living.add(1)
        return 1

    def copy(url, key, out, error):
        assert (url, key) == (1, "important use")
        if knows:
            out._obj.value = 2
            living.add(2)
        return knows

    def read(number, kind, out):
        assert (number, kind) == (2, 4)
        ctypes.c_int64.from_address(ctypes.addressof(out._obj)).value = space
        return 1

    return Library(
        {"kCFURLVolumeAvailableCapacityForImportantUsageKey": "important use"},
        CFURLCreateFromFileSystemRepresentation=make_url,
        CFURLCopyResourcePropertyForKey=copy,
        CFNumberGetValue=read,
        CFRelease=living.remove,
    )


def test_what_macos_would_make_room_for(tmp_path):
    living = set()
    library = core(tmp_path, 5_000_000_000, living)
    assert space_for_important_use(tmp_path, "darwin", {"CoreFoundation": library}.__getitem__) == 5_000_000_000
    assert living == set()


def test_a_volume_that_does_not_say(tmp_path):
    living = set()
    assert space_for_important_use(tmp_path, "darwin", lambda _: core(tmp_path, 5, living, knows=False)) == 0
    assert living == set()
    assert space_for_important_use(tmp_path, "linux") == 0


@pytest.mark.parametrize(
    ("platform", "purgeable", "free"), [("darwin", 9, 9), ("darwin", 0, 4), ("darwin", 3, 4), ("linux", 9, 4)]
)
def test_the_larger_figure_counts_on_a_mac(tmp_path, monkeypatch, platform, purgeable, free):
    class Usage:
        def __init__(self, path):
            assert path == tmp_path
            self.free = 4

    monkeypatch.setattr(free_space.shutil, "disk_usage", Usage)
    place = tmp_path / "not" / "yet"
    assert free_bytes(place, platform=platform, purgeable=lambda folder: purgeable) == free


def test_too_little_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(free_space, "free_bytes", lambda place: 1_000_000_000)
    assert space_warning(tmp_path, 1_000_000_000, "the model") == ""
    words = space_warning(tmp_path, 2_500_000_000, "the model")
    assert words.startswith("the model needs 2.50 GB, and only 1.00 GB are free")
    assert str(tmp_path) in words
