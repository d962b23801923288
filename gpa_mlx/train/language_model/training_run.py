"""One run of training: weights in float32, optimizer, data order; every update, checkpoint and resumption."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from mlx.optimizers import Optimizer
from mlx.utils import tree_flatten, tree_map, tree_unflatten

from gpa_mlx.errors import SettingsError
from gpa_mlx.nn.qwen3 import Qwen3
from gpa_mlx.runtime.backend import mx, nn, on_gpu
from gpa_mlx.train.language_model.alignment_loss import AlignmentLoss
from gpa_mlx.train.language_model.batches import BatchStream, HistoryNoise, collate, target_tokens
from gpa_mlx.train.language_model.corpus import Example, digest_of
from gpa_mlx.train.language_model.sequence_loss import loss_with_alignment, summed_loss
from gpa_mlx.train.optimizer import clip_gradients, make_optimizer, optimizer_arrays, restore_optimizer
from gpa_mlx.train.training_state import load_state, save_state

_ALIGNMENT = "alignment_loss."

Weights = dict[str, mx.array]
"""Trainable parameters by name, float32 whatever the computation uses: small updates would vanish in bfloat16."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitConfig:
    """How to train.

    Attributes:
        steps: Updates in total.
        learning_rate: Highest rate.
        warmup_steps: Steps until it is reached.
        weight_decay: Of matrices.
        batch_tokens: Most tokens of a batch, all processes together.
        accumulate: Batches per update.
        history_noise: Largest share of a target's beginning that is replaced in what the model sees; see
            `HistoryNoise`.
        seed: Of the order of the examples.
        checkpointing: Compute activations again in the backward pass instead of keeping them.
        eval_every: Steps between evaluations.
        save_every_s: Seconds between checkpoints.
        save_every_steps: Steps between checkpoints as well; 0 goes by time alone.
    """

    steps: int
    learning_rate: float
    warmup_steps: int = 0
    weight_decay: float = 0.005
    batch_tokens: int = 4096
    accumulate: int = 1
    history_noise: float = 0.0
    seed: int = 0
    checkpointing: bool = False
    eval_every: int = 200
    save_every_s: float = 600.0
    save_every_steps: int = 0


class DivergedError(ArithmeticError):
    """Loss or gradient norm is not finite; the message names it."""


