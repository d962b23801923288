"""The training loop of a language model, with log, evaluations and checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from gpa_mlx.errors import GPAError, SettingsError
from gpa_mlx.nn.qwen3 import Qwen3
from gpa_mlx.runtime.backend import mx
from gpa_mlx.train.language_model.alignment_loss import AlignmentLoss
from gpa_mlx.train.language_model.corpus import Example
from gpa_mlx.train.language_model.training_run import DivergedError, FitConfig, TrainingRun, Weights
from gpa_mlx.train.log import TrainingLog
from gpa_mlx.train.training_state import has_state

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True, slots=True)
class FitResult:
    """Where a run ended.

    Attributes:
        step: Updates done.
        finished: Whether these are all; False after a request to stop.
        loss: Of the last step, None when nothing was left to do.
        weights: Trained parameters by name, float32.
    """

    step: int
    finished: bool
    loss: float | None
    weights: Weights


def fit(
    model: Qwen3,
    examples: Sequence[Example],
    config: FitConfig,
    directory: Path,
    *,
    resume: bool = False,
    evaluate: Callable[[], dict[str, float]] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
    identity: Mapping[str, Any] | None = None,
    alignment_loss: AlignmentLoss | None = None,
) -> FitResult:
    """Train the parameters of `model` that are not frozen.

    Killed at any moment and resumed, a run continues from its last checkpoint as if nothing had happened. Several
    processes (`mlx.launch`) share every batch and give the same result as one.

    Args:
        model: Changed in place; ends with the trained weights in the precision of the computation.
        examples: What to learn.
        config: How.
        directory: Gets the log, the plot and the checkpoints.
        resume: Continue from the last checkpoint, or start when there is none.
        evaluate: Returns figures to log, among them `eval_loss`; called with the current weights in `model`.
        should_stop: Asked after every step; True saves a checkpoint and returns.
        on_step: Called with steps done and the loss.
        identity: Further settings, as JSON, that must be the same when the run is resumed.
        alignment_loss: Trained with the model and not part of the result; the logged loss includes it.

    Raises:
        SettingsError: The directory holds another run, or one to be resumed.
        GPAError: The loss is no longer a number; the last good weights are saved.
    """
    group = mx.distributed.init()
    checkpoints = directory / CHECKPOINTS
    if not resume and has_state(checkpoints):
        raise SettingsError(
            f"{directory} holds a training run.", hint="Continue it with --resume, or choose another directory."
        )
    run = TrainingRun(model, examples, config, identity or {}, group, alignment_loss)
    if resume:
        run.restore(checkpoints)
    records = _Records(run, directory, config, evaluate) if group.rank() == 0 else None
    loss, stopped = None, False
    while run.step < config.steps and not stopped:
        started = time.perf_counter()
        try:
            figures = run.advance()
        except DivergedError as error:
            if records:
                records.save()
            raise GPAError(
                f"The training diverged at step {run.step + 1}: its {error} is not a finite number.",
                hint=f"The last good state is in {checkpoints}: resume with a lower --lr.",
            ) from error
        loss = figures["loss"]
        on_step(run.step, loss)
        if records:
            records.log_step({**figures, "seconds": round(time.perf_counter() - started, 4)})
        stopped = _any(should_stop(), group)
        if records and (stopped or records.due()):
            records.save()
    return FitResult(run.step, run.step >= config.steps, loss, run.model_weights)


class _Records:
    """Log, plot and checkpoints of a run, which only the first of several processes writes."""

    def __init__(
        self, run: TrainingRun, directory: Path, config: FitConfig, evaluate: Callable[[], dict[str, float]] | None
    ) -> None:
        self._run = run
        self._config = config
        self._evaluate = evaluate
        self._checkpoints = directory / CHECKPOINTS
        self._log = TrainingLog(directory)
        self._log.rewind(run.step)
        self._saved_s = time.monotonic()

    def log_step(self, figures: Mapping[str, float]) -> None:
        """Log a step; with the figures of an evaluation where one is due."""
        step = self._run.step
        self._log.write(step, **figures)
        if self._evaluate and (step == self._config.steps or step % self._config.eval_every == 0):
            self._log.write(step, **self._evaluate())

    def due(self) -> bool:
        """Whether a checkpoint is due: at the end, after so many steps, or after so much time."""
        step, config = self._run.step, self._config
        by_steps = config.save_every_steps > 0 and step % config.save_every_steps == 0
        return step == config.steps or by_steps or time.monotonic() - self._saved_s >= config.save_every_s

    def save(self) -> None:
        self._run.save(self._checkpoints)
        self._log.plot()
        self._saved_s = time.monotonic()


def _any(flag: bool, group: mx.distributed.Group) -> bool:
    """Whether any process says so: all must leave the loop together."""
    return bool(cast(float, mx.distributed.all_sum(mx.array(float(flag)), group=group).item()))
