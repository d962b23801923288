"""Memory: what the model in use takes of it, by its size and its data types."""

from __future__ import annotations

from gpa_mlx.doctor.finding import Finding
from gpa_mlx.doctor.host import Host
from gpa_mlx.errors import GPAError
from gpa_mlx.jobs.models import default_model, find_model
from gpa_mlx.settings import Settings
from gpa_mlx.store.manifest import Manifest, require_converted
from gpa_mlx.text.quantities import readable_size

_AREA = "memory"
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
_SCALES = 1.125
"""Quantised weights with their scales and offsets: 32 bits more for every 64 weights of 4 bits."""

_LARGE_SHARE = 0.25
"""Of the memory. Work takes about as much again while a recording is transcribed, and other programs want the rest."""

_FULL_SIZE_BYTES = 3.7e9
"""What a full-size model in float32 held at most while it transcribed (docs/performance.md)."""

_SMALLER = "`gpa-mlx model pull --dtype bfloat16`, or `--lm-bits 4` for the least"
_FREEING = "and `gpa-mlx settings set idle_unload_s 60` frees it in the app while nothing uses it"


def examine_memory(host: Host, settings: Settings) -> list[Finding]:
    """Say when the default model leaves little memory for anything else; without one, when a full-size one would.

    Args:
        host: The computer.
        settings: Those of this run, which may name a default model.
    """
    if not host.memory_bytes:
        return []
    name = default_model(settings)
    if name is None:
        return _without_model(host)
    try:
        manifest = require_converted(find_model(settings, None))
    except GPAError:  # told among the models
        return []
    needed = weight_bytes(manifest, widens=not host.is_mac)
    if needed <= _LARGE_SHARE * host.memory_bytes:
        return []
    return [
        Finding(
            _AREA,
            "note",
            f"The weights of {name} take {readable_size(needed)} of the {_size(host)} of memory, and the work up to as "
            "much again.",
            f"{_SMALLER}; {_FREEING}",
        )
    ]


def weight_bytes(manifest: Manifest, *, widens: bool) -> int:
    """Return what a model's weights take in memory.

    Args:
        manifest: The model's.
        widens: Weights of half precision are computed with in float32, as on processors without a GPU.
    """
    total = 0.0
    for part in manifest.parts.values():
        if part.bits is None:
            total += part.parameters * (4 if widens else _BYTES.get(part.dtype, 4))
        else:
            total += part.parameters * part.bits / 8 * _SCALES
    return round(total)


def _without_model(host: Host) -> list[Finding]:
    if 2 * _LARGE_SHARE * host.memory_bytes > _FULL_SIZE_BYTES * 1.2:
        return []
    return [
        Finding(
            _AREA,
            "note",
            f"A full-size model in float32 takes up to {readable_size(round(_FULL_SIZE_BYTES))} of the {_size(host)} "
            "of memory.",
            f"{_SMALLER}; {_FREEING}",
        )
    ]


def _size(host: Host) -> str:
    return f"{host.memory_bytes / 2**30:.0f} GB"
