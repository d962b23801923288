"""`gpa-mlx train`: fine-tuning, and the demo model from scratch."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpa_mlx.cli.inputs import require_model
from gpa_mlx.cli.interruption import Interruption, SignalInterrupt, handled
from gpa_mlx.cli.options import FiniteFloat, is_given, model_option
from gpa_mlx.cli.program import Session
from gpa_mlx.cli.ready_help import PROGRAM
from gpa_mlx.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from gpa_mlx.train.language_model.fine_tuning import Dataset
    from gpa_mlx.train.language_model.training_run import FitConfig

_DIRECTORY = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)
_COUNT = click.IntRange(min=1)
_RATES = {"lora": 1e-4, "full": 1e-5}
_MODEL = "model"


@click.group()
def train() -> None:
    """Fine-tune a model, or train the demo model."""


@train.command()
@model_option
@click.option("--data", metavar="FILE.jsonl", type=_FILE, required=True, help="Manifest: what to learn.")
@click.option("--eval", "eval_data", metavar="FILE.jsonl", type=_FILE, help="Manifest: what to evaluate on.")
@click.option(
    "--eval-fraction",
    metavar="F",
    type=FiniteFloat(min=0, max=1, max_open=True),
    default=0.0,
    show_default=True,
    help="Part of --data to evaluate on instead.",
)
@click.option("--lora", "rank", metavar="R", type=_COUNT, help="Train an adapter of rank R.")
@click.option(
    "--lora-scale", metavar="S", type=FiniteFloat(min=0), default=2.0, show_default=True, help="Its strength."
)
@click.option("--full", is_flag=True, help="Train all weights of the language model.")
@click.option("--out", metavar="DIR", type=_DIRECTORY, required=True, help="Gets log, checkpoints and result.")
@click.option("--resume", is_flag=True, help="Continue the run in --out.")
@click.option("--epochs", metavar="N", type=_COUNT, help="Passes over the data.  [default: 2]")
@click.option("--steps", metavar="N", type=_COUNT, help="Updates, instead of --epochs.")
@click.option(
    "--lr", metavar="X", type=FiniteFloat(min=0, min_open=True), help="Learning rate.  [default: 1e-4, --full: 1e-5]"
)
@click.option("--warmup", metavar="N", type=click.IntRange(min=0), help="Steps to reach it.  [default: 3 % of all]")
@click.option("--weight-decay", metavar="X", type=FiniteFloat(min=0), default=0.005, show_default=True)
@click.option(
    "--batch-tokens",
    metavar="N",
    type=_COUNT,
    default=4096,
    show_default=True,
    help="Most tokens of a batch: what decides on the memory.",
)
@click.option("--accumulate", metavar="N", type=_COUNT, default=1, show_default=True, help="Batches per update.")
@click.option(
    "--max-length", metavar="N", type=_COUNT, default=4096, show_default=True, help="Tokens of the longest example."
)
@click.option(
    "--recompute", is_flag=True, help="Keep no activations for the backward pass: less memory, a third slower."
)
@click.option("--seed", metavar="N", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.option("--eval-every", metavar="N", type=_COUNT, default=200, show_default=True, help="Steps per evaluation.")
@click.option(
    "--eval-transcripts",
    metavar="N",
    type=click.IntRange(min=0),
    default=32,
    show_default=True,
    help="Most recordings to transcribe per evaluation.",
)
@click.option(
    "--save-minutes",
    metavar="N",
    type=FiniteFloat(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="Minutes per checkpoint.",
)
@click.option("--save-steps", metavar="N", type=_COUNT, help="A checkpoint every so many steps as well.")
@click.option(
    "--cache", metavar="DIR", type=_DIRECTORY, help="Where codes of the audio are kept.  [default: the user's cache]"
)
@click.pass_obj
def lm(
    session: Session,
    *,
    model: str | None,
    data: Path,
    eval_data: Path | None,
    eval_fraction: float,
    rank: int | None,
    lora_scale: float,
    full: bool,
    out: Path,
    resume: bool,
    cache: Path | None,
    max_length: int,
    eval_transcripts: int,
    **options: Any,  # noqa: ANN401 - all others describe the loop, see `_fit_config`
) -> None:
    """Fine-tune the language model on recordings.

    Each line of the manifest is a JSON object with `task` and files (relative ones are looked up beside the manifest):
    `stt` with audio and text; `tts-a` with audio, text and ref_audio; `vc` with audio, ref_audio and vc_audio.

    --lora writes an adapter to --out, for --adapter of the other commands or `train fuse`; --full writes a whole model
    to the folder `model` in --out. Ctrl-C saves; --resume continues.
    """
    diagnostics = session.diagnostics
    if (rank is None) == (not full):
        raise click.UsageError("Give either --lora R or --full.")
    if options["epochs"] and options["steps"]:
        raise click.UsageError("Give either --epochs or --steps.")
    if eval_data is not None and eval_fraction:
        raise click.UsageError("Give either --eval or --eval-fraction.")
    if full and is_given("lora_scale"):
        raise click.UsageError("--lora-scale is the strength of an adapter, and --full trains none.")
    if eval_data is None and not eval_fraction and (is_given("eval_every") or is_given("eval_transcripts")):
        raise click.UsageError(
            "Nothing is evaluated: --eval-every and --eval-transcripts need --eval or --eval-fraction."
        )
    path = require_model(session, model)
    from gpa_mlx.model.families.gpa.family import GPAModel
    from gpa_mlx.nn.lora import AdapterArgs
    from gpa_mlx.runtime.backend import mx
    from gpa_mlx.train.language_model.fine_tuning import DatasetConfig, fine_tune, load_dataset

    leads = mx.distributed.init().rank() == 0
    say = diagnostics.inform if leads else _ignore
    parts = GPAModel(path)
    source = DatasetConfig(
        manifest=data,
        eval_manifest=eval_data,
        eval_fraction=eval_fraction,
        cache=cache or _default_cache(),
        max_tokens=max_length,
        seed=options["seed"],
    )
    with diagnostics.working("tokenising") as show:
        dataset = load_dataset(parts, source, on_progress=lambda line, total: show(f"tokenising: {line} of {total}"))
    for reason in dataset.too_long:
        say(f"left out: {reason}")
    config = _fit_config(dataset, _RATES["full" if full else "lora"], **options)
    say(f"{len(dataset.train)} examples to learn, {len(dataset.held_out)} to evaluate on, {config.steps} steps")
    with diagnostics.working("training") as show, _stop_on_signal(session.interruption) as stop:
        result = fine_tune(
            parts,
            dataset,
            config,
            out,
            adapter=None if rank is None else AdapterArgs(rank, lora_scale),
            max_transcripts=eval_transcripts,
            resume=resume,
            should_stop=stop,
            on_step=lambda step, loss: show(f"training: step {step} of {config.steps}, loss {loss:.3f}"),
        )
    if not result.finished:
        say(f"stopped and saved at step {result.step} of {config.steps}; to continue:")
        say(_resume_command())
        raise click.exceptions.Exit(session.interruption.exit_code)
    if full and leads:
        from gpa_mlx.store.files import real_target
        from gpa_mlx.store.staging import recover, staged
        from gpa_mlx.train.language_model.export import write_trained

        target = real_target(out / _MODEL)
        recover(target)
        with staged(target, replace=True) as folder:
            write_trained(parts, result.weights, folder, out.resolve().name)
    loss = "" if result.loss is None else f", loss {result.loss:.4f}"
    say(f"{out / _MODEL if full else out}: trained for {result.step} steps{loss}")


@train.command()
@model_option
@click.option("--adapter", metavar="DIR", type=_DIRECTORY, required=True, help="What `train lm --lora` wrote.")
@click.option("--out", metavar="DIR", type=_DIRECTORY, required=True, help="Directory to create.")
@click.option("--force", is_flag=True, help="Replace an existing converted model.")
@click.pass_obj
def fuse(session: Session, *, model: str | None, adapter: Path, out: Path, force: bool) -> None:
    """Work an adapter into the weights.

    The result is a model like any other, without the adapter's cost.
    """
    diagnostics = session.diagnostics
    path = require_model(session, model)
    from gpa_mlx.model.families.gpa.family import GPAModel
    from gpa_mlx.store.file_names import lies_in
    from gpa_mlx.store.files import real_target
    from gpa_mlx.store.staging import check_destination, recover, staged
    from gpa_mlx.train.language_model.export import write_fused

    parts = GPAModel(path, adapter)
    target = real_target(out)
    if lies_in(Path(path), target) or lies_in(adapter, target):
        raise SettingsError(f"{out} holds an input.", hint="Choose another destination.")
    recover(target)
    check_destination(target, force=force)
    with diagnostics.working("fusing"), staged(target, replace=force) as folder:
        write_fused(parts, folder, target.name)
    diagnostics.inform(f"{out}: written")


@train.command()
@click.option("--out", metavar="DIR", type=_DIRECTORY, required=True, help="Gets data, checkpoints and the model.")
@click.option(
    "--kokoro",
    metavar="DIR",
    type=_DIRECTORY,
    help="Only record what Kokoro, whose files are in DIR, says in natural voices, for the next demo model.",
)
@click.option(
    "--people",
    metavar="DIR",
    type=_DIRECTORY,
    help="Only train the half of the next demo model that hears, on recordings in --out and people's in DIR.",
)
@click.option(
    "--takes", metavar="N", type=_COUNT, default=3000, show_default=True, help="How much it says: 14 words a take."
)
@click.pass_obj
def demo(session: Session, *, out: Path, kokoro: Path | None, people: Path | None, takes: int) -> None:
    """Train a small GPA from scratch on synthesised words.

    espeak-ng and flite speak the data. Two processes train at a time. Every stage is resumed where it stopped, so the
    command can be interrupted and given again. The model, with a card that holds its scores, is the folder
    `gpa-mlx-demo` in --out; what ships of it, with voices and samples, is the folder `embedded`.

    With --kokoro, natural speech is recorded to `recordings` in --out instead. A file STOP in --out ends that, too.
    With --people, the half that hears is trained, in `hearing` in --out.
    """
    if kokoro is not None and people is not None:
        raise click.UsageError("Give either --kokoro or --people.")
    if kokoro is None and is_given("takes"):
        raise click.UsageError("--takes is how much Kokoro says, and --kokoro is not given.")
    if kokoro is not None:
        _record(session, kokoro, out, takes)
        return
    if people is not None:
        _learn_to_hear(session, people, out)
        return
    from functools import partial

    from gpa_mlx.recipes.demo.data.dataset import make_demo_data
    from gpa_mlx.recipes.demo.evaluation.evaluator import evaluate
    from gpa_mlx.recipes.demo.evaluation.model_card import write_card
    from gpa_mlx.recipes.demo.release import make_embedded
    from gpa_mlx.recipes.demo.training.build import build_demo
    from gpa_mlx.recipes.demo.training.recipe import DemoRecipe

    diagnostics = session.diagnostics
    recipe, folder = DemoRecipe(), out / "data"
    with diagnostics.working("making the data") as show:
        data = make_demo_data(folder, on_progress=lambda done, total: show(f"speaking: {done} of {total}"))
    with diagnostics.working("training") as show:
        model = build_demo(out, recipe, partial(make_demo_data, folder), report=show)
    with diagnostics.working("evaluating") as show:
        scores = evaluate(model, data, report=show)
    write_card(model, scores, recipe, data)
    make_embedded(model, data, out / "embedded")
    diagnostics.inform(f"{model}: written, its scores are in {model / 'MODEL_CARD.md'}")


def _learn_to_hear(session: Session, people: Path, out: Path) -> None:
    from gpa_mlx.recipes.demo.recordings.hearing_data import record_and_read
    from gpa_mlx.recipes.demo.training.hearing import HearingHalf, HearingRecipe

    diagnostics = session.diagnostics
    with diagnostics.working("gathering recordings") as show:
        data = record_and_read(people, out / "recordings", report=show)
    diagnostics.inform(data.summary)
    loaders = max(1, (os.cpu_count() or 1) // 2)
    half = HearingHalf(HearingRecipe(), out / "hearing", data.recordings, data.backgrounds, loaders=loaders)
    with diagnostics.working("training") as show:
        model = half.train(lambda stage: show(f"training: {stage}"))
    diagnostics.inform(f"{model}: written; it transcribes and nothing else")


@train.command()
@model_option
@click.option("--people", metavar="DIR", type=_DIRECTORY, help="Recordings of people: Speech Commands, digits.")
@click.option("--recordings", metavar="DIR", type=_DIRECTORY, help="What `train demo --kokoro` recorded.")
@click.option("--piper", metavar="DIR", type=_DIRECTORY, help="A voice of Piper, as one more unheard voice.")
@click.option("--whisper", metavar="DIR", type=_DIRECTORY, help="Whisper for faster-whisper, which judges its speech.")
@click.option(
    "--voices", metavar="DIR", type=_DIRECTORY, help="Voice cards to speak with.  [default: the built-in ones]"
)
@click.option(
    "--most", metavar="N", type=_COUNT, default=200, show_default=True, help="Recordings of a set; a quarter is spoken."
)
@click.option("--out", metavar="FILE.json", type=_FILE, help="Gets each figure when it is known.")
@click.pass_obj
def judge(
    session: Session, *, model: str | None, voices: Path | None, most: int, out: Path | None, **sources: Path | None
) -> None:
    """Judge a demo model by people and natural voices.

    Prints a table of figures and targets: words said by people, connected phrases, noise, sounds without speech,
    its own speech and conversions as an independent recogniser hears them. What is not given is not measured.
    """
    import json

    from gpa_mlx.model.demo import demo_voices
    from gpa_mlx.recipes.demo.evaluation.everyday import TABLE_HEAD, Measured, table_row
    from gpa_mlx.recipes.demo.evaluation.everyday_run import Sources, stream_everyday
    from gpa_mlx.store.files import write_atomically
    from gpa_mlx.voices.card import SUFFIX, read_card

    path = require_model(session, model)
    cards = demo_voices() if voices is None else tuple(read_card(card) for card in sorted(voices.glob(f"*{SUFFIX}")))
    measured: list[Measured] = []
    click.echo(TABLE_HEAD)
    with session.diagnostics.working("judging") as show:
        for row in stream_everyday(Path(path), cards, Sources(**sources), most=most, report=show):
            measured.append(row)
            click.echo(table_row(row))
            if out is not None:
                write_atomically(out, json.dumps([row.as_dict() for row in measured], indent=2) + "\n")


def _record(session: Session, kokoro: Path, out: Path, takes: int) -> None:
    from gpa_mlx.recipes.demo.recordings.teaching import record_both_splits
    from gpa_mlx.recipes.demo.teachers.kokoro import Kokoro

    diagnostics, teacher, stop_file = session.diagnostics, Kokoro(kokoro), out / "STOP"
    with diagnostics.working("recording") as show, _stop_on_signal(session.interruption) as interrupted:
        finished = record_both_splits(
            out / "recordings",
            teacher,
            takes,
            should_stop=lambda: interrupted() or stop_file.exists(),
            report=lambda line: show(f"recording for {line}"),
        )
    if finished:
        diagnostics.inform(f"{out / 'recordings'}: recorded")
        return
    diagnostics.inform("stopped; the same command goes on")
    if session.interruption.number is not None:
        raise click.exceptions.Exit(session.interruption.exit_code)


def _fit_config(
    dataset: Dataset,
    default_rate: float,
    *,
    epochs: int | None,
    steps: int | None,
    lr: float | None,
    warmup: int | None,
    weight_decay: float,
    batch_tokens: int,
    accumulate: int,
    recompute: bool,
    seed: int,
    eval_every: int,
    save_minutes: float,
    save_steps: int | None,
) -> FitConfig:
    from dataclasses import replace

    from gpa_mlx.train.language_model.training_run import FitConfig

    config = FitConfig(
        steps=steps or 0,
        learning_rate=lr or default_rate,
        weight_decay=weight_decay,
        batch_tokens=batch_tokens,
        accumulate=accumulate,
        seed=seed,
        checkpointing=recompute,
        eval_every=eval_every,
        save_every_s=save_minutes * 60,
        save_every_steps=save_steps or 0,
    )
    total = steps or dataset.steps(config, epochs or 2)
    return replace(config, steps=total, warmup_steps=round(0.03 * total) if warmup is None else warmup)


@contextlib.contextmanager
def _stop_on_signal(interruption: Interruption) -> Iterator[Callable[[], bool]]:
    """Turn the first signal that ends a run into a request, so that the step in progress ends and is saved."""

    def request(number: int, frame: FrameType | None) -> None:
        if interruption.number is not None:
            raise SignalInterrupt(interruption.number)
        interruption.note(number)

    with handled(request):
        yield lambda: interruption.number is not None


def _resume_command() -> str:
    arguments = [argument for argument in sys.argv[1:] if argument != "--resume"]
    return shlex.join([PROGRAM, *arguments, "--resume"])


def _default_cache() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("gpa-mlx") / "training-codes"


def _ignore(message: str) -> None:
    """Only the first of several processes speaks."""
