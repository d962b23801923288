"""A directory appears whole or not at all, even when the process is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gpa_mlx.errors import SettingsError
from gpa_mlx.store import staging
from gpa_mlx.store.staging import check_destination, recover, staged

# Publishes a directory over `destination` and kills itself at the named moment.
KILLED = """
import os, signal, sys
from pathlib import Path
from gpa_mlx.store import staging
destination, moment = Path(sys.argv[1]), sys.argv[2]
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
if moment == "publish":
    staging._sync = die
elif moment in ("first rename", "second rename"):
    rename, calls = Path.rename, []
    def counted(self, target):
        rename(self, target)
        calls.append(target)
        if len(calls) == ("first rename", "second rename").index(moment) + 1:
            die()
    Path.rename = counted
elif moment == "removal":
    staging.shutil.rmtree = die
with staging.staged(destination, replace=True) as folder:
    (folder / "gpa_mlx.json").write_text("new")
    (folder / "part").mkdir()
    if moment == "writing":
        die()
    (folder / "part" / "weights").write_text("new")
"""


def model(path: Path, content: str = "old") -> Path:
    (path / "part").mkdir(parents=True)
    (path / "gpa_mlx.json").write_text(content)
    (path / "part" / "weights").write_text(content)
    return path


def content_of(path: Path) -> set[str]:
    return {(path / "gpa_mlx.json").read_text(), (path / "part" / "weights").read_text()}


@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize("moment", ["writing", "publish", "first rename", "second rename", "removal"])
def test_killed_at_any_moment(tmp_path, existing, moment):
    destination = tmp_path / "model"
    if existing:
        model(destination)
    root = Path(staging.__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "convert")])}
    done = subprocess.run([sys.executable, "-c", KILLED, destination, moment], env=environment, check=False)
    assert done.returncode in ({-9} if existing else {-9, 0})
    if destination.exists():
        assert content_of(destination) in ({"old"}, {"new"})
    recover(destination)
    if existing:
        assert content_of(destination) == {"new" if moment in ("second rename", "removal") else "old"}
    assert [entry.name for entry in tmp_path.iterdir()] in ([], ["model"])


def test_success_replaces_and_leaves_nothing_behind(tmp_path):
    destination = model(tmp_path / "deep" / "model")
    with staged(destination, replace=True) as folder:
        assert folder.parent == destination.parent
        assert folder.name.startswith(".")
        model(folder / "x", "new")
        assert content_of(destination) == {"old"}
    assert content_of(destination / "x") == {"new"}
    assert not (destination / "part").exists()
    assert [entry.name for entry in destination.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_failure_changes_nothing(tmp_path, error):
    destination = model(tmp_path / "model")

    def fail():
        with staged(destination, replace=True) as folder:
            model(folder / "x", "new")
            raise error

    with pytest.raises(error):
        fail()
    assert content_of(destination) == {"old"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_a_failing_rename_puts_the_old_model_back(tmp_path, monkeypatch):
    destination = model(tmp_path / "model")
    rename = Path.rename

    def failing(self, target):
        if ".partial-" in self.name:
            raise OSError(5, "I/O error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="I/O error"), staged(destination, replace=True) as folder:
        model(folder / "x", "new")
    assert content_of(destination) == {"old"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_a_destination_that_appears_meanwhile_is_kept(tmp_path):
    destination = tmp_path / "model"

    def race():
        with staged(destination, replace=False) as folder:
            model(folder / "x", "new")
            model(destination, "other")

    with pytest.raises(OSError, match="not empty"):
        race()
    assert content_of(destination) == {"other"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_leftovers_of_living_processes_and_other_models_stay(tmp_path):
    keep = [".model.partial-1", ".model.partial-x", ".other.partial-999999999", ".model2.partial-4", "model.partial-4"]
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    for name in (*keep, f".model.partial-{int(dead.stdout)}", f".model.partial-{os.getpid()}"):
        (tmp_path / name).mkdir()
    recover(tmp_path / "model")
    assert {entry.name for entry in tmp_path.iterdir()} == set(keep)


def test_destinations_that_must_stay(tmp_path):
    check_destination(tmp_path / "new", force=False)
    existing = model(tmp_path / "model")
    with pytest.raises(SettingsError, match=r"model exists\.") as caught:
        check_destination(existing, force=False)
    assert "--force" in caught.value.hint
    check_destination(existing, force=True)

    empty = tmp_path / "empty"
    empty.mkdir()
    check_destination(empty, force=True)

    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.jpg").touch()
    for victim in (photos, photos / "a.jpg"):
        with pytest.raises(SettingsError, match="is not a converted model"):
            check_destination(victim, force=True)
