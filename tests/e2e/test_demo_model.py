"""What the demo model that ships can do, from one end to the other. Without its data these tests fail."""

from __future__ import annotations

import itertools
import json
import shutil
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

import gpa_mlx
from gpa_mlx.engine.transcriber import Transcriber
from gpa_mlx.model.demo import demo_model, demo_samples, demo_voices
from gpa_mlx.recipes.demo.data.non_speech import non_speech
from gpa_mlx.recipes.demo.data.synthesis import synthesise
from gpa_mlx.recipes.demo.data.synthetic_voices import VOICES
from gpa_mlx.recipes.demo.data.vocabulary import WORDS, split_of
from gpa_mlx.recipes.demo.evaluation.pitch import median_pitch
from gpa_mlx.recipes.demo.evaluation.quality_targets import MAX_EMBEDDED_BYTES
from gpa_mlx.store.manifest import read_manifest, verify_files
from gpa_mlx.text.metrics import edit_distance
from gpa_mlx.types import GenerationOptions

ROOT = Path(__file__).parents[2]
RATE_HZ = 16_000
MARGIN_SAMPLES = 4_000
SENTENCES = ("three two one go", "yes stop", "left right up")
SPOKEN = GenerationOptions(temperature=0.2, seed=1)


@pytest.fixture(scope="module")
def engine():
    with gpa_mlx.load(demo_model()) as opened:
        yield opened


def words_of(text: str) -> list[str]:
    return text.split()


# -- the data ---------------------------------------------------------------------------------------------------------


def test_the_model_is_small_and_whole(process):
    model = demo_model()
    assert sum(path.stat().st_size for path in model.parent.rglob("*") if path.is_file()) <= MAX_EMBEDDED_BYTES
    assert verify_files(model) == []
    assert process("model", "verify", model).code == 0


def test_no_file_of_the_data_is_ignored():
    command = ["git", "-C", demo_model().parent, "ls-files", "--others", "--ignored", "--exclude-standard"]
    try:
        ignored = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no git checkout")
    assert ignored.stdout == ""


