"""The model families there are, and opening a model whatever its family is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from gpa_mlx.errors import ModelFormatError
from gpa_mlx.model.families.gpa.family import GPA_FAMILY
from gpa_mlx.model.family import ModelFamily
from gpa_mlx.model.parts import ModelParts
from gpa_mlx.store.manifest import read_manifest

FAMILIES: Mapping[str, ModelFamily] = MappingProxyType({family.name: family for family in (GPA_FAMILY,)})
"""By name. A new family is one more entry here."""


def open_model(
    path: str | os.PathLike[str],
    adapter: str | os.PathLike[str] | None = None,
    *,
    families: Mapping[str, ModelFamily] = FAMILIES,
) -> ModelParts:
    """Open a converted model; configs are read and checked, not weights.

    Args:
        path: A directory written by `gpa-mlx convert`.
        adapter: A directory written by `gpa-mlx train lm --lora`, to be added to the language model; None for none.
        families: The families that are known.

    Raises:
        ModelNotFoundError: Nothing at `path` or `adapter`.
        ModelFormatError: Not a converted model, of no known family, or its configs contradict each other.
    """
    name = read_manifest(path).architecture
    if name not in families:
        raise ModelFormatError(
            f"{path} is a model of the family '{name}', which this release of gpa-mlx does not know.",
            hint=f"Known families: {', '.join(sorted(families))}. Upgrade gpa-mlx for more.",
        )
    return families[name].open_model(Path(path), None if adapter is None else Path(adapter))
