"""What ends a job's work on one input, in words for people."""

from __future__ import annotations

import os
import re

from gpa_mlx.errors import GPAError

_MLX_OUT_OF_MEMORY = re.compile(r"\[[\w:]*malloc\w*\]")
"""MLX reports a failed allocation as a RuntimeError or ValueError that starts with the allocator's name."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that an allocation failed, in Python or in MLX."""
    return isinstance(error, MemoryError) or _MLX_OUT_OF_MEMORY.match(str(error)) is not None


def as_failure(error: Exception, name: str) -> GPAError:
    """Return an error for people; one that is none yet becomes the cause of it.

    Args:
        error: What was raised.
        name: Of the input that was worked on.
    """
    if isinstance(error, GPAError):
        return error
    failure = _described(error, name)
    failure.__cause__ = error
    return failure


def _described(error: Exception, name: str) -> GPAError:
    if is_out_of_memory(error):
        return GPAError(
            f"There is not enough memory for {name}.",
            hint="Close other programs, use shorter input, or convert the model with `--dtype bfloat16` or "
            "`--lm-bits 4`.",
        )
    if isinstance(error, OSError) and error.strerror:
        place = f": {os.fsdecode(error.filename)}" if isinstance(error.filename, str | bytes) else ""
        return GPAError(f"{name} failed: {error.strerror}{place}.", hint="Check the disks and the permissions.")
    return GPAError(
        f"{name} failed: unexpected {type(error).__name__}: {error}",
        hint="Please report this; run again with --debug for the details.",
    )
