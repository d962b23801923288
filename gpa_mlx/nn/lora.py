"""Low-rank adaptation of linear layers (LoRA, arXiv 2106.09685)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gpa_mlx.nn.bounds import MAX_NUMBER, MAX_WIDTH
from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.store.config_reader import ConfigReader

ADAPTED_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""Layers of the decoder that get an adapter, by the last part of their name."""

ADAPTER_PARAMETERS = ("lora_a", "lora_b")


@dataclass(frozen=True, slots=True)
class AdapterArgs:
    """Size and strength of an adapter.

    Attributes:
        rank: Inner width of the two factors.
        scale: Factor of their product; 0 switches the adapter off.
    """

    rank: int
    scale: float

    @classmethod
    def from_dict(cls, config: Mapping[str, Any], source: str) -> AdapterArgs:
        """Read `adapter_config.json`.

        Raises:
            ModelFormatError: A value is missing or illegal.
        """
        fields = ConfigReader(config, source)
        scale = fields.number("scale", minimum=-MAX_NUMBER, maximum=MAX_NUMBER)
        return cls(rank=fields.integer("rank", maximum=MAX_WIDTH), scale=scale)


class LoRALinear(nn.Module):
    """A linear layer plus a product of two small matrices: `base(x) + scale * (x @ lora_a) @ lora_b`.

    `lora_b` starts as zero, so that a new adapter changes nothing.

    Args:
        base: The layer to adapt, plain or quantised.
        args: Rank and scale.
        key: Random key for `lora_a`.
    """

    def __init__(self, base: nn.Linear | nn.QuantizedLinear, args: AdapterArgs, key: mx.array) -> None:
        super().__init__()
        out_width, in_width = _shape(base)
        bound = 1 / math.sqrt(in_width)
        self.base = base
        self.scale = args.scale
        self.lora_a = mx.random.uniform(-bound, bound, (in_width, args.rank), key=key)
        self.lora_b = mx.zeros((args.rank, out_width))

    def __call__(self, x: mx.array) -> mx.array:
        """Map `(..., in)` to `(..., out)`."""
        return self.base(x) + self.scale * ((x @ self.lora_a) @ self.lora_b).astype(x.dtype)

    def fused(self) -> nn.Linear | nn.QuantizedLinear:
        """Return one layer that computes the same; a quantised base is quantised again in the same way."""
        base = self.base
        quantised = isinstance(base, nn.QuantizedLinear)
        weight = _dequantised(base) if quantised else base.weight
        delta = self.scale * (self.lora_a.astype(mx.float32) @ self.lora_b.astype(mx.float32)).T
        weight = (weight.astype(mx.float32) + delta).astype(weight.dtype)
        plain = nn.Linear(weight.shape[1], weight.shape[0], bias="bias" in base)
        plain.weight = weight
        if "bias" in base:
            plain.bias = base.bias
        return nn.QuantizedLinear.from_linear(plain, base.group_size, base.bits) if quantised else plain


def add_adapters(model: nn.Module, args: AdapterArgs, *, seed: int = 0) -> None:
    """Give every layer named in `ADAPTED_LAYERS` an adapter, freeze all else."""
    layers = [
        (path, layer)
        for path, layer in model.named_modules()
        if path.rpartition(".")[2] in ADAPTED_LAYERS and isinstance(layer, nn.Linear | nn.QuantizedLinear)
    ]
    model.freeze()
    keys = mx.random.split(mx.random.key(seed), len(layers))
    _replace(model, {path: LoRALinear(layer, args, key) for (path, layer), key in zip(layers, keys, strict=True)})
    for _, layer in adapted_layers(model):
        layer.base.freeze()
        layer.unfreeze(recurse=False, keys=list(ADAPTER_PARAMETERS))


def fuse_adapters(model: nn.Module) -> None:
    """Turn every adapted layer back into a plain (or quantised) one that computes the same, in place."""
    _replace(model, {path: layer.fused() for path, layer in adapted_layers(model)})


def adapted_layers(model: nn.Module) -> list[tuple[str, LoRALinear]]:
    """Return the adapted layers by name."""
    return [(path, layer) for path, layer in model.named_modules() if isinstance(layer, LoRALinear)]


def _replace(model: nn.Module, layers: Mapping[str, nn.Module]) -> None:
    from mlx.utils import tree_unflatten

    model.update_modules(tree_unflatten(list(layers.items())))


def _shape(layer: nn.Linear | nn.QuantizedLinear) -> tuple[int, int]:
    if isinstance(layer, nn.QuantizedLinear):
        rows, groups = layer.scales.shape
        return rows, groups * layer.group_size
    rows, width = layer.weight.shape
    return rows, width


def _dequantised(layer: nn.QuantizedLinear) -> mx.array:
    return mx.dequantize(layer.weight, layer.scales, layer.biases, group_size=layer.group_size, bits=layer.bits)
