"""The GLM-4-voice speech tokenizer: a Whisper encoder with block-causal attention, pooling and a codebook.

Reference: GLM-4-Voice (arXiv 2412.02612). Only what determines the codes exists here: the layers up to the
quantiser, the position table, the codebook.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gpa_mlx.errors import ModelFormatError
from gpa_mlx.nn.bounds import MAX_LAYERS, MAX_MELS, MAX_POSITIONS, MAX_RATIO, MAX_VOCABULARY, MAX_WIDTH
from gpa_mlx.nn.layers import StridedConv1d, gelu
from gpa_mlx.nn.transformer import EncoderLayer, Memory, Visibility
from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.store.config_reader import ConfigReader

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
        fields = ConfigReader(config, source)
        fields.choice("activation_function", ["gelu"], default="gelu")
        if fields.flag("scale_embedding", default=False):
            raise fields.error("scale_embedding", "is true, which this program does not support")
        args = cls(
            d_model=fields.integer("d_model", maximum=MAX_WIDTH),
            num_heads=fields.integer("encoder_attention_heads", maximum=MAX_WIDTH),
            ffn_dim=fields.integer("encoder_ffn_dim", maximum=4 * MAX_WIDTH),
            num_layers=fields.integer("quantize_position", maximum=MAX_LAYERS),
            num_mel_bins=fields.integer("num_mel_bins", maximum=MAX_MELS),
            max_source_positions=fields.integer("max_source_positions", maximum=MAX_POSITIONS),
            causal_convolution=fields.flag("encoder_causal_convolution", default=False),
            block_size=fields.integer("quantize_causal_block_size", maximum=MAX_POSITIONS)
            if "quantize_causal_block_size" in fields
            else None,
            pooling_kernel_size=fields.integer("pooling_kernel_size", maximum=MAX_RATIO),
            pooling_position=fields.integer("pooling_position", maximum=MAX_LAYERS),
            pooling_type=fields.choice("pooling_type", _POOLING_TYPES, default="max"),
            codebook_size=fields.integer("quantize_vocab_size", maximum=MAX_VOCABULARY),
        )
        if args.d_model % args.num_heads:
            raise fields.error("encoder_attention_heads", f"= {args.num_heads} does not divide d_model {args.d_model}")
        if args.pooling_position > args.num_layers:
            raise fields.error("pooling_position", f"must not lie behind quantize_position {args.num_layers}")
        if not fields.flag("quantize_encoder_only", default=False) and args.num_layers > fields.integer(
            "encoder_layers", maximum=MAX_LAYERS
        ):
            raise fields.error("quantize_position", "exceeds encoder_layers")
        return args


@dataclass(frozen=True, slots=True, eq=False)
class FinishedBlocks:
    """What the rest of a clip needs of its first blocks, which no later audio changes.

    Attributes:
        positions: Positions in front of the pooling that these blocks cover.
        memory: Per layer their keys and values; behind the pooling fewer positions.
        codes: Their codes, `(1, codes)` int32.
    """

    positions: int
    memory: tuple[Memory, ...]
    codes: mx.array

    def arrays(self) -> list[mx.array]:
        """Return all arrays, for evaluation."""
        return [self.codes, *(array for pair in self.memory for array in pair)]


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

    def embed(self, log_mel: mx.array, start: int = 0) -> mx.array:
        """Run both convolutions and add positions.

        Args:
            log_mel: `(B, frames, num_mel_bins)`, 100 frames/s, `frames` even.
            start: First position wanted.

        Returns:
            `(B, frames / 2 - start, d_model)`, the input of the first layer.

        Raises:
            ModelFormatError: More positions than the position table has.
        """
        before, after = (2, 0) if self._args.causal_convolution else (1, 1)
        positions = log_mel.shape[1] // 2
        # The convolutions see two positions back; those computed from padding instead are thrown away.
        context = min(start, 2)
        x = log_mel[:, 2 * (start - context) :]
        x = gelu(self.conv1(mx.pad(x, [(0, 0), (before, after), (0, 0)])))
        x = gelu(self.conv2(mx.pad(x, [(0, 0), (before, after), (0, 0)])))[:, context:]
        if positions > self._args.max_source_positions:
            raise ModelFormatError(
                f"{positions} positions exceed the GLM tokenizer's {self._args.max_source_positions}.",
                hint="Cut the audio into shorter segments.",
            )
        return x + self.embed_positions.weight[start:positions]

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
        visibility = Visibility.of(valid_frames[:, ::2], args.block_size)
        for number, layer in enumerate(self.layers, start=1):
            x = layer(x, visibility)
            if number == args.pooling_position:
                x = self._pool(x)
                visibility = self._pooled(visibility)
        return x

    def __call__(self, log_mel: mx.array, valid_frames: mx.array) -> mx.array:
        """Return codes `(B, codes)` int32, padding included: keep `ceil(valid samples / 1280)` of them.

        Args and shapes as for `hidden`. The nearest codebook entry by squared Euclidean distance wins; the query's own
        norm is constant over the codebook and left out.
        """
        return self._quantize(self.hidden(log_mel, valid_frames))

    def finished_positions(self, frames: int) -> int:
        """Return how many positions in whole blocks the first `frames` log-mel frames determine for good."""
        block = self._args.block_size
        if block is None or block % self._args.pooling_kernel_size:
            return 0
        # A centred convolution sees one frame ahead, and that one's position sees the next.
        ahead = 0 if self._args.causal_convolution else 1
        return max(0, frames - ahead) // (2 * block) * block

    def extend(
        self, log_mel: mx.array, valid_frames: mx.array, finished: FinishedBlocks | None, *, certain_frames: int
    ) -> tuple[mx.array, FinishedBlocks | None]:
        """Return the codes of a clip of which the first blocks are known, and the blocks that are known after it.

        The codes are those of `__call__`, computed from fewer positions and therefore up to rounding.

        Args:
            log_mel: `(1, frames, num_mel_bins)`, the whole clip; the frames of the finished blocks are as they were.
            valid_frames: `(1, frames)` bool.
            finished: From an earlier call with a shorter part of the clip, None at first.
            certain_frames: Frames from the start that are valid and stay as they are when the clip grows.

        Returns:
            `(1, codes)` int32, padding included, and None in place of finished blocks while there are none.
        """
        args = self._args
        start = finished.positions if finished else 0
        stop = positions = max(start, self.finished_positions(certain_frames))
        x = self.embed(log_mel, start)
        visibility = Visibility.of(valid_frames[:, ::2], args.block_size)
        memory = []
        for number, layer in enumerate(self.layers, start=1):
            x, (keys, values) = layer.extend(x, visibility, finished.memory[number - 1] if finished else None)
            memory.append((mx.contiguous(keys[:, :, :stop]), mx.contiguous(values[:, :, :stop])))
            if number == args.pooling_position:
                x = self._pool(x)
                visibility = self._pooled(visibility)
                stop //= args.pooling_kernel_size
        codes = self._quantize(x)
        if finished:
            codes = mx.concatenate([finished.codes, codes], axis=1)
        return codes, FinishedBlocks(positions, tuple(memory), codes[:, :stop]) if positions else None

    def _quantize(self, x: mx.array) -> mx.array:
        codes = self.codebook.weight
        distances = (codes * codes).sum(axis=-1) - 2 * (x @ codes.T)
        return mx.argmin(distances, axis=-1).astype(mx.int32)

    def _pooled(self, visibility: Visibility) -> Visibility:
        kernel = self._args.pooling_kernel_size
        block = visibility.block_size // kernel if visibility.block_size else None
        return Visibility.of(visibility.valid[:, ::kernel], block)

    def _pool(self, x: mx.array) -> mx.array:
        kernel = self._args.pooling_kernel_size
        batch, length, dims = x.shape
        x = mx.pad(x, [(0, 0), (0, -length % kernel), (0, 0)]).reshape(batch, -1, kernel, dims)
        return x.mean(axis=2) if self._args.pooling_type == "avg" else x.max(axis=2)
