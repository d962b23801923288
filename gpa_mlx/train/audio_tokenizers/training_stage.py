"""Training loop of a stage, with log, checkpoints, exact resumption and a guard against NaN."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from mlx.utils import tree_flatten

from gpa_mlx.errors import GPAError, ModelFormatError, SettingsError
from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.train.audio_tokenizers.flat_parameters import FlatLayout
from gpa_mlx.train.log import TrainingLog
from gpa_mlx.train.optimizer import clip_gradients, make_optimizer, optimizer_arrays, restore_optimizer
from gpa_mlx.train.training_state import load_state, save_state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlx.optimizers import Optimizer

    from gpa_mlx.train.audio_tokenizers.labelled_audio import BatchSource
    from gpa_mlx.train.audio_tokenizers.quantizers import Quantized

logger = logging.getLogger(__name__)

B = TypeVar("B")

_MODEL, _OPTIMIZER = "model.", "optimizer."
_MOST_SKIPPED_STEPS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSettings:
    """How long and how fast a stage trains.

    Attributes:
        steps: Steps of the whole stage.
        learning_rate: Highest learning rate.
        warmup_steps: Steps until it is reached.
        weight_decay: Decay of matrices.
        seed: Of everything random in the stage.
        log_steps: Steps per line of the log, which holds their means.
        checkpoint_steps: Steps between checkpoints, a multiple of `log_steps`.
    """

    steps: int
    learning_rate: float = 1e-3
    warmup_steps: int = 50
    weight_decay: float = 0.01
    seed: int = 0
    log_steps: int = 20
    checkpoint_steps: int = 200

    def __post_init__(self) -> None:
        if self.checkpoint_steps % self.log_steps:
            raise SettingsError(
                f"checkpoint_steps is {self.checkpoint_steps}, not a multiple of log_steps {self.log_steps}.",
                hint="Else a resumed run would log other means.",
            )


@dataclass(frozen=True, slots=True, eq=False)
class StepOutcome:
    """Loss and metrics of one step.

    Attributes:
        loss: Scalar to be reduced.
        metrics: Scalars for the log.
        quantized: The pass through the codebook, in stages that train one.
    """

    loss: mx.array
    metrics: dict[str, mx.array]
    quantized: Quantized | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TrainingStage(Generic[B]):
    """Module, loss and after-step hook of a stage.

    Attributes:
        module: Everything a checkpoint holds; its trainable parameters are trained.
        compute: From a batch and the step, counted from 0, to the outcome.
        after_step: Called with every outcome and its step once the parameters are updated.
    """

    module: nn.Module
    compute: Callable[[B, int], StepOutcome]
    after_step: Callable[[StepOutcome, int], None] = lambda outcome, step: None


def run_stage(stage: TrainingStage[B], settings: StageSettings, batches: BatchSource[B], directory: Path) -> None:
    """Train `stage.module` in place, from the newest checkpoint in `directory` if there is one.

    A step whose loss or gradient is not finite changes nothing.

    Args:
        stage: What to train.
        settings: How long and how fast.
        batches: The data from any step on.
        directory: Of checkpoints, log and plot; every stage needs its own.

    Raises:
        ModelFormatError: The checkpoint is damaged or belongs to something else.
        GPAError: The loss has not been finite for a while, or the batches ended early.
    """
    optimizer = make_optimizer(settings.learning_rate, settings.warmup_steps, settings.steps, settings.weight_decay)
    layout = FlatLayout(stage.module)
    step = _resume(stage.module, layout, optimizer, directory)
    log = TrainingLog(directory)
    log.rewind(step)
    mx.random.seed(settings.seed)
    means = _Means()

    def compute(batch: B) -> tuple[mx.array, StepOutcome]:
        outcome = stage.compute(batch, step)
        return outcome.loss, outcome

    gradient = nn.value_and_grad(stage.module, compute)
    stream = batches(step) if step < settings.steps else iter(())
    skipped = 0
    while step < settings.steps:
        batch = next(stream, None)
        if batch is None:
            raise GPAError(f"The batches ended at step {step} of {settings.steps}.", hint="Repeat the data.")
        (loss, outcome), gradients = gradient(batch)
        gradients, norm = clip_gradients(layout.flatten(gradients))
        if _is_finite(loss) and _is_finite(norm):
            skipped = 0
            parameters = layout.flatten(stage.module.trainable_parameters())
            stage.module.update(layout.unflatten(optimizer.apply_gradients(gradients, parameters)))
            stage.after_step(outcome, step)
            mx.eval(stage.module.parameters(), optimizer.state)
            means.add({"loss": loss, **outcome.metrics, "gradient_norm": norm})
        else:
            skipped += 1
            logger.warning("step %d is skipped: its loss or gradient is not finite", step)
            if skipped > _MOST_SKIPPED_STEPS:
                raise GPAError(
                    f"{directory}: the loss has not been finite for {skipped} steps.",
                    hint="Start again from the last checkpoint with a lower learning rate.",
                )
        step += 1
        last = step == settings.steps
        if step % settings.log_steps == 0 or last:
            log.write(step, **means.take())
        if step % settings.checkpoint_steps == 0 or last:
            save_state(directory, step, _arrays(stage.module, optimizer), {})
            log.plot()


class _Means:
    """Means of metrics since they were last taken."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {}

    def add(self, metrics: dict[str, mx.array]) -> None:
        for name, value in metrics.items():
            self._values.setdefault(name, []).append(cast(float, value.item()))

    def take(self) -> dict[str, float]:
        means = {name: sum(values) / len(values) for name, values in self._values.items()}
        self._values.clear()
        return means


def _is_finite(value: mx.array) -> bool:
    return math.isfinite(cast(float, value.item()))


def _parameters(module: nn.Module) -> dict[str, mx.array]:
    return dict(cast("list[tuple[str, mx.array]]", tree_flatten(module.parameters())))


def _arrays(module: nn.Module, optimizer: Optimizer) -> dict[str, mx.array]:
    parameters = {_MODEL + name: array for name, array in _parameters(module).items()}
    return parameters | {_OPTIMIZER + name: array for name, array in optimizer_arrays(optimizer).items()}


def _resume(module: nn.Module, layout: FlatLayout, optimizer: Optimizer, directory: Path) -> int:
    """Restore the newest checkpoint; return the steps done."""
    trainable = layout.flatten(module.trainable_parameters())
    found = load_state(directory)
    if found is None:
        optimizer.init(trainable)
        return 0
    step, arrays, _ = found
    parameters = {name.removeprefix(_MODEL): array for name, array in arrays.items() if name.startswith(_MODEL)}
    expected = {name: array.shape for name, array in _parameters(module).items()}
    if {name: array.shape for name, array in parameters.items()} != expected:
        raise ModelFormatError(
            f"{directory} holds a checkpoint of another network.",
            hint="Train into an empty directory, or with the sizes the run was started with.",
        )
    state = {name.removeprefix(_OPTIMIZER): array for name, array in arrays.items() if name.startswith(_OPTIMIZER)}
    restore_optimizer(optimizer, trainable, state)
    module.load_weights(list(parameters.items()))
    return step
