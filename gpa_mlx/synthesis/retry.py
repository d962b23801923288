"""The best of several tries at the same speech."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpa_mlx.synthesis.attempt import Attempt
    from gpa_mlx.types import GenerationOptions, Waveform

GOOD_ERROR_RATE = 0.05
"""Speech that is heard with at most this share of wrong characters is good; nothing better is looked for."""

_RETRY_SEED = 1_000_003
"""Between the seeds of two tries: far more than there are passages."""

_SEEDS = 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One way something was said.

    Attributes:
        attempt: The finished attempt.
        seed: Its seed; None for greedy decoding.
        error_rate: Share of characters that were heard wrongly; None when nobody listened.
    """

    attempt: Attempt
    seed: int | None
    error_rate: float | None = None

    @property
    def is_good(self) -> bool:
        """Whether another try is not worth its time."""
        return self.attempt.finish_reason == "stop" and (self.error_rate or 0.0) <= GOOD_ERROR_RATE

    @property
    def rank(self) -> tuple[bool, float, bool]:
        """What is compared: no sound at all, then how hard it is to understand, then an end that is not a good one."""
        return not len(self.attempt.audio), self.error_rate or 0.0, self.attempt.finish_reason != "stop"


def drawn_seed(options: GenerationOptions) -> GenerationOptions:
    """Return options that have a seed: one is drawn where none is given."""
    return options if options.seed is not None else replace(options, seed=secrets.randbits(31))


def seed_of(options: GenerationOptions, number: int, attempt: int) -> int | None:
    """Return the seed of a try at the passage `number`; None for greedy decoding."""
    if options.temperature == 0 or options.seed is None:
        return None
    return (options.seed + number + attempt * _RETRY_SEED) % _SEEDS


def best_of(
    most: int,
    options: GenerationOptions,
    number: int,
    begin: Callable[[int | None], Attempt],
    error_rate: Callable[[Waveform], float] | None,
) -> tuple[Try, int]:
    """Try until the result is good.

    Args:
        most: Most tries; greedy decoding always gives the same, so it is tried once.
        options: Sampling.
        number: Of the passage.
        begin: Begins an attempt with a seed.
        error_rate: Listens to a result; None when nobody does.

    Returns:
        The best try, the first of equals, and how many there were.
    """
    tries: list[Try] = []
    while not tries or (len(tries) < most and options.temperature > 0 and not tries[-1].is_good):
        seed = seed_of(options, number, len(tries))
        attempt = begin(seed).run()
        tries.append(Try(attempt=attempt, seed=seed, error_rate=error_rate(attempt.audio) if error_rate else None))
    return min(tries, key=lambda one: one.rank), len(tries)
