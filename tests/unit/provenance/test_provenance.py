"""Marks and records of generated sound, and what is said of files that were altered."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import struct
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from hypothesis import example, given
from hypothesis import strategies as st

from gpa_mlx.audio.files.incremental_wav import GROWING_SUBTYPES
from gpa_mlx.audio.files.wav import write_wav
from gpa_mlx.audio.files.wav_info import append_info, read_wav
from gpa_mlx.errors import AudioFileError, GPAError, SettingsError
from gpa_mlx.provenance.metadata import (
    GenerationMetadata,
    ModelIdentity,
    Provenance,
    Sound,
    VoiceIdentity,
    digest_of_private_text,
    digest_of_text,
    read_tag,
)
from gpa_mlx.provenance.tagging import (
    forget_record,
    identify_model,
    identify_voice,
    require_free_sidecar,
    sidecar_of,
    tag_file,
)
from gpa_mlx.provenance.verification import verify_file
from gpa_mlx.types import Voice
from gpa_mlx.version import __version__
from tests.support.examples import examples

QUICK = examples(60)
TEXT = "Nobody may read this."
METADATA = GenerationMetadata(
    task="speak",
    model=ModelIdentity(name="nobody", family="f", sha256="ab" * 32),
    voice=VoiceIdentity(name="anna, 安娜", sha256="cd" * 32),
    seed=7,
    seeds=(7, None),
    text_digest="89" * 32,
    options={"temperature": 0.2, "verify": True, "max_tokens": None},
    scores=(0.25, None),
)
RECORD = Provenance(
    version="1.0",
    created="2026-11-21T12:00:00Z",
    metadata=METADATA,
    sound=Sound(sha256="ef" * 32, frames=1001, sample_rate=16_000, subtype="PCM_16"),
)


def noise(samples=1001):
    return np.random.default_rng(1).uniform(-0.5, 0.5, samples).astype(np.float32)


@pytest.fixture
def tagged(tmp_path):
    """A file that was just written, with its record."""
    path = tmp_path / "out.wav"
    write_wav(path, noise(), 16_000)
    tag_file(path, METADATA)
    return path


@pytest.fixture
def tagged_alone(tmp_path):
    """A file that was just written without a record."""
    path = tmp_path / "out.wav"
    write_wav(path, noise(), 16_000)
    tag_file(path, METADATA, sidecar=False)
    return path


# -- records ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        replace(RECORD, metadata=replace(METADATA, scores=None, seed=None, seeds=(), text_digest=None)),
        replace(RECORD, metadata=replace(METADATA, task="detokenize", source_sha256="12" * 32)),
        replace(RECORD, metadata=replace(METADATA, model=replace(METADATA.model, adapter_sha256="34" * 32))),
        replace(RECORD, format_version=1),
    ],
)
def test_a_record_is_read_back(record):
    assert Provenance.from_json(record.to_json().encode(), "x") == record


def test_records_of_earlier_releases_are_read_as_they_were_written():
    content = json.loads(replace(RECORD, format_version=1).to_json())
    assert (content["format_version"], content["making"]["text_sha256"]) == (1, "89" * 32)
    assert "text_pbkdf2" not in content["making"]


def test_a_short_text_is_not_found_by_its_plain_digest_and_differs_from_file_to_file():
    model, voice = METADATA.model, METADATA.voice
    digests = {
        digest_of_text("yes"),
        digest_of_private_text("yes", model, voice, 1),
        digest_of_private_text("yes", model, voice, 2),
        digest_of_private_text("yes", model, replace(voice, sha256="12" * 32), 1),
        digest_of_private_text("yes", replace(model, sha256="12" * 32), voice, 1),
        digest_of_private_text("no", model, voice, 1),
    }
    assert len(digests) == 6
    assert digest_of_private_text("yes", model, voice, 1) in digests


def test_the_tag_is_read_back():
    for recorded in (True, False):
        tag = read_tag(RECORD.tag(recorded=recorded)["ICMT"])
        assert tag is not None
        assert tag.kind == "synthetic speech"
        assert tag.sound == RECORD.sound
        assert tag.record_sha256 == (RECORD.sha256 if recorded else None)


def test_the_digest_leaves_out_the_date_alone():
    assert replace(RECORD, created="2030-01-01T00:00:00Z").sha256 == RECORD.sha256
    assert replace(RECORD, version="2.0").sha256 != RECORD.sha256
    assert replace(RECORD, metadata=replace(METADATA, seed=8)).sha256 != RECORD.sha256


def document(**changes):
    content = json.loads(RECORD.to_json()) | changes
    del content["checksum"]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return json.dumps({**content, "checksum": hashlib.sha256(canonical.encode()).hexdigest()}).encode()


MADE = json.loads(RECORD.to_json())["making"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"program": "gpa-mlx", "version": NaN}', "is not JSON"),
        (b"[]", "is not a record"),
        (b'{"program": "other"}', "is not a record"),
        (RECORD.to_json().replace("1001", "1002").encode(), "was altered: its content does not have its checksum"),
        (RECORD.to_json().replace("12:00:00", "13:00:00").encode(), "was altered: its content does not have"),
        (document(format_version=3), "format version 3"),
        (document(more=1), "'more' is unknown"),
        (document(created="yesterday"), "'created'"),
        (document(sound=None), "'sound' is missing"),
        (document(sound={}), "'sound.sha256' is missing"),
        (document(making={**MADE, "kind": "decoded from tokens"}), "'making.kind'"),
        (document(making={**MADE, "task": "sing"}), "'making.task'"),
        (document(making={**MADE, "seeds": ["1"]}), "'making.seeds.0'"),
        (document(making={**MADE, "scores": [True]}), "'making.scores.0'"),
        (document(making={**MADE, "options": {"a": []}}), "'making.options.a'"),
        (document(making={**MADE, "text_pbkdf2": TEXT}), "'making.text_pbkdf2'"),
        (document(making={**MADE, "text_sha256": "ab" * 32}), "'making.text_sha256' is unknown"),
        (
            document(making={**MADE, "voice": {"name": "x", "sha256": "ab" * 32, "text": "x"}}),
            "'making.voice.text' is unknown",
        ),
    ],
)
def test_other_content_is_explained(content, words):
    with pytest.raises(GPAError) as caught:
        Provenance.from_json(content, "x.json")
    assert caught.value.message.startswith("x.json ")
    assert words in caught.value.message


@pytest.mark.slow
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["making", "sound", "sha256", "model"]), inner),
    )
)
def test_any_document_is_a_record_or_a_gpa_error(value):
    for content in (json.dumps(value).encode(), document(making=value), document(sound=value)):
        with pytest.raises(GPAError):
            Provenance.from_json(content, "x")
    with contextlib.suppress(GPAError):  # "0" is a version
        Provenance.from_json(document(version=value), "x")


def test_the_model_is_the_digest_that_sha256sum_gives(tmp_path):
    files = {"b/two.bin": "22" * 32, "a.bin": "11" * 32}
    manifest = {
        "format_version": 1,
        "converter_version": "0",
        "model_family": "f",
        "model_name": "n",
        "source": {"location": "", "revision": None, "sha256": {}},
        "parts": {},
        "files": {name: {"size": 1, "sha256": digest} for name, digest in files.items()},
    }
    (tmp_path / "gpa_mlx.json").write_text(json.dumps(manifest))
    lines = f"{'11' * 32}  a.bin\n{'22' * 32}  b/two.bin\n"
    identity = identify_model(tmp_path)
    assert identity == ModelIdentity(name="n", family="f", sha256=hashlib.sha256(lines.encode()).hexdigest())
    (tmp_path / "adapter").write_bytes(b"1")
    assert identify_model(tmp_path, [tmp_path / "adapter"]).adapter_sha256


def test_a_voice_whose_file_has_no_unicode_name():
    identity = identify_voice(Voice(name="a\udcff", global_tokens=(1, 2)))
    assert identity == VoiceIdentity(name="a?", sha256=hashlib.sha256(b"1 2").hexdigest())


# -- tagging ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subtype", GROWING_SUBTYPES)
@pytest.mark.parametrize("sidecar", [True, False])
def test_a_tagged_file_is_intact(tmp_path, subtype, sidecar):
    path = tmp_path / "out.wav"
    write_wav(path, noise(), 16_000, subtype=subtype)
    sound = soundfile.read(path)[0]
    record = tag_file(path, METADATA, sidecar=sidecar)
    np.testing.assert_array_equal(soundfile.read(path)[0], sound)
    assert record.version == __version__
    assert record.sound.frames == 1001
    result = verify_file(path)
    assert (result.state, result.is_intact) == ("intact", True)
    assert result.provenance == (record if sidecar else None)
    assert "synthetic speech" in (result.comment or "")
    assert sidecar_of(path).exists() == sidecar


def test_texts_and_names_of_voices_stay_outside_the_file(tagged):
    assert TEXT.encode() not in tagged.read_bytes() + sidecar_of(tagged).read_bytes()
    assert "安娜".encode() not in tagged.read_bytes()


def test_the_same_sound_makes_the_same_file(tagged, tmp_path, monkeypatch):
    again = tmp_path / "again.wav"
    write_wav(again, noise(), 16_000)
    monkeypatch.setattr("gpa_mlx.provenance.tagging.datetime", Later)
    tag_file(again, METADATA)
    assert again.read_bytes() == tagged.read_bytes()
    assert sidecar_of(again).read_bytes() != sidecar_of(tagged).read_bytes()


class Later:
    @staticmethod
    def now(zone):
        from datetime import datetime

        return datetime(2100, 1, 1, tzinfo=zone)


def test_a_record_that_cannot_be_written_is_an_error_of_its_own(tmp_path):
    path = tmp_path / "out.wav"
    write_wav(path, noise(), 16_000)
    sidecar_of(path).mkdir()
    with pytest.raises(GPAError, match=r"out\.wav\.json cannot be written"):
        tag_file(path, METADATA)
    assert verify_file(path).state == "sidecar missing"


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b'{"semantic": [1]}', b"[" * 100_000])
def test_what_is_no_record_is_neither_replaced_nor_removed(tmp_path, content):
    path = tmp_path / "out.wav"
    sidecar_of(path).write_bytes(content)
    with pytest.raises(SettingsError, match=r"out\.wav\.json would be replaced"):
        require_free_sidecar(path)
    forget_record(path)
    assert sidecar_of(path).read_bytes() == content


def test_records_are_replaced_and_removed(tagged):
    require_free_sidecar(tagged)
    sidecar_of(tagged).write_text(sidecar_of(tagged).read_text().replace("anna", "berta"))
    require_free_sidecar(tagged)
    forget_record(tagged)
    forget_record(tagged)
    assert not sidecar_of(tagged).exists()


# -- what is said of altered files ------------------------------------------------------------------------------------


@QUICK
@given(bit=st.integers(0, 1001 * 16 - 1))
def test_one_flipped_bit_of_the_sound_is_noticed(tmp_path, bit):
    path = tmp_path / "out.wav"
    if not path.exists():
        write_wav(path, noise(), 16_000)
        tag_file(path, METADATA)
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[44 + bit // 8] ^= 1 << bit % 8
    other = tmp_path / "flipped.wav"
    other.write_bytes(flipped)
    for recorded in (True, False):
        if recorded:
            shutil.copy(sidecar_of(path), sidecar_of(other))
        else:
            sidecar_of(other).unlink()
        result = verify_file(other)
        assert (result.state, result.is_intact) == ("sound altered", False)
        assert "the samples are others" in result.message


@QUICK
@given(place=st.integers(0, 10_000), value=st.integers(1, 255), cut=st.booleans())
@example(place=282, value=1, cut=False)
def test_no_change_of_one_byte_is_missed(tmp_path, place, value, cut):
    path = tmp_path / "out.wav"
    write_wav(path, noise(100), 16_000)
    tag_file(path, METADATA)
    content = bytearray(path.read_bytes())
    place %= len(content)
    if cut:
        del content[place:]
    else:
        content[place] ^= value
    path.write_bytes(content)
    result = verify_file(path)
    # What nothing depends on: the bytes per second, which follow from the rest, and what is after the end of a text.
    harmless = not cut and (28 <= place < 32 or (place >= 44 + 200 and content[place] == value))
    assert harmless or not result.is_intact, (place, result)
    assert result.message


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        (lambda path: sidecar_of(path).unlink(), "sidecar missing", "out.wav.json, which says how, is missing"),
        (lambda path: edit(sidecar_of(path), '"seed": 7', '"seed": 8'), "metadata altered", "out.wav.json was altered"),
        (lambda path: sidecar_of(path).write_text("{}"), "metadata altered", "out.wav.json is not a record"),
        (
            lambda path: sidecar_of(path).write_text(RECORD.to_json()),
            "metadata altered",
            "the record of something else",
        ),
        (
            lambda path: patch(path, b"(speak)", b"(vc)   "),
            "metadata altered",
            "tag of gpa-mlx in the file was altered",
        ),
        (lambda path: patch(path, b"by gpa-mlx", b"by gpa-mlY"), "metadata altered", "tag of gpa-mlx in the file"),
        (
            lambda path: patch(path, b"1001 frames", b"1002 frames"),
            "metadata altered",
            "the tag in the file was altered",
        ),
        (
            lambda path: patch(path, b"gpa-mlx 0.1.0 (", b"gpa-mlx 9.9.9 ("),
            "metadata altered",
            "does not say what the record",
        ),
        (lambda path: patch(path, b"ISFTgpa"[:4], b"IXXX"), "re-saved", "another program has saved"),
        (lambda path: resaved(path), "re-saved", "without its tag"),
        (lambda path: resaved(path, keep_tag=True), "re-saved", "another program has saved the file since"),
        (lambda path: append_info(path, {"INAM": "a title"}), "re-saved", "another program"),
        (lambda path: path.write_bytes(path.read_bytes() + b"more"), "re-saved", "another program"),
        (lambda path: resaved(path, subtype="PCM_24"), "sound altered", "16000 Hz PCM_24 instead of 16000 Hz PCM_16"),
        (lambda path: resaved(path, rate=8000), "sound altered", "8000 Hz"),
        (lambda path: resaved(path, samples=500), "sound altered", "500 frames instead of 1001"),
        (lambda path: resaved(path, channels=2), "sound altered", "2 channels instead of 1"),
        (lambda path: os.truncate(path, 1000), "sound altered", "frames instead of 1001"),
        (lambda path: patch(path, struct.pack("<I", 16_000), struct.pack("<I", 22_050)), "sound altered", "22050 Hz"),
    ],
)
def test_what_was_done_to_a_file(tagged, change, state, words):
    change(tagged)
    result = verify_file(tagged)
    assert result.state == state, result
    assert words in result.message
    assert not result.is_intact


def edit(path, old, new):
    content = path.read_text()
    assert content.count(old) == 1
    path.write_text(content.replace(old, new))


def patch(path, old, new):
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))


def resaved(path, *, rate=16_000, subtype="PCM_16", samples=None, channels=1, keep_tag=False):
    sound = soundfile.read(path)[0][:samples]
    comment = read_wav(path).info["ICMT"]
    sound = sound if channels == 1 else np.stack([sound] * channels, axis=1)
    with soundfile.SoundFile(path, "w", rate, channels, subtype) as file:
        if keep_tag:
            file.comment = comment
        file.write(sound)


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (lambda path: None, "intact"),
        (lambda path: resaved(path), "not by gpa-mlx"),
        (lambda path: resaved(path, keep_tag=True), "re-saved"),
        (lambda path: resaved(path, keep_tag=True, samples=900), "sound altered"),
        (lambda path: patch(path, b"1001 frames", b"1002 frames"), "sound altered"),
        (lambda path: sidecar_of(path).write_text(RECORD.to_json()), "intact"),
    ],
)
def test_what_was_done_to_a_file_without_a_record(tagged_alone, change, state):
    change(tagged_alone)
    assert verify_file(tagged_alone).state == state


def test_a_tag_from_which_the_record_was_taken(tagged):
    record, sound = sidecar_of(tagged).read_text(), soundfile.read(tagged, dtype="float32")[0]
    write_wav(tagged, sound, 16_000)
    tag_file(tagged, METADATA, sidecar=False)
    sidecar_of(tagged).write_text(record)
    assert verify_file(tagged).state == "metadata altered"


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3", "aiff", "w64"])
def test_files_of_others_are_no_files_of_this_program(tagged, suffix):
    other = tagged.with_suffix(f".{suffix}")
    soundfile.write(other, soundfile.read(tagged)[0], 16_000)
    result = verify_file(other)
    assert result.state == "not by gpa-mlx"
    if suffix in ("aiff", "w64"):
        assert "is not a WAV file" in result.message
        assert "tags only the sound files it writes" in result.message


def test_a_recording_is_not_by_this_program(tmp_path):
    path = tmp_path / "a.wav"
    write_wav(path, noise(), 16_000)
    assert verify_file(path).state == "not by gpa-mlx"


@pytest.mark.parametrize("name", ["missing.wav", ".", "a\0b", "a" * 300])
def test_what_cannot_be_read(tmp_path, name):
    assert verify_file(tmp_path / name).state == "unreadable"


@QUICK
@given(sound=st.binary(max_size=300), record=st.binary(max_size=300), is_wav=st.booleans())
def test_any_two_files_have_a_result(tmp_path, sound, record, is_wav):
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF\0\1\0\0WAVE" + sound if is_wav else sound)
    sidecar_of(path).write_bytes(record)
    result = verify_file(path)
    assert result.message
    assert not result.is_intact


def test_a_file_that_cannot_be_tagged_has_no_record(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, noise(), 16_000)
    with pytest.raises(AudioFileError):
        tag_file(path, METADATA)
    assert not sidecar_of(path).exists()
