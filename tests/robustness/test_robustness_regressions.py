"""What fuzzing and killing found once, and must not come back."""

from __future__ import annotations

import json
import shutil
import struct

import pytest

from gpa_mlx import settings
from gpa_mlx.audio.files.wav_info import append_info
from gpa_mlx.errors import AudioFileError, ModelFormatError, SettingsError
from gpa_mlx.model.demo import demo_model, demo_voices
from gpa_mlx.store.config_reader import ConfigReader
from gpa_mlx.store.hub.copies import find_copy
from gpa_mlx.store.manifest import require_converted
from gpa_mlx.synthesis.checkpoint import SynthesisCheckpoint
from gpa_mlx.synthesis.plan import SpeechPlan, SynthesisSettings
from gpa_mlx.voices.library import VoiceLibrary
from gpa_mlx_convert.install import PullJob, PullRequest
from gpa_mlx_convert.sources import read_config
from tests.robustness.fuzz import TARGETS
from tests.robustness.target import failure
from tests.support.hub_server import FakeHub, use_hub

DEEP = b"[" * 3000
HUGE = b"1" + b"0" * 400
HEXADECIMAL = b"0x" + b"f" * 6000


def wav(data_size: int) -> bytes:
    """A WAV file whose samples, the last chunk, claim a size; 8 bytes of them are there."""
    body = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16) + b"data" + struct.pack("<I", data_size)
    return b"RIFF" + struct.pack("<I", len(body) + 8) + body + bytes(8)


