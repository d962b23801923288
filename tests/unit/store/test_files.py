"""Files that are whole or absent."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gpa_mlx import settings
from gpa_mlx.audio.files.wav import write_wav
from gpa_mlx.errors import GPAError
from gpa_mlx.store import models
from gpa_mlx.store.files import locked, make_private, sweep_partials, write_atomically
from gpa_mlx.store.progress import result_of
from gpa_mlx.store.text_output import append_text, require_appendable, write_text
from gpa_mlx_convert.pipeline import ConvertOptions, stream_convert


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
    monkeypatch.setattr("gpa_mlx.store.files.Path.chmod", lambda path, mode: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_atomically(tmp_path / "a", "new")
    monkeypatch.undo()
    (tmp_path / "b").touch()
    assert len(list(tmp_path.iterdir())) == 2
    sweep_partials(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["b"]


def test_what_somebody_is_writing_is_not_swept(tmp_path, monkeypatch):
    replaced = Path.replace

    def swept_first(self, target):
        sweep_partials(tmp_path)
        return replaced(self, target)

    monkeypatch.setattr(Path, "replace", swept_first)
    write_atomically(tmp_path / "a", "new")
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("a", "new")]


def test_a_file_that_is_swept_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    lock, sweeps = fcntl.flock, []

    def swept_first(file, operation):
        if not operation & fcntl.LOCK_NB and not sweeps:
            sweeps.append(file)
            sweep_partials(tmp_path)
        lock(file, operation)

    monkeypatch.setattr("gpa_mlx.store.files.fcntl.flock", swept_first)
    write_atomically(tmp_path / "a", "new")
    assert sweeps
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("a", "new")]


def test_who_holds_a_folder_finds_nothing_half_written(tmp_path):
    (tmp_path / ".partial-0123456789abcdef").touch()
    with locked(tmp_path):
        assert [entry.name for entry in tmp_path.iterdir()] == [".lock"]


KILLED = """
import os, signal
from gpa_mlx import settings
from gpa_mlx.store import models
os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)
"""
ORIGIN = "models.write_origin('gpa', models.Origin('owner/name', None, 'c0ffee', 'float32', None))"
SETTING = "settings.store('model', 'gpa')"


@pytest.mark.parametrize(("written", "folder"), [(ORIGIN, "models"), (SETTING, ".")])
def test_a_record_whose_writer_was_killed_leaves_nothing_beside_the_next(program_home, written, folder):
    folder = program_home / folder
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run([sys.executable, "-c", KILLED + written], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert any(entry.name.startswith(".partial-") for entry in folder.iterdir())
    with models.changing():
        pass
    settings.store("theme", "dark")
    assert not any(entry.name.startswith(".partial-") for entry in folder.iterdir())


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_umask")
def test_what_is_private_can_be_read_by_its_owner_alone(tmp_path):
    folder = tmp_path / "made" / "private"
    make_private(folder)
    write_atomically(folder / "said.txt", "words", private=True)
    assert (mode_of(folder), mode_of(folder / "said.txt")) == (0o700, 0o600)
    assert mode_of(folder.parent) == 0o755


@pytest.mark.usefixtures("usual_umask")
def test_a_folder_that_others_could_read_is_closed(tmp_path):
    folder = tmp_path / "old"
    folder.mkdir(mode=0o755)
    make_private(folder)
    assert mode_of(folder) == 0o700


@pytest.mark.usefixtures("usual_umask")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o664])
def test_a_replaced_file_keeps_its_permissions(tmp_path, mode):
    path = tmp_path / "notes.txt"
    path.write_text("old")
    path.chmod(mode)
    write_atomically(path, "new")
    assert (mode_of(path), path.read_text()) == (mode, "new")
    write_wav(path, np.zeros(10), 16_000)
    assert mode_of(path) == mode


@pytest.mark.usefixtures("usual_umask")
def test_a_new_file_has_the_usual_permissions(tmp_path):
    write_atomically(tmp_path / "a.txt", "new")
    write_wav(tmp_path / "a.wav", np.zeros(10), 16_000)
    assert mode_of(tmp_path / "a.txt") == mode_of(tmp_path / "a.wav") == 0o644


def convert_to(path):
    result_of(stream_convert(path.parent / "source", path, ConvertOptions("float32", None, force=True)))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a link that belongs to somebody else")
@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_atomically(path, "new"),
        lambda path: write_wav(path, np.zeros(9), 16_000),
        lambda path: append_text(path, "new"),
        lambda path: write_text(path, "new"),
        require_appendable,
        convert_to,
    ],
)
@pytest.mark.parametrize("is_folder", [False, True])
def test_a_link_of_somebody_else_in_a_shared_folder_is_not_followed(tmp_path, write, is_folder):
    shared, mine = tmp_path / "shared", tmp_path / "mine"
    shared.mkdir()
    shared.chmod(0o1777)
    mine.mkdir()
    secret = mine / "out"
    secret.write_text("old")
    (shared / "source").mkdir()
    (mine / "source").mkdir()
    link = shared / "out"
    link.symlink_to(mine if is_folder else secret)
    os.lchown(link, 12_345, 12_345)
    with pytest.raises((PermissionError, GPAError), match="link of another user"):
        write(link / "out" if is_folder else link)
    assert secret.read_text() == "old"
    assert [entry.name for entry in mine.iterdir() if entry.name.startswith(".")] == []
    os.lchown(link, 0, 0)
    if write not in (convert_to, require_appendable):
        write(link / "out" if is_folder else link)
        assert secret.read_bytes() != b"old"
