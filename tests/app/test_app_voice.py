"""Voice: from a recording to a voice that is judged, heard, kept, renamed, removed and passed on."""

from __future__ import annotations

import json
import threading
import time

import numpy as np
import pytest
import soundfile
from textual.events import Paste
from textual.widgets import Button, Input, Static, TextArea

from gpa_mlx.dictation import DictationOptions
from gpa_mlx.errors import AudioDeviceError, VoiceError
from gpa_mlx.history import History
from gpa_mlx.jobs.reference_clip import warnings_of
from gpa_mlx.model import demo
from gpa_mlx.testing import FakeMicrophone
from gpa_mlx.types import Voice
from gpa_mlx.voices.card import format_card
from gpa_mlx.voices.coaching import READING, TOPICS, advise, verdict
from gpa_mlx.voices.consent import CONSENT
from gpa_mlx.voices.library import VoiceLibrary
from gpa_mlx.voices.quality import ClipQuality
from gpa_mlx_tui.features.voice.coaching import next_step, sentence_to_read
from gpa_mlx_tui.features.voice.making_panel import MakingPanel
from gpa_mlx_tui.features.voice.messages import (
    ClipAdvised,
    ClipJudged,
    LibraryChanged,
    SampleMade,
    StepTaken,
    VoiceMade,
)
from gpa_mlx_tui.features.voice.quality_panel import QualityPanel
from gpa_mlx_tui.features.voice.voice_dialogs import AskName, PasteCard
from gpa_mlx_tui.features.voice.voice_list import VoiceList
from gpa_mlx_tui.services.messages import Saved
from gpa_mlx_tui.services.microphone import DictationDependencies
from gpa_mlx_tui.services.recorder import ClipGrew, ClipRecorded
from gpa_mlx_tui.widgets.dialogs import Confirm, PathPicker
from gpa_mlx_tui.widgets.waveform import Waveform

SIZES = [(80, 24), (200, 60)]
SAMPLE = demo.demo_model().parent / "samples" / "slt-three-off.wav"
GOOD = {
    "snr_db": 40.0,
    "clipping_share": 0.0,
    "voicing_share": 0.6,
    "tone_bed_db": -40.0,
    "speech_share": 0.8,
    "total": 100.0,
}


@pytest.fixture(autouse=True)
def with_the_demo_models_files(engine):
    engine.path, engine.reference_s = demo.demo_model(), 2.0


@pytest.fixture
def family():
    return demo.demo_voices()[0].family


def dictation(microphone):
    return DictationDependencies(microphone=lambda: microphone, history=History, options=DictationOptions)


def spoken(start_s, end_s):
    samples, rate = soundfile.read(SAMPLE, dtype="float32")
    return [samples[start : start + 800] for start in range(int(start_s * rate), int(end_s * rate), 800)]


async def ready(session):
    screen = session.screen
    await session.until(lambda: screen.query_one(VoiceList).voices and not screen.has_task("load"))
    await session.until(lambda: not screen.has_task("microphone"))


async def open_file(session, path=SAMPLE):
    count = len(session.sent(ClipJudged))
    await session.press("ctrl+o")
    assert isinstance(session.screen, PathPicker)
    session.screen.query_one("#path", Input).value = str(path)
    await session.press("enter")
    await session.until(lambda: len(session.sent(ClipJudged)) > count or session.toasts)


def clips(session):
    return session.screen.query_one(MakingPanel).clips


def made(session):
    return session.screen.query_one(MakingPanel).made


async def make(session):
    await ready(session)
    await open_file(session)
    await session.press("ctrl+t")
    await session.until(lambda: session.sent(VoiceMade))
    await session.until(lambda: not session.screen.has_task("make"))


async def keep(session, name):
    await session.press("ctrl+s")
    assert isinstance(session.screen, AskName)
    await session.write(name)
    await session.press("enter")
    assert isinstance(session.screen, Confirm)


def said(session, selector):
    return str(session.screen.query_one(selector, Static).render())


