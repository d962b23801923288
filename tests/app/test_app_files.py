"""Files: a queue of recordings, from dropped paths to text files."""

from __future__ import annotations

import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from textual.events import Paste
from textual.widgets import Button, Input, Static, TextArea

from gpa_mlx.errors import AudioFileError, GPAError, ModelFormatError
from gpa_mlx.model import demo
from gpa_mlx.runtime.cancellation import check_cancelled
from gpa_mlx_tui.features.files.existing_dialog import ExistingFiles
from gpa_mlx_tui.features.files.messages import FileDone, FileKept, FilesFound
from gpa_mlx_tui.features.files.opening import can_open, open_in_system
from gpa_mlx_tui.features.files.path_field import PathField
from gpa_mlx_tui.features.files.queue import QueuedFile, left_in_all_s, share_of_all
from gpa_mlx_tui.features.files.queue_table import QueueTable
from gpa_mlx_tui.features.files.viewer import TextViewer
from gpa_mlx_tui.widgets.dialogs import Choose, PathPicker
from gpa_mlx_tui.widgets.progress_row import ProgressRow
from gpa_mlx_tui.widgets.rows import Rows
from gpa_mlx_tui.widgets.toggle import Toggle

SIZES = [(80, 24), (200, 60)]


@pytest.fixture
def recordings(home) -> list[Path]:
    """Three recordings in the current folder."""
    source = demo.demo_samples()[0].file
    return [Path(shutil.copy(source, home / name)) for name in ("a one.wav", "b.wav", "c.wav")]


@pytest.fixture
def gate(engine) -> threading.Event:
    """Every recording is held after its first segment, a word and its end, until this is set."""
    real, opened = engine.stream_transcribe, threading.Event()

    def stream(audio, **options):
        for number, chunk in enumerate(real(audio, **options)):
            yield chunk
            while number == 1 and not opened.wait(0.02):
                check_cancelled()

    engine.texts, engine.stream_transcribe = tuple("abcd"), stream
    return opened


async def add(session, *names):
    before = len(session.sent(FilesFound))
    session.screen.query_one(PathField).focus()
    await session.pilot.pause()
    await session.write(" ".join(f"'{name}'" for name in names))
    await session.press("enter")
    await session.until(lambda: len(session.sent(FilesFound)) > before)


async def ready(session):
    await session.until(lambda: not session.screen.has_task("load"))


def queue(session):
    return session.screen.query_one(QueueTable).files


def states(session):
    return [job.state for job in queue(session)]


def is_still(session):
    return str(session.screen.query_one("#start", Button).label) == "Start" and not session.screen.has_task("file")


async def start(session, condition=None):
    await session.press("ctrl+r")
    await session.until(condition or (lambda: is_still(session) and "waiting" not in states(session)))


def test_a_queue_is_written_down_and_what_fails_keeps_nothing_else(use, home, recordings, engine):
    real, bad = engine.stream_transcribe, recordings[1]

    def stream(audio, **options):
        if audio == bad:
            raise AudioFileError("b.wav is no sound.", hint="Give a recording.")
        return real(audio, **options)

    engine.stream_transcribe = stream

    async def steps(session):
        await ready(session)
        await add(session, home, "missing.wav")
        assert states(session) == ["waiting"] * 3 + ["failed"]
        session.screen.query_one("#srt", Toggle).value = True
        await start(session)
        assert states(session) == ["done", "failed", "done", "failed"]
        assert len(session.sent(FileDone)) == 2
        assert (home / "a one.txt").read_text() == "hello world\n"
        assert "00:00:00,000 --> 00:00:01,000" in (home / "c.srt").read_text()
        assert not (home / "b.txt").exists()
        assert not session.toasts
        assert session.screen.query_one(ProgressRow).words == "2 of 4 done, 2 failed"
        assert session.screen.query_one(QueueTable).chosen_file.path.name == "c.wav"  # the list follows the work
        assert isinstance(session.app.focused, PathField)
        await session.press("up")
        assert str(session.screen.query_one("#detail", Static).render()) == "b.wav is no sound.\nGive a recording."
        engine.stream_transcribe = real
        await session.press("ctrl+n")
        await session.until(lambda: is_still(session) and "waiting" not in states(session))
        assert states(session) == ["done", "done", "done", "failed"]

    use(steps, mode="files")


