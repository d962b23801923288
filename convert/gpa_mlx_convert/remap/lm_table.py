"""The Qwen3 decoder: names stay those of Hugging Face and mlx-lm, so mlx-lm can open the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx_convert.remap.table import Table, WeightRule
from gpa_mlx_convert.remap.transformer_rules import linear

if TYPE_CHECKING:
    from gpa_mlx.nn.qwen3 import Qwen3Args


def table(args: Qwen3Args) -> Table:
    """Account for every tensor of the LM checkpoint."""
    rules = [WeightRule(name, (name,)) for name in ("model.embed_tokens.weight", "model.norm.weight")]
    for number in range(args.num_layers):
        layer = f"model.layers.{number}"
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            rules += linear(f"{layer}.self_attn.{name}", bias=args.attention_bias)
        for name in ("gate_proj", "up_proj", "down_proj"):
            rules += linear(f"{layer}.mlp.{name}", bias=False)
        for name in ("self_attn.q_norm", "self_attn.k_norm", "input_layernorm", "post_attention_layernorm"):
            rules.append(WeightRule(f"{layer}.{name}.weight", (f"{layer}.{name}.weight",)))
    dropped = [r".*\.rotary_emb\.inv_freq"]
    if args.tie_word_embeddings:
        dropped.append(r"lm_head\.weight")  # a stored copy of the tied embedding
    else:
        rules.append(WeightRule("lm_head.weight", ("lm_head.weight",)))
    return Table(tuple(rules), tuple(dropped))
