"""Wave decoder: semantic and global codes to samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from gpa_mlx.nn.bicodec.fsq import FiniteScalarQuantizer
from gpa_mlx.nn.bicodec.quantizer import FactorizedQuantizer
from gpa_mlx.nn.bicodec.reach import Span, Stage
from gpa_mlx.nn.bicodec.vocos import ResamplingStage, Upsample, VocosBackbone
from gpa_mlx.nn.layers import Snake, TapConv1d, TapConvTranspose1d
from gpa_mlx.runtime.backend import mx, nn, on_gpu

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpa_mlx.nn.bicodec.config import BiCodecArgs, FeatureNetArgs, WaveGeneratorArgs

_DILATIONS = (1, 3, 9)
_KERNEL_SIZE = 7


def _window_elements() -> int:
    """Return the size of the arrays inside the wave generator: what fits into caches, or keeps a GPU busy."""
    return 1 << (23 if on_gpu() else 20)


class Prenet(nn.Module):
    """Semantic latents to the wave generator's input: upsampling stages, then a backbone steered by the speaker."""

    def __init__(self, args: FeatureNetArgs) -> None:
        super().__init__()
        self.linear_pre = nn.Linear(args.input_channels, args.dim)
        self.stages = [
            ResamplingStage(Upsample(args.dim, ratio), args.dim, args.intermediate_dim) for ratio in args.sample_ratios
        ]
        self.backbone = VocosBackbone(
            args.dim, args.dim, args.intermediate_dim, args.num_layers, condition_dim=args.condition_dim
        )
        self.linear = nn.Linear(args.dim, args.out_channels)
        self.use_tanh = args.use_tanh_at_final

    def upsample(self, z: mx.array) -> mx.array:
        """Map latents `(B, T, input_channels)` to `(B, T * product of ratios, dim)`."""
        x = self.linear_pre(z)
        for stage in self.stages:
            x = stage(x)
        return x

    def __call__(self, z: mx.array, speaker: mx.array) -> mx.array:
        """Map latents `(B, T, input_channels)` and speaker vectors `(B, D)` to `(B, T', out_channels)`."""
        return self._project(self.backbone(self.upsample(z), speaker))

    def local_stages(self, speaker: mx.array) -> list[Stage]:
        """Return the network for speaker vectors `(B, D)` as a chain of stages."""
        stages = [Stage(self.linear_pre)]
        for stage in self.stages:
            assert isinstance(stage.resample, Upsample)
            stages.append(Stage(stage.resample, stage.resample.input_span, stage.resample.ratio))
            stages += stage.backbone.local_stages()
        return [*stages, *self.backbone.local_stages(speaker), Stage(self._project)]

    def _project(self, x: mx.array) -> mx.array:
        x = self.linear(x)
        return mx.tanh(x) if self.use_tanh else x


class ResidualUnit(nn.Module):
    """Snake, dilated convolution, Snake and a pointwise layer, added to the input.

    Args:
        channels: Width.
        dilation: Distance between the seven taps.
    """

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.snake1 = Snake(channels)
        self.conv = TapConv1d(channels, channels, _KERNEL_SIZE, dilation=dilation)
        self.snake2 = Snake(channels)
        self.linear = nn.Linear(channels, channels)

    def __call__(self, x: mx.array) -> mx.array:
        """Map `(B, T, C)` to `(B, T, C)`."""
        return x + self.linear(self.snake2(self.conv(self.snake1(x))))


