"""ECAPA-TDNN frame features (arXiv 2005.07143); the pooling and the x-vector head are not part of the codec."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx.nn.layers import TapConv1d
from gpa_mlx.runtime.backend import mx, nn

if TYPE_CHECKING:
    from gpa_mlx.nn.bicodec.config import SpeakerArgs

_DILATIONS = (2, 3, 4)


class ReluNorm(nn.Module):
    """ReLU, then an evaluation-mode batch norm as one scale and shift per channel.

    The norm follows the ReLU, so it cannot be folded into the convolution before it.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = mx.ones((channels,))
        self.shift = mx.zeros((channels,))

    def __call__(self, x: mx.array) -> mx.array:
        """Map `(B, T, C)` to `(B, T, C)`."""
        return nn.relu(x) * self.scale + self.shift


class Res2Conv(nn.Module):
    """Dilated convolutions over groups of channels, each also seeing the result of the group before it.

    Args:
        channels: Width, divisible by `scale`.
        scale: Groups; the last one passes unchanged (with a single group nothing does).
        dilation: Distance between the three taps.
    """

    def __init__(self, channels: int, scale: int, dilation: int) -> None:
        super().__init__()
        self.scale = scale
        width = channels // scale
        count = max(scale - 1, 1)
        self.convs = [TapConv1d(width, width, 3, dilation=dilation) for _ in range(count)]
        self.norms = [ReluNorm(width) for _ in range(count)]

    def __call__(self, x: mx.array) -> mx.array:
        """Map `(B, T, C)` to `(B, T, C)`."""
        groups = mx.split(x, self.scale, axis=-1)
        outputs: list[mx.array] = []
        for group, conv, norm in zip(groups, self.convs, self.norms, strict=False):
            outputs.append(norm(conv(outputs[-1] + group if outputs else group)))
        return mx.concatenate([*outputs, *groups[len(outputs) :]], axis=-1)


class SqueezeExcitation(nn.Module):
    """Gate every channel by a function of all channels' means over time.

    Args:
        channels: Width.
        bottleneck: Width between the two layers.
    """

    def __init__(self, channels: int, bottleneck: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(channels, bottleneck)
        self.linear2 = nn.Linear(bottleneck, channels)

    def __call__(self, x: mx.array) -> mx.array:
        """Map `(B, T, C)` to `(B, T, C)`."""
        return x * mx.sigmoid(self.linear2(nn.relu(self.linear1(x.mean(axis=1, keepdims=True)))))


class SERes2Block(nn.Module):
    """Pointwise layer, Res2 convolution, pointwise layer and squeeze-excitation, added to the input."""

    def __init__(self, args: SpeakerArgs, dilation: int) -> None:
        super().__init__()
        channels = args.ecapa_channels
        self.linear1 = nn.Linear(channels, channels)
        self.norm1 = ReluNorm(channels)
        self.res2 = Res2Conv(channels, args.ecapa_scale, dilation)
        self.linear2 = nn.Linear(channels, channels)
        self.norm2 = ReluNorm(channels)
        self.excitation = SqueezeExcitation(channels, args.ecapa_se_channels)

    def __call__(self, x: mx.array) -> mx.array:
        """Map `(B, T, C)` to `(B, T, C)`."""
        y = self.res2(self.norm1(self.linear1(x)))
        return x + self.excitation(self.norm2(self.linear2(y)))


class ECAPAFeatures(nn.Module):
    """Mel frames to speaker features, one vector per frame."""

    def __init__(self, args: SpeakerArgs) -> None:
        super().__init__()
        channels = args.ecapa_channels
        self.conv = TapConv1d(args.input_dim, channels, 5)
        self.norm = ReluNorm(channels)
        self.blocks = [SERes2Block(args, dilation) for dilation in _DILATIONS]
        self.linear = nn.Linear(len(_DILATIONS) * channels, args.ecapa_out_channels)

    def __call__(self, mel: mx.array) -> mx.array:
        """Map a linear mel spectrogram `(B, T, input_dim)` to `(B, T, ecapa_out_channels)`."""
        x = self.norm(self.conv(mel))
        outputs: list[mx.array] = []
        for block in self.blocks:
            x = block(x)
            outputs.append(x)
        return nn.relu(self.linear(mx.concatenate(outputs, axis=-1)))
