"""Enrolment with the demo model: which part is taken, what is recorded of it, and how like the voice its speech is."""

from __future__ import annotations

import hashlib
from datetime import date

import numpy as np
import pytest
import soundfile

import gpa_mlx
from gpa_mlx.audio.files.reader import load_recording
from gpa_mlx.errors import CancelledError, InputTooLongError, ModelFormatError, NoSpeechError, VoiceError
from gpa_mlx.jobs.enroll import EnrollJob, EnrollRequest, keep_voice
from gpa_mlx.jobs.events import AudioChunk, StepStarted
from gpa_mlx.jobs.reference_clip import warnings_of
from gpa_mlx.jobs.voice_probe import PROBE_TEXT, SampleJob, Similarity, probe_text, probe_voice, reference_s, similarity
from gpa_mlx.model import demo
from gpa_mlx.runtime.cancellation import CancelScope, cancellable
from gpa_mlx.store.manifest import read_manifest
from gpa_mlx.types import Voice
from gpa_mlx.voices.library import VoiceLibrary
from gpa_mlx.voices.quality import ClipQuality

RATE = 16_000


def enroll(engine, recordings, name, on_step=None, **choices):
    """Run the job to its end."""
    job = EnrollJob(engine, EnrollRequest(recordings=recordings, name=name, **choices))
    for event in job.run():
        if on_step is not None and isinstance(event, StepStarted):
            on_step(event.step)
    return job.result


@pytest.fixture(scope="module")
def engine():
    with gpa_mlx.load(demo.demo_model()) as engine:
        yield engine


@pytest.fixture(scope="module")
def sample():
    """The bundled recording of a voice by its name."""
    return {sample.voice: sample.file for sample in demo.demo_samples()}.__getitem__


@pytest.fixture(scope="module")
def samples(sample):
    """The same as samples."""
    return lambda voice: load_recording(sample(voice)).first_channel


def test_a_model_says_how_much_it_hears_open_or_not(engine, tmp_path):
    assert engine.reference_s == reference_s(engine.path) == 2
    with pytest.raises(ModelFormatError, match=r"config\.json"):
        reference_s(tmp_path)


@pytest.mark.slow
def test_a_short_clip_is_taken_as_a_whole(engine, sample):
    steps = []
    found = enroll(engine, [sample("rms")], "anna", consent="I may.", description="A man.", on_step=steps.append)
    family = read_manifest(demo.demo_model()).model_family
    duration_s = load_recording(sample("rms")).duration_s
    assert found.is_whole
    assert found.voice.global_tokens == engine.make_voice(sample("rms"), name="x").global_tokens
    assert (found.voice.name, found.voice.family, found.voice.description) == ("anna", family, "A man.")
    origin = found.voice.origin
    assert origin is not None
    assert origin.source_sha256 == hashlib.sha256(sample("rms").read_bytes()).hexdigest()
    assert (origin.start_s, origin.end_s) == (0, pytest.approx(duration_s, abs=0.006))
    assert (origin.made_on, origin.consent) == (date.today().isoformat(), "I may.")
    assert found.warnings == ()
    assert steps == [f"judging {sample('rms')}", "making the voice", "speaking with the voice"]


@pytest.mark.slow
@pytest.mark.parametrize("voice", ["rms", "awb", "slt", "slt-small", "f2", "benjamin"])
def test_the_model_speaks_with_the_new_voice(engine, sample, voice):
    probe = enroll(engine, [sample(voice)], voice).probe
    assert probe is not None
    assert probe.problem == ""
    assert probe.similarity is not None
    assert engine.transcribe((probe.speech.audio, probe.speech.sample_rate)).text == probe.text
    assert probe.similarity.levels > 0.8


