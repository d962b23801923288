"""Cooperative cancellation from any thread, within one token.

Work runs inside `cancellable(scope)`; whoever holds the scope ends it: the engine asks `check_cancelled` before every
token and every stage. A context variable carries the scopes, so that nothing in between has to pass them on.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import TYPE_CHECKING

from gpa_mlx.errors import CancelledError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class CancelScope:
    """A cancellation token: cancelled at most once, from any thread, and for good."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a collected stream may cancel amidst anything
        self._cancelled = False
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._ids = count()

    @property
    def is_cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled

    def cancel(self) -> None:
        """End the work of this scope, and call what `on_cancel` has registered, once, on this thread."""
        with self._lock:
            callbacks = [] if self._cancelled else list(self._callbacks.values())
            self._cancelled = True
            self._callbacks.clear()
        for callback in callbacks:
            callback()

    def on_cancel(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called when the scope is cancelled; at once if it is already.

        Args:
            callback: Called on the thread that cancels; must be short, must not raise.

        Returns:
            Takes the callback back; may be called more than once.
        """
        with self._lock:
            number = next(self._ids)
            if not self._cancelled:
                self._callbacks[number] = callback
                return lambda: self._forget(number)
        callback()
        return lambda: None

    def check(self) -> None:
        """Go on, or stop here.

        Raises:
            CancelledError: The scope is cancelled.
        """
        if self._cancelled:
            raise CancelledError("Cancelled.")

    def _forget(self, number: int) -> None:
        with self._lock:
            self._callbacks.pop(number, None)


_scopes: ContextVar[tuple[CancelScope, ...]] = ContextVar("gpa_mlx_cancel_scopes", default=())


@contextmanager
def cancellable(scope: CancelScope) -> Iterator[None]:
    """Let `scope` end the work inside the block, as the scopes around the block do."""
    token = _scopes.set((*_scopes.get(), scope))
    try:
        yield
    finally:
        _scopes.reset(token)


def current_scopes() -> tuple[CancelScope, ...]:
    """Return the scopes that can end the present work, the outermost first."""
    return _scopes.get()


def current_scope() -> CancelScope | None:
    """Return the innermost scope of the present work; None outside `cancellable`."""
    scopes = _scopes.get()
    return scopes[-1] if scopes else None


def check_cancelled() -> None:
    """Go on, or stop here.

    Raises:
        CancelledError: A scope of the surrounding `cancellable` blocks is cancelled.
    """
    for scope in _scopes.get():
        scope.check()
