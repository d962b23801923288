"""Layers that MLX has not, or not in a form that is fast on both the CPU and the GPU.

MLX's CPU back end evaluates transcendental functions one element at a time and dilated, grouped and transposed
convolutions by a plain loop (1 GFLOP/s), while products, sums and matrix products run at full speed. So the functions
here are polynomials and the convolutions are matrix products; the same form suits the GPU and differentiates cheaply.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from gpa_mlx.runtime.backend import mx, nn, on_gpu

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

P = ParamSpec("P")
R = TypeVar("R")

# sin(pi r)^2 = s * poly(s) with s = r^2, |r| <= 1/2: minimax, absolute error 6e-9 (2e-7 in float32 arithmetic).
_SIN_SQUARED = (9.869603157043457, -32.46958160400390, 42.72538375854492, -30.08595275878906, 12.99073028564453,
                -3.272945880889893)  # fmt: skip
_DOUBLE_SINE = tuple(2 * (k + 1) * c / math.pi for k, c in enumerate(_SIN_SQUARED))
_SNAKE_EPS = 1e-9
# Phi(x) - 1/2 = x * num(x^2) / den(x^2), |x| <= limit, where it reaches 1/2: minimax for x * Phi(x), error 4e-7.
_GELU_LIMIT = 5.3
_GELU_NUMERATOR = (0.3989409804344177, 0.05862858518958092, 0.006165381520986557, 4.165922000538558e-4,
                   7.566173735540360e-6)  # fmt: skip
_GELU_DENOMINATOR = (1.0, 0.3136087656021118, 0.04275088757276535, 0.003284201025962830, 1.506675762357190e-4,
                     6.244859491744137e-7)  # fmt: skip


# (gelu'(x) - 1/2) / x = num(x^2) / den(x^2), |x| <= limit: minimax for gelu', error 5e-8.
_SLOPE_NUMERATOR = (0.7978848814964294, -0.03631778061389923, 0.014256929978728294, -6.084759661462158e-05,
                    3.2431824365630746e-05)  # fmt: skip
_SLOPE_DENOMINATOR = (1.0, 0.2878190875053406, 0.03879977762699127, 0.003184867324307561, 1.6576664347667247e-4,
                      6.486349320766749e-06, -2.0984238346954953e-08)  # fmt: skip


def fused(function: Callable[P, R]) -> Callable[P, R]:
    """Make one kernel of an elementwise function on a GPU; on the CPU that gains nothing and costs seconds of g++."""
    return mx.compile(function, shapeless=True) if on_gpu() else function


def _polynomial(x: mx.array, coefficients: tuple[float, ...]) -> mx.array:
    """Evaluate by Horner's rule; coefficients from the constant upwards."""
    value = x * coefficients[-1] + coefficients[-2]
    for coefficient in coefficients[-3::-1]:
        value = value * x + coefficient
    return value


def gelu(x: mx.array) -> mx.array:
    """Gaussian error linear unit in its erf form, x * Phi(x) (arXiv 1606.08415).

    Returns:
        Same shape; error below 5e-7 * max(1, |x|), that of float32 erf itself.
    """
    return cast("mx.array", _gelu(x))


@mx.custom_function
@fused
def _gelu(x: mx.array) -> mx.array:
    bounded = mx.clip(x, -_GELU_LIMIT, _GELU_LIMIT)
    square = bounded * bounded
    ratio = _polynomial(square, _GELU_NUMERATOR) / _polynomial(square, _GELU_DENOMINATOR)
    return x * (bounded * ratio + 0.5)


@_gelu.vjp
@fused
def _gelu_vjp(x: mx.array, cotangent: mx.array, _: mx.array) -> mx.array:
    # One rational function more is a third of the work of going back through the first.
    bounded = mx.clip(x, -_GELU_LIMIT, _GELU_LIMIT)
    square = bounded * bounded
    ratio = _polynomial(square, _SLOPE_NUMERATOR) / _polynomial(square, _SLOPE_DENOMINATOR)
    return cotangent * (bounded * ratio + 0.5)


def snake(x: mx.array, alpha: mx.array) -> mx.array:
    """Periodic activation x + sin(alpha x)^2 / alpha (arXiv 2006.08195).

    Args:
        x: `(..., C)` float32.
        alpha: Angular frequency per channel, `(C,)`.

    Returns:
        Same shape as `x`.
    """
    return cast("mx.array", _snake(x, alpha))


@mx.custom_function
@fused
def _snake(x: mx.array, alpha: mx.array) -> mx.array:
    remainder = _half_turn(x, alpha)
    square = remainder * remainder
    return x + square * _polynomial(square, _SIN_SQUARED) * (1 / (alpha + _SNAKE_EPS))