def test_the_best_part_of_a_long_clip_is_taken(engine, samples, tmp_path):
    """The recording begins with another speaker in noise, and ends with silence."""
    good = np.tile(samples("rms"), 4)
    bad = np.tile(samples("awb"), 3)
    bad = bad + np.random.default_rng(0).normal(0, 0.05, len(bad))
    path = tmp_path / "long.wav"
    soundfile.write(path, np.concatenate([bad, good, np.zeros(2 * RATE)]), RATE)
    found = enroll(engine, [path], "anna", probe=False)
    assert found.probe is None
    assert not found.is_whole
    assert len(bad) / RATE - 0.3 < found.window.start_s < found.window.end_s < (len(bad) + len(good)) / RATE + 0.5
    levels = (4, 4, 4, 4)
    rms, awb = ({voice.name: voice for voice in demo.demo_voices()}[name].global_tokens for name in ("rms", "awb"))
    assert similarity(found.voice.global_tokens, rms, levels).levels > 0.9
    assert found.voice.origin.start_s == pytest.approx(found.window.start_s, abs=0.006)

    whole = enroll(engine, [path], "anna", whole=True, probe=False)
    assert (whole.window.start_s, whole.window.end_s) == (0, 2)
    assert whole.voice.global_tokens == engine.make_voice(path, name="anna").global_tokens
    assert (
        similarity(whole.voice.global_tokens, awb, levels).levels
        > similarity(whole.voice.global_tokens, rms, levels).levels
    )


def test_the_best_of_several_clips_is_taken(engine, sample, samples, tmp_path):
    noisy = tmp_path / "noisy.wav"
    loud = samples("rms") + np.random.default_rng(0).normal(0, 0.03, len(samples("rms")))
    soundfile.write(noisy, loud, RATE)
    found = enroll(engine, [noisy, sample("rms"), noisy], "anna", probe=False)
    assert found.source == sample("rms")
    assert found.voice.global_tokens == engine.make_voice(sample("rms"), name="x").global_tokens


