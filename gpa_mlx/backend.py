"""The one place that imports MLX, so that a fast BLAS is in the process before it.

On Linux the MLX wheel links a reference BLAS (about 7 GFLOP/s here). Its symbols are resolved when `mlx.core` is
loaded, so an OpenBLAS opened first with global visibility takes their place (100-230 GFLOP/s on two cores). macOS has
Accelerate and Metal and needs nothing.
"""

from __future__ import annotations

import ctypes
import sys

_OPENBLAS_NAMES = ("libopenblas.so.0", "libopenblasp.so.0", "libopenblas.so")


def _preload_openblas() -> str | None:
    """Open OpenBLAS globally if the system has it; return its name, None when absent or not needed."""
    if sys.platform != "linux" or "mlx.core" in sys.modules:
        return None
    for name in _OPENBLAS_NAMES:
        try:
            ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return name
    return None


BLAS_LIBRARY = _preload_openblas()

import mlx.core as mx  # noqa: E402, TID251
import mlx.nn as nn  # noqa: E402, TID251

__all__ = ["BLAS_LIBRARY", "mx", "nn"]
