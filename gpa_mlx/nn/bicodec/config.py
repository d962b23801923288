"""Sizes of a BiCodec, read from its config and checked against each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gpa_mlx.nn.bounds import (
    MAX_CLIP_S,
    MAX_FFT,
    MAX_LAYERS,
    MAX_MELS,
    MAX_RATE_HZ,
    MAX_RATIO,
    MAX_STAGES,
    MAX_VOCABULARY,
    MAX_WIDTH,
)
from gpa_mlx.store.config_reader import ConfigReader

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_CODES = 2**31 - 1


@dataclass(frozen=True, slots=True)
class MelArgs:
    """The linear mel spectrogram that the speaker encoder sees; `mel_fmax` None is half the sample rate."""

    sample_rate: int
    n_fft: int
    win_length: int
    hop_length: int
    mel_fmin: float
    mel_fmax: float | None
    num_mels: int

    @classmethod
    def read(cls, fields: ConfigReader) -> MelArgs:
        """Read the section `mel_params`."""
        args = cls(
            sample_rate=fields.integer("sample_rate", maximum=MAX_RATE_HZ),
            n_fft=fields.integer("n_fft", maximum=MAX_FFT),
            win_length=fields.integer("win_length", maximum=MAX_FFT),
            hop_length=fields.integer("hop_length", maximum=MAX_FFT),
            mel_fmin=fields.number("mel_fmin", maximum=MAX_RATE_HZ, minimum=0),
            mel_fmax=fields.number("mel_fmax", maximum=MAX_RATE_HZ, minimum=0) if "mel_fmax" in fields else None,
            num_mels=fields.integer("num_mels", maximum=MAX_MELS),
        )
        if args.win_length > args.n_fft:
            raise fields.error("win_length", f"is {args.win_length}, longer than n_fft {args.n_fft}")
        return args


@dataclass(frozen=True, slots=True)
class FeatureNetArgs:
    """A Vocos network with resampling stages: the semantic encoder, or the prenet of the decoder.

    Attributes:
        input_channels: Width of the input.
        dim: Width inside (`vocos_dim`).
        intermediate_dim: Width inside a ConvNeXt block.
        num_layers: ConvNeXt blocks of the main stack.
        out_channels: Width of the output.
        sample_ratios: Factor of each resampling stage, down in the encoder, up in the prenet.
        condition_dim: Prenet only: width of the vector that steers the main stack's norms; None is unconditional.
        use_tanh_at_final: Prenet only: bound the output.
    """

    input_channels: int
    dim: int
    intermediate_dim: int
    num_layers: int
    out_channels: int
    sample_ratios: tuple[int, ...]
    condition_dim: int | None
    use_tanh_at_final: bool

    @classmethod
    def read(cls, fields: ConfigReader) -> FeatureNetArgs:
        """Read the section `encoder` or `prenet`."""
        return cls(
            input_channels=fields.integer("input_channels", maximum=MAX_WIDTH),
            dim=fields.integer("vocos_dim", maximum=MAX_WIDTH),
            intermediate_dim=fields.integer("vocos_intermediate_dim", maximum=MAX_WIDTH),
            num_layers=fields.integer("vocos_num_layers", maximum=MAX_LAYERS),
            out_channels=fields.integer("out_channels", maximum=MAX_WIDTH),
            sample_ratios=fields.integers("sample_ratios", maximum=MAX_RATIO, longest=MAX_STAGES, default=(1, 1)),
            condition_dim=fields.integer("condition_dim", maximum=MAX_WIDTH) if "condition_dim" in fields else None,
            use_tanh_at_final=fields.flag("use_tanh_at_final", default=False),
        )


@dataclass(frozen=True, slots=True)
class QuantizerArgs:
    """The semantic codebook; `input_dim == codebook_dim` means that there are no projections."""

    input_dim: int
    codebook_size: int
    codebook_dim: int

    @classmethod
    def read(cls, fields: ConfigReader) -> QuantizerArgs:
        """Read the section `quantizer`."""
        return cls(
            input_dim=fields.integer("input_dim", maximum=MAX_WIDTH),
            codebook_size=fields.integer("codebook_size", maximum=MAX_VOCABULARY),
            codebook_dim=fields.integer("codebook_dim", maximum=MAX_WIDTH),
        )


@dataclass(frozen=True, slots=True)
class SpeakerArgs:
    """The path from a mel spectrogram to global codes and back to the speaker vector.

    Attributes:
        input_dim: Mel bands.
        out_dim: Width of the speaker vector.
        latent_dim: Width of the perceiver; equal to `len(fsq_levels)` means that there are no projections.
        token_num: Global codes per voice.
        fsq_levels: Levels of each quantised coordinate.
        ecapa_channels: Width of the ECAPA-TDNN layers.
        ecapa_out_channels: Width of its frame features.
        ecapa_se_channels: Bottleneck of squeeze-excitation.
        ecapa_scale: Groups of a Res2 convolution.
        perceiver_depth: Layers.
        perceiver_heads: Attention heads.
        perceiver_head_dim: Width of a head.
        perceiver_ff_mult: Feed-forward widening, before the 2/3 of a gated unit.
    """

    input_dim: int
    out_dim: int
    latent_dim: int
    token_num: int
    fsq_levels: tuple[int, ...]
    ecapa_channels: int
    ecapa_out_channels: int
    ecapa_se_channels: int
    ecapa_scale: int
    perceiver_depth: int
    perceiver_heads: int
    perceiver_head_dim: int
    perceiver_ff_mult: int

    @property
    def codebook_size(self) -> int:
        """Number of different global codes."""
        return math.prod(self.fsq_levels)

    @classmethod
    def read(cls, fields: ConfigReader) -> SpeakerArgs:
        """Read the section `speaker_encoder`; the defaults are what the reference hard-codes."""
        args = cls(
            input_dim=fields.integer("input_dim", maximum=MAX_WIDTH),
            out_dim=fields.integer("out_dim", maximum=MAX_WIDTH),
            latent_dim=fields.integer("latent_dim", maximum=MAX_WIDTH),
            token_num=fields.integer("token_num", maximum=MAX_WIDTH),
            fsq_levels=fields.integers("fsq_levels", maximum=MAX_WIDTH, longest=MAX_STAGES, minimum=2),
            ecapa_channels=fields.integer("ecapa_channels", maximum=MAX_WIDTH, default=512),
            ecapa_out_channels=fields.integer("ecapa_out_channels", maximum=MAX_WIDTH, default=1536),
            ecapa_se_channels=fields.integer("ecapa_se_channels", maximum=MAX_WIDTH, default=128),
            ecapa_scale=fields.integer("ecapa_scale", maximum=MAX_STAGES, default=8),
            perceiver_depth=fields.integer("perceiver_depth", maximum=MAX_LAYERS, default=2),
            perceiver_heads=fields.integer("perceiver_heads", maximum=MAX_WIDTH, default=8),
            perceiver_head_dim=fields.integer("perceiver_head_dim", maximum=MAX_WIDTH, default=64),
            perceiver_ff_mult=fields.integer("perceiver_ff_mult", maximum=MAX_STAGES, default=4),
        )
        fields.choice("fsq_num_quantizers", [1], default=1)
        if args.codebook_size > _MAX_CODES:
            raise fields.error("fsq_levels", f"make {args.codebook_size} codes, more than 32-bit integers can count")
        if args.ecapa_channels % args.ecapa_scale:
            raise fields.error("ecapa_channels", f"is {args.ecapa_channels}, not divisible by ecapa_scale")
        return args


@dataclass(frozen=True, slots=True)
class WaveGeneratorArgs:
    """The upsampling network that ends in samples.

    Attributes:
        input_channel: Width of the input.
        channels: Width after the first convolution, halved by every stage.
        rates: Upsampling factor of each stage.
        kernel_sizes: Kernel of each stage's transposed convolution.
    """

    input_channel: int
    channels: int
    rates: tuple[int, ...]
    kernel_sizes: tuple[int, ...]

    @classmethod
    def read(cls, fields: ConfigReader) -> WaveGeneratorArgs:
        """Read the section `decoder`."""
        args = cls(
            input_channel=fields.integer("input_channel", maximum=MAX_WIDTH),
            channels=fields.integer("channels", maximum=MAX_WIDTH),
            rates=fields.integers("rates", maximum=MAX_RATIO, longest=MAX_STAGES),
            kernel_sizes=fields.integers("kernel_sizes", maximum=MAX_RATIO, longest=MAX_STAGES),
        )
        fields.choice("d_out", [1], default=1)
        if len(args.kernel_sizes) != len(args.rates):
            raise fields.error("kernel_sizes", f"has {len(args.kernel_sizes)} entries for {len(args.rates)} rates")
        for kernel_size, rate in zip(args.kernel_sizes, args.rates, strict=True):
            if kernel_size < rate or (kernel_size - rate) % 2:
                raise fields.error(
                    "kernel_sizes", f"holds {kernel_size}, which does not turn one frame into exactly {rate}"
                )
        if args.channels >> len(args.rates) == 0:
            raise fields.error("channels", f"is {args.channels}, too few to halve {len(args.rates)} times")
        return args


@dataclass(frozen=True, slots=True)
class BiCodecArgs:
    """All sizes of a BiCodec.

    Attributes:
        sample_rate: Of the waveforms, Hz.
        ref_segment_duration: Seconds of the clip that makes a voice.
        latent_hop_length: Samples per frame of the wave generator's input.
        volume_normalize: Whether the loudness of a recording is normalised first.
        mel: What the speaker encoder sees.
        encoder: Features to latents.
        quantizer: Latents to semantic codes and back.
        speaker_encoder: Mel to global codes and back to the speaker vector.
        prenet: Latents and speaker vector to the wave generator's input.
        decoder: The wave generator.
    """

    sample_rate: int
    ref_segment_duration: float
    latent_hop_length: int
    volume_normalize: bool
    mel: MelArgs
    encoder: FeatureNetArgs
    quantizer: QuantizerArgs
    speaker_encoder: SpeakerArgs
    prenet: FeatureNetArgs
    decoder: WaveGeneratorArgs

    @property
    def samples_per_code(self) -> int:
        """Samples that one semantic code becomes."""
        return self.latent_hop_length * math.prod(self.prenet.sample_ratios)

    @classmethod
    def from_dict(cls, config: Mapping[str, Any], source: str) -> BiCodecArgs:
        """Read the content of the reference's `config.yaml`.

        Args:
            config: The parsed file; unknown keys, `postnet` among them, are ignored.
            source: File name for error messages.

        Raises:
            ModelFormatError: A value is missing or illegal, or two sections do not fit together.
        """
        fields = ConfigReader(config, source)
        tokenizer = fields.section("audio_tokenizer")
        args = cls(
            sample_rate=fields.integer("sample_rate", maximum=MAX_RATE_HZ),
            ref_segment_duration=fields.number("ref_segment_duration", maximum=MAX_CLIP_S, minimum=0),
            latent_hop_length=fields.integer("latent_hop_length", maximum=MAX_RATE_HZ),
            volume_normalize=fields.flag("volume_normalize"),
            mel=MelArgs.read(tokenizer.section("mel_params")),
            encoder=FeatureNetArgs.read(tokenizer.section("encoder")),
            quantizer=QuantizerArgs.read(tokenizer.section("quantizer")),
            speaker_encoder=SpeakerArgs.read(tokenizer.section("speaker_encoder")),
            prenet=FeatureNetArgs.read(tokenizer.section("prenet")),
            decoder=WaveGeneratorArgs.read(tokenizer.section("decoder")),
        )
        args._check_joints(fields, tokenizer)
        return args

    def _check_joints(self, fields: ConfigReader, tokenizer: ConfigReader) -> None:
        if self.ref_segment_duration * self.sample_rate < self.latent_hop_length:
            raise fields.error("ref_segment_duration", f"is {self.ref_segment_duration} s, shorter than one frame")
        hop = math.prod(self.decoder.rates)
        if hop != self.latent_hop_length:
            raise fields.error("latent_hop_length", f"is {self.latent_hop_length}, but the decoder's rates make {hop}")
        joints = {
            "encoder.out_channels": (self.encoder.out_channels, self.quantizer.input_dim),
            "prenet.input_channels": (self.prenet.input_channels, self.quantizer.input_dim),
            "prenet.condition_dim": (self.prenet.condition_dim, self.speaker_encoder.out_dim),
            "prenet.out_channels": (self.prenet.out_channels, self.speaker_encoder.out_dim),
            "decoder.input_channel": (self.decoder.input_channel, self.prenet.out_channels),
            "mel_params.num_mels": (self.mel.num_mels, self.speaker_encoder.input_dim),
        }
        for key, (value, wanted) in joints.items():
            if value is not None and value != wanted:
                raise tokenizer.error(key, f"is {value}, but what it is joined to has width {wanted}")
