"""Generating the same speech again, with other seeds, until it is good; the best attempt is kept."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpa_mlx.synthesis.attempt import Attempt, SpeechRun
    from gpa_mlx.types import GenerationOptions, Waveform

_ATTEMPT_STRIDE = 1_000_003
"""Between the seeds of two attempts: far more than there are passages."""

_SEEDS = 2**32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BestAttempt:
    """What came of one or several attempts.

    Attributes:
        kept: The best attempt, the first of equals.
        count: How many there were.
    """

    kept: Attempt
    count: int


def with_seed(options: GenerationOptions) -> GenerationOptions:
    """Return options that have a seed: one is drawn where none is given."""
    return options if options.seed is not None else replace(options, seed=secrets.randbits(31))


def attempt_seed(options: GenerationOptions, number: int, attempt: int) -> int | None:
    """Return the seed of an attempt, from 0, at the passage `number`; None for greedy decoding."""
    if options.temperature == 0 or options.seed is None:
        return None
    return (options.seed + number + attempt * _ATTEMPT_STRIDE) % _SEEDS


def best_attempt(
    most: int,
    options: GenerationOptions,
    number: int,
    begin: Callable[[int | None], SpeechRun],
    error_rate: Callable[[Waveform], float] | None,
) -> BestAttempt:
    """Generate until an attempt is good.

    Args:
        most: Most attempts; greedy decoding always gives the same, so there is one.
        options: Sampling.
        number: Of the passage.
        begin: Begins a run with a seed.
        error_rate: Verifies what came out; None when nothing is verified.
    """
    attempts: list[Attempt] = []
    while not attempts or (len(attempts) < most and options.temperature > 0 and not attempts[-1].is_good):
        seed = attempt_seed(options, number, len(attempts))
        run = begin(seed)
        for _ in run.pieces():
            pass
        attempts.append(run.attempt(seed, error_rate(run.audio) if error_rate else None))
    return BestAttempt(kept=min(attempts, key=lambda attempt: attempt.rank), count=len(attempts))
