"""What a conversion fetches from the hub, and when it fetches nothing."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from dataclasses import asdict
from types import SimpleNamespace

import pytest

from gpa_mlx.errors import GPAError, ModelFormatError
from gpa_mlx.jobs.events import StepStarted
from gpa_mlx.store import paths
from gpa_mlx.store.files import write_atomically
from gpa_mlx.store.hub import pinned as pinned_module
from gpa_mlx.store.hub.copies import find_copy, read_record
from gpa_mlx.store.hub.repository import list_snapshot
from gpa_mlx_convert import hub_source
from gpa_mlx_convert.hub_source import find_snapshot, source_copy, survey_download
from gpa_mlx_convert.sources import missing_files, needed_files
from tests.support.hub_server import FakeHub, use_hub


@contextmanager
def fetched(found, destination, **options):
    """The folder of a copy whose files are all there."""
    with source_copy(found, None, **options) as copy:
        list(copy.fetch(destination))
        yield copy.folder


@pytest.fixture
def hub(monkeypatch, small_a, tmp_path):
    monkeypatch.setenv("GPA_MLX_HOME", str(tmp_path / "home"))
    with FakeHub.of_directory(small_a).running() as running:
        use_hub(monkeypatch, running)
        yield running


@pytest.fixture
def upstream(small_a):
    names = [str(path.relative_to(small_a)) for path in small_a.rglob("*") if path.is_file()]
    return {name for name in names if not name.startswith("golden/")}


def test_what_is_needed_is_taken_and_nothing_else(upstream):
    other = ["README.md", "LLM/model.safetensors", "onnx/model.onnx", "optimizer.pt", "assets/demo.wav", "train.py"]
    other += ["BiCodec/wav2vec2-large-xlsr-53/flax_model.msgpack", "BiCodec/train.yaml", "tf_model.h5"]
    other += ["pytorch_model.bin", "BiCodec/pytorch_model.bin", "glm-4-voice-tokenizer/other.json"]
    assert needed_files(upstream | set(other)) == upstream


def test_of_sharded_weights_every_shard_is_taken(upstream):
    sharded = {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"}
    folder = "BiCodec/wav2vec2-large-xlsr-53/"
    bins = {folder + "pytorch_model-00001-of-00001.bin", folder + "pytorch_model.bin.index.json"}
    rest = upstream - {"model.safetensors", folder + "pytorch_model.bin"}
    assert needed_files(rest | sharded | bins) == rest | sharded | bins


def test_safetensors_go_before_other_forms(upstream):
    folder = "BiCodec/wav2vec2-large-xlsr-53/"
    both = upstream | {folder + "model.safetensors"}
    assert needed_files(both) == both - {folder + "pytorch_model.bin"}


def test_what_is_missing_is_listed_before_anything_is_fetched(hub, upstream):
    assert missing_files(upstream.__contains__) == []
    del hub.files["BiCodec/model.safetensors"], hub.files["tokenizer.json"]
    with pytest.raises(ModelFormatError, match=r"missing: tokenizer\.json; BiCodec/model\.safetensors"):
        find_snapshot(hub.repo, None, ask=False, offline=False)


def test_a_copy_is_removed_after_use_unless_it_is_kept(hub, tmp_path):
    found = find_snapshot(hub.repo, None, ask=False, offline=False)
    with fetched(found, tmp_path / "m") as folder:
        assert {str(path.relative_to(folder)) for path in folder.rglob("*.safetensors")} >= {"model.safetensors"}
        assert not (folder / "README.md").exists()
    assert not folder.exists()
    with fetched(found, tmp_path / "m", keep=True) as folder:
        pass
    hub.requests.clear()
    again = find_snapshot(hub.repo, None, ask=False, offline=True)
    with fetched(again, tmp_path / "m", offline=True) as kept:
        assert kept == folder
    assert again == found
    assert folder.exists(), "what is kept stays kept"
    assert hub.requests == []


def test_after_a_failure_the_copy_stays_and_its_commit_is_gone_on_with(hub, tmp_path):
    found = find_snapshot(hub.repo, None, ask=False, offline=False)
    hub.faults["BiCodec/model.safetensors"] = "403*"
    with pytest.raises(GPAError), fetched(found, tmp_path / "m"):
        pytest.fail("incomplete")
    hub.commits.append("b" * 40)
    hub.requests.clear()
    assert find_snapshot(hub.repo, None, ask=False, offline=False) == found
    assert hub.requests == []
    assert find_snapshot(hub.repo, None, ask=True, offline=False).revision == "b" * 40
    with (
        pytest.raises(GPAError, match=r"MB of AutoArk-AI/GPA @ c0ffee0 are not here"),
        fetched(found, tmp_path / "m", offline=True),
    ):
        pytest.fail("incomplete")


def test_a_damaged_record_of_a_copy_counts_as_none(hub, tmp_path):
    found = find_snapshot(hub.repo, None, ask=False, offline=False)
    with fetched(found, tmp_path / "m", keep=True) as folder:
        pass
    for text in ("", "[]", "{}", '{"files": [{"x": 1}]}', "\0"):
        (folder / ".snapshot.json").write_text(text)
        assert find_copy(hub.repo, None) is None
    assert find_snapshot(hub.repo, None, ask=False, offline=False) == found


def test_too_small_a_disk_is_said_before_anything_is_fetched(hub, tmp_path, monkeypatch):
    found = find_snapshot(hub.repo, None, ask=False, offline=False)
    hub.requests.clear()
    needed = 2 * found.size + hub_source._MARGIN_BYTES
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=needed - 1))
    with source_copy(found, None) as copy:
        steps = copy.fetch(tmp_path / "m")
        warning = next(steps)
        assert isinstance(warning, StepStarted)
        assert "the download, with the model made of it, needs" in warning.step
        assert hub.requests == []
        assert [*steps]
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=needed))
    with source_copy(found, None) as copy:
        assert not any("needs" in step.step for step in copy.fetch(tmp_path / "m") if isinstance(step, StepStarted))


def test_a_downloads_folder_that_cannot_be_written_is_said(hub, tmp_path):
    found = find_snapshot(hub.repo, None, ask=False, offline=False)
    paths.downloads_dir().parent.mkdir(parents=True)
    paths.downloads_dir().write_text("a file")
    with pytest.raises(GPAError, match="downloads") as caught, fetched(found, tmp_path / "m"):
        pytest.fail("no folder")
    assert "GPA_MLX_HOME" in caught.value.hint


@pytest.fixture
def pinned(hub, tmp_path, monkeypatch):
    """The program has the hub's commit pinned; main has gone on since."""
    snapshot = list_snapshot(hub.repo, None, needed_files)
    monkeypatch.setattr(pinned_module, "_FOLDER", tmp_path / "pinned")
    write_atomically(
        tmp_path / "pinned" / "AutoArk-AI--GPA.json",
        json.dumps({"requested": None, "keep": False, **asdict(snapshot)}),
    )
    hub.commits.append("b" * 40)
    hub.requests.clear()
    return snapshot


