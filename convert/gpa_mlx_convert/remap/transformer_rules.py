"""Rules for the building blocks that several parts share."""

from __future__ import annotations

from gpa_mlx_convert.remap.table import WeightRule


def linear(target: str, source: str | None = None, *, bias: bool = True) -> list[WeightRule]:
    """Return the rules of a linear layer; torch and MLX both store `(out, in)`."""
    source = source or target
    rules = [WeightRule(f"{target}.weight", (f"{source}.weight",))]
    if bias:
        rules.append(WeightRule(f"{target}.bias", (f"{source}.bias",)))
    return rules


def norm(target: str, source: str | None = None) -> list[WeightRule]:
    """Return the rules of a layer norm."""
    return linear(target, source)
