"""The pre-norm transformer encoder layer that Whisper and wav2vec2 (stable layer norm) share."""

from __future__ import annotations

import math

from gpa_mlx.backend import mx, nn


def gelu(x: mx.array) -> mx.array:
    """Exact (erf) GELU, uncompiled: `mx.compile` on the CPU would need a C++ compiler at run time."""
    return x * (0.5 * (1 + mx.erf(x * (1 / math.sqrt(2)))))


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

    def __call__(self, x: mx.array, mask: mx.array | None = None) -> mx.array:
        """Attend within a sequence.

        Args:
            x: `(B, T, D)`.
            mask: Boolean, broadcastable to `(B, H, T, T)`; True where a query may see a key. None sees all.

        Returns:
            `(B, T, D)`.
        """
        batch, length, dims = x.shape
        # (B, T, D) -> (B, H, T, D/H)
        q, k, v = (
            proj(x).reshape(batch, length, self.num_heads, -1).transpose(0, 2, 1, 3)
            for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        out = mx.fast.scaled_dot_product_attention(q, k, v, scale=self.scale, mask=mask)
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

    def __call__(self, x: mx.array, mask: mx.array | None = None) -> mx.array:
        """Map `(B, T, D)` to `(B, T, D)`."""
        x = x + self.self_attn(self.self_attn_layer_norm(x), mask)
        return x + self.fc2(gelu(self.fc1(self.final_layer_norm(x))))
