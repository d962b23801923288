"""The networks of the demo model and the stages that train them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.nn.bicodec.autoencoder import BiCodec
from gpa_mlx.nn.bicodec.config import BiCodecArgs
from gpa_mlx.nn.qwen3 import Qwen3, Qwen3Args
from gpa_mlx.nn.wav2vec2 import Wav2Vec2, Wav2Vec2Args
from gpa_mlx.nn.whisper_vq import WhisperVQ, WhisperVQArgs
from gpa_mlx.recipes.demo.data.dataset import DemoData, steady_speech
from gpa_mlx.recipes.demo.training.batch_sources import audio_source, coded_source
from gpa_mlx.recipes.demo.training.examples import (
    load_examples,
    make_examples,
    make_synthetic_examples,
    save_examples,
    with_word_indices,
)
from gpa_mlx.recipes.demo.training.pack import PackedPart, pack
from gpa_mlx.recipes.demo.training.recipe import (
    LABEL_COUNT,
    VOICE_COUNT,
    DemoRecipe,
    bicodec_config,
    glm_config,
    lm_config,
    log_mel_config,
    wav2vec2_config,
)
from gpa_mlx.recipes.demo.training.tokenizer_file import write_tokenizer
from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.tokenizers.glm import LogMelArgs
from gpa_mlx.tokenizers.text import TextTokenizer
from gpa_mlx.train.audio_tokenizers.codec_stages import train_generator, train_prenet, train_speaker, train_tokens
from gpa_mlx.train.audio_tokenizers.codec_training_model import CodecTrainingModel, HeadSizes
from gpa_mlx.train.audio_tokenizers.glm_training import train_glm
from gpa_mlx.train.audio_tokenizers.labelled_audio import BatchSource, CodedBatch
from gpa_mlx.train.language_model.alignment_loss import AlignmentLoss
from gpa_mlx.train.language_model.corpus import Example
from gpa_mlx.train.language_model.fit import CHECKPOINTS, fit
from gpa_mlx.train.language_model.training_run import FitConfig
from gpa_mlx.train.log import TrainingLog
from gpa_mlx.train.training_state import has_state

M = TypeVar("M", bound=nn.Module)

NAME = "gpa-mlx-demo"

ORIGIN = "trained from scratch by `gpa-mlx train demo` on espeak-ng and flite speech"

SYNTHETIC = "synthetic"
"""Folder of the log, and name of the file, of the examples made of synthetic data for the language model alone."""

_LOGGED_EXAMPLES = 50

_NETWORKS = 8
"""More than there are networks: no two of any two seeds start alike."""


class DemoNetworks:
    """The four networks of the demo model; every method trains, resumes or finds done its stage and those before it.

    Args:
        recipe: Sizes and lengths of the stages.
        directory: Gets checkpoints and logs of every stage, the tokenizer, and examples.
    """

    def __init__(self, recipe: DemoRecipe, directory: Path) -> None:
        self._recipe = recipe
        self._directory = directory
        sizes = recipe.sizes
        self._glm_args = WhisperVQArgs.from_dict(glm_config(sizes), "glm_tokenizer/config.json")
        self._bicodec_args = BiCodecArgs.from_dict(bicodec_config(sizes), "bicodec/config.json")
        directory.mkdir(parents=True, exist_ok=True)
        self._tokenizer = directory / "tokenizer.json"
        write_tokenizer(
            self._tokenizer,
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

    def _new(self, number: int, make: Callable[[], M]) -> M:
        """Initialise a network from the seed and its number alone, independently of the other sizes."""
        mx.random.seed(self._recipe.seed * _NETWORKS + number)
        return make()

    def train_glm(self, data: DemoData) -> None:
        """Train the GLM tokenizer on everything, silence and noise too."""
        recipe = self._recipe
        mx.random.seed(recipe.seed)
        features = LogMelArgs.from_dict(log_mel_config(recipe.sizes), "glm_tokenizer/preprocessor_config.json")
        source = audio_source(data.training, recipe.batch_size, seed=recipe.seed)
        train_glm(self._glm, self._glm_args, features, recipe.glm, source, self._directory / "glm")

    def train_tokens(self, data: DemoData) -> CodecTrainingModel:
        """Train the codec up to its tokens, on all voices."""
        recipe = self._recipe
        heads = HeadSizes(voice_count=VOICE_COUNT, label_count=LABEL_COUNT)
        model = self._new(
            4, lambda: CodecTrainingModel(self._wav2vec2, self._codec, self._bicodec_args, heads, recipe.codebook)
        )
        speech = [utterance for utterance in data.training if utterance.words]
        labelled = audio_source(speech, recipe.batch_size, seed=recipe.seed + 1)
        stages = self._directory / "codec"
        train_speaker(model, recipe.speaker, labelled, stages / "speaker")
        train_tokens(model, recipe.tokens, labelled, stages / "tokens")
        return model

    def train_decoder(self, data: DemoData) -> CodecTrainingModel:
        """Train prenet and wave generator, on the voices the model speaks with."""
        recipe = self._recipe
        model = self.train_tokens(data)
        stages = self._directory / "codec"
        coded = self._coded(model, data, seed=recipe.seed + 2)
        train_prenet(model, recipe.prenet, coded, stages / "prenet")
        train_generator(model, recipe.generator, coded, stages / "generator")
        return model

    def tune_decoder(self, data: DemoData) -> None:
        """Fine-tune the decoder in two more stages, beside those of the language model."""
        recipe = self._recipe
        model = self.train_decoder(data)
        stages = self._directory / "codec"
        first, second = (self._coded(model, data, seed=recipe.seed + offset) for offset in (3, 4))
        train_generator(model, recipe.fine_tuning, first, stages / "fine-tuning")
        train_generator(model, recipe.final_tuning, second, stages / "final-tuning")

    def _coded(self, model: CodecTrainingModel, data: DemoData, *, seed: int) -> BatchSource[CodedBatch]:
        recipe = self._recipe
        speech = steady_speech(data.training)
        hard = [utterance for utterance in speech if utterance.voice in recipe.hard_voices]
        return coded_source(
            model,
            [*speech, *hard, *hard],
            recipe.decoder_batch_size,
            reference_s=self._bicodec_args.ref_segment_duration,
            seed=seed,
        )

    def train_lm(self, model: Path, data: DemoData) -> AlignmentLoss:
        """Train the language model on codes of the packed tokenizers; return its auxiliary loss."""
        recipe = self._recipe
        make = partial(
            make_examples,
            utterances=data.training,
            stt_copies=recipe.stt_copies,
            tts_copies=recipe.tts_copies,
            vc_pairs=recipe.vc_pairs,
            seed=recipe.seed,
        )
        alignment_loss = self._new(5, lambda: AlignmentLoss(recipe.alignment, recipe.sizes.lm_dims))
        self._fit_lm("lm", self._kept_examples("examples", model, make), recipe.lm, alignment_loss)
        return alignment_loss

    def synthetic_examples(self, model: Path, data: DemoData) -> list[Example]:
        """Return examples of the synthetic data, resynthesised speech among them."""
        recipe = self._recipe

        def make(parts: GPAModel) -> list[Example]:
            log = TrainingLog(self._directory / SYNTHETIC)
            log.rewind(0)

            def on_progress(done: int, total: int) -> None:
                if done % _LOGGED_EXAMPLES == 0 or done == total:
                    log.write(done, total=total)

            vc_pairs = recipe.synthetic_vc_pairs
            return make_synthetic_examples(
                parts, data.synthetic_speech, vc_pairs=vc_pairs, seed=recipe.seed, on_progress=on_progress
            )

        return self._kept_examples(SYNTHETIC, model, make)

    def train_lm_on_synthetic(self, model: Path, data: DemoData) -> AlignmentLoss:
        """Train the language model further, on the recordings and the synthetic data."""
        alignment_loss = self.train_lm(model, data)
        examples = load_examples(self._directory / "examples.npz") + self.synthetic_examples(model, data)
        self._fit_lm("lm-synthetic", examples, self._recipe.lm_synthetic, alignment_loss)
        return alignment_loss

    def train_lm_final(self, model: Path, data: DemoData) -> None:
        """Train it once more, without the texts of the recordings as examples of speaking: it overfits to those few."""
        alignment_loss = self.train_lm_on_synthetic(model, data)
        recorded = [example for example in load_examples(self._directory / "examples.npz") if example.task != "tts-a"]
        self._fit_lm("lm-final", recorded + self.synthetic_examples(model, data), self._recipe.lm_final, alignment_loss)

    def _kept_examples(self, name: str, model: Path, make: Callable[[GPAModel], list[Example]]) -> list[Example]:
        """Return the examples of a stage, made by the packed model unless they were made before."""
        kept = self._directory / f"{name}.npz"
        if not kept.exists():
            parts = GPAModel(model)
            examples = make(parts)
            parts.unload()
            save_examples(kept, examples)
        return load_examples(kept)

    def _fit_lm(self, name: str, examples: Sequence[Example], config: FitConfig, alignment_loss: AlignmentLoss) -> None:
        directory = self._directory / name
        numbered = with_word_indices(examples, TextTokenizer.from_file(self._tokenizer))
        resume = has_state(directory / CHECKPOINTS)
        fit(self._lm, numbered, config, directory, resume=resume, alignment_loss=alignment_loss)

    def pack(self, model: Path) -> None:
        """Write the model as it is now."""
        model.mkdir(exist_ok=True)
        shutil.copyfile(self._tokenizer, model / "tokenizer.json")
        sizes = self._recipe.sizes
        packed: Sequence[PackedPart] = (
            PackedPart("lm", "", self._lm, {"config.json": self._lm_config}),
            PackedPart(
                "glm_tokenizer",
                "glm_tokenizer",
                self._glm,
                {"config.json": glm_config(sizes), "preprocessor_config.json": log_mel_config(sizes)},
            ),
            PackedPart("wav2vec2", "wav2vec2", self._wav2vec2, {"config.json": wav2vec2_config(sizes)}),
            PackedPart("bicodec", "bicodec", self._codec, {"config.json": bicodec_config(sizes)}),
        )
        pack(model, packed, name=NAME, origin=ORIGIN)
