"""`gpa-mlx voices`, and `--voice NAME`, with the demo model."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import asdict

import numpy as np
import pytest
import soundfile

from gpa_mlx.errors import AudioDeviceError
from gpa_mlx.model import demo
from gpa_mlx.types import Voice
from gpa_mlx.voices.library import VoiceLibrary

RIGHTS = "--i-have-rights"


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """A library of its own."""
    monkeypatch.setenv("GPA_MLX_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def document_of(voice: Voice) -> dict:
    """What `--json` says of a voice."""
    document = json.loads(json.dumps(asdict(voice)))
    return document if voice.origin else {key: value for key, value in document.items() if key != "origin"}


@pytest.fixture(scope="module")
def clip():
    (file,) = (sample.file for sample in demo.demo_samples() if sample.voice == "rms")
    return file


@pytest.fixture
def voices(gpa_mlx):
    """Run `voices COMMAND ...`; what makes or plays a voice uses the demo model."""

    def invoke(command, *arguments, stdin=b""):
        model = ("--model", "demo") if command in ("add", "play") else ()
        return gpa_mlx("voices", command, *arguments, *model, stdin=stdin)

    return invoke


@pytest.fixture
def anna(voices, clip):
    """A library with one voice."""
    result = voices("add", "anna", clip, RIGHTS, "--no-probe", "--description", "A  man.")
    assert result.code == 0, result.err
    return VoiceLibrary().get("anna")


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="not installed: ffmpeg")
def test_a_voice_from_a_track_of_a_video(voices, clip, tmp_path):
    video = tmp_path / "two.mka"
    silence = ("-f", "lavfi", "-i", "anullsrc=r=16000:d=3")
    maps = ("-map", "0:a", "-map", "1:a", "-c:a", "flac")
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", *silence, "-i", clip, *maps, video], check=True)
    first, second = (voices("add", f"v{n}", video, RIGHTS, "--no-probe", "--track", n) for n in (1, 2))
    assert (first.code, second.code) == (1, 0), first.err + second.err
    assert "No speech was heard" in first.err
    assert voices("add", "mine", "--record", 3, "--track", 1, RIGHTS).code == 2


def lines(result):
    return result.err.splitlines()


# -- add --------------------------------------------------------------------------------------------------------------


def test_a_voice_is_added_and_described(voices, clip, home):
    result = voices("add", "anna", clip, RIGHTS)
    assert (result.code, result.err) == (0, "")
    rows = dict(line.split(maxsplit=1) for line in result.out.splitlines())
    assert list(rows) == ["voice", "made", "quality", "similarity"]
    assert rows["voice"].startswith("anna (bicodec-")
    assert rows["made"] == f"from   all of {clip}"
    assert rows["quality"].startswith("100 of 100: speech 60 dB above the rest, 0.0% clipped")
    agreement = re.match(r"(\d\.\d\d) \(\d+% of the codes equal\) ", rows["similarity"])
    assert float(agreement[1]) > 0.8
    assert (home / "voices" / "anna.voice").stat().st_size < 1024
    assert "(--i-have-rights)" in VoiceLibrary().get("anna").origin.consent


def test_add_as_json(voices, clip):
    document = json.loads(voices("add", "anna", clip, clip, RIGHTS, "--json").out)
    assert document["voice"] == document_of(VoiceLibrary().get("anna"))
    assert document["source"] == str(clip)
    assert document["window"]["whole"] is True
    assert document["quality"]["total"] == 100
    assert document["warnings"] == []
    assert document["probe"]["similarity"]["levels"] > 0.9


def test_a_poor_recording_is_named(voices, clip, tmp_path):
    samples, rate = soundfile.read(clip)
    soundfile.write(tmp_path / "loud.wav", np.clip(8 * samples / np.abs(samples).max(), -0.9, 0.9), rate)
    result = voices("add", "anna", tmp_path / "loud.wav", RIGHTS, "--no-probe")
    assert result.code == 0
    assert "note: the recording is clipped: " in result.err
    assert "similarity" not in result.out


def test_without_a_statement_nothing_is_made(voices, clip, home):
    result = voices("add", "anna", clip)
    assert (result.code, result.out) == (2, "")
    assert lines(result) == [
        "error: Nobody said that you have the right to use this voice.",
        "hint: If it is your own, or its owner agreed, add --i-have-rights.",
    ]
    assert not home.exists()


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_on_a_terminal_it_is_asked_once(voices, clip, monkeypatch, answer, code):
    asked = []

    def confirm(text, *, err):
        asked.append((text, err))
        return answer == "y\n"

    monkeypatch.setattr("click.confirm", confirm)
    monkeypatch.setattr("gpa_mlx.cli.voices._is_terminal", lambda: True)
    result = voices("add", "anna", clip, "--no-probe")
    assert result.code == code
    assert asked == [("Is this your own voice, or has its owner agreed to this use?", True)]
    assert ("anna" in VoiceLibrary().names()) == (code == 0)
    if code == 0:
        consent = VoiceLibrary().get("anna").origin.consent
        assert consent == "The person who made this voice stated that they have the right to use it."
    else:
        assert "error: No voice was made: its owner has not agreed." in result.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["anna"], 2, "Give either recordings or --record SECONDS."),
        (["anna", "CLIP", "--record", "3"], 2, "Give either recordings or --record SECONDS."),
        (["anna", "--record", "nan"], 2, "not a finite number"),
        (["../anna", "CLIP"], 1, "'../anna' cannot be the name of a voice: it holds '/'."),
        (["slt", "CLIP"], 1, "'slt' is the name of a built-in voice."),
        (["anna", "missing.wav"], 4, "missing.wav does not exist."),
        (["anna", "NOISE"], 1, "No speech was heard in"),
        (["anna", "TEXT"], 4, "text.wav"),
        (["anna", "CLIP", "--description", "a\u202eb"], 2, "The description cannot stand on a voice card."),
        (["anna", "CLIP", "--description", "x" * 301], 2, "The description cannot stand on a voice card."),
    ],
)
def test_what_cannot_be_added_is_refused(voices, clip, tmp_path, home, arguments, code, words):
    soundfile.write(tmp_path / "noise.wav", np.random.default_rng(0).normal(0, 0.1, 48_000), 16_000)
    (tmp_path / "text.wav").write_text("no sound")
    places = {"CLIP": clip, "NOISE": tmp_path / "noise.wav", "TEXT": tmp_path / "text.wav"}
    result = voices("add", *(places.get(argument, argument) for argument in arguments), RIGHTS)
    assert (result.code, result.out) == (code, "")
    assert words in lines(result)[0]
    assert lines(result)[1].startswith("hint: ")
    assert not home.exists()


def test_a_voice_is_only_replaced_on_request(voices, clip, anna):
    result = voices("add", "Anna", clip, RIGHTS, "--no-probe")
    assert result.code == 1
    assert "There is a voice 'anna' already." in result.err
    assert voices("add", "Anna", clip, RIGHTS, "--no-probe", "--force").code == 0
    assert VoiceLibrary().names() == ("Anna",)


def test_a_voice_from_the_microphone(voices, clip, monkeypatch):
    asked = []
    samples, _ = soundfile.read(clip, dtype="float32")
    monkeypatch.setattr(
        "gpa_mlx.audio.devices.clip_recorder.record_clip", lambda _, seconds, tell: asked.append(seconds) or samples
    )
    result = voices("add", "me", "--record", "4", RIGHTS, "--no-probe")
    assert (result.code, asked) == (0, [4.0])
    assert lines(result) == ["recording 4 s: speak now"]
    assert "all of the recording" in result.out


def test_a_microphone_that_fails_is_an_audio_error(voices, monkeypatch):
    def record_clip(microphone, seconds, tell):
        raise AudioDeviceError("No microphone.", hint="Connect one.")

    monkeypatch.setattr("gpa_mlx.audio.devices.clip_recorder.record_clip", record_clip)
    result = voices("add", "me", "--record", "4", RIGHTS)
    assert (result.code, lines(result)[-2:]) == (4, ["error: No microphone.", "hint: Connect one."])


# -- list, show, rename, remove ---------------------------------------------------------------------------------------


def test_list_shows_what_there_is(voices, anna, home):
    (home / "voices" / "bad.voice").write_text("hello")
    result = voices("list")
    rows = [line.split(maxsplit=3) for line in result.out.splitlines()]
    assert rows[:3] == [
        ["NAME", "FAMILY", "MADE", "DESCRIPTION"],
        ["anna", anna.family, anna.origin.made_on, "A man."],
        ["bad", "damaged"],
    ]
    assert [(row[0], row[2]) for row in rows[3:]] == [(voice.name, "built-in") for voice in demo.demo_voices()]
    assert "note: 'bad' is damaged: " in result.err
    document = json.loads(voices("list", "--json").out)
    assert document["folder"] == str(home / "voices")
    first, second, *others = document["voices"]
    assert first == {
        **document_of(anna),
        "built_in": False,
        "file": str(home / "voices" / "anna.voice"),
        "problem": None,
    }
    assert (second["name"], "holds no voice card" in second["problem"]) == ("bad", True)
    assert all(voice["built_in"] for voice in others)


def test_an_empty_library_says_what_to_do(voices, home):
    result = voices("list")
    assert result.code == 0
    assert "gpa-mlx voices add" in result.err
    assert not home.exists()


def test_show(voices, anna):
    result = voices("show", "ANNA")
    assert (result.code, result.err) == (0, "")
    for words in (anna.family, "A man.", anna.origin.made_on, anna.origin.source_sha256, anna.origin.consent):
        assert words in result.out
    assert json.loads(voices("show", "anna", "--json").out) == document_of(anna)
    assert json.loads(voices("show", "slt", "--json").out)["name"] == "slt"


def test_rename_and_remove(voices, anna):
    result = voices("rename", "anna", "bob", "--json")
    assert (result.code, result.err) == (0, "'anna' is now 'bob'\n")
    assert json.loads(result.out)["name"] == "bob"
    result = voices("remove", "bob", "--json")
    assert (result.code, result.err, json.loads(result.out)) == (0, "removed 'bob'\n", {"removed": "bob"})
    assert VoiceLibrary().names() == ()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "ana"), "hint: Did you mean 'anna'?"),
        (("remove", "ana"), "hint: Did you mean 'anna'?"),
        (("export", "xyz"), "error: There is no voice 'xyz' in the library."),
        (("remove", "slt"), "error: 'slt' is a built-in voice."),
        (("rename", "slt", "x"), "error: 'slt' is a built-in voice."),
        (("rename", "anna", "Slt"), "error: 'Slt' is the name of a built-in voice."),
        (("play", "ana"), "hint: Did you mean 'anna'?"),
    ],
)
def test_a_wrong_name_is_explained(voices, anna, arguments, words):
    result = voices(*arguments)
    assert (result.code, result.out) == (1, "")
    assert words in result.err
    assert VoiceLibrary().names() == ("anna",)


# -- export and import ------------------------------------------------------------------------------------------------


def test_a_card_goes_through_a_chat(voices, anna):
    card = voices("export", "anna").out
    pasted = "Here it is:\r\n" + "".join(f"> {line} \r\n" for line in card.splitlines()) + "Bye"
    result = voices("import", "-", "--name", "friend", stdin=pasted.encode())
    assert (result.code, result.err) == (0, "added 'friend'\n")
    from dataclasses import replace

    assert VoiceLibrary().get("friend") == replace(anna, name="friend")


def test_a_card_goes_through_a_file(voices, anna, tmp_path):
    result = voices("export", "anna", "-o", tmp_path / "a.voice", "--json")
    assert result.err == f"wrote {tmp_path}/a.voice\n"
    document = json.loads(result.out)
    assert document == {
        "voice": document_of(anna),
        "card": (tmp_path / "a.voice").read_text(),
        "file": str(tmp_path / "a.voice"),
    }
    result = voices("import", tmp_path / "a.voice")
    assert (result.code, "already" in result.err) == (1, True)
    assert json.loads(voices("import", tmp_path / "a.voice", "--force", "--json").out) == document_of(anna)


def test_a_built_in_voice_can_be_exported_and_says_nothing_about_rights(voices, tmp_path):
    card = voices("export", "slt").out
    assert voices("import", "-", stdin=card.encode()).code == 1
    result = voices("import", "-", "--name", "mine", stdin=card.encode())
    assert (result.code, lines(result)) == (
        0,
        ["note: the card says nothing about the right to use this voice.", "added 'mine'"],
    )


def test_a_mangled_card_is_refused(voices, anna, tmp_path):
    card = re.sub(r"codes: (\d+)", lambda code: f"codes: {int(code[1]) ^ 1}", voices("export", "anna").out)
    result = voices("import", "-", "--name", "x", stdin=card.encode())
    assert (result.code, result.out) == (1, "")
    assert "standard input is not a whole voice card: line 9: 'codes' is not what was written." in lines(result)[0]
    result = voices("import", tmp_path / "missing.voice")
    assert (result.code, "cannot be read" in result.err) == (1, True)


# -- speaking with a voice --------------------------------------------------------------------------------------------


@pytest.fixture
def spoken(monkeypatch):
    """Voices that the engine was asked to speak with."""
    from gpa_mlx.engine.gpa import GPA

    found = []

    def noting(method):
        return lambda self, subject, *, voice, **options: (
            found.append(voice) or method(self, subject, voice=voice, **options)
        )

    monkeypatch.setattr(GPA, "stream_speak", noting(GPA.stream_speak))
    monkeypatch.setattr(GPA, "stream_convert_voice", noting(GPA.stream_convert_voice))
    return found


def test_speak_and_vc_find_the_voice(gpa_mlx, voices, anna, clip, spoken, tmp_path):
    out = tmp_path / "out.wav"
    voices("export", "anna", "-o", tmp_path / "card.voice")
    for words in (("speak", "one two"), ("vc", clip)):
        for name in ("anna", "Anna", tmp_path / "card.voice"):
            result = gpa_mlx(*words, "--voice", name, "--model", "demo", "-o", out, "--seed", 1)
            assert result.code == 0, result.err
            assert set(spoken) == {anna}
            spoken.clear()
    gpa_mlx("speak", "one two", "--voice", "slt", "--model", "demo", "-o", out)
    assert {voice.name for voice in spoken} == {"slt"}


def test_a_voice_of_another_family_is_refused(gpa_mlx, anna, tmp_path):
    from dataclasses import replace

    VoiceLibrary().add(replace(anna, name="other", family="bicodec-other"))
    result = gpa_mlx("speak", "one", "--voice", "other", "--model", "demo", "-o", tmp_path / "out.wav")
    assert (result.code, result.out) == (1, "")
    assert lines(result)[0] == (
        f"error: The voice 'other' was made for models of the family bicodec-other; this model's is {anna.family}."
    )


def test_a_damaged_voice_is_not_taken_for_an_unknown_one(gpa_mlx, anna, home, tmp_path):
    (home / "voices" / "anna.voice").write_text("hello")
    result = gpa_mlx("speak", "one", "--voice", "anna", "--model", "demo", "-o", tmp_path / "out.wav")
    assert result.code == 1
    assert "The voice 'anna' is damaged" in result.err


def test_play_says_something_in_the_voice(voices, anna, monkeypatch, spoken):
    from gpa_mlx.audio.devices import playback

    played = []

    class Player:
        def __init__(self, rate, *, device):
            assert (rate, device.name) == (16_000, "Speakers")

        def __enter__(self):
            return self

        def __exit__(self, *error):
            played.append("stopped")

        def feed(self, samples):
            played.append(len(samples))

        def finish(self):
            played.append("finished")

    monkeypatch.setattr(playback, "Player", Player)
    monkeypatch.setenv("GPA_MLX_LOUDSPEAKER", "Speakers")
    result = voices("play", "anna", "--json")
    assert result.code == 0, result.err
    *chunks, finished, stopped = played
    assert (finished, stopped) == ("finished", "stopped")
    assert json.loads(result.out) == {"voice": "anna", "text": "three two one go", "duration_s": sum(chunks) / 16_000}
    assert set(spoken) == {anna}
    assert voices("play", "slt", "--text", "one").err.startswith('slt: "one", ')


def test_the_help_needs_nothing_heavy(gpa_mlx):
    result = gpa_mlx("voices", "--help")
    assert result.code == 0
    for command in ("add", "list", "show", "remove", "rename", "export", "import", "play"):
        assert f"\n  {command} " in result.out
    assert "..." not in result.out.split("Commands:")[1]
