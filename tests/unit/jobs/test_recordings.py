"""Which files of a folder are recordings."""

from __future__ import annotations

from gpa_mlx.jobs.recordings import find_recordings


def test_a_folder_is_searched_for_every_kind_of_recording_but_not_for_text(tmp_path):
    sounds = ("a.opus", "b.dts", "c.eac3", "d.m2ts", "e.ts", "f.tta", "g.vob", "h.spx", "i.voc", "j.M4A")
    for name in sounds:
        (tmp_path / name).write_bytes(b"\x47\0\x11\xff" * 100)
    (tmp_path / "index.ts").write_text("export const answer = 42;\n")
    (tmp_path / "board.dts").write_text("/dts-v1/;\n/ { };\n")
    (tmp_path / "notes.txt").write_text("no recording\n")
    found = find_recordings([str(tmp_path)], recursive=True).recordings
    assert {recording.path.name for recording in found} == set(sounds)
