"""Names, shapes and scales of every tensor of an upstream checkpoint, drawn one at a time.

Scales keep activations of order one through all layers, so that no network saturates or overflows on random weights.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checkpoint_specs import Config, Spec

ECAPA_CHANNELS = 512  # hard-wired upstream
ECAPA_FEATURES = 3 * ECAPA_CHANNELS
RES2NET_SCALE = 8
PERCEIVER_INNER = 8 * 64


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor to draw: `mean + std * normal`, not below `low`; integers are counters."""

    name: str
    shape: tuple[int, ...]
    mean: float = 0.0
    std: float = 0.0
    low: float = -math.inf
    dtype: str = "F32"

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * _ITEM_BYTES[self.dtype]

    def draw(self, seed: int) -> np.ndarray:
        """Little-endian array of the stored dtype (bfloat16 as its 16 bits)."""
        if self.dtype == "I64":
            return np.full(self.shape, int(self.mean), dtype="<i8")
        rng = np.random.default_rng([seed, zlib.crc32(self.name.encode())])
        values = rng.standard_normal(self.shape, dtype=np.float32)
        values *= np.float32(self.std)
        values += np.float32(self.mean)
        np.maximum(values, np.float32(self.low), out=values)
        if self.dtype == "BF16":
            bits = values.view(np.uint32)
            return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")
        return values.astype("<f2" if self.dtype == "F16" else "<f4", copy=False)


_ITEM_BYTES = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8}


def _weight(name: str, *shape: int, gain: float = 1.0) -> Tensor:
    """A matrix or kernel `(out, in, ...)` that keeps the scale of its input times `gain`."""
    return Tensor(f"{name}.weight", shape, std=gain / math.sqrt(math.prod(shape[1:])))


def _affine(name: str, *shape: int, gain: float = 1.0, bias: bool = True) -> Iterator[Tensor]:
    yield _weight(name, *shape, gain=gain)
    if bias:
        yield Tensor(f"{name}.bias", shape[:1], std=0.1)


def _norm(name: str, width: int, *, bias: bool = True) -> Iterator[Tensor]:
    yield Tensor(f"{name}.weight", (width,), mean=1.0, std=0.1)
    if bias:
        yield Tensor(f"{name}.bias", (width,), std=0.1)


def _batch_norm(name: str, width: int, *, mean: float, var: float) -> Iterator[Tensor]:
    yield from _norm(name, width)
    yield Tensor(f"{name}.running_mean", (width,), mean=mean, std=mean / 4)
    yield Tensor(f"{name}.running_var", (width,), mean=var, std=var / 4, low=var / 4)
    yield Tensor(f"{name}.num_batches_tracked", (), mean=12345, dtype="I64")


def _weight_norm(
    name: str, *shape: int, parametrized: bool, gain: float = 1.0, g_shape: tuple[int, ...] = ()
) -> Iterator[Tensor]:
    """Weight-normalised convolution: directions `shape`, one length per first axis unless `g_shape` says otherwise."""
    g, v = ("parametrizations.weight.original0", "parametrizations.weight.original1")
    if not parametrized:
        g, v = ("weight_g", "weight_v")
    yield Tensor(f"{name}.{g}", g_shape or (shape[0], 1, 1), mean=gain, std=gain / 10, low=gain / 4)
    yield Tensor(f"{name}.{v}", shape, std=1.0 / math.sqrt(math.prod(shape[1:])))


def lm_tensors(spec: Spec) -> Iterator[Tensor]:
    """Qwen3ForCausalLM.

    The layers' contributions outweigh the embedding in the residual stream, otherwise a tied head would repeat the last
    token for ever.
    """
    lm = spec.lm
    hidden, head_dim = lm["hidden_size"], lm["head_dim"]
    queries, keys = lm["num_attention_heads"] * head_dim, lm["num_key_value_heads"] * head_dim
    yield Tensor("model.embed_tokens.weight", (spec.vocab_size, hidden), std=4 / math.sqrt(hidden))
    for index in range(lm["num_hidden_layers"]):
        layer = f"model.layers.{index}"
        yield from _norm(f"{layer}.input_layernorm", hidden, bias=False)
        for name, rows in (("q_proj", queries), ("k_proj", keys), ("v_proj", keys)):
            yield _weight(f"{layer}.self_attn.{name}", rows, hidden)
        yield _weight(f"{layer}.self_attn.o_proj", hidden, queries, gain=4.0)
        yield from _norm(f"{layer}.self_attn.q_norm", head_dim, bias=False)
        yield from _norm(f"{layer}.self_attn.k_norm", head_dim, bias=False)
        yield from _norm(f"{layer}.post_attention_layernorm", hidden, bias=False)
        yield _weight(f"{layer}.mlp.gate_proj", lm["intermediate_size"], hidden)
        yield _weight(f"{layer}.mlp.up_proj", lm["intermediate_size"], hidden)
        yield _weight(f"{layer}.mlp.down_proj", hidden, lm["intermediate_size"], gain=4.0)
    yield from _norm("model.norm", hidden, bias=False)
    if not lm["tie_word_embeddings"]:
        yield _weight("lm_head", spec.vocab_size, hidden, gain=4.0)


