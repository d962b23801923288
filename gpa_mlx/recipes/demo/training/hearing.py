"""Training of the next demo model's GLM tokenizer, which hears, on people and natural voices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from gpa_mlx.errors import ModelNotFoundError
from gpa_mlx.nn.whisper_vq import WhisperVQ, WhisperVQArgs
from gpa_mlx.recipes.demo.domain.phones import LABEL_COUNT
from gpa_mlx.recipes.demo.recordings.acoustics import Acoustics
from gpa_mlx.recipes.demo.recordings.hearing_pool import HearingPool, Mix
from gpa_mlx.recipes.demo.recordings.recording import Recording
from gpa_mlx.recipes.demo.training.hearing_source import hearing_source
from gpa_mlx.recipes.demo.training.recipe import Sizes, glm_config, log_mel_config
from gpa_mlx.runtime.backend import mx
from gpa_mlx.tokenizers.glm import LogMelArgs
from gpa_mlx.train.audio_tokenizers.glm_training import GLMTrainingConfig, GLMTrainingModel, train_glm
from gpa_mlx.train.audio_tokenizers.quantizers import CodebookSettings
from gpa_mlx.train.audio_tokenizers.training_stage import StageSettings
from gpa_mlx.train.training_state import load_state
from gpa_mlx.types import Waveform

_MODEL = "model."


@dataclass(frozen=True, slots=True, kw_only=True)
class HearingRecipe:
    """How the tokenizer is trained; the same on the CPU, CUDA and Metal.

    Attributes:
        seed: Of the weights and the examples.
        sizes: Of the network: width, layers and codes of the GLM tokenizer count.
        batch_size: Examples of a step.
        mix: What they are.
        acoustics: What happens to them.
        glm: Lengths, rates and losses.
    """

    seed: int = 0
    sizes: Sizes = field(default_factory=lambda: Sizes(glm_codes=512))
    batch_size: int = 16
    mix: Mix = field(
        default_factory=lambda: Mix(
            whole={"kokoro": 0.3, "people": 0.25, "old engines": 0.15}, spliced=0.25, silent=0.05
        )
    )
    acoustics: Acoustics = field(default_factory=Acoustics)
    glm: GLMTrainingConfig = field(
        default_factory=lambda: GLMTrainingConfig(
            label_count=LABEL_COUNT,
            stage=StageSettings(steps=6000, learning_rate=1.5e-3, warmup_steps=100),
            codebook=CodebookSettings(bypass_steps=600),
        )
    )


def train_hearing(
    directory: Path, recordings: Iterable[Recording], backgrounds: list[Waveform], recipe: HearingRecipe
) -> None:
    """Train the tokenizer, or go on with it.

    Args:
        directory: Of checkpoints, log and plot.
        recordings: To learn from; the same ones give the same tokenizer, if the run is continued with them, too.
        backgrounds: Recorded noises.
        recipe: How; must stay the same when a run is continued.

    Raises:
        GPAError: espeak-ng is missing, or the training diverged.
    """
    network, args, features = _new(recipe)
    pool = HearingPool(recordings, backgrounds, recipe.mix, recipe.acoustics)
    train_glm(network, args, features, recipe.glm, hearing_source(pool, recipe.batch_size, seed=recipe.seed), directory)


def open_hearing(directory: Path, recipe: HearingRecipe) -> tuple[GLMTrainingModel, WhisperVQArgs, LogMelArgs, int]:
    """Open the newest checkpoint.

    Returns:
        The tokenizer with its head, its sizes, its features, and how many steps it was trained for.

    Raises:
        ModelNotFoundError: There is none.
        ModelFormatError: It is damaged.
    """
    found = load_state(directory)
    if found is None:
        raise ModelNotFoundError(f"{directory} holds no checkpoint.", hint="Train first.")
    step, arrays, _ = found
    network, args, features = _new(recipe)
    model = GLMTrainingModel(network, args, recipe.glm)
    model.load_weights([(name.removeprefix(_MODEL), a) for name, a in arrays.items() if name.startswith(_MODEL)])
    return model, args, features, step


def _new(recipe: HearingRecipe) -> tuple[WhisperVQ, WhisperVQArgs, LogMelArgs]:
    mx.random.seed(recipe.seed)
    args = WhisperVQArgs.from_dict(glm_config(recipe.sizes), "glm_tokenizer/config.json")
    features = LogMelArgs.from_dict(log_mel_config(recipe.sizes), "glm_tokenizer/preprocessor_config.json")
    return WhisperVQ(args), args, features
