"""Dictation with a scripted engine and a scripted microphone."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import soundfile

from gpa_mlx.audio.devices.silence import SilenceAdviser
from gpa_mlx.dictation import (
    Cancelled,
    Dictation,
    DictationOptions,
    Failed,
    Finished,
    Level,
    Listening,
    NoInput,
    Partial,
    Stopped,
    recognise_again,
)
from gpa_mlx.engine.thread import EngineThread
from gpa_mlx.errors import AudioDeviceError, AudioFileError, GPAError, ModelNotFoundError
from gpa_mlx.history import History
from gpa_mlx.model import demo
from gpa_mlx.testing import FakeEngine, FakeMicrophone
from gpa_mlx.text.custom_vocabulary import CustomVocabulary

BLOCK = 800


def noise(seconds, level=1e-3, seed=0):
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * 16_000))).astype(np.float32)


def blocks_of(sound):
    return [sound[start : start + BLOCK] for start in range(0, len(sound), BLOCK)]


def spoken(text="three off"):
    """A bundled recording in faint noise, half a second of it before and one after."""
    (file,) = (sample.file for sample in demo.demo_samples() if sample.text == text)
    samples = soundfile.read(file, dtype="float32")[0]
    return np.concatenate([np.zeros(8_000), samples, np.zeros(32_000)]) + noise((len(samples) + 40_000) / 16_000, 1e-4)


class Desk:
    """Everything a dictation needs, and what it told."""

    def __init__(self, folder):
        self.engine = FakeEngine()
        self.thread = EngineThread(lambda: self.engine)
        self.history = History(folder)
        self.microphone = FakeMicrophone()
        self.events = queue.SimpleQueue()
        self.told = []
        self.dictation = None

    def begin(self, microphone=None, **options):
        self.microphone = microphone or self.microphone
        self.dictation = Dictation(
            self.thread, self.microphone, self.history, self.events.put, DictationOptions(**options)
        )
        self.dictation.start()
        return self.dictation

    def wait_for(self, *kinds, timeout_s=10.0):
        """Take events until one of these kinds."""
        deadline = time.monotonic() + timeout_s
        while True:
            event = self.events.get(timeout=max(deadline - time.monotonic(), 0.01))
            self.told.append(event)
            if isinstance(event, kinds):
                return event

    def rest(self):
        deadline = time.monotonic() + 10
        while self.dictation.is_busy:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        while not self.events.empty():
            self.told.append(self.events.get())
        return self.told


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path / "history")
    yield desk
    if desk.dictation is not None:
        desk.dictation.close()
    assert desk.thread.close(5)


def test_words_come_while_they_are_spoken_and_end_with_stop(desk):
    dictation = desk.begin()
    assert dictation.is_recording
    desk.microphone.put(noise(0.05))
    assert desk.wait_for(Partial) == Partial("", "hello")
    desk.microphone.put(noise(0.05))
    assert desk.wait_for(Partial) == Partial("hello", " world")
    dictation.stop()
    finished = desk.wait_for(Finished, Failed)
    assert (finished.text, finished.heard, finished.replacements) == ("hello world", "hello world", ())
    assert (finished.entry.state, finished.entry.text, finished.entry.duration_s) == ("recognised", "hello world", 0.1)
    kinds = [type(event) for event in desk.rest()]
    assert kinds.index(Listening) < kinds.index(Level) < kinds.index(Stopped) < kinds.index(Finished)
    assert desk.history.entries() == (finished.entry,)
    assert desk.microphone.closed


def test_words_so_far_are_those_of_all_segments(desk):
    desk.engine.texts = ("one two", "three")
    desk.begin()
    shown = []
    for _ in range(3):
        desk.microphone.put(noise(0.05))
        shown.append(desk.wait_for(Partial))
        if shown[-1].confirmed.endswith("two"):
            break
    desk.microphone.put(noise(0.05))
    while desk.wait_for(Partial) != Partial("one two", " three"):
        pass


def test_the_tail_is_heard(desk):
    sound = noise(3.0)
    desk.begin(FakeMicrophone(blocks_of(sound), ends=True))
    finished = desk.wait_for(Finished)
    assert desk.engine.live_samples == len(sound)
    assert np.allclose(soundfile.read(finished.entry.audio)[0], sound, atol=1 / 32768)


def test_the_engine_gets_the_samples_of_the_microphone_bit_by_bit(desk):
    taken = []

    class Keeping(FakeEngine):
        def stream_transcribe_live(self, blocks, *, options=None, vad=True):
            def kept():
                for block in blocks:
                    taken.append(block)
                    yield block

            return super().stream_transcribe_live(kept(), options=options, vad=vad)

    desk.engine = Keeping()
    sound = 1e-3 * np.random.default_rng(7).standard_normal(16_000)  # not representable in float32
    desk.begin(FakeMicrophone(blocks_of(sound), ends=True))
    desk.wait_for(Finished)
    assert {block.dtype for block in taken} == {np.dtype(np.float64)}
    assert np.array_equal(np.concatenate(taken), sound)


def test_every_block_is_on_disk_before_it_is_heard(desk):
    sizes = []

    class Watching(FakeEngine):
        def stream_transcribe_live(self, blocks, *, options=None, vad=True):
            def watched():
                heard = 0
                for block in blocks:
                    heard += len(block)
                    (entry,) = desk.history.entries()
                    sizes.append(entry.duration_s * 16_000 - heard)
                    yield block

            return super().stream_transcribe_live(watched(), options=options, vad=vad)

    desk.engine = Watching(texts=("one two three four five six",))
    desk.begin()
    for block in blocks_of(noise(0.5)):
        desk.microphone.put(block)
        time.sleep(0.01)
    desk.dictation.stop()
    desk.wait_for(Finished)
    assert sizes
    assert min(sizes) >= 0


def test_levels_and_time(desk):
    desk.begin(FakeMicrophone([np.full(800, 0.5, np.float32)] * 4, ends=True))
    desk.wait_for(Finished)
    levels = [event for event in desk.told if isinstance(event, Level)]
    assert [level.elapsed_s for level in levels] == pytest.approx([0.05, 0.1, 0.15, 0.2])
    assert levels[0].peak_db == pytest.approx(-6.02, abs=0.01)
    assert next(event for event in desk.told if isinstance(event, Stopped)).duration_s == pytest.approx(0.2)


def test_zeros_are_no_listening_and_raise_the_advice_once(desk):
    desk.begin(silence=SilenceAdviser(platform="linux"))
    for block in [*blocks_of(np.zeros(200_000, np.float32)), noise(0.05)]:
        desk.microphone.put(block)
    assert "muted" in desk.wait_for(NoInput).advice
    assert not any(isinstance(event, Listening) for event in desk.told)
    assert 0.9 < max(event.elapsed_s for event in desk.told if isinstance(event, Level)) < 1.1
    desk.wait_for(Listening)
    assert sum(isinstance(event, NoInput) for event in desk.told) == 1


def test_a_question_of_macos_is_named_first_and_after_a_while_what_to_do_without_one(desk):
    desk.begin(silence=SilenceAdviser(platform="darwin", environ={}, access=lambda: "undecided"))
    for block in [*blocks_of(np.zeros(200_000, np.float32)), noise(0.05)]:
        desk.microphone.put(block)
    desk.wait_for(Listening)
    early, late = (event.advice for event in desk.told if isinstance(event, NoInput))
    assert "may be asking now" in early
    assert "tccutil reset Microphone" in late


def test_zeros_after_sound_may_be_a_noise_gate(desk):
    desk.begin(silence=SilenceAdviser(platform="linux"))
    for block in [noise(0.05), *blocks_of(np.zeros(152_000, np.float32)), noise(0.05)]:
        desk.microphone.put(block)
    desk.microphone.put(np.ones(800, np.float32))
    for block in blocks_of(np.zeros(168_000, np.float32)):
        desk.microphone.put(block)
    assert "muted" in desk.wait_for(NoInput).advice
    assert max(event.elapsed_s for event in desk.told if isinstance(event, Level)) > 19


@pytest.mark.slow
def test_auto_stops_at_the_pause_after_speech(desk):
    sound = np.concatenate([spoken(), noise(30)])
    desk.begin(FakeMicrophone(blocks_of(sound)), mode="auto")
    finished = desk.wait_for(Finished)
    # The fake microphone hands everything out at once, so that only the entry can tell when it was told to stop.
    stopped = next(event for event in desk.told if isinstance(event, Stopped))
    assert stopped.duration_s == pytest.approx(finished.entry.duration_s)
    assert finished.text == "hello world"


def slowly(desk, sound):
    """Speak no faster than the recorder listens."""
    for block in blocks_of(sound):
        desk.microphone.put(block)
        if isinstance(desk.wait_for(Level, Stopped), Stopped):
            return


def test_auto_stops_soon(desk):
    sound = spoken()
    desk.begin(mode="auto", silence_s=1.0)
    slowly(desk, np.concatenate([sound, noise(30, 1e-4)]))
    entry = desk.wait_for(Finished).entry
    end_s = (len(sound) - 32_000) / 16_000
    assert end_s + 0.5 < entry.duration_s < end_s + 2.0


def test_auto_gives_up_when_nobody_speaks(desk):
    desk.engine.texts = ()
    desk.begin(mode="auto", patience_s=3.0)
    slowly(desk, noise(10, 1e-4))
    finished = desk.wait_for(Finished)
    assert finished.text == ""
    assert finished.entry.duration_s == pytest.approx(3.0, abs=0.2)


def test_a_limit_ends_the_recording(desk):
    desk.begin(limit_s=1.0)
    slowly(desk, noise(10))
    assert desk.wait_for(Finished).entry.duration_s == pytest.approx(1.0, abs=0.2)


def test_continuous_makes_a_text_of_everything_between_pauses(desk):
    desk.begin(mode="continuous")
    slowly(desk, np.concatenate([noise(12, 1e-4, 1), spoken(), noise(2, 1e-4, 2), spoken("no one"), noise(2, 1e-4, 3)]))
    desk.dictation.stop()
    finished = [event for event in desk.rest() if isinstance(event, Finished)]
    assert [event.text for event in finished] == ["hello world"] * 2
    entries = desk.history.entries()
    assert len(entries) == 2
    assert all(entry.state == "recognised" and not entry.in_use for entry in entries)
    # Silence before speech is cut to a bearable length; no word is cut at all.
    assert all(3.0 < entry.duration_s < 14.0 for entry in entries)


def test_continuous_keeps_a_word_that_the_key_cuts_off(desk):
    desk.begin(mode="continuous")
    sound = spoken()
    slowly(desk, sound[: 8_000 + 12_000])
    desk.dictation.stop()
    assert [type(event) for event in desk.rest()].count(Finished) == 1


def test_texts_follow_each_other_in_order(desk):
    desk.engine.hold = threading.Event()
    desk.begin(FakeMicrophone([noise(0.05)] * 3, ends=True))
    desk.wait_for(Stopped)
    desk.dictation.start()
    desk.wait_for(Stopped)
    assert desk.dictation.is_busy
    desk.engine.hold.set()
    first, second = desk.wait_for(Finished), desk.wait_for(Finished)
    assert len({first.entry.name, second.entry.name}) == 2


def test_start_during_a_recording_does_nothing(desk):
    dictation = desk.begin()
    dictation.start()
    assert len(desk.history.entries()) == 1


def test_an_open_microphone_stays_open(desk):
    desk.microphone = FakeMicrophone([noise(0.05)] * 3, ends=True)
    desk.dictation = Dictation(desk.thread, desk.microphone, desk.history, desk.events.put)
    desk.dictation.open()
    desk.dictation.start()
    desk.wait_for(Finished)
    assert not desk.microphone.closed
    desk.dictation.close()
    assert desk.microphone.closed


def test_words_and_digits(desk):
    desk.engine.texts = ("twenty three git hubs", "on git hub")
    desk.begin(FakeMicrophone([noise(0.05)] * 9, ends=True), words=CustomVocabulary(["GitHub"]), digits=True)
    finished = desk.wait_for(Finished)
    assert finished.text == finished.entry.text == "23 git hubs on GitHub"
    assert finished.heard == "twenty three git hubs on git hub"
    assert [(change.heard, change.written) for change in finished.replacements] == [("git hub", "GitHub")]


@pytest.mark.parametrize("error", [GPAError("Broken.", hint="Mend it."), RuntimeError("odd")])
def test_a_failed_recognition_leaves_the_audio_and_says_how_to_go_on(desk, error):
    desk.engine.failures["stream_transcribe_live"] = error
    sound = noise(0.5)
    dictation = desk.begin()
    for block in blocks_of(sound):
        desk.microphone.put(block)
    time.sleep(0.1)
    dictation.stop()
    failed = desk.wait_for(Failed)
    assert failed.entry.state == "failed"
    assert failed.entry.error
    assert f"gpa-mlx history retry {failed.entry.name}" in failed.error.hint
    assert len(soundfile.read(failed.entry.audio)[0]) == len(sound)
    del desk.engine.failures["stream_transcribe_live"]
    again = recognise_again(desk.thread, desk.history, failed.entry)
    assert (again.text, again.entry.state, again.entry.error) == ("hello world", "recognised", "")


def test_a_model_that_does_not_open_keeps_its_error(tmp_path):
    def open_engine():
        raise ModelNotFoundError("No model.")

    desk = Desk(tmp_path)
    desk.thread = EngineThread(open_engine)
    desk.begin(FakeMicrophone([noise(0.05)] * 3, ends=True))
    failed = desk.wait_for(Failed)
    assert type(failed.error) is ModelNotFoundError
    with pytest.raises(ModelNotFoundError, match="No model") as caught:
        recognise_again(desk.thread, desk.history, failed.entry)
    assert "history retry" in caught.value.hint
    desk.dictation.close()
    desk.thread.close()


def test_an_unplugged_microphone_gives_its_words_and_the_error(desk):
    gone = AudioDeviceError("Gone.")
    desk.begin(FakeMicrophone([noise(0.05)] * 3, failure=gone))
    finished = desk.wait_for(Finished)
    assert (finished.text, finished.interruption) == ("hello world", gone)
    assert finished.entry.duration_s == pytest.approx(0.15)


def test_a_microphone_that_gives_nothing_leaves_nothing(desk):
    gone = AudioDeviceError("Gone.")
    desk.begin(FakeMicrophone(failure=gone))
    assert desk.wait_for(Failed) == Failed(gone, None)
    desk.rest()
    assert desk.history.entries() == ()


def test_a_microphone_that_does_not_open(desk):
    with pytest.raises(AudioDeviceError, match="None"):
        desk.begin(FakeMicrophone(unusable=AudioDeviceError("None.")))
    assert not desk.dictation.is_busy
    assert desk.history.entries() == ()


def test_a_history_that_cannot_be_written(desk, tmp_path):
    (tmp_path / "file").write_text("")
    desk.history = History(tmp_path / "file" / "history")
    with pytest.raises(AudioFileError):
        desk.begin()
    assert desk.microphone.closed
    assert not desk.dictation.is_recording


def test_a_full_disk_ends_the_recording_and_what_is_there_is_heard(desk, monkeypatch):
    from gpa_mlx.audio.files.incremental_wav import IncrementalWavWriter

    append = IncrementalWavWriter.append

    def failing(wav, samples):
        if wav.samples >= 2400:
            raise AudioFileError("Full.")
        append(wav, samples)

    monkeypatch.setattr(IncrementalWavWriter, "append", failing)
    desk.begin(FakeMicrophone([noise(0.05)] * 9))
    finished = desk.wait_for(Finished)
    assert (finished.text, finished.interruption.message) == ("hello world", "Full.")
    assert finished.entry.duration_s == pytest.approx(0.15)
    assert desk.engine.live_samples == 2400


def test_cancelling_keeps_the_audio_and_hears_nothing(desk):
    desk.engine.hold = threading.Event()
    dictation = desk.begin()
    desk.microphone.put(noise(0.5))
    desk.wait_for(Partial)
    dictation.cancel()
    cancelled = desk.wait_for(Cancelled)
    assert (cancelled.entry.state, cancelled.entry.duration_s) == ("recorded", 0.5)
    assert not any(isinstance(event, Finished) for event in desk.rest())
    assert desk.thread.submit(lambda engine: 1).result(5) == 1


def test_cancelling_after_the_recording(desk):
    desk.engine.hold = threading.Event()
    dictation = desk.begin(FakeMicrophone([noise(0.05)] * 3, ends=True))
    desk.wait_for(Stopped)
    dictation.cancel()
    assert desk.wait_for(Cancelled).entry.state == "recorded"


def test_an_engine_that_is_closed_leaves_the_recording(desk):
    desk.engine.hold = threading.Event()
    desk.begin(FakeMicrophone([noise(0.05)] * 3, ends=True))
    desk.wait_for(Partial)
    desk.thread.close()
    failed = desk.wait_for(Failed)
    assert failed.entry.duration_s == pytest.approx(0.15)
    assert "history retry" in failed.error.hint


def test_closing_during_a_recording(desk):
    dictation = desk.begin()
    desk.microphone.put(noise(0.5))
    desk.wait_for(Listening)
    dictation.close()
    assert not dictation.is_busy
    assert desk.microphone.closed
    (entry,) = desk.history.entries()
    assert (entry.state, entry.in_use) == ("recorded", False)


def test_an_event_that_is_not_taken_stops_nothing(desk, caplog):
    def failing(event):
        desk.events.put(event)
        raise ValueError

    desk.dictation = Dictation(desk.thread, FakeMicrophone([noise(0.05)], ends=True), desk.history, failing)
    desk.dictation.start()
    assert desk.wait_for(Finished).text == "hello world"


def test_old_recordings_are_pruned(desk):
    desk.history = History(desk.history.folder, max_bytes=0)
    desk.begin(FakeMicrophone([noise(0.05)] * 3, ends=True))
    desk.wait_for(Finished)
    desk.rest()
    deadline = time.monotonic() + 5
    while desk.history.entries():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_recognising_again_while_somebody_else_does(desk):
    desk.begin(FakeMicrophone([noise(0.05)] * 3, ends=True))
    entry = desk.wait_for(Finished).entry
    with desk.history.hold(entry), pytest.raises(GPAError, match="in use"):
        recognise_again(desk.thread, desk.history, entry)


def test_a_process_killed_during_recognition_loses_nothing(tmp_path):
    program = """
