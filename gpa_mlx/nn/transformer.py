"""The pre-norm transformer encoder layer that Whisper and wav2vec2 (stable layer norm) share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from gpa_mlx.backend import mx, nn
from gpa_mlx.nn.attention import attend
from gpa_mlx.nn.layers import gelu


@dataclass(frozen=True, slots=True)
class Visibility:
    """Which keys a query sees.

    Attributes:
        valid: `(B, T)` bool, False on padding, which nobody sees.
        block_size: A position sees all earlier ones and its own whole block, never later blocks; None: every position
            sees all.
        complete: Positions from the start that are valid in the whole batch: where no mask is needed.
    """

    valid: mx.array
    block_size: int | None
    complete: int

    @classmethod
    def of(cls, valid: mx.array, block_size: int | None) -> Visibility:
        """Make one from a mask whose padding, if any, is at the end."""
        return cls(valid, block_size, cast(int, valid.sum(axis=1).min().item()))


class SelfAttention(nn.Module):
    """Multi-head self-attention with biases on every projection but, optionally, the key's.

    Args:
        dims: Model width.
        num_heads: Heads of `dims // num_heads` each.
        key_bias: Whisper has no bias on the key projection, wav2vec2 has.
    """

    def __init__(self, dims: int, num_heads: int, *, key_bias: bool) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.scale = (dims // num_heads) ** -0.5
        self.q_proj = nn.Linear(dims, dims)
        self.k_proj = nn.Linear(dims, dims, bias=key_bias)
        self.v_proj = nn.Linear(dims, dims)
        self.out_proj = nn.Linear(dims, dims)

    def __call__(self, x: mx.array, visibility: Visibility | None = None) -> mx.array:
        """Attend within a sequence.

        Args:
            x: `(B, T, D)`.
            visibility: What each position sees; None: everything.

        Returns:
            `(B, T, D)`.
        """
        batch, length, dims = x.shape
        # (B, T, D) -> (B, H, T, D/H), copied once: heads are read several times, block by block
        q, k, v = (
            mx.contiguous(proj(x).reshape(batch, length, self.num_heads, -1).transpose(0, 2, 1, 3))
            for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        if visibility is None:
            out = attend(q, k, v, scale=self.scale)
        else:
            # Block by block, so that scores which a mask would discard are never computed.
            keys_valid, block = visibility.valid[:, None, None, :], visibility.block_size or length
            parts = []
            for start in range(0, length, block):
                stop = min(start + block, length)
                seen = (k[:, :, :stop], v[:, :, :stop])
                mask = None if stop <= visibility.complete else keys_valid[..., :stop]
                parts.append(attend(q[:, :, start:stop], *seen, scale=self.scale, mask=mask))
            out = mx.concatenate(parts, axis=2)
        return self.out_proj(out.transpose(0, 2, 1, 3).reshape(batch, length, dims))


class EncoderLayer(nn.Module):
    """Pre-norm encoder layer: attention and a GELU feed-forward network, each behind a layer norm.

    Args:
        dims: Model width.
        num_heads: Attention heads.
        hidden_dims: Width of the feed-forward network.
        eps: Layer norm epsilon.
        key_bias: Whether the key projection has a bias.
    """

    def __init__(self, dims: int, num_heads: int, hidden_dims: int, *, eps: float, key_bias: bool) -> None:
        super().__init__()
        self.self_attn_layer_norm = nn.LayerNorm(dims, eps=eps)
        self.self_attn = SelfAttention(dims, num_heads, key_bias=key_bias)
        self.final_layer_norm = nn.LayerNorm(dims, eps=eps)
        self.fc1 = nn.Linear(dims, hidden_dims)
        self.fc2 = nn.Linear(hidden_dims, dims)

    def __call__(self, x: mx.array, visibility: Visibility | None = None) -> mx.array:
        """Map `(B, T, D)` to `(B, T, D)`."""
        x = x + self.self_attn(self.self_attn_layer_norm(x), visibility)
        return x + self.fc2(gelu(self.fc1(self.final_layer_norm(x))))
