"""Findings about models, disk and settings, and all areas together."""

from __future__ import annotations

import os
import shutil
from dataclasses import fields, replace

import pytest

from gpa_mlx.doctor import memory_check
from gpa_mlx.doctor.backend_check import Backend
from gpa_mlx.doctor.checkup import examine
from gpa_mlx.doctor.memory_check import examine_memory, weight_bytes
from gpa_mlx.doctor.models_check import examine_models
from gpa_mlx.doctor.storage_check import examine_storage, folder_size
from gpa_mlx.model.demo import demo_model
from gpa_mlx.settings import Settings, SettingsSource
from gpa_mlx.store import paths
from gpa_mlx.store.manifest import PartInfo, read_manifest

WELL = Backend("0.32.4", "gpu", True, None)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    for name in list(os.environ):
        if name.startswith("GPA_MLX_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


def install(name: str) -> None:
    shutil.copytree(demo_model(), paths.models_dir() / name)


def test_no_model_is_a_note():
    default, demo = examine_models(Settings())
    assert (default.status, "gpa-mlx model pull" in default.fix) == ("note", True)
    assert (demo.status, "5.7 million" in demo.what) == ("ok", True)


EIGHT_GB = 8 * 2**30  # 8.59e9 bytes


@pytest.mark.parametrize(("memory_bytes", "is_told"), [(EIGHT_GB, True), (16 * 2**30, False), (0, False)])
def test_eight_gigabytes_are_little_for_a_full_size_model(make_host, memory_bytes, is_told):
    found = examine_memory(make_host(memory_bytes=memory_bytes), Settings())
    assert bool(found) == is_told
    for finding in found:
        assert (finding.status, finding.area) == ("note", "memory")
        assert "8 GB" in finding.what
        assert "--dtype bfloat16" in finding.fix
        assert "--lm-bits 4" in finding.fix


@pytest.mark.parametrize(
    ("dtype", "bits", "platform", "needed", "is_told"),
    [
        ("float32", None, "darwin", 2_400_000_000, True),
        ("bfloat16", None, "darwin", 1_200_000_000, False),
        ("bfloat16", None, "linux", 2_400_000_000, True),
        ("bfloat16", 4, "linux", 337_500_000, False),
    ],
)
def test_memory_by_model_and_data_type(make_host, monkeypatch, dtype, bits, platform, needed, is_told):
    manifest = read_manifest(demo_model())
    large = replace(manifest, parts={"lm": PartInfo(dtype, bits, 10, 600_000_000)})
    assert weight_bytes(large, widens=platform == "linux") == needed
    monkeypatch.setattr(memory_check, "require_converted", lambda path: large)
    install("big")
    found = examine_memory(make_host(memory_bytes=EIGHT_GB, platform=platform), Settings())
    assert [finding.area for finding in found] == ["memory"] * is_told
    assert all("big" in finding.what for finding in found)


def test_the_only_installed_model_is_the_default():
    install("small")
    default, _, listed = examine_models(Settings())
    assert (default.status, listed.status) == ("ok", "ok")
    assert "The default is small" in default.what


def test_several_models_and_no_default():
    install("a")
    install("b")
    assert "gpa-mlx model default NAME" in examine_models(Settings())[0].fix


@pytest.mark.parametrize("chosen", ["demo", "small"])
def test_the_chosen_default(chosen):
    install("small")
    found = examine_models(Settings(model=chosen))[0]
    assert (found.status, f"The default is {chosen}" in found.what) == ("ok", True)


def test_a_directory_as_default(tmp_path):
    assert examine_models(Settings(model=str(demo_model())))[0].status == "ok"
    found = examine_models(Settings(model=str(tmp_path / "nowhere")))[0]
    assert found.status == "missing"
    assert found.fix


def test_a_damaged_default_is_essential_and_another_is_not():
    install("broken")
    install("whole")
    (paths.models_dir() / "broken" / "tokenizer.json").unlink()
    default, _, broken, whole = examine_models(Settings(model="broken"))
    assert default.status == "missing"
    assert "tokenizer.json is missing" in default.what
    assert (broken.status, whole.status) == ("warning", "ok")
    assert "gpa-mlx model repair broken" in broken.fix
    assert examine_models(Settings(model="whole"))[0].status == "ok"


def test_sizes_of_folders(tmp_path):
    folder = tmp_path / "folder" / "inner"
    folder.mkdir(parents=True)
    (folder / "a").write_bytes(bytes(1000))
    os.link(folder / "a", folder / "hard")
    assert folder_size(tmp_path / "folder") == 1000
    (folder / "soft").symlink_to(folder / "a")
    assert 1000 < folder_size(tmp_path / "folder") < 1200
    assert folder_size(tmp_path / "nothing") == 0


def test_storage_names_what_frees_it(home):
    (nothing,) = examine_storage()
    assert nothing.status == "ok"
    paths.downloads_dir().mkdir()
    (paths.downloads_dir() / "part").write_bytes(bytes(2_000_000))
    upstream = home / "hub" / "models--AutoArk-AI--GPA"
    upstream.mkdir(parents=True)
    with (upstream / "weights").open("wb") as file:
        file.truncate(3 * 10**8)
    downloads, hub = examine_storage()
    assert (downloads.status, "2 MB" in downloads.what) == ("ok", True)
    assert downloads.fix == f"`rm -r '{paths.downloads_dir()}'`"
    assert (hub.status, hub.fix) == ("note", "`hf cache rm model/AutoArk-AI/GPA`")


def test_all_areas_of_a_computer_that_is_well(make_host, make_devices):
    host = make_host(programs=("afconvert", "ffmpeg"))
    found = list(examine(SettingsSource(), host=host, devices=make_devices(), load=lambda: WELL))
    areas = list(dict.fromkeys(each.area for each in found))
    assert areas == [
        *("machine", "backend", "settings", "models", "storage"),
        *("microphone", "loudspeaker", "clipboard", "tools", "network"),
    ]
    assert {each.status for each in found} == {"ok", "note"}
    assert all(each.fix for each in found if each.status != "ok")
    assert all(each.what.endswith(".") for each in found)


def test_settings_choose_model_and_devices(make_host, make_devices):
    paths.settings_file().write_text('model = "demo"\nmicrophone = "USB"\nloudspeaker = "HDMI"\n')
    devices = make_devices()
    found = list(
        examine(SettingsSource(), host=make_host(), devices=devices, load=lambda: WELL, probe_microphone=False)
    )
    assert devices.asked == ["USB", "HDMI"]
    assert devices.recorded == 0
    assert any("The default is demo" in each.what for each in found)
    assert any(f"3 of {len(fields(Settings))} set" in each.what for each in found)


def test_broken_settings_are_found_and_the_rest_is_still_looked_at(make_host, make_devices):
    paths.settings_file().write_text("modle = 3\n")
    found = list(examine(SettingsSource(), host=make_host(), devices=make_devices(), load=lambda: WELL))
    (broken,) = [each for each in found if each.area == "settings"]
    assert broken.status == "missing"
    assert "'modle'" in broken.what
    assert "Did you mean 'model'?" in broken.fix
    assert found[-1].area == "network"
