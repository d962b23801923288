"""Installing, staying at a commit, going on, repairing: with a hub that is there, changes, fails or is gone."""

from __future__ import annotations

import json
import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from gpa_mlx.errors import GPAError, ModelFormatError, ModelNotFoundError, SettingsError
from gpa_mlx.jobs.events import StepStarted
from gpa_mlx.jobs.models import default_model, remove_model
from gpa_mlx.settings import load_settings
from gpa_mlx.store import models, paths
from gpa_mlx.store.manifest import verify_files
from gpa_mlx_convert.install import Installed, PullJob, PullRequest, RemoveJob, RepairJob
from gpa_mlx_convert.pipeline import ConvertOptions, convert
from tests.support.hub_server import FakeHub, use_hub


def pull(request: PullRequest, said: list[str] | None = None) -> Installed:
    job = PullJob(request)
    for event in job.run():
        if said is not None and isinstance(event, StepStarted):
            said.append(event.step)
    return job.result


def repair(path: Path, *, offline: bool) -> Installed:
    job = RepairJob(path, offline=offline)
    list(job.run())
    return job.result


def remove(name: str) -> None:
    list(RemoveJob(name).run())


pytestmark = pytest.mark.slow  # not part of `make fast`


@pytest.fixture
def hub(monkeypatch, small_a, tmp_path):
    monkeypatch.setenv("GPA_MLX_HOME", str(tmp_path / "home"))
    with FakeHub.of_directory(small_a).running() as running:
        use_hub(monkeypatch, running)
        yield running


@pytest.fixture(scope="module")
def pulled(small_a, tmp_path_factory):
    """A home after a pull, and its result, to be copied: most tests begin there."""
    home = tmp_path_factory.mktemp("pulled") / "home"
    with pytest.MonkeyPatch.context() as patch, FakeHub.of_directory(small_a).running() as running:
        patch.setenv("GPA_MLX_HOME", str(home))
        use_hub(patch, running)
        return home, pull(PullRequest())


@pytest.fixture
def installed(hub, pulled, tmp_path):
    home, done = pulled
    shutil.copytree(home, tmp_path / "home")
    return replace(done, path=paths.models_dir() / "gpa")


def downloads():
    return [entry for entry in paths.downloads_dir().iterdir() if entry.name != ".lock"]


def test_a_pulled_model_is_whole_recorded_and_the_default(hub):
    said = []
    done = pull(PullRequest(), said)
    assert done.changed
    assert done.path == paths.models_dir() / "gpa"
    assert verify_files(done.path) == []
    assert done.manifest.source.location == hub.repo
    assert done.manifest.source.revision == hub.commits[0]
    assert default_model(load_settings(os.environ).settings) == "gpa"
    assert downloads() == []
    assert len(said) == 2


def test_what_is_installed_asks_nobody(hub, installed):
    for request in (PullRequest(), PullRequest(offline=True), PullRequest(revision=hub.commits[0])):
        again = pull(request)
        assert not again.changed
        assert again.manifest == installed.manifest
    assert hub.requests == []


def test_the_commit_stays_until_an_upgrade(hub, installed):
    hub.commits.append("b" * 40)
    assert pull(PullRequest()).manifest.source.revision == hub.commits[0]
    assert hub.requests == []
    upgraded = pull(PullRequest(upgrade=True))
    assert upgraded.manifest.source.revision == "b" * 40
    hub.requests.clear()
    assert not pull(PullRequest(upgrade=True)).changed
    assert len(hub.requests) == 1
    back = pull(PullRequest(revision=hub.commits[0]))
    assert back.manifest.source.revision == hub.commits[0]


def test_a_model_that_was_deleted_by_hand_comes_back_as_it_was(hub, installed):
    shutil.rmtree(installed.path)
    hub.commits.append("b" * 40)
    assert pull(PullRequest()).manifest == installed.manifest


def test_an_upgrade_that_fails_leaves_the_old_model_and_is_gone_on_with(hub, installed):
    hub.commits.append("b" * 40)
    hub.faults["model.safetensors"] = "500*"
    with pytest.raises(GPAError):
        pull(PullRequest(upgrade=True))
    assert verify_files(installed.path) == []
    assert models.describe("gpa").manifest == installed.manifest
    hub.commits.append("c" * 40)
    hub.faults.clear()
    assert pull(PullRequest()).manifest.source.revision == "b" * 40
    assert downloads() == []


def test_a_pull_that_failed_goes_on_at_its_commit(hub):
    hub.faults["BiCodec/model.safetensors"] = "cut 403*"
    with pytest.raises(GPAError):
        pull(PullRequest())
    assert models.installed_models() == ()
    sent, commit = hub.sent["BiCodec/model.safetensors"], hub.commits[0]
    hub.commits.append("b" * 40)
    hub.faults.clear()
    assert pull(PullRequest()).manifest.source.revision == commit
    assert sent > 0
    assert hub.sent["BiCodec/model.safetensors"] == len(hub.files["BiCodec/model.safetensors"])


def test_the_conversion_is_kept_and_changed_on_request(hub):
    first = pull(PullRequest(conversion=ConvertOptions("bfloat16", 8), keep_source=True))
    assert (first.manifest.parts["lm"].dtype, first.manifest.parts["lm"].bits) == ("bfloat16", 8)
    assert not pull(PullRequest(keep_source=True)).changed
    hub.requests.clear()
    second = pull(PullRequest(conversion=ConvertOptions(), keep_source=True))
    assert second.changed
    assert second.manifest.parts["lm"].bits is None
    assert hub.requests == [], "made from the kept source"
    assert len(downloads()) == 1
    remove_model("gpa")


