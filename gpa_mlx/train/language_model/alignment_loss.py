"""Auxiliary alignment loss: classifiers on hidden states that only training has, so that speech follows the text.

Which word comes next decides a few codes out of a hundred, so a speech language model learns the order of a text last
of all. The auxiliary targets make it a matter of every code: the index in the text of the word that is being said, or
comes after a silence; a layer later the word itself and the word after it. The words of the text have to give their
index too: those in the middle are hard to tell apart otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gpa_mlx.nn.qwen3 import Qwen3
from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.train.language_model.batches import Batch
from gpa_mlx.train.language_model.corpus import UNKNOWN

_EPS = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentLossConfig:
    """Classes, layers and weights of the auxiliary loss; each weight stands next to 1 for the loss of a code.

    Attributes:
        vocabulary_size: Different words; class 0 stands for the silence at the end, and for what follows the last word.
        max_words: Most words of a text, whose indices are counted from 1; index 0 is its end.
        index_layer: Layers before the states that predict word indices, in the text and in speech.
        word_layer: Layers before the states that predict words.
        text_weight: Of the index of each word of the text.
        index_weight: Of the index of the word that is being said.
        word_weight: Of that word, and of the next one.
    """

    vocabulary_size: int
    max_words: int
    index_layer: int
    word_layer: int
    text_weight: float = 1.0
    index_weight: float = 0.15
    word_weight: float = 0.3


class AlignmentLoss(nn.Module):
    """Linear classifiers of word index, word and next word on intermediate layers.

    One classifier gives the index for text and for speech, so that a word of the text and the speech of it are marked
    alike and attention finds the one from the other.
    """

    def __init__(self, config: AlignmentLossConfig, dims: int) -> None:
        super().__init__()
        self._config = config
        self.word = nn.Linear(dims, config.vocabulary_size + 1)
        self.word_index = nn.Linear(dims, config.max_words + 1)
        self.next_word = nn.Linear(dims, config.vocabulary_size + 1)

    def __call__(self, states: Sequence[mx.array], batch: Batch) -> mx.array:
        """Return the weighted sum of the cross entropies, in nats, float32 scalar.

        Args:
            states: What `layer_states` returns for the batch.
            batch: Its labels that are `UNKNOWN` do not count.
        """
        config = self._config
        index_states, word_states = states[config.index_layer], states[config.word_layer]
        words, indices, next_words = (batch.alignment[:, column] for column in range(3))
        total = config.word_weight * _summed_cross_entropy(self.word, word_states, batch.positions, words)
        total = total + config.index_weight * _summed_cross_entropy(
            self.word_index, index_states, batch.positions, indices
        )
        total = total + config.word_weight * _summed_cross_entropy(
            self.next_word, word_states, batch.positions, next_words
        )
        if batch.text_positions.size:
            total = total + config.text_weight * _summed_cross_entropy(
                self.word_index, index_states, batch.text_positions, batch.text_word_indices
            )
        return total


def layer_states(model: Qwen3, ids: mx.array) -> list[mx.array]:
    """Run `ids`, `(B, T)`; return the embeddings and the states after each layer, all `(B, T, dims)`."""
    states = [model.model.embed_tokens(ids)]
    for layer in model.model.layers:
        states.append(layer(states[-1], None))
    return states


def _summed_cross_entropy(classifier: nn.Linear, states: mx.array, positions: mx.array, labels: mx.array) -> mx.array:
    rows = mx.fast.rms_norm(states.reshape(-1, states.shape[-1])[positions], None, _EPS)
    known = (labels != UNKNOWN).astype(mx.float32)
    return (nn.losses.cross_entropy(classifier(rows).astype(mx.float32), mx.maximum(labels, 0)) * known).sum()
