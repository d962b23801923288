"""From recordings to the demo model: tokenizers, codec, language model, packed.

Every stage is skipped when it is done and resumed when it is not, so the command can be interrupted at any time and
given again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from gpa_mlx.model.parts import ModelParts
from gpa_mlx.nn.bicodec.config import BiCodecArgs
from gpa_mlx.nn.bicodec.model import BiCodec
from gpa_mlx.nn.qwen3 import Qwen3, Qwen3Args
from gpa_mlx.nn.wav2vec2 import Wav2Vec2, Wav2Vec2Args
from gpa_mlx.nn.whisper_vq import WhisperVQ, WhisperVQArgs
from gpa_mlx.recipes.demo.data.dataset import DemoData, steady_speech
from gpa_mlx.recipes.demo.training.batch_sources import audio_source, coded_source
from gpa_mlx.recipes.demo.training.examples import (
    load_examples,
    make_examples,
    make_reading_examples,
    save_examples,
    with_text_places,
)
from gpa_mlx.recipes.demo.training.pack import PackedPart, pack
from gpa_mlx.recipes.demo.training.processes import run_as_group, run_side_by_side
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
from gpa_mlx.train.audio_tokenizers.codec_training_model import CodecLearner, HeadSizes
from gpa_mlx.train.audio_tokenizers.glm_training import train_glm
from gpa_mlx.train.audio_tokenizers.labelled_audio import BatchSource, CodedBatch
from gpa_mlx.train.language_model.alignment_loss import AlignmentLoss
from gpa_mlx.train.language_model.corpus import Example
from gpa_mlx.train.language_model.fit import CHECKPOINTS, FitConfig, fit
from gpa_mlx.train.log import TrainingLog, read_last
from gpa_mlx.train.training_state import has_state

Report = Callable[[str], None]
M = TypeVar("M", bound=nn.Module)

NAME = "gpa-mlx-demo"
_PROCESSES = 2
"""That train the last stage together; one alone comes to the same loss in 1.6 times the time."""

_READINGS = "readings"
_LOGGED_READINGS = 50

_NETWORKS = 8
"""More than there are networks: no two of any two seeds start alike."""

ORIGIN = "trained from scratch by `gpa-mlx train demo` on espeak-ng and flite speech"


def build_demo(
    directory: Path, recipe: DemoRecipe, load_data: Callable[[], DemoData], *, report: Report = lambda message: None
) -> Path:
    """Train the demo model, two stages at a time where they do not depend on each other.

    Args:
        directory: Gets checkpoints and logs of every stage, and the model.
        recipe: Sizes and lengths of the stages; must stay the same when a run is continued, as the data.
        load_data: Returns what to train on; picklable, since every process calls it.
        report: Hears how far the stages are.

    Returns:
        The directory of the finished model.

    Raises:
        GPAError: A stage diverged.
    """
    model = directory / NAME

    def show() -> None:
        if line := progress(directory, recipe):
            report(line)

    report("tokenizers")
    run_side_by_side([partial(task, directory, recipe, load_data) for task in (_train_glm, _train_tokens)], show)
    data = load_data()
    tokenizers = _Networks(recipe, directory)
    tokenizers.train_glm(data)
    tokenizers.train_tokens(data)
    tokenizers.pack(model)
    report("language model and decoder")
    run_side_by_side([partial(task, directory, recipe, load_data) for task in (_train_lm, _train_decoder)], show)
    parts = _Networks(recipe, directory)
    parts.train_glm(data)
    parts.train_decoder(data)
    parts.train_lm(model, data)
    parts.pack(model)
    run_side_by_side(
        [partial(task, directory, recipe, load_data) for task in (_train_on_readings, _polish_decoder)], show
    )
    parts.polish_decoder(data)
    run_as_group(partial(_finish_lm, directory, recipe, load_data), _PROCESSES, show)
    parts.finish_lm(model, data)
    parts.pack(model)
    return model


def progress(directory: Path, recipe: DemoRecipe) -> str:
    """Say in one line how far the stages are that have begun and not ended."""
    stages = {
        "glm": recipe.glm.stage.steps,
        "codec/speaker": recipe.speaker.stage.steps,
        "codec/tokens": recipe.tokens.stage.steps,
        "codec/prenet": recipe.prenet.steps,
        "codec/generator": recipe.generator.stage.steps,
        "codec/polish": recipe.polish.stage.steps,
        "codec/finish": recipe.finish.stage.steps,
        "lm": recipe.lm.steps,
        "lm-readings": recipe.lm_readings.steps,
        "lm-last": recipe.lm_last.steps,
    }
    begun = []
    for name, steps in stages.items():
        last = read_last(directory / name)
        if last is not None and last["step"] < steps:
            begun.append(f"{name} {last['step']:.0f}/{steps}, loss {last['loss']:.3f}")
    last = read_last(directory / _READINGS)
    if last is not None and last["step"] < last["total"]:
        begun.append(f"readings {last['step']}/{last['total']}")
    return "; ".join(begun)


def _train_glm(directory: Path, recipe: DemoRecipe, load_data: Callable[[], DemoData]) -> None:
    _Networks(recipe, directory).train_glm(load_data())


def _train_tokens(directory: Path, recipe: DemoRecipe, load_data: Callable[[], DemoData]) -> None:
    _Networks(recipe, directory).train_tokens(load_data())


def _train_decoder(directory: Path, recipe: DemoRecipe, load_data: Callable[[], DemoData]) -> None:
    _Networks(recipe, directory).train_decoder(load_data())


def _train_lm(directory: Path, recipe: DemoRecipe, load_data: Callable[[], DemoData]) -> None:
    _Networks(recipe, directory).train_lm(directory / NAME, load_data())


def _train_on_readings(directory: Path, recipe: DemoRecipe, load_data: Callable[[], DemoData]) -> None:
    _Networks(recipe, directory).train_on_readings(directory / NAME, load_data())


def _finish_lm(directory: Path, recipe: DemoRecipe, load_data: Callable[[], DemoData]) -> None:
    mx.distributed.init()  # meets the others before anything that takes longer here than there
    _Networks(recipe, directory).finish_lm(directory / NAME, load_data())


def _polish_decoder(directory: Path, recipe: DemoRecipe, load_data: Callable[[], DemoData]) -> None:
    _Networks(recipe, directory).polish_decoder(load_data())


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

    def train_tokens(self, data: DemoData) -> CodecLearner:
        """Train the codec as far as its tokens, on everyone who speaks."""
        recipe = self._recipe
        heads = HeadSizes(voice_count=VOICE_COUNT, label_count=LABEL_COUNT)
        learner = self._new(
            4, lambda: CodecLearner(self._wav2vec2, self._codec, self._bicodec_args, heads, recipe.codebook)
        )
        speech = [utterance for utterance in data.training if utterance.words]
        heard = audio_source(speech, recipe.batch_size, seed=recipe.seed + 1)
        stages = self._directory / "codec"
        train_speaker(learner, recipe.speaker, heard, stages / "speaker")
        train_tokens(learner, recipe.tokens, heard, stages / "tokens")
        return learner

    def train_decoder(self, data: DemoData) -> CodecLearner:
        """Train what turns tokens into sound, on the voices the model speaks with."""
        recipe = self._recipe
        learner = self.train_tokens(data)
        stages = self._directory / "codec"
        coded = self._coded(learner, data, seed=recipe.seed + 2)
        train_prenet(learner, recipe.prenet, coded, stages / "prenet")
        train_generator(learner, recipe.generator, coded, stages / "generator")
        return learner

    def polish_decoder(self, data: DemoData) -> None:
        """Train it further: the language model needs it good enough to be understood, people to be pleased."""
        recipe = self._recipe
        learner = self.train_decoder(data)
        stages = self._directory / "codec"
        train_generator(learner, recipe.polish, self._coded(learner, data, seed=recipe.seed + 3), stages / "polish")
        train_generator(learner, recipe.finish, self._coded(learner, data, seed=recipe.seed + 4), stages / "finish")

    def _coded(self, learner: CodecLearner, data: DemoData, *, seed: int) -> BatchSource[CodedBatch]:
        recipe = self._recipe
        speech = steady_speech(data.training)
        hard = [utterance for utterance in speech if utterance.voice in recipe.hard_voices]
        return coded_source(
            learner,
            [*speech, *hard, *hard],
            recipe.decoder_batch_size,
            reference_s=self._bicodec_args.ref_segment_duration,
            seed=seed,
        )

    def train_lm(self, model: Path, data: DemoData) -> AlignmentLoss:
        """Train the language model on the codes that the packed tokenizers give; return what it is asked meanwhile."""
        recipe = self._recipe
        make = partial(
            make_examples,
            utterances=data.training,
            hearings=recipe.hearings,
            readings=recipe.readings,
            conversions=recipe.conversions,
            seed=recipe.seed,
        )
        guide = self._new(5, lambda: AlignmentLoss(recipe.guide, recipe.sizes.lm_dims))
        self._fit_lm("lm", self._kept_examples("examples", model, make), recipe.lm, guide)
        return guide

    def make_readings(self, model: Path, data: DemoData) -> list[Example]:
        """Return examples of more texts and of what the decoder makes of its codes."""
        recipe = self._recipe

        def make(parts: ModelParts) -> list[Example]:
            log = TrainingLog(self._directory / _READINGS)
            log.rewind(0)

            def on_progress(done: int, total: int) -> None:
                if done % _LOGGED_READINGS == 0 or done == total:
                    log.write(done, total=total)

            conversions = recipe.reading_conversions
            return make_reading_examples(
                parts, data.readings, conversions=conversions, seed=recipe.seed, on_progress=on_progress
            )

        return self._kept_examples(_READINGS, model, make)

    def train_on_readings(self, model: Path, data: DemoData) -> AlignmentLoss:
        """Train the language model further, on these and on what it has learnt from."""
        guide = self.train_lm(model, data)
        examples = load_examples(self._directory / "examples.npz") + self.make_readings(model, data)
        self._fit_lm("lm-readings", examples, self._recipe.lm_readings, guide)
        return guide

    def finish_lm(self, model: Path, data: DemoData) -> None:
        """Train it once more, without the spoken texts of the recordings: it knows those few by heart."""
        guide = self.train_on_readings(model, data)
        heard = [example for example in load_examples(self._directory / "examples.npz") if example.task != "tts-a"]
        self._fit_lm("lm-last", heard + self.make_readings(model, data), self._recipe.lm_last, guide)

    def _kept_examples(self, name: str, model: Path, make: Callable[[ModelParts], list[Example]]) -> list[Example]:
        """Return the examples of a stage, made by the packed model unless they were made before."""
        kept = self._directory / f"{name}.npz"
        if not kept.exists():
            parts = ModelParts(model)
            examples = make(parts)
            parts.unload()
            save_examples(kept, examples)
        return load_examples(kept)

    def _fit_lm(self, name: str, examples: Sequence[Example], config: FitConfig, guide: AlignmentLoss) -> None:
        directory = self._directory / name
        numbered = with_text_places(examples, TextTokenizer.from_file(self._tokenizer))
        fit(self._lm, numbered, config, directory, resume=has_state(directory / CHECKPOINTS), guide=guide)

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