def test_what_a_killed_pull_left_is_tidied(hub):
    pull(PullRequest(keep_source=True))
    (copy,) = downloads()
    record = json.loads((copy / ".snapshot.json").read_text())
    (copy / ".snapshot.json").write_text(json.dumps(record | {"keep": False}))
    hub.requests.clear()
    assert not pull(PullRequest()).changed
    assert downloads() == []
    assert hub.requests == []


def test_names_are_checked_and_not_taken_twice(hub, installed, small_a):
    with pytest.raises(SettingsError, match=r"cannot be called '\.\./x'"):
        pull(PullRequest(name="../x"))
    convert(small_a, paths.models_dir() / "mine", ConvertOptions())
    with pytest.raises(SettingsError, match="not from AutoArk-AI/GPA"):
        pull(PullRequest(name="mine"))
    with pytest.raises(SettingsError, match="not from other/GPA"):
        pull(PullRequest(repo="other/GPA"))
    assert hub.requests == []
    assert pull(PullRequest(name="second")).changed
    assert default_model(load_settings(os.environ).settings) == "gpa"


def test_what_was_begun_and_given_up_does_not_hold_a_name(hub):
    hub.faults["model.safetensors"] = "403*"
    with pytest.raises(ModelNotFoundError):
        pull(PullRequest(name="mine"))
    hub.faults.clear()
    hub.repo = "other/GPA"
    assert pull(PullRequest(repo="other/GPA", name="mine")).manifest.source.location == "other/GPA"


def test_without_the_network_it_says_so_at_once(hub, monkeypatch):
    with pytest.raises(GPAError, match="the network may not be used"):
        pull(PullRequest(offline=True))
    assert hub.requests == []


def test_two_at_once_do_the_work_once(hub):
    waited, results = [], []

    def work():
        results.append(pull(PullRequest(), waited))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done.changed for done in results) == [False, True]
    assert sum(hub.sent.values()) == sum(len(hub.files[name]) for name in hub.sent)
    assert len([line for line in waited if line.startswith("downloading")]) == 1


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("model.safetensors", "flip"),
        ("wav2vec2/model.safetensors", "cut"),
        ("config.json", "gone"),
        ("gpa_mlx.json", "flip"),
        ("gpa_mlx.json", "gone"),
    ],
)
def test_a_damaged_file_is_repaired(hub, installed, name, damage):
    path = installed.path / name
    content = path.read_bytes()
    if damage == "flip" and name == "gpa_mlx.json":
        path.write_bytes(b"\0" + content[1:])
    elif damage == "flip":
        path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    elif damage == "cut":
        path.write_bytes(content[:-5])
    else:
        path.unlink()
    with pytest.raises(GPAError, match="which it was made from, is not here") as caught:
        repair(installed.path, offline=True)
    assert hub.repo in caught.value.message
    assert hub.commits[0] in caught.value.message
    hub.commits.append("b" * 40)
    done = repair(installed.path, offline=False)
    assert done.changed
    assert done.manifest == installed.manifest
    assert len(done.problems) == 1
    assert path.read_bytes() == content
    assert not repair(installed.path, offline=True).changed


def test_a_kept_source_repairs_without_the_network(hub):
    done = pull(PullRequest(keep_source=True))
    hub.requests.clear()
    (done.path / "vocab.json").unlink()
    assert repair(done.path, offline=True).manifest == done.manifest
    assert hub.requests == []
    assert len(downloads()) == 1
    (copy,) = downloads()
    (copy / "vocab.json").write_text("{}")  # damaged itself: seen, and fetched again
    (done.path / "vocab.json").unlink()
    with pytest.raises(GPAError, match="are not here"):
        repair(done.path, offline=True)
    assert repair(done.path, offline=False).manifest == done.manifest


def test_a_model_made_from_a_directory_is_repaired_from_it(hub, small_a, upstream_copy, tmp_path):
    source, target = upstream_copy(), tmp_path / "model"
    manifest = convert(source, target, ConvertOptions("bfloat16"))
    (target / "vocab.json").unlink()
    assert repair(target, offline=True).manifest == manifest
    (target / "vocab.json").unlink()
    (source / "vocab.json").unlink()
    (source / "vocab.json").write_text("{}")
    with pytest.raises(ModelFormatError, match="is not the file it was made from"):
        repair(target, offline=True)
    source.rename(tmp_path / "elsewhere")
    with pytest.raises(ModelNotFoundError, match=r"what it was made from, .*upstream, is not here"):
        repair(target, offline=True)
    (target / "gpa_mlx.json").write_text("{")
    with pytest.raises(ModelNotFoundError, match="nothing says what it was made from"):
        repair(target, offline=True)
    assert hub.requests == []


def test_a_commit_that_is_gone_is_said(hub, installed):
    (installed.path / "vocab.json").unlink()
    hub.commits[:] = ["b" * 40]
    with pytest.raises(ModelNotFoundError, match="is not on the hub any more") as caught:
        repair(installed.path, offline=False)
    assert "--upgrade" in caught.value.hint


def test_a_removed_model_takes_its_kept_source_along(hub):
    pull(PullRequest(keep_source=True))
    pull(PullRequest(name="second"))
    remove("gpa")
    assert len(downloads()) == 1
    remove("second")
    assert downloads() == []
    assert models.installed_models() == ()
    assert default_model(load_settings(os.environ).settings) is None