import sys, threading, time
from pathlib import Path
from gpa_mlx.dictation import Dictation, Partial, Stopped
from gpa_mlx.history import History
from gpa_mlx.engine.thread import EngineThread
from gpa_mlx.testing import FakeEngine, FakeMicrophone
import numpy as np
engine = FakeEngine(hold=threading.Event())
def told(event):
    if isinstance(event, Partial):
        print("hearing", flush=True)
microphone = FakeMicrophone([np.full(800, 0.1, np.float32)] * 40, ends=True)
Dictation(EngineThread(lambda: engine), microphone, History(Path(sys.argv[1])), told).start()
time.sleep(60)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "hearing\n"
    history = History(tmp_path)
    deadline = time.monotonic() + 10
    while history.entries()[0].state != "recorded":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()
    (entry,) = history.entries()
    assert (entry.state, entry.in_use, entry.duration_s) == ("recorded", False, 2.0)
    with EngineThread(FakeEngine) as thread:
        assert recognise_again(thread, history, entry).text == "hello world"


@pytest.mark.parametrize("pause_s", [1.4, 1.5, 1.55, 1.6, 1.65, 1.7, 1.75, 1.8, 1.9])
def test_a_cut_goes_through_no_word(desk, pause_s):
    """The next words begin around the moment of the cut; they are whole in one text."""
    first, second = (speech(text) for text in ("three off", "no one"))
    sound = np.concatenate([noise(0.5, 1e-4), first, np.zeros(round(pause_s * 16_000)), second, noise(2.0, 1e-4)])
    sound = sound.astype(np.float32) + noise(len(sound) / 16_000, 1e-4, 7)
    desk.begin(mode="continuous")
    slowly(desk, sound)
    desk.dictation.stop()
    desk.rest()
    start = len(sound) - 32_000 - len(second)
    wanted = np.round(np.clip(sound[start : start + len(second)], -1, 1) * 32767).astype(np.int32)
    kept = [soundfile.read(entry.audio, dtype="int16")[0].astype(np.int32) for entry in desk.history.entries()]
    assert any(holds(audio, wanted) for audio in kept)


def speech(text):
    """A bundled recording from its first loud sample to its last."""
    (file,) = (sample.file for sample in demo.demo_samples() if sample.text == text)
    samples = soundfile.read(file, dtype="float32")[0]
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    return samples[loud[0] : loud[-1] + 1]


def holds(audio, wanted):
    """Tell whether a piece of sound is in another, but for rounding."""
    windows = np.lib.stride_tricks.sliding_window_view(audio, 200) if len(audio) >= len(wanted) else np.empty((0, 200))
    starts = np.flatnonzero(np.abs(windows - wanted[:200]).max(axis=1) <= 2) if len(windows) else []
    return any(
        len(audio) >= start + len(wanted) and np.abs(audio[start : start + len(wanted)] - wanted).max() <= 2
        for start in starts
    )
