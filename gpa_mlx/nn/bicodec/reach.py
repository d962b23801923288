"""Receptive-field arithmetic: which inputs a span of output depends on, and computing that span alone.

A chain of layers over time is written as stages, each of which knows the inputs that a span of its outputs needs. From
that follow the reach of the whole chain and the positions every layer has to compute for a given span of output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpa_mlx.runtime.backend import mx


@dataclass(frozen=True, slots=True)
class Span:
    """Positions `start` to `stop - 1` on a time axis."""

    start: int
    stop: int

    def before_conv(self, kernel_size: int, dilation: int = 1) -> Span:
        """Return the inputs of a centred convolution with an odd kernel that keeps the length."""
        reach = dilation * (kernel_size // 2)
        return Span(self.start - reach, self.stop + reach)

    def before_transposed_conv(self, kernel_size: int, stride: int, trim: int) -> Span:
        """Return the inputs of a transposed convolution whose first `trim` outputs are cut off."""
        # Input t reaches the outputs t * stride - trim up to t * stride - trim + kernel_size - 1.
        first = -(-(self.start + trim - kernel_size + 1) // stride)
        last = (self.stop - 1 + trim) // stride
        return Span(first, last + 1)

    def within(self, length: int) -> Span:
        """Return the part of it on an axis of `length` positions."""
        return Span(max(self.start, 0), min(self.stop, length))


@dataclass(frozen=True, slots=True)
class Stage:
    """A layer over time whose outputs each depend on a few inputs.

    Attributes:
        run: Maps `(B, T, ...)` to `(B, T * rate, ...)`, zeros beyond both ends.
        input_span: Maps a span of outputs to the span of inputs they depend on.
        rate: Outputs per input.
    """

    run: Callable[[mx.array], mx.array]
    input_span: Callable[[Span], Span] = lambda span: span
    rate: int = 1


def input_span(stages: Sequence[Stage], wanted: Span) -> Span:
    """Return the inputs of a chain that a span of its outputs depends on, on an axis without ends."""
    for stage in reversed(stages):
        wanted = stage.input_span(wanted)
    return wanted


def evaluate(stages: Sequence[Stage], x: mx.array, start: int, wanted: Span) -> mx.array:
    """Compute a span of a chain's output, in every stage only the positions it needs.

    Args:
        stages: The chain.
        x: `(B, T, ...)`, its inputs from position `start` on; the axis ends where they end.
        start: Position of the first input in `x`, not after the first one needed.
        wanted: The span of output; it ends at the latest with the last input.

    Returns:
        `(B, wanted.stop - wanted.start, ...)`: the same as in the output for all inputs from position 0 on.
    """
    length = start + x.shape[1]
    for stage in stages:
        length *= stage.rate
    # A stage pads with zeros at the ends of the axis, so spans end there: beyond is nothing to be computed.
    spans = [wanted]
    for stage in reversed(stages):
        length //= stage.rate
        spans.append(stage.input_span(spans[-1]).within(length))
    spans.reverse()
    for stage, needed in zip([*stages, None], spans, strict=True):
        x = x[:, needed.start - start : needed.stop - start]
        if stage is not None:
            x = stage.run(x)
            start = needed.start * stage.rate
    return x
