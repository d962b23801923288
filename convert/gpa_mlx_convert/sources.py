"""The layout of an upstream GPA directory."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from gpa_mlx.errors import ModelFormatError, ModelNotFoundError
from gpa_mlx.store.files import read_limited
from gpa_mlx.store.links import require_inside
from gpa_mlx.store.manifest import MANIFEST_NAME
from gpa_mlx_convert.checkpoint import CHECKPOINT_NAMES

GLM_FOLDER = "glm-4-voice-tokenizer"
BICODEC_FOLDER = "BiCodec"
WAV2VEC2_FOLDER = "BiCodec/wav2vec2-large-xlsr-53"
BICODEC_CONFIG = "config.yaml"

TEXT_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "generation_config.json",
    "special_tokens_map.json",
    "vocab.json",
    "merges.txt",
    "added_tokens.json",
)
"""Files of the language model that are copied as they are, when they exist."""

_REQUIRED = {
    "": ("config.json", "tokenizer.json"),
    GLM_FOLDER: ("config.json", "preprocessor_config.json"),
    BICODEC_FOLDER: (BICODEC_CONFIG,),
    WAV2VEC2_FOLDER: ("config.json",),
}
"""What every folder must hold besides its weights."""

_CONFIGS = {
    "": ("config.json", *TEXT_FILES),
    GLM_FOLDER: ("config.json", "preprocessor_config.json"),
    BICODEC_FOLDER: (BICODEC_CONFIG,),
    WAV2VEC2_FOLDER: ("config.json", "preprocessor_config.json"),
}
"""What is read in every folder besides its weights, when it exists."""

_MAX_DEPTH = 50
"""Of mappings and lists in each other; configs have four."""

_SHARDS = {
    "model.safetensors.index.json": "model-*.safetensors",
    "pytorch_model.bin.index.json": "pytorch_model-*.bin",
}


@dataclass(frozen=True, slots=True)
class Upstream:
    """A directory that holds all parts of a GPA checkpoint.

    Attributes:
        root: The directory.
    """

    root: Path

    @classmethod
    def open(cls, root: Path) -> Upstream:
        """Check that everything a conversion needs is there.

        Raises:
            ModelNotFoundError: There is no such directory.
            ModelFormatError: It is a converted model, or parts are missing (all of them are listed).
        """
        if not root.is_dir():
            problem = "is not a directory" if root.exists() else "does not exist"
            raise ModelNotFoundError(f"The source {root} {problem}.", hint="Give an upstream GPA directory.")
        if (root / MANIFEST_NAME).exists():
            raise ModelFormatError(
                f"{root} is already converted.", hint="Use it as it is, or give the upstream directory."
            )
        missing = missing_files(lambda name: (root / name).is_file())
        if missing:
            raise ModelFormatError(
                f"{root} is not a complete upstream GPA checkpoint; missing: {'; '.join(missing)}.",
                hint="Download the repository again, or give it by its hub name, for example AutoArk-AI/GPA.",
            )
        require_inside(
            root, (path for folder in _CONFIGS for path in (root / folder, *sorted((root / folder).iterdir())))
        )
        return cls(root)

    def present(self, folder: str, names: tuple[str, ...]) -> list[Path]:
        """Return those of the named files that exist."""
        return [path for path in (self.root / folder / name for name in names) if path.is_file()]


def missing_files(is_there: Callable[[str], bool]) -> list[str]:
    """Return what a GPA checkpoint needs and has not.

    Args:
        is_there: Tells whether there is a file of this path, which has forward slashes.
    """
    missing = []
    for folder, names in _REQUIRED.items():
        missing += [path for name in names if not is_there(path := _join(folder, name))]
        if not any(is_there(_join(folder, name)) for name in CHECKPOINT_NAMES):
            missing.append(f"{_join(folder, CHECKPOINT_NAMES[0])} (or {', '.join(CHECKPOINT_NAMES[1:])})")
    return missing


def needed_files(names: Collection[str]) -> set[str]:
    """Return those of a repository's files that a conversion reads; of several forms of the weights, the best."""
    needed = {_join(folder, name) for folder, configs in _CONFIGS.items() for name in configs} & set(names)
    for folder in _CONFIGS:
        checkpoint = next((name for name in CHECKPOINT_NAMES if _join(folder, name) in names), None)
        if checkpoint is not None:
            needed.add(_join(folder, checkpoint))
        if checkpoint in _SHARDS:
            needed |= {name for name in names if fnmatchcase(name, _join(folder, _SHARDS[checkpoint]))}
    return needed


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def read_config(path: Path) -> dict[str, Any]:
    """Read a JSON or YAML config.

    Raises:
        ModelFormatError: It cannot be parsed, or its top level is not a mapping.
    """
    try:
        text = read_limited(path).decode()
        content = _load_yaml(text) if path.suffix == ".yaml" else json.loads(text)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ModelFormatError(f"{path} cannot be read: {_one_line(error)}.", hint="Download it again.") from error
    if not isinstance(content, dict):
        raise ModelFormatError(f"{path}: its top level must be a mapping of keys to values.")
    return content


def _load_yaml(text: str) -> object:
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        # A few aliases of aliases stand for more values than memory holds; no config needs any.
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not supported")
        # Brackets in brackets take the parser time in the cube of their depth.
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise yaml.YAMLError("it is nested too deeply")
    return yaml.safe_load(text)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