@pytest.mark.parametrize(
    ("changes", "topic"),
    [
        ({"snr_db": 14.0}, "Noise"),
        ({"clipping_share": 0.006}, "Clipping"),
        ({"tone_bed_db": -19.0}, "Music"),
        ({"speech_share": 0.39}, "Speech"),
        ({"voicing_share": 0.19}, "Voice"),
    ],
)
def test_what_enrolment_warns_of_is_bad_here(changes, topic):
    quality = ClipQuality(**{**GOOD, **changes})
    assert len(warnings_of(quality)) == 1
    assert [advice.topic for advice in advise(quality, 6.0, 6.0) if advice.grade == "bad"] == [topic]


def test_a_good_clip_gets_no_complaint():
    advice = advise(ClipQuality(**GOOD), 6.0, 6.0)
    assert [one.topic for one in advice] == list(TOPICS)
    assert {one.grade for one in advice} == {"good"}
    assert warnings_of(ClipQuality(**GOOD)) == ()


@pytest.mark.parametrize(("duration_s", "grade"), [(2.9, "bad"), (3.1, "fair"), (5.9, "fair"), (6.0, "good")])
def test_the_length_is_judged_by_what_the_model_takes(duration_s, grade):
    assert advise(ClipQuality(**GOOD), duration_s, 6.0)[0].grade == grade


def test_sentences_to_read_change_and_come_again():
    assert sentence_to_read(0.0) == sentence_to_read(7.9) == READING[0]
    assert sentence_to_read(8.0) == READING[1]
    assert sentence_to_read(8.0 * len(READING)) == READING[0]


def test_a_poor_result_says_what_to_do():
    good = advise(ClipQuality(**GOOD), 6.0, 6.0)
    noisy = advise(ClipQuality(**{**GOOD, "snr_db": 3.0}), 6.0, 6.0)
    assert next_step(0.9, noisy) == ""
    assert next_step(0.6, noisy) == (
        "To do better: Noise, speech is only 3 dB above it: go nearer. Record again with Ctrl+R."
    )
    assert "read other sentences" in next_step(0.6, good)
    assert "read other sentences" in next_step(None, good)


@pytest.mark.parametrize(("total", "word"), [(100, "very good"), (60, "good"), (59, "fair"), (29, "poor")])
def test_points_have_a_word(total, word):
    assert verdict(total) == word


def test_a_file_becomes_a_voice_that_is_heard_and_kept(use, engine, output):
    async def steps(session):
        await make(session)
        screen = session.screen
        assert [advice.grade for advice in screen.query_one(QualityPanel).advice] == ["fair"] + ["good"] * 5
        assert "very good" in said(session, "#status")
        assert screen.query_one("#source", Waveform).duration_s == pytest.approx(1.52, abs=0.02)
        assert [message.words for message in session.sent(StepTaken)][1:] == [
            "making the voice",
            "speaking with the voice",
        ]
        assert "Similarity 1.00" in said(session, "#result")
        await session.press("ctrl+l")
        await session.until(lambda: output.heard and not screen.has_task("play"))
        assert screen.query_one("#sample", Waveform).duration_s > 0.5
        heard, spoken_times = output.heard, engine.count("stream_speak")
        assert spoken_times == 1, "what was said to measure the voice is not said again"
        await session.press("ctrl+g")
        await session.until(lambda: output.heard > heard and not screen.has_task("play"))
        await keep(session, "anna")
        await session.press("tab", "enter")
        await session.until(lambda: session.sent(LibraryChanged))
        await session.until(lambda: screen.query_one(VoiceList).chosen is not None)
        voice = VoiceLibrary().get("anna")
        assert voice.origin is not None
        assert voice.origin.consent == CONSENT
        assert CONSENT in said(session, "#about")
        assert clips(session) == []
        await session.press("ctrl+l")  # the same codes speak alike: nothing is computed again
        await session.until(lambda: output.opened == 3)
        assert engine.count("stream_speak") == spoken_times

    use(steps, mode="voice")


def test_a_voice_that_is_not_kept_gives_way_only_after_a_question(use):
    async def steps(session):
        await make(session)
        for key, stays in (("n", True), ("y", False)):
            session.screen.action_clear()
            await session.until(lambda: isinstance(session.screen, Confirm))
            await session.press(key)
            await session.until(lambda: not isinstance(session.screen, Confirm))
            await session.pilot.pause()
            assert bool(clips(session)) is stays

    use(steps, mode="voice")


