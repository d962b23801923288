"""BiCodec codes to waveform, in one piece."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gpa_mlx.backend import mx
from gpa_mlx.errors import GPAError
from gpa_mlx.nn.bicodec.config import BiCodecArgs
from gpa_mlx.nn.bicodec.decoder import WaveDecoder
from gpa_mlx.types import Waveform


class Vocoder:
    """Semantic and global codes to sound.

    Args:
        network: The loaded decoder half of BiCodec.
        args: Its sizes.
    """

    def __init__(self, network: WaveDecoder, args: BiCodecArgs) -> None:
        self._network = network
        self._args = args

    def decode(self, semantic: Sequence[int], global_tokens: Sequence[int]) -> Waveform:
        """Decode one utterance.

        Args:
            semantic: Semantic codes, at least one.
            global_tokens: Speaker codes, exactly as many as the model has.

        Returns:
            `(320 * len(semantic),)` float32 at 16 kHz; the mean is not removed.

        Raises:
            GPAError: No codes, a wrong number of speaker codes, or a code outside its codebook.
        """
        speaker = self._args.speaker_encoder
        if len(global_tokens) != speaker.token_num:
            raise GPAError(
                f"{len(global_tokens)} global tokens were given; this model's voices have {speaker.token_num}.",
                hint="Make the voice again with this model.",
            )
        if len(semantic) == 0:
            raise GPAError("There are no semantic codes to decode.", hint="Give at least one code.")
        _check_range(semantic, self._args.quantizer.codebook_size, "semantic code")
        _check_range(global_tokens, speaker.codebook_size, "global token")
        wave = self._network(
            mx.array(np.asarray(semantic, dtype=np.int32)[None]),
            mx.array(np.asarray(global_tokens, dtype=np.int32)[None]),
        )
        return np.array(wave[0])


def _check_range(codes: Sequence[int], size: int, what: str) -> None:
    outside = [code for code in codes if not 0 <= code < size]
    if outside:
        raise GPAError(
            f"The {what} {outside[0]} does not exist: this model has 0 to {size - 1}.",
            hint="Use codes made by the same model.",
        )
