"""BiCodec codes to waveform, in one piece or as a stream."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gpa_mlx.codec.checks import check_global_tokens, check_semantic_codes
from gpa_mlx.codec.streaming import StreamingDecoder
from gpa_mlx.errors import GPAError
from gpa_mlx.nn.bicodec.config import BiCodecArgs
from gpa_mlx.nn.bicodec.wave_decoder import WaveDecoder
from gpa_mlx.runtime.backend import mx
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
        check_global_tokens(global_tokens, self._args)
        if len(semantic) == 0:
            raise GPAError("There are no semantic codes to decode.", hint="Give at least one code.")
        check_semantic_codes(semantic, self._args)
        wave = self._network(
            mx.array(np.asarray(semantic, dtype=np.int32)[None]),
            mx.array(np.asarray(global_tokens, dtype=np.int32)[None]),
        )
        return np.array(wave[0])

    def stream(self, global_tokens: Sequence[int], *, lookahead: int | None = None) -> StreamingDecoder:
        """Return a decoder that takes the codes piece by piece; arguments and errors as for `StreamingDecoder`."""
        return StreamingDecoder(self._network, self._args, global_tokens, lookahead=lookahead)
