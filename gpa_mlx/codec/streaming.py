"""BiCodec codes to waveform while the codes are still coming."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.codec.checks import check_global_tokens, check_semantic_codes
from gpa_mlx.errors import GPAError
from gpa_mlx.nn.bicodec.reach import Span, evaluate, input_span
from gpa_mlx.runtime.backend import mx

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpa_mlx.nn.bicodec.config import BiCodecArgs
    from gpa_mlx.nn.bicodec.wave_decoder import WaveDecoder
    from gpa_mlx.types import Waveform


class StreamingDecoder:
    """Decodes codes in pieces of any sizes.

    Normally the pieces of sound, one after the other, are what decoding all codes at once gives: a sample is handed out
    when every code it depends on is known. All that is kept is the codes that later samples depend on; every layer
    computes the new positions and those its successors need around them. So memory is bounded, and the work of a call
    follows from the number of new codes, however many came before.

    With a smaller `lookahead` sound starts earlier, but it is computed as if the utterance ended with the last code
    known, so it depends on how the codes are cut into pieces. Its error, relative to the power of the exact sound, when
    no code gets more than the lookahead:

        lookahead (20 ms each)         4         8        12        16        24        32   exact from
        test model, random weights  -4 dB     -8 dB    -15 dB    -26 dB    -62 dB   -110 dB   40
        demo model                  -5 dB     -6 dB    -11 dB    -22 dB    -64 dB   -123 dB   43

    (`python tests/bench/streaming_error.py MODEL RECORDING...` measures any converted model; these are the largest
    errors of the golden recordings slt and rms, and of the demo model's samples.)

    Args:
        network: The loaded decoder half of BiCodec.
        args: Its sizes.
        global_tokens: Speaker codes, exactly as many as the model has.
        lookahead: Codes to wait for after the one to be decoded; None for as many as it depends on.

    Attributes:
        samples_per_code: Samples that one code becomes.
        left_context: Codes before a code that its samples depend on.
        right_context: Codes after a code that its samples depend on.
        lookahead: Codes that are waited for, at most `right_context`.

    Raises:
        GPAError: A wrong number of speaker codes, one outside its codebook, or a negative lookahead.
    """

    def __init__(
        self, network: WaveDecoder, args: BiCodecArgs, global_tokens: Sequence[int], *, lookahead: int | None = None
    ) -> None:
        check_global_tokens(global_tokens, args)
        if lookahead is not None and lookahead < 0:
            raise GPAError(f"A lookahead of {lookahead} codes makes no sense.", hint="Give 0 or more, or None.")
        self._args = args
        speaker = network.speaker_vector(mx.array(np.asarray(global_tokens, dtype=np.int32)[None]))
        mx.eval(speaker)
        self._stages = network.local_stages(speaker)
        self.samples_per_code = args.samples_per_code
        reach = input_span(self._stages, Span(0, self.samples_per_code))
        self.left_context, self.right_context = -reach.start, reach.stop - 1
        self.lookahead = self.right_context if lookahead is None else min(lookahead, self.right_context)
        self._begin()

    def _begin(self) -> None:
        self._codes: list[int] = []
        self._dropped = 0
        self._decoded = 0

    def step(self, codes: Sequence[int]) -> Waveform:
        """Take the next codes.

        Args:
            codes: Any number, also none.

        Returns:
            `(n * samples_per_code,)` float32: the samples of the next n codes, of all that have their lookahead by now;
            n may be 0.

        Raises:
            GPAError: A code outside the codebook; the state is unchanged.
        """
        check_semantic_codes(codes, self._args)
        self._codes.extend(codes)
        return self._decode_until(self._dropped + len(self._codes) - self.lookahead)

    def flush(self) -> Waveform:
        """End the utterance: return the rest of its samples, and be ready for another one."""
        wave = self._decode_until(self._dropped + len(self._codes))
        self._begin()
        return wave

    def _decode_until(self, stop: int) -> Waveform:
        """Return the samples from the first code not decoded yet up to code `stop`."""
        if stop <= self._decoded:
            return np.zeros(0, dtype=np.float32)
        codes = mx.array(np.asarray(self._codes, dtype=np.int32)[None])
        wanted = Span(self._decoded * self.samples_per_code, stop * self.samples_per_code)
        wave = np.array(evaluate(self._stages, codes, self._dropped, wanted)[0])
        self._decoded = stop
        unneeded = max(stop - self.left_context - self._dropped, 0)
        del self._codes[:unneeded]
        self._dropped += unneeded
        return wave
