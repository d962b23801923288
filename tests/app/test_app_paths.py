"""Paths that are typed, pasted and dropped, on every screen that takes a file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from textual.events import Paste
from textual.widgets import Input, TextArea

from gpa_mlx.audio.files.ffmpeg import FFMPEG_SUFFIXES
from gpa_mlx.audio.files.sound_file import NATIVE_SUFFIXES
from gpa_mlx.model import demo
from gpa_mlx.voices.card import format_card
from gpa_mlx_tui.features.voice.making_panel import MakingPanel
from gpa_mlx_tui.services.typed_paths import dropped_files, parse_paths, typed_path, typed_paths, written_paths
from gpa_mlx_tui.widgets.dialogs import PathPicker
from gpa_mlx_tui.widgets.voice_picker import RECORDINGS, VoicePicker

SAMPLE = demo.demo_samples()[0].file
NAMES = ("my talk.wav", "c(1).wav", "it's.wav", "50% #1?.wav", "b.wav")


@pytest.fixture
def files(home) -> list[Path]:
    """Recordings with names that shells and addresses write in other ways."""
    return [Path(shutil.copy(SAMPLE, home / name)) for name in NAMES]


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("/a/b.wav", ["/a/b.wav"]),
        (r"/a/my\ talk.wav /a/c\(1\).wav ", ["/a/my talk.wav", "/a/c(1).wav"]),
        ("'/a/my talk.wav' \"/a/it's.wav\"", ["/a/my talk.wav", "/a/it's.wav"]),
        ("/a/b.wav\n/a/c.wav\r\n\n", ["/a/b.wav", "/a/c.wav"]),
        ("file:///a/my%20talk.wav", ["/a/my talk.wav"]),
        ("file://localhost/a/b%23.wav", ["/a/b#.wav"]),
        ("'file:///a/my%20talk.wav'\r\nfile:/a/b.wav\r\n", ["/a/my talk.wav", "/a/b.wav"]),
        ("file:///there is/one.wav", ["/there is/one.wav"]),
        ("/there is/one.wav", ["/there is/one.wav"]),
        ("/there is/one.wav /there is/one.wav", ["/there is/one.wav"] * 2),
        ("/a/don't.wav", ["/a/don't.wav"]),
        ("/a/end\\", ["/a/end\\"]),
        ("  ", []),
    ],
)
def test_dropped_and_pasted_paths_are_understood(text, paths):
    assert parse_paths(text, lambda path: path == "/there is/one.wav") == paths


def test_every_way_to_write_a_file_means_that_file(home, files, monkeypatch):
    monkeypatch.setenv("HOME", str(home))
    for file in files:
        escaped = str(file)
        for sign in " '()#?":
            escaped = escaped.replace(sign, f"\\{sign}")
        for text in (str(file), f'"{file}"', escaped, file.as_uri(), f"~/{file.name}", f"$HOME/{file.name}"):
            assert typed_path(text) == file, text
            assert typed_path(f" {text} \n") == file, text
    assert typed_paths(written_paths(files)) == tuple(files)
    assert typed_path(written_paths(files)) is None
    assert typed_path("../a/new name.wav") == Path("../a/new name.wav")
    assert typed_path("'new name.wav'") == Path("new name.wav")


def test_only_whole_paths_of_files_are_a_drop(files):
    assert dropped_files("\n".join(file.as_uri() for file in files)) == tuple(files)
    assert dropped_files(written_paths(files[:2])) == tuple(files[:2])
    for text in ("b.wav", f"see {files[4]}", f"{files[4]} and more", "/ is a stroke", "three two one go", ""):
        assert dropped_files(text) == (), text


@pytest.mark.parametrize("mode", ["dictate", "speak", "voice", "convert", "files"])
def test_a_recording_can_be_dropped_on_every_screen_that_takes_one(use, files, mode):
    async def steps(session):
        screen = session.screen
        taken = {
            "dictate": lambda: "hello world" in screen.query_one(TextArea).text,
            "speak": lambda: screen.query_one(VoicePicker).choice.source == files[0],
            "voice": lambda: [clip.name for clip in screen.query_one(MakingPanel).clips] == [files[0].name],
            "convert": lambda: screen.source is not None and screen.source.audio == files[0],
            "files": lambda: [file.path for file in screen.query_one("#queue").files] == [files[0]],
        }
        before = {area: area.text for area in screen.query(TextArea)}
        session.app.focused.post_message(Paste(str(files[0]).replace(" ", "\\ ")))
        await session.until(taken[mode])
        if mode == "speak":
            assert {area: area.text for area in screen.query(TextArea)} == before

    use(steps, mode=mode)


def test_several_recordings_and_cards_are_dropped_on_voice_and_a_text_on_speak(use, home, files):
    (home / "a text.txt").write_text("one two")
    card = home / "slt.voice"
    card.write_text(format_card(demo.demo_voices()[1]))

    async def steps(session):
        screen = session.screen
        screen.post_message(Paste(written_paths(files[:2])))
        await session.until(lambda: len(screen.query_one(MakingPanel).clips) == 2)
        await session.press("ctrl+o")
        session.screen.query_one(Input).post_message(Paste("\n".join(file.as_uri() for file in files[2:4])))
        await session.until(lambda: "50%" in session.screen.query_one(Input).value)
        await session.press("enter")
        await session.until(lambda: len(screen.query_one(MakingPanel).clips) == 4)
        await session.press("f3")
        screen = session.screen
        await session.until(lambda: screen.query_one(VoicePicker).choice is not None)
        session.app.focused.post_message(Paste(f"'{home / 'a text.txt'}'"))
        await session.until(lambda: screen.query_one(TextArea).text == "one two")
        screen.post_message(Paste(card.as_uri()))
        await session.until(lambda: screen.query_one(VoicePicker).choice.is_file)
        screen.query_one(TextArea).post_message(Paste("one two"))
        await session.until(lambda: screen.query_one(TextArea).text.count("one two") == 2)

    use(steps, mode="voice")


def test_a_dialogue_takes_one_path_however_it_is_written(use, home, files):
    async def steps(session):
        await session.press("ctrl+o")
        assert isinstance(session.screen, PathPicker)
        session.screen.query_one(Input).value = written_paths(files[:2])
        await session.press("enter")
        assert "only one can be taken" in str(session.screen.query_one("#problem").render())
        session.screen.query_one(Input).value = f"../{home.name}/'50% #1?.wav'"
        await session.press("enter")
        await session.until(lambda: session.screen.source is not None)
        assert session.screen.source.name == "50% #1?.wav"

    use(steps, mode="convert")


def test_the_trees_show_every_kind_of_recording_that_can_be_read():
    assert set(RECORDINGS) == NATIVE_SUFFIXES | FFMPEG_SUFFIXES
