"""wav2vec2-large-xlsr-53 as a feature extractor: the mean of a few hidden states.

Reference: wav2vec 2.0 (arXiv 2006.11477), XLSR (arXiv 2006.13979), the layer-norm / stable-layer-norm variant. Layers
above the last feature layer do not exist here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gpa_mlx.nn.bounds import MAX_LAYERS, MAX_RATIO, MAX_STAGES, MAX_WIDTH, MIN_EPSILON
from gpa_mlx.nn.layers import StridedConv1d, gelu
from gpa_mlx.nn.transformer import EncoderLayer
from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.runtime.parallel import eval_barrier
from gpa_mlx.store.config_reader import ConfigReader

FEATURE_LAYERS = (11, 14, 16)
"""Hidden states that BiCodec averages (Spark-TTS); index 0 is the input of the first layer."""

_STRETCH_FRAMES = 2048


@dataclass(frozen=True, slots=True)
class Wav2Vec2Args:
    """Sizes of the network.

    Attributes:
        conv_dim: Output channels of each feature-extractor convolution.
        conv_kernel: Their kernels.
        conv_stride: Their strides; the product is the hop (320 samples).
        conv_bias: Whether they have biases.
        hidden_size: Transformer width.
        num_heads: Attention heads.
        intermediate_size: Feed-forward width.
        layer_norm_eps: Epsilon of every layer norm.
        pos_conv_kernel: Kernel of the convolutional position embedding.
        pos_conv_groups: Its groups.
        feature_layers: Hidden states to average.
    """

    conv_dim: tuple[int, ...]
    conv_kernel: tuple[int, ...]
    conv_stride: tuple[int, ...]
    conv_bias: bool
    hidden_size: int
    num_heads: int
    intermediate_size: int
    layer_norm_eps: float
    pos_conv_kernel: int
    pos_conv_groups: int
    feature_layers: tuple[int, ...]

    @property
    def num_layers(self) -> int:
        """Transformer layers needed: up to the highest feature layer."""
        return max(self.feature_layers)

    @property
    def min_samples(self) -> int:
        """Shortest input that gives one frame (400 for XLSR)."""
        length = 1
        for kernel, stride in zip(reversed(self.conv_kernel), reversed(self.conv_stride), strict=True):
            length = (length - 1) * stride + kernel
        return length

    @classmethod
    def from_dict(cls, config: Mapping[str, Any], source: str) -> Wav2Vec2Args:
        """Read the upstream `config.json`; the optional key `feature_layers` overrides 11, 14, 16.

        Raises:
            ModelFormatError: A value is missing, illegal or not supported.
        """
        fields = ConfigReader(config, source)
        fields.choice("feat_extract_norm", ["layer"])
        fields.choice("do_stable_layer_norm", [True])
        fields.choice("feat_extract_activation", ["gelu"], default="gelu")
        fields.choice("hidden_act", ["gelu"], default="gelu")
        args = cls(
            conv_dim=fields.integers("conv_dim", maximum=MAX_WIDTH, longest=MAX_STAGES),
            conv_kernel=fields.integers("conv_kernel", maximum=MAX_RATIO, longest=MAX_STAGES),
            conv_stride=fields.integers("conv_stride", maximum=MAX_RATIO, longest=MAX_STAGES),
            conv_bias=fields.flag("conv_bias", default=False),
            hidden_size=fields.integer("hidden_size", maximum=MAX_WIDTH),
            num_heads=fields.integer("num_attention_heads", maximum=MAX_WIDTH),
            intermediate_size=fields.integer("intermediate_size", maximum=4 * MAX_WIDTH),
            layer_norm_eps=fields.number("layer_norm_eps", minimum=MIN_EPSILON, maximum=1, default=1e-5),
            pos_conv_kernel=fields.integer("num_conv_pos_embeddings", maximum=MAX_RATIO, default=128),
            pos_conv_groups=fields.integer("num_conv_pos_embedding_groups", maximum=MAX_WIDTH, default=16),
            feature_layers=fields.integers(
                "feature_layers", maximum=MAX_LAYERS, longest=MAX_STAGES, minimum=0, default=FEATURE_LAYERS
            ),
        )
        if not len(args.conv_dim) == len(args.conv_kernel) == len(args.conv_stride):
            raise fields.error("conv_dim", "conv_kernel and conv_stride must have the same length")
        if args.hidden_size % args.num_heads:
            raise fields.error("num_attention_heads", f"does not divide hidden_size {args.hidden_size}")
        if args.hidden_size % args.pos_conv_groups:
            raise fields.error("num_conv_pos_embedding_groups", f"does not divide hidden_size {args.hidden_size}")
        if args.num_layers > fields.integer("num_hidden_layers", maximum=MAX_LAYERS):
            raise fields.error("num_hidden_layers", f"must be at least {args.num_layers}, the last feature layer")
        return args


class ConvLayer(nn.Module):
    """Strided convolution, layer norm over channels, GELU."""

    def __init__(self, in_dims: int, out_dims: int, kernel: int, stride: int, *, bias: bool, eps: float) -> None:
        super().__init__()
        self.conv = StridedConv1d(in_dims, out_dims, kernel, stride, bias=bias)
        self.layer_norm = nn.LayerNorm(out_dims, eps=eps)

    def __call__(self, x: mx.array) -> mx.array:
        """Map `(B, T, in)` to `(B, (T - kernel) // stride + 1, out)`."""
        kernel, stride = self.conv.weight.shape[1], self.conv.stride
        frames = (x.shape[1] - kernel) // stride + 1
        if frames < 1:
            raise ValueError(f"{x.shape[1]} frames are shorter than the kernel {kernel}")
        parts = []
        # A block at a time: the early layers have 100 times the frames of the last one, and stay in the cache so.
        for start in range(0, frames, _STRETCH_FRAMES):
            stop = min(start + _STRETCH_FRAMES, frames)
            block = x[:, start * stride : (stop - 1) * stride + kernel]
            parts.append(eval_barrier(gelu(self.layer_norm(self.conv(block)))))
        return mx.concatenate(parts, axis=1)


class PositionalConv(nn.Module):
    """Grouped convolution that adds relative positions.

    MLX's grouped convolution is naive on the CPU; one dense convolution per group runs at matrix-product speed.
    """

    def __init__(self, dims: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.groups = groups
        self.weight = mx.zeros((dims, kernel, dims // groups))
        self.bias = mx.zeros((dims,))

    def __call__(self, x: mx.array) -> mx.array:
        """Map `(B, T, D)` to `(B, T, D)`."""
        length = x.shape[1]
        half = self.weight.shape[1] // 2
        parts = zip(mx.split(x, self.groups, axis=-1), mx.split(self.weight, self.groups, axis=0), strict=True)
        out = mx.concatenate([mx.conv1d(part, weight, padding=half) for part, weight in parts], axis=-1)
        # An even kernel with half-kernel padding yields one output too many; the last is dropped.
        return gelu(out[:, :length] + self.bias)


class Wav2Vec2(nn.Module):
    """Normalised waveform to the features that the BiCodec encoder reads."""

    def __init__(self, args: Wav2Vec2Args) -> None:
        super().__init__()
        self._args = args
        inputs = (1, *args.conv_dim[:-1])
        self.conv_layers = [
            ConvLayer(i, o, kernel, stride, bias=args.conv_bias, eps=args.layer_norm_eps)
            for i, o, kernel, stride in zip(inputs, args.conv_dim, args.conv_kernel, args.conv_stride, strict=True)
        ]
        self.feature_layer_norm = nn.LayerNorm(args.conv_dim[-1], eps=args.layer_norm_eps)
        self.feature_projection = nn.Linear(args.conv_dim[-1], args.hidden_size)
        self.pos_conv = PositionalConv(args.hidden_size, args.pos_conv_kernel, args.pos_conv_groups)
        self.layers = [
            EncoderLayer(
                args.hidden_size, args.num_heads, args.intermediate_size, eps=args.layer_norm_eps, key_bias=True
            )
            for _ in range(args.num_layers)
        ]

    def conv_features(self, samples: mx.array) -> mx.array:
        """Run the convolutional feature extractor.

        Args:
            samples: `(B, samples)` float32 at 16 kHz, zero mean and unit variance.

        Returns:
            `(B, frames, conv_dim[-1])`, 50 frames/s.
        """
        x = samples[..., None]
        for layer in self.conv_layers:
            x = layer(x)
        return x

    def hidden_states(self, samples: mx.array) -> list[mx.array]:
        """Return the states before, between and after the layers, each `(B, frames, hidden_size)`."""
        x = self.feature_projection(self.feature_layer_norm(self.conv_features(samples)))
        x = x + self.pos_conv(x)
        states = [x]
        for layer in self.layers:
            x = layer(x)
            states.append(x)
        return states

    def __call__(self, samples: mx.array) -> mx.array:
        """Return the mean of the feature layers, `(B, frames, hidden_size)`; `samples` as in `conv_features`."""
        states = self.hidden_states(samples)
        chosen = [states[index] for index in self._args.feature_layers]
        return sum(chosen[1:], chosen[0]) / len(chosen)
