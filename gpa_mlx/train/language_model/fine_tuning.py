"""Fine-tuning of a converted GPA model on a manifest of recordings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gpa_mlx.errors import SettingsError
from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.nn.lora import AdapterArgs, add_adapters
from gpa_mlx.runtime.backend import mx
from gpa_mlx.train.language_model.adapters import save_adapter
from gpa_mlx.train.language_model.batches import count_batches
from gpa_mlx.train.language_model.code_cache import TokenCache
from gpa_mlx.train.language_model.corpus import Corpus, Example, build_corpus, split_corpus
from gpa_mlx.train.language_model.fit import FitResult, fit
from gpa_mlx.train.language_model.training_manifest import read_training_manifest
from gpa_mlx.train.language_model.training_run import FitConfig
from gpa_mlx.train.language_model.validation import evaluate


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetConfig:
    """What to train on.

    Attributes:
        manifest: Lines to learn.
        eval_manifest: Lines to evaluate on; None takes `eval_fraction` of the others.
        eval_fraction: Part of the manifest to set aside.
        cache: Where codes of the audio are kept.
        max_tokens: Longest example.
        seed: Of the choice of what is set aside.
    """

    manifest: Path
    eval_manifest: Path | None
    eval_fraction: float
    cache: Path
    max_tokens: int
    seed: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples, ready to train on.

    Attributes:
        train: To learn.
        held_out: To evaluate on; may be empty.
        too_long: One sentence per line that was left out.
    """

    train: tuple[Example, ...]
    held_out: tuple[Example, ...]
    too_long: tuple[str, ...]

    def steps(self, config: FitConfig, epochs: int) -> int:
        """Return the updates of so many passes over the training examples."""
        lengths = [len(example.ids) for example in self.train]
        batches = count_batches(lengths, config.batch_tokens, config.seed, epochs)
        return -(-batches // config.accumulate)


def load_dataset(
    parts: GPAModel,
    config: DatasetConfig,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Read the manifests and tokenise their audio; what is in the cache is not computed again.

    Args:
        parts: The model; its audio tokenizers are loaded when needed and dropped again.
        config: What to read.
        on_progress: Called with the line in work and lines in total, per manifest.

    Raises:
        ManifestError: Naming every line that cannot be used.
        GPAError: A manifest cannot be read, or nothing is left of it.
    """
    cache = TokenCache(config.cache, parts)

    def build(manifest: Path) -> Corpus:
        return build_corpus(
            parts,
            manifest,
            read_training_manifest(manifest),
            cache,
            max_tokens=min(config.max_tokens, parts.lm_args.max_position_embeddings),
            on_progress=on_progress,
        )

    corpus = build(config.manifest)
    if config.eval_manifest is not None:
        train, held_out = corpus.examples, build(config.eval_manifest)
        dataset = Dataset(train, held_out.examples, (*corpus.too_long, *held_out.too_long))
    else:
        dataset = Dataset(*split_corpus(corpus, config.eval_fraction, config.seed), corpus.too_long)
    parts.unload()
    return dataset


def fine_tune(
    parts: GPAModel,
    dataset: Dataset,
    config: FitConfig,
    directory: Path,
    *,
    adapter: AdapterArgs | None,
    max_transcripts: int = 32,
    resume: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> FitResult:
    """Train the language model of `parts`, all of it or an adapter.

    Args:
        parts: The model; its language model holds the trained weights afterwards.
        dataset: What to learn and to evaluate on.
        config: How.
        directory: Gets log, plot and checkpoints, and the adapter.
        adapter: Size of the adapter to train; None trains all weights.
        max_transcripts: Most recordings to transcribe per evaluation.
        resume: Continue from the last checkpoint.
        should_stop: Asked after every step; True saves and returns.
        on_step: Called with steps done and the loss.

    Raises:
        SettingsError: A quantised model cannot be trained whole; or as `fit`.
        GPAError: The training diverged.
    """
    if adapter is None and parts.manifest.parts["lm"].bits is not None:
        raise SettingsError(
            f"The weights of {parts.path} are quantised and cannot be trained whole.",
            hint="Train an adapter with --lora, or convert the model without --lm-bits.",
        )
    model = parts.language_model
    if adapter is not None:
        add_adapters(model, adapter, seed=config.seed)

    def figures() -> dict[str, float]:
        return evaluate(
            model,
            parts.layout,
            parts.text,
            dataset.held_out,
            batch_tokens=config.batch_tokens,
            max_transcripts=max_transcripts,
        )

    result = fit(
        model,
        dataset.train,
        config,
        directory,
        resume=resume,
        evaluate=figures if dataset.held_out else None,
        should_stop=should_stop,
        on_step=on_step,
        identity={
            "model": parts.manifest.files["model.safetensors"].sha256,
            "adapter": None if adapter is None else [adapter.rank, adapter.scale],
        },
    )
    if adapter is not None and mx.distributed.init().rank() == 0:
        save_adapter(directory, result.weights, adapter, parts.manifest)
    return result
