"""Speaker encoder: the mel spectrogram of a reference clip to global codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from gpa_mlx.nn.bicodec.ecapa import ECAPAFeatures
from gpa_mlx.nn.bicodec.fsq import FiniteScalarQuantizer
from gpa_mlx.nn.bicodec.perceiver import PerceiverResampler
from gpa_mlx.runtime.backend import mx, nn

if TYPE_CHECKING:
    from gpa_mlx.nn.bicodec.config import BiCodecArgs


class SpeakerEncoder(nn.Module):
    """The speaker encoder of BiCodec.

    Attributes:
        PREFIXES: The tensors of a BiCodec file that belong to this part.
    """

    PREFIXES: ClassVar[tuple[str, ...]] = ("ecapa.", "perceiver.", "fsq.")

    def __init__(self, args: BiCodecArgs) -> None:
        super().__init__()
        speaker = args.speaker_encoder
        self.ecapa = ECAPAFeatures(speaker)
        self.perceiver = PerceiverResampler(speaker)
        self.fsq = FiniteScalarQuantizer(speaker.latent_dim, speaker.fsq_levels)

    def __call__(self, mel: mx.array) -> mx.array:
        """Tokenise the voice of a clip.

        Args:
            mel: Linear magnitude mel spectrogram, `(B, T, input_dim)` float32.

        Returns:
            Global codes, `(B, token_num)` int32.
        """
        return self.fsq.encode(self.perceiver(self.ecapa(mel)))
