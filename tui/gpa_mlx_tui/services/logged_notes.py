"""What the library notes while it works (a file that is cut off, several tracks), told to the user."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class _Telling(logging.Handler):
    """Passes on the words of every warning; on the thread that warns."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(record.getMessage())


@contextmanager
def logged_notes(tell: Callable[[str], object]) -> Iterator[None]:
    """Tell the library's warnings until the end of the block.

    Args:
        tell: Called with a sentence or two, on any thread.
    """
    logger, handler = logging.getLogger("gpa_mlx"), _Telling(tell)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
