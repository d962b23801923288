"""Training of the half that hears, in small: it is resumed, and what comes out transcribes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import gpa_mlx
from gpa_mlx.errors import ModelNotFoundError
from gpa_mlx.recipes.demo.domain.lexicon import WORDS
from gpa_mlx.recipes.demo.domain.phones import LABEL_COUNT
from gpa_mlx.recipes.demo.recordings.hearing_pool import Mix
from gpa_mlx.recipes.demo.recordings.recording import Recording
from gpa_mlx.recipes.demo.teachers.kokoro import SpokenWord, TimedSound
from gpa_mlx.recipes.demo.training.hearing import HearingHalf, HearingRecipe
from gpa_mlx.store.manifest import read_manifest, verify_files
from gpa_mlx.train.audio_tokenizers.codec_stages import SpeakerConfig, TokensConfig
from gpa_mlx.train.audio_tokenizers.glm_training import GLMTrainingConfig
from gpa_mlx.train.audio_tokenizers.training_stage import StageSettings
from gpa_mlx.train.language_model.training_run import FitConfig
from tests.support.toy_demo import TINY

pytestmark = pytest.mark.slow  # not part of `make fast`


def stage(steps):
    return StageSettings(steps=steps, log_steps=1, checkpoint_steps=1)


RECIPE = HearingRecipe(
    sizes=TINY,
    batch_size=2,
    mix=Mix(whole={"kokoro": 0.8}, spliced=0.2, silent=0.1),
    glm=GLMTrainingConfig(label_count=LABEL_COUNT, stage=stage(2)),
    speaker=SpeakerConfig(stage=stage(1)),
    tokens=TokensConfig(stage=stage(1)),
    examples=4,
    lm=FitConfig(steps=2, learning_rate=1e-3, batch_tokens=512),
)


def recording():
    samples = np.random.default_rng(0).integers(-9000, 9000, 8000).astype(np.int16)
    words = (SpokenWord("go", (TimedSound("ɡ", 0, 2000), TimedSound("O", 2000, 8000))),)
    return Recording(samples=samples, groups=(("go",),), voice="ann", origin="kokoro", words=words)


def half(folder, recipe=RECIPE):
    return HearingHalf(recipe, folder, [recording()], [])


def log(folder):
    return (folder / "glm" / "log.jsonl").read_text(encoding="utf-8").splitlines()


def test_a_stage_is_resumed(tmp_path):
    half(tmp_path).train_glm()
    before = log(tmp_path)
    half(tmp_path, replace(RECIPE, glm=replace(RECIPE.glm, stage=stage(3)))).train_glm()
    assert len(before) == 2
    assert log(tmp_path)[:2] == before
    assert len(log(tmp_path)) == 3


def test_what_the_tokenizer_hears_can_be_looked_at_while_it_learns(tmp_path):
    with pytest.raises(ModelNotFoundError, match="no checkpoint"):
        half(tmp_path).open_glm()
    half(tmp_path).train_glm()
    opened = half(tmp_path)
    model, step = opened.open_glm()
    assert step == 2
    labels = opened.labels(model, recording().wave)
    assert labels.shape == (28,)  # seven codes
    assert 0 <= labels.min() <= labels.max() < LABEL_COUNT


def test_the_model_transcribes_words_of_the_domain(tmp_path):
    stages = []
    model = half(tmp_path).train(stages.append)
    assert len(stages) == 4
    assert read_manifest(model).words == WORDS
    assert verify_files(model) == []
    with gpa_mlx.load(model) as gpa:
        gpa.transcribe((recording().wave, 16_000))
    weights = (model / "model.safetensors").read_bytes()
    assert half(tmp_path).train() == model
    assert (model / "model.safetensors").read_bytes() == weights
