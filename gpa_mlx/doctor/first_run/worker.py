"""Measurements that compute with MLX or open devices, each in a process of its own: `worker NAME ARGUMENTS-AS-JSON`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gpa_mlx.doctor.backend_check import load_backend
from gpa_mlx.doctor.first_run.memory import measure_memory
from gpa_mlx.doctor.first_run.parity import measure_parity
from gpa_mlx.doctor.host import this_host
from gpa_mlx.doctor.microphone_check import examine_microphone
from gpa_mlx.doctor.sound_devices import PortAudio
from gpa_mlx.errors import AudioDeviceError
from gpa_mlx.model.demo import demo_model
from gpa_mlx.runtime.backend import mx
from gpa_mlx.text.printable import to_json
from gpa_mlx_convert.restore import store_again

if TYPE_CHECKING:
    from gpa_mlx_convert.quantize import Bits, Dtype


def _measure_backend() -> dict[str, Any]:
    """Return what MLX computes on."""
    return {**asdict(load_backend()), "device_info": mx.device_info()}


def _store_copies(*, folder: str, copies: Mapping[str, tuple[str, int | None]]) -> dict[str, Any]:
    """Store the demo model's language model in other precisions; return the sizes of the weights in bytes.

    Args:
        folder: Gets a model of each name.
        copies: Precision and bits by name.
    """
    sizes = {}
    for name, (dtype, bits) in copies.items():
        stored = store_again(
            demo_model(), Path(folder) / name, dtype=cast("Dtype", dtype), bits=cast("Bits | None", bits)
        )
        sizes[name] = stored.files["model.safetensors"].size
    return sizes


def _listen() -> dict[str, Any]:
    """Return what the doctor says of the microphone, or why there is none; not its name, which may be a person's."""
    devices = PortAudio()
    try:
        name = devices.microphone(None).name
    except AudioDeviceError as error:
        return {"missing": error.message}
    findings = examine_microphone(this_host(), devices, None, probe=True)
    return {
        "findings": [{"status": found.status, "what": found.what.replace(name, "The microphone")} for found in findings]
    }


MEASUREMENTS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "backend": _measure_backend,
    "copies": _store_copies,
    "parity": measure_parity,
    "memory": measure_memory,
    "microphone": _listen,
}
"""By name."""


def main() -> None:
    """Measure and write the result as one line of JSON."""
    name, arguments = sys.argv[1:]
    sys.stdout.write(to_json(MEASUREMENTS[name](**json.loads(arguments))) + "\n")


if __name__ == "__main__":
    main()
