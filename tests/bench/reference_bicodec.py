"""The reference's BiCodec tokenizer in torch: audio to semantic and speaker codes, float32.

transformers has wav2vec2 but not BiCodec, so its encoding half is written here as published (Spark-TTS, arXiv
2503.01710) under the upstream names of the tensors, which the upstream directory is loaded by. Sequences are (B, C, T)
as in `nn.Conv1d`; layer norms and linear layers see (B, T, C).

All that the reference computes on the way to codes is computed, also what they do not depend on: wav2vec2's layers
above the last feature layer, and the speaker encoder's x-vector. Sizes and the numpy preprocessing come from gpa_mlx,
from modules that do not import MLX.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
import yaml
from safetensors import safe_open
from torch import nn
from torch.nn import functional
from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2Model

from gpa_mlx.audio.dsp.loudness import normalize_loudness
from gpa_mlx.audio.dsp.mel import mel_filter_bank, reference_clip
from gpa_mlx.nn.bicodec.config import BiCodecArgs, FeatureNetArgs, MelArgs, QuantizerArgs, SpeakerArgs

FEATURE_LAYERS = (11, 14, 16)
_NORM_EPS = 1e-6
_FSQ_EPS = 1e-3
_VARIANCE_FLOOR = 1e-7
_POOL_BOTTLENECK = 128
_DILATIONS = (2, 3, 4)
_WEIGHT_NORM_SPELLINGS = (
    ("weight_g", "weight_v"),
    ("parametrizations.weight.original0", "parametrizations.weight.original1"),
)


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, norm and a two-layer network, scaled per channel and added to the input."""

    def __init__(self, dims: int, intermediate_dim: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(dims, dims, 7, padding=3, groups=dims)
        self.norm = nn.LayerNorm(dims, eps=_NORM_EPS)
        self.pwconv1 = nn.Linear(dims, intermediate_dim)
        self.pwconv2 = nn.Linear(intermediate_dim, dims)
        self.gamma = nn.Parameter(torch.ones(dims))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(B, C, T)` to `(B, C, T)`."""
        y = self.norm(self.dwconv(x).transpose(1, 2))
        y = self.gamma * self.pwconv2(functional.gelu(self.pwconv1(y)))
        return x + y.transpose(1, 2)


class VocosBackbone(nn.Module):
    """Convolution, norm, ConvNeXt blocks and a last norm (arXiv 2306.00814)."""

    def __init__(self, input_channels: int, dims: int, intermediate_dim: int, num_layers: int) -> None:
        super().__init__()
        self.embed = nn.Conv1d(input_channels, dims, 7, padding=3)
        self.norm = nn.LayerNorm(dims, eps=_NORM_EPS)
        self.convnext = nn.ModuleList(ConvNeXtBlock(dims, intermediate_dim) for _ in range(num_layers))
        self.final_layer_norm = nn.LayerNorm(dims, eps=_NORM_EPS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(B, input_channels, T)` to `(B, T, dims)`."""
        x = self.norm(self.embed(x).transpose(1, 2)).transpose(1, 2)
        for block in self.convnext:
            x = block(x)
        return self.final_layer_norm(x.transpose(1, 2))


class Downsample(nn.Module):
    """Strided depthwise convolution plus twice the mean of every `ratio` frames; three times the input for ratio 1."""

    def __init__(self, dims: int, ratio: int) -> None:
        super().__init__()
        self.ratio = ratio
        if ratio > 1:
            conv = nn.Conv1d(dims, dims, 2 * ratio, stride=ratio, padding=(ratio + 1) // 2, groups=dims)
            self.conv_downsampler = nn.Sequential(nn.LeakyReLU(0.2), conv)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(B, T, C)` to `(B, C, floor(T / ratio))`."""
        x = x.transpose(1, 2)
        if self.ratio == 1:
            return x + x + x
        mean = functional.avg_pool1d(x, self.ratio)
        return self.conv_downsampler(x)[..., : mean.shape[-1]] + 2 * mean


class FeatureEncoder(nn.Module):
    """wav2vec2 features to latents."""

    def __init__(self, args: FeatureNetArgs) -> None:
        super().__init__()
        self.encoder = VocosBackbone(args.input_channels, args.dim, args.intermediate_dim, args.num_layers)
        self.downsample = nn.ModuleList(
            nn.Sequential(Downsample(args.dim, ratio), VocosBackbone(args.dim, args.dim, args.intermediate_dim, 2))
            for ratio in args.sample_ratios
        )
        self.project = nn.Linear(args.dim, args.out_channels)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map `(B, T, input_channels)` to `(B, out_channels, T')`."""
        x = self.encoder(features.transpose(1, 2))
        for stage in self.downsample:
            x = stage(x)
        return self.project(x).transpose(1, 2)


class FactorizedQuantizer(nn.Module):
    """Latents to the nearest unit vector of a low-dimensional codebook (arXiv 2110.04627)."""

    def __init__(self, args: QuantizerArgs) -> None:
        super().__init__()
        same = args.input_dim == args.codebook_dim
        self.in_project = nn.Identity() if same else nn.Conv1d(args.input_dim, args.codebook_dim, 1)
        self.codebook = nn.Embedding(args.codebook_size, args.codebook_dim)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Map `(B, input_dim, T)` to codes `(B, T)`."""
        query = functional.normalize(self.in_project(z).transpose(1, 2), dim=-1)
        book = functional.normalize(self.codebook.weight, dim=-1)
        distance = query.square().sum(-1, keepdim=True) - 2 * query @ book.T + book.square().sum(-1)
        return distance.argmin(-1)


class ConvReluNorm(nn.Module):
    """Convolution, ReLU, batch norm."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
        self.bn = nn.BatchNorm1d(out_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(B, in_channels, T)` to `(B, out_channels, T)`."""
        return self.bn(functional.relu(self.conv(x)))


class Res2Conv(nn.Module):
    """Dilated convolutions over groups of channels, each also seeing the result of the group before it."""

    def __init__(self, channels: int, scale: int, dilation: int) -> None:
        super().__init__()
        self.scale = scale
        width, count = channels // scale, max(scale - 1, 1)
        self.convs = nn.ModuleList(
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation) for _ in range(count)
        )
        self.bns = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(count))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(B, C, T)` to `(B, C, T)`."""
        groups = x.chunk(self.scale, dim=1)
        outputs: list[torch.Tensor] = []
        for group, conv, norm in zip(groups, self.convs, self.bns, strict=False):
            outputs.append(norm(functional.relu(conv(outputs[-1] + group if outputs else group))))
        return torch.cat([*outputs, *groups[len(outputs) :]], dim=1)


class SqueezeExcitation(nn.Module):
    """Gate every channel by a function of all channels' means over time."""

    def __init__(self, channels: int, bottleneck: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(channels, bottleneck)
        self.linear2 = nn.Linear(bottleneck, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(B, C, T)` to `(B, C, T)`."""
        gate = torch.sigmoid(self.linear2(functional.relu(self.linear1(x.mean(dim=2)))))
        return x * gate.unsqueeze(2)


class SERes2Block(nn.Module):
    """Pointwise layer, Res2 convolution, pointwise layer and squeeze-excitation, added to the input."""

    def __init__(self, args: SpeakerArgs, dilation: int) -> None:
        super().__init__()
        channels = args.ecapa_channels
        self.se_res2block = nn.Sequential(
            ConvReluNorm(channels, channels, 1),
            Res2Conv(channels, args.ecapa_scale, dilation),
            ConvReluNorm(channels, channels, 1),
            SqueezeExcitation(channels, args.ecapa_se_channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(B, C, T)` to `(B, C, T)`."""
        return x + self.se_res2block(x)


