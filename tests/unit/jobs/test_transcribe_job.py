"""`TranscribeJob`: what it yields, what it writes, and what is left when it is stopped."""

from __future__ import annotations

from contextlib import closing
from itertools import groupby

import pytest

from gpa_mlx.errors import AudioFileError, CancelledError, GPAError, ModelFormatError
from gpa_mlx.jobs.events import Finished, RecordingDone, RecordingFailed, RecordingStarted, TextChunk, Written
from gpa_mlx.jobs.recordings import file_input
from gpa_mlx.jobs.transcribe import TranscribeJob, TranscribeRequest
from gpa_mlx.runtime.cancellation import CancelScope, cancellable
from gpa_mlx.testing import FakeEngine
from gpa_mlx.transcripts.targets import plan_targets


@pytest.fixture
def make_job(tmp_path):
    """A job for `a.wav` and `b.wav`, which writes text and labels to the folder `out`."""

    def make(engine, *names):
        recordings = tuple(file_input(tmp_path / name) for name in names or ("a.wav", "b.wav"))
        targets = plan_targets(recordings, str(tmp_path / "out"), ("txt", "audacity"))
        planned = tuple(files for files in targets if not isinstance(files, GPAError))
        return TranscribeJob(engine, TranscribeRequest(recordings=recordings, targets=planned))

    return make


def test_events_and_files(make_job, tmp_path):
    job = make_job(FakeEngine(texts=("hello world", "again")), "a.wav")
    events = list(job.run())
    kinds = [kind for kind, _ in groupby(map(type, events))]
    assert kinds == [RecordingStarted, TextChunk, Written, RecordingDone, Finished]
    positions = [event.position_s for event in events if isinstance(event, TextChunk)]
    assert positions == sorted(positions)
    assert events[-2].transcription.text == "hello world again"
    assert events[-2].written == (tmp_path / "out" / "a.txt", tmp_path / "out" / "a.labels.txt")
    assert (tmp_path / "out" / "a.txt").read_text() == "hello world\nagain\n"
    labels = [line.split("\t") for line in (tmp_path / "out" / "a.labels.txt").read_text().splitlines()]
    assert [text for _, _, text in labels] == ["hello world", "again"]
    assert labels[0][:2] == ["0.000000", "1.000000"]


def test_one_failure_does_not_stop_the_others(make_job):
    engine = FakeEngine()
    job = make_job(engine)
    events = job.run()
    engine.failures["stream_transcribe"] = AudioFileError("bad.")
    failed = next(event for event in events if not isinstance(event, RecordingStarted))
    assert isinstance(failed, RecordingFailed)
    engine.failures.clear()
    assert isinstance(list(events)[-1], Finished)
    assert [task.state for task in job.tasks] == ["failed", "done"]


def test_an_unusable_model_stops_all(make_job):
    job = make_job(FakeEngine(failures={"stream_transcribe": ModelFormatError("bad model.")}))
    with pytest.raises(ModelFormatError):
        list(job.run())
    assert [task.state for task in job.tasks] == ["failed", "waiting"]


@pytest.mark.parametrize("how", ["close", "cancel"])
def test_the_text_so_far_is_written(make_job, tmp_path, how):
    job = make_job(FakeEngine(texts=("first", "second", "third")))
    scope = CancelScope()
    with cancellable(scope), closing(job.run()) as events:
        assert isinstance(next(events), RecordingStarted)
        while (event := next(events)).chunk.segment is None:
            assert event.recording == job.tasks[0].recording
        if how == "cancel":
            scope.cancel()
            with pytest.raises(CancelledError):
                next(events)
    assert [task.state for task in job.tasks] == ["stopped", "waiting"]
    assert job.tasks[0].written == (tmp_path / "out" / "a.txt", tmp_path / "out" / "a.labels.txt")
    assert (tmp_path / "out" / "a.txt").read_text() == "first\n"


def test_nothing_is_written_before_the_first_segment(make_job, tmp_path):
    job = make_job(FakeEngine())
    with closing(job.run()) as events:
        next(events)
    assert job.tasks[0].state == "stopped"
    assert list((tmp_path / "out").iterdir()) == []


def test_a_recording_whose_files_cannot_be_written_is_not_read(make_job, tmp_path):
    (tmp_path / "out" / "b.txt").mkdir(parents=True)
    job = make_job(FakeEngine())
    assert [task.state for task in job.tasks] == ["waiting", "failed"]
    failed = [event for event in job.run() if isinstance(event, RecordingFailed)]
    assert "not a regular file" in failed[0].error.message
    assert [task.state for task in job.tasks] == ["done", "failed"]


def test_where_nothing_can_be_written_nothing_is_begun(make_job, tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / "out" / name).mkdir(parents=True)
    engine = FakeEngine()
    with pytest.raises(GPAError, match="not a regular file"):
        make_job(engine)
    assert engine.calls == []
