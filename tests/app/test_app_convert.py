"""Convert: from a recording and a voice to the same words in that voice, compared and saved."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import soundfile
from textual.widgets import Button, Input, OptionList, Static

from gpa_mlx.dictation import DictationOptions
from gpa_mlx.errors import AudioDeviceError
from gpa_mlx.history import History
from gpa_mlx.jobs.audio_output import AudioTarget
from gpa_mlx.jobs.generated_speech import digest_of_audio
from gpa_mlx.model import demo
from gpa_mlx.provenance.verification import verify_file
from gpa_mlx.store.manifest import sha256_of
from gpa_mlx.testing import FakeMicrophone
from gpa_mlx_tui.features.convert.messages import ResultGrew, SourceRead
from gpa_mlx_tui.features.convert.source import Source
from gpa_mlx_tui.services.messages import Saved
from gpa_mlx_tui.services.microphone import DictationDependencies
from gpa_mlx_tui.services.recorder import ClipRecorded
from gpa_mlx_tui.services.sound import PlaybackOpened
from gpa_mlx_tui.widgets.dialogs import Confirm, PathPicker
from gpa_mlx_tui.widgets.progress_row import ProgressRow
from gpa_mlx_tui.widgets.toggle import Toggle
from gpa_mlx_tui.widgets.voice_picker import VoicePicker
from gpa_mlx_tui.widgets.waveform import Waveform

SIZES = [(80, 24), (200, 60)]
SAMPLE = demo.demo_model().parent / "samples" / "slt-three-off.wav"


@pytest.fixture
def long(home, engine):
    """Four stretches of speech with pauses between them."""
    engine.max_segment_s = 3.0
    samples, rate = soundfile.read(SAMPLE)
    file = home / "long.wav"
    soundfile.write(file, np.concatenate([np.append(samples, np.zeros(rate))] * 4), rate)
    return file


def dictation(microphone):
    return DictationDependencies(microphone=lambda: microphone, history=History, options=DictationOptions)


async def ready(session):
    screen = session.screen
    await session.until(lambda: screen.query_one(VoicePicker).choice is not None)
    await session.until(lambda: not screen.has_task("load") and not screen.has_task("microphone"))


async def open_source(session, path=SAMPLE):
    await ready(session)
    await session.press("ctrl+o")
    assert isinstance(session.screen, PathPicker)
    session.screen.query_one("#path", Input).value = str(path)
    await session.press("enter")
    await session.until(lambda: not session.screen.has_task("read"))


async def convert(session, path=SAMPLE):
    await open_source(session, path)
    await session.press("ctrl+r")
    await session.until(lambda: not session.screen.has_task("convert"))


def wave(session, side):
    return session.screen.query_one(f"#{side}", Waveform)


def said(session, selector):
    return str(session.screen.query_one(selector, Static).render())


def stretches(session):
    return [str(option.prompt) for option in session.screen.query_one("#segments", OptionList)._options]


def test_a_recording_is_converted_drawn_listed_and_played(use, engine, output, long):
    async def steps(session):
        await convert(session, long)
        result = session.screen.job.result
        assert wave(session, "source").duration_s == pytest.approx(4 * 2.52, abs=0.1)
        assert wave(session, "result").duration_s == pytest.approx(result.duration_s, abs=0.03)
        assert result.duration_s == pytest.approx(session.sent(SourceRead)[0].duration_s, rel=0.1)
        assert len(result.parts) == len(stretches(session)) == engine.count("stream_convert_voice") > 1
        assert stretches(session)[0].startswith("✓ 0:00.")
        assert f"seed {result.seed}" in session.screen.query_one(ProgressRow).words
        assert output.heard > 0.5 * np.count_nonzero(np.concatenate(result.pieces))

    use(steps, mode="convert")


def test_source_and_result_are_compared_at_the_same_place(use, output, long):
    async def steps(session):
        screen = session.screen
        await convert(session, long)
        output.speed = 1.0
        await session.press("ctrl+l")
        await session.until(lambda: (wave(session, "result").position_s or 0) > 0.5)
        assert wave(session, "source").position_s is None
        assert str(screen.query_one("#play", Button).label) == "Pause"
        before = wave(session, "result").position_s
        await session.press("ctrl+g")
        await session.until(lambda: wave(session, "source").position_s is not None)
        assert wave(session, "source").position_s >= before
        await session.until(lambda: wave(session, "result").position_s is None)
        assert said(session, "#source_name").startswith("▶")
        await session.press("ctrl+l")
        assert str(screen.query_one("#play", Button).label) == "Go on"
        await session.press("escape")
        assert str(screen.query_one("#play", Button).label) == "Play"
        assert wave(session, "source").position_s is None

    use(steps, mode="convert")


def test_source_and_result_are_compared_while_the_result_is_first_played(use, output, engine, long):
    async def steps(session):
        screen = session.screen
        await open_source(session, long)
        output.speed = 1.0
        await session.press("ctrl+r")
        await session.until(lambda: (wave(session, "result").position_s or 0) > 0.2)
        assert screen.has_task("convert")
        await session.press("ctrl+g")
        await session.until(lambda: (wave(session, "source").position_s or 0) > 0.2)
        assert wave(session, "result").position_s is None
        await session.press("ctrl+g")
        await session.until(lambda: wave(session, "result").position_s is not None)
        output.speed = 50.0
        await session.until(lambda: not screen.has_task("convert") and not screen.has_task("play"))
        assert screen.job.result.is_complete
        assert wave(session, "result").position_s is None

    use(steps, mode="convert")


def test_a_stretch_is_played_from_its_start(use, output, long):
    async def steps(session):
        await convert(session, long)
        output.speed = 1.0
        segments = session.screen.job.result.parts
        session.screen.query_one("#segments", OptionList).focus()
        await session.press("end", "enter")
        await session.until(lambda: wave(session, "result").position_s)
        assert wave(session, "result").position_s == pytest.approx(segments[-1].start_s, abs=0.5)

    use(steps, mode="convert")


def test_the_source_can_be_heard_before_it_is_converted(use, output):
    async def steps(session):
        await open_source(session)
        assert not session.screen.query_one("#play", Button).disabled
        await session.press("ctrl+l")
        await session.until(lambda: output.heard and not session.screen.has_task("play"))
        await session.press("ctrl+g")
        assert session.toasts == ["There is nothing to compare yet."]

    use(steps, mode="convert")


def test_verifying_says_what_was_kept(use, engine, long):
    async def steps(session):
        await open_source(session, long)
        session.screen.query_one("#verify", Toggle).value = True
        await session.press("ctrl+r")
        await session.until(lambda: not session.screen.has_task("convert"))
        assert "100% of the text kept" in stretches(session)[0]
        assert engine.count("stream_transcribe") == 2 * len(stretches(session))

    use(steps, mode="convert")


def test_a_stretch_that_stopped_early_is_named(use, engine, long):
    whole = engine.stream_convert_voice

    def first_third(audio, **options):
        return whole((audio[0][: len(audio[0]) // 3], audio[1]), **options)

    async def steps(session):
        await convert(session, long)
        assert not any("stopped early" in line for line in stretches(session))
        engine.stream_convert_voice = first_third
        await session.press("ctrl+r")
        await session.until(lambda: not session.screen.has_task("convert"))
        segment = session.screen.job.result.parts[0]
        made_s, asked_s = segment.end_s - segment.start_s, segment.source_end_s - segment.source_start_s
        words = f"stopped early, after {made_s:.1f} of {asked_s:.1f} s; another try may do better"
        line = stretches(session)[0]
        assert line.startswith(session.app.symbols.doubtful)
        assert line.endswith(f"  {words}")

    use(steps, mode="convert")


def test_without_playing_it_is_silent(use, output):
    async def steps(session):
        await open_source(session)
        session.screen.query_one("#plays", Toggle).value = False
        await session.press("ctrl+r")
        await session.until(lambda: not session.screen.has_task("convert"))
        assert session.sent(PlaybackOpened) == []
        assert output.opened == 0
        assert session.screen.job.request.settings.live is False

    use(steps, mode="convert")


def test_escape_stops_at_once_and_keeps_what_there_is(use, engine, long):
    async def steps(session):
        screen = session.screen
        await open_source(session, long)
        engine.delay_s = 0.4
        await session.press("ctrl+r")
        await session.until(lambda: screen.job and screen.job.result.has_audio)
        started = time.monotonic()
        await session.press("escape")
        assert not screen.has_task("convert")
        assert time.monotonic() - started < 1
        count = len(session.sent(ResultGrew))
        await session.pilot.pause(0.3)
        assert len(session.sent(ResultGrew)) == count
        assert "stopped after" in screen.query_one(ProgressRow).words
        assert not screen.query_one("#save", Button).disabled

    use(steps, mode="convert")


def test_escape_works_while_the_engine_does_not_answer(use, engine):
    hold = threading.Event()
    engine.default_options = lambda task: hold.wait(10)

    async def steps(session):
        await open_source(session)
        await session.press("ctrl+r")
        await session.pilot.pause(0.1)
        await session.press("escape")
        assert not session.screen.has_task("convert")
        assert session.screen.query_one(ProgressRow).words == ""
        hold.set()
        await session.pilot.pause(0.1)
        assert session.toasts == []

    use(steps, mode="convert")


def test_the_saved_file_says_how_it_was_made(use, home, engine):
    async def steps(session):
        await convert(session)
        await session.press("ctrl+s")
        name = session.screen.query_one("#path", Input).value
        assert name.endswith(f"slt-three-off-{demo.demo_voices()[0].name}.wav")
        session.screen.query_one("#path", Input).value = str(home / "mine")
        await session.press("enter")
        await session.until(lambda: session.sent(Saved))
        samples, rate = soundfile.read(home / "mine.wav")
        assert len(samples) / rate == pytest.approx(session.screen.job.result.duration_s)
        verdict = verify_file(home / "mine.wav")
        assert verdict.state == "intact"
        assert verdict.provenance.metadata.task == "vc"
        assert verdict.provenance.metadata.source_sha256 == sha256_of(SAMPLE)

    use(steps, mode="convert")


def test_a_file_is_replaced_only_after_a_question(use, home):
    (home / "mine.wav").write_bytes(b"precious")

    async def steps(session):
        await convert(session)
        await session.press("ctrl+s")
        session.screen.query_one("#path", Input).value = str(home / "mine")
        await session.press("enter", "enter")
        await session.until(lambda: isinstance(session.screen, PathPicker))
        await session.press("escape")
        assert (home / "mine.wav").read_bytes() == b"precious"

    use(steps, mode="convert")


def test_the_source_is_never_replaced(use, long):
    before = long.read_bytes()

    async def steps(session):
        await convert(session, long)
        await session.press("ctrl+s")
        session.screen.query_one("#path", Input).value = str(long)
        await session.press("enter", "tab", "enter")
        await session.until(lambda: any("also an input" in toast for toast in session.toasts))
        assert long.read_bytes() == before

    use(steps, mode="convert")


def test_what_is_not_sound_is_refused(use, home, engine):
    (home / "bad.wav").write_text("this is text")

    async def steps(session):
        await open_source(session, home / "bad.wav")
        await session.until(lambda: any("bad.wav" in toast for toast in session.toasts))
        assert session.screen.query_one("#convert", Button).disabled
        await session.press("ctrl+r")
        assert session.toasts[-1] == "Open or record something first."
        assert not engine.count("stream_convert_voice")

    use(steps, mode="convert")


def test_your_own_recording_is_converted(use, home):
    samples, _ = soundfile.read(SAMPLE, dtype="float32")
    microphone = FakeMicrophone([samples[start : start + 800] for start in range(0, len(samples), 800)])

    async def steps(session):
        await ready(session)
        await session.press("ctrl+n")
        await session.until(lambda: "Recording 2 s" in said(session, "#source_name"))
        await session.press("ctrl+n")
        await session.until(lambda: session.screen.source is not None)
        assert len(session.sent(ClipRecorded)[0].samples) == len(samples)
        await session.press("ctrl+r")
        await session.until(lambda: not session.screen.has_task("convert"))
        session.screen.job.save(AudioTarget(path=home / "mine.wav"))
        metadata = verify_file(home / "mine.wav").provenance.metadata
        assert metadata.source_sha256 == digest_of_audio((samples, 16_000))

    use(steps, mode="convert", dictation=dictation(microphone))


def test_without_devices_it_says_so_and_converts_files(use, output):
    output.unusable = AudioDeviceError("This computer has no sound output.", hint="Connect one.")
    microphone = FakeMicrophone(unusable=AudioDeviceError("There is no microphone.", hint="Connect one."))

    async def steps(session):
        await ready(session)
        await session.press("ctrl+n")
        await session.until(lambda: session.toasts == ["There is no microphone.\nConnect one."])
        await convert(session)
        assert "no sound output" in session.toasts[1]
        assert session.screen.job.result.has_audio
        await session.press("ctrl+l")
        await session.until(lambda: len(session.toasts) == 3)

    use(steps, mode="convert", dictation=dictation(microphone))


def test_another_source_takes_an_unsaved_result_away_only_after_a_question(use, long):
    async def steps(session):
        await convert(session)
        job = session.screen.job
        await session.press("ctrl+o")
        session.screen.query_one("#path", Input).value = str(long)
        await session.press("enter")
        await session.until(lambda: isinstance(session.screen, Confirm))
        await session.press("n")
        await session.until(lambda: not isinstance(session.screen, Confirm))
        assert session.screen.job is job
        await session.press("ctrl+o")
        session.screen.query_one("#path", Input).value = str(long)
        await session.press("enter")
        await session.until(lambda: isinstance(session.screen, Confirm))
        await session.press("y")
        await session.until(lambda: not isinstance(session.screen, Confirm))
        await session.until(lambda: session.screen.job is None)
        assert session.screen.job is None
        assert wave(session, "result").duration_s == 0
        assert stretches(session) == []
        assert session.screen.query_one("#save", Button).disabled

    use(steps, mode="convert")


def test_pieces_of_a_source_begin_where_they_should(long):
    whole = np.concatenate(list(Source("", long).pieces()))
    rest = np.concatenate(list(Source("", long).pieces(3.21)))
    assert np.array_equal(whole[round(3.21 * 16_000) :], rest)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_convert_looks_right(use, picture, size, theme, engine, long):
    default = engine.default_options

    def seeded(task):
        from dataclasses import replace

        return replace(default(task), seed=7)

    engine.default_options = seeded

    async def steps(session):
        await convert(session, long)
        await session.rest()
        assert session.picture() == picture

    use(steps, mode="convert", size=size, theme=theme, dictation=dictation(FakeMicrophone()))