@pytest.mark.parametrize("revision", [None, "c0ffee" + "0" * 34])
def test_what_is_pinned_is_fetched_and_the_hub_is_not_asked_what_there_is(hub, pinned, tmp_path, revision):
    assert find_snapshot(hub.repo, revision, ask=False, offline=False) == pinned
    assert survey_download(hub.repo, revision).licence == "apache-2.0"
    with fetched(pinned, tmp_path / "m"):
        pass
    assert all(f"/resolve/{pinned.revision}/" in request.path for request in hub.requests)


def test_a_newer_commit_than_the_pinned_one_has_to_be_asked_for(hub, pinned):
    assert find_snapshot(hub.repo, "main", ask=False, offline=False).revision == "b" * 40
    assert find_snapshot(hub.repo, None, ask=True, offline=False).revision == "b" * 40


def test_the_hub_is_not_believed_against_a_pin(hub, pinned, tmp_path):
    hub.commits.pop()
    hub.files["config.json"] = b"{}"
    assert find_snapshot(hub.repo, None, ask=True, offline=False) == pinned
    with pytest.raises(GPAError, match=r"config\.json of .* could not be downloaded"), fetched(pinned, tmp_path / "m"):
        pytest.fail("another file")


def test_pins_that_ship_are_complete():
    for path in pinned_module._FOLDER.glob("*.json"):
        snapshot = read_record(path).snapshot
        names = {file.name for file in snapshot.files}
        assert path.name == f"{snapshot.repo.replace('/', '--')}.json"
        assert missing_files(names.__contains__) == []
        assert needed_files(names) == names
