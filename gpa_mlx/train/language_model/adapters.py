"""A trained adapter as files: `adapters.safetensors` and `adapter_config.json`."""

from __future__ import annotations

import json
import os
from pathlib import Path

from gpa_mlx.model.parts import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from gpa_mlx.nn.lora import AdapterArgs
from gpa_mlx.runtime.backend import mx
from gpa_mlx.store.files import write_atomically
from gpa_mlx.store.manifest import Manifest


def save_adapter(directory: Path, weights: dict[str, mx.array], args: AdapterArgs, base: Manifest) -> None:
    """Write an adapter; the config comes last and vouches for the weights.

    Args:
        directory: Created when missing.
        weights: Parameters of the adapted layers by name.
        args: Rank and scale.
        base: The model it was trained on.
    """
    directory.mkdir(parents=True, exist_ok=True)
    partial = directory / f".{ADAPTER_WEIGHTS}.partial.safetensors"
    mx.save_safetensors(str(partial), weights, {"format": "mlx"})
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    partial.replace(directory / ADAPTER_WEIGHTS)
    config = {"rank": args.rank, "scale": args.scale, "base": base.model_name, "model_family": base.model_family}
    write_atomically(directory / ADAPTER_CONFIG, json.dumps(config, indent=2, ensure_ascii=False) + "\n")
