"""Raw little-endian tensor data as numpy arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_NUMPY_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}

FLOATING = frozenset({"F64", "F32", "F16", "BF16"})
"""Dtypes (safetensors spelling) that are read as float32."""


def from_bytes(raw: bytes, dtype: str) -> npt.NDArray[np.generic]:
    """Interpret raw data.

    Args:
        raw: Little-endian elements, back to back.
        dtype: Safetensors spelling.

    Returns:
        Flat array: float32 for every floating dtype (F64 is rounded), other dtypes unchanged.
    """
    elements = np.frombuffer(raw, dtype=_NUMPY_DTYPES[dtype])
    if dtype == "BF16":
        # bfloat16 is the upper half of a float32.
        return (elements.astype(np.uint32) << 16).view(np.float32)
    if dtype in FLOATING:
        with np.errstate(over="ignore"):  # an F64 beyond float32 becomes inf, which the caller refuses with its key
            return elements.astype(np.float32, copy=False)
    return elements
