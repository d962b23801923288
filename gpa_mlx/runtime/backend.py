"""The one place that imports MLX, so that Linux is set up for it first; macOS has Accelerate and Metal, needs nothing.

On Linux the MLX wheel links a reference BLAS (about 7 GFLOP/s here). Its symbols are resolved when `mlx.core` is
loaded, so an OpenBLAS opened first with global visibility takes their place (100-230 GFLOP/s on two cores).

MLX's CPU back end allocates every result anew. The C library hands large blocks back to the system at once, and the
page faults of getting them again cost more than the arithmetic (5 to 12 times on arrays over 16 MB): it is told to
keep them.
"""

from __future__ import annotations

import ctypes
import sys

_OPENBLAS_NAMES = ("libopenblas.so.0", "libopenblasp.so.0", "libopenblas.so")

# From malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_LARGEST_KEPT_BLOCK_BYTES = 1 << 30
_KEPT_BYTES = (1 << 31) - 1


def _preload_openblas() -> tuple[ctypes.CDLL, str] | tuple[None, None]:
    """Open OpenBLAS globally and return it with its name, if the system has it and nobody was faster."""
    if sys.platform != "linux" or "mlx.core" in sys.modules:
        return None, None
    for name in _OPENBLAS_NAMES:
        try:
            return ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL), name
        except OSError:
            continue
    return None, None


def _keep_freed_memory() -> None:
    """Let glibc reuse large blocks; other C libraries have no such setting."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT_BLOCK_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


_blas, BLAS_LIBRARY = _preload_openblas()
_keep_freed_memory()

import mlx.core as mx  # noqa: E402, TID251
import mlx.nn as nn  # noqa: E402, TID251


def on_gpu() -> bool:
    """Return whether new work runs on a GPU, where another form of the same computation may be the fast one."""
    return mx.default_device() != mx.Device(mx.cpu)


def blas_threads() -> int | None:
    """Return how many threads a matrix product on the CPU uses; None where that is not for us to say."""
    return None if _blas is None else int(_blas.openblas_get_num_threads())


def set_blas_threads(count: int) -> None:
    """Change that number for the whole process, where `blas_threads` returns one."""
    if _blas is not None:
        _blas.openblas_set_num_threads(count)


def leave_thread() -> None:
    """Give back what MLX holds for this thread; without it the process aborts when it ends after the thread has."""
    mx.synchronize()
    mx.clear_cache()
    mx.clear_streams()


__all__ = ["BLAS_LIBRARY", "blas_threads", "leave_thread", "mx", "nn", "on_gpu", "set_blas_threads"]
