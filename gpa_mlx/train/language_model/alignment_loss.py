"""A head that only training needs: it asks the language model what it reads and what it is saying.

Which word comes next decides a few codes out of a hundred, so speech learns the order of a text last of all. The
questions make it a matter of every code: which place has the word that is being said, or comes after a silence, and,
a layer later, which word is it, and which comes after it. The words of the text are asked for their places, too: those
in the middle are hard to tell apart otherwise.
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
    """What is asked.

    Attributes:
        words: Different words; label 0 stands for the silence at the end, and for what comes after the last word.
        places: Most words of a text; place 0 is its end.
        place_layer: How many layers have been passed when the model is asked for places, in the text and in speech.
        word_layer: How many have been passed when it is asked for words.
        text_weight: Of the question for the place of each word of the text, next to 1 for each code.
        place_weight: Of the question for the place of what is being said.
        word_weight: Of the questions for the word and the next one.
    """

    words: int
    places: int
    place_layer: int
    word_layer: int
    text_weight: float = 1.0
    place_weight: float = 0.15
    word_weight: float = 0.3


class AlignmentLoss(nn.Module):
    """The head.

    One layer answers both questions for a place, so that a word of the text and the speech of it are marked alike and
    attention finds the one from the other.

    Args:
        config: What is asked.
        dims: Width of the language model.
    """

    def __init__(self, config: AlignmentLossConfig, dims: int) -> None:
        super().__init__()
        self._config = config
        self.word = nn.Linear(dims, config.words + 1)
        self.place = nn.Linear(dims, config.places + 1)
        self.next_word = nn.Linear(dims, config.words + 1)

    def __call__(self, states: Sequence[mx.array], batch: Batch) -> mx.array:
        """Return the weighted sum of the cross entropies, in nats, float32 scalar.

        Args:
            states: What `layer_states` returns for the batch.
            batch: With the answers.
        """
        config = self._config
        place, word = states[config.place_layer], states[config.word_layer]
        saying = batch.saying
        total = config.word_weight * _asked(self.word, word, batch.positions, saying[:, 0])
        total = total + config.place_weight * _asked(self.place, place, batch.positions, saying[:, 1])
        total = total + config.word_weight * _asked(self.next_word, word, batch.positions, saying[:, 2])
        if batch.text_positions.size:
            total = total + config.text_weight * _asked(self.place, place, batch.text_positions, batch.text_places)
        return total


def layer_states(model: Qwen3, ids: mx.array) -> list[mx.array]:
    """Run `ids`, `(B, T)`; return the embeddings and the states after each layer, all `(B, T, dims)`."""
    states = [model.model.embed_tokens(ids)]
    for layer in model.model.layers:
        states.append(layer(states[-1], None))
    return states


def _asked(head: nn.Linear, states: mx.array, positions: mx.array, answers: mx.array) -> mx.array:
    """Return the summed cross entropy of the answers that are known."""
    rows = mx.fast.rms_norm(states.reshape(-1, states.shape[-1])[positions], None, _EPS)
    known = (answers != UNKNOWN).astype(mx.float32)
    return (nn.losses.cross_entropy(head(rows).astype(mx.float32), mx.maximum(answers, 0)) * known).sum()