def test_without_consent_nothing_is_kept(use):
    async def steps(session):
        await make(session)
        await keep(session, "anna")
        await session.press("enter")
        await session.until(lambda: any("has not agreed" in toast for toast in session.toasts))
        assert VoiceLibrary().names() == ()
        assert made(session) is not None

    use(steps, mode="voice")


def test_the_best_of_several_recordings_counts(use, home):
    samples, rate = soundfile.read(SAMPLE)
    noise = 0.1 * np.random.default_rng(0).normal(size=len(samples))
    soundfile.write(home / "noisy.wav", samples + noise, rate)
    soundfile.write(home / "twice.wav", np.tile(samples, 3), rate)

    async def steps(session):
        await ready(session)
        await open_file(session, home / "noisy.wav")
        panel = session.screen.query_one(QualityPanel)
        assert "Noise" in [one.topic for one in panel.advice if one.grade == "bad"]
        await open_file(session, home / "twice.wav")
        assert "of twice.wav, the best of 2" in said(session, "#status")
        assert panel.advice[0].grade == "good"
        await session.press("ctrl+t")
        await session.until(lambda: session.sent(VoiceMade))
        assert made(session).clip.name == "twice.wav"
        assert made(session).enrollment.source == home / "twice.wav"

    use(steps, mode="voice")


def test_from_the_start_takes_the_beginning(use, home):
    samples, rate = soundfile.read(SAMPLE)
    soundfile.write(home / "late.wav", np.concatenate([np.zeros(4 * rate), samples, samples]), rate)

    async def steps(session):
        await ready(session)
        await open_file(session, home / "late.wav")
        assert not said(session, "#status").startswith("0.0 to 2.0 s")
        session.screen.query_one("#whole").value = True
        await session.until(lambda: said(session, "#status").startswith("0.0 to 2.0 s"))
        session.screen.query_one("#whole").value = False
        await session.pilot.pause()
        assert not said(session, "#status").startswith("0.0 to 2.0 s")

    use(steps, mode="voice")


def test_what_is_not_sound_is_refused(use, home):
    (home / "bad.wav").write_text("this is text")

    async def steps(session):
        await ready(session)
        await open_file(session, home / "bad.wav")
        await session.until(lambda: any("bad.wav" in toast for toast in session.toasts))
        await session.until(lambda: not session.screen.has_task("judge"))
        assert session.screen.query_one("#make", Button).disabled
        await session.press("ctrl+t")
        assert session.toasts[-1] == "Record or open something first."

    use(steps, mode="voice")


def test_the_coach_talks_while_you_record(use):
    microphone = FakeMicrophone(spoken(0, 1.5))

    async def steps(session):
        await ready(session)
        screen = session.screen
        await session.press("ctrl+r")
        await session.until(lambda: "Recording 2 s" in said(session, "#status"))
        lengths = [message.advice[0].words for message in session.sent(ClipAdvised)]
        assert lengths[0] == "0.5 s is too short; 2 s are wanted"
        assert screen.query_one(QualityPanel).advice[0].words == lengths[-1] == "1.5 s will do; 2 s are better"
        assert str(screen.query_one("#record", Button).label) == "Finish"
        assert said(session, "#reading") == READING[0]
        await session.press("ctrl+r")
        await session.until(lambda: session.sent(ClipJudged))
        assert clips(session)[0].duration_s == pytest.approx(1.5, abs=0.06)
        assert "your recording" in said(session, "#status")
        assert str(screen.query_one("#record", Button).label) == "Record"
        assert microphone.closed

    use(steps, mode="voice", dictation=dictation(microphone))


def test_a_model_that_hears_more_wants_more(use, engine, home):
    engine.path = home / "model"
    (engine.path / "bicodec").mkdir(parents=True)
    (engine.path / "gpa_mlx.json").symlink_to(demo.demo_model() / "gpa_mlx.json")
    config = json.loads((demo.demo_model() / "bicodec" / "config.json").read_text())
    (engine.path / "bicodec" / "config.json").write_text(json.dumps({**config, "ref_segment_duration": 6}))
    microphone = FakeMicrophone(spoken(0, 1.5) * 2)

    async def steps(session):
        await ready(session)
        await session.press("ctrl+r")
        await session.until(lambda: "Recording 3 s" in said(session, "#status"))
        assert session.sent(ClipAdvised)[0].advice[0].words == ("0.5 s is too short; 6 s are wanted")
        await session.press("ctrl+r")
        await session.until(lambda: session.sent(ClipJudged))
        assert clips(session)[0].wanted_s == 6
        assert "6 s" in session.screen.query_one(QualityPanel).advice[0].words

    use(steps, mode="voice", model=engine.path, dictation=dictation(microphone))


