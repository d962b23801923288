"""Files that are whole or absent."""

from __future__ import annotations

import pytest

from gpa_mlx.store.files import sweep_partials, write_atomically


def test_a_new_file_and_its_folder(tmp_path):
    path = tmp_path / "a" / "b.txt"
    write_atomically(path, "ä\n")
    assert path.read_bytes() == b"\xc3\xa4\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["b.txt"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_name_may_be_as_long_as_names_can_be(tmp_path):
    path = tmp_path / ("x" * 255)
    write_atomically(path, "text")
    assert path.read_text() == "text"


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "\ud800")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_leftovers_of_killed_writers_are_swept(tmp_path, monkeypatch):
    monkeypatch.setattr("gpa_mlx.store.files.Path.unlink", lambda path, missing_ok: None)  # as if killed
    with pytest.raises(UnicodeEncodeError):
        write_atomically(tmp_path / "a", "\ud800")
    monkeypatch.undo()
    (tmp_path / "b").touch()
    assert len(list(tmp_path.iterdir())) == 2
    sweep_partials(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["b"]
