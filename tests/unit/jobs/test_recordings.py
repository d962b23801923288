"""Which files of a folder are recordings."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from gpa_mlx.jobs.recordings import find_recordings


@pytest.mark.parametrize(("code", "pane"), [(errno.EPERM, "Full Disk Access"), (errno.EACCES, "permissions")])
def test_a_protected_folder_is_told_and_the_others_are_searched(tmp_path, monkeypatch, code, pane):
    """macOS keeps apps out of some folders of their own user, with an errno of its own."""
    for name in ("a", "Library", "z"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "memo.wav").touch()
    scan = os.scandir

    def protected(folder):
        if Path(folder).name == "Library":
            raise PermissionError(code, os.strerror(code), str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", protected)
    found = find_recordings([str(tmp_path)], recursive=True)
    assert [recording.path.parent.name for recording in found.recordings] == ["a", "z"]
    (problem,) = found.problems
    assert "Library cannot be searched" in problem.error.message
    assert pane in problem.error.hint


def test_a_folder_is_searched_for_every_kind_of_recording_but_not_for_text(tmp_path):
    sounds = ("a.opus", "b.dts", "c.eac3", "d.m2ts", "e.ts", "f.tta", "g.vob", "h.spx", "i.voc", "j.M4A")
    for name in sounds:
        (tmp_path / name).write_bytes(b"\x47\0\x11\xff" * 100)
    (tmp_path / "index.ts").write_text("export const answer = 42;\n")
    (tmp_path / "board.dts").write_text("/dts-v1/;\n/ { };\n")
    (tmp_path / "notes.txt").write_text("no recording\n")
    found = find_recordings([str(tmp_path)], recursive=True).recordings
    assert {recording.path.name for recording in found} == set(sounds)
