"""Speech in every format that can be written: tagged, verified, resumed."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from gpa_mlx.audio.files import output_formats
from gpa_mlx.audio.files.output_formats import OUTPUT_FORMATS
from gpa_mlx.audio.files.tagged_content import COMMENT, read_content
from gpa_mlx.audio.files.wav import write_wav
from gpa_mlx.errors import AudioFileError, SettingsError
from gpa_mlx.jobs.audio_output import AudioTarget
from gpa_mlx.jobs.convert import ConvertJob, ConvertRequest
from gpa_mlx.jobs.events import ReplacesFile, Resumed
from gpa_mlx.jobs.speak import SpeakJob, SpeakRequest
from gpa_mlx.model.demo import demo_samples
from gpa_mlx.provenance.tagging import encode_file
from gpa_mlx.provenance.verification import verify_file
from gpa_mlx.types import GenerationOptions, Voice

ANNA = Voice(name="anna", global_tokens=(1, 2, 3))
TEXT = (
    "The first sentence of this text is here.\n\nThe second one follows it closely.\n\nAnd the third one is the last."
)
ENCODED = tuple(name for name in OUTPUT_FORMATS if name != "wav")

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
FORMATS = [pytest.param(name, marks=needs_ffmpeg if name == "m4a" else ()) for name in ENCODED]


@pytest.fixture
def speak(engine, tmp_path):
    engine.max_passage_chars = 60

    def run(name, **changes):
        output = AudioTarget(path=tmp_path / name, **changes)
        options = GenerationOptions(temperature=0.2, seed=5)
        job = SpeakJob(engine, SpeakRequest(text=TEXT, voice=ANNA, options=options, output=output))
        return list(job.run()), output.path

    return run


def decoded(path):
    if path.suffix == ".m4a":
        wav = path.with_suffix(".decoded.wav")
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", path, wav], check=True)
        path = wav
    samples, rate = soundfile.read(path)
    return samples[:: rate // 16_000]


def copied(path, *options):
    """The same compressed sound, written by another program."""
    target = path.with_name(f"copy{path.suffix}")
    command = ["ffmpeg", "-v", "error", "-y", "-i", path, "-c", "copy", *options, target]
    subprocess.run(command, check=True)
    return target


@pytest.mark.parametrize("name", FORMATS)
def test_speech_is_written_tagged_and_verified(speak, tmp_path, name):
    _, path = speak(f"out.{name}")
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"out.{name}", f"out.{name}.json"]
    result = verify_file(path)
    assert (result.state, result.message) == ("intact", "Synthetic speech, exactly as gpa-mlx wrote it.")
    record = json.loads((tmp_path / f"out.{name}.json").read_bytes())
    assert record["sound"]["sha256"] == read_content(path).sha256
    assert record["sound"]["sha256"] in read_content(path).info[COMMENT]
    _, wav = speak("whole.wav")
    samples, _ = soundfile.read(wav)
    assert record["sound"]["frames"] == len(samples)
    assert len(decoded(path)) == pytest.approx(len(samples), abs=4_000)
    assert np.sqrt(np.mean(decoded(path) ** 2)) == pytest.approx(np.sqrt(np.mean(samples**2)), rel=0.5)


@pytest.mark.slow
@needs_ffmpeg
@pytest.mark.parametrize("name", FORMATS)
def test_what_others_do_to_it_is_told(speak, tmp_path, name):
    _, path = speak(f"out.{name}")
    again = copied(path)
    shutil.copy(tmp_path / f"out.{name}.json", tmp_path / f"copy.{name}.json")
    assert verify_file(again).state == "re-saved"
    bare = copied(path, "-map_metadata", "-1")
    assert verify_file(bare).state == "re-saved"
    (tmp_path / f"copy.{name}.json").unlink()
    assert verify_file(bare).state == "not by gpa-mlx"

    content = bytearray(path.read_bytes())
    comment = read_content(path).info[COMMENT].encode()
    place = content.find(comment)
    altered = bytearray(content)
    altered[place + comment.find(b"frames") - 2] ^= 1
    path.write_bytes(altered)
    assert verify_file(path).state == "metadata altered"

    damaged = bytearray(content)
    place = content.find(b"mdat") + 3_000 if name == "m4a" else len(content) // 2
    damaged[place] ^= 0x55
    path.write_bytes(damaged)
    assert verify_file(path).state == "sound altered"

    path.write_bytes(content)
    (tmp_path / f"out.{name}.json").unlink()
    assert verify_file(path).state == "sidecar missing"


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_an_interrupted_text_goes_on(speak, engine, tmp_path, name):
    third = "And the third one is the last."
    engine.failures = {third: KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        speak(f"out.{name}")
    assert sorted(file.name for file in tmp_path.iterdir()) == [f".out.{name}.narration", f".out.{name}.unfinished.wav"]
    engine.failures = {}
    engine.calls.clear()
    events, path = speak(f"out.{name}")
    assert any(isinstance(event, Resumed) for event in events)
    assert engine.spoken == [third]
    _, whole = speak(f"whole.{name}")
    assert verify_file(path).is_intact
    assert read_content(path).sha256 == read_content(whole).sha256
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("name", FORMATS)
def test_without_a_record_the_tag_says_so(speak, tmp_path, name):
    _, path = speak(f"out.{name}", sidecar=False)
    result = verify_file(path)
    assert result.is_intact
    assert "without a record" in result.message
    assert [file.name for file in tmp_path.iterdir()] == [f"out.{name}"]


def test_the_sound_of_flac_is_its_samples(speak):
    for subtype in ("PCM_16", "PCM_24"):
        digests = {read_content(speak(f"{subtype}.{name}", subtype=subtype)[1]).sha256 for name in ("wav", "flac")}
        assert len(digests) == 1


def test_a_conversion_that_is_stopped_leaves_what_there_is(engine, tmp_path):
    source = tmp_path / "source.wav"
    tone = 0.3 * np.sin(np.arange(16_000) * 0.2) * np.hanning(16_000)
    soundfile.write(source, np.tile(np.concatenate([tone, np.zeros(24_000)]), 3), 16_000)
    engine.max_segment_s = 2.0
    request = ConvertRequest(
        source=source, voice=ANNA, options=GenerationOptions(seed=1), output=AudioTarget(path=tmp_path / "out.ogg")
    )
    events = ConvertJob(engine, request).run()
    for event in events:
        if type(event).__name__ == "SegmentConverted":
            break
    events.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out.ogg", "source.wav"]
    assert soundfile.info(tmp_path / "out.ogg").duration > 0.5
    assert verify_file(tmp_path / "out.ogg").state == "not by gpa-mlx"


@pytest.mark.parametrize("name", ["out.aac", "out.wma", "out", "out.txt"])
def test_other_endings_are_refused_with_the_list(tmp_path, name):
    with pytest.raises(SettingsError) as caught:
        AudioTarget(path=tmp_path / name).check()
    assert ".wav, .flac, .mp3, .ogg, .opus, .m4a" in caught.value.hint


@pytest.mark.parametrize(("name", "subtype"), [("a.mp3", "PCM_24"), ("a.m4a", "FLOAT"), ("a.flac", "FLOAT")])
def test_sample_formats_that_a_format_has_not_are_refused(tmp_path, name, subtype):
    with pytest.raises(SettingsError, match=r"has no (sample format|FLOAT)"):
        AudioTarget(path=tmp_path / name, subtype=subtype).check()


def test_m4a_without_an_encoder_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(output_formats.shutil, "which", lambda name: None)
    with pytest.raises(AudioFileError, match="neither is installed"):
        AudioTarget(path=tmp_path / "a.m4a").check()


@needs_ffmpeg
def test_an_encoder_that_fails_leaves_the_old_file_and_what_was_spoken(speak, engine, tmp_path, monkeypatch):
    (tmp_path / "out.m4a").write_bytes(b"mine")
    fail = {"ffmpeg": lambda program, source, target, container: [program, "-nonsense"]}
    monkeypatch.setattr(output_formats, "_AAC_ENCODERS", fail)
    with pytest.raises(AudioFileError, match="cannot be encoded; ffmpeg says"):
        speak("out.m4a")
    assert (tmp_path / "out.m4a").read_bytes() == b"mine"
    monkeypatch.undo()
    engine.calls.clear()
    assert verify_file(speak("out.m4a")[1]).is_intact
    assert engine.spoken == []


@needs_ffmpeg
@pytest.mark.parametrize(
    "script", ["echo Nonsense >&2; exit 1", "echo half > {target}"], ids=["fails", "claims success"]
)
def test_a_full_disk_is_not_blamed_on_the_encoder(speak, monkeypatch, script):
    def sh(program, source, target, container):
        return ["/bin/sh", "-c", script.format(target=f"'{target}'")]

    monkeypatch.setattr(output_formats, "_AAC_ENCODERS", {"ffmpeg": sh})
    with pytest.raises(AudioFileError, match=r"The speech cannot be encoded"):
        speak("out.m4a")
    monkeypatch.setattr(output_formats, "is_full", lambda folder: True)
    with pytest.raises(AudioFileError, match=r"the disk of .* is full"):
        speak("out.m4a")


def test_a_conversion_says_whose_file_it_replaces(engine, tmp_path):
    source = demo_samples()[0].file
    (tmp_path / "out.mp3").write_bytes(b"my song")
    output = AudioTarget(path=tmp_path / "out.mp3")
    request = ConvertRequest(source=source, voice=ANNA, options=GenerationOptions(seed=1), output=output)
    assert ReplacesFile(path=output.path) in list(ConvertJob(engine, request).run())
    assert verify_file(output.path).is_intact
    assert not any(isinstance(event, ReplacesFile) for event in ConvertJob(engine, request).run())


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_what_replaces_a_private_file_is_private_with_all_that_is_beside_it(engine, tmp_path, ending):
    """While it is made, too: the hidden file that grows has the same words."""
    engine.max_passage_chars = 60
    path = tmp_path / f"out.{ending}"
    path.write_bytes(b"")
    path.chmod(0o600)
    options = GenerationOptions(temperature=0.2, seed=5)
    seen = set()
    for _ in SpeakJob(
        engine, SpeakRequest(text=TEXT, voice=ANNA, options=options, output=AudioTarget(path=path))
    ).run():
        seen |= {(file.suffix, stat.S_IMODE(file.stat().st_mode)) for file in tmp_path.iterdir()}
    assert {mode for _, mode in seen} == {0o600}
    assert len(seen) > 2
    assert {file.name for file in tmp_path.iterdir()} == {path.name, f"{path.name}.json"}


def test_what_is_being_encoded_is_private(tmp_path):
    source, path = tmp_path / "source.wav", tmp_path / "out.flac"
    write_wav(source, np.zeros(1600), 16_000)
    kind = OUTPUT_FORMATS["flac"]
    seen = []

    def encode(wav, part, *more):
        kind.encode(wav, part, *more)
        seen.append(stat.S_IMODE(part.stat().st_mode))

    encode_file(source, path, replace(kind, encode=encode), None)
    assert seen == [0o600]
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(source.stat().st_mode)