@pytest.mark.slow
def test_the_wheel_holds_the_data(tmp_path):
    pytest.importorskip("hatchling", reason="hatchling is a developer tool")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("gpa_mlx-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("gpa_mlx/data/")}
    data = demo_model().parent
    assert packed == {path.relative_to(ROOT).as_posix() for path in data.rglob("*") if path.is_file()}


def test_voices_belong_to_the_model(engine):
    voices = demo_voices()
    assert len(voices) >= 2
    assert len({voice.name for voice in voices}) == len(voices)
    for voice in voices:
        assert voice.family == read_manifest(demo_model()).model_family
        assert voice.description
        engine.stream_speak("yes", voice=voice).close()  # checks the voice at the call


def test_samples_are_sentences_of_the_vocabulary():
    assert demo_samples()
    for sample in demo_samples():
        assert set(words_of(sample.text)) <= set(WORDS)
        info = soundfile.info(sample.file)
        assert (info.samplerate, info.channels) == (RATE_HZ, 1)


# -- listening --------------------------------------------------------------------------------------------------------


def test_samples_are_transcribed_word_for_word(process):
    samples = demo_samples()
    result = process("transcribe", *(sample.file for sample in samples), "--json", "--model", "demo")
    assert (result.code, result.err) == (0, "")
    assert [json.loads(line)["text"] for line in result.out.splitlines()] == [sample.text for sample in samples]


@pytest.mark.skipif(
    not (shutil.which("espeak-ng") and shutil.which("flite")), reason="espeak-ng or flite is not installed"
)
@pytest.mark.parametrize("voice", ["slt", "rms", "f2"])
def test_new_recordings_are_transcribed_word_for_word(process, tmp_path, voice):
    words = ("five", "left", "two", "no")
    while split_of(words) != "evaluation":  # no sequence that the model was trained on
        words = (*words[1:], WORDS[(WORDS.index(words[0]) + 7) % len(WORDS)])
    speech = synthesise(VOICES[voice], words, "steady", seed=0).wave
    soundfile.write(tmp_path / "new.wav", np.pad(speech, MARGIN_SAMPLES), RATE_HZ)
    result = process("transcribe", tmp_path / "new.wav", "--model", "demo")
    assert result == (0, " ".join(words) + "\n", "")


@pytest.mark.parametrize("options", [(), ("--no-vad",)], ids=["vad", "no-vad"])
def test_nothing_is_heard_in_silence_and_noise(process, tmp_path, options):
    noise = 0.01 * np.random.default_rng(0).standard_normal(2 * RATE_HZ)
    recordings = [np.zeros(2 * RATE_HZ), noise, *(recording.wave for recording in non_speech(5, seed=99))]
    files = [tmp_path / f"{index}.wav" for index in range(len(recordings))]
    for file, samples in zip(files, recordings, strict=True):
        soundfile.write(file, samples, RATE_HZ)
    result = process("transcribe", *files, "--json", "--model", "demo", *options)
    assert result.code == 0
    assert [json.loads(line)["text"].strip() for line in result.out.splitlines()] == [""] * len(files)


def test_a_stream_of_text_is_the_text(engine):
    for sample in demo_samples():
        text = "".join(chunk.text for chunk in engine.stream_transcribe(sample.file))
        assert text == engine.transcribe(sample.file).text == sample.text


@pytest.fixture(scope="module")
def all_samples():
    """Every sample, one after the other, and their words."""
    samples = demo_samples()
    waves = [soundfile.read(sample.file, dtype="float32")[0] for sample in samples]
    return np.concatenate(waves), words_of(" ".join(sample.text for sample in samples))


@pytest.mark.parametrize("lead_s", np.arange(0, 2.75, 0.5))
def test_a_long_recording_is_heard_piece_by_piece(engine, all_samples, lead_s):
    wave, words = all_samples
    shifted = np.concatenate([np.zeros(round(lead_s * RATE_HZ), dtype=np.float32), wave])
    result = engine.transcribe((shifted, RATE_HZ))
    assert len(result.segments) >= 4
    assert words_of(result.text) == words
    assert all(0.3 < segment.confidence <= 1 for segment in result.segments)


def test_no_word_is_lost_or_doubled_wherever_the_border_falls(engine, all_samples, monkeypatch):
    wave, words = all_samples
    limits_s = (1.7, 1.9, 2.1, 2.3, 2.5, 2.7)
    wrong, borders = 0, set()
    for limit_s in limits_s:
        monkeypatch.setattr(Transcriber, "max_segment_s", limit_s)
        result = engine.transcribe((wave, RATE_HZ))
        for left, right in itertools.pairwise(result.segments):
            assert left.end_s <= right.start_s
        assert max(segment.end_s - segment.start_s for segment in result.segments) <= limit_s
        borders.add(tuple(segment.end_s for segment in result.segments))
        wrong += edit_distance(words, words_of(result.text))
    assert len(borders) > 2
    assert wrong <= 1, f"{wrong} of {len(words) * len(limits_s)} words"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells how much memory is used now")
def test_memory_stays_flat_in_a_long_recording(engine, all_samples):
    wave, words = all_samples
    repeats = 18
    long = np.tile(wave, repeats)
    resident, heard = [], []
    for chunk in engine.stream_transcribe((long, RATE_HZ), batch=2):
        if chunk.segment is not None:
            heard += words_of(chunk.segment.text)
            resident.append(int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20)
    assert edit_distance(words * repeats, heard) <= 0.05 * len(words) * repeats
    settled = resident[len(resident) // 5]
    assert max(resident) - settled < 16


# -- speaking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("voice", demo_voices(), ids=lambda voice: voice.name)
def test_it_is_silent_before_between_and_after_the_words(engine, voice):
    speech = engine.speak("three two one go", voice=voice, options=SPOKEN)
    is_silent = np.concatenate([[False], speech.audio == 0, [False]])
    starts, ends = np.flatnonzero(np.diff(is_silent)).reshape(-1, 2).T
    assert np.count_nonzero(ends - starts > 0.02 * RATE_HZ) == 5


def test_what_is_spoken_is_understood(program, process, tmp_path):
    expected, files = [], []
    for voice in (demo_voices()[0], demo_voices()[-1]):
        for sentence in SENTENCES:
            file = tmp_path / f"{voice.name}-{sentence.replace(' ', '-')}.wav"
            given = ("--voice", voice.name, "--model", "demo", "--seed", 1, "-o", file)
            result = program("speak", sentence, *given)
            assert result.code == 0, result.err
            assert "is cut" not in result.err
            expected.append(sentence)
            files.append(file)
    result = process("transcribe", *files, "--json", "--model", "demo")
    heard = [json.loads(line)["text"] for line in result.out.splitlines()]
    wrong = [edit_distance(words_of(a), words_of(b)) for a, b in zip(expected, heard, strict=True)]
    assert sum(wrong) <= 1, list(zip(expected, heard, strict=True))


def test_a_long_text_is_spoken_piece_by_piece(process, engine, tmp_path):
    text = "one two three. four five six seven, eight nine! 0 1 2 3 4 5 6"
    file, voice = tmp_path / "long.wav", demo_voices()[0].name
    given = ("--voice", voice, "--model", "demo", "--seed", 1, "--json", "-o", file, "--srt", tmp_path / "long.srt")
    result = process("speak", text, *given)
    assert result.code == 0, result.err
    passages = json.loads(result.out)["passages"]
    assert len(passages) >= 5
    assert " ".join(passage["text"] for passage in passages) == text
    samples, rate = soundfile.read(file, dtype="float32")
    wrong, words = 0, 0
    for passage in passages:
        said = samples[round(passage["start"] * rate) : round(passage["end"] * rate)]
        expected = words_of("".join(c if c.isalpha() else " " for c in passage["spoken"]))
        wrong += edit_distance(expected, words_of(engine.transcribe((said, rate), vad=False).text))
        words += len(expected)
    assert words == 16
    assert wrong <= 3
    assert (tmp_path / "long.srt").read_text().count(" --> ") == len(passages)


def test_a_stream_of_speech_is_the_speech(engine):
    voice = demo_voices()[0]
    chunks = list(engine.stream_speak(SENTENCES[0], voice=voice, options=SPOKEN))
    speech = engine.speak(SENTENCES[0], voice=voice, options=SPOKEN)
    assert speech.finish_reason == chunks[-1].finish_reason == "stop"
    np.testing.assert_array_equal(np.concatenate([chunk.audio for chunk in chunks]), speech.audio)
    np.testing.assert_array_equal(np.concatenate([chunk.codes for chunk in chunks]), speech.codes)


# -- changing the voice -----------------------------------------------------------------------------------------------


def test_a_changed_voice_keeps_the_words_and_moves_towards_the_target(process, engine, tmp_path):
    sample = demo_samples()[0]
    source_hz = median_pitch(soundfile.read(sample.file)[0])
    pitches = {
        voice.name: median_pitch(engine.speak(sample.text, voice=voice, options=SPOKEN).audio)
        for voice in demo_voices()
    }
    target = max(pitches, key=lambda name: abs(np.log(pitches[name] / source_hz)))
    assert abs(np.log(pitches[target] / source_hz)) > 0.2, "no built-in voice differs from the sample's"
    file = tmp_path / "out.wav"
    result = process("vc", sample.file, "--voice", target, "--model", "demo", "--seed", 1, "-o", file)
    assert result.code == 0, result.err
    assert process("transcribe", file, "--model", "demo").out == sample.text + "\n"
    changed_hz = median_pitch(soundfile.read(file)[0])
    assert abs(np.log(changed_hz / pitches[target])) < abs(np.log(changed_hz / source_hz))


# -- the whole show ---------------------------------------------------------------------------------------------------


def test_the_demo_says_and_hears_its_words(process, tmp_path):
    result = process("demo", "--out", tmp_path / "out", "--json")
    assert (result.code, result.err) == (0, "")
    steps = json.loads(result.out)["steps"]
    assert [step["task"] for step in steps] == ["transcribe", "speak", "speak", "vc"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        {step["file"].rpartition("/")[2] for step in steps}
    )
    wrong = [edit_distance(words_of(step["said"]), words_of(step["heard"])) for step in steps]
    assert wrong[0] == 0
    assert sum(wrong) <= 1, [(step["said"], step["heard"]) for step in steps]


def test_the_demo_model_needs_no_network(monkeypatch):
    def refused(*arguments, **options):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refused)
    with gpa_mlx.load(demo_model()) as offline:
        assert offline.transcribe(demo_samples()[0].file).text == demo_samples()[0].text
