"""The whole BiCodec: its parameter tree is the content of a converted file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx.nn.bicodec.encoder import SemanticEncoder
from gpa_mlx.nn.bicodec.speaker import SpeakerEncoder
from gpa_mlx.nn.bicodec.wave_decoder import WaveDecoder
from gpa_mlx.runtime.backend import nn

if TYPE_CHECKING:
    from gpa_mlx.nn.bicodec.config import BiCodecArgs


class BiCodec(nn.Module):
    """Semantic encoder, speaker encoder and wave decoder over one set of parameters.

    The parts share the codebook and the speaker quantiser. A part that is built alone takes from a file the tensors
    that its `PREFIXES` name.
    """

    def __init__(self, args: BiCodecArgs) -> None:
        super().__init__()
        # Underscores keep the parts themselves out of the parameter tree, which names every network once.
        self._semantic_encoder = SemanticEncoder(args)
        self._speaker_encoder = SpeakerEncoder(args)
        self._wave_decoder = WaveDecoder(args)
        self._wave_decoder.quantizer = self._semantic_encoder.quantizer
        self._wave_decoder.fsq = self._speaker_encoder.fsq
        self.encoder = self._semantic_encoder.encoder
        self.quantizer = self._semantic_encoder.quantizer
        self.ecapa = self._speaker_encoder.ecapa
        self.perceiver = self._speaker_encoder.perceiver
        self.fsq = self._speaker_encoder.fsq
        self.speaker_project = self._wave_decoder.speaker_project
        self.prenet = self._wave_decoder.prenet
        self.wave_generator = self._wave_decoder.wave_generator

    @property
    def semantic_encoder(self) -> SemanticEncoder:
        """Features to semantic codes."""
        return self._semantic_encoder

    @property
    def speaker_encoder(self) -> SpeakerEncoder:
        """Mel to global codes."""
        return self._speaker_encoder

    @property
    def wave_decoder(self) -> WaveDecoder:
        """Codes to samples."""
        return self._wave_decoder
