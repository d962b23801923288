"""From recordings to the demo model: tokenizers, codec, language model, packed.

Every stage is skipped when it is done and resumed when it is not, so the command can be interrupted at any time and
given again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from gpa_mlx.backend import mx, nn
from gpa_mlx.loading import ModelParts
from gpa_mlx.nn.bicodec.config import BiCodecArgs
from gpa_mlx.nn.bicodec.model import BiCodec
from gpa_mlx.nn.qwen3 import Qwen3, Qwen3Args
from gpa_mlx.nn.wav2vec2 import Wav2Vec2, Wav2Vec2Args
from gpa_mlx.nn.whisper_vq import WhisperVQ, WhisperVQArgs
from gpa_mlx.tokenizers.glm import LogMelArgs
from gpa_mlx.tokenizers.text import TextTokenizer
from gpa_mlx.train.bicodec import train_generator, train_prenet, train_speaker, train_tokens
from gpa_mlx.train.checkpoint import has_state
from gpa_mlx.train.codec_learner import CodecLearner, HeadSizes
from gpa_mlx.train.demo.dataset import DemoData
from gpa_mlx.train.demo.examples import make_examples
from gpa_mlx.train.demo.feed import audio_source, coded_source
from gpa_mlx.train.demo.pack import PackedPart, pack
from gpa_mlx.train.demo.recipe import (
    LABEL_COUNT,
    VOICE_COUNT,
    DemoRecipe,
    bicodec_config,
    glm_config,
    lm_config,
    log_mel_config,
    wav2vec2_config,
)
from gpa_mlx.train.demo.tokenizer_file import write_tokenizer
from gpa_mlx.train.fit import CHECKPOINTS, fit
from gpa_mlx.train.glm import train_glm

Report = Callable[[str], None]
M = TypeVar("M", bound=nn.Module)

NAME = "gpa-mlx-demo"
_NETWORKS = 8
"""More than there are networks: no two of any two seeds start alike."""

ORIGIN = "trained from scratch by `gpa-mlx train demo` on espeak-ng and flite speech"


def build_demo(directory: Path, recipe: DemoRecipe, data: DemoData, *, report: Report = lambda message: None) -> Path:
    """Train the demo model.

    Args:
        directory: Gets checkpoints and logs of every stage, and the model.
        recipe: Sizes and lengths of the stages; must stay the same when a run is continued, as the data.
        data: What to train on.
        report: Hears which stage begins.

    Returns:
        The directory of the finished model.

    Raises:
        GPAError: A stage diverged.
    """
    parts = _Networks(recipe, directory)
    report("GLM tokenizer")
    parts.train_glm(data)
    report("codec")
    parts.train_codec(data, report)
    model = directory / NAME
    parts.pack(model)
    report("language model")
    parts.train_lm(model, data)
    parts.pack(model)
    return model


class _Networks:
    """The four networks of the model and how each is trained."""

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
        """Make a network whose first weights follow from the seed and its number alone, not from the other sizes."""
        mx.random.seed(self._recipe.seed * _NETWORKS + number)
        return make()

    def train_glm(self, data: DemoData) -> None:
        """Train the GLM tokenizer on everything, silence and noise too."""
        recipe = self._recipe
        mx.random.seed(recipe.seed)
        features = LogMelArgs.from_dict(log_mel_config(recipe.sizes), "glm_tokenizer/preprocessor_config.json")
        source = audio_source(data.training, recipe.batch_size, seed=recipe.seed)
        train_glm(self._glm, self._glm_args, features, recipe.glm, source, self._directory / "glm")

    def train_codec(self, data: DemoData, report: Report) -> None:
        """Train the codec in its four stages; only the last two are about the voices it speaks with alone."""
        recipe = self._recipe
        heads = HeadSizes(voice_count=VOICE_COUNT, label_count=LABEL_COUNT)
        learner = self._new(
            4, lambda: CodecLearner(self._wav2vec2, self._codec, self._bicodec_args, heads, recipe.glm.codebook)
        )
        speech = [utterance for utterance in data.training if utterance.words]
        heard = audio_source(speech, recipe.batch_size, seed=recipe.seed + 1)
        stages = self._directory / "codec"
        train_speaker(learner, recipe.speaker, heard, stages / "speaker")
        report("codec: tokens")
        train_tokens(learner, recipe.tokens, heard, stages / "tokens")
        report("codec: decoding the tokens")
        reference_s = self._bicodec_args.ref_segment_duration
        coded = coded_source(learner, speech, recipe.batch_size, reference_s=reference_s, seed=recipe.seed + 2)
        train_prenet(learner, recipe.prenet, coded, stages / "prenet")
        report("codec: wave generator")
        train_generator(learner, recipe.generator, coded, stages / "generator")

    def train_lm(self, model: Path, data: DemoData) -> None:
        """Train the language model on the codes that the packed tokenizers give."""
        recipe = self._recipe
        parts = ModelParts(model)
        examples = make_examples(
            parts, data.training, hearings=recipe.hearings, conversions=recipe.conversions, seed=recipe.seed
        )
        parts.unload()
        directory = self._directory / "lm"
        fit(self._lm, examples, recipe.lm, directory, resume=has_state(directory / CHECKPOINTS))

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
