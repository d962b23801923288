"""How much memory MLX may use.

MLX takes its own limit as advice, on every back end (0.32): above it, evaluation waits for running work to finish, and
the Metal allocator first gives back the freed buffers it keeps; then memory is allocated all the same. What must not be
exceeded is therefore checked here: weights before they are read, everything else between two steps of the work. What
one step needs for a moment can still exceed the limit.
"""

from __future__ import annotations

from typing import cast

from gpa_mlx.errors import GPAError
from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.text.quantities import readable_size

_HINT = (
    "Allow more with --max-memory, or use a smaller model: `gpa-mlx convert` makes one with `--dtype bfloat16` or "
    "`--lm-bits 4`."
)
_UNLIMITED_BYTES = mx.get_memory_limit()
"""What MLX has by itself, and what stands for no limit: that default follows the machine, it is not the user's wish."""


DEFAULT_CACHE_BYTES = 512 * 10**6
"""Freed memory that is kept for the next use where nobody said otherwise."""
_MLX_CACHE_BYTES = mx.set_cache_limit(0)
mx.set_cache_limit(_MLX_CACHE_BYTES)


def cap_cache() -> None:
    """Bound the freed memory that MLX keeps, where that is still MLX's own choice and more.

    On Metal that choice follows the machine, 1.5 times what it recommends a program to use, and every new length of
    recording adds buffers of its own: without a bound a long run holds a hundred times what it works with.
    """
    limit_bytes = mx.set_cache_limit(DEFAULT_CACHE_BYTES)
    if limit_bytes != _MLX_CACHE_BYTES or limit_bytes < DEFAULT_CACHE_BYTES:
        mx.set_cache_limit(limit_bytes)


def apply_limits(max_memory_bytes: int | None, cache_bytes: int | None) -> None:
    """Set the limits of this process; to be called before the first model is read.

    Args:
        max_memory_bytes: What arrays may take together, as MLX counts them: Python, buffers that MLX keeps for reuse
            and other libraries come on top. None means no limit.
        cache_bytes: Most freed memory that MLX keeps; None leaves it as it is, see `cap_cache`.
    """
    mx.set_memory_limit(_UNLIMITED_BYTES if max_memory_bytes is None else max_memory_bytes)
    if cache_bytes is not None:
        mx.set_cache_limit(cache_bytes)


def _limit_bytes() -> int | None:
    """Return the limit that the user asked for, which MLX keeps: like its memory, it is one for the process."""
    limit_bytes = mx.get_memory_limit()
    return None if limit_bytes == _UNLIMITED_BYTES else limit_bytes


def read_weights(module: nn.Module, name: str) -> None:
    """Evaluate a network's parameters, which reads them from their file, if the limit has room for them.

    Args:
        module: Its parameters are lazy arrays.
        name: What it is, for the message.

    Raises:
        GPAError: There is no room; nothing has been read.
    """
    from mlx.utils import tree_flatten

    # By identity: tied parameters are held once.
    named = cast("list[tuple[str, mx.array]]", tree_flatten(module.parameters()))
    parameters = {id(array): array for _, array in named}
    needed = sum(array.nbytes for array in parameters.values())
    held, limit_bytes = mx.get_active_memory(), _limit_bytes()
    if limit_bytes is not None and held + needed > limit_bytes:
        raise GPAError(
            f"The {name} needs {readable_size(needed)} of memory; {readable_size(held)} of the "
            f"{readable_size(limit_bytes)} that are allowed are in use.",
            hint=_HINT,
        )
    mx.eval(module.parameters())


def active_bytes() -> int:
    """Return what arrays hold now, as MLX counts it; from any thread."""
    return mx.get_active_memory()


def check_use() -> None:
    """End the work if it has come to hold more than is allowed; for loops to call between two steps.

    Raises:
        GPAError: More is held than is allowed.
    """
    limit_bytes = _limit_bytes()
    if limit_bytes is not None and (held := mx.get_active_memory()) > limit_bytes:
        raise GPAError(
            f"This work needs more than the {readable_size(limit_bytes)} of memory that are allowed: "
            f"it holds {readable_size(held)}.",
            hint=_HINT.replace("use a", "give shorter input, or use a"),
        )
