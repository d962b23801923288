"""Ending work from another thread, within one token.

Work runs inside `cancellable(event)`; whoever sets the event ends it: the engine asks `check_cancelled` before every
token and every stage. A context variable carries the event, so that nothing in between has to pass it on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from gpa_mlx.errors import CancelledError

_event: ContextVar[threading.Event | None] = ContextVar("gpa_mlx_cancelled", default=None)


@contextmanager
def cancellable(event: threading.Event) -> Iterator[None]:
    """Let `event` end the work of this thread inside the block."""
    token = _event.set(event)
    try:
        yield
    finally:
        _event.reset(token)


def check_cancelled() -> None:
    """Go on, or stop here.

    Raises:
        CancelledError: The event of the surrounding `cancellable` is set.
    """
    event = _event.get()
    if event is not None and event.is_set():
        raise CancelledError("Cancelled.")
