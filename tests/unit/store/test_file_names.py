"""Names of one file, on file systems that compare them in other ways; here links stand for the other spelling."""

from __future__ import annotations

import os

import pytest

from gpa_mlx.jobs.recordings import find_recordings
from gpa_mlx.store.file_names import is_same_file, lies_in, name_key, same_spelling

COMPOSED, DECOMPOSED = "caf\u00e9.wav", "cafe\u0301.WAV"


def test_case_and_composition_are_no_difference():
    assert name_key(COMPOSED) == name_key(DECOMPOSED)
    assert name_key("Straße") == name_key("STRASSE")
    assert name_key("a") != name_key("b")


@pytest.mark.parametrize("is_one_file", [True, False])
def test_a_recording_that_is_named_twice_is_read_once_where_the_file_system_has_one(tmp_path, is_one_file):
    (tmp_path / COMPOSED).write_bytes(b"x")
    if is_one_file:
        os.link(tmp_path / COMPOSED, tmp_path / DECOMPOSED)
    else:
        (tmp_path / DECOMPOSED).write_bytes(b"y")
    names = [str(tmp_path / COMPOSED), str(tmp_path / DECOMPOSED)]
    assert len(find_recordings(names, recursive=False).recordings) == 2 - is_one_file


def test_another_name_for_a_file_is_another_recording(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "b").symlink_to("a")
    assert same_spelling(str(tmp_path / "a")) != same_spelling(str(tmp_path / "b"))
    assert same_spelling("/not/here") == same_spelling("/not/there/../here") != same_spelling("/not/HERE")


def test_a_folder_is_known_by_all_its_names(tmp_path):
    folder = tmp_path / "Model"
    (folder / "lm").mkdir(parents=True)
    (tmp_path / "model").symlink_to("Model")
    for inside in (folder, folder / "lm", tmp_path / "model" / "lm", folder / "not yet"):
        assert lies_in(inside, folder)
        assert lies_in(inside, tmp_path / "model")
    assert not lies_in(tmp_path, folder)
    assert not lies_in(tmp_path / "Model2", folder)


def test_a_file_that_is_not_there_yet(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    assert is_same_file(tmp_path / "a", tmp_path / "link" / "a")
    assert not is_same_file(tmp_path / "a", tmp_path / "b")
    assert not is_same_file(tmp_path / "x" / "a", tmp_path / "y" / "a")
