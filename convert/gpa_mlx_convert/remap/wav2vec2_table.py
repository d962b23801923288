"""wav2vec2: the convolutional front end and the layers up to the last feature layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx_convert.remap.fold import conv, weight_norm_conv
from gpa_mlx_convert.remap.table import Table, WeightRule
from gpa_mlx_convert.remap.transformer_rules import linear, norm

if TYPE_CHECKING:
    from gpa_mlx.nn.wav2vec2 import Wav2Vec2Args

DROPPED = (
    r"encoder\.layers\.\d+\..*",  # above the last feature layer
    r"encoder\.layer_norm\.(weight|bias)",  # the hidden states are taken before it
    r"masked_spec_embed",  # training only
    r"(quantizer|project_q|project_hid)\..*",  # pre-training heads
    r"lm_head\.(weight|bias)",  # fine-tuned recognisers
)


def table(args: Wav2Vec2Args) -> Table:
    """Account for every tensor of the checkpoint (canonical keys: without the `wav2vec2.` prefix)."""
    rules: list[WeightRule] = []
    for number in range(len(args.conv_dim)):
        source, target = f"feature_extractor.conv_layers.{number}", f"conv_layers.{number}"
        rules.append(WeightRule(f"{target}.conv.weight", (f"{source}.conv.weight",), conv))
        if args.conv_bias:
            rules.append(WeightRule(f"{target}.conv.bias", (f"{source}.conv.bias",)))
        rules += norm(f"{target}.layer_norm", f"{source}.layer_norm")
    rules += norm("feature_layer_norm", "feature_projection.layer_norm")
    rules += linear("feature_projection", "feature_projection.projection")
    position = "encoder.pos_conv_embed.conv"
    rules.append(WeightRule("pos_conv.weight", (f"{position}.weight_g", f"{position}.weight_v"), weight_norm_conv))
    rules.append(WeightRule("pos_conv.bias", (f"{position}.bias",)))
    for number in range(args.num_layers):
        source, target = f"encoder.layers.{number}", f"layers.{number}"
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            rules += linear(f"{target}.self_attn.{name}", f"{source}.attention.{name}")
        rules += norm(f"{target}.self_attn_layer_norm", f"{source}.layer_norm")
        rules += norm(f"{target}.final_layer_norm", f"{source}.final_layer_norm")
        rules += linear(f"{target}.fc1", f"{source}.feed_forward.intermediate_dense")
        rules += linear(f"{target}.fc2", f"{source}.feed_forward.output_dense")
    return Table(tuple(rules), DROPPED)