def test_escape_drops_a_recording(use):
    microphone = FakeMicrophone(spoken(0, 1.0))

    async def steps(session):
        await ready(session)
        await session.press("ctrl+r")
        await session.until(lambda: session.sent(ClipGrew))
        await session.press("escape")
        assert not session.screen.has_task("record")
        await session.until(lambda: microphone.closed)
        await session.pilot.pause(0.1)
        assert session.sent(ClipRecorded) == []
        assert clips(session) == []

    use(steps, mode="voice", dictation=dictation(microphone))


def test_a_microphone_that_is_unplugged_leaves_what_it_heard(use):
    microphone = FakeMicrophone(spoken(0, 1.5), failure=AudioDeviceError("The microphone is gone.", hint="Plug it in."))

    async def steps(session):
        await ready(session)
        await session.press("ctrl+r")
        await session.until(lambda: session.sent(ClipJudged))
        assert session.toasts == ["The microphone is gone.\nPlug it in."]

    use(steps, mode="voice", dictation=dictation(microphone))


def test_a_microphone_that_gives_zeros_is_no_recording(use):
    microphone = FakeMicrophone([np.zeros(1600, dtype=np.float32)] * 101)

    async def steps(session):
        await ready(session)
        await session.press("ctrl+r")
        await session.until(lambda: len(session.toasts) == 2)
        advice, error = session.toasts
        assert "nothing but zeros" in advice
        assert "nothing but zeros" in error
        assert clips(session) == []

    use(steps, mode="voice", dictation=dictation(microphone))


def test_without_devices_it_says_so_and_files_work(use, output):
    output.unusable = AudioDeviceError("This computer has no sound output.", hint="Connect one.")
    microphone = FakeMicrophone(unusable=AudioDeviceError("There is no microphone.", hint="Connect one."))

    async def steps(session):
        await ready(session)
        await session.press("ctrl+r")
        await session.until(lambda: session.toasts == ["There is no microphone.\nConnect one."])
        session.toasts.clear()
        await make(session)
        await session.press("ctrl+l")
        await session.until(lambda: any("no sound output" in toast for toast in session.toasts))
        assert session.sent(SampleMade)

    use(steps, mode="voice", dictation=dictation(microphone))


def test_escape_stops_the_making_at_once(use, engine):
    hold = threading.Event()

    def wait(*args, **options):
        hold.wait(10)
        raise VoiceError("too late")

    engine.make_voice = wait

    async def steps(session):
        await ready(session)
        await open_file(session)
        await session.press("ctrl+t")
        await session.until(lambda: any("making" in message.words for message in session.sent(StepTaken)))
        started = time.monotonic()
        await session.press("escape")
        assert not session.screen.has_task("make")
        assert time.monotonic() - started < 1
        assert "Making" not in said(session, "#result")
        hold.set()
        await session.pilot.pause(0.2)
        assert session.toasts == []
        assert made(session) is None

    use(steps, mode="voice")


def test_a_silent_recording_is_not_made_into_a_voice(use, home, engine):
    soundfile.write(home / "hush.wav", 1e-4 * np.random.default_rng(0).normal(size=32_000), 16_000)

    async def steps(session):
        await ready(session)
        await open_file(session, home / "hush.wav")
        await session.press("ctrl+t")
        assert "No speech" in session.toasts[0]
        assert not engine.count("make_voice")

    use(steps, mode="voice")


def library_with(*names, family):
    for name in names:
        VoiceLibrary().add(Voice(name=name, global_tokens=(1, 2, 3), family=family, description=f"This is {name}."))


async def choose(session, name):
    voice_list = session.screen.query_one(VoiceList)
    voice_list.look_up(name)
    await session.until(lambda: voice_list.chosen is not None and voice_list.chosen.name == name)


