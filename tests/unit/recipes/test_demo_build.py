"""The whole way from recordings to a model, at a size that says nothing about quality."""

from __future__ import annotations

import shutil
from functools import partial

import pytest

import gpa_mlx
from gpa_mlx.recipes.demo.data.dataset import DemoData
from gpa_mlx.recipes.demo.data.non_speech import non_speech
from gpa_mlx.recipes.demo.data.plan import DemoDataConfig
from gpa_mlx.recipes.demo.data.synthesis import synthesise
from gpa_mlx.recipes.demo.data.synthetic_voices import VOICES
from gpa_mlx.recipes.demo.data.utterances import of_speech
from gpa_mlx.recipes.demo.training.build import build_demo, progress
from gpa_mlx.recipes.demo.training.recipe import LABEL_COUNT, DemoRecipe, Sizes
from gpa_mlx.store.manifest import verify_files
from gpa_mlx.train.audio_tokenizers.codec_stages import GeneratorConfig, SpeakerConfig, TokensConfig
from gpa_mlx.train.audio_tokenizers.glm_training import GLMTrainingConfig
from gpa_mlx.train.audio_tokenizers.quantizers import CodebookSettings
from gpa_mlx.train.audio_tokenizers.training_stage import StageSettings
from gpa_mlx.train.language_model.alignment_loss import AlignmentLossConfig
from gpa_mlx.train.language_model.training_run import FitConfig
from gpa_mlx.train.log import TrainingLog
from gpa_mlx.types import GenerationOptions

pytestmark = [
    pytest.mark.skipif(
        not (shutil.which("espeak-ng") and shutil.which("flite")), reason="espeak-ng or flite is not installed"
    ),
    pytest.mark.slow,
]


def settings(steps):
    return StageSettings(steps=steps, warmup_steps=1, log_steps=1, checkpoint_steps=2)


@pytest.fixture(scope="module")
def data():
    sentences = [("yes",), ("stop", "go"), ("one", "two")]
    speech = [
        of_speech(synthesise(VOICES[name], words, "steady", seed=0), words, name, "steady")
        for name in ("slt", "rms")
        for words in sentences
    ]
    training = (*speech, *non_speech(2, seed=0))
    understood = of_speech(synthesise(VOICES["kal"], ("one", "two"), "loose", seed=0), ("one", "two"), "kal", "loose")
    synthetic = (*(utterance for utterance in speech if len(utterance.words) > 1), understood)
    return DemoData(
        config=DemoDataConfig(), training=training, synthetic_speech=synthetic, trained_voices=(), held_out_voices=()
    )


def given(data):
    return data


def recipe(lm_steps):
    return DemoRecipe(
        sizes=Sizes(
            glm_dims=32,
            glm_layers=1,
            glm_codes=32,
            feature_dims=32,
            feature_layers=2,
            codec_dims=16,
            latent_dims=16,
            semantic_codes=32,
            generator_channels=16,
            lm_dims=32,
            lm_layers=1,
        ),
        batch_size=4,
        glm=GLMTrainingConfig(label_count=LABEL_COUNT, stage=settings(4), codebook=CodebookSettings(bypass_steps=1)),
        speaker=SpeakerConfig(stage=settings(2)),
        tokens=TokensConfig(stage=settings(4)),
        prenet=settings(2),
        generator=GeneratorConfig(stage=settings(2)),
        fine_tuning=GeneratorConfig(stage=settings(2)),
        final_tuning=GeneratorConfig(stage=settings(2)),
        codebook=CodebookSettings(bypass_steps=1),
        lm=FitConfig(steps=lm_steps, learning_rate=1e-3, batch_tokens=512, history_noise=0.5),
        lm_synthetic=FitConfig(steps=2, learning_rate=1e-3, batch_tokens=512, history_noise=0.5),
        lm_final=FitConfig(steps=2, learning_rate=1e-3, batch_tokens=512, history_noise=0.5),
        alignment=AlignmentLossConfig(vocabulary_size=20, max_words=4, index_layer=1, word_layer=1),
        stt_copies=2,
        tts_copies=2,
        vc_pairs=4,
        synthetic_vc_pairs=2,
    )


@pytest.fixture(scope="module")
def built(data, tmp_path_factory):
    """A model, and what was reported while it was built."""
    reports = []
    model = build_demo(tmp_path_factory.mktemp("built"), recipe(3), partial(given, data), report=reports.append)
    return model, reports


def test_all_stages_end_in_a_model_that_runs_every_task_and_is_not_trained_twice(data, built):
    model, reports = built
    stages = [line for line in reports if "loss" not in line]
    assert stages == ["tokenizers", "language model and decoder"]
    assert verify_files(model) == []
    clip = data.training[2].wave, 16_000
    with gpa_mlx.load(model) as gpa:
        voice = gpa.make_voice(clip, name="slt")
        options = GenerationOptions(max_tokens=8, temperature=1.0, seed=1)
        assert len(gpa.speak("yes", voice=voice, options=options).codes) > 0
        gpa.convert_voice(clip, voice=voice, options=options)
        assert gpa.transcribe(clip, vad=False).finish_reason in ("stop", "length", "loop")
    logs = {path: path.read_bytes() for path in model.parent.rglob("log.jsonl")}
    assert len(logs) == 11
    before = (model / "model.safetensors").read_bytes()
    build_demo(model.parent, recipe(3), partial(given, data))
    assert {path: path.read_bytes() for path in logs} == logs
    assert (model / "model.safetensors").read_bytes() == before


def test_progress_tells_of_what_has_begun_and_not_ended(tmp_path):
    assert progress(tmp_path, recipe(3)) == ""
    TrainingLog(tmp_path / "lm").write(2, loss=1.5)
    TrainingLog(tmp_path / "glm").write(4, loss=1.0)
    synthetic = TrainingLog(tmp_path / "synthetic")
    synthetic.write(50, total=100)
    assert progress(tmp_path, recipe(3)) == "lm 2/3, loss 1.500; synthetic data 50/100"
    synthetic.write(100, total=100)
    assert progress(tmp_path, recipe(3)) == "lm 2/3, loss 1.500"


def test_the_seed_decides_everything(data, built, tmp_path):
    first, _ = built
    second = build_demo(tmp_path, recipe(3), partial(given, data))
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert len(files) > 5
    for file in files:
        assert (first / file).read_bytes() == (second / file).read_bytes(), file
