"""A head that only training needs: it asks a layer of the language model what is being said.

Which word comes next decides a few codes out of a hundred, so speech learns the order of a text last of all. Asked at
every code for the word that is being said, or comes after a silence, and for its place in the text, the model learns
both within a few hundred steps.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpa_mlx.backend import mx, nn
from gpa_mlx.nn.qwen3 import Qwen3

UNKNOWN = -1
"""Label where nobody knows what is being said."""

_EPS = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class GuideConfig:
    """What is asked.

    Attributes:
        words: Different words; label 0 stands for the silence at the end.
        places: Most words of a text; place 0 is its end.
        layer: How many layers have been passed when the model is asked.
        word_weight: Of the question for the word, next to 1 for the codes.
        place_weight: Of the question for its place.
    """

    words: int
    places: int
    layer: int
    word_weight: float = 0.3
    place_weight: float = 0.15


class Guide(nn.Module):
    """The head.

    Args:
        config: What is asked.
        dims: Width of the language model.
    """

    def __init__(self, config: GuideConfig, dims: int) -> None:
        super().__init__()
        self._config = config
        self.word = nn.Linear(dims, config.words + 1)
        self.place = nn.Linear(dims, config.places + 1)

    @property
    def layer(self) -> int:
        """How many layers have been passed when the model is asked."""
        return self._config.layer

    def __call__(self, hidden: mx.array, saying: mx.array) -> mx.array:
        """Return the weighted sum of the cross entropies, in nats, float32 scalar.

        Args:
            hidden: States of the layer where targets are predicted, `(N, dims)`.
            saying: Label of the word and its place at each target, `(N, 2)` int32, or `UNKNOWN`.
        """
        states = mx.fast.rms_norm(hidden, None, _EPS)
        config, known = self._config, (saying[:, 0] != UNKNOWN).astype(mx.float32)
        labels = mx.maximum(saying, 0)
        word = nn.losses.cross_entropy(self.word(states).astype(mx.float32), labels[:, 0])
        place = nn.losses.cross_entropy(self.place(states).astype(mx.float32), labels[:, 1])
        return ((config.word_weight * word + config.place_weight * place) * known).sum()


def hidden_states(model: Qwen3, ids: mx.array, layer: int) -> tuple[mx.array, mx.array]:
    """Run `ids`, `(B, T)`; return the states after some layers and the final ones, both `(B, T, dims)`."""
    x = asked = model.model.embed_tokens(ids)
    for number, block in enumerate(model.model.layers, start=1):
        x = block(x, None)
        if number == layer:
            asked = x
    return asked, model.model.norm(x)
