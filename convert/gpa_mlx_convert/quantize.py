"""How the language model is stored: float32, bfloat16, or with its matrices quantised the way mlx-lm reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from gpa_mlx.errors import ModelFormatError
from gpa_mlx.runtime.backend import mx

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

Dtype = Literal["float32", "bfloat16"]
Bits = Literal[4, 6, 8]

VOCABULARY_LAYERS = ("model.embed_tokens", "lm_head")
"""Layers whose rows are tokens. Fewer than 8 bits cost audible quality there and save little."""

_VOCABULARY_BITS = 8
_GROUP_SIZES = (64, 32)
_DTYPES = {"float32": mx.float32, "bfloat16": mx.bfloat16}


def default_dtype() -> Dtype:
    """Return how the language model is stored where nobody said.

    With Metal bfloat16: generating reads all weights for every token, an M1 reads 68 GB a second, and GPA's own weights
    are in bfloat16. A CPU computes in float32, which is then what is stored.
    """
    return "bfloat16" if mx.metal.is_available() else "float32"


@dataclass(frozen=True, slots=True)
class Storage:
    """How each tensor of a part is stored.

    Attributes:
        dtype: Of plain tensors, and of the scales and biases of quantised ones.
        bits: Bits per weight of every matrix, None to store matrices plainly.
        group_size: Consecutive weights of a row that share a scale.
    """

    dtype: Dtype = "float32"
    bits: Bits | None = None
    group_size: int = _GROUP_SIZES[0]

    def encode(self, name: str, tensor: mx.array) -> Iterator[tuple[str, mx.array]]:
        """Yield what is stored for one tensor of the network.

        Nothing is computed here: MLX evaluates a result when its data is asked for, so this also tells the names,
        dtypes and shapes to expect without cost.
        """
        tensor = tensor.astype(_DTYPES[self.dtype])
        if self.bits is None or tensor.ndim != 2:
            yield name, tensor
            return
        layer = name.removesuffix(".weight")
        weight, scales, *biases = mx.quantize(tensor, group_size=self.group_size, bits=self._bits_of(layer))
        yield name, weight
        yield f"{layer}.scales", scales
        yield f"{layer}.biases", biases[0]

    def config(self, names: Collection[str]) -> dict[str, Any] | None:
        """Return the `quantization` entry of mlx-lm's `config.json` for these tensors, None when all are plain."""
        if self.bits is None:
            return None
        overrides = {
            layer: {"group_size": self.group_size, "bits": self._bits_of(layer)}
            for layer in VOCABULARY_LAYERS
            if f"{layer}.weight" in names and self._bits_of(layer) != self.bits
        }
        return {"group_size": self.group_size, "bits": self.bits, **overrides}

    def _bits_of(self, layer: str) -> int:
        assert self.bits is not None
        return max(self.bits, _VOCABULARY_BITS) if layer in VOCABULARY_LAYERS else self.bits


def storage_for(shapes: Mapping[str, tuple[int, ...]], dtype: Dtype, bits: Bits | None, where: str) -> Storage:
    """Choose the group size: 64, or 32 when some matrix is not a multiple of 64 wide.

    Args:
        shapes: Of every tensor of the network.
        dtype: Wanted dtype.
        bits: Wanted bits, None for no quantisation.
        where: Name of the source for error messages.

    Raises:
        ModelFormatError: Some matrix fits neither group size.
    """
    if bits is None:
        return Storage(dtype)
    widths = {name: shape[-1] for name, shape in shapes.items() if len(shape) == 2}
    for group_size in _GROUP_SIZES:
        if all(width % group_size == 0 for width in widths.values()):
            return Storage(dtype, bits, group_size)
    name = next(name for name, width in widths.items() if width % _GROUP_SIZES[-1])
    raise ModelFormatError(
        f"{where}: {name!r} cannot be quantised: its width {widths[name]} is not a multiple of {_GROUP_SIZES[-1]}.",
        hint="Convert without --lm-bits.",
    )
