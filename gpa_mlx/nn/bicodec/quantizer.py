"""Factorised vector quantiser: nearest unit vector of a low-dimensional codebook (arXiv 2110.04627)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx.nn.layers import l2_normalize
from gpa_mlx.runtime.backend import mx, nn

if TYPE_CHECKING:
    from gpa_mlx.nn.bicodec.config import QuantizerArgs


class FactorizedQuantizer(nn.Module):
    """Latents to semantic codes and back.

    Directions are compared when encoding, but decoding returns the codebook row with its own length.

    Args:
        args: Sizes; equal input and codebook widths mean that nothing is projected.
    """

    def __init__(self, args: QuantizerArgs) -> None:
        super().__init__()
        self.codebook = mx.random.normal((args.codebook_size, args.codebook_dim))
        self.has_projections = args.input_dim != args.codebook_dim
        if self.has_projections:
            self.in_project = nn.Linear(args.input_dim, args.codebook_dim)
            self.out_project = nn.Linear(args.codebook_dim, args.input_dim)

    def project(self, z: mx.array) -> mx.array:
        """Map latents `(B, T, input_dim)` to the codebook's space, `(B, T, codebook_dim)`."""
        return self.in_project(z) if self.has_projections else z

    def nearest(self, z_e: mx.array) -> mx.array:
        """Map projected latents `(B, T, codebook_dim)` to codes `(B, T)` int32, the lowest of equally near ones."""
        query, codebook = l2_normalize(z_e), l2_normalize(self.codebook)
        products = query @ codebook.T
        distance = mx.sum(query * query, axis=-1, keepdims=True) - 2 * products + mx.sum(codebook * codebook, axis=-1)
        return mx.argmin(distance, axis=-1).astype(mx.int32)

    def encode(self, z: mx.array) -> mx.array:
        """Map latents `(B, T, input_dim)` to codes `(B, T)` int32."""
        return self.nearest(self.project(z))

    def decode(self, codes: mx.array) -> mx.array:
        """Map codes `(B, T)` to latents `(B, T, input_dim)`."""
        z = self.codebook[codes]
        return self.out_project(z) if self.has_projections else z
