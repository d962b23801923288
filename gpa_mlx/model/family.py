"""What differs between model families.

A family is one folder under `families/` and one line in `registry.py`. Its model is a `ModelParts` that offers the
tasks it can do (see `tasks.py`). Generation, segmenting, batching, streaming, loop detection and timing are the
engine's, the same for all families.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpa_mlx.model.parts import ModelParts
    from gpa_mlx.types import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFamily:
    """A kind of model.

    Attributes:
        name: As in a manifest's `architecture`.
        title: For people.
        tasks: What its models can do.
        open_model: Opens a model of this family, from its directory and that of an adapter or None; reads and checks
            configs, not weights. Raises `ModelNotFoundError` and `ModelFormatError`.
    """

    name: str
    title: str
    tasks: frozenset[Task]
    open_model: Callable[[Path, Path | None], ModelParts]
