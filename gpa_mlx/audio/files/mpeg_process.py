"""Decodes one stream of MPEG audio in a process of its own, and writes the samples to standard output.

libmpg123 writes notes to standard error, from C, whatever libsndfile is told; here nobody reads them. What it makes of
damaged input cannot hurt the caller either.

Standard input: JSON, the descriptor and the pieces as `[start, end]` or hexadecimal bytes. Standard output: rate and
channels, 32-bit little-endian, then float32 samples. The exit status is 1 when the stream broke off.
"""

from __future__ import annotations

import json
import signal
import struct
import sys
from typing import BinaryIO, cast


def main() -> int:
    """Decode what standard input names."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import soundfile

    from gpa_mlx.audio.files.libsndfile import ForwardFile
    from gpa_mlx.audio.files.spliced_file import FileRange, SplicedFile

    request = json.load(sys.stdin)
    pieces = [bytes.fromhex(piece) if isinstance(piece, str) else FileRange(*piece) for piece in request["pieces"]]
    out = sys.stdout.buffer
    try:
        with ForwardFile(cast("BinaryIO", SplicedFile(request["descriptor"], pieces))) as file:
            out.write(struct.pack("<II", file.samplerate, file.channels))
            while len(block := file.read(16_384, dtype="float32", always_2d=True)):
                out.write(block.astype("<f4").tobytes())
        out.flush()
    except soundfile.LibsndfileError:
        out.flush()
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:  # nobody wants the rest
        sys.exit(1)