class AttentiveStatistics(nn.Module):
    """Mean and deviation over time, weighted by attention that sees both."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear1 = nn.Conv1d(3 * channels, _POOL_BOTTLENECK, 1)
        self.linear2 = nn.Conv1d(_POOL_BOTTLENECK, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(B, C, T)` to `(B, 2 C)`."""
        mean = x.mean(dim=2, keepdim=True).expand_as(x)
        deviation = (x.var(dim=2, keepdim=True) + _VARIANCE_FLOOR).sqrt().expand_as(x)
        weights = self.linear2(torch.tanh(self.linear1(torch.cat([x, mean, deviation], dim=1)))).softmax(dim=2)
        mean = (weights * x).sum(dim=2)
        variance = (weights * x.square()).sum(dim=2) - mean.square()
        return torch.cat([mean, variance.clamp(min=_VARIANCE_FLOOR).sqrt()], dim=1)


class ECAPA(nn.Module):
    """Mel spectrogram to one vector per frame and one per clip, the x-vector (ECAPA-TDNN, arXiv 2005.07143)."""

    def __init__(self, args: SpeakerArgs) -> None:
        super().__init__()
        channels, out_channels = args.ecapa_channels, args.ecapa_out_channels
        self.layer1 = ConvReluNorm(args.input_dim, channels, 5)
        self.layer2, self.layer3, self.layer4 = (SERes2Block(args, dilation) for dilation in _DILATIONS)
        self.conv = nn.Conv1d(len(_DILATIONS) * channels, out_channels, 1)
        self.pool = AttentiveStatistics(out_channels)
        self.bn = nn.BatchNorm1d(2 * out_channels)
        self.linear = nn.Linear(2 * out_channels, args.out_dim)

    def forward(self, mel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map `(B, input_dim, T)` to `(B, out_dim)` and `(B, ecapa_out_channels, T)`."""
        x2 = self.layer2(self.layer1(mel))
        x3 = self.layer3(x2)
        x4 = self.layer4(x3)
        latent = functional.relu(self.conv(torch.cat([x2, x3, x4], dim=1)))
        return self.linear(self.bn(self.pool(latent))), latent


class CrossAttention(nn.Module):
    """Latents attend to themselves and to the context."""

    def __init__(self, dims: int, num_heads: int, head_dim: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.to_q = nn.Linear(dims, num_heads * head_dim, bias=False)
        self.to_kv = nn.Linear(dims, 2 * num_heads * head_dim, bias=False)
        self.to_out = nn.Linear(num_heads * head_dim, dims, bias=False)

    def forward(self, latents: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        """Map latents `(B, N, D)` and context `(B, T, D)` to `(B, N, D)`."""
        keys, values = self.to_kv(torch.cat([latents, context], dim=1)).chunk(2, dim=-1)
        q, k, v = (x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for x in (self.to_q(latents), keys, values))
        out = functional.scaled_dot_product_attention(q, k, v)
        return self.to_out(out.transpose(1, 2).flatten(2))


class GEGLU(nn.Module):
    """Gated GELU (arXiv 2002.05202): the second half is the gate."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(..., 2 D)` to `(..., D)`."""
        x, gate = x.chunk(2, dim=-1)
        return functional.gelu(gate) * x


class RootMeanSquareNorm(nn.Module):
    """Scale vectors to length sqrt(D), then per coordinate."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.scale = math.sqrt(dims)
        self.gamma = nn.Parameter(torch.ones(dims))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(..., D)` to `(..., D)`."""
        return functional.normalize(x, dim=-1) * self.scale * self.gamma


class PerceiverLayer(nn.ModuleList):
    """Cross-attention and feed-forward network, each added to the latents."""

    def __init__(self, args: SpeakerArgs) -> None:
        dims = args.latent_dim
        inner = int(dims * args.perceiver_ff_mult * 2 / 3)
        super().__init__(
            [
                CrossAttention(dims, args.perceiver_heads, args.perceiver_head_dim),
                nn.Sequential(nn.Linear(dims, 2 * inner), GEGLU(), nn.Linear(inner, dims)),
            ]
        )

    def forward(self, latents: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        """Map latents `(B, N, D)` and context `(B, T, D)` to `(B, N, D)`."""
        attention, feed_forward = self
        latents = latents + attention(latents, context)
        return latents + feed_forward(latents)


class PerceiverResampler(nn.Module):
    """Learned latents that read frames of any number (arXiv 2204.14198)."""

    def __init__(self, args: SpeakerArgs) -> None:
        super().__init__()
        dims, context_dims = args.latent_dim, args.ecapa_out_channels
        self.proj_context = nn.Identity() if context_dims == dims else nn.Linear(context_dims, dims)
        self.latents = nn.Parameter(torch.zeros(args.token_num, dims))
        self.layers = nn.ModuleList(PerceiverLayer(args) for _ in range(args.perceiver_depth))
        self.norm = RootMeanSquareNorm(dims)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map `(B, T, ecapa_out_channels)` to `(B, token_num, latent_dim)`."""
        context = self.proj_context(features)
        latents = self.latents.expand(len(features), -1, -1)
        for layer in self.layers:
            latents = layer(latents, context)
        return self.norm(latents)


class FiniteScalarQuantizer(nn.Module):
    """Vectors to codes: every coordinate is rounded to one of a few levels (arXiv 2309.15505)."""

    levels: torch.Tensor
    radix: torch.Tensor

    def __init__(self, args: SpeakerArgs) -> None:
        super().__init__()
        levels = torch.tensor(args.fsq_levels)
        same = args.latent_dim == len(levels)
        self.project_in = nn.Identity() if same else nn.Linear(args.latent_dim, len(levels))
        self.register_buffer("levels", levels, persistent=False)
        self.register_buffer("radix", levels.cumprod(0) // levels, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(..., latent_dim)` to codes `(...)`."""
        half_range = (self.levels - 1) * (1 + _FSQ_EPS) / 2
        offset = torch.where(self.levels % 2 == 0, 0.5, 0.0)
        shift = (offset / half_range).atanh()
        bounded = (self.project_in(x) + shift).tanh() * half_range - offset
        return ((bounded.round().long() + self.levels // 2) * self.radix).sum(-1)


class SpeakerEncoder(nn.Module):
    """Mel spectrogram to speaker codes."""

    def __init__(self, args: SpeakerArgs) -> None:
        super().__init__()
        self.speaker_encoder = ECAPA(args)
        self.perceiver_sampler = PerceiverResampler(args)
        self.quantizer = FiniteScalarQuantizer(args)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Map `(B, input_dim, T)` to codes `(B, token_num)`."""
        # The reference computes the x-vector here too, and drops it.
        _, features = self.speaker_encoder(mel)
        return self.quantizer(self.perceiver_sampler(features.transpose(1, 2)))


class MelSpectrogram(nn.Module):
    """Magnitudes on the Slaney mel scale, no logarithm; torchaudio's definition."""

    window: torch.Tensor
    bank: torch.Tensor

    def __init__(self, args: MelArgs) -> None:
        super().__init__()
        self.n_fft, self.hop_length, self.win_length = args.n_fft, args.hop_length, args.win_length
        f_max = args.sample_rate / 2 if args.mel_fmax is None else args.mel_fmax
        bank = mel_filter_bank(args.n_fft // 2 + 1, args.num_mels, args.mel_fmin, f_max, args.sample_rate)
        self.register_buffer("window", torch.hann_window(args.win_length), persistent=False)
        self.register_buffer("bank", torch.tensor(bank, dtype=torch.float32), persistent=False)

    def forward(self, wave: torch.Tensor) -> torch.Tensor:
        """Map samples `(B, n)` to `(B, num_mels, 1 + n // hop_length)`."""
        spectrum = torch.stft(
            wave, self.n_fft, self.hop_length, self.win_length, self.window, center=True, return_complex=True
        )
        return self.bank.T @ spectrum.abs()


class BiCodecEncoders(nn.Module):
    """The two encoders of a BiCodec directory.

    Args:
        folder: Holds `model.safetensors` with the upstream names.
        args: Sizes.

    Raises:
        ValueError: A tensor is missing.
    """

    def __init__(self, folder: Path, args: BiCodecArgs) -> None:
        super().__init__()
        self.encoder = FeatureEncoder(args.encoder)
        self.quantizer = FactorizedQuantizer(args.quantizer)
        self.mel_transformer = MelSpectrogram(args.mel)
        self.speaker_encoder = SpeakerEncoder(args.speaker_encoder)
        absent = self.load_state_dict(_read_weights(folder / "model.safetensors"), strict=False).missing_keys
        if absent:
            raise ValueError(f"{folder} lacks {absent}")
        self.float().eval()


class BiCodecTokenizer:
    """Samples to semantic and speaker codes.

    Args:
        folder: The upstream `BiCodec` directory.
    """

    def __init__(self, folder: Path) -> None:
        config = folder / "config.yaml"
        wav2vec2 = folder / "wav2vec2-large-xlsr-53"
        self.args = BiCodecArgs.from_dict(yaml.safe_load(config.read_text(encoding="utf-8")), str(config))
        self.encoders = BiCodecEncoders(folder, self.args)
        self.extractor = Wav2Vec2FeatureExtractor.from_pretrained(wav2vec2)
        self.wav2vec2 = Wav2Vec2Model.from_pretrained(wav2vec2, dtype=torch.float32).eval()
        self.feature_layers = getattr(self.wav2vec2.config, "feature_layers", FEATURE_LAYERS)

    def normalize(self, wave: np.ndarray) -> np.ndarray:
        """Apply the loudness rule to samples `(n,)` at 16 kHz; float32, what the other methods take."""
        samples = wave.astype(np.float64)
        return (normalize_loudness(samples) if self.args.volume_normalize else samples).astype(np.float32)

    @torch.no_grad()
    def semantic(self, wave: np.ndarray) -> torch.Tensor:
        """Map normalised samples `(n,)` to semantic codes, 50 per second."""
        inputs = self.extractor(wave, sampling_rate=self.args.sample_rate, return_tensors="pt", padding=True)
        states = self.wav2vec2(inputs.input_values, output_hidden_states=True).hidden_states
        features = sum(states[number] for number in self.feature_layers) / len(self.feature_layers)
        return self.encoders.quantizer(self.encoders.encoder(features))[0]

    @torch.no_grad()
    def speaker(self, wave: np.ndarray) -> torch.Tensor:
        """Map normalised samples `(n,)` to the speaker codes of their first seconds."""
        args = self.args
        clip = reference_clip(
            wave, rate_hz=args.sample_rate, seconds=args.ref_segment_duration, hop_length=args.latent_hop_length
        )
        mel = self.encoders.mel_transformer(torch.from_numpy(clip)[None])
        return self.encoders.speaker_encoder(mel)[0]


def _read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Read the encoders' tensors, weight norm folded: w = g * v / ||v|| per output channel."""
    parts = ("encoder.", "quantizer.", "speaker_encoder.")
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name).float() for name in file.keys() if name.startswith(parts)}  # noqa: SIM118
    for gain, direction in _WEIGHT_NORM_SPELLINGS:
        for name in [name for name in tensors if name.endswith(f".{gain}")]:
            layer = name.removesuffix(f".{gain}")
            g, v = tensors.pop(name), tensors.pop(f"{layer}.{direction}")
            tensors[f"{layer}.weight"] = g * v / v.norm(dim=(1, 2), keepdim=True)
    return tensors
