"""The half of the next demo model that hears: both tokenizers and the language model, on people and natural voices."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from gpa_mlx.errors import ModelNotFoundError
from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.nn.bicodec.autoencoder import BiCodec
from gpa_mlx.nn.bicodec.config import BiCodecArgs
from gpa_mlx.nn.qwen3 import Qwen3, Qwen3Args
from gpa_mlx.nn.wav2vec2 import Wav2Vec2, Wav2Vec2Args
from gpa_mlx.nn.whisper_vq import WhisperVQ, WhisperVQArgs
from gpa_mlx.recipes.demo.domain.lexicon import WORDS
from gpa_mlx.recipes.demo.domain.phones import LABEL_COUNT
from gpa_mlx.recipes.demo.recordings.acoustics import Acoustics
from gpa_mlx.recipes.demo.recordings.hearing_pool import HearingPool, Mix
from gpa_mlx.recipes.demo.recordings.recording import Recording
from gpa_mlx.recipes.demo.training.examples import load_examples, save_examples
from gpa_mlx.recipes.demo.training.hearing_source import VOICE_CLASSES, hearing_source
from gpa_mlx.recipes.demo.training.pack import PackedPart, pack
from gpa_mlx.recipes.demo.training.recipe import (
    Sizes,
    bicodec_config,
    glm_config,
    lm_config,
    log_mel_config,
    wav2vec2_config,
)
from gpa_mlx.recipes.demo.training.tokenizer_file import write_tokenizer
from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.tokenizers.bicodec import bicodec_waveform
from gpa_mlx.tokenizers.glm import LogMelArgs
from gpa_mlx.tokenizers.text import TextTokenizer
from gpa_mlx.train.audio_tokenizers.codec_stages import SpeakerConfig, TokensConfig, train_speaker, train_tokens
from gpa_mlx.train.audio_tokenizers.codec_training_model import CodecTrainingModel, HeadSizes
from gpa_mlx.train.audio_tokenizers.glm_training import GLMTrainingConfig, GLMTrainingModel, glm_features, train_glm
from gpa_mlx.train.audio_tokenizers.labelled_audio import AudioBatch
from gpa_mlx.train.audio_tokenizers.quantizers import CodebookSettings
from gpa_mlx.train.audio_tokenizers.training_stage import StageSettings
from gpa_mlx.train.language_model.corpus import Example, example_of
from gpa_mlx.train.language_model.fit import CHECKPOINTS, fit
from gpa_mlx.train.language_model.training_run import FitConfig
from gpa_mlx.train.training_state import has_state, load_state
from gpa_mlx.types import Waveform

M = TypeVar("M", bound=nn.Module)

NAME = "gpa-mlx-demo-hearing"
ORIGIN = "trained from scratch by `gpa-mlx train demo --people` on people, Kokoro, flite and espeak-ng"

_MODEL = "model."
_NETWORKS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class HearingRecipe:
    """Everything that decides what the half becomes; the same on the CPU, CUDA and Metal.

    Attributes:
        seed: Of weights and examples.
        sizes: How large the model is.
        batch_size: Examples of a step of the tokenizers.
        mix: What they are.
        acoustics: What happens to them.
        glm: The GLM tokenizer.
        speaker: The codec's first stage.
        tokens: Its second: semantic tokens that say what was said, whatever was heard beside it.
        codebook: How the semantic codebook is trained.
        examples: Recordings the language model learns to write down.
        lm: How it learns.
    """

    seed: int = 0
    sizes: Sizes = field(default_factory=lambda: Sizes(glm_codes=512, semantic_codes=512, lm_dims=192, lm_layers=5))
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
    speaker: SpeakerConfig = field(
        default_factory=lambda: SpeakerConfig(stage=StageSettings(steps=800, learning_rate=2e-3))
    )
    tokens: TokensConfig = field(default_factory=lambda: TokensConfig(stage=StageSettings(steps=4000)))
    codebook: CodebookSettings = field(default_factory=lambda: CodebookSettings(bypass_steps=400))
    examples: int = 24_000
    lm: FitConfig = field(
        default_factory=lambda: FitConfig(steps=6000, learning_rate=1.5e-3, warmup_steps=200, batch_tokens=2048)
    )


class HearingHalf:
    """The networks; every method trains, resumes or finds done its stage.

    Args:
        recipe: How; must stay the same when a run is continued.
        directory: Gets checkpoints and logs of every stage, the tokenizer, examples, and the model.
        recordings: To learn from; a run that is continued with more of them learns from these, too.
        backgrounds: Recorded noises.
        loaders: Threads that make examples beside the training; the result does not depend on it.

    Raises:
        GPAError: espeak-ng, which tells how words are said, is missing or fails.
    """

    def __init__(
        self,
        recipe: HearingRecipe,
        directory: Path,
        recordings: Iterable[Recording],
        backgrounds: Sequence[Waveform],
        *,
        loaders: int = 1,
    ) -> None:
        self._recipe = recipe
        self._loaders = loaders
        self._directory = directory
        sizes = recipe.sizes
        self._pool = HearingPool(recordings := list(recordings), backgrounds, recipe.mix, recipe.acoustics)
        alone = replace(recipe.mix, spliced=0.0, silent=0.0)
        self._single_voices = HearingPool(recordings, backgrounds, alone, recipe.acoustics)
        self._glm_args = WhisperVQArgs.from_dict(glm_config(sizes), "glm_tokenizer/config.json")
        self._log_mel = LogMelArgs.from_dict(log_mel_config(sizes), "glm_tokenizer/preprocessor_config.json")
        self._bicodec_args = BiCodecArgs.from_dict(bicodec_config(sizes), "bicodec/config.json")
        directory.mkdir(parents=True, exist_ok=True)
        self._tokenizer = directory / "tokenizer.json"
        write_tokenizer(
            self._tokenizer,
            words=WORDS,
            glm_codes=sizes.glm_codes,
            global_codes=self._bicodec_args.speaker_encoder.codebook_size,
            semantic_codes=sizes.semantic_codes,
        )
        added = TextTokenizer.from_file(self._tokenizer).added_tokens()
        self._lm_config = lm_config(sizes, max(added.values()) + 1, added["<|endoftext|>"])
        features = Wav2Vec2Args.from_dict(wav2vec2_config(sizes), "wav2vec2/config.json")
        self._glm = self._new(0, lambda: WhisperVQ(self._glm_args))
        self._wav2vec2 = self._new(1, lambda: Wav2Vec2(features))
        self._codec = self._new(2, lambda: BiCodec(self._bicodec_args))
        self._lm = self._new(3, lambda: Qwen3(Qwen3Args.from_dict(self._lm_config, "config.json")))

    def train(self, report: Callable[[str], None] = lambda line: None) -> Path:
        """Train everything, and return the directory of the model, which transcribes and nothing else.

        Args:
            report: Told which stage begins.

        Raises:
            GPAError: A stage diverged.
        """
        report("GLM tokenizer")
        self.train_glm()
        report("semantic tokens")
        self.train_tokens()
        model = self._directory / NAME
        self.pack(model)
        report("examples for the language model")
        examples = self.examples(model)
        report("language model")
        self.train_lm(examples)
        self.pack(model)
        return model

    def train_glm(self) -> None:
        """Train the GLM tokenizer, on phones and other speech."""
        recipe = self._recipe
        mx.random.seed(recipe.seed)
        source = hearing_source(self._pool, recipe.batch_size, seed=recipe.seed, loaders=self._loaders)
        train_glm(self._glm, self._glm_args, self._log_mel, recipe.glm, source, self._directory / "glm")

    def open_glm(self) -> tuple[GLMTrainingModel, int]:
        """Return the GLM tokenizer of the newest checkpoint with its training head, and the step of it.

        Raises:
            ModelNotFoundError: There is none.
            ModelFormatError: It is damaged.
        """
        directory = self._directory / "glm"
        found = load_state(directory)
        if found is None:
            raise ModelNotFoundError(f"{directory} holds no checkpoint.", hint="Train first.")
        step, arrays, _ = found
        model = GLMTrainingModel(self._glm, self._glm_args, self._recipe.glm)
        weights = {name.removeprefix(_MODEL): a for name, a in arrays.items() if name.startswith(_MODEL)}
        model.load_weights(list(weights.items()))
        return model, step

    def labels(self, model: GLMTrainingModel, wave: Waveform) -> npt.NDArray[np.integer]:
        """Return what the head reads from the codes of a recording, `(frames,)`, 50 a second."""
        batch = AudioBatch(
            waveforms=wave[None], voices=np.zeros(1, int), labels=np.zeros((1, 1), int), lengths=np.array([len(wave)])
        )
        return np.array(model.read_labels(*glm_features(batch, self._log_mel, self._glm_args)))[0]

    def train_tokens(self) -> None:
        """Train speaker encoder and semantic tokens: from what is heard to what was said."""
        recipe = self._recipe
        heads = HeadSizes(voice_count=VOICE_CLASSES, label_count=LABEL_COUNT)
        model = self._new(
            4, lambda: CodecTrainingModel(self._wav2vec2, self._codec, self._bicodec_args, heads, recipe.codebook)
        )
        alone, everything = (
            hearing_source(
                pool, recipe.batch_size, seed=recipe.seed + offset, loaders=self._loaders, prepare=self._prepared
            )
            for offset, pool in ((1, self._single_voices), (2, self._pool))
        )
        train_speaker(model, recipe.speaker, alone, self._directory / "codec" / "speaker")
        train_tokens(model, recipe.tokens, everything, self._directory / "codec" / "tokens")

    def examples(self, model: Path) -> list[Example]:
        """Return recordings as codes with their texts, made by the packed tokenizers unless they were made before."""
        kept = self._directory / "examples.npz"
        if not kept.exists():
            parts = GPAModel(model)
            made = [self._example(parts, number) for number in range(self._recipe.examples)]
            parts.unload()
            save_examples(kept, made)
        return load_examples(kept)

    def train_lm(self, examples: Sequence[Example]) -> None:
        """Train the language model to write down what is heard."""
        directory = self._directory / "lm"
        fit(self._lm, examples, self._recipe.lm, directory, resume=has_state(directory / CHECKPOINTS))

    def pack(self, model: Path) -> None:
        """Write the model as it is now."""
        model.mkdir(exist_ok=True)
        shutil.copyfile(self._tokenizer, model / "tokenizer.json")
        sizes = self._recipe.sizes
        glm = {"config.json": glm_config(sizes), "preprocessor_config.json": log_mel_config(sizes)}
        packed = (
            PackedPart("lm", "", self._lm, {"config.json": self._lm_config}),
            PackedPart("glm_tokenizer", "glm_tokenizer", self._glm, glm),
            PackedPart("wav2vec2", "wav2vec2", self._wav2vec2, {"config.json": wav2vec2_config(sizes)}),
            PackedPart("bicodec", "bicodec", self._codec, {"config.json": bicodec_config(sizes)}),
        )
        pack(model, packed, name=NAME, origin=ORIGIN, words=WORDS)

    def _example(self, parts: GPAModel, number: int) -> Example:
        drawn = self._pool.draw(np.random.default_rng((self._recipe.seed, number, 9)))
        wave, words = drawn.sound.heard, drawn.sound.said.words
        codes = parts.glm.encode(wave).tolist(), parts.semantic.encode(self._prepared(wave)).tolist()
        return example_of(parts.layout, parts.text, "stt", " ".join(words), *codes)

    def _prepared(self, wave: Waveform) -> Waveform:
        return bicodec_waveform(wave.astype(np.float64), self._bicodec_args)

    def _new(self, number: int, make: Callable[[], M]) -> M:
        """Initialise a network from the seed and its number alone, independently of the other sizes."""
        mx.random.seed(self._recipe.seed * _NETWORKS + number)
        return make()
