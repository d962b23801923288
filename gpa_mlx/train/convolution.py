"""Strided convolutions with a backward pass that is fast on the CPU.

MLX derives the gradient of a strided convolution as convolutions with dilated inputs and kernels, which its CPU back
end runs as plain loops. As two matrix products over a strided view they take an eighth of the time.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, cast

from mlx.utils import tree_map_with_path

from gpa_mlx.backend import mx, nn
from gpa_mlx.nn.layers import overlap_add

if TYPE_CHECKING:
    from collections.abc import Callable


class StridedConv1d(nn.Module):
    """`nn.Conv1d` without padding, dilation and groups, over the same parameters.

    Args:
        conv: The layer whose parameters it takes.
    """

    def __init__(self, conv: nn.Conv1d) -> None:
        super().__init__()
        self.stride = conv.stride
        self.weight = conv.weight
        if "bias" in conv:
            self.bias = conv.bias

    def __call__(self, x: mx.array) -> mx.array:
        """Map `(B, T, in)` to `(B, (T - kernel) // stride + 1, out)`."""
        y = _convolution(self.stride)(x, self.weight)
        return y + self.bias if "bias" in self else y


def with_fast_backward(network: nn.Module) -> None:
    """Replace, in place, the strided convolutions of a network that is to be trained; parameters keep their names."""

    def replacement(_: str, module: nn.Module) -> nn.Module:
        if not isinstance(module, nn.Conv1d) or module.stride == 1:
            return module
        plain = module.padding == 0 and module.dilation == 1 and module.groups == 1
        return StridedConv1d(module) if plain else module

    leaves = tree_map_with_path(replacement, network.leaf_modules(), is_leaf=nn.Module.is_module)
    network.update_modules(leaves)


@cache
def _convolution(stride: int) -> Callable[[mx.array, mx.array], mx.array]:
    @mx.custom_function
    def convolution(x: mx.array, weight: mx.array) -> mx.array:
        return mx.conv1d(x, weight, stride=stride)

    @convolution.vjp
    def convolution_vjp(
        primals: tuple[mx.array, mx.array], cotangent: mx.array, _: mx.array
    ) -> tuple[mx.array, mx.array]:
        x, weight = primals
        out_channels, kernel_size, in_channels = weight.shape
        batch, length = x.shape[:2]
        frames = cotangent.shape[1]
        rows = cotangent.reshape(-1, out_channels)
        width = kernel_size * in_channels
        strides = (length * in_channels, stride * in_channels, 1)
        unfolded = mx.as_strided(x, (batch, frames, width), strides).reshape(-1, width)
        grad_weight = (rows.T @ unfolded).reshape(weight.shape)
        pieces = (rows @ weight.reshape(out_channels, width)).reshape(batch, frames, kernel_size, in_channels)
        grad_x = overlap_add(pieces, stride)[:, :length]
        return mx.pad(grad_x, [(0, 0), (0, length - grad_x.shape[1]), (0, 0)]), grad_weight

    return cast("Callable[[mx.array, mx.array], mx.array]", convolution)
