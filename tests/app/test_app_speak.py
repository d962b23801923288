"""Speak: from the text to the sound, the picture of it, and the files."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import soundfile
from textual.widgets import Button, Input, Label, OptionList, Static, TextArea

from gpa_mlx.audio.dsp import time_stretch
from gpa_mlx.errors import AudioDeviceError, SettingsError, VoiceError
from gpa_mlx.model import demo
from gpa_mlx.provenance.verification import verify_file
from gpa_mlx_tui.features.speak import form
from gpa_mlx_tui.features.speak import screen as speak_screen
from gpa_mlx_tui.features.speak.clock import SpeechClock
from gpa_mlx_tui.features.speak.jobs import SpeechSettings, plan_speech, save_speech
from gpa_mlx_tui.features.speak.messages import PassageAdvanced, SpeechMade
from gpa_mlx_tui.services.choices import VoiceChoice
from gpa_mlx_tui.services.messages import Saved
from gpa_mlx_tui.services.sound import PlaybackOpened, SoundGrew
from gpa_mlx_tui.widgets.dialogs import Choose, Confirm, PathPicker
from gpa_mlx_tui.widgets.progress_row import ProgressRow
from gpa_mlx_tui.widgets.toggle import Toggle
from gpa_mlx_tui.widgets.voice_picker import VoicePicker
from gpa_mlx_tui.widgets.waveform import Waveform

TWO = "Hello world, this is long enough. And here is the second sentence."
SIZES = [(80, 24), (200, 60)]


async def ready(session):
    await session.until(lambda: session.screen.query_one(VoicePicker).choice is not None)
    await session.until(lambda: not session.screen.has_task("load"))


async def speak(session, text=TWO):
    await ready(session)
    await session.write(text)
    await session.press("ctrl+r")
    await session.until(lambda: session.sent(SpeechMade))


def test_a_text_becomes_sound_that_is_drawn_listed_and_played(use, engine, output):
    async def steps(session):
        await speak(session)
        await session.until(lambda: not session.screen.has_task("speak"))
        assert len(session.sent(PlaybackOpened)) == 1
        passages = session.sent(PassageAdvanced)
        assert [message.passage.text for message in passages if message.passage] == TWO.replace(
            ". ", ".\n"
        ).splitlines()
        result = session.screen.job.result
        assert session.screen.query_one(Waveform).duration_s == pytest.approx(result.duration_s, abs=0.03)
        assert session.screen.query_one("#passages", OptionList).option_count == 2
        assert f"seed {result.seed}" in session.screen.query_one(ProgressRow).words
        assert output.heard > 0.5 * np.count_nonzero(np.concatenate(result.pieces))
        assert engine.count("stream_speak") == 2

    use(steps, mode="speak")


def test_verifying_scores_every_passage(use, engine):
    engine.endings = {TWO.split(". ")[1]: "unintelligible"}

    async def steps(session):
        await ready(session)
        session.screen.query_one("#verify", Toggle).value = True
        await session.write(TWO)
        await session.press("ctrl+r")
        await session.until(lambda: session.screen.query_one("#passages", OptionList).option_count == 2)
        lines = [str(option.prompt) for option in session.screen.query_one("#passages", OptionList)._options]
        assert "100% understood" in lines[0]
        assert lines[0].startswith("✓")
        assert lines[1].startswith("!")
        assert engine.count("stream_transcribe") > 2

    use(steps, mode="speak")


def test_sound_can_be_paused_go_on_and_be_played_again(use, output):
    output.speed = 1.0

    async def steps(session):
        screen, play = session.screen, session.screen.query_one("#play", Button)
        await speak(session, "Hello world")
        await session.until(lambda: screen.query_one(Waveform).position_s)
        await session.press("ctrl+l")
        assert str(play.label) == "Go on"
        await session.pilot.pause(0.1)
        before = screen.query_one(Waveform).position_s
        await session.pilot.pause(0.2)
        assert screen.query_one(Waveform).position_s == before
        output.speed = 50.0
        await session.press("ctrl+l")
        await session.until(lambda: not screen.has_task("speak"))
        assert str(play.label) == "Play"
        opened = output.opened
        await session.press("ctrl+l")
        await session.until(lambda: output.opened == opened + 1)
        await session.until(lambda: not screen.has_task("play"))

    use(steps, mode="speak")


def test_escape_stops_at_once_and_keeps_what_there_is(use, engine, output):
    async def steps(session):
        screen = session.screen
        await ready(session)
        await session.write(TWO)
        engine.delay_s = 0.05
        await session.press("ctrl+r")
        await session.until(lambda: screen.query_one(Waveform).duration_s > 0)
        await session.press("escape")
        assert not screen.has_task("speak")
        assert screen.query_one("#stop", Button).disabled
        count = len(session.sent(SoundGrew))
        await session.pilot.pause(0.3)
        assert len(session.sent(SoundGrew)) == count
        assert screen.job.result.pieces
        assert not screen.query_one("#save", Button).disabled

    use(steps, mode="speak")


def test_saving_writes_tagged_audio_and_subtitles(use, home):
    async def steps(session):
        await speak(session)
        await session.until(lambda: not session.screen.has_task("speak"))
        await session.press("ctrl+s")
        assert isinstance(session.screen, PathPicker)
        session.screen.query_one("#path", Input).value = str(home / "mine")
        await session.press("enter")
        await session.until(lambda: session.sent(Saved))
        assert session.toasts == ["Saved mine.wav and mine.srt."]
        samples, rate = soundfile.read(home / "mine.wav")
        assert rate == 16_000
        assert len(samples) / rate == pytest.approx(session.screen.job.result.duration_s)
        assert "second sentence" in (home / "mine.srt").read_text()
        assert verify_file(home / "mine.wav").state == "intact"

    use(steps, mode="speak")


def test_long_speech_is_replaced_only_after_a_question_unless_it_was_saved(use, home, monkeypatch):
    monkeypatch.setattr(speak_screen, "LONG_S", 0.1)

    async def steps(session):
        await speak(session)
        await session.until(lambda: not session.screen.has_task("speak"))
        job = session.screen.job
        await session.press("ctrl+r")
        await session.until(lambda: isinstance(session.screen, Confirm))
        await session.press("n")
        await session.until(lambda: not isinstance(session.screen, Confirm))
        assert session.screen.job is job
        await session.press("ctrl+d")
        session.screen.query_one("#path", Input).value = str(home / "mine")
        await session.press("enter")
        await session.until(lambda: session.sent(Saved))
        await session.until(lambda: session.screen.at_risk() == [])
        await session.press("ctrl+r")
        await session.until(lambda: session.screen.job is not job and len(session.sent(SpeechMade)) == 2)

    use(steps, mode="speak")


def test_speech_made_while_another_is_saved_is_not_saved(use, home, monkeypatch):
    saved, going_on = speak_screen.save_speech, threading.Event()

    def slowly(job, path):
        assert going_on.wait(30)
        return saved(job, path)

    monkeypatch.setattr(speak_screen, "save_speech", slowly)

    async def steps(session):
        await speak(session)
        await session.until(lambda: not session.screen.has_task("speak"))
        await session.press("ctrl+d")
        session.screen.query_one("#path", Input).value = str(home / "first")
        await session.press("enter")
        await session.press("ctrl+r")
        await session.until(lambda: len(session.sent(SpeechMade)) == 2 and not session.screen.has_task("speak"))
        going_on.set()
        await session.until(lambda: session.sent(Saved))
        await session.pilot.pause()
        assert session.screen.at_risk() == ["speech that is not saved"]

    use(steps, mode="speak")


def test_what_is_no_record_is_not_replaced(tmp_path, engine):
    engine.path = demo.demo_model()
    voice = VoiceChoice("slt", "", demo.demo_voices()[0])
    settings = SpeechSettings(text="Hello world", voice=voice, temperature=None, seed=None, verify=False)
    job = plan_speech(engine, settings)
    list(job.run())
    (tmp_path / "out.wav.json").write_text("mine")
    with pytest.raises(SettingsError, match="not a record"):
        save_speech(job, tmp_path / "out.wav")
    assert (tmp_path / "out.wav.json").read_text() == "mine"
    assert not (tmp_path / "out.wav").exists()


@pytest.mark.parametrize(
    ("there", "question"),
    [
        (["speech.wav"], "Replace speech.wav?"),
        (["speech.srt"], "Replace speech.srt?"),
        (["speech.wav", "speech.srt"], "Replace speech.wav and speech.srt?"),
    ],
)
@pytest.mark.parametrize("typed", ["speech.wav", "speech"])
def test_files_are_replaced_only_after_one_question(use, home, there, question, typed):
    files = [home / name for name in there]
    for file in files:
        file.write_bytes(b"precious")

    async def steps(session):
        await speak(session, "Hello world")
        await session.until(lambda: not session.screen.has_task("speak"))
        await session.press("ctrl+s")
        session.screen.query_one("#path", Input).value = str(home / typed)
        await session.press("enter")
        assert str(session.screen.query_one(".question", Label).render()) == question
        await session.press("enter")
        await session.until(lambda: isinstance(session.screen, PathPicker))
        assert [file.read_bytes() for file in files] == [b"precious"] * len(files)
        await session.press("enter", "tab", "enter")
        await session.until(lambda: session.sent(Saved))
        assert b"precious" not in [file.read_bytes() for file in files]

    use(steps, mode="speak")


def test_without_a_sound_output_it_says_so_and_makes_the_speech(use, output):
    output.unusable = AudioDeviceError("This computer has no sound output.", hint="Connect one.")

    async def steps(session):
        await speak(session, "Hello world")
        await session.until(lambda: not session.screen.has_task("speak"))
        assert any("no sound output" in toast for toast in session.toasts)
        assert session.screen.job.result.pieces
        await session.press("ctrl+l")
        await session.until(lambda: len(session.toasts) == 2)

    use(steps, mode="speak")


def test_a_model_that_fails_lets_the_sound_output_go(use, engine, output):
    engine.failures["stream_speak"] = VoiceError("The voice is of another model.", hint="Choose another.")

    async def steps(session):
        await ready(session)
        await session.press("ctrl+r")
        await session.until(lambda: session.toasts == ["The voice is of another model.\nChoose another."])
        await session.until(lambda: output.opened == output.closed == 1)

    use(steps, mode="speak")


@pytest.mark.parametrize("again", [False, True])
def test_a_sound_output_that_is_unplugged_is_told_and_the_speech_stays(use, output, again):
    async def steps(session):
        output.dies = not again
        await speak(session, "Hello world")
        await session.until(lambda: not session.screen.has_task("speak"))
        if again:
            output.dies = True
            await session.press("ctrl+l")
            await session.until(lambda: not session.screen.has_task("play"))
        assert len(session.toasts) == 1
        assert "stopped working" in session.toasts[0]
        assert session.screen.job.result.pieces

    use(steps, mode="speak")


def test_words_that_the_model_cannot_say_are_named_before_it_speaks(use):
    async def steps(session):
        await ready(session)
        spoken = session.screen.query_one("#spoken", Static)
        await session.write("Three kittens go.")
        await session.until(lambda: "cannot say: kittens" in str(spoken.render()))
        assert "Read as: three go." in str(spoken.render())
        await session.write("Meow.")
        await session.until(lambda: str(spoken.render()) == "This model cannot say: Meow")
        await session.write("three go")
        await session.until(lambda: str(spoken.render()) == "Read as written")

    use(steps, mode="speak")


def test_numbers_are_shown_as_they_will_be_read(use, home):
    async def steps(session):
        await session.write("It costs $3.50.")
        spoken = session.screen.query_one("#spoken", Static)
        await session.until(lambda: "three dollars" in str(spoken.render()))
        await session.write("It is free.")
        await session.until(lambda: str(spoken.render()) == "Read as written")

    use(steps, mode="speak", model=home / "a model that says any word")


def test_the_text_comes_from_a_file(use, home):
    (home / "text.txt").write_text("From a file.")
    (home / "bad.txt").write_bytes(b"\xff\xfe\xfa")

    async def steps(session):
        for name in ("bad.txt", "text.txt"):
            await session.press("ctrl+o")
            session.screen.query_one("#path", Input).value = name
            await session.press("enter")
        await session.until(lambda: session.screen.query_one("#text", TextArea).text == "From a file.")
        await session.until(lambda: any("not UTF-8" in toast for toast in session.toasts))

    use(steps, mode="speak")


def test_another_voice_is_chosen_by_typing(use):
    async def steps(session):
        await ready(session)
        screen = session.screen
        await session.press("ctrl+t")
        await session.until(lambda: isinstance(session.screen, Choose))
        await session.press(*"rms", "enter")
        await session.until(lambda: screen.query_one(VoicePicker).choice.name == "rms")

    use(steps, mode="speak")


def test_the_voice_of_the_settings_is_chosen_first(use, monkeypatch):
    monkeypatch.setenv("GPA_MLX_VOICE", "slt")

    async def steps(session):
        await ready(session)
        assert session.screen.query_one(VoicePicker).choice.name == "slt"

    use(steps, mode="speak")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [("#temperature", "11", "temperature"), ("#seed", "-1", "seed"), ("#text", " ", "Write")],
)
def test_what_cannot_be_is_said_at_once(use, engine, field, value, words):
    async def steps(session):
        await ready(session)
        session.screen.query_one(field).focus()
        await session.pilot.pause()
        await session.write(value)
        await session.press("ctrl+r")
        await session.until(lambda: session.toasts)
        assert words in session.toasts[0]
        assert not engine.count("stream_speak")

    use(steps, mode="speak")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_it_looks_right(use, picture, size, theme):
    async def steps(session):
        await ready(session)
        session.screen.query_one("#seed", Input).value = "7"
        await speak(session, f"{TWO} It costs $3.50.")
        await session.until(lambda: not session.screen.has_task("speak") and not session.screen.has_task("preview"))
        await session.rest()
        assert session.picture() == picture

    use(steps, mode="speak", size=size, theme=theme)


def test_a_passage_is_redone_and_played(use, engine, output):
    async def steps(session):
        await speak(session)
        await session.until(lambda: not session.screen.has_task("speak"))
        passages = session.screen.query_one("#passages", OptionList)
        passages.focus()
        await session.press("end")
        before = list(session.screen.job.result.parts)
        opened = output.opened
        await session.press("ctrl+n")
        await session.until(lambda: session.screen.job.result.parts[1] != before[1] and output.opened > opened)
        after = session.screen.job.result.parts
        assert after[0] == before[0]
        assert after[1].seed != before[1].seed
        assert passages.option_count == 2
        assert passages.highlighted == 1
        await session.until(lambda: not session.screen.has_task("redo") and not session.screen.has_task("play"))
        assert session.screen.query_one(Waveform).duration_s == pytest.approx(
            session.screen.job.result.duration_s, abs=0.03
        )

    use(steps, mode="speak")


def test_numbers_may_be_left_empty_and_speed_is_kept_within_its_limits(use):
    async def steps(session):
        await ready(session)
        for name in ("temperature", "seed", "speed"):
            field = session.screen.query_one(f"#{name}", Input)
            field.focus()
            await session.press("1", "backspace", "enter")
            assert field.value == ""
            assert field.is_valid
        session.screen.query_one("#speed", Input).value = "3"
        await session.press("ctrl+r")
        await session.until(lambda: session.toasts)
        assert session.toasts == ["The speed must be a number from 0.5 to 2."]
        session.screen.query_one("#speed", Input).value = "2"
        await session.press("ctrl+r")
        await session.until(lambda: session.sent(SpeechMade))
        assert session.screen.job.request.speed == 2.0

    use(steps, mode="speak")


def test_the_form_allows_the_speeds_that_can_be_had():
    assert (form.LEAST_SPEED, form.MOST_SPEED) == (time_stretch.LEAST_SPEED, time_stretch.MOST_SPEED)


def test_the_time_that_is_left_follows_from_the_share_that_is_spoken():
    now = [0.0]
    clock = SpeechClock(lambda: now[0])
    now[0] = 5.0
    clock.start()
    now[0] = 15.0
    assert clock.left(0.0) == clock.left(1.0) == ""
    assert clock.left(0.25) == ", 0:30 left"
