"""The history: audio that is safe from the first moment, and several processes that look after it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from gpa_mlx.errors import AudioFileError, GPAError
from gpa_mlx.history import History

RECORD = """
import sys, time
import numpy as np
from pathlib import Path
from gpa_mlx.history import History
journal = History(Path(sys.argv[1])).begin("mic")
for number in range(int(sys.argv[2])):
    journal.append(np.full(800, 0.25, np.float32))
if sys.argv[3] == "finish":
    journal.finish()
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def history(tmp_path):
    return History(tmp_path / "history")


@pytest.fixture
def recorder(history):
    """Record in another process, which is killed at the end at the latest."""
    started = []

    def record(blocks, then="sleep"):
        process = subprocess.Popen(
            [sys.executable, "-c", RECORD, str(history.folder), str(blocks), then],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield record
    for process in started:
        process.kill()
        process.wait()


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


def recorded(history, seconds=1.0, text=None):
    with history.begin("mic") as journal:
        journal.append(np.full(round(seconds * 16_000), 0.25, np.float32))
        entry = journal.finish()
        return entry if text is None else journal.recognised(text)


def aged(history, entry, days):
    """Make an entry older, as its name tells."""
    then = datetime.now().astimezone() - timedelta(days=days)
    name = f"{then:%Y-%m-%dT%H-%M-%S}-{entry.name[-4:]}"
    entry.folder.rename(history.folder / name)
    return history.get(name)


def test_an_entry_from_begin_to_text(history):
    journal = history.begin("mic")
    (entry,) = history.entries()
    assert (entry.state, entry.in_use, entry.duration_s) == ("recording", True, 0.0)
    journal.append(np.linspace(-1, 1, 24_000, dtype=np.float32))
    assert history.entries()[0].duration_s == 1.5
    assert soundfile.info(entry.audio).duration == 1.5
    assert journal.finish().state == "recorded"
    journal.recognised("hello")
    assert history.entries()[0].in_use
    entry = journal.release()
    assert history.entries() == (entry,)
    assert (entry.state, entry.text, entry.device, entry.duration_s) == ("recognised", "hello", "mic", 1.5)
    assert abs((datetime.now().astimezone() - entry.recorded_at).total_seconds()) < 60
    samples, rate = soundfile.read(entry.audio)
    assert rate == 16_000
    assert np.allclose(samples, np.linspace(-1, 1, 24_000), atol=2 / 32768)


def test_a_failure_keeps_the_audio_and_an_older_text(history):
    entry = recorded(history)
    with history.hold(entry) as held:
        held.failed("no model")
    assert [(found.state, found.error) for found in history.entries()] == [("failed", "no model")]
    with history.hold(entry) as held:
        held.recognised("words")
    with history.hold(entry) as held:
        held.failed("no model")
    (found,) = history.entries()
    assert (found.state, found.text) == ("recognised", "words")


def test_a_killed_recording_keeps_everything_it_had_written(history, recorder):
    process = recorder(50)
    (entry,) = history.entries()
    assert entry.in_use
    with pytest.raises(GPAError, match="in use"):
        history.hold(entry)
    kill(process)
    (entry,) = history.entries()
    assert (entry.state, entry.in_use, entry.duration_s) == ("recorded", False, 2.5)
    assert soundfile.info(entry.audio).frames == 40_000
    assert json.loads((entry.folder / "entry.json").read_text())["state"] == "recorded"


def test_a_recording_that_was_killed_before_it_began_is_no_entry(history, recorder):
    kill(recorder(0))
    assert history.entries() == ()
    assert [path.name for path in history.folder.iterdir()] == [".lock"]


def test_a_process_killed_after_the_recording_leaves_it_recorded(history, recorder):
    kill(recorder(20, "finish"))
    (entry,) = history.entries()
    assert (entry.state, entry.duration_s) == ("recorded", 1.0)


@pytest.mark.parametrize("damage", ["short", "header", "odd"])
def test_audio_and_header_that_do_not_fit_are_repaired(history, recorder, damage):
    kill(recorder(20))
    (audio,) = history.folder.glob("*/audio.wav")
    content = bytearray(audio.read_bytes())
    if damage == "short":
        content = content[:-8000]
    elif damage == "header":
        content[4:8] = content[40:44] = bytes(4)
    else:
        content += b"\1"
    audio.write_bytes(content)
    (entry,) = history.entries()
    assert entry.duration_s == (0.75 if damage == "short" else 1.0)
    assert soundfile.info(entry.audio).duration == entry.duration_s
    assert len(soundfile.read(entry.audio)[0]) == entry.duration_s * 16_000


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"state": "odd"}', None])
def test_a_damaged_entry_is_found_by_its_audio(history, content):
    entry = recorded(history, text="words")
    if content is None:
        (entry.folder / "entry.json").unlink()
    else:
        (entry.folder / "entry.json").write_text(content)
    (found,) = history.entries()
    assert (found.state, found.duration_s, found.text) == ("recorded", 1.0, "")