def test_a_kept_voice_is_shown_played_renamed_and_removed(use, output, family):
    library_with("anna", "ben", family=family)

    async def steps(session):
        await ready(session)
        await session.press("down")
        assert session.screen.query_one(VoiceList).chosen.name == "anna"
        assert "This is anna." in said(session, "#about")
        await session.press("enter")
        await session.until(lambda: output.heard and not session.screen.has_task("play"))
        await session.press("ctrl+e")
        await session.write("Ben")
        await session.press("enter")
        assert isinstance(session.screen, AskName)
        assert "'Ben' already" in str(session.screen.query_one("#problem").render())
        await session.write("a/b")
        assert "cannot be the name" in str(session.screen.query_one("#problem").render())
        await session.write("anne")
        await session.press("enter")
        await session.until(lambda: VoiceLibrary().names() == ("anne", "ben"))
        await session.until(lambda: session.screen.query_one(VoiceList).chosen.name == "anne")
        await session.press("alt+d", "tab", "enter")
        await session.until(lambda: VoiceLibrary().names() == ("ben",))
        await session.until(lambda: session.screen.query_one(VoiceList).chosen is None)

    use(steps, mode="voice")


def test_removing_asks_first(use, family):
    library_with("anna", family=family)

    async def steps(session):
        await ready(session)
        await choose(session, "anna")
        await session.press("delete", "enter")
        assert VoiceLibrary().names() == ("anna",)

    use(steps, mode="voice")


def test_built_in_voices_stay(use):
    async def steps(session):
        await ready(session)
        await choose(session, "rms")
        await session.press("alt+d")
        await session.press("alt+r")
        assert len(session.toasts) == 2
        assert session.screen.query_one("#remove", Button).disabled
        assert not session.screen.query_one("#copy", Button).disabled

    use(steps, mode="voice")


def test_a_card_is_copied_exported_and_pasted_back(use, home, family, monkeypatch):
    library_with("anna", family=family)
    copied = []

    async def steps(session):
        monkeypatch.setattr(session.app, "copy", copied.append)
        await ready(session)
        await choose(session, "anna")
        await session.press("ctrl+b")
        assert copied == [format_card(VoiceLibrary().get("anna"))]
        await session.press("ctrl+s", "enter")
        await session.until(lambda: session.sent(Saved))
        assert (home / "anna.voice").read_text() == copied[0]
        await session.press("ctrl+n")
        assert isinstance(session.screen, PasteCard)
        session.screen.query_one(TextArea).text = f"Hi, try this:\n\n> {copied[0]}"
        await session.press("ctrl+s")
        await session.until(lambda: isinstance(session.screen, AskName))
        await session.write("anna at work")
        await session.press("enter")
        await session.until(lambda: VoiceLibrary().names() == ("anna", "anna at work"))
        assert any("nothing about the right" in toast for toast in session.toasts)
        await session.press("ctrl+n", "ctrl+o")
        assert isinstance(session.screen, PathPicker)
        session.screen.query_one("#path", Input).value = "anna.voice"
        await session.press("enter")
        await session.until(lambda: isinstance(session.screen, AskName))
        await session.press("escape")

    use(steps, mode="voice")


def test_a_damaged_card_is_refused_and_a_damaged_file_can_be_removed(use, home, family):
    library_with("anna", family=family)
    file = VoiceLibrary().folder / "anna.voice"
    file.write_text(file.read_text().replace("codes: 1", "codes: 2"))

    async def steps(session):
        await ready(session)
        await choose(session, "anna")
        assert "is not a whole voice card" in said(session, "#about")
        assert session.screen.query_one("#play", Button).disabled
        await session.press("ctrl+n")
        session.screen.query_one(TextArea).text = file.read_text()
        await session.press("ctrl+s")
        assert "not a whole voice card" in said(session, "#problem")
        session.screen.query_one(TextArea).post_message(Paste(str(file)))
        await session.until(lambda: "anna.voice" in said(session, "#problem"))
        assert session.screen.query_one(TextArea).text == file.read_text()
        await session.press("escape", "alt+d", "tab", "enter")
        await session.until(lambda: VoiceLibrary().names() == ())

    use(steps, mode="voice")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_voice_looks_right(use, picture, size, theme, family):
    library_with("anna", family=family)

    async def steps(session):
        await make(session)
        await session.rest()
        assert session.picture() == picture

    use(steps, mode="voice", size=size, theme=theme, dictation=dictation(FakeMicrophone()))
