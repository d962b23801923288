"""`SpeakJob`: what it yields, what it writes and tags, and what is left when it is stopped."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
import soundfile

from gpa_mlx.errors import CancelledError, GPAError, InputTextError, NoSpeechError, SettingsError
from gpa_mlx.jobs.events import (
    AudioChunk,
    Finished,
    GenerationStarted,
    PassageDone,
    PassageStarted,
    Resumed,
    StepStarted,
    Written,
)
from gpa_mlx.jobs.speak import SpeakJob, SpeakRequest
from gpa_mlx.jobs.wav_output import WavTarget
from gpa_mlx.provenance.verification import verify_file
from gpa_mlx.runtime.cancellation import CancelScope, cancellable
from gpa_mlx.synthesis.long_form import SynthesisSettings
from gpa_mlx.types import GenerationOptions, Voice

ANNA = Voice(name="anna", global_tokens=(1, 2, 3))
OPTIONS = GenerationOptions(temperature=0.2, seed=5)
FIRST = "The first sentence of this text is here."
SECOND = "The second one follows it closely, as ever."
THIRD = "A paragraph of its own is what the third has."
TEXT = f"{FIRST} {SECOND}\n\n{THIRD}"


@pytest.fixture
def make_job(engine, tmp_path):
    """A job that says three passages and writes `out.wav` and `out.srt`, changed by the given attributes."""
    engine.max_passage_chars = 50

    def make(**changes):
        given = {
            "text": TEXT,
            "voice": ANNA,
            "options": OPTIONS,
            "output": WavTarget(path=tmp_path / "out.wav"),
            "subtitles": tmp_path / "out.srt",
        }
        return SpeakJob(engine, SpeakRequest(**given | changes))

    return make


@pytest.fixture
def names(tmp_path):
    return lambda: sorted(path.name for path in tmp_path.iterdir())


def test_events_files_and_result(make_job, engine, tmp_path, names):
    job = make_job()
    assert [planned.spoken for planned in job.plan] == [FIRST, SECOND, THIRD]
    assert not engine.calls
    events = list(job.run())
    others = [event for event in events if not isinstance(event, AudioChunk | PassageDone | PassageStarted)]
    assert others == [
        StepStarted(step="loading"),
        GenerationStarted(),
        Written(path=tmp_path / "out.wav"),
        Written(path=tmp_path / "out.srt"),
        Finished(),
    ]
    assert [event.number for event in events if isinstance(event, PassageStarted)] == [0, 1, 2]
    assert [event.passage for event in events if isinstance(event, PassageDone)] == job.result.parts
    samples, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    audio = np.concatenate([event.audio for event in events if isinstance(event, AudioChunk)])
    np.testing.assert_allclose(samples, audio, atol=1 / 32768)
    assert job.result.is_complete
    assert job.result.duration_s == pytest.approx(len(samples) / 16_000)
    assert (job.result.seed, job.result.voice, job.result.finish_reason) == (5, ANNA, "stop")
    assert job.result.elapsed_s >= job.result.first_audio_s > 0
    assert job.result.pieces == []
    assert verify_file(tmp_path / "out.wav").is_intact
    assert (tmp_path / "out.srt").read_text().count("-->") == 3
    assert names() == ["out.srt", "out.wav", "out.wav.json"]


def test_the_sound_comes_before_its_passage_is_done(make_job):
    kinds = [type(event) for event in make_job().run()]
    first = kinds.index(PassageDone)
    assert kinds[first - 1] is AudioChunk
    assert kinds[first + 1] is PassageStarted


@pytest.mark.parametrize("how", ["close", "cancel", "interrupt"])
def test_stopped_it_keeps_what_there_is_and_goes_on_later(make_job, engine, tmp_path, names, how):
    job, scope = make_job(), CancelScope()
    if how == "interrupt":
        engine.failures = {THIRD: KeyboardInterrupt()}
    try:
        with cancellable(scope), closing(job.run()) as events:
            for event in events:
                if isinstance(event, PassageDone) and event.number == 1:
                    if how == "close":
                        break
                    if how == "cancel":
                        scope.cancel()
    except (CancelledError, KeyboardInterrupt):
        assert how != "close"
    assert not job.result.is_complete
    assert job.is_resumable
    assert job.problem is None
    assert names() == [".out.wav.narration", "out.srt", "out.wav"]
    assert (tmp_path / "out.srt").read_text().count("-->") == 2
    assert verify_file(tmp_path / "out.wav").state == "not by gpa-mlx"

    engine.failures = {}
    engine.calls.clear()
    again = make_job()
    events = list(again.run())
    assert Resumed(done=2, total=3) in events
    assert engine.spoken == [THIRD]
    assert again.result.resumed_s > 0
    assert len(again.result.parts) == 3
    assert not again.is_resumable
    assert verify_file(tmp_path / "out.wav").is_intact
    whole = make_job(output=WavTarget(path=tmp_path / "whole.wav"), subtitles=None)
    list(whole.run())
    assert (tmp_path / "whole.wav").read_bytes() == (tmp_path / "out.wav").read_bytes()


def test_what_could_not_be_kept_is_told(make_job, engine, tmp_path):
    engine.failures = {SECOND: KeyboardInterrupt()}
    (tmp_path / "folder").mkdir()
    job = make_job(subtitles=tmp_path / "folder" / "out.srt")
    (tmp_path / "folder").rmdir()
    with pytest.raises(KeyboardInterrupt):
        list(job.run())
    assert isinstance(job.problem, GPAError)
    assert "out.srt cannot be written" in job.problem.message


def test_nothing_is_left_of_what_had_no_sound(make_job, engine, names):
    engine.ending = "nothing"
    job = make_job()
    with pytest.raises(NoSpeechError):
        list(job.run())
    assert names() == []


@pytest.mark.parametrize("stopped", [False, True])
def test_kept_audio_is_saved_like_what_was_written_at_once(make_job, engine, tmp_path, stopped):
    if stopped:
        engine.failures = {THIRD: KeyboardInterrupt()}
    job = make_job(output=None, subtitles=None, keep_audio=True)
    try:
        list(job.run())
    except KeyboardInterrupt:
        assert stopped
    assert job.result.has_audio
    assert sum(map(len, job.result.pieces_from(0.5))) == len(job.result.audio) - 8_000
    job.save(WavTarget(path=tmp_path / "saved.wav"), tmp_path / "saved.srt")
    assert verify_file(tmp_path / "saved.wav").is_intact
    assert (tmp_path / "saved.srt").read_text().count("-->") == (2 if stopped else 3)
    if not stopped:
        list(make_job().run())
        assert (tmp_path / "saved.wav").read_bytes() == (tmp_path / "out.wav").read_bytes()


def test_a_voice_is_made_from_a_recording(make_job, engine, tmp_path):
    job = make_job(voice=tmp_path / "berta.wav", output=None, subtitles=None)
    list(job.run())
    assert job.result.voice == Voice(name="berta", global_tokens=(1, 2, 3))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"text": "..."}, InputTextError),
        ({"output": WavTarget(path="out.mp3")}, SettingsError),
        ({"subtitles": "out.wav.json"}, SettingsError),
        ({"voice": "out.wav", "create": "out.wav"}, SettingsError),
        ({"create": "out.wav.json"}, SettingsError),
        ({"subtitles": "missing/out.srt"}, GPAError),
    ],
)
def test_what_cannot_be_done_is_refused_before_any_work(make_job, engine, tmp_path, names, changes, error):
    changes = dict(changes)
    if create := changes.pop("create", None):
        (tmp_path / create).write_text("mine")
    for name in ("subtitles", "voice"):
        if name in changes:
            changes[name] = tmp_path / changes[name]
    if "output" in changes:
        changes["output"] = WavTarget(path=tmp_path / changes["output"].path)
    before = names()
    with pytest.raises(error):
        make_job(**changes)
    assert not engine.calls
    assert names() == before


def test_live_speech_has_no_checkpoint(make_job, engine, names):
    engine.failures = {THIRD: KeyboardInterrupt()}
    job = make_job(settings=SynthesisSettings(live=True), subtitles=None)
    with pytest.raises(KeyboardInterrupt):
        list(job.run())
    assert not job.is_resumable
    assert names() == ["out.wav"]