def test_folders_of_others_are_left_alone(history):
    recorded(history)
    (history.folder / "notes").mkdir()
    assert len(history.entries()) == 1
    assert History(history.folder, max_bytes=0).prune()
    assert (history.folder / "notes").is_dir()


def test_finding_an_entry(history):
    older, newer = aged(history, recorded(history), 2), recorded(history)
    assert history.get("last") == newer
    assert history.get(older.name) == older
    assert history.get(newer.name[-4:]) == newer
    assert history.get(older.name[:12]) == older
    for name in ("2", "none", ""):
        with pytest.raises(GPAError):
            history.get(name)


def test_nothing_is_there_at_first(history):
    assert history.entries() == history.prune() == ()
    assert not history.folder.exists()
    with pytest.raises(GPAError, match="no recording 'last'"):
        history.get("last")


def test_deleting(history):
    entry = recorded(history)
    with history.hold(entry), pytest.raises(GPAError, match="in use"):
        history.delete(entry)
    history.delete(entry)
    assert history.entries() == ()
    with pytest.raises(GPAError, match="gone"):
        history.delete(entry)


def test_pruning_by_age_and_size_from_the_oldest_on(history):
    entries = [aged(history, recorded(history), days) for days in (100, 50, 20, 10)]
    limited = History(history.folder, max_age_days=60, max_bytes=None)
    assert [entry.name for entry in limited.prune()] == [entries[0].name]
    size = entries[1].size_bytes
    limited = History(history.folder, max_age_days=None, max_bytes=2 * size + size // 2)
    assert [entry.name for entry in limited.prune()] == [entries[1].name]
    assert [entry.name for entry in history.entries()] == [entries[3].name, entries[2].name]


def test_what_is_in_use_is_never_pruned(history, recorder):
    recorder(5)
    journal = history.begin()
    journal.append(np.ones(16_000, np.float32))
    done = recorded(history)
    with history.hold(recorded(history)):
        assert History(history.folder, max_bytes=0, max_age_days=0).prune() == (done,)
    assert len(history.entries()) == 3
    journal.discard()
    assert len(history.entries()) == 2


def test_what_was_half_deleted_is_no_entry(history):
    entry = recorded(history)
    entry.folder.rename(history.folder / f".deleted-{entry.name}")
    assert history.entries() == ()
    assert not list(history.folder.glob(".deleted*"))


def test_two_processes_record_at_once(history, recorder):
    first, second = recorder(10), recorder(20)
    kill(first)
    states = sorted((entry.in_use, entry.duration_s) for entry in history.entries())
    assert states == [(False, 0.5), (True, 1.0)]
    kill(second)
    assert [entry.state for entry in history.entries()] == ["recorded", "recorded"]


def test_audio_reaches_the_disk_at_least_twice_a_second(history, monkeypatch):
    now, synced = 100.0, []
    monkeypatch.setattr("gpa_mlx.history.journal.time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr("gpa_mlx.history.journal.os.fsync", lambda descriptor: synced.append(now))
    journal = history.begin()
    started = now
    while now < started + 10:
        journal.append(np.ones(800, np.float32))
        now += 0.05
    times = [started, *synced, now]
    assert max(after - before for before, after in pairwise(times)) < 0.5
    journal.discard()


def test_the_drive_itself_is_written_every_few_seconds_and_at_the_end(history, monkeypatch):
    now, flushed = 100.0, []
    monkeypatch.setattr("gpa_mlx.history.journal.time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr("gpa_mlx.history.journal.flush_drive", lambda descriptor: flushed.append(now))
    journal = history.begin()
    started = now
    while now < started + 20:
        journal.append(np.ones(800, np.float32))
        now += 0.05
    assert 5 <= len(flushed) <= 7
    assert max(after - before for before, after in pairwise([started, *flushed, now])) < 3.6
    journal.finish()
    journal.release()
    assert flushed[-1] == now


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AudioFileError, match="cannot be used"):
        History(tmp_path / "file" / "history").begin()


def test_the_document_is_json(history):
    entry = recorded(history, text="hello")
    document = json.loads(json.dumps(entry.document()))
    assert (document["name"], document["text"], document["audio"]) == (entry.name, "hello", str(entry.audio))


def test_nobody_else_can_read_what_was_said(history):
    before = os.umask(0o022)
    try:
        with history.begin("mic") as journal:
            journal.append(np.full(800, 0.25))
            journal.finish()
    finally:
        os.umask(before)
    paths = [history.folder, *history.folder.rglob("*")]
    assert len(paths) > 3
    assert [path for path in paths if path.name != ".lock" and path.stat().st_mode & 0o077] == []


def test_recordings_of_one_second_are_in_their_order(history):
    begun = []
    for _ in range(20):
        begun.append(recorded(history).name)
    assert [entry.name for entry in reversed(history.entries())] == begun
