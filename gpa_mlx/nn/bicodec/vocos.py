"""Vocos backbone (ConvNeXt blocks over time, arXiv 2306.00814) and the resampling stages between two of them."""

from __future__ import annotations

from functools import partial

from gpa_mlx.nn.bicodec.reach import Span, Stage
from gpa_mlx.nn.layers import DepthwiseConv1d, DepthwiseUpsample1d, gelu
from gpa_mlx.runtime.backend import mx, nn

_KERNEL_SIZE = 7
_NORM_EPS = 1e-6
_STAGE_LAYERS = 2


class AdaLayerNorm(nn.Module):
    """Layer norm whose scale and shift are linear functions of a condition vector.

    The scale is the linear map itself, not one plus it.
    """

    def __init__(self, dims: int, condition_dim: int) -> None:
        super().__init__()
        self.scale = nn.Linear(condition_dim, dims)
        self.shift = nn.Linear(condition_dim, dims)

    def __call__(self, x: mx.array, condition: mx.array) -> mx.array:
        """Normalise `(B, T, D)` under the condition `(B, C)`."""
        x = mx.fast.layer_norm(x, None, None, _NORM_EPS)
        return x * self.scale(condition)[:, None] + self.shift(condition)[:, None]


def _before_kernel(span: Span) -> Span:
    return span.before_conv(_KERNEL_SIZE)


def _norm(dims: int, condition_dim: int | None) -> nn.LayerNorm | AdaLayerNorm:
    return nn.LayerNorm(dims, eps=_NORM_EPS) if condition_dim is None else AdaLayerNorm(dims, condition_dim)


def _apply_norm(norm: nn.LayerNorm | AdaLayerNorm, x: mx.array, condition: mx.array | None) -> mx.array:
    if isinstance(norm, AdaLayerNorm):
        assert condition is not None, "a conditional network needs its condition"
        return norm(x, condition)
    return norm(x)


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, norm and a two-layer network, scaled per channel and added to the input.

    Args:
        dims: Width.
        intermediate_dim: Width between the two pointwise layers.
        layer_scale: Initial value of the scale `gamma`.
        condition_dim: Width of the norm's condition, None for a plain layer norm.
    """

    def __init__(self, dims: int, intermediate_dim: int, layer_scale: float, condition_dim: int | None) -> None:
        super().__init__()
        self.dwconv = DepthwiseConv1d(dims, _KERNEL_SIZE, padding=_KERNEL_SIZE // 2)
        self.norm = _norm(dims, condition_dim)
        self.pwconv1 = nn.Linear(dims, intermediate_dim)
        self.pwconv2 = nn.Linear(intermediate_dim, dims)
        self.gamma = mx.full((dims,), layer_scale)

    def __call__(self, x: mx.array, condition: mx.array | None) -> mx.array:
        """Map `(B, T, D)` to `(B, T, D)`."""
        y = _apply_norm(self.norm, self.dwconv(x), condition)
        return x + self.gamma * self.pwconv2(gelu(self.pwconv1(y)))


class VocosBackbone(nn.Module):
    """Convolution, norm, a stack of ConvNeXt blocks and a last norm; keeps the length.

    Args:
        input_channels: Width of the input.
        dims: Width inside and of the output.
        intermediate_dim: Width inside a block.
        num_layers: Blocks.
        condition_dim: Width of the vector that steers all norms but the last; None for plain layer norms.
    """

    def __init__(
        self,
        input_channels: int,
        dims: int,
        intermediate_dim: int,
        num_layers: int,
        condition_dim: int | None = None,
    ) -> None:
        super().__init__()
        self.embed = nn.Conv1d(input_channels, dims, _KERNEL_SIZE, padding=_KERNEL_SIZE // 2)
        self.norm = _norm(dims, condition_dim)
        self.convnext = [
            ConvNeXtBlock(dims, intermediate_dim, 1 / num_layers, condition_dim) for _ in range(num_layers)
        ]
        self.final_layer_norm = nn.LayerNorm(dims, eps=_NORM_EPS)

    def __call__(self, x: mx.array, condition: mx.array | None = None) -> mx.array:
        """Map `(B, T, C)` to `(B, T, D)`, steered by the condition `(B, condition_dim)` if the network has one."""
        x = _apply_norm(self.norm, self.embed(x), condition)
        for block in self.convnext:
            x = block(x, condition)
        return self.final_layer_norm(x)

    def local_stages(self, condition: mx.array | None = None) -> list[Stage]:
        """Return the network as a chain of stages; none of its norms looks across time."""
        return [
            Stage(lambda x: _apply_norm(self.norm, self.embed(x), condition), _before_kernel),
            *(Stage(partial(block, condition=condition), _before_kernel) for block in self.convnext),
            Stage(self.final_layer_norm),
        ]


class Downsample(nn.Module):
    """Strided depthwise convolution plus twice the mean of every `ratio` frames.

    With ratio 1 the reference adds three copies of its input: the factor 3 is part of the trained network.

    Args:
        dims: Width.
        ratio: Input frames per output frame.
    """

    def __init__(self, dims: int, ratio: int) -> None:
        super().__init__()
        self.ratio = ratio
        if ratio > 1:
            self.conv = DepthwiseConv1d(dims, 2 * ratio, stride=ratio, padding=(ratio + 1) // 2)

    def __call__(self, x: mx.array) -> mx.array:
        """Map `(B, T, D)` to `(B, floor(T / ratio), D)`."""
        if self.ratio == 1:
            return 3 * x
        batch, length, dims = x.shape
        frames = length // self.ratio
        mean = x[:, : frames * self.ratio].reshape(batch, frames, self.ratio, dims).mean(axis=2)
        # For an odd ratio the convolution may reach one frame further than the mean.
        return self.conv(nn.leaky_relu(x, 0.2))[:, :frames] + 2 * mean


class Upsample(nn.Module):
    """Every frame repeated, plus a depthwise transposed convolution that counts twice.

    With ratio 1 the reference adds three copies of its input: the factor 3 is part of the trained network.

    Args:
        dims: Width.
        ratio: Output frames per input frame.
    """

    def __init__(self, dims: int, ratio: int) -> None:
        super().__init__()
        self.ratio = ratio
        if ratio > 1:
            self.conv = DepthwiseUpsample1d(dims, ratio)

    def __call__(self, x: mx.array) -> mx.array:
        """Map `(B, T, D)` to `(B, T * ratio, D)`."""
        if self.ratio == 1:
            return 3 * x
        return 3 * mx.repeat(x, self.ratio, axis=1) + 2 * self.conv(nn.leaky_relu(x, 0.2))

    def input_span(self, span: Span) -> Span:
        """Return the input frames that a span of output frames depends on."""
        if self.ratio == 1:
            return span
        return span.before_transposed_conv(2 * self.ratio, self.ratio, (self.ratio + 1) // 2)


class ResamplingStage(nn.Module):
    """Resampling followed by a short unconditional Vocos backbone.

    Args:
        resample: `Downsample` or `Upsample`.
        dims: Width.
        intermediate_dim: Width inside a ConvNeXt block.
    """

    def __init__(self, resample: Downsample | Upsample, dims: int, intermediate_dim: int) -> None:
        super().__init__()
        self.resample = resample
        self.backbone = VocosBackbone(dims, dims, intermediate_dim, _STAGE_LAYERS)

    def __call__(self, x: mx.array) -> mx.array:
        """Map `(B, T, D)` to `(B, T', D)`."""
        return self.backbone(self.resample(x))