def glm_tensors(spec: Spec) -> Iterator[Tensor]:
    """WhisperVQEncoder of the GLM-4-Voice tokenizer."""
    glm = spec.glm
    width, ffn, codes = glm["d_model"], glm["encoder_ffn_dim"], glm["quantize_vocab_size"]
    yield from _affine("conv1", width, glm["num_mel_bins"], 3)
    yield from _affine("conv2", width, width, 3)
    yield Tensor("embed_positions.weight", (glm["max_source_positions"], width), std=0.5)
    whole = not glm["quantize_encoder_only"]
    for index in range(glm["encoder_layers"] if whole else glm["quantize_position"]):
        layer = f"layers.{index}"
        # Sharp attention of little weight: averages over time would make all positions alike, layer by layer.
        for name, gain in (("q_proj", 2.0), ("k_proj", 2.0), ("v_proj", 1.0), ("out_proj", 0.5)):
            yield from _affine(f"{layer}.self_attn.{name}", width, width, gain=gain, bias=name != "k_proj")
        yield from _norm(f"{layer}.self_attn_layer_norm", width)
        yield from _affine(f"{layer}.fc1", ffn, width)
        yield from _affine(f"{layer}.fc2", width, ffn, gain=0.5)
        yield from _norm(f"{layer}.final_layer_norm", width)
    if whole:
        yield from _norm("layer_norm", width)
    yield Tensor("codebook.weight", (codes, width), std=0.5)
    yield Tensor("ema_count", (codes,), mean=30.0, std=8.0, low=1.0)
    yield Tensor("ema_weight", (codes, width), std=30.0)
    pooled_positions = math.ceil(glm["max_source_positions"] / glm["pooling_kernel_size"])
    yield Tensor("embed_positions2.weight", (pooled_positions, width), std=0.5)


def wav2vec2_tensors(spec: Spec) -> Iterator[Tensor]:
    """Wav2Vec2ForPreTraining (stable layer norm, layer-norm feature extractor)."""
    config, prefix = spec.wav2vec2, spec.wav2vec2_prefix
    width, ffn, groups = config["hidden_size"], config["intermediate_size"], config["num_conv_pos_embedding_groups"]
    taps = config["num_conv_pos_embeddings"]
    channels = 1
    if spec.pretraining_heads:
        yield Tensor(f"{prefix}masked_spec_embed", (width,), mean=0.5, std=0.3)
    for index, (out, kernel) in enumerate(zip(config["conv_dim"], config["conv_kernel"], strict=True)):
        layer = f"{prefix}feature_extractor.conv_layers.{index}"
        yield from _affine(f"{layer}.conv", out, channels, kernel, bias=config["conv_bias"])
        yield from _norm(f"{layer}.layer_norm", out)
        channels = out
    yield from _norm(f"{prefix}feature_projection.layer_norm", channels)
    yield from _affine(f"{prefix}feature_projection.projection", width, channels)
    position = f"{prefix}encoder.pos_conv_embed.conv"
    yield Tensor(f"{position}.bias", (width,), std=0.1)
    yield from _weight_norm(
        position,
        width,
        width // groups,
        taps,
        parametrized=spec.parametrized_weight_norm,
        gain=math.sqrt(width / taps),  # one length per tap, each over all channel pairs
        g_shape=(1, 1, taps),
    )
    yield from _norm(f"{prefix}encoder.layer_norm", width)
    for index in range(config["num_hidden_layers"]):
        layer = f"{prefix}encoder.layers.{index}"
        for name in ("k_proj", "v_proj", "q_proj", "out_proj"):
            yield from _affine(f"{layer}.attention.{name}", width, width)
        yield from _norm(f"{layer}.layer_norm", width)
        yield from _affine(f"{layer}.feed_forward.intermediate_dense", ffn, width)
        yield from _affine(f"{layer}.feed_forward.output_dense", width, ffn, gain=0.5)
        yield from _norm(f"{layer}.final_layer_norm", width)
    if spec.pretraining_heads:
        entries = config["num_codevector_groups"] * config["num_codevectors_per_group"]
        entry_width = config["codevector_dim"] // config["num_codevector_groups"]
        yield Tensor("quantizer.codevectors", (1, entries, entry_width), mean=0.5, std=0.3)
        yield from _affine("quantizer.weight_proj", entries, channels)
        yield from _affine("project_q", config["proj_codevector_dim"], config["codevector_dim"])
        yield from _affine("project_hid", config["proj_codevector_dim"], width)