class TrainingRun:
    """Weights, optimizer state and position in the data: all that a step changes and a checkpoint holds.

    Args:
        model: Its parameters that are not frozen are trained.
        examples: What to learn.
        config: How.
        identity: Further settings that must be the same when the run is resumed.
        group: The processes that share every batch.
        alignment_loss: Trained with the model; None trains on the targets alone.
    """

    def __init__(
        self,
        model: Qwen3,
        examples: Sequence[Example],
        config: FitConfig,
        identity: Mapping[str, Any],
        group: mx.distributed.Group,
        alignment_loss: AlignmentLoss | None,
    ) -> None:
        self.step = 0
        self._model = model
        self._alignment_loss = alignment_loss
        self._examples = examples
        self._config = config
        self._group = group
        self._dtype = compute_dtype()
        model.set_dtype(self._dtype)
        trainable = cast(list[tuple[str, mx.array]], tree_flatten(model.trainable_parameters()))
        if alignment_loss is not None:
            aligned = cast(list[tuple[str, mx.array]], tree_flatten(alignment_loss.trainable_parameters()))
            trainable += [(_ALIGNMENT + name, weight) for name, weight in aligned]
        self.weights: Weights = {name: weight.astype(mx.float32) for name, weight in trainable}
        self._optimizer = self._make_optimizer()
        self._batches = self._stream(0, 0)
        self._identity = {
            **identity,
            "data": digest_of(examples),
            "seed": config.seed,
            "batch_tokens": config.batch_tokens,
            "accumulate": config.accumulate,
            "history_noise": config.history_noise,
        }

    @property
    def model_weights(self) -> Weights:
        """The weights of the model, without those of the auxiliary loss."""
        return {name: weight for name, weight in self.weights.items() if not name.startswith(_ALIGNMENT)}

    def advance(self) -> dict[str, float]:
        """Do one update; nothing changes when it fails.

        Returns:
            `loss`, `gradient_norm`, `learning_rate` and `tokens`, to log.

        Raises:
            DivergedError: The loss or the gradient norm is not finite.
        """
        config = self._config
        position = self._batches.epoch, self._batches.index
        batches = [[self._examples[n] for n in self._batches.take()] for _ in range(config.accumulate)]
        tokens = sum(target_tokens(batch) for batch in batches)
        total = mx.array(0.0)
        gradients: Any = tree_map(mx.zeros_like, self.weights)
        for number, batch in enumerate(batches):
            if share := batch[self._group.rank() :: self._group.size()]:
                loss, grads = self._loss_and_gradients(share, tokens, self._noise(number))
                total, gradients = total + loss, tree_map(mx.add, gradients, grads)
                mx.eval(total, gradients)
        # Every process has divided by the tokens of all: the mean over processes times their number is the sum.
        gradients = self._average({name: g * self._group.size() for name, g in gradients.items()})
        total = mx.distributed.all_sum(total, group=self._group)
        gradients, norm = clip_gradients(gradients)
        figures = {"loss": cast(float, total.item()), "gradient_norm": cast(float, norm.item())}
        for name, value in figures.items():
            if not math.isfinite(value):
                self._batches = self._stream(*position)
                raise DivergedError(name.replace("_", " "))
        self.weights = self._optimizer.apply_gradients(gradients, self.weights)
        mx.eval(self.weights, self._optimizer.state)
        self._install(self.weights)
        self.step += 1
        return {**figures, "learning_rate": cast(float, self._optimizer.learning_rate.item()), "tokens": tokens}

    def save(self, directory: Path) -> None:
        """Write a checkpoint of the steps done so far."""
        arrays = {f"weights/{name}": weight for name, weight in self.weights.items()}
        arrays |= {f"optimizer/{name}": array for name, array in optimizer_arrays(self._optimizer).items()}
        place = {"epoch": self._batches.epoch, "index": self._batches.index}
        save_state(directory, self.step, arrays, {**place, "identity": self._identity})

    def restore(self, directory: Path) -> None:
        """Continue from the newest checkpoint, if there is one.

        Raises:
            SettingsError: The run was started with other settings or trains other weights.
        """
        loaded = load_state(directory)
        if loaded is None:
            return
        self.step, arrays, state = loaded
        for name, value in self._identity.items():
            if state["identity"].get(name) != value:
                raise SettingsError(
                    f"The run in {directory.parent} was started with other settings: {name.replace('_', ' ')} differs.",
                    hint="Resume with the model, the data and the settings the run was started with.",
                )
        weights = {name.removeprefix("weights/"): a for name, a in arrays.items() if name.startswith("weights/")}
        shapes = {name: weight.shape for name, weight in weights.items()}
        if shapes != {name: weight.shape for name, weight in self.weights.items()}:
            raise SettingsError(
                f"The run in {directory.parent} trains other weights.",
                hint="Resume with the same model and the same --lora or --full.",
            )
        # The order of summation, and so the last bit, follows from the order of the names.
        self.weights = {name: weights[name] for name in self.weights}
        optimizer = {name.removeprefix("optimizer/"): a for name, a in arrays.items() if name.startswith("optimizer/")}
        restore_optimizer(self._optimizer, self.weights, optimizer)
        self._batches = self._stream(state["epoch"], state["index"])
        self._install(self.weights)

    def _make_optimizer(self) -> Optimizer:
        c = self._config
        optimizer = make_optimizer(c.learning_rate, c.warmup_steps, c.steps, c.weight_decay)
        optimizer.init(self.weights)
        return optimizer

    def _stream(self, epoch: int, index: int) -> BatchStream:
        lengths = [len(example.ids) for example in self._examples]
        return BatchStream(lengths, self._config.batch_tokens, self._config.seed, epoch=epoch, index=index)

    def _loss_and_gradients(
        self, examples: Sequence[Example], tokens: int, noise: HistoryNoise | None
    ) -> tuple[mx.array, Weights]:
        batch = collate(examples, noise)

        def loss(weights: Weights) -> mx.array:
            self._install(weights)
            if self._alignment_loss is not None:
                return loss_with_alignment(self._model, batch, self._alignment_loss) / tokens
            return summed_loss(self._model, batch, checkpointing=self._config.checkpointing) / tokens

        return mx.value_and_grad(loss)(self.weights)

    def _noise(self, number: int) -> HistoryNoise | None:
        most = self._config.history_noise
        place = self._config.seed, self._batches.epoch, self._batches.index, number, self._group.rank()
        return HistoryNoise(most, np.random.default_rng(place)) if most else None

    def _average(self, gradients: Weights) -> Weights:
        averaged = nn.average_gradients(tree_unflatten(list(gradients.items())), self._group)
        by_name = dict(tree_flatten(averaged))
        return {name: by_name[name] for name in gradients}

    def _install(self, weights: Weights) -> None:
        own = {name: weight for name, weight in weights.items() if not name.startswith(_ALIGNMENT)}
        install(self._model, own, self._dtype)
        if self._alignment_loss is not None:
            aligned = {name.removeprefix(_ALIGNMENT): weights[name] for name in weights.keys() - own.keys()}
            install(self._alignment_loss, aligned, self._dtype)


def install(model: nn.Module, weights: Weights, dtype: mx.Dtype) -> None:
    """Set parameters of a model by name, cast to the precision of the computation."""
    model.update(tree_unflatten([(name, weight.astype(dtype)) for name, weight in weights.items()]))


def compute_dtype() -> mx.Dtype:
    """Return bfloat16 on a GPU; float32 on the CPU, where half precision is slow."""
    return mx.bfloat16 if on_gpu() else mx.float32
