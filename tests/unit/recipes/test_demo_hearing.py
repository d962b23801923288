"""Training of the part that hears, in small: it is resumed, and its checkpoint opens."""

from __future__ import annotations

import numpy as np
import pytest

from gpa_mlx.errors import ModelNotFoundError
from gpa_mlx.recipes.demo.domain.phones import LABEL_COUNT
from gpa_mlx.recipes.demo.recordings.hearing_pool import Mix
from gpa_mlx.recipes.demo.recordings.recording import Recording
from gpa_mlx.recipes.demo.teachers.kokoro import SpokenWord, TimedSound
from gpa_mlx.recipes.demo.training.hearing import HearingRecipe, open_hearing, train_hearing
from gpa_mlx.train.audio_tokenizers.glm_training import GLMTrainingConfig
from gpa_mlx.train.audio_tokenizers.training_stage import StageSettings
from tests.support.toy_demo import TINY

pytestmark = pytest.mark.slow  # not part of `make fast`


def recipe(steps):
    stage = StageSettings(steps=steps, log_steps=1, checkpoint_steps=1)
    return HearingRecipe(
        sizes=TINY,
        batch_size=2,
        mix=Mix(whole={"kokoro": 0.8}, spliced=0.2, silent=0.1),
        glm=GLMTrainingConfig(label_count=LABEL_COUNT, stage=stage),
    )


def recording():
    samples = np.random.default_rng(0).integers(-9000, 9000, 8000).astype(np.int16)
    words = (SpokenWord("go", (TimedSound("ɡ", 0, 2000), TimedSound("O", 2000, 8000))),)
    return Recording(samples=samples, groups=(("go",),), voice="ann", origin="kokoro", words=words)


def test_it_is_trained_resumed_and_opened(tmp_path):
    with pytest.raises(ModelNotFoundError, match="no checkpoint"):
        open_hearing(tmp_path, recipe(3))
    train_hearing(tmp_path, [recording()], [], recipe(2))
    before = (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()
    train_hearing(tmp_path, [recording()], [], recipe(3))
    after = (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert after[:2] == before
    assert len(after) == 3
    _, args, features, step = open_hearing(tmp_path, recipe(3))
    assert step == 3
    assert args.codebook_size == TINY.glm_codes
    assert features.n_mels == 64
