"""The Qwen3 decoder (arXiv 2505.09388): grouped-query attention with normalised queries and keys, SwiGLU, RoPE.

Parameter names are those of Hugging Face and mlx-lm, so one `model.safetensors` serves all three.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gpa_mlx.nn.attention import attend, sigmoid
from gpa_mlx.nn.bounds import MAX_LAYERS, MAX_NUMBER, MAX_POSITIONS, MAX_VOCABULARY, MAX_WIDTH, MIN_EPSILON
from gpa_mlx.nn.layers import fused, stack_rows
from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.store.config_reader import ConfigReader

_QKV = ("q_proj", "k_proj", "v_proj")
_GATE_UP = ("gate_proj", "up_proj")


class LayerCache(Protocol):
    """Keys and values of one layer, grown step by step."""

    @property
    def offset(self) -> int | mx.array:
        """Positions stored so far, of all rows or `(B,)` int32."""
        ...

    def attend(self, queries: mx.array, keys: mx.array, values: mx.array, *, scale: float) -> mx.array:
        """Append new positions, and attend from each to those of its sequence before it and to itself.

        Args:
            queries: `(B, heads, T, head_dim)`.
            keys: `(B, kv_heads, T, head_dim)`.
            values: Same shape as the keys.
            scale: Factor of the scores.

        Returns:
            `(B, heads, T, head_dim)`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Qwen3Args:
    """Sizes of the decoder; names as in the Hugging Face config.

    Attributes:
        hidden_size: Model width.
        intermediate_size: Feed-forward width.
        num_layers: Decoder layers.
        num_heads: Query heads.
        num_kv_heads: Key and value heads.
        head_dim: Width of a head.
        rms_norm_eps: Epsilon of every RMS norm.
        rope_theta: Rotary base.
        vocab_size: Rows of the embedding.
        max_position_embeddings: Longest sequence.
        tie_word_embeddings: Whether the embedding is also the output head.
        attention_bias: Whether the attention projections have biases.
    """

    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    rms_norm_eps: float
    rope_theta: float
    vocab_size: int
    max_position_embeddings: int
    tie_word_embeddings: bool
    attention_bias: bool

    @classmethod
    def from_dict(cls, config: Mapping[str, Any], source: str) -> Qwen3Args:
        """Read the upstream `config.json`, of transformers 4 (`rope_theta`) or 5 (`rope_parameters`).

        Raises:
            ModelFormatError: A value is missing, illegal or not supported.
        """
        fields = ConfigReader(config, source)
        fields.choice("model_type", ["qwen3"])
        fields.choice("hidden_act", ["silu"], default="silu")
        if fields.flag("use_sliding_window", default=False):
            raise fields.error("use_sliding_window", "is true, which this program does not support")
        rope = fields
        for key in ("rope_scaling", "rope_parameters"):
            if key in fields:
                scaling = fields.section(key)
                scaling.choice("rope_type" if "rope_type" in scaling else "type", ["default"], default="default")
                rope = scaling if "rope_theta" in scaling else rope
        hidden_size = fields.integer("hidden_size", maximum=MAX_WIDTH)
        num_heads = fields.integer("num_attention_heads", maximum=MAX_WIDTH)
        args = cls(
            hidden_size=hidden_size,
            intermediate_size=fields.integer("intermediate_size", maximum=4 * MAX_WIDTH),
            num_layers=fields.integer("num_hidden_layers", maximum=MAX_LAYERS),
            num_heads=num_heads,
            num_kv_heads=fields.integer("num_key_value_heads", maximum=MAX_WIDTH),
            head_dim=fields.integer("head_dim", maximum=MAX_WIDTH, default=hidden_size // num_heads),
            rms_norm_eps=fields.number("rms_norm_eps", minimum=MIN_EPSILON, maximum=1),
            rope_theta=rope.number("rope_theta", minimum=1, maximum=MAX_NUMBER, default=10_000.0),
            vocab_size=fields.integer("vocab_size", maximum=MAX_VOCABULARY),
            max_position_embeddings=fields.integer("max_position_embeddings", maximum=MAX_POSITIONS),
            tie_word_embeddings=fields.flag("tie_word_embeddings", default=False),
            attention_bias=fields.flag("attention_bias", default=False),
        )
        if args.num_heads % args.num_kv_heads:
            raise fields.error("num_key_value_heads", f"does not divide num_attention_heads {args.num_heads}")
        if args.head_dim % 2:
            raise fields.error("head_dim", "must be even")
        return args


class Attention(nn.Module):
    """Causal grouped-query attention with RMS-normalised queries and keys."""

    def __init__(self, args: Qwen3Args) -> None:
        super().__init__()
        self.num_heads = args.num_heads
        self.num_kv_heads = args.num_kv_heads
        self.head_dim = args.head_dim
        self.scale = args.head_dim**-0.5
        self.rope_theta = args.rope_theta
        width, bias = args.hidden_size, args.attention_bias
        self.q_proj = nn.Linear(width, args.num_heads * args.head_dim, bias=bias)
        self.k_proj = nn.Linear(width, args.num_kv_heads * args.head_dim, bias=bias)
        self.v_proj = nn.Linear(width, args.num_kv_heads * args.head_dim, bias=bias)
        self.o_proj = nn.Linear(args.num_heads * args.head_dim, width, bias=bias)
        self.q_norm = nn.RMSNorm(args.head_dim, eps=args.rms_norm_eps)
        self.k_norm = nn.RMSNorm(args.head_dim, eps=args.rms_norm_eps)

    def __call__(self, x: mx.array, cache: LayerCache | None) -> mx.array:
        """Map `(B, T, D)` to `(B, T, D)`, appending to `cache`."""
        batch, length, _ = x.shape
        offset = cache.offset if cache is not None else 0
        queries, keys, values = self._project(x)
        queries = self._rotate(self.q_norm(queries), offset)
        keys = self._rotate(self.k_norm(keys), offset)
        values = values.transpose(0, 2, 1, 3)
        if cache is None:
            out = attend(queries, keys, values, scale=self.scale, mask="causal" if length > 1 else None)
        else:
            out = cache.attend(queries, keys, values, scale=self.scale)
        return self.o_proj(out.transpose(0, 2, 1, 3).reshape(batch, length, -1))

    def merge_projections(self) -> None:
        """Compute queries, keys and values with one product from now on, where their layers are alike."""
        _merge(self, _QKV, "qkv_proj")

    def _project(self, x: mx.array) -> tuple[mx.array, mx.array, mx.array]:
        """Return queries, keys and values, `(B, T, heads, head_dim)` each."""
        if "qkv_proj" in self:
            heads = self._split(self["qkv_proj"](x))
            first, stop = self.num_heads, self.num_heads + self.num_kv_heads
            return heads[:, :, :first], heads[:, :, first:stop], heads[:, :, stop:]
        return self._split(self.q_proj(x)), self._split(self.k_proj(x)), self._split(self.v_proj(x))

    def _split(self, x: mx.array) -> mx.array:
        return x.reshape(*x.shape[:2], -1, self.head_dim)

    def _rotate(self, x: mx.array, offset: int | mx.array) -> mx.array:
        # (B, T, H, hd) -> (B, H, T, hd)
        return mx.fast.rope(
            x.transpose(0, 2, 1, 3), self.head_dim, traditional=False, base=self.rope_theta, scale=1.0, offset=offset
        )


class MLP(nn.Module):
    """SwiGLU feed-forward network."""

    def __init__(self, width: int, hidden_width: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(width, hidden_width, bias=False)
        self.up_proj = nn.Linear(width, hidden_width, bias=False)
        self.down_proj = nn.Linear(hidden_width, width, bias=False)

    def __call__(self, x: mx.array) -> mx.array:
        """Map `(B, T, D)` to `(B, T, D)`."""
        if "gate_up_proj" in self:
            gate, up = mx.split(self["gate_up_proj"](x), 2, axis=-1)
        else:
            gate, up = self.gate_proj(x), self.up_proj(x)
        return self.down_proj(_swiglu(gate, up))

    def merge_projections(self) -> None:
        """Compute gate and input with one product from now on, where their layers are alike."""
        _merge(self, _GATE_UP, "gate_up_proj")


@fused
def _swiglu(gate: mx.array, up: mx.array) -> mx.array:
    return gate * sigmoid(gate) * up


def _merge(module: nn.Module, names: Sequence[str], merged: str) -> None:
    """Replace layers by one of all their rows, if that is possible."""
    if (layer := stack_rows([module[name] for name in names])) is not None:
        for name in names:
            del module[name]
        module[merged] = layer


class DecoderLayer(nn.Module):
    """Pre-norm decoder layer."""

    def __init__(self, args: Qwen3Args) -> None:
        super().__init__()
        self.self_attn = Attention(args)
        self.mlp = MLP(args.hidden_size, args.intermediate_size)
        self.input_layernorm = nn.RMSNorm(args.hidden_size, eps=args.rms_norm_eps)
        self.post_attention_layernorm = nn.RMSNorm(args.hidden_size, eps=args.rms_norm_eps)

    def __call__(self, x: mx.array, cache: LayerCache | None) -> mx.array:
        """Map `(B, T, D)` to `(B, T, D)`."""
        x = x + self.self_attn(self.input_layernorm(x), cache)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    """Embedding, layers, final norm."""

    def __init__(self, args: Qwen3Args) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(args.vocab_size, args.hidden_size)
        self.layers = [DecoderLayer(args) for _ in range(args.num_layers)]
        self.norm = nn.RMSNorm(args.hidden_size, eps=args.rms_norm_eps)

    def __call__(
        self, ids: mx.array, caches: Sequence[LayerCache] | None = None, *, embeddings: mx.array | None = None
    ) -> mx.array:
        """Return final hidden states.

        Args:
            ids: `(B, T)` int32.
            caches: One per layer, or None to attend within `ids` only.
            embeddings: `(B, T, hidden_size)`, in place of the ids' own: audio that is not discrete enters here.

        Returns:
            `(B, T, hidden_size)`, after the final norm.
        """
        x = self.embed_tokens(ids) if embeddings is None else embeddings
        for layer, cache in zip(self.layers, caches or [None] * len(self.layers), strict=True):
            x = layer(x, cache)
        return self.norm(x)


class Qwen3(nn.Module):
    """Decoder plus output head."""

    def __init__(self, args: Qwen3Args) -> None:
        super().__init__()
        self._args = args
        self.model = Decoder(args)
        if not args.tie_word_embeddings:
            self.lm_head = nn.Linear(args.hidden_size, args.vocab_size, bias=False)

    @property
    def args(self) -> Qwen3Args:
        """The sizes this network was built with."""
        return self._args

    @property
    def output_layer(self) -> nn.Module:
        """The layer whose rows are the vocabulary: the tied embedding or `lm_head`, possibly quantised."""
        return self.model.embed_tokens if self._args.tie_word_embeddings else self.lm_head

    def merge_projections(self) -> None:
        """Compute the projections of a layer that have the same input with one product: fewer kernels for a GPU.

        Names of parameters change, so the network cannot be trained or written to a file any more.
        """
        for layer in self.model.layers:
            layer.self_attn.merge_projections()
            layer.mlp.merge_projections()

    def __call__(self, ids: mx.array, caches: Sequence[LayerCache] | None = None) -> mx.array:
        """Return logits over the full vocabulary, `(B, T, vocab_size)`; arguments as for `Decoder`."""
        hidden = self.model(ids, caches)
        return self.model.embed_tokens.as_linear(hidden) if self._args.tie_word_embeddings else self.lm_head(hidden)
