#!/usr/bin/env python3
"""Compare gpa-mlx with PyTorch on the CPU and with mlx-lm, side by side in one run.

    python tests/support/random_checkpoint.py --size full --out SRC      # or a published checkpoint
    gpa-mlx convert SRC -o MODEL
    python tests/bench/compare_reference.py --model MODEL --source SRC [--json]

Contenders take turns (A B A B ...), after one warm-up each; the table shows the median and the spread (lowest to
highest trial). Everything is computed in float32 unless the model was converted otherwise.

* tokenise: 10 s of audio to GLM, semantic and speaker codes, then each kind alone. Both sides do all of it: log-mel and
  GLM encoder; wav2vec2 and BiCodec encoder; loudness, mel and speaker encoder. torch also computes what the reference
  computes without need, which gpa-mlx leaves out: wav2vec2's layers above 16 and the speaker encoder's x-vector. The
  notes say how many of torch's codes equal gpa-mlx's.
* decode: tokens per second after the first token, greedy, 200 tokens after a prompt of about 100. gpa-mlx projects on
  the rows a task can emit (speech: semantic codes and stop; text: text and stop), mlx-lm's `generate_step` and
  transformers' `generate` on the full vocabulary. mlx-lm reads the very same model directory.
* roofline: memory bandwidth measured before and after decoding, the best figure of all ways and trials, and the share
  of it that decoding reaches, counting each weight read once per token and nothing else (KV cache, activations).
* vocoder: codes to waveform, as real-time factor (processing / audio, lower is better).

On Linux the MLX wheel calls OpenBLAS only if that was in the process first. `gpa_mlx.runtime.backend` is imported first
here, so both use it; mlx-lm alone would be slower. torch runs in a process of its own. What is not installed is skipped
with a word. The machine must be idle: torch's threads wait for each other after every operation, so a core that another
process holds makes torch many times slower, its small networks most. At full size the run takes about a quarter of an
hour on two cores and 8 GB of memory for both processes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decoding import compare_decoding
from rich.console import Console
from rich.table import Table
from roofline import bandwidth_trials
from tokenizing import compare_tokenizers, measure_vocoder
from torch_worker import TorchWorker
from trials import OURS, Comparison

from gpa_mlx.errors import GPAError
from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.runtime.backend import BLAS_LIBRARY, mx

if TYPE_CHECKING:
    from collections.abc import Iterator


def machine(torch: TorchWorker | None) -> dict[str, Any]:
    """Say what the figures were measured with."""
    return {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "load_before": os.getloadavg(),
        "python": platform.python_version(),
        "mlx": version("mlx"),
        "mlx_device": str(mx.default_device()),
        "mlx_lm": version("mlx-lm") if find_spec("mlx_lm") else None,
        "blas_before_mlx": BLAS_LIBRARY,
        "torch": torch.ask("about") if torch is not None else None,
    }


def table_of(comparisons: list[Comparison]) -> Table:
    """Lay the comparisons out for people."""
    table = Table(title="median (lowest to highest trial)")
    for name in ("what", "contender", "median", "spread", "gpa-mlx is", "bar", "note"):
        table.add_column(name, justify="right" if name in ("median", "gpa-mlx is", "bar") else "left")
    for comparison in comparisons:
        for index, (who, trials) in enumerate(comparison.values.items()):
            times = f"{comparison.advantage(who):.2f}x" if who != OURS and OURS in comparison.values else ""
            bar = comparison.bar.get(who)
            verdict = "" if bar is None else f"{bar:g}x {'met' if comparison.advantage(who) >= bar else 'MISSED'}"
            table.add_row(
                comparison.what if index == 0 else "",
                who,
                f"{comparison.median(who):.3g} {comparison.unit}",
                f"{min(trials):.3g} to {max(trials):.3g}",
                times,
                verdict,
                comparison.notes.get(who, ""),
                end_section=index + 1 == len(comparison.values),
            )
    return table


def run(
    parts: GPAModel, torch: TorchWorker | None, arguments: argparse.Namespace, console: Console
) -> tuple[list[Comparison], dict[str, dict[str, float]]]:
    """Run the chosen sections; returns the comparisons and the roofline shares per task and contender."""
    trials = arguments.trials
    comparisons: list[Comparison] = []
    if "tokenise" in arguments.only:
        console.print("tokenise ...")
        comparisons.extend(compare_tokenizers(parts, torch, arguments.seconds, trials))
        parts.unload()
    shares: dict[str, dict[str, float]] = {}
    if "decode" in arguments.only:
        console.print("decode ...")
        before = bandwidth_trials(trials)
        decoding = list(compare_decoding(parts, torch, arguments.tokens, trials))
        parts.unload()
        after = bandwidth_trials(trials)
        bandwidth = {way: before[way] + after[way] for way in before}
        ceiling = max(max(values) for values in bandwidth.values())
        comparisons.append(Comparison(what="memory bandwidth", unit="GB/s", better="higher", values=bandwidth))
        for comparison, read in decoding:
            comparisons.append(comparison)
            for who, size in read.items():
                share = size * comparison.median(who) / 1e9 / ceiling
                shares.setdefault(comparison.what, {})[who] = share
                comparison.notes[who] += f"; {size / 1e6:.0f} MB/token, {share:.0%} of {ceiling:.3g} GB/s"
    if "vocoder" in arguments.only:
        console.print("vocoder ...")
        comparisons.extend(measure_vocoder(parts, trials))
    return comparisons, shares


@contextmanager
def torch_worker(source: Path | None, console: Console) -> Iterator[TorchWorker | None]:
    """Start the worker, or say why there is none."""
    missing = [name for name in ("torch", "transformers") if find_spec(name) is None]
    if source is None or missing:
        console.print(f"torch is skipped: {'no --source' if source is None else ', '.join(missing) + ' not installed'}")
        yield None
        return
    worker = TorchWorker(source)
    try:
        yield worker
    finally:
        worker.close()


def main() -> None:
    """Command line."""
    sections = ("tokenise", "decode", "vocoder")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="directory written by `gpa-mlx convert`")
    parser.add_argument("--source", type=Path, help="the upstream directory it was made from, for torch")
    parser.add_argument("--only", choices=sections, nargs="+", default=sections)
    parser.add_argument("--trials", type=int, default=3, help="counted rounds (default 3)")
    parser.add_argument("--seconds", type=float, default=10.0, help="audio to tokenise (default 10)")
    parser.add_argument("--tokens", type=int, default=200, help="new tokens to decode (default 200)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    arguments = parser.parse_args()
    narration = Console(stderr=True)
    if not find_spec("mlx_lm"):
        narration.print("mlx-lm is skipped: not installed")
    try:
        parts = GPAModel(arguments.model)
    except GPAError as error:
        parser.exit(1, f"error: {error}\n")
    with torch_worker(arguments.source, narration) as torch:
        about = machine(torch)
        comparisons, shares = run(parts, torch, arguments, narration)
        about["load_after"] = os.getloadavg()
    if arguments.json:
        report = {"machine": about, "comparisons": [c.as_json() for c in comparisons], "roofline_share": shares}
        print(json.dumps(report, indent=1))
        return
    console = Console()
    console.print(table_of(comparisons))
    console.print(about)


if __name__ == "__main__":
    main()
