"""Long steps as generators: they yield how far they are, and return what they were for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

S = TypeVar("S")
T = TypeVar("T")


class ByteProgress(NamedTuple):
    """How many of how many bytes are done."""

    done: int
    total: int


class Steps(Generic[S, T]):
    """A generator to be looped over, which keeps what it returned.

    Attributes:
        result: Set when the loop has ended by itself.
    """

    result: T

    def __init__(self, steps: Generator[S, None, T]) -> None:
        self._steps = steps

    def __iter__(self) -> Iterator[S]:
        self.result = yield from self._steps


def result_of(steps: Generator[object, None, T]) -> T:
    """Run a long step to its end and return its result."""
    run = Steps(steps)
    for _ in run:
        pass
    return run.result
