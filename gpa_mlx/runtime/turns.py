"""Cooperative scheduling of generators that share a thread.

Whoever steps several generators in turns does so inside `sharing_turns`; a generator that may go on for long without
an item asks `turn_wanted` now and then, and yields something then, an item again if need be.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_wanted: ContextVar[Callable[[], bool] | None] = ContextVar("gpa_mlx_turn_wanted", default=None)


@contextmanager
def sharing_turns(wanted: Callable[[], bool]) -> Iterator[None]:
    """Let `wanted` answer for the block whether other work waits for this thread."""
    token = _wanted.set(wanted)
    try:
        yield
    finally:
        _wanted.reset(token)


def turn_wanted() -> bool:
    """Return whether other work waits for this thread; never outside `sharing_turns`."""
    wanted = _wanted.get()
    return wanted is not None and wanted()
