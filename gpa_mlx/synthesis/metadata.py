"""What the record of a narration or a conversion says: weights, voice, sampling, and how each part came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

from gpa_mlx.model.parts import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from gpa_mlx.provenance.metadata import GenerationMetadata, ModelIdentity, Option, digest_of_text
from gpa_mlx.provenance.tagging import identify_model, identify_voice

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.synthesis.conversion import ConvertedSegment
    from gpa_mlx.synthesis.long_form import SpokenPassage
    from gpa_mlx.types import GenerationOptions, Voice


def identify_weights(model: Path, adapter: Path | None) -> ModelIdentity:
    """Return which weights a model and its adapter are.

    Args:
        model: The model's directory.
        adapter: The adapter's, if there is one.
    """
    return identify_model(model, [] if adapter is None else [adapter / ADAPTER_CONFIG, adapter / ADAPTER_WEIGHTS])


def describe_generation(
    task: Literal["speak", "vc"],
    model: ModelIdentity,
    voice: Voice,
    options: GenerationOptions,
    parts: Sequence[SpokenPassage | ConvertedSegment],
    *,
    settings: Mapping[str, Option],
    text: str | None = None,
    source_sha256: str | None = None,
) -> GenerationMetadata:
    """Return how speech was made.

    Args:
        task: The command.
        model: The weights.
        voice: Who speaks.
        options: Sampling, with the seed.
        parts: What the speech consists of.
        settings: What else the speech depends on.
        text: As written; only its digest is kept.
        source_sha256: Of the recording, if there was one.
    """
    sampling = asdict(options)
    seed = sampling.pop("seed")
    scores = tuple(part.error_rate for part in parts)
    return GenerationMetadata(
        task=task,
        model=model,
        voice=identify_voice(voice),
        seed=None if options.temperature == 0 else seed,
        seeds=tuple(part.seed for part in parts),
        text_sha256=None if text is None else digest_of_text(text),
        source_sha256=source_sha256,
        options={**sampling, **settings},
        scores=None if all(score is None for score in scores) else scores,
    )