def bicodec_tensors(spec: Spec) -> Iterator[Tensor]:
    """BiCodec of Spark-TTS: semantic encoder, quantiser, speaker encoder, prenet, wave generator, postnet."""
    codec, parametrized = spec.codec, spec.parametrized_weight_norm
    encoder, prenet, postnet, quantizer = (codec[k] for k in ("encoder", "prenet", "postnet", "quantizer"))
    yield from _vocos("encoder.encoder", encoder["input_channels"], encoder, encoder["vocos_num_layers"])
    yield from _sampling_stages("encoder", encoder, "conv_downsampler")
    yield from _affine("encoder.project", encoder["out_channels"], encoder["vocos_dim"])
    yield Tensor("quantizer.cluster_size", (quantizer["codebook_size"],), mean=15.0, std=4.0, low=0.5)
    yield Tensor("quantizer.codebook.weight", (quantizer["codebook_size"], quantizer["codebook_dim"]), std=1.0)
    for name, out, width in (("in", "codebook_dim", "input_dim"), ("out", "input_dim", "codebook_dim")):
        module = f"quantizer.{name}_project"
        yield Tensor(f"{module}.bias", (quantizer[out],), std=0.1)
        yield from _weight_norm(module, quantizer[out], quantizer[width], 1, parametrized=parametrized)
    yield from _speaker_tensors(codec["speaker_encoder"])
    for name, section in (("prenet", prenet), ("postnet", postnet)):
        yield from _affine(f"{name}.linear_pre", section["vocos_dim"], section["input_channels"])
        yield from _sampling_stages(name, section, "de_conv_upsampler")
        yield from _vocos(
            f"{name}.vocos_backbone",
            section["vocos_dim"],
            section,
            section["vocos_num_layers"],
            condition=section.get("condition_dim"),
        )
        yield from _affine(f"{name}.linear", section["out_channels"], section["vocos_dim"])
    yield from _wave_generator(codec["decoder"], parametrized=parametrized)
    if spec.mel_buffers:
        mel = codec["mel_params"]
        yield Tensor("mel_transformer.spectrogram.window", (mel["win_length"],), mean=0.5, std=0.2, low=0.0)
        yield Tensor("mel_transformer.mel_scale.fb", (mel["n_fft"] // 2 + 1, mel["num_mels"]), std=0.01, low=0.0)


def _vocos(name: str, channels: int, section: Config, layers: int, condition: int | None = None) -> Iterator[Tensor]:
    width, intermediate = section["vocos_dim"], section["vocos_intermediate_dim"]

    def block_norm(module: str) -> Iterator[Tensor]:
        if condition is None:
            yield from _norm(module, width)
            return
        yield _weight(f"{module}.scale", width, condition, gain=0.4)
        yield Tensor(f"{module}.scale.bias", (width,), mean=1.0, std=0.1)
        yield from _affine(f"{module}.shift", width, condition, gain=0.4)

    yield from _affine(f"{name}.embed", width, channels, 7)
    yield from block_norm(f"{name}.norm")
    for index in range(layers):
        block = f"{name}.convnext.{index}"
        yield from _affine(f"{block}.dwconv", width, 1, 7)
        yield from block_norm(f"{block}.norm")
        yield from _affine(f"{block}.pwconv1", intermediate, width)
        yield from _affine(f"{block}.pwconv2", width, intermediate)
        yield Tensor(f"{block}.gamma", (width,), mean=0.5, std=0.1)
    yield from _norm(f"{name}.final_layer_norm", width)


def _sampling_stages(name: str, section: Config, sampler: str) -> Iterator[Tensor]:
    """The stages after (encoder) or before (prenet, postnet) the main stack; ratio 1 needs no sampler."""
    width = section["vocos_dim"]
    for index, ratio in enumerate(section.get("sample_ratios", (1, 1))):
        if ratio > 1:
            yield from _affine(f"{name}.downsample.{index}.0.{sampler}.1", width, 1, 2 * ratio)
        yield from _vocos(f"{name}.downsample.{index}.1", width, section, 2)


def _speaker_tensors(section: Config) -> Iterator[Tensor]:
    out, latent, tokens = section["out_dim"], section["latent_dim"], section["token_num"]
    levels = section["fsq_levels"]
    ecapa = "speaker_encoder.speaker_encoder"
    slice_channels = ECAPA_CHANNELS // RES2NET_SCALE
    yield from _affine(f"{ecapa}.layer1.conv", ECAPA_CHANNELS, section["input_dim"], 5)
    yield from _batch_norm(f"{ecapa}.layer1.bn", ECAPA_CHANNELS, mean=0.08, var=0.02)  # mel magnitudes are small
    for layer in (f"{ecapa}.layer{i}.se_res2block" for i in (2, 3, 4)):
        for end in (0, 2):
            yield from _affine(f"{layer}.{end}.conv", ECAPA_CHANNELS, ECAPA_CHANNELS, 1)
            yield from _batch_norm(f"{layer}.{end}.bn", ECAPA_CHANNELS, mean=0.6, var=0.9)
        for index in range(RES2NET_SCALE - 1):
            yield from _affine(f"{layer}.1.convs.{index}", slice_channels, slice_channels, 3)
            yield from _batch_norm(f"{layer}.1.bns.{index}", slice_channels, mean=0.8, var=2.0)
        yield from _affine(f"{layer}.3.linear1", 128, ECAPA_CHANNELS)
        yield from _affine(f"{layer}.3.linear2", ECAPA_CHANNELS, 128)
    yield from _affine(f"{ecapa}.conv", ECAPA_FEATURES, ECAPA_FEATURES, 1)
    yield from _affine(f"{ecapa}.pool.linear1", 128, 3 * ECAPA_FEATURES, 1)
    yield from _affine(f"{ecapa}.pool.linear2", ECAPA_FEATURES, 128, 1)
    yield from _batch_norm(f"{ecapa}.bn", 2 * ECAPA_FEATURES, mean=0.8, var=0.1)
    yield from _affine(f"{ecapa}.linear", out, 2 * ECAPA_FEATURES)

    sampler = "speaker_encoder.perceiver_sampler"
    inner = int(latent * 4 * 2 / 3)
    yield Tensor(f"{sampler}.latents", (tokens, latent), std=1.0)
    yield from _affine(f"{sampler}.proj_context", latent, ECAPA_FEATURES)
    for layer in (f"{sampler}.layers.{i}" for i in (0, 1)):
        yield _weight(f"{layer}.0.to_q", PERCEIVER_INNER, latent)
        yield _weight(f"{layer}.0.to_kv", 2 * PERCEIVER_INNER, latent)
        yield _weight(f"{layer}.0.to_out", latent, PERCEIVER_INNER)
        yield from _affine(f"{layer}.1.0", 2 * inner, latent)
        yield from _affine(f"{layer}.1.2", latent, inner)
    yield Tensor(f"{sampler}.norm.gamma", (latent,), mean=1.0, std=0.1)
    yield from _affine("speaker_encoder.quantizer.project_in", len(levels), latent)
    yield from _affine("speaker_encoder.quantizer.project_out", latent, len(levels), gain=1.5)
    yield from _affine("speaker_encoder.project", out, latent * tokens)


def _wave_generator(section: Config, *, parametrized: bool) -> Iterator[Tensor]:
    def conv(name: str, out: int, channels: int, kernel: int, gain: float) -> Iterator[Tensor]:
        yield Tensor(f"{name}.bias", (out,), std=0.1 * gain)
        yield from _weight_norm(name, out, channels, kernel, parametrized=parametrized, gain=gain)

    def snake(name: str, channels: int) -> Tensor:
        return Tensor(f"{name}.alpha", (1, channels, 1), mean=0.9, std=0.25, low=0.2)

    channels = section["channels"]
    yield from conv("decoder.model.0", channels, section["input_channel"], 7, 0.9)
    stages = list(zip(section["rates"], section["kernel_sizes"], strict=True))
    for index, (rate, kernel) in enumerate(stages, start=1):
        block, out = f"decoder.model.{index}.block", channels // 2
        yield snake(f"{block}.0", channels)
        yield Tensor(f"{block}.1.bias", (out,), std=0.1)
        # One length per input channel; each output sample meets kernel / rate taps of every input channel.
        gain = 0.9 * math.sqrt(rate / 2)
        yield from _weight_norm(f"{block}.1", channels, out, kernel, parametrized=parametrized, gain=gain)
        for unit in (f"{block}.{i}.block" for i in (2, 3, 4)):
            yield snake(f"{unit}.0", out)
            yield from conv(f"{unit}.1", out, out, 7, 0.9)
            yield snake(f"{unit}.2", out)
            yield from conv(f"{unit}.3", out, out, 1, 0.4)
        channels = out
    yield snake(f"decoder.model.{len(stages) + 1}", channels)
    yield from conv(f"decoder.model.{len(stages) + 2}", 1, channels, 7, 0.03)
