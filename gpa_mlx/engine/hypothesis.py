"""Incremental detokenisation of one decoding pass, with loop detection and confidence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpa_mlx.lm.repetition import LoopDetector

if TYPE_CHECKING:
    from gpa_mlx.lm.generate import Token
    from gpa_mlx.model.tasks import TextOutput
    from gpa_mlx.types import FinishReason

_MAX_PERIOD = 32
_MIN_LOOP_TOKENS = 20
_MIN_LOOP_PERIODS = 5


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What one decoding pass makes of a segment.

    Attributes:
        text: Its words; without the repetitions where the model went into a loop.
        finish_reason: `stop`, `length` or `loop`.
        confidence: Geometric mean of the tokens' probabilities, 0 to 1.
    """

    text: str
    finish_reason: FinishReason
    confidence: float


class HypothesisBuilder:
    """Turns the tokens of one decoding pass into text and detects loops.

    A loop is a period of up to 32 tokens that comes at least five times and fills at least 20 tokens: nobody who reads
    out numbers or sings a refrain is that regular.

    Args:
        output: What the text is made of.
        exact: Let it loop, as the reference does.
    """

    def __init__(self, output: TextOutput, *, exact: bool = False) -> None:
        self._output = output
        self._stream = output.tokenizer.stream()
        self._exact = exact
        self._loops = LoopDetector(max_period=_MAX_PERIOD, min_ids=_MIN_LOOP_TOKENS, min_periods=_MIN_LOOP_PERIODS)
        self._ids: list[int] = []
        self._pieces: list[str] = []
        self._logprobs: list[float] = []
        self._in_text = True
        self._reason: FinishReason = "length"

    @property
    def is_done(self) -> bool:
        """Whether no further token is wanted."""
        return self._reason != "length"

    def push(self, token: Token) -> str:
        """Take the next token; return the text that it completes, often none."""
        self._logprobs.append(token.logprob)
        if token.id in self._output.stop_ids:
            self._reason = "stop"
            return ""
        self._in_text = self._in_text and token.id not in self._output.end_ids
        if not self._in_text or token.id in self._output.marker_ids:
            return ""
        self._ids.append(token.id)
        if self._loops.push(token.id) and not self._exact:
            self._reason = "loop"
        piece = self._stream.push(token.id)
        self._pieces.append(piece)
        return piece

    def flush(self) -> str:
        """Return the text that still waited for a token; no more come."""
        tail = self._stream.flush()
        self._pieces.append(tail)
        return tail

    def hypothesis(self) -> Hypothesis:
        """Return the result, after `flush`."""
        text = "".join(self._pieces)
        if self._reason == "loop":
            text = self._output.tokenizer.decode(self._ids[: len(self._ids) - self._loops.repeated()])
        confidence = math.exp(sum(self._logprobs) / len(self._logprobs)) if self._logprobs else 0.0
        return Hypothesis(text, self._reason, confidence)
