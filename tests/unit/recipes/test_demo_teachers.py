"""Kokoro and its voices, without its network: phonemes, times, and clear messages about what is missing."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from gpa_mlx.errors import GPAError, SettingsError
from gpa_mlx.recipes.demo.domain.lexicon import WORDS
from gpa_mlx.recipes.demo.domain.phrases import Phrase
from gpa_mlx.recipes.demo.teachers import kokoro
from gpa_mlx.recipes.demo.teachers.kokoro import Kokoro, make_script, with_output
from gpa_mlx.recipes.demo.teachers.phonemes import phonemes
from gpa_mlx.recipes.demo.teachers.voices import BASE_VOICES, SPEAKING, TeacherVoice, draw_voice, mixed, single

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="not installed: espeak-ng")

PHRASES = (Phrase((("twenty", "five"), ("left",))), Phrase((("seven", "o'clock"),)))


@needs_espeak
def test_phonemes_are_in_kokoros_letters_one_string_a_word():
    assert phonemes(("twenty", "five"), "en-us") == ("twˈɛnti", "fˈIv")
    assert phonemes(("go",), "en-us") == ("ɡˈO",)
    assert phonemes(("go",), "en-gb") == ("ɡˈQ",)
    assert phonemes(("seven", "am"), "en-us")[1] == "ˌAˈɛm"


@needs_espeak
@pytest.mark.slow
@pytest.mark.parametrize("accent", ["en-us", "en-gb"])
def test_every_word_has_phonemes_alone_and_between_others(accent):
    for word in WORDS:
        assert all(phonemes((word,), accent))
        assert len(phonemes(("you", word, "on", "at"), accent)) == 4


def test_phonemes_without_espeak_say_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GPAError, match="espeak-ng is not installed"):
        phonemes(("never", "said", "before"), "en-us")


def test_no_voice_or_mix_is_in_both_splits():
    assert not set(BASE_VOICES["train"]) & set(BASE_VOICES["evaluation"])
    for split, names in BASE_VOICES.items():
        rng = np.random.default_rng(0)
        voices = [draw_voice(split, rng) for _ in range(200)]
        assert {name for voice in voices for name, _ in voice.parts} <= set(names)
        assert any(len(voice.parts) > 1 for voice in voices)
        assert any(len(voice.parts) == 1 for voice in voices)
    assert {part[0] for voice in SPEAKING for part in voice.parts} <= set(BASE_VOICES["train"])
    assert sorted(voice.name[1] for voice in SPEAKING) == ["f", "f", "m", "m"]


def test_a_mix_is_named_by_its_recipe_and_weighs_one():
    for seed in range(50):
        voice = mixed("train", np.random.default_rng(seed))
        assert sum(weight for _, weight in voice.parts) == pytest.approx(1)
        assert min(weight for _, weight in voice.parts) >= 0.2
        assert voice.name == "+".join(f"{name}*{weight:g}" for name, weight in voice.parts)


def test_a_mix_has_the_accent_of_its_largest_part():
    assert TeacherVoice("x", (("bf_emma", 0.7), ("af_sky", 0.3))).accent == "en-gb"
    assert TeacherVoice("x", (("bf_emma", 0.3), ("af_sky", 0.7))).accent == "en-us"


@needs_espeak
def test_the_script_knows_whose_each_letter_is():
    script = make_script(PHRASES, single("af_heart"))
    assert script.letters == "twˈɛnti fˈIv, lˈɛft... sˈɛvən əklˈɑk."
    assert [[script.letters[first:stop] for _, first, stop in phrase] for phrase in script.words] == [
        ["twˈɛnti", "fˈIv", "lˈɛft"],
        ["sˈɛvən", "əklˈɑk"],
    ]
    # Token 0 is the border: with one sample a token, a letter begins at its index plus one.
    timed = script.timed(range(1, len(script.letters) + 3))
    assert [sound.letter for sound in timed[0][1].sounds] == list("fˈIv")
    assert timed[0][1].sounds[0].start == script.letters.index("f") + 1


def test_an_output_is_added_to_a_network():
    assert with_output(b"network", "ab") == b"network" + b"\x3a\x06" + b"\x62\x04" + b"\x0a\x02ab"
    assert with_output(b"", "x" * 200)[:3] == b"\x3a\xce\x01"


class FakeSession:
    """Every token lasts two frames, the last one a hundred; the sound says where it is."""

    def __init__(self, network, options, providers):
        assert network.startswith(b"network")

    def run(self, names, inputs):
        frames = np.full(inputs["tokens"].shape, 2.0)
        frames[:, -1] = 100.0
        assert inputs["style"].shape == (1, 256)
        self.inputs = inputs
        return np.full(int(frames.sum()) * 600, inputs["style"].mean(), np.float32), frames


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "kokoro.onnx").write_bytes(b"network")
    monkeypatch.setattr(kokoro, "MODEL_SHA256", hashlib.sha256(b"network").hexdigest())
    vocabulary = {letter: number for number, letter in enumerate("twˈɛnifIvlsəkɑ ,.", start=1)}
    (tmp_path / "vocab.json").write_text(json.dumps({"vocab": vocabulary}), encoding="utf-8")
    (tmp_path / "voices").mkdir()
    for name, value in (("af_heart", 0.2), ("am_puck", 0.4)):
        np.full((510, 256), value, np.float32).tofile(tmp_path / "voices" / f"{name}.bin")
    options = SimpleNamespace
    monkeypatch.setitem(
        sys.modules, "onnxruntime", SimpleNamespace(SessionOptions=options, InferenceSession=FakeSession)
    )
    return tmp_path


@needs_espeak
def test_words_lie_where_the_network_says(folder):
    spoken = Kokoro(folder).say(PHRASES, single("af_heart"), speed=1.0)
    letters = len("twˈɛnti fˈIv, lˈɛft... sˈɛvən əklˈɑk.")
    assert len(spoken.wave) == ((letters + 1) * 2 + 100) * 400
    assert [[word.word for word in phrase] for phrase in spoken.phrases] == [
        ["twenty", "five", "left"],
        ["seven", "o'clock"],
    ]
    first = spoken.phrases[0][0].sounds[0]
    assert (first.start, first.end) == (2 * 400 - 560, 4 * 400 - 560)  # 35 ms before its frames


@needs_espeak
def test_a_mix_is_the_weighted_mean_of_its_voices(folder):
    voice = TeacherVoice("mix", (("af_heart", 0.5), ("am_puck", 0.5)))
    assert Kokoro(folder).say(PHRASES, voice, speed=1.0).wave.mean() == pytest.approx(0.3, abs=0.01)


@needs_espeak
def test_what_kokoro_cannot_say_is_refused(folder):
    with pytest.raises(GPAError, match="has no phoneme 'z'"):
        Kokoro(folder).say((Phrase((("zero",),)),), single("af_heart"), speed=1.0)
    with pytest.raises(GPAError, match="510 phonemes at once"):
        Kokoro(folder).say(PHRASES * 30, single("af_heart"), speed=1.0)


def test_what_is_missing_or_another_is_named(folder, monkeypatch):
    with pytest.raises(SettingsError, match=r"kokoro\.onnx cannot be read"):
        Kokoro(folder / "nowhere")
    (folder / "voices" / "af_sky.bin").write_bytes(bytes(8))
    with pytest.raises(SettingsError, match="no voice of Kokoro"):
        Kokoro(folder).say((), single("af_sky"), speed=1.0)
    (folder / "kokoro.onnx").write_bytes(b"another")
    with pytest.raises(SettingsError, match="another version of Kokoro") as caught:
        Kokoro(folder)
    assert "train-demo" in caught.value.hint
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(SettingsError, match="need onnxruntime") as caught:
        Kokoro(folder)
    assert "pip install" in caught.value.hint