def test_pasting_adds_files_that_are_there_and_keeps_other_text(use, home, recordings):
    async def steps(session):
        screen = session.screen
        screen.post_message(Paste(f"{str(recordings[0]).replace(' ', chr(92) + ' ')} {recordings[1].as_uri()}"))
        await session.until(lambda: len(queue(session)) == 2)
        screen.query_one(PathField).post_message(Paste(f"{recordings[1]}\n{recordings[2]}\n"))
        await session.until(lambda: len(queue(session)) == 3)
        assert [job.path.name for job in queue(session)] == ["a one.wav", "b.wav", "c.wav"]
        screen.post_message(Paste("nothing like\na path"))
        await session.until(lambda: screen.query_one(PathField).value == "nothing like a path")
        assert len(queue(session)) == 3

    use(steps, mode="files")


def test_the_field_keeps_the_focus_and_backspace_edits_what_is_typed(use, recordings):
    async def steps(session):
        field = session.screen.query_one(PathField)
        assert session.app.focused is field
        await session.press(*"b.wav", "enter")
        await session.until(lambda: len(queue(session)) == 1)
        await session.press(*"cx", "backspace", *".wav", "enter")
        await session.until(lambda: len(queue(session)) == 2)
        assert [file.path.name for file in queue(session)] == ["b.wav", "c.wav"]
        assert session.app.focused is field
        assert field.value == ""

    use(steps, mode="files")


def test_escape_stops_at_once_and_keeps_what_was_heard(use, home, recordings, gate):
    async def steps(session):
        screen = session.screen
        await ready(session)
        await add(session, *recordings)
        await start(session, lambda: queue(session)[0].transcript.segments)
        await session.press("escape")
        assert states(session) == ["stopped", "waiting", "waiting"]
        assert not screen.has_task("file")
        await session.until(lambda: session.sent(FileKept))
        assert (home / "a one.txt").read_text() == "a\n"
        gate.set()
        await start(session)
        assert states(session) == ["stopped", "done", "done"]

    use(steps, mode="files")


def test_one_is_stopped_and_left_out_and_the_rest_goes_on(use, recordings, gate):
    async def steps(session):
        screen = session.screen
        await ready(session)
        await add(session, *recordings)
        await start(session, lambda: queue(session)[0].transcript.segments)
        screen.query_one(Rows).focus()
        await session.press("down", "ctrl+t", "up", "ctrl+t")
        assert states(session)[:2] == ["stopped", "stopped"]
        gate.set()
        await session.until(lambda: states(session) == ["stopped", "stopped", "done"])
        await session.press("home", "delete")
        assert len(queue(session)) == 2
        await session.press("ctrl+l")
        assert states(session) == ["stopped"]

    use(steps, mode="files")


def test_files_that_are_there_are_replaced_only_after_a_question(use, home, recordings):
    (home / "b.txt").write_text("precious")

    async def steps(session):
        await ready(session)
        await add(session, *recordings[:2])
        await start(session, lambda: isinstance(session.screen, ExistingFiles))
        assert "b.txt" in session.picture()
        await session.press("escape")
        assert is_still(session)
        assert states(session) == ["waiting", "waiting"]
        await start(session, lambda: isinstance(session.screen, ExistingFiles))
        await session.press("enter")
        await session.until(lambda: not isinstance(session.screen, ExistingFiles) and is_still(session))
        assert states(session) == ["done", "skipped"]
        assert session.screen.query_one(ProgressRow).words == "1 of 2 done, 1 skipped"
        assert (home / "b.txt").read_text() == "precious"
        await session.press("ctrl+n")
        await session.until(lambda: isinstance(session.screen, ExistingFiles))
        await session.press("right", "enter")
        await session.until(
            lambda: not isinstance(session.screen, ExistingFiles) and states(session) == ["done", "done"]
        )
        assert (home / "b.txt").read_text() == "hello world\n"

    use(steps, mode="files")


