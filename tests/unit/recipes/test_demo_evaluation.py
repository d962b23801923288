"""The evaluation: what it counts, shown with engines of known ability, and a random model from one end to the other."""

from __future__ import annotations

import importlib.util
import json
import math

import numpy as np
import pytest

from gpa_mlx.errors import NoSpeechError, VoiceError
from gpa_mlx.recipes.demo.evaluation.evaluator import EvaluationSettings, Evaluator, evaluate
from gpa_mlx.recipes.demo.evaluation.references import reference_recording
from gpa_mlx.recipes.demo.evaluation.scores import WordErrors
from gpa_mlx.store.manifest import read_manifest
from gpa_mlx.types import GenerationOptions, Speech, Timings, Transcription, Voice
from tests.support.toy_demo import PITCH_HZ, pack_random, tones, toy_data, utterance

pytestmark = pytest.mark.slow  # not part of `make fast`

VOICES = list(PITCH_HZ)


class PerfectEngine:
    """Knows what was said in every recording it is given."""

    def __init__(self, data):
        self.texts, self.speakers = {}, {}
        for variant in ("trained", "held_out", "noisy", "non_speech"):
            for recording in data.evaluation_set(variant):
                self.learn(recording.wave, recording.text, recording.voice)
        self.seeds = []

    def learn(self, wave, text, voice):
        self.texts[wave.tobytes()] = text
        self.speakers[wave.tobytes()] = voice

    def default_options(self, task):
        return GenerationOptions()

    def transcribe(self, audio, *, options=None, vad=True):
        return Transcription(text=self.text_of(audio[0], vad), segments=(), finish_reason="stop", timings=Timings())

    def text_of(self, wave, vad):
        return self.texts[wave.tobytes()]

    def make_voice(self, audio, *, name, channels="speech"):
        speaker = self.speakers.get(audio[0].tobytes(), name)
        return Voice(name=name, global_tokens=(VOICES.index(speaker),) * 4)

    def speak(self, text, *, voice, options=None):
        assert options is not None
        self.seeds.append(options.seed)
        return self.say(text, voice.name)

    def convert_voice(self, audio, *, voice, options=None):
        return self.say(self.texts[audio[0].tobytes()], voice.name)

    def say(self, text, voice):
        wave = tones(text, voice)
        self.learn(wave, text, voice)
        return Speech(
            audio=wave,
            sample_rate=16_000,
            codes=np.zeros(1, np.int32),
            finish_reason="stop",
            timings=Timings(),
            seed=0,
        )


class WrongEngine(PerfectEngine):
    """Hears a word too few and one where there is none, and does not change voices."""

    def text_of(self, wave, vad):
        text = self.texts[wave.tobytes()]
        return " ".join(text.split()[1:]) if text else "" if vad else "yes"

    def convert_voice(self, audio, *, voice, options=None):
        return self.say(self.texts[audio[0].tobytes()], self.speakers[audio[0].tobytes()])


class MuteEngine(PerfectEngine):
    """Never says anything."""

    def say(self, text, voice):
        raise NoSpeechError("The model ended without any speech.")


class ExactJudge:
    """A judge that understands the synthesiser's recordings, and nothing else."""

    conditions, limits, voices = "told everything", "none", frozenset({"slt", "rms", "awb", "kal", "slt-small"})

    def __init__(self, data):
        self.texts = {recording.wave.tobytes(): recording.text for recording in data.trained_voices}

    def transcribe(self, wave):
        return self.texts.get(wave.tobytes(), "")


@pytest.fixture(scope="module")
def data():
    return toy_data()


def measured(engine, data, judge=None, **settings):
    evaluator = Evaluator(engine, data, EvaluationSettings(**settings), reference_s=0.5, report=lambda message: None)
    return evaluator.scores({"exact": judge} if judge else {}, parameters=7, size_bytes=8)


def test_word_errors_are_counted_over_all_utterances_together():
    errors = WordErrors.of([("one two three", "one three"), ("go", "go go"), ("yes no", "yes no")])
    assert errors == WordErrors(rate=2 / 6, words=6, utterances=3)
    assert WordErrors.of([]) == WordErrors(rate=0.0, words=0, utterances=0)


