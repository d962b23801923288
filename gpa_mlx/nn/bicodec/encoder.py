"""Semantic encoder: wav2vec2 features to semantic codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from gpa_mlx.nn.bicodec.quantizer import FactorizedQuantizer
from gpa_mlx.nn.bicodec.vocos import Downsample, ResamplingStage, VocosBackbone
from gpa_mlx.runtime.backend import mx, nn

if TYPE_CHECKING:
    from gpa_mlx.nn.bicodec.config import BiCodecArgs, FeatureNetArgs


class FeatureEncoder(nn.Module):
    """Vocos backbone, downsampling stages and a projection."""

    def __init__(self, args: FeatureNetArgs) -> None:
        super().__init__()
        self.backbone = VocosBackbone(args.input_channels, args.dim, args.intermediate_dim, args.num_layers)
        self.stages = [
            ResamplingStage(Downsample(args.dim, ratio), args.dim, args.intermediate_dim)
            for ratio in args.sample_ratios
        ]
        self.project = nn.Linear(args.dim, args.out_channels)

    def __call__(self, features: mx.array) -> mx.array:
        """Map `(B, T, input_channels)` to latents `(B, T / product of ratios, out_channels)`."""
        x = self.backbone(features)
        for stage in self.stages:
            x = stage(x)
        return self.project(x)


class SemanticEncoder(nn.Module):
    """The semantic encoder of BiCodec.

    Attributes:
        PREFIXES: The tensors of a BiCodec file that belong to this part.
    """

    PREFIXES: ClassVar[tuple[str, ...]] = ("encoder.", "quantizer.")

    def __init__(self, args: BiCodecArgs) -> None:
        super().__init__()
        self.encoder = FeatureEncoder(args.encoder)
        self.quantizer = FactorizedQuantizer(args.quantizer)

    def __call__(self, features: mx.array) -> mx.array:
        """Tokenise wav2vec2 features.

        Args:
            features: `(B, T, input_channels)` float32, 50 frames per second.

        Returns:
            Semantic codes, `(B, T / product of the encoder's ratios)` int32.
        """
        return self.quantizer.encode(self.encoder(features))
