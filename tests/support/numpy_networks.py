"""GPA's audio networks written out in numpy, float64, from the papers and the upstream tensor names.

Slow, short and independent of the product: an oracle for configurations of which there is no recorded output. Sequences
are `(T, D)`; weights are the upstream tensors, as `load_tensors` returns them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from gpa_mlx.runtime.backend import mx

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Array = np.ndarray
Weights = dict[str, Array]

_erf = np.vectorize(math.erf)


def load_tensors(file: Path) -> Weights:
    """Read a safetensors file of any float type as float64."""
    return {name: np.array(tensor.astype(mx.float32)).astype(np.float64) for name, tensor in mx.load(str(file)).items()}


def gelu(x: Array) -> Array:
    return 0.5 * x * (1 + _erf(x / math.sqrt(2)))


def softmax(x: Array) -> Array:
    x = np.exp(x - x.max(axis=-1, keepdims=True))
    return x / x.sum(axis=-1, keepdims=True)


def linear(w: Weights, name: str, x: Array) -> Array:
    return x @ w[f"{name}.weight"].reshape(len(w[f"{name}.weight"]), -1).T + w.get(f"{name}.bias", 0)


def layer_norm(x: Array, eps: float) -> Array:
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + eps)


def norm(w: Weights, name: str, x: Array, eps: float) -> Array:
    return layer_norm(x, eps) * w[f"{name}.weight"] + w[f"{name}.bias"]


def weight_norm(w: Weights, name: str) -> Array:
    """w = g v / ||v||, in either spelling."""
    new = f"{name}.parametrizations.weight.original"
    g, v = (w[f"{new}0"], w[f"{new}1"]) if f"{new}0" in w else (w[f"{name}.weight_g"], w[f"{name}.weight_v"])
    axes = tuple(axis for axis, size in enumerate(g.shape) if size == 1)
    return g * v / np.sqrt((v * v).sum(axis=axes, keepdims=True))


def conv(
    x: Array, weight: Array, bias: Array, *, padding: tuple[int, int], stride: int = 1, dilation: int = 1
) -> Array:
    """Convolve `(T, in)` with `(out, in, K)`; `(out, 1, K)` with out = in > 1 is depthwise."""
    x = np.pad(x, (padding, (0, 0)))
    taps = weight.shape[2]
    starts = np.arange(0, len(x) - dilation * (taps - 1), stride)
    windows = x[starts[:, None] + dilation * np.arange(taps)]  # (T', K, in)
    if weight.shape[1] == 1 < x.shape[1]:
        return np.einsum("tki,ik->ti", windows, weight[:, 0]) + bias
    return windows.reshape(len(windows), -1) @ weight.transpose(2, 1, 0).reshape(-1, len(weight)) + bias


def conv_transpose(x: Array, weight: Array, bias: Array, *, stride: int, padding: int, extra: int = 0) -> Array:
    """Spread `(T, in)` with `(in, out, K)`; `padding` is cut from both ends, `extra` less from the last."""
    taps = weight.shape[2]
    out = np.zeros(((len(x) - 1) * stride + taps, weight.shape[1]))
    for t, frame in enumerate(x):
        out[t * stride : t * stride + taps] += np.einsum("i,iok->ko", frame, weight)
    return out[padding : len(out) - padding + extra] + bias


def attention(q: Array, k: Array, v: Array, heads: int, mask: Array | bool = True) -> Array:
    """Multi-head attention over `(T, D)`; `mask` is True where a query may see a key."""
    q, k, v = (a.reshape(len(a), heads, -1).transpose(1, 0, 2) for a in (q, k, v))
    scores = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1])
    return (softmax(np.where(mask, scores, -np.inf)) @ v).transpose(1, 0, 2).reshape(q.shape[1], -1)


# -- GLM tokenizer ----------------------------------------------------------------------------------------------------


def glm_hidden(w: Weights, config: Mapping[str, Any], log_mel: Array, valid_frames: int) -> Array:
    """Run the GLM-4-Voice tokenizer up to the codebook.

    Args:
        w: `glm-4-voice-tokenizer/model.safetensors`.
        config: Its `config.json`.
        log_mel: `(frames, bands)`, padded.
        valid_frames: Frames that are not padding.

    Returns:
        The state of each pooled position that is not padding, `(T, D)`.
    """
    padding = (2, 0) if config["encoder_causal_convolution"] else (1, 1)
    x = gelu(conv(log_mel, w["conv1.weight"], w["conv1.bias"], padding=padding))
    x = gelu(conv(x, w["conv2.weight"], w["conv2.bias"], padding=padding, stride=2))
    x = x + w["embed_positions.weight"][: len(x)]
    valid = (np.arange(len(log_mel)) < valid_frames)[::2]
    block, kernel = config["quantize_causal_block_size"], config["pooling_kernel_size"]
    for number in range(1, config["quantize_position"] + 1):
        positions = np.arange(len(x))
        mask = np.broadcast_to(valid, (len(x), len(x)))
        if block is not None:
            same_block = positions[:, None] // block == positions // block
            mask = mask & ((positions[:, None] >= positions) | same_block)
        layer = f"layers.{number - 1}"
        y = norm(w, f"{layer}.self_attn_layer_norm", x, 1e-5)
        q, k, v = (linear(w, f"{layer}.self_attn.{name}_proj", y) for name in "qkv")
        y = attention(q, k, v, config["encoder_attention_heads"], mask)
        x = x + linear(w, f"{layer}.self_attn.out_proj", y)
        y = norm(w, f"{layer}.final_layer_norm", x, 1e-5)
        x = x + linear(w, f"{layer}.fc2", gelu(linear(w, f"{layer}.fc1", y)))
        if number == config["pooling_position"]:
            x = np.pad(x, ((0, -len(x) % kernel), (0, 0))).reshape(-1, kernel, x.shape[1])
            x = x.mean(axis=1) if config["pooling_type"] == "avg" else x.max(axis=1)
            valid, block = valid[::kernel], None if block is None else block // kernel
    return x[valid]


def glm_codes(w: Weights, hidden: Array) -> Array:
    """Return the nearest code of each state."""
    return ((hidden[:, None] - w["codebook.weight"]) ** 2).sum(axis=-1).argmin(axis=-1)


# -- BiCodec ----------------------------------------------------------------------------------------------------------


def _vocos(w: Weights, name: str, x: Array, layers: int, condition: Array | None = None) -> Array:
    def block_norm(module: str, x: Array) -> Array:
        if condition is None:
            return norm(w, module, x, 1e-6)
        scale, shift = linear(w, f"{module}.scale", condition), linear(w, f"{module}.shift", condition)
        return layer_norm(x, 1e-6) * scale + shift

    x = block_norm(f"{name}.norm", conv(x, w[f"{name}.embed.weight"], w[f"{name}.embed.bias"], padding=(3, 3)))
    for block in (f"{name}.convnext.{i}" for i in range(layers)):
        y = conv(x, w[f"{block}.dwconv.weight"], w[f"{block}.dwconv.bias"], padding=(3, 3))
        y = gelu(linear(w, f"{block}.pwconv1", block_norm(f"{block}.norm", y)))
        x = x + w[f"{block}.gamma"] * linear(w, f"{block}.pwconv2", y)
    return norm(w, f"{name}.final_layer_norm", x, 1e-6)


def _sampling_stages(w: Weights, name: str, x: Array, ratios: list[int]) -> Array:
    """Change the frame rate by each ratio (down in the encoder, up in the prenet), then a short Vocos stack."""
    for index, ratio in enumerate(ratios):
        stage = f"{name}.downsample.{index}"
        sampler, padding = f"{stage}.0", ratio // 2 + ratio % 2
        active = np.maximum(x, 0.2 * x)
        if ratio == 1:
            x = 3 * x
        elif name == "encoder":
            weight, bias = w[f"{sampler}.conv_downsampler.1.weight"], w[f"{sampler}.conv_downsampler.1.bias"]
            pooled = x[: len(x) // ratio * ratio].reshape(-1, ratio, x.shape[1]).mean(axis=1)
            x = conv(active, weight, bias, padding=(padding, padding), stride=ratio) + 2 * pooled
        else:
            weight, bias = w[f"{sampler}.de_conv_upsampler.1.weight"], w[f"{sampler}.de_conv_upsampler.1.bias"]
            dense = weight * np.eye(len(weight))[:, :, None]
            repeated = np.repeat(x, ratio, axis=0)
            spread = conv_transpose(active, dense, bias, stride=ratio, padding=padding, extra=ratio % 2)
            x = 3 * repeated + 2 * spread
        x = _vocos(w, f"{stage}.1", x, 2)
    return x


def semantic_codes(w: Weights, config: Mapping[str, Any], features: Array) -> Array:
    """Turn wav2vec2 features `(T, D)` into BiCodec semantic codes; `config` is the `audio_tokenizer` section."""
    x = _vocos(w, "encoder.encoder", features, config["encoder"]["vocos_num_layers"])
    x = linear(w, "encoder.project", _sampling_stages(w, "encoder", x, config["encoder"]["sample_ratios"]))
    z = x @ weight_norm(w, "quantizer.in_project")[..., 0].T + w["quantizer.in_project.bias"]
    book = w["quantizer.codebook.weight"]
    cosine = (z / np.linalg.norm(z, axis=1, keepdims=True)) @ (book / np.linalg.norm(book, axis=1, keepdims=True)).T
    return cosine.argmax(axis=1)


def _batch_norm(w: Weights, name: str, x: Array) -> Array:
    x = (x - w[f"{name}.running_mean"]) / np.sqrt(w[f"{name}.running_var"] + 1e-5)
    return x * w[f"{name}.weight"] + w[f"{name}.bias"]


def _conv_relu_bn(w: Weights, conv_name: str, bn_name: str, x: Array, dilation: int = 1) -> Array:
    weight = w[f"{conv_name}.weight"]
    side = dilation * (weight.shape[2] // 2)
    x = conv(x, weight, w[f"{conv_name}.bias"], padding=(side, side), dilation=dilation)
    return _batch_norm(w, bn_name, np.maximum(x, 0))


def _ecapa(w: Weights, mel: Array) -> Array:
    """ECAPA-TDNN up to the frame features."""
    root = "speaker_encoder.speaker_encoder"
    x = _conv_relu_bn(w, f"{root}.layer1.conv", f"{root}.layer1.bn", mel)
    outputs = []
    for number, dilation in ((2, 2), (3, 3), (4, 4)):
        block = f"{root}.layer{number}.se_res2block"
        y = _conv_relu_bn(w, f"{block}.0.conv", f"{block}.0.bn", x)
        slices = np.split(y, 8, axis=1)
        done: list[Array] = []
        for i, piece in enumerate(slices[:-1]):
            piece = piece if i == 0 else piece + done[-1]
            done.append(_conv_relu_bn(w, f"{block}.1.convs.{i}", f"{block}.1.bns.{i}", piece, dilation))
        y = _conv_relu_bn(w, f"{block}.2.conv", f"{block}.2.bn", np.concatenate([*done, slices[-1]], axis=1))
        gate = np.maximum(linear(w, f"{block}.3.linear1", y.mean(axis=0)), 0)
        x = x + y / (1 + np.exp(-linear(w, f"{block}.3.linear2", gate)))
        outputs.append(x)
    return np.maximum(linear(w, f"{root}.conv", np.concatenate(outputs, axis=1)), 0)


def global_codes(w: Weights, config: Mapping[str, Any], mel: Array) -> Array:
    """Turn a linear mel `(frames, bands)` into speaker codes."""
    root = "speaker_encoder.perceiver_sampler"
    context = linear(w, f"{root}.proj_context", _ecapa(w, mel))
    x = w[f"{root}.latents"]
    for layer in (f"{root}.layers.{i}" for i in (0, 1)):
        k, v = np.split(linear(w, f"{layer}.0.to_kv", np.concatenate([x, context])), 2, axis=1)
        x = x + linear(w, f"{layer}.0.to_out", attention(linear(w, f"{layer}.0.to_q", x), k, v, heads=8))
        value, gate = np.split(linear(w, f"{layer}.1.0", x), 2, axis=1)
        x = x + linear(w, f"{layer}.1.2", gelu(gate) * value)
    x = x / np.linalg.norm(x, axis=1, keepdims=True) * math.sqrt(x.shape[1]) * w[f"{root}.norm.gamma"]
    z = linear(w, "speaker_encoder.quantizer.project_in", x)
    levels = np.array(config["speaker_encoder"]["fsq_levels"])
    half = (levels - 1) * 1.001 / 2
    offset = np.where(levels % 2 == 0, 0.5, 0.0)
    digits = np.rint(np.tanh(z + np.arctanh(offset / half)) * half - offset) + levels // 2
    return (digits * np.cumprod([1, *levels[:-1]])).sum(axis=1).astype(int)


def waveform(w: Weights, config: Mapping[str, Any], semantic: Array, speaker: Array) -> Array:
    """Decode semantic codes `(T,)` and speaker codes `(tokens,)` to samples."""
    levels = np.array(config["speaker_encoder"]["fsq_levels"])
    digits = speaker[:, None] // np.cumprod([1, *levels[:-1]]) % levels
    latent = linear(w, "speaker_encoder.quantizer.project_out", (digits - levels // 2) / (levels // 2))
    d_vector = linear(w, "speaker_encoder.project", latent.T.reshape(-1))

    z = w["quantizer.codebook.weight"][semantic]
    z = z @ weight_norm(w, "quantizer.out_project")[..., 0].T + w["quantizer.out_project.bias"]
    x = _sampling_stages(w, "prenet", linear(w, "prenet.linear_pre", z), config["prenet"]["sample_ratios"])
    x = _vocos(w, "prenet.vocos_backbone", x, config["prenet"]["vocos_num_layers"], d_vector)
    x = linear(w, "prenet.linear", x) + d_vector

    def normed_conv(name: str, x: Array, dilation: int = 1) -> Array:
        weight = weight_norm(w, name)
        side = dilation * (weight.shape[2] // 2)
        return conv(x, weight, w[f"{name}.bias"], padding=(side, side), dilation=dilation)

    def snake(name: str, x: Array) -> Array:
        alpha = w[f"{name}.alpha"].reshape(-1)
        return x + np.sin(alpha * x) ** 2 / (alpha + 1e-9)

    decoder = config["decoder"]
    stages = list(zip(decoder["rates"], decoder["kernel_sizes"], strict=True))
    x = normed_conv("decoder.model.0", x)
    for number, (rate, kernel) in enumerate(stages, start=1):
        block = f"decoder.model.{number}.block"
        weight, bias = weight_norm(w, f"{block}.1"), w[f"{block}.1.bias"]
        x = conv_transpose(snake(f"{block}.0", x), weight, bias, stride=rate, padding=(kernel - rate) // 2)
        for unit, dilation in ((2, 1), (3, 3), (4, 9)):
            name = f"{block}.{unit}.block"
            y = normed_conv(f"{name}.1", snake(f"{name}.0", x), dilation)
            x = x + normed_conv(f"{name}.3", snake(f"{name}.2", y))
    x = snake(f"decoder.model.{len(stages) + 1}", x)
    return np.tanh(normed_conv(f"decoder.model.{len(stages) + 2}", x))[:, 0]
