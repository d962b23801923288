"""GLM-4-voice tokenizer: layers up to the quantiser, position table, codebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx_convert.remap.fold import conv
from gpa_mlx_convert.remap.table import Table, WeightRule
from gpa_mlx_convert.remap.transformer_rules import linear, norm

if TYPE_CHECKING:
    from gpa_mlx.nn.whisper_vq import WhisperVQArgs

DROPPED = (
    r"layers\.\d+\..*",  # behind the quantiser
    r"layer_norm\.(weight|bias)",  # final norm of the full encoder
    r"embed_positions2\.weight",  # added after quantisation
    r"ema_(count|weight)",  # codebook training state
    r"(model\.)?decoder\..*",  # the Whisper decoder
    r"proj_out\.weight",
)


def table(args: WhisperVQArgs) -> Table:
    """Account for every tensor of `glm-4-voice-tokenizer/model.safetensors`."""
    rules = [
        WeightRule("conv1.weight", ("conv1.weight",), conv),
        WeightRule("conv1.bias", ("conv1.bias",)),
        WeightRule("conv2.weight", ("conv2.weight",), conv),
        WeightRule("conv2.bias", ("conv2.bias",)),
        WeightRule("embed_positions.weight", ("embed_positions.weight",)),
        WeightRule("codebook.weight", ("codebook.weight",)),
    ]
    for number in range(args.num_layers):
        layer = f"layers.{number}"
        for name in ("q_proj", "v_proj", "out_proj"):
            rules += linear(f"{layer}.self_attn.{name}")
        rules += linear(f"{layer}.self_attn.k_proj", bias=False)
        rules += norm(f"{layer}.self_attn_layer_norm")
        rules += norm(f"{layer}.final_layer_norm")
        rules += linear(f"{layer}.fc1")
        rules += linear(f"{layer}.fc2")
    return Table(tuple(rules), DROPPED)
