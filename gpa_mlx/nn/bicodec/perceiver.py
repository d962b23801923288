"""Perceiver resampler (arXiv 2204.14198): any number of frames to a fixed number of latents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx.nn.layers import gelu, l2_normalize
from gpa_mlx.runtime.backend import mx, nn

if TYPE_CHECKING:
    from gpa_mlx.nn.bicodec.config import SpeakerArgs


class CrossAttention(nn.Module):
    """Latents attend to themselves and to the context; no norm, no bias, no mask."""

    def __init__(self, dims: int, num_heads: int, head_dim: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.scale = head_dim**-0.5
        self.to_q = nn.Linear(dims, num_heads * head_dim, bias=False)
        self.to_kv = nn.Linear(dims, 2 * num_heads * head_dim, bias=False)
        self.to_out = nn.Linear(num_heads * head_dim, dims, bias=False)

    def __call__(self, latents: mx.array, context: mx.array) -> mx.array:
        """Map latents `(B, N, D)` and context `(B, T, D)` to `(B, N, D)`."""
        batch, count, _ = latents.shape
        keys, values = mx.split(self.to_kv(mx.concatenate([latents, context], axis=1)), 2, axis=-1)
        # (B, N, H * D/H) -> (B, H, N, D/H)
        q, k, v = (
            x.reshape(batch, x.shape[1], self.num_heads, -1).transpose(0, 2, 1, 3)
            for x in (self.to_q(latents), keys, values)
        )
        out = mx.fast.scaled_dot_product_attention(q, k, v, scale=self.scale)
        return self.to_out(out.transpose(0, 2, 1, 3).reshape(batch, count, -1))


class GatedFeedForward(nn.Module):
    """GELU-gated feed-forward network (arXiv 2002.05202); the second half of the first layer's output is the gate.

    Args:
        dims: Width.
        mult: Widening before the factor 2/3 that pays for the gate.
    """

    def __init__(self, dims: int, mult: int) -> None:
        super().__init__()
        inner = int(dims * mult * 2 / 3)
        self.linear1 = nn.Linear(dims, 2 * inner)
        self.linear2 = nn.Linear(inner, dims)

    def __call__(self, x: mx.array) -> mx.array:
        """Map `(B, N, D)` to `(B, N, D)`."""
        x, gate = mx.split(self.linear1(x), 2, axis=-1)
        return self.linear2(gelu(gate) * x)


class PerceiverLayer(nn.Module):
    """Cross-attention and feed-forward network, each added to the latents."""

    def __init__(self, args: SpeakerArgs) -> None:
        super().__init__()
        self.attention = CrossAttention(args.latent_dim, args.perceiver_heads, args.perceiver_head_dim)
        self.feed_forward = GatedFeedForward(args.latent_dim, args.perceiver_ff_mult)

    def __call__(self, latents: mx.array, context: mx.array) -> mx.array:
        """Map latents `(B, N, D)` and context `(B, T, D)` to `(B, N, D)`."""
        latents = latents + self.attention(latents, context)
        return latents + self.feed_forward(latents)


class PerceiverResampler(nn.Module):
    """Learned latents that read speaker features of any length.

    Args:
        args: Sizes; equal context and latent widths mean that the context is not projected.
    """

    def __init__(self, args: SpeakerArgs) -> None:
        super().__init__()
        dims = args.latent_dim
        self.has_projection = args.ecapa_out_channels != dims
        if self.has_projection:
            self.proj_context = nn.Linear(args.ecapa_out_channels, dims)
        self.latents = mx.random.normal((args.token_num, dims)) * 0.02
        self.layers = [PerceiverLayer(args) for _ in range(args.perceiver_depth)]
        self.gamma = mx.ones((dims,))

    def __call__(self, features: mx.array) -> mx.array:
        """Map `(B, T, ecapa_out_channels)` to `(B, token_num, latent_dim)`."""
        context = self.proj_context(features) if self.has_projection else features
        latents = mx.broadcast_to(self.latents, (features.shape[0], *self.latents.shape))
        for layer in self.layers:
            latents = layer(latents, context)
        return l2_normalize(latents) * (self.latents.shape[-1] ** 0.5 * self.gamma)
