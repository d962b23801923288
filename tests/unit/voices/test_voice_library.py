"""The voice library: names, damaged files, and processes that write at once or are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.errors import VoiceError
from gpa_mlx.types import Voice
from gpa_mlx.voices.library import VoiceLibrary, checked_name, nearest_name

CODES = tuple(range(32))


def voice(name, codes=CODES):
    return Voice(name=name, family="bicodec-0", global_tokens=codes)


@pytest.fixture
def library(tmp_path):
    return VoiceLibrary(tmp_path / "voices")


def files(library):
    return sorted(path.name for path in library.folder.iterdir() if path.name != ".lock")


def test_nobody_else_can_read_the_voices(library):
    before = os.umask(0o022)
    try:
        library.add(voice("anna"))
        library.rename("anna", "berta")
    finally:
        os.umask(before)
    (card,) = (path for path in library.folder.iterdir() if path.name != ".lock")
    assert (library.folder.stat().st_mode & 0o777, card.stat().st_mode & 0o777) == (0o700, 0o600)


# -- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["anna", "Anna 2", "安娜", "Zoë", "a.b", "a-b_c", "conrad", "x" * 64, "😀", "null"])
def test_names_that_can_be(library, name):
    library.add(voice(name))
    assert library.get(name) == voice(name)
    assert files(library) == [f"{name}.voice"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        ".",
        "..",
        "../anna",
        "/anna",
        "a/b",
        "a\\b",
        "a:b",
        "a*",
        "what?",
        'a"b',
        "<a>",
        "a|b",
        ".anna",
        "-anna",
        " anna",
        "anna ",
        "anna.",
        "a  b",
        "a\nb",
        "a\tb",
        "a\0b",
        "a\u202eb",
        "a\u200bb",
        "a\u00a0b",
        "a\udcffb",
        "con",
        "NUL",
        "Com1",
        "lpt9.txt",
        "com\u00b9",
        "aux .x",
        "x" * 65,
        "安" * 54,
    ],
)
def test_names_that_cannot_be(library, name):
    with pytest.raises(VoiceError, match="cannot be the name of a voice"):
        library.add(voice(name))
    assert not library.folder.exists()


@given(st.text(st.characters(exclude_categories=())))
def test_a_name_is_a_safe_file_name_or_refused(text):
    try:
        name = checked_name(text)
    except VoiceError:
        return
    assert checked_name(name) == name == unicodedata.normalize("NFC", text)
    path = Path("voices") / f"{name}.voice"
    assert path.parent == Path("voices")
    assert path.stem == name
    assert len(f".{path.name}.12345678".encode()) < 255


def test_spellings_of_one_name_are_one_voice(library):
    library.add(voice("Zoë"))
    for name in ("zoë", "ZOE\u0308", "Zoe\u0308"):
        assert library.get(name).name == "Zoë"
        with pytest.raises(VoiceError, match="There is a voice 'Zoë' already"):
            library.add(voice(name))
    library.add(voice("ZOË", (7,)), replacing=True)
    assert [(entry.name, entry.voice) for entry in library.entries()] == [("ZOË", voice("ZOË", (7,)))]


def test_the_nearest_name_is_suggested(library):
    library.add(voice("Anna"))
    with pytest.raises(VoiceError, match="There is no voice 'ana' in the library") as caught:
        library.get("ana")
    assert caught.value.hint == "Did you mean 'Anna'?"
    with pytest.raises(VoiceError) as caught:
        library.remove("xyz")
    assert "voices list" in caught.value.hint
    assert nearest_name("bob", []) == ""


# -- what is kept -----------------------------------------------------------------------------------------------------


def test_an_empty_library_needs_no_folder(library):
    assert library.entries() == ()
    assert library.find("anna") is None
    assert not library.folder.exists()


def test_the_users_own_folder_is_the_default(monkeypatch, tmp_path):
    monkeypatch.setenv("GPA_MLX_HOME", str(tmp_path))
    assert VoiceLibrary().folder == tmp_path / "voices"


def test_voices_are_renamed_and_removed(library):
    library.add(voice("anna"))
    library.add(voice("bob"))
    with pytest.raises(VoiceError, match="There is a voice 'bob' already"):
        library.rename("anna", "BOB")
    with pytest.raises(VoiceError, match="cannot be the name"):
        library.rename("anna", "../x")
    assert library.rename("anna", "Anna").name == "Anna"
    assert library.rename("anna", "carol") == voice("carol")
    assert library.remove("BOB") == "bob"
    assert files(library) == ["carol.voice"]
    assert library.entries()[0].voice == voice("carol")


def test_a_file_copied_by_hand_is_called_what_its_user_calls_it(library):
    library.add(voice("anna"))
    (library.folder / "dora.voice").write_bytes((library.folder / "anna.voice").read_bytes())
    assert library.get("dora") == voice("dora")


def test_damaged_files_are_listed_and_can_be_removed(library):
    library.add(voice("anna"))
    (library.folder / "bad.voice").write_text("hello")
    (library.folder / "con.voice").write_bytes((library.folder / "anna.voice").read_bytes())
    (library.folder / "dir.voice").mkdir()
    (library.folder / "notes.txt").write_text("mine")
    entries = {entry.name: entry for entry in library.entries()}
    assert sorted(entries) == ["anna", "bad", "con", "dir"]
    assert entries["anna"].voice == voice("anna")
    assert entries["anna"].problem == ""
    for name, words in (("bad", "holds no voice card"), ("con", "Windows"), ("dir", "cannot be read")):
        assert entries[name].voice is None
        assert words in entries[name].problem
    with pytest.raises(VoiceError, match=r"The voice 'bad' is damaged: .* holds no voice card") as caught:
        library.get("bad")
    assert "voices remove bad" in caught.value.hint
    library.add(voice("bad"), replacing=True)
    assert library.get("bad") == voice("bad")
    library.remove("con")
    assert library.names() == ("anna", "bad", "dir")


def test_a_place_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "voices").write_text("a file")
    library = VoiceLibrary(tmp_path / "voices")
    with pytest.raises(VoiceError, match="cannot be read"):
        library.entries()
    with pytest.raises(VoiceError, match="cannot be written"):
        library.add(voice("anna"))


# -- several processes ------------------------------------------------------------------------------------------------

ADD = """
import sys
from pathlib import Path
from gpa_mlx.voices.library import VoiceLibrary
from gpa_mlx.types import Voice

