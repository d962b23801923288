"""From recordings to the demo model: tokenizers, codec, language model, packed.

Every stage is skipped when it is done and resumed when it is not, so the command can be interrupted at any time and
given again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from gpa_mlx.recipes.demo.data.dataset import DemoData
from gpa_mlx.recipes.demo.training.networks import NAME, SYNTHETIC, DemoNetworks
from gpa_mlx.recipes.demo.training.processes import run_distributed, run_processes
from gpa_mlx.recipes.demo.training.recipe import DemoRecipe
from gpa_mlx.runtime.backend import mx
from gpa_mlx.train.log import read_last

Report = Callable[[str], None]
_PROCESSES = 2
"""That train the last stage together; one alone comes to the same loss in 1.6 times the time."""


def build_demo(
    directory: Path, recipe: DemoRecipe, load_data: Callable[[], DemoData], *, report: Report = lambda message: None
) -> Path:
    """Train the demo model, two stages at a time where they do not depend on each other.

    Args:
        directory: Gets checkpoints and logs of every stage, and the model.
        recipe: Sizes and lengths of the stages; must stay the same when a run is continued, as the data.
        load_data: Returns what to train on; picklable, since every process calls it.
        report: Called with how far the stages are.

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
    run_processes([partial(task, directory, recipe, load_data) for task in (_train_glm, _train_tokens)], show)
    data = load_data()
    tokenizers = DemoNetworks(recipe, directory)
    tokenizers.train_glm(data)
    tokenizers.train_tokens(data)
    tokenizers.pack(model)
    report("language model and decoder")
    run_processes([partial(task, directory, recipe, load_data) for task in (_train_lm, _train_decoder)], show)
    parts = DemoNetworks(recipe, directory)
    parts.train_glm(data)
    parts.train_decoder(data)
    parts.train_lm(model, data)
    parts.pack(model)
    run_processes(
        [partial(task, directory, recipe, load_data) for task in (_train_lm_on_synthetic, _tune_decoder)], show
    )
    parts.tune_decoder(data)
    run_distributed(partial(_train_lm_final, directory, recipe, load_data), _PROCESSES, show)
    parts.train_lm_final(model, data)
    parts.pack(model)
    return model


def progress(directory: Path, recipe: DemoRecipe) -> str:
    """Return one line on the stages in progress."""
    stages = {
        "glm": recipe.glm.stage.steps,
        "codec/speaker": recipe.speaker.stage.steps,
        "codec/tokens": recipe.tokens.stage.steps,
        "codec/prenet": recipe.prenet.steps,
        "codec/generator": recipe.generator.stage.steps,
        "codec/fine-tuning": recipe.fine_tuning.stage.steps,
        "codec/final-tuning": recipe.final_tuning.stage.steps,
        "lm": recipe.lm.steps,
        "lm-synthetic": recipe.lm_synthetic.steps,
        "lm-final": recipe.lm_final.steps,
    }
    begun = []
    for name, steps in stages.items():
        last = read_last(directory / name)
        if last is not None and last["step"] < steps:
            begun.append(f"{name} {last['step']:.0f}/{steps}, loss {last['loss']:.3f}")
    last = read_last(directory / SYNTHETIC)
    if last is not None and last["step"] < last["total"]:
        begun.append(f"synthetic data {last['step']}/{last['total']}")
    return "; ".join(begun)


def _train_glm(directory: Path, recipe: DemoRecipe, load_data: Callable[[], DemoData]) -> None:
    DemoNetworks(recipe, directory).train_glm(load_data())


def _train_tokens(directory: Path, recipe: DemoRecipe, load_data: Callable[[], DemoData]) -> None:
    DemoNetworks(recipe, directory).train_tokens(load_data())


def _train_decoder(directory: Path, recipe: DemoRecipe, load_data: Callable[[], DemoData]) -> None:
    DemoNetworks(recipe, directory).train_decoder(load_data())


def _train_lm(directory: Path, recipe: DemoRecipe, load_data: Callable[[], DemoData]) -> None:
    DemoNetworks(recipe, directory).train_lm(directory / NAME, load_data())


def _train_lm_on_synthetic(directory: Path, recipe: DemoRecipe, load_data: Callable[[], DemoData]) -> None:
    DemoNetworks(recipe, directory).train_lm_on_synthetic(directory / NAME, load_data())


def _train_lm_final(directory: Path, recipe: DemoRecipe, load_data: Callable[[], DemoData]) -> None:
    mx.distributed.init()  # meets the others before anything that takes longer here than there
    DemoNetworks(recipe, directory).train_lm_final(directory / NAME, load_data())


def _tune_decoder(directory: Path, recipe: DemoRecipe, load_data: Callable[[], DemoData]) -> None:
    DemoNetworks(recipe, directory).tune_decoder(load_data())
