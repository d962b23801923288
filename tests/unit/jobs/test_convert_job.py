"""`ConvertJob` and `DetokenizeJob`: what they yield, what they write and tag."""

from __future__ import annotations

import hashlib
from contextlib import closing

import numpy as np
import pytest
import soundfile

from gpa_mlx.errors import AudioFileError, SettingsError
from gpa_mlx.jobs.audio_output import AudioTarget
from gpa_mlx.jobs.convert import ConvertJob, ConvertRequest
from gpa_mlx.jobs.detokenize import DetokenizeJob, DetokenizeRequest, parse_tokens
from gpa_mlx.jobs.events import (
    AudioChunk,
    Finished,
    GenerationStarted,
    Progress,
    SegmentConverted,
    StepStarted,
    Written,
)
from gpa_mlx.provenance.verification import verify_file
from gpa_mlx.types import GenerationOptions, Voice

ANNA = Voice(name="anna", global_tokens=(1, 2, 3))
RNG = np.random.default_rng(0)
SPEECH = np.concatenate([RNG.normal(0, level, 16_000) for level in (1e-4, 0.1, 1e-4, 0.1, 1e-4)]).astype(np.float32)


@pytest.fixture
def source(tmp_path):
    """Two seconds of speech between pauses."""
    path = tmp_path / "source.wav"
    soundfile.write(path, SPEECH, 16_000)
    return path


@pytest.fixture
def make_job(engine, source, tmp_path):
    def make(**changes):
        given = {
            "source": source,
            "voice": ANNA,
            "options": GenerationOptions(temperature=0.2),
            "output": AudioTarget(path=tmp_path / "out.wav"),
        }
        return ConvertJob(engine, ConvertRequest(**given | changes))

    return make


def test_events_file_and_result(make_job, source, tmp_path):
    job = make_job()
    assert job.source_s == 5
    events = list(job.run())
    assert events[:2] == [StepStarted(step="loading"), GenerationStarted()]
    assert events[-2:] == [Written(path=tmp_path / "out.wav"), Finished()]
    assert [event.segment for event in events if isinstance(event, SegmentConverted)] == job.result.parts
    positions = [event.position_s for event in events if isinstance(event, Progress)]
    assert positions == sorted(positions)
    assert job.position_s == positions[-1] == 5
    samples = sum(len(event.audio) for event in events if isinstance(event, AudioChunk))
    assert soundfile.info(tmp_path / "out.wav").frames == samples
    result = verify_file(tmp_path / "out.wav")
    assert result.is_intact
    assert result.provenance.metadata.source_sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert result.provenance.metadata.seed == job.result.seed is not None


def test_kept_audio_is_saved_also_of_a_job_that_was_stopped(make_job, tmp_path):
    job = make_job(source=(SPEECH, 16_000), output=None, keep_audio=True)
    with closing(job.run()) as events:
        next(event for event in events if isinstance(event, SegmentConverted))
    assert not job.result.is_complete
    assert job.result.has_audio
    job.save(AudioTarget(path=tmp_path / "saved.wav"))
    result = verify_file(tmp_path / "saved.wav")
    assert result.is_intact
    assert result.provenance.metadata.source_sha256 == hashlib.sha256(SPEECH.tobytes()).hexdigest()


def test_the_source_is_not_overwritten(make_job, source, engine):
    with pytest.raises(SettingsError, match="also an input"):
        make_job(output=AudioTarget(path=source))
    job = make_job(output=None, keep_audio=True)
    list(job.run())
    with pytest.raises(SettingsError, match="also an input"):
        job.save(AudioTarget(path=source))


def test_a_source_that_is_gone(make_job, tmp_path):
    job = make_job(source=tmp_path / "gone.wav")
    assert job.source_s is None
    with pytest.raises(AudioFileError):
        list(job.run())
    assert not (tmp_path / "out.wav").exists()


def test_decoded_tokens_replace_a_file_with_all_that_is_beside_it(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(
        engine, "detokenize", lambda semantic, global_tokens: np.zeros(320 * len(semantic), np.float32), raising=False
    )
    document = b'{"semantic": [1, 2], "global": [3]}'
    (tmp_path / ".out.wav.narration").write_text("of an interrupted run")
    output = AudioTarget(path=tmp_path / "out.wav", subtype="FLOAT")
    job = DetokenizeJob(engine, DetokenizeRequest(tokens=parse_tokens(document, "x"), output=output))
    decoding, sound, *rest = job.run()
    assert (decoding, rest) == (StepStarted(step="decoding"), [Written(path=output.path), Finished()])
    assert isinstance(sound, AudioChunk)
    assert sound.audio.shape == (640,)
    assert job.duration_s == pytest.approx(0.04)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.wav", "out.wav.json"]
    result = verify_file(output.path)
    assert result.is_intact
    assert result.provenance.metadata.source_sha256 == hashlib.sha256(document).hexdigest()