def test_of_two_clean_clips_the_longer_one_is_taken(engine, sample, samples, tmp_path):
    short = tmp_path / "short.wav"
    soundfile.write(short, samples("rms")[: RATE // 2 + RATE // 4], RATE)
    assert enroll(engine, [short, sample("rms")], "anna", probe=False).source == sample("rms")


def test_what_was_just_recorded_has_a_hash_too(engine, samples):
    clip = samples("rms").astype(np.float32)
    found = enroll(engine, [(clip, RATE)], "anna", probe=False)
    assert found.voice.origin.source_sha256 == hashlib.sha256(clip.tobytes()).hexdigest()


def test_a_voice_is_kept_with_its_name_and_consent(engine, sample, tmp_path, monkeypatch):
    monkeypatch.setattr("gpa_mlx.store.paths.voices_dir", lambda: tmp_path)
    made = enroll(engine, [sample("rms")], "new", probe=False).voice
    kept = keep_voice(made, "anna", "I may.")
    assert (kept.name, kept.origin.consent, kept.global_tokens) == ("anna", "I may.", made.global_tokens)
    assert VoiceLibrary().get("anna") == kept
    with pytest.raises(VoiceError, match="already"):
        keep_voice(made, "Anna", "I may.")
    with pytest.raises(VoiceError, match="built-in"):
        keep_voice(made, "rms", "I may.")


def test_recordings_without_speech_are_refused(engine, tmp_path):
    path = tmp_path / "noise.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 3 * RATE), RATE)
    with pytest.raises(VoiceError, match=r"No speech was heard in .*noise\.wav\.") as caught:
        enroll(engine, [path], "anna")
    assert "--whole" in caught.value.hint
    with pytest.raises(VoiceError, match=r"No speech was heard in any of the 2 recordings"):
        enroll(engine, [path, path], "anna")
    assert enroll(engine, [path], "anna", whole=True, probe=False).voice.global_tokens
    soundfile.write(path, np.zeros(3 * RATE), RATE)
    with pytest.raises(VoiceError, match="silent"):
        enroll(engine, [path], "anna", whole=True)


def test_too_long_a_recording_is_refused(engine, sample, monkeypatch):
    monkeypatch.setattr("gpa_mlx.jobs.reference_clip.MAX_CLIP_S", 1.0)
    with pytest.raises(InputTooLongError):
        enroll(engine, [sample("rms")], "anna")


def test_it_can_be_cancelled(engine, sample):
    scope = CancelScope()
    with cancellable(scope), pytest.raises(CancelledError):
        enroll(engine, [sample("rms")] * 3, "anna", on_step=lambda step: scope.cancel())


@pytest.mark.slow
@pytest.mark.parametrize("error", [NoSpeechError("Nothing was said."), None])
def test_a_probe_that_fails_does_not_cost_the_voice(engine, sample, monkeypatch, error):
    def speak(*arguments, **options):
        if error:
            raise error
        spoken = gpa_mlx.GPA.speak(engine, *arguments, **options)
        from dataclasses import replace

        return replace(spoken, audio=spoken.audio[:100])

    monkeypatch.setattr(engine, "speak", speak, raising=False)
    found = enroll(engine, [sample("rms")], "anna")
    assert found.voice.name == "anna"
    assert found.probe.similarity is None
    assert (found.probe.speech is None) == (error is not None)
    assert found.probe.problem.startswith(
        "Nothing was said." if error else "The recording for the voice is 0.01 s long"
    )


@pytest.mark.slow
def test_the_probe_is_the_same_each_time(engine, sample):
    voice = enroll(engine, [sample("awb")], "anna", probe=False).voice
    first, second = probe_voice(engine, voice), probe_voice(engine, voice)
    assert (first.text, first.similarity, first.problem) == (second.text, second.similarity, second.problem)
    assert np.array_equal(first.speech.audio, second.speech.audio)


@pytest.mark.slow
def test_a_sample_is_what_was_measured_or_any_other_text(engine, sample):
    voice = enroll(engine, [sample("awb")], "anna", probe=False).voice
    job = SampleJob(engine, voice)
    events = list(job.run())
    assert job.text == probe_text(voice.family)
    assert np.array_equal(job.audio, probe_voice(engine, voice).speech.audio)
    assert sum(len(event.audio) for event in events if isinstance(event, AudioChunk)) == len(job.audio)
    assert job.duration_s == len(job.audio) / 16_000
    other = SampleJob(engine, sample("awb"), "yes")
    list(other.run())
    assert other.text == "yes"
    assert other.voice.global_tokens == engine.make_voice(sample("awb"), name="x").global_tokens


def test_the_probe_text_fits_the_model(monkeypatch, tmp_path):
    family = read_manifest(demo.demo_model()).model_family
    assert set(probe_text(family).split()) <= {"one", "two", "three", "go"}
    assert probe_text("bicodec-other") == PROBE_TEXT
    monkeypatch.setattr(demo, "_DATA", tmp_path)
    assert probe_text(family) == PROBE_TEXT


def test_similarity_counts_levels():
    levels = (4, 2)
    assert similarity([5, 0], [5, 0], levels) == Similarity(equal_codes=1.0, levels=1.0)
    assert similarity([0], [7], levels) == Similarity(equal_codes=0.0, levels=0.0)
    assert similarity([0], [4], levels) == Similarity(equal_codes=0.0, levels=0.5)
    assert similarity([0, 3], [1, 3], levels) == Similarity(equal_codes=0.5, levels=pytest.approx(1 - 1 / 12))


def test_codes_drawn_at_random_agree_by_chance():
    rng = np.random.default_rng(0)
    found = similarity(rng.integers(0, 4096, 20_000).tolist(), rng.integers(0, 4096, 20_000).tolist(), (4,) * 6)
    assert found.levels == pytest.approx(0.58, abs=0.01)


GOOD = {"snr_db": 40.0, "clipping_share": 0.0, "voicing_share": 0.6, "tone_bed_db": -50.0, "speech_share": 0.8}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"snr_db": 9.0}, "noisy: the speech is only 9 dB"),
        ({"clipping_share": 0.031}, "clipped: 3.1%"),
        ({"tone_bed_db": -12.0}, "music or hum under the speech, at -12 dB"),
        ({"speech_share": 0.2}, "speech in only 20%"),
        ({"voicing_share": 0.1}, "whispered"),
    ],
)
def test_what_a_listener_would_complain_about_is_said(change, words):
    assert warnings_of(ClipQuality(**GOOD, total=90.0)) == ()
    (warning,) = warnings_of(ClipQuality(**{**GOOD, **change}, total=90.0))
    assert words in warning


def test_a_voice_of_another_model_cannot_be_probed(engine):
    with pytest.raises(VoiceError, match="does not fit"):
        probe_voice(engine, Voice(name="x", global_tokens=(1, 2)))
