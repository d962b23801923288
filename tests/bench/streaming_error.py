"""How far low-latency decoding is off, by the codes it waits for: `streaming_error.py MODEL RECORDING...`."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.audio.files.reader import load_recording
from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.tokenizers.bicodec import bicodec_waveform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpa_mlx.codec.decoder import Vocoder
    from gpa_mlx.types import Waveform

LOOKAHEADS = (0, 1, 2, 4, 8, 12, 16, 24, 32, 48)


def error_db(wave: Waveform, exact: Waveform) -> float:
    """Return the power of the difference relative to that of the exact wave less its mean, in dB."""
    power = float(np.mean((wave.astype(np.float64) - exact) ** 2))
    return 10 * math.log10(power / float(np.var(exact, dtype=np.float64))) if power else -math.inf


def streaming_error_db(
    vocoder: Vocoder, semantic: Sequence[int], global_tokens: Sequence[int], lookahead: int
) -> float:
    """Return the error of decoding code by code, so that every code has its lookahead and nothing more."""
    decoder = vocoder.stream(global_tokens, lookahead=lookahead)
    wave = np.concatenate([*(decoder.step([code]) for code in semantic), decoder.flush()])
    return error_db(wave, vocoder.decode(semantic, global_tokens))


def main() -> None:
    """Print one line per lookahead: the errors of all recordings, each said by its own voice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("recordings", nargs="+", metavar="RECORDING")
    arguments = parser.parse_args()
    parts = GPAModel(arguments.model)
    coded = []
    for path in arguments.recordings:
        wave = bicodec_waveform(load_recording(path, max_duration_s=60).first_channel, parts.bicodec_args)
        coded.append((parts.semantic.encode(wave).tolist(), parts.speaker.encode(wave).tolist()))
    exact = parts.vocoder.stream(coded[0][1]).right_context
    print(f"exact from {exact} codes on")
    for lookahead in (*(few for few in LOOKAHEADS if few < exact), exact):
        errors = [streaming_error_db(parts.vocoder, semantic, voice, lookahead) for semantic, voice in coded]
        print(f"{lookahead:3d} codes ({lookahead * 20} ms): " + "  ".join(f"{error:7.1f} dB" for error in errors))


if __name__ == "__main__":
    main()
