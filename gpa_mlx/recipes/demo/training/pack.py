"""Networks in memory to a model directory that `gpa_mlx.load` opens."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from mlx.utils import tree_flatten

from gpa_mlx.recipes.demo.data.vocabulary import WORDS
from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.store.manifest import (
    FORMAT_VERSION,
    MANIFEST_NAME,
    FileInfo,
    Manifest,
    PartInfo,
    UpstreamSource,
    read_manifest,
    sha256_of,
    write_manifest,
)
from gpa_mlx.version import __version__

DOCUMENTS = ("MODEL_CARD.md", "scores.json")
"""What is written about a model after it is packed; no part of it."""

_DTYPE, _DTYPE_NAME = mx.float16, "float16"
"""Half the size of float32; the rounding, 5e-4 relative, is far below what training on noisy data leaves."""


_PENALTY = 1.0
_MAX_CHARS = 20
_MAX_SEGMENT_S = 2.75
"""Four words as a rule, the longest sequence the model was trained on."""
"""None: with 256 codes, most of those that speech needs have occurred before."""


@dataclass(frozen=True, slots=True)
class PackedPart:
    """One network to store.

    Attributes:
        name: As in the manifest.
        folder: Relative to the model directory; empty for the language model.
        network: What is stored.
        configs: Content of each JSON file beside the weights.
    """

    name: str
    folder: str
    network: nn.Module
    configs: Mapping[str, Mapping[str, Any]]


def pack(
    directory: Path, parts: Sequence[PackedPart], *, name: str, origin: str, words: tuple[str, ...] = WORDS
) -> None:
    """Write weights, configs and manifest beside the files that are there already.

    Args:
        directory: Holds `tokenizer.json` and what else belongs to the model; every file is listed in the manifest.
        parts: The four networks.
        name: Name of the model.
        origin: Where it comes from, one line.
        words: All that it hears and says.
    """
    infos = {}
    for part in parts:
        folder = directory / part.folder
        folder.mkdir(parents=True, exist_ok=True)
        for file, config in part.configs.items():
            (folder / file).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        tensors = cast(list[tuple[str, mx.array]], tree_flatten(part.network.parameters()))
        stored = {key: tensor.astype(_DTYPE) for key, tensor in tensors}
        mx.save_safetensors(str(folder / "model.safetensors"), stored, {"format": "mlx"})
        infos[part.name] = PartInfo(_DTYPE_NAME, None, len(stored), sum(tensor.size for tensor in stored.values()))
    files = _list_files(directory)
    codec = files["bicodec/model.safetensors"].sha256
    family = f"bicodec-{hashlib.sha256(codec.encode()).hexdigest()[:12]}"
    source = UpstreamSource(origin, None, {})
    manifest = Manifest(
        FORMAT_VERSION,
        __version__,
        family,
        name,
        source,
        infos,
        files,
        speech_repetition_penalty=_PENALTY,
        speech_max_chars=_MAX_CHARS,
        max_segment_s=_MAX_SEGMENT_S,
        words=words,
    )
    write_manifest(directory, manifest)


def refresh_manifest(directory: Path) -> None:
    """List all files anew after some were added or changed; name, family and parts stay.

    Args:
        directory: A packed model whose weights are the same as when it was packed.

    Raises:
        ModelFormatError: Not a packed model.
    """
    write_manifest(directory, replace(read_manifest(directory), files=_list_files(directory)))


def _list_files(directory: Path) -> dict[str, FileInfo]:
    return {
        path.relative_to(directory).as_posix(): FileInfo(path.stat().st_size, sha256_of(path))
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != MANIFEST_NAME
    }