@_snake.vjp
@fused
def _snake_vjp(primals: tuple[mx.array, mx.array], cotangent: mx.array, _: mx.array) -> tuple[mx.array, mx.array]:
    x, alpha = primals
    remainder = _half_turn(x, alpha)
    square = remainder * remainder
    scale = 1 / (alpha + _SNAKE_EPS)
    # sin(2 alpha x) is the slope of sin(alpha x)^2, so its polynomial is the slope of that polynomial.
    double_sine = remainder * _polynomial(square, _DOUBLE_SINE)
    by_frequency = x * double_sine - square * _polynomial(square, _SIN_SQUARED) * scale
    by_channel = (cotangent * by_frequency).reshape(-1, x.shape[-1]).sum(axis=0) * scale
    return cotangent + cotangent * double_sine * (alpha * scale), by_channel


def _half_turn(x: mx.array, alpha: mx.array) -> mx.array:
    """Return alpha x / pi less its nearest integer."""
    half_turns = x * (alpha * (1 / math.pi))
    return half_turns - mx.round(half_turns)


def l2_normalize(x: mx.array) -> mx.array:
    """Divide vectors along the last axis by max(length, 1e-12)."""
    return x / mx.maximum(mx.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


def overlap_add(frames: mx.array, stride: int) -> mx.array:
    """Add frames that start `stride` positions apart.

    Args:
        frames: `(B, T, K, C)`, T frames of K positions.
        stride: Distance between the starts of consecutive frames.

    Returns:
        `(B, ceil(K / stride) * stride + (T - 1) * stride, C)`: the sum, followed by zeros when `stride` does not
        divide K.
    """
    batch, length, size, channels = frames.shape
    blocks = -(-size // stride)
    total = None
    for block in range(blocks):
        piece = frames[:, :, block * stride : (block + 1) * stride]
        # Block j of frame t lands in row t + j of a (rows, stride) grid.
        widths = [(0, 0), (block, blocks - 1 - block), (0, stride - piece.shape[2]), (0, 0)]
        piece = mx.pad(piece, widths)
        total = piece if total is None else total + piece
    assert total is not None
    return total.reshape(batch, (length + blocks - 1) * stride, channels)


def _uniform(shape: tuple[int, ...], fan_in: int) -> mx.array:
    bound = 1 / math.sqrt(fan_in)
    return mx.random.uniform(-bound, bound, shape)


def stack_rows(layers: Sequence[nn.Module]) -> nn.Linear | nn.QuantizedLinear | None:
    """Return one linear layer whose output is those of several, one after the other.

    Args:
        layers: With the same input.

    Returns:
        The layer; None where they are not of one kind: adapted, quantised differently, some with a bias.
    """
    first = layers[0]
    if type(first) not in (nn.Linear, nn.QuantizedLinear) or any(type(layer) is not type(first) for layer in layers):
        return None
    if any(layer.keys() != first.keys() or _storage(layer) != _storage(first) for layer in layers):
        return None
    # Made small: its parameters are replaced.
    stacked = nn.Linear(64, 1, bias="bias" in first)
    if isinstance(first, nn.QuantizedLinear):
        stacked = nn.QuantizedLinear(first.group_size, 1, "bias" in first, first.group_size, first.bits)
    for name in first.parameters():
        stacked[name] = mx.concatenate([layer[name] for layer in layers])
    return stacked


def _storage(layer: nn.Module) -> tuple[object, ...]:
    quantised = (layer.group_size, layer.bits) if isinstance(layer, nn.QuantizedLinear) else ()
    return (*quantised, *(layer[name].dtype for name in layer.parameters()))


class Snake(nn.Module):
    """`snake` with a learned frequency per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = mx.ones((channels,))

    def __call__(self, x: mx.array) -> mx.array:
        """Map `(B, T, C)` to `(B, T, C)`."""
        return snake(x, self.alpha)


class TapConv1d(nn.Module):
    """Convolution that keeps the length, on the CPU as one matrix product per tap.

    Unlike `mx.conv1d` there it needs no unfolded copy of its input (kernel times as large) and dilation costs nothing.
    The weight is `(kernel, out, in)`, taps first, so that each tap is one contiguous matrix; `(out, kernel, in)` would
    be copied on every call.

    Args:
        in_channels: Input width.
        out_channels: Output width.
        kernel_size: Taps, odd.
        dilation: Distance between taps.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, *, dilation: int = 1) -> None:
        super().__init__()
        self.dilation = dilation
        self.weight = _uniform((kernel_size, out_channels, in_channels), kernel_size * in_channels)
        self.bias = mx.zeros((out_channels,))

    def __call__(self, x: mx.array) -> mx.array:
        """Map `(B, T, in)` to `(B, T, out)`, zeros beyond both ends."""
        kernel_size, length = self.weight.shape[0], x.shape[1]
        reach = self.dilation * (kernel_size - 1) // 2
        if on_gpu():  # where its kernel unfolds nothing, and reads the input once instead of once per tap
            return mx.conv1d(x, self.weight.transpose(1, 0, 2), padding=reach, dilation=self.dilation) + self.bias
        x = mx.pad(x, [(0, 0), (reach, reach), (0, 0)])
        out = self.bias
        for tap in range(kernel_size):
            start = tap * self.dilation
            out = mx.addmm(out, x[:, start : start + length], self.weight[tap].T)
        return out


class StridedConv1d(nn.Module):
    """Convolution without padding, as one matrix product per stride's worth of taps.

    The input is read as rows of `stride` positions, a view, so nothing is unfolded; unlike that of `mx.conv1d`, the
    gradient consists of matrix products too.

    Args:
        in_channels: Input width.
        out_channels: Output width; the weight is `(out, kernel, in)`.
        kernel_size: Taps.
        stride: Input positions per output position.
        bias: Whether there is a bias.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int, *, bias: bool = True
    ) -> None:
        super().__init__()
        self.stride = stride
        self.weight = _uniform((out_channels, kernel_size, in_channels), kernel_size * in_channels)
        if bias:
            self.bias = mx.zeros((out_channels,))

    def __call__(self, x: mx.array) -> mx.array:
        """Map `(B, T, in)` to `(B, (T - kernel) // stride + 1, out)`; T is at least the kernel."""
        batch, length, channels = x.shape
        out_channels, kernel_size, _ = self.weight.shape
        stride, blocks = self.stride, -(-kernel_size // self.stride)
        frames = (length - kernel_size) // stride + 1
        needed = (frames + blocks - 1) * stride
        # What is padded meets no tap.
        x = mx.pad(x, [(0, 0), (0, needed - length), (0, 0)]) if needed > length else x[:, :needed]
        rows = x.reshape(batch, frames + blocks - 1, stride * channels)
        out = None
        for block in range(blocks):
            taps = self.weight[:, block * stride : (block + 1) * stride].reshape(out_channels, -1)
            product = rows[:, block : block + frames, : taps.shape[1]] @ taps.T
            out = product if out is None else out + product
        assert out is not None
        return out + self.bias if "bias" in self else out


class TapConvTranspose1d(nn.Module):
    """Transposed convolution that multiplies the length by `stride`, as one matrix product and an overlap-add.

    Args:
        in_channels: Input width.
        out_channels: Output width.
        kernel_size: Taps, at least `stride` and of the same parity; the weight is `(kernel, out, in)`.
        stride: Output positions per input position.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.weight = _uniform((kernel_size, out_channels, in_channels), kernel_size * in_channels)
        self.bias = mx.zeros((out_channels,))

    def __call__(self, x: mx.array) -> mx.array:
        """Map `(B, T, in)` to `(B, T * stride, out)`."""
        batch, length, _ = x.shape
        kernel_size, out_channels, in_channels = self.weight.shape
        frames = x @ self.weight.reshape(-1, in_channels).T
        out = overlap_add(frames.reshape(batch, length, kernel_size, out_channels), self.stride)
        trim = (kernel_size - self.stride) // 2
        return out[:, trim : trim + length * self.stride] + self.bias


class DepthwiseConv1d(nn.Module):
    """Convolution of every channel with its own kernel, as shifted products.

    Args:
        channels: Width; the weight is `(channels, kernel, 1)`.
        kernel_size: Taps.
        stride: Input positions per output position.
        padding: Zeros added at both ends.
    """

    def __init__(self, channels: int, kernel_size: int, *, stride: int = 1, padding: int) -> None:
        super().__init__()
        self.stride = stride
        self.padding = padding
        self.weight = _uniform((channels, kernel_size, 1), kernel_size)
        self.bias = mx.zeros((channels,))

    def __call__(self, x: mx.array) -> mx.array:
        """Map `(B, T, C)` to `(B, floor((T + 2 * padding - kernel) / stride) + 1, C)`."""
        kernel_size = self.weight.shape[1]
        taps = mx.contiguous(self.weight[:, :, 0].T)
        x = mx.pad(x, [(0, 0), (self.padding, self.padding), (0, 0)])
        reach = (x.shape[1] - kernel_size) // self.stride * self.stride + 1
        out = self.bias
        for tap in range(kernel_size):
            out = out + x[:, tap : tap + reach : self.stride] * taps[tap]
        return out


class DepthwiseUpsample1d(nn.Module):
    """Depthwise transposed convolution with kernel 2 * stride that multiplies the length by `stride`.

    Args:
        channels: Width; the weight is `(channels, 2 * stride, 1)`.
        stride: Output positions per input position.
    """

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.weight = _uniform((channels, 2 * stride, 1), 2)
        self.bias = mx.zeros((channels,))

    def __call__(self, x: mx.array) -> mx.array:
        """Map `(B, T, C)` to `(B, T * stride, C)`."""
        taps = mx.contiguous(self.weight[:, :, 0].T)
        out = overlap_add(x[:, :, None] * taps, self.stride)
        trim = (self.stride + 1) // 2
        return out[:, trim : trim + x.shape[1] * self.stride] + self.bias