class UpsamplingBlock(nn.Module):
    """Snake, transposed convolution and three residual units of growing dilation.

    Args:
        in_channels: Input width.
        out_channels: Output width.
        kernel_size: Of the transposed convolution.
        rate: Upsampling factor.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, rate: int) -> None:
        super().__init__()
        self.rate = rate
        self.kernel_size = kernel_size
        self.snake = Snake(in_channels)
        self.upsample = TapConvTranspose1d(in_channels, out_channels, kernel_size, rate)
        self.units = [ResidualUnit(out_channels, dilation) for dilation in _DILATIONS]
        self._window = max(1, _window_elements() // (out_channels * rate))
        reach = kernel_size + sum(_DILATIONS) * (_KERNEL_SIZE // 2)
        self._context = -(-reach // rate)

    def __call__(self, x: mx.array) -> mx.array:
        """Map `(B, T, in)` to `(B, T * rate, out)`."""
        return _in_windows(self._upsample, x, self.rate, self._window, self._context)

    def input_span(self, span: Span) -> Span:
        """Return the input positions that a span of output positions depends on."""
        for dilation in reversed(_DILATIONS):
            span = span.before_conv(_KERNEL_SIZE, dilation)
        return span.before_transposed_conv(self.kernel_size, self.rate, (self.kernel_size - self.rate) // 2)

    def _upsample(self, x: mx.array) -> mx.array:
        x = self.upsample(self.snake(x))
        for unit in self.units:
            x = unit(x)
        return x


class WaveGenerator(nn.Module):
    """Frames to samples by repeated upsampling (the decoder of the Descript audio codec, arXiv 2306.06546)."""

    def __init__(self, args: WaveGeneratorArgs) -> None:
        super().__init__()
        widths = [args.channels >> stage for stage in range(len(args.rates) + 1)]
        self.conv_in = TapConv1d(args.input_channel, widths[0], _KERNEL_SIZE)
        self.blocks = [
            UpsamplingBlock(*sizes)
            for sizes in zip(widths[:-1], widths[1:], args.kernel_sizes, args.rates, strict=True)
        ]
        self.snake = Snake(widths[-1])
        self.conv_out = TapConv1d(widths[-1], 1, _KERNEL_SIZE)
        self._window = max(1, _window_elements() // widths[-1])

    def stages(self, x: mx.array) -> Iterator[mx.array]:
        """Yield the output of the first convolution and of every block, each `(B, T', C')`."""
        x = self.conv_in(x)
        yield x
        for block in self.blocks:
            x = block(x)
            yield x

    def __call__(self, x: mx.array) -> mx.array:
        """Map frames `(B, T, input_channel)` to samples `(B, T * product of rates)` in [-1, 1]."""
        *_, x = self.stages(x)
        return self._output(x)

    def local_stages(self) -> list[Stage]:
        """Return the network as a chain of stages."""
        return [
            Stage(self.conv_in, _before_kernel),
            *(Stage(block, block.input_span, block.rate) for block in self.blocks),
            Stage(self._output, _before_kernel),
        ]

    def _output(self, x: mx.array) -> mx.array:
        return _in_windows(self._samples, x, 1, self._window, _KERNEL_SIZE // 2)[..., 0]

    def _samples(self, x: mx.array) -> mx.array:
        return mx.tanh(self.conv_out(self.snake(x)))


def _before_kernel(span: Span) -> Span:
    return span.before_conv(_KERNEL_SIZE)


def _in_windows(network: Callable[[mx.array], mx.array], x: mx.array, rate: int, window: int, context: int) -> mx.array:
    """Apply a network of finite reach window by window, which gives the same result in far less memory.

    Args:
        network: Maps `(B, T, C)` to `(B, T * rate, C')`, zeros beyond both ends.
        x: `(B, T, C)`.
        rate: Output positions per input position.
        window: Input positions per window.
        context: Input positions before and after a window that its output depends on.
    """
    length = x.shape[1]
    outputs = []
    for start in range(0, length, window):
        first, stop = max(0, start - context), min(length, start + window)
        output = network(x[:, first : stop + context])
        outputs.append(output[:, (start - first) * rate : (stop - first) * rate])
    return outputs[0] if len(outputs) == 1 else mx.concatenate(outputs, axis=1)


class WaveDecoder(nn.Module):
    """The half of BiCodec that speaks.

    Attributes:
        PREFIXES: The tensors of a BiCodec file that belong to this part.
    """

    PREFIXES: ClassVar[tuple[str, ...]] = ("quantizer.", "fsq.", "speaker_project.", "prenet.", "wave_generator.")

    def __init__(self, args: BiCodecArgs) -> None:
        super().__init__()
        speaker = args.speaker_encoder
        self.quantizer = FactorizedQuantizer(args.quantizer)
        self.fsq = FiniteScalarQuantizer(speaker.latent_dim, speaker.fsq_levels)
        self.speaker_project = nn.Linear(speaker.latent_dim * speaker.token_num, speaker.out_dim)
        self.prenet = Prenet(args.prenet)
        self.wave_generator = WaveGenerator(args.decoder)

    def speaker_vector(self, global_codes: mx.array) -> mx.array:
        """Map global codes `(B, token_num)` to speaker vectors (d-vectors) `(B, out_dim)`."""
        latents = self.fsq.decode(global_codes)
        # The reference flattens (latent_dim, token_num), channels first.
        return self.speaker_project(latents.transpose(0, 2, 1).reshape(latents.shape[0], -1))

    def frames(self, codes: mx.array, speaker: mx.array) -> mx.array:
        """Map semantic codes `(B, T)` and speaker vectors `(B, D)` to the wave generator's input `(B, T', D)`."""
        return self.prenet(self.quantizer.decode(codes), speaker) + speaker[:, None]

    def local_stages(self, speaker: mx.array) -> list[Stage]:
        """Return the way from codes `(B, T)` to samples, for speaker vectors `(B, D)`, as a chain of stages.

        No part of it looks at all of time: layer norms are per frame, and what holds for the whole utterance, the
        speaker vector, is known beforehand. So every sample depends on a bounded number of codes.
        """
        return [
            Stage(self.quantizer.decode),
            *self.prenet.local_stages(speaker),
            Stage(lambda frames: frames + speaker[:, None]),
            *self.wave_generator.local_stages(),
        ]

    def __call__(self, codes: mx.array, global_codes: mx.array) -> mx.array:
        """Decode an utterance.

        Args:
            codes: Semantic codes, `(B, T)` integers.
            global_codes: Speaker codes, `(B, token_num)` integers.

        Returns:
            Samples, `(B, T * samples_per_code)` float32 in [-1, 1].
        """
        return self.wave_generator(self.frames(codes, self.speaker_vector(global_codes)))
