"""How far what a model computes here is from what it computed when it was released."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gpa_mlx.doctor.first_run.demo_results import read_results, results_of
from gpa_mlx.doctor.first_run.processes import TF32_VARIABLE
from gpa_mlx.model.demo import demo_model, demo_samples, demo_voices, results_file
from gpa_mlx.provenance.tagging import identify_model
from gpa_mlx.runtime.backend import mx

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpa_mlx.doctor.first_run.demo_results import DemoResults

_PRODUCT_SIZE = 512


def measure_parity(*, models: Mapping[str, str], device: str) -> dict[str, Any]:
    """Compare models with the committed results.

    Args:
        models: Directories, by a name for each.
        device: `cpu` to compute on the processor, `default` for what MLX chooses.

    Returns:
        The device, MLX's variable for TF32, the relative error of a float32 matrix product (about 1e-7, with TF32
        about 1e-4), whether the committed results are of the demo model that is installed, and the differences of each
        model.

    Raises:
        GPAError: A model cannot be used, or the committed results are damaged.
    """
    if device == "cpu":
        mx.set_default_device(mx.Device(mx.cpu))
    expected = read_results(results_file())
    samples, voice = demo_samples(), demo_voices()[0]
    return {
        "device": mx.default_device().type.name,
        TF32_VARIABLE: os.environ.get(TF32_VARIABLE),
        "product_error": _finite(_product_error()),
        "same_weights": identify_model(demo_model()).sha256 == expected.model_sha256,
        "models": {
            name: differences(expected, results_of(Path(path), samples, voice)) for name, path in models.items()
        },
    }


def differences(expected: DemoResults, found: DemoResults) -> dict[str, Any]:
    """Count what differs.

    Returns:
        For each kind of codes, and for the likeliest speech, how many differ and of how many; the texts that differ;
        the largest difference of logits and of samples of a waveform.
    """
    pairs = list(zip(expected.samples, found.samples, strict=True))
    return {
        "glm": _count((a.glm, b.glm) for a, b in pairs),
        "semantic": _count((a.semantic, b.semantic) for a, b in pairs),
        "global": _count((a.global_tokens, b.global_tokens) for a, b in pairs),
        "texts": {"different": sum(a.text != b.text for a, b in pairs), "of": len(pairs)},
        "heard": {a.file: {"expected": a.text, "found": b.text} for a, b in pairs if a.text != b.text},
        "speech": {
            **_count([(expected.speech, found.speech)]),
            "same_before": _common_prefix(expected.speech, found.speech),
        },
        "logits": _finite(_largest(expected.logits, found.logits)),
        "wave": _finite(_largest(expected.wave, found.wave)),
    }


def _count(pairs: Any) -> dict[str, int]:  # noqa: ANN401
    different = total = 0
    for expected, found in pairs:
        total += len(expected)
        different += abs(len(expected) - len(found)) + sum(a != b for a, b in zip(expected, found, strict=False))
    return {"different": different, "of": total}


def _common_prefix(expected: Sequence[int], found: Sequence[int]) -> int:
    same = (a == b for a, b in zip(expected, found, strict=False))
    return next((index for index, is_same in enumerate(same) if not is_same), min(len(expected), len(found)))


def _largest(expected: Sequence[float], found: Sequence[float]) -> float:
    if len(expected) != len(found):
        return math.inf
    return float(np.max(np.abs(np.subtract(expected, found)), initial=0.0))


def _product_error() -> float:
    rng = np.random.default_rng(0)
    left, right = (rng.standard_normal((_PRODUCT_SIZE, _PRODUCT_SIZE)).astype(np.float32) for _ in range(2))
    exact = left.astype(np.float64) @ right.astype(np.float64)
    return float(np.sqrt(np.mean((np.array(mx.array(left) @ mx.array(right)) - exact) ** 2) / np.mean(exact**2)))


def _finite(number: float) -> float | str:
    """Return a number, or its name where JSON has none."""
    return number if math.isfinite(number) else str(number)
