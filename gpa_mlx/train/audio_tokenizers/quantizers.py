"""Training through the quantisers: straight-through gradients, and EMA codebooks.

Pitfalls this answers: quantising from the first step collapses the encoder, so the codebook is bypassed for a while
and then starts as samples of the data; codes that nothing chooses any more are put where data is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpa_mlx.nn.bicodec.fsq import FiniteScalarQuantizer
from gpa_mlx.nn.bicodec.quantizer import FactorizedQuantizer
from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.train.audio_tokenizers.losses import masked_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class CodebookSettings:
    """How a codebook is trained.

    Attributes:
        bypass_steps: Steps before quantisation starts; 0 starts with the codebook as it is.
        decay: Of the moving averages that make up the codebook (arXiv 1711.00937, appendix A.1).
        reseed_steps: Steps between two searches for dead codes.
        dead_share: A code is dead when it is used less than this share of the average use.
    """

    bypass_steps: int = 250
    decay: float = 0.98
    reseed_steps: int = 50
    dead_share: float = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Quantized:
    """One pass through a codebook.

    Attributes:
        latents: `(B, T, D)`, what the decoder sees; its gradient passes to the encoder unchanged.
        vectors: `(B, T, C)`, what entered the search, without gradient.
        codes: `(B, T)` int32.
        valid: `(B, T)` bool, False on padding.
        commitment: Scalar, the mean squared distance of vectors and their codes; 0 while bypassed.
    """

    latents: mx.array
    vectors: mx.array
    codes: mx.array
    valid: mx.array
    commitment: mx.array


def quantize_semantic(quantizer: FactorizedQuantizer, latents: mx.array, valid: mx.array, *, bypass: bool) -> Quantized:
    """Quantise BiCodec's latents `(B, T, input_dim)`; bypassed, they pass through both projections only."""
    vectors = quantizer.project(latents)
    codes = quantizer.nearest(mx.stop_gradient(vectors))
    z, commitment = _straight_through(vectors, quantizer.codebook[codes], valid, bypass=bypass)
    decoded = quantizer.out_project(z) if quantizer.has_projections else z
    return Quantized(decoded, mx.stop_gradient(vectors), codes, valid, commitment)


def quantize_glm(codebook: nn.Embedding, hidden: mx.array, valid: mx.array, *, bypass: bool) -> Quantized:
    """Quantise Whisper-VQ's pooled states `(B, T, d_model)` to the nearest row."""
    rows, vectors = codebook.weight, mx.stop_gradient(hidden)
    codes = mx.argmin((rows * rows).sum(axis=-1) - 2 * (vectors @ rows.T), axis=-1).astype(mx.int32)
    z, commitment = _straight_through(hidden, rows[codes], valid, bypass=bypass)
    return Quantized(z, vectors, codes, valid, commitment)


def quantize_scalar(quantizer: FiniteScalarQuantizer, x: mx.array, levels: Sequence[int]) -> mx.array:
    """Quantise `(..., dims)` to finite levels and back; rounding passes gradients unchanged (arXiv 2309.15505)."""
    bounded = quantizer.bound(x)
    rounded = bounded + mx.stop_gradient(mx.round(bounded) - bounded)
    coordinates = rounded / mx.array([level // 2 for level in levels])
    return quantizer.project_out(coordinates) if quantizer.has_projections else coordinates


def _straight_through(
    vectors: mx.array, chosen: mx.array, valid: mx.array, *, bypass: bool
) -> tuple[mx.array, mx.array]:
    if bypass:
        return vectors, mx.array(0.0)
    chosen = mx.stop_gradient(chosen)
    distance = ((vectors - chosen) ** 2).mean(axis=-1)
    return vectors + mx.stop_gradient(chosen - vectors), masked_mean(distance, valid)


class CodebookEMA(nn.Module):
    """Exponential moving averages of how often every code is chosen and of the vectors that choose it.

    A module, so that checkpoints hold it; it has nothing that gradients train.

    Args:
        settings: How the codebook is trained.
        size: Codes.
        dims: Width of a code.
    """

    def __init__(self, settings: CodebookSettings, size: int, dims: int) -> None:
        super().__init__()
        self._settings = settings
        self.counts = mx.zeros((size,))
        self.sums = mx.zeros((size, dims))
        self.freeze()

    def bypassed(self, step: int) -> bool:
        """Whether the codebook is not used yet in this step, counted from 0."""
        return step < self._settings.bypass_steps

    def next_codebook(self, codebook: mx.array, quantized: Quantized, step: int, rng: np.random.Generator) -> mx.array:
        """Return the codebook for the next step.

        Args:
            codebook: `(size, dims)`.
            quantized: This step's pass through it.
            step: This step, from 0.
            rng: Chooses the vectors that codes start from.
        """
        settings = self._settings
        if step + 1 < settings.bypass_steps:
            return codebook
        valid = np.flatnonzero(np.array(quantized.valid).ravel())
        vectors = quantized.vectors.reshape(-1, codebook.shape[1])[mx.array(valid)]
        if step + 1 == settings.bypass_steps:
            return self._start(vectors, rng)
        if not self.counts.sum().item():
            # Without a bypass the codebook starts as it was given.
            self.counts = mx.full(self.counts.shape, vectors.shape[0] / len(codebook))
            self.sums = codebook * self.counts[:, None]
        codes = quantized.codes.reshape(-1)[mx.array(valid)]
        chosen = (codes[:, None] == mx.arange(codebook.shape[0])).astype(mx.float32)
        keep = settings.decay
        self.counts = keep * self.counts + (1 - keep) * chosen.sum(axis=0)
        self.sums = keep * self.sums + (1 - keep) * (chosen.T @ vectors)
        if (step + 1) % settings.reseed_steps == 0:
            self._reseed(vectors, rng)
        return self.sums / mx.maximum(self.counts, 1e-9)[:, None]

    def perplexity(self) -> mx.array:
        """Return how many equally frequent codes would be as varied as those chosen lately."""
        shares = self.counts / mx.maximum(self.counts.sum(), 1e-9)
        return mx.exp(-(shares * mx.log(shares + 1e-9)).sum())

    def _start(self, vectors: mx.array, rng: np.random.Generator) -> mx.array:
        count, size = vectors.shape[0], self.counts.shape[0]
        codebook = vectors[mx.array(rng.choice(count, size, replace=count < size))]
        self.counts = mx.full((size,), count / size)
        self.sums = codebook * self.counts[:, None]
        return codebook

    def _reseed(self, vectors: mx.array, rng: np.random.Generator) -> None:
        average = self.counts.mean()
        dead = self.counts < self._settings.dead_share * average
        drawn = vectors[mx.array(rng.integers(0, vectors.shape[0], self.counts.shape[0]))]
        self.counts = mx.where(dead, average, self.counts)
        self.sums = mx.where(dead[:, None], drawn * average, self.sums)