def test_a_perfect_engine_makes_no_errors(data):
    engine = PerfectEngine(data)
    scores = measured(engine, data, ExactJudge(data), seed=3)
    assert scores.stt_trained == scores.stt_noisy == WordErrors(rate=0.0, words=30, utterances=15)
    assert scores.stt_held_out_by_voice == {"f2": scores.stt_held_out}
    assert scores.stt_held_out == WordErrors(rate=0.0, words=3, utterances=2)
    assert (scores.stt_non_speech.recordings, scores.stt_non_speech.empty) == (5, 5)
    assert scores.stt_non_speech.empty_without_vad == 5
    assert scores.speak.overall == WordErrors(rate=0.0, words=30, utterances=15)
    assert scores.speak.built_in == WordErrors(rate=0.0, words=24, utterances=12)
    assert set(scores.speak.by_voice) == set(VOICES)
    assert engine.seeds == list(range(3, 18))
    conversion = scores.conversion
    assert conversion.words.rate == 0
    assert (conversion.pitch_closer, conversion.timbre_closer, conversion.codes_closer, conversion.closer) == (1,) * 4
    assert 0 < conversion.pitch_pairs <= 15  # slt-small and f2 are about as high
    assert (scores.speak.without_speech, conversion.without_speech) == (0, 0)
    assert (scores.parameters, scores.size_bytes) == (7, 8)


def test_a_wrong_engine_is_found_out(data):
    scores = measured(WrongEngine(data), data)
    assert scores.stt_trained.rate == scores.stt_noisy.rate == scores.speak.overall.rate == 15 / 30
    assert scores.stt_held_out.rate == 2 / 3
    assert (scores.stt_non_speech.empty, scores.stt_non_speech.empty_without_vad) == (5, 0)
    conversion = scores.conversion
    assert (conversion.pitch_closer, conversion.timbre_closer, conversion.codes_closer, conversion.closer) == (0,) * 4


def test_silence_counts_as_errors_and_as_no_conversion(data):
    scores = measured(MuteEngine(data), data, ExactJudge(data))
    assert scores.speak.overall.rate == scores.conversion.words.rate == 1
    assert (scores.speak.without_speech, scores.conversion.without_speech) == (15, 15)
    assert (scores.conversion.closer, scores.conversion.codes_closer) == (0, 0)
    judged = scores.judges["exact"]
    assert (judged.spoken.rate, judged.original.rate, judged.difference) == (1, 0, 1)
    assert judged.spoken.utterances == 12  # the espeak voice is not judged


def test_other_errors_are_not_taken_for_silence(data):
    class Broken(PerfectEngine):
        def say(self, text, voice):
            raise VoiceError("broken")

    with pytest.raises(VoiceError):
        measured(Broken(data), data)


def test_of_fewer_recordings_each_voice_has_its_share(data):
    scores = measured(PerfectEngine(data), data, trained=5, held_out=1, noisy=3, non_speech=2, spoken=5, converted=2)
    assert (scores.stt_trained.utterances, scores.stt_noisy.utterances, scores.stt_held_out.utterances) == (5, 3, 1)
    assert scores.stt_non_speech.recordings == 2
    assert len(scores.speak.by_voice) == 5
    assert scores.conversion.words.utterances == 2


def test_without_a_judge_there_is_no_figure(data):
    assert measured(PerfectEngine(data), data).judges == {}


def test_voices_are_made_from_training_recordings_of_the_wanted_length(data):
    longest = utterance("stop go one", "rms").wave
    np.testing.assert_array_equal(reference_recording(data.training, "rms", 1.0), longest)
    both = reference_recording(data.training, "rms", 2.0)
    np.testing.assert_array_equal(both, np.concatenate([longest, utterance("yes no", "rms").wave]))


def test_a_random_model_gives_finite_figures_twice_the_same(data, tmp_path):
    model = pack_random(tmp_path / "model")
    settings = EvaluationSettings(trained=2, held_out=2, noisy=2, non_speech=3, spoken=2, converted=2, max_tokens=20)
    reports = []
    scores = evaluate(model, data, settings, reports.append)
    assert len(reports) >= 6
    manifest = read_manifest(model)
    assert scores.size_bytes == sum(info.size for info in manifest.files.values())
    assert scores.parameters == sum(part.parameters for part in manifest.parts.values())
    document = scores.as_dict()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert math.isfinite(scores.speak.overall.rate)
    assert (not scores.judges) == (importlib.util.find_spec("pocketsphinx") is None)
    assert evaluate(model, data, settings) == scores
