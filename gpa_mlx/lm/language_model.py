"""What generation needs of a network: any decoder-only transformer with a cache per layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from gpa_mlx.runtime.backend import mx, nn


class DecoderSizes(Protocol):
    """Sizes of a language model."""

    @property
    def num_layers(self) -> int:
        """Layers, each with a cache of its own."""
        ...

    @property
    def max_position_embeddings(self) -> int:
        """Most ids in a sequence, prompt included."""
        ...


class Decoder(Protocol):
    """Embedding, layers and final norm."""

    def __call__(self, ids: mx.array, caches: Sequence[Any], *, embeddings: mx.array | None = None) -> mx.array:
        """Return hidden states `(B, T, D)` for ids `(B, T)`, or for `embeddings` `(B, T, D)` in their place."""
        ...


class LanguageModel(Protocol):
    """A decoder and the layer whose rows are the vocabulary."""

    @property
    def args(self) -> DecoderSizes:
        """Its sizes."""
        ...

    @property
    def model(self) -> Decoder:
        """Everything below the output layer."""
        ...

    @property
    def output_layer(self) -> nn.Module:
        """The output projection, possibly tied to the embedding, possibly quantised."""
        ...
