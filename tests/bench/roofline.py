"""How fast this machine reads memory: the ceiling of token-by-token decoding, which reads every weight once a token."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from gpa_mlx.runtime.backend import mx

_ROWS = 16_384
_GIB = 1024**3


def bandwidth_trials(trials: int) -> dict[str, list[float]]:
    """Measure read bandwidth in GB/s (10^9 bytes) over 1 GiB of float32, in several ways, interleaved.

    Returns:
        Trials per way: an MLX matrix-vector product (what decoding does), a numpy sum on every core, and a numpy copy
        on every core (reads and writes counted).
    """
    matrix = mx.random.normal((_ROWS, _ROWS))
    vector = mx.random.normal((_ROWS,))
    mx.eval(matrix, vector)
    source = np.ones(_GIB // 4, dtype=np.float32)
    target = np.empty_like(source)
    cores = os.cpu_count() or 1
    parts = [slice(i * len(source) // cores, (i + 1) * len(source) // cores) for i in range(cores)]

    with ThreadPoolExecutor(cores) as pool:

        def product() -> None:
            mx.eval(matrix @ vector)

        def reading() -> None:
            list(pool.map(lambda part: source[part].sum(), parts))

        def copying() -> None:
            list(pool.map(lambda part: np.copyto(target[part], source[part]), parts))

        ways = {
            "MLX matrix-vector product": (product, matrix.nbytes),
            f"numpy sum, {cores} threads": (reading, source.nbytes),
            f"numpy copy, {cores} threads": (copying, 2 * source.nbytes),
        }
        values: dict[str, list[float]] = {name: [] for name in ways}
        for round_number in range(trials + 1):
            for name, (run, size) in ways.items():
                start = time.perf_counter()
                run()
                seconds = time.perf_counter() - start
                if round_number > 0:
                    values[name].append(size / seconds / 1e9)
    return values