def codec(**changes: object) -> bytes:
    """The config of the demo model's codec with changes."""
    config = json.loads((demo_model() / "bicodec" / "config.json").read_bytes())
    return json.dumps(config | changes).encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("adapter", b'{"rank": 8, "scale": %s}' % HUGE, id="number beyond every float in a config"),
        pytest.param("adapter", DEEP, id="config of brackets"),
        pytest.param("model-config", b'bicodec/config.json\n{"a": ' + DEEP, id="model config of brackets"),
        pytest.param("model-config", b"bicodec/config.json\n" + codec(sample_rate=10**400), id="sample rate"),
        pytest.param("settings", b"idle_unload_s = " + HUGE, id="setting beyond every float"),
        pytest.param("settings", b"history_days = " + HEXADECIMAL, id="setting of 7000 digits"),
        pytest.param("settings", b"voice = [" + HEXADECIMAL + b"]", id="list of 7000 digits"),
        pytest.param("settings", b'max_memory = "' + HUGE + b'GB"', id="size beyond every float"),
        pytest.param("settings", b"model = " + DEEP, id="settings of brackets"),
        pytest.param("store-setting", b"model = " + DEEP, id="stored into settings of brackets"),
        pytest.param("variables", json.dumps({"GPA_MLX_IDLE_UNLOAD_S": "9" * 400}).encode(), id="variable, number"),
        pytest.param("variables", json.dumps({"GPA_MLX_CACHE_LIMIT": "9" * 400 + "GB"}).encode(), id="variable, size"),
        pytest.param("history-entry", DEEP, id="history entry of brackets"),
        pytest.param("index", json.dumps({"weight_map": {"a": "x" * 300}}).encode(), id="shard, name too long"),
        pytest.param("origin", DEEP, id="origin of brackets"),
        pytest.param("wav-info", wav(1000), id="list behind a chunk that is cut"),
        pytest.param("upstream-yaml", b"a: " + DEEP, id="YAML of brackets"),
    ],
)
def test_found_by_fuzzing(name, content, tmp_path):
    assert failure(TARGETS[name].open(tmp_path), content) == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("idle_unload_s = " + HUGE.decode(), "'idle_unload_s' is 10000"),
        ("history_days = " + HEXADECIMAL.decode(), "'history_days' is too long"),
        (f'max_memory = "{HUGE.decode()}GB"', "'max_memory' is '1000"),
        ("model = " + DEEP.decode(), "is nested too deeply"),
    ],
)
def test_settings_name_what_is_wrong(content, message, tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text(content)
    with pytest.raises(SettingsError, match=message):
        settings.load_settings({}, file=file)


def test_the_largest_numbers_are_still_taken(tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text(f'idle_unload_s = 1e308\nmax_memory = "{"9" * 290}GB"\n')
    loaded = settings.load_settings({}, file=file).settings
    assert (loaded.idle_unload_s, loaded.max_memory) == (1e308, int(float("9" * 290) * 1e9))


@pytest.mark.parametrize("value", [2**63, -(2**63), 16**6000, -(16**6000)], ids=["64", "-64", "24001", "-24001"])
def test_integers_of_configs_have_64_bits(value):
    fields = ConfigReader({"one": value, "list": [1, value], "largest": 2**63 - 1}, "config.yaml")
    reads = (fields.integer, fields.number, fields.flag, lambda key: fields.choice(key, [1]))
    for read in reads:
        with pytest.raises(ModelFormatError, match="'one' holds an integer of more than 64 bits"):
            read("one")
    with pytest.raises(ModelFormatError, match="'list' holds an integer of more than 64 bits"):
        fields.integers("list")
    assert fields.integer("largest") == 2**63 - 1


def test_yaml_is_refused_for_its_depth_and_not_below(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("a: " + "[" * 40 + "]" * 40)
    assert read_config(file)["a"]
    file.write_text("a: " + "[" * 60 + "]" * 60)
    with pytest.raises(ModelFormatError, match="nested too deeply"):
        read_config(file)


def test_a_wav_with_a_cut_chunk_gets_no_list_that_it_would_swallow(tmp_path):
    file = tmp_path / "a.wav"
    file.write_bytes(wav(1000))
    with pytest.raises(AudioFileError, match="cut short"):
        append_info(file, {"ISFT": "a"})
    assert file.read_bytes() == wav(1000)


def test_a_manifest_that_names_an_impossible_file_is_a_damaged_model(tmp_path):
    manifest = json.loads((demo_model() / "gpa_mlx.json").read_bytes())
    manifest["files"] = {"x" * 300: {"size": 1, "sha256": "a"}}
    (tmp_path / "gpa_mlx.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelFormatError, match="is missing"):
        require_converted(tmp_path)


def test_downloads_and_narrations_of_brackets_begin_anew(tmp_path, program_home):
    folder = program_home / "downloads" / f"a--b@{'c' * 40}"
    folder.mkdir(parents=True)
    for content in (DEEP.decode(), '{"files": [], "repo": 1, "revision": 2, "requested": null, "keep": false}'):
        (folder / ".snapshot.json").write_text(content)
        assert find_copy("a/b", None) is None
    (tmp_path / ".a.wav.narration").write_bytes(DEEP + b"\n")
    checkpoint = SynthesisCheckpoint(tmp_path / "a.wav", tmp_path / "a.wav", "PCM_16", {}, None)
    assert checkpoint.resume(SpeechPlan("One. Two.", SynthesisSettings())).done == ()


def test_a_rename_that_was_killed_is_finished_by_the_same_command(tmp_path, monkeypatch):
    library = VoiceLibrary(tmp_path)
    voice, other = demo_voices()[:2]
    library.add(voice)
    library.add(other)

    def die(old, *, unless):
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(VoiceLibrary, "_drop", staticmethod(die))
        with pytest.raises(SystemExit):
            library.rename(voice.name, "new")
    assert set(library.names()) == {voice.name, other.name, "new"}
    assert library.rename(voice.name, "new").name == "new"
    assert set(library.names()) == {other.name, "new"}
    with pytest.raises(Exception, match="already"):
        library.rename("new", other.name)


@pytest.mark.parametrize("rest", ["everything", "all but the record"])
def test_a_download_whose_removal_was_killed_is_removed_by_the_next_pull(small_a, program_home, monkeypatch, rest):
    remove = shutil.rmtree

    def die(folder, **how):
        if folder.parent.name != "downloads":
            return remove(folder, **how)
        if rest != "everything":
            (folder / ".snapshot.json").unlink()
        raise SystemExit

    with FakeHub.of_directory(small_a).running() as hub:
        use_hub(monkeypatch, hub)
        with monkeypatch.context() as patched:
            patched.setattr("gpa_mlx.store.hub.copies.shutil.rmtree", die)
            with pytest.raises(SystemExit):
                list(PullJob(PullRequest()).run())
        assert len(list((program_home / "downloads").iterdir())) == 2
        job = PullJob(PullRequest())
        list(job.run())
        assert not job.result.changed
    assert [path.name for path in (program_home / "downloads").iterdir()] == [".lock"]