def test_two_recordings_never_share_a_file(use, home, recordings):
    shutil.copy(recordings[1], home / "b.flac")

    async def steps(session):
        await ready(session)
        await add(session, recordings[1], home / "b.flac")
        await start(session)
        assert states(session) == ["done", "done"]
        assert (home / "b.wav.txt").read_text() == (home / "b.flac.txt").read_text() == "hello world\n"

    use(steps, mode="files")


def test_texts_go_to_a_folder_with_the_folders_of_the_recordings(use, home, recordings):
    (home / "in" / "deep").mkdir(parents=True)
    (home / "out").mkdir()
    recordings[2].rename(home / "in" / "deep" / "c.wav")

    async def steps(session):
        await ready(session)
        await session.press("ctrl+s")
        await session.until(lambda: isinstance(session.screen, Choose))
        await session.press("down", "enter")
        await session.until(lambda: isinstance(session.screen, PathPicker))
        session.screen.query_one("#path", Input).value = str(home / "out")
        await session.press("enter")
        await add(session, home / "in")
        await start(session)
        assert (home / "out" / "deep" / "c.txt").read_text() == "hello world\n"

    use(steps, mode="files")


def test_a_model_that_cannot_be_used_stops_the_queue(use, recordings, engine):
    engine.failures["stream_transcribe"] = ModelFormatError("The model is damaged.", hint="Repair it.")

    async def steps(session):
        await ready(session)
        await add(session, *recordings)
        await start(session, lambda: session.toasts)
        assert session.toasts == ["The model is damaged.\nRepair it."]
        assert states(session) == ["waiting"] * 3
        assert engine.count("stream_transcribe") == 1

    use(steps, mode="files")


def test_the_text_is_shown_and_copied(use, recordings, monkeypatch):
    copied = []

    async def steps(session):
        monkeypatch.setattr(session.app, "copy", copied.append)
        await ready(session)
        await add(session, recordings[0])
        await start(session)
        session.screen.query_one(Rows).focus()
        await session.press("enter")
        await session.until(lambda: isinstance(session.screen, TextViewer))
        assert session.screen.query_one(TextArea).text == "hello world"
        await session.press("tab", "tab", "enter")
        assert copied == ["hello world"]
        await session.press("escape", "ctrl+b")
        assert copied == ["hello world"] * 2

    use(steps, mode="files")


def test_nothing_can_be_started_without_formats_or_files(use, recordings):
    async def steps(session):
        await session.press("ctrl+r")
        await add(session, recordings[0])
        session.screen.query_one("#txt", Toggle).value = False
        await session.press("ctrl+r")
        assert session.toasts == ["Add recordings first.", "Choose at least one format."]

    use(steps, mode="files")


def test_the_time_that_is_left_follows_from_the_speed_so_far():
    done = QueuedFile(Path("a"), Path("a"), duration_s=10.0, state="done", took_s=2.0)
    done.transcript.position_s = 10.0
    waiting = QueuedFile(Path("b"), Path("b"), duration_s=20.0)
    assert left_in_all_s([done, waiting]) == 4.0
    assert share_of_all([done, waiting]) == pytest.approx(1 / 3)
    waiting.duration_s = None
    assert left_in_all_s([done, waiting]) is None
    assert share_of_all([done, waiting]) == 0.5


def test_files_are_opened_on_macos_only():
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 0)

    def fail(*_: object, **__: object) -> subprocess.CompletedProcess[bytes]:
        raise OSError("no")

    assert can_open("darwin")
    assert not can_open("linux")
    open_in_system(Path("-n.txt"), run)
    assert asked[0][0] == "/usr/bin/open"
    assert asked[0][1].startswith("/")
    with pytest.raises(GPAError, match="could not be opened"):
        open_in_system(Path("/a.txt"), fail)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_files_look_right(use, picture, recordings, size, theme):
    async def steps(session):
        await ready(session)
        await add(session, "a one.wav", "missing.wav", "b.wav")
        await start(session)
        await add(session, "c.wav")
        session.screen.query_one(Rows).choose("file2")
        await session.until(lambda: session.screen.query_one(ProgressRow).words == "2 of 4 done, 1 failed")
        await session.rest()
        assert session.picture() == picture

    use(steps, mode="files", size=size, theme=theme)
