"""BiCodec: encoder, quantiser, speaker encoder and wave decoder; the postnet and the x-vector head are dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx_convert.remap.fold import (
    batch_norm_scale,
    batch_norm_shift,
    conv,
    pointwise,
    taps,
    weight_norm_pointwise,
    weight_norm_taps,
    weight_norm_taps_transpose,
)
from gpa_mlx_convert.remap.table import Build, Table, WeightRule
from gpa_mlx_convert.remap.transformer_rules import linear, norm

if TYPE_CHECKING:
    from gpa_mlx.nn.bicodec.config import (
        BiCodecArgs,
        FeatureNetArgs,
        QuantizerArgs,
        SpeakerArgs,
        WaveGeneratorArgs,
    )

DROPPED = (
    r"postnet\..*",  # training only: predicts features for a loss
    r"quantizer\.cluster_size",  # codebook training state
    r"speaker_encoder\.speaker_encoder\.(pool|bn|linear)\..*",  # x-vector head
    r".*\.num_batches_tracked",
    r"mel_transformer\..*",  # tables that follow from the config
)


def table(args: BiCodecArgs) -> Table:
    """Account for every tensor of `BiCodec/model.safetensors`."""
    return Table(
        (
            *_encoder(args.encoder),
            *_quantizer(args.quantizer),
            *_ecapa(args.speaker_encoder),
            *_perceiver(args.speaker_encoder),
            *_fsq(args.speaker_encoder),
            *linear("speaker_project", "speaker_encoder.project"),
            *_prenet(args.prenet),
            *_wave_generator(args.decoder),
        ),
        DROPPED,
    )


def _conv(target: str, source: str, build: Build) -> list[WeightRule]:
    """Return the rules of a convolution whose weight has to be laid out anew."""
    return [
        WeightRule(f"{target}.weight", (f"{source}.weight",), build),
        WeightRule(f"{target}.bias", (f"{source}.bias",)),
    ]


def _weight_norm(target: str, source: str, build: Build) -> list[WeightRule]:
    parts = (f"{source}.weight_g", f"{source}.weight_v")
    return [WeightRule(f"{target}.weight", parts, build), WeightRule(f"{target}.bias", (f"{source}.bias",))]


def _batch_norm(target: str, source: str) -> list[WeightRule]:
    """Return the rules of an evaluation-mode batch norm as scale and shift."""
    weight, bias, mean, var = (f"{source}.{name}" for name in ("weight", "bias", "running_mean", "running_var"))
    return [
        WeightRule(f"{target}.scale", (weight, var), batch_norm_scale),
        WeightRule(f"{target}.shift", (weight, bias, mean, var), batch_norm_shift),
    ]


def _backbone(target: str, source: str, num_layers: int, *, conditional: bool = False) -> list[WeightRule]:

    def steered_norm(name: str) -> list[WeightRule]:
        names = (f"{name}.scale", f"{name}.shift") if conditional else (name,)
        return [rule for n in names for rule in linear(f"{target}.{n}", f"{source}.{n}")]

    rules = _conv(f"{target}.embed", f"{source}.embed", conv)
    rules += steered_norm("norm")
    for number in range(num_layers):
        block = f"convnext.{number}"
        rules += _conv(f"{target}.{block}.dwconv", f"{source}.{block}.dwconv", conv)
        rules += steered_norm(f"{block}.norm")
        rules += linear(f"{target}.{block}.pwconv1", f"{source}.{block}.pwconv1")
        rules += linear(f"{target}.{block}.pwconv2", f"{source}.{block}.pwconv2")
        rules.append(WeightRule(f"{target}.{block}.gamma", (f"{source}.{block}.gamma",)))
    return rules + norm(f"{target}.final_layer_norm", f"{source}.final_layer_norm")


def _stages(part: str, ratios: tuple[int, ...], sampler: str) -> list[WeightRule]:
    """Return the rules of resampling stages; both directions are called `downsample` upstream."""
    rules: list[WeightRule] = []
    for number, ratio in enumerate(ratios):
        target, source = f"{part}.stages.{number}", f"{part}.downsample.{number}"
        if ratio > 1:
            # One channel per group: `(channels, 1, kernel)` in both directions, also of the transposed convolution.
            rules += _conv(f"{target}.resample.conv", f"{source}.0.{sampler}.1", conv)
        rules += _backbone(f"{target}.backbone", f"{source}.1", 2)
    return rules


def _encoder(args: FeatureNetArgs) -> list[WeightRule]:
    return [
        *_backbone("encoder.backbone", "encoder.encoder", args.num_layers),
        *_stages("encoder", args.sample_ratios, "conv_downsampler"),
        *linear("encoder.project"),
    ]


def _quantizer(args: QuantizerArgs) -> list[WeightRule]:
    rules = [WeightRule("quantizer.codebook", ("quantizer.codebook.weight",))]
    if args.input_dim != args.codebook_dim:
        for name in ("quantizer.in_project", "quantizer.out_project"):
            rules += _weight_norm(name, name, weight_norm_pointwise)
    return rules


def _ecapa(args: SpeakerArgs) -> list[WeightRule]:
    root = "speaker_encoder.speaker_encoder"
    rules = [*_conv("ecapa.conv", f"{root}.layer1.conv", taps), *_batch_norm("ecapa.norm", f"{root}.layer1.bn")]
    for number in range(3):
        target, source = f"ecapa.blocks.{number}", f"{root}.layer{number + 2}.se_res2block"
        for name, place in (("1", 0), ("2", 2)):
            rules += _conv(f"{target}.linear{name}", f"{source}.{place}.conv", pointwise)
            rules += _batch_norm(f"{target}.norm{name}", f"{source}.{place}.bn")
        for group in range(max(args.ecapa_scale - 1, 1)):
            rules += _conv(f"{target}.res2.convs.{group}", f"{source}.1.convs.{group}", taps)
            rules += _batch_norm(f"{target}.res2.norms.{group}", f"{source}.1.bns.{group}")
        for name in ("linear1", "linear2"):
            rules += linear(f"{target}.excitation.{name}", f"{source}.3.{name}")
    return rules + _conv("ecapa.linear", f"{root}.conv", pointwise)


def _perceiver(args: SpeakerArgs) -> list[WeightRule]:
    root = "speaker_encoder.perceiver_sampler"
    rules = [
        WeightRule("perceiver.latents", (f"{root}.latents",)),
        WeightRule("perceiver.gamma", (f"{root}.norm.gamma",)),
    ]
    if args.ecapa_out_channels != args.latent_dim:
        rules += linear("perceiver.proj_context", f"{root}.proj_context")
    for number in range(args.perceiver_depth):
        target, source = f"perceiver.layers.{number}", f"{root}.layers.{number}"
        for name in ("to_q", "to_kv", "to_out"):
            rules += linear(f"{target}.attention.{name}", f"{source}.0.{name}", bias=False)
        rules += linear(f"{target}.feed_forward.linear1", f"{source}.1.0")
        rules += linear(f"{target}.feed_forward.linear2", f"{source}.1.2")
    return rules


def _fsq(args: SpeakerArgs) -> list[WeightRule]:
    if args.latent_dim == len(args.fsq_levels):
        return []
    names = ("project_in", "project_out")
    return [rule for name in names for rule in linear(f"fsq.{name}", f"speaker_encoder.quantizer.{name}")]


def _prenet(args: FeatureNetArgs) -> list[WeightRule]:
    conditional = args.condition_dim is not None
    return [
        *linear("prenet.linear_pre"),
        *_stages("prenet", args.sample_ratios, "de_conv_upsampler"),
        *_backbone("prenet.backbone", "prenet.vocos_backbone", args.num_layers, conditional=conditional),
        *linear("prenet.linear"),
    ]


def _snake(target: str, source: str) -> WeightRule:
    return WeightRule(f"{target}.alpha", (f"{source}.alpha",), lambda alpha: alpha.reshape(-1))


def _wave_generator(args: WaveGeneratorArgs) -> list[WeightRule]:
    root = "decoder.model"
    rules = _weight_norm("wave_generator.conv_in", f"{root}.0", weight_norm_taps)
    count = len(args.rates)
    for number in range(count):
        target, source = f"wave_generator.blocks.{number}", f"{root}.{number + 1}.block"
        rules.append(_snake(f"{target}.snake", f"{source}.0"))
        rules += _weight_norm(f"{target}.upsample", f"{source}.1", weight_norm_taps_transpose)
        for unit in range(3):
            inner, outer = f"{target}.units.{unit}", f"{source}.{unit + 2}.block"
            rules.append(_snake(f"{inner}.snake1", f"{outer}.0"))
            rules += _weight_norm(f"{inner}.conv", f"{outer}.1", weight_norm_taps)
            rules.append(_snake(f"{inner}.snake2", f"{outer}.2"))
            rules += _weight_norm(f"{inner}.linear", f"{outer}.3", weight_norm_pointwise)
    rules.append(_snake("wave_generator.snake", f"{root}.{count + 1}"))
    return rules + _weight_norm("wave_generator.conv_out", f"{root}.{count + 2}", weight_norm_taps)
