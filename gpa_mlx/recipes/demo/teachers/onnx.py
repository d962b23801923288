"""Networks in ONNX, run by onnxruntime, which is optional."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gpa_mlx.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

HINT = "The page `docs/how-to/train-demo.md` says how to get it."


def read_part(path: Path) -> bytes:
    """Read a file of a teacher.

    Raises:
        SettingsError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.", hint=HINT) from error


def require_onnxruntime() -> Any:  # noqa: ANN401 - onnxruntime is absent for type checkers
    """Return the module.

    Raises:
        SettingsError: It is not installed.
    """
    try:
        return importlib.import_module("onnxruntime")
    except ImportError as error:
        raise SettingsError(
            "The teachers need onnxruntime, which is not installed.", hint="Run `pip install onnxruntime`."
        ) from error


def open_network(network: bytes, *, threads: int) -> Any:  # noqa: ANN401 - onnxruntime is absent for type checkers
    """Return an `onnxruntime.InferenceSession` on the CPU.

    Raises:
        SettingsError: onnxruntime is not installed.
    """
    onnxruntime = require_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