folder, prefix, count = sys.argv[1:]
for number in range(int(count)):
    name = f"{prefix}{number % 60}"
    VoiceLibrary(Path(folder)).add(Voice(name=name, global_tokens=tuple(range(number, number + 32))), replacing=True)
"""


def adding(folder, prefix, count, *, before=""):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", before + ADD, str(folder), prefix, str(count)], env=environment)


@pytest.mark.slow
def test_two_processes_that_add_at_once_lose_nothing(library):
    processes = [adding(library.folder, prefix, 50) for prefix in ("a", "b")]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert sorted(library.names()) == sorted(f"{prefix}{number}" for prefix in "ab" for number in range(50))
    assert not [entry for entry in library.entries() if entry.problem]


@pytest.mark.slow
def test_two_processes_that_add_the_same_name_do_not_both_win(library):
    script = ADD.replace(", replacing=True", "").replace("{number % 60}", "")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script, str(library.folder), "anna", "1"]
    processes = [subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) for _ in range(3)]
    assert sorted(process.wait(60) for process in processes) == [0, 1, 1]


def test_a_killed_process_leaves_no_damaged_file(library):
    for trial in range(4):
        process = adding(library.folder, "a", 10**6)
        try:
            deadline = time.monotonic() + 30
            while not (library.folder / "a5.voice").exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.017 * trial)
        finally:
            process.kill()
            process.wait()
        entries = library.entries()
        assert entries
        assert not [entry for entry in entries if entry.problem]


@pytest.mark.parametrize("moment", ["os.fsync", "os.replace"])
def test_a_process_killed_while_it_writes_leaves_the_old_voice(library, moment):
    """The content is on its way to the disk, or whole there under another name."""
    library.add(voice("a0"))
    die = f"import os, signal\n{moment} = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)\n"
    process = adding(library.folder, "a", 1, before=die)
    assert process.wait(60) == -signal.SIGKILL
    assert library.entries()[0].voice == voice("a0")
    assert len(files(library)) == 2
    library.add(voice("after"))
    assert files(library) == ["a0.voice", "after.voice"]
