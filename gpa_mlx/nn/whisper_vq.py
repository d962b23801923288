"""The GLM-4-voice speech tokenizer: a Whisper encoder with block-causal attention, pooling and a codebook.

Reference: GLM-4-Voice (arXiv 2412.02612). Only what determines the codes exists here: the layers up to the
quantiser, the position table, the codebook.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gpa_mlx.backend import mx, nn
from gpa_mlx.errors import ModelFormatError
from gpa_mlx.fields import Fields
from gpa_mlx.nn.layers import StridedConv1d, gelu
from gpa_mlx.nn.transformer import EncoderLayer, Visibility

_LAYER_NORM_EPS = 1e-5
_POOLING_TYPES: tuple[Literal["avg", "max"], ...] = ("avg", "max")


@dataclass(frozen=True, slots=True)
class WhisperVQArgs:
    """Sizes of the tokenizer network.

    Attributes:
        d_model: Width.
        num_heads: Attention heads.
        ffn_dim: Feed-forward width.
        num_layers: Layers up to the quantiser (`quantize_position`).
        num_mel_bins: Input bands.
        max_source_positions: Rows of the position table; 50 positions per second.
        causal_convolution: Left-padded convolutions (True) or centred ones.
        block_size: Attention block in positions; None means every position sees all.
        pooling_kernel_size: Positions per code.
        pooling_position: Layer after which pooling happens.
        pooling_type: `avg` or `max`.
        codebook_size: Number of codes.
    """

    d_model: int
    num_heads: int
    ffn_dim: int
    num_layers: int
    num_mel_bins: int
    max_source_positions: int
    causal_convolution: bool
    block_size: int | None
    pooling_kernel_size: int
    pooling_position: int
    pooling_type: Literal["avg", "max"]
    codebook_size: int

    @classmethod
    def from_dict(cls, config: Mapping[str, Any], source: str) -> WhisperVQArgs:
        """Read the upstream `config.json`.

        Raises:
            ModelFormatError: A value is missing, illegal or not supported.
        """
        fields = Fields(config, source)
        fields.choice("activation_function", ["gelu"], default="gelu")
        if fields.flag("scale_embedding", default=False):
            raise fields.error("scale_embedding", "is true, which this program does not support")
        args = cls(
            d_model=fields.integer("d_model"),
            num_heads=fields.integer("encoder_attention_heads"),
            ffn_dim=fields.integer("encoder_ffn_dim"),
            num_layers=fields.integer("quantize_position"),
            num_mel_bins=fields.integer("num_mel_bins"),
            max_source_positions=fields.integer("max_source_positions"),
            causal_convolution=fields.flag("encoder_causal_convolution", default=False),
            block_size=fields.integer("quantize_causal_block_size") if "quantize_causal_block_size" in fields else None,
            pooling_kernel_size=fields.integer("pooling_kernel_size"),
            pooling_position=fields.integer("pooling_position"),
            pooling_type=fields.choice("pooling_type", _POOLING_TYPES, default="max"),
            codebook_size=fields.integer("quantize_vocab_size"),
        )
        if args.d_model % args.num_heads:
            raise fields.error("encoder_attention_heads", f"= {args.num_heads} does not divide d_model {args.d_model}")
        if args.pooling_position > args.num_layers:
            raise fields.error("pooling_position", f"must not lie behind quantize_position {args.num_layers}")
        if not fields.flag("quantize_encoder_only", default=False) and args.num_layers > fields.integer(
            "encoder_layers"
        ):
            raise fields.error("quantize_position", "exceeds encoder_layers")
        return args


class WhisperVQ(nn.Module):
    """Log-mel frames to GLM codes."""

    def __init__(self, args: WhisperVQArgs) -> None:
        super().__init__()
        self._args = args
        self.conv1 = StridedConv1d(args.num_mel_bins, args.d_model, 3, 1)
        self.conv2 = StridedConv1d(args.d_model, args.d_model, 3, 2)
        self.embed_positions = nn.Embedding(args.max_source_positions, args.d_model)
        self.layers = [
            EncoderLayer(args.d_model, args.num_heads, args.ffn_dim, eps=_LAYER_NORM_EPS, key_bias=False)
            for _ in range(args.num_layers)
        ]
        self.codebook = nn.Embedding(args.codebook_size, args.d_model)

    def embed(self, log_mel: mx.array) -> mx.array:
        """Run both convolutions and add positions.

        Args:
            log_mel: `(B, frames, num_mel_bins)`, 100 frames/s, `frames` even.

        Returns:
            `(B, frames / 2, d_model)`, the input of the first layer.

        Raises:
            ModelFormatError: More positions than the position table has.
        """
        before, after = (2, 0) if self._args.causal_convolution else (1, 1)
        x = gelu(self.conv1(mx.pad(log_mel, [(0, 0), (before, after), (0, 0)])))
        x = gelu(self.conv2(mx.pad(x, [(0, 0), (before, after), (0, 0)])))
        positions = x.shape[1]
        if positions > self._args.max_source_positions:
            raise ModelFormatError(
                f"{positions} positions exceed the GLM tokenizer's {self._args.max_source_positions}.",
                hint="Cut the audio into shorter segments.",
            )
        return x + self.embed_positions.weight[:positions]

    def hidden(self, log_mel: mx.array, valid_frames: mx.array) -> mx.array:
        """Return the pooled states that enter the codebook search.

        Args:
            log_mel: `(B, frames, num_mel_bins)`.
            valid_frames: `(B, frames)` bool, False on padding; padded keys are never attended.

        Returns:
            `(B, codes, d_model)`, padding included.
        """
        args = self._args
        x = self.embed(log_mel)
        valid = valid_frames[:, ::2]
        visibility = Visibility.of(valid, args.block_size)
        for number, layer in enumerate(self.layers, start=1):
            x = layer(x, visibility)
            if number == args.pooling_position:
                x = self._pool(x)
                valid = valid[:, :: args.pooling_kernel_size]
                pooled_block = args.block_size // args.pooling_kernel_size if args.block_size else None
                visibility = Visibility.of(valid, pooled_block)
        return x

    def __call__(self, log_mel: mx.array, valid_frames: mx.array) -> mx.array:
        """Return codes `(B, codes)` int32, padding included: keep `ceil(valid samples / 1280)` of them.

        Args and shapes as for `hidden`. The nearest codebook entry by squared Euclidean distance wins; the query's own
        norm is constant over the codebook and left out.
        """
        x = self.hidden(log_mel, valid_frames)
        codes = self.codebook.weight
        distances = (codes * codes).sum(axis=-1) - 2 * (x @ codes.T)
        return mx.argmin(distances, axis=-1).astype(mx.int32)

    def _pool(self, x: mx.array) -> mx.array:
        kernel = self._args.pooling_kernel_size
        batch, length, dims = x.shape
        x = mx.pad(x, [(0, 0), (0, -length % kernel), (0, 0)]).reshape(batch, -1, kernel, dims)
        return x.mean(axis=2) if self._args.pooling_type == "avg" else x.max(axis=2)
