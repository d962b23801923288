"""The pre-norm transformer encoder layer that Whisper and wav2vec2 (stable layer norm) share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, cast

from gpa_mlx.nn.attention import attend
from gpa_mlx.nn.layers import gelu
from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.runtime.parallel import eval_barrier

Memory: TypeAlias = tuple[mx.array, mx.array]
"""Keys and values of one layer, each `(B, H, positions, D / H)`."""


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

    def __call__(self, x: mx.array, visibility: Visibility | None, past: Memory | None) -> tuple[mx.array, Memory]:
        """Attend within a sequence.

        Args:
            x: `(B, T - P, D)`, what comes behind the first P positions.
            visibility: What each of the T positions sees; None: everything, and there is no past.
            past: Keys and values of the first P positions, a multiple of the block; None: there are none.

        Returns:
            `(B, T - P, D)`, and the keys and values of all T positions.
        """
        batch, length, dims = x.shape
        # (B, T - P, D) -> (B, H, T - P, D / H), copied once: heads are read several times, block by block
        q, k, v = (
            mx.contiguous(proj(x).reshape(batch, length, self.num_heads, -1).transpose(0, 2, 1, 3))
            for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        start = 0
        if past is not None:
            start = past[0].shape[2]
            k, v = mx.concatenate([past[0], k], axis=2), mx.concatenate([past[1], v], axis=2)
        if visibility is None:
            out = attend(q, k, v, scale=self.scale)
        else:
            # Block by block, so that scores which a mask would discard are never computed.
            keys_valid, block = visibility.valid[:, None, None, :], visibility.block_size or length
            parts = []
            for first in range(0, length, block):
                stop = min(first + block, length)
                seen = start + stop
                mask = None if seen <= visibility.complete else keys_valid[..., :seen]
                parts.append(attend(q[:, :, first:stop], k[:, :, :seen], v[:, :, :seen], scale=self.scale, mask=mask))
            out = mx.concatenate(parts, axis=2)
        return self.out_proj(out.transpose(0, 2, 1, 3).reshape(batch, length, dims)), (k, v)


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
        return self.extend(x, visibility, None)[0]

    def extend(self, x: mx.array, visibility: Visibility | None, past: Memory | None) -> tuple[mx.array, Memory]:
        """Do the positions behind those that are known; arguments and result as for `SelfAttention`."""
        attended, memory = self.self_attn(self.self_attn_layer_norm(x), visibility, past)
        x = eval_barrier(x + attended)
        return eval_barrier(x + self.fc2(gelu(self.fc1(self.final_layer_norm(x))))), memory
