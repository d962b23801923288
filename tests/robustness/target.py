"""A reader or writer that is fuzzed, and what an input does to it."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, TypeAlias

from gpa_mlx.errors import GPAError

if TYPE_CHECKING:
    from types import FrameType

    from tests.robustness.mutator import Make

Run: TypeAlias = Callable[[bytes], object]
"""Takes one input; what it raises other than `GPAError` is a bug."""

HANG_S = 2.0
"""Of processor time, so that a busy machine makes no hangs."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something that takes inputs from outside.

    Attributes:
        name: What the command line calls it.
        make: Makes an input.
        open: Returns what takes it; may write into the folder.
        weight: How many inputs of a thousand it gets: the quicker, the more.
    """

    name: str
    make: Make
    open: Callable[[Path], Run]
    weight: int

    def input(self, seed: int, number: int) -> bytes:
        """Return input `number` of a seed, always the same."""
        return self.make(Random(f"{seed}:{self.name}:{number}"))


class HangError(BaseException):
    """It takes too long; no handler for ordinary errors may swallow it."""


def failure(run: Run, content: bytes) -> str:
    """Take one input; return what is wrong with how that went: empty for success and for a `GPAError`.

    The first line tells bugs apart: the kind of error and where in the project it came from.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise HangError(f"more than {HANG_S:g} s")

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, HANG_S)
    try:
        run(content)
    except GPAError as error:
        signal.setitimer(signal.ITIMER_PROF, 0)
        return _poor_message(error)
    except BaseException as error:
        signal.setitimer(signal.ITIMER_PROF, 0)
        if isinstance(error, KeyboardInterrupt):
            raise
        places = [frame for frame in traceback.extract_tb(error.__traceback__) if "gpa_mlx" in frame.filename]
        place = f"{Path(places[-1].filename).name}:{places[-1].lineno}" if places else "the check itself"
        return f"{type(error).__name__} at {place}\n{''.join(traceback.format_exception(error))[-4000:]}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return ""


def _poor_message(error: GPAError) -> str:
    """Say what keeps a message from being shown in a terminal."""
    if not error.message or len(error.message) > 20_000:
        return f"a message of {len(error.message)} characters\n{error.message[:500]}"
    return ""
