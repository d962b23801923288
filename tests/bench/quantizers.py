"""Plain rounding of the language model against mlx-lm's GPTQ, on the demo model.

    python -m tests.bench.quantizers [UTTERANCES]

Prints, per form: bits per weight; how far its next-token distribution is from float32's (mean Kullback-Leibler
divergence in nats over the targets of unseen utterances, and how often the likeliest token is another); word errors.
The matrices whose width no group divides stay plain, as `store_again` leaves them. 150 utterances take fifteen
minutes of one core; needs espeak-ng, flite and the extra `mlx-lm`.
"""

from __future__ import annotations

import copy
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from mlx.utils import tree_flatten, tree_map
from mlx_lm.quant.gptq import gptq_quantize
from mlx_lm.utils import compute_bits_per_weight, load_model

import gpa_mlx
from gpa_mlx.model import demo
from gpa_mlx.model.registry import open_model
from gpa_mlx.recipes.demo.data.plan import DemoDataConfig, evaluation_requests, training_requests
from gpa_mlx.recipes.demo.data.shards import make_utterances
from gpa_mlx.recipes.demo.data.utterances import padded
from gpa_mlx.recipes.demo.evaluation.scores import WordErrors
from gpa_mlx.recipes.demo.training.examples import make_examples
from gpa_mlx.runtime.backend import mx, nn
from tests.robustness.hostile_configs import record

GROUP = 32
CALIBRATION_UTTERANCES = 300
CHUNK_TOKENS = 256
MARGIN_SAMPLES = 4000


class Plain(nn.Module):
    """A linear layer that no quantiser touches."""

    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def __call__(self, x):
        return x @ self.weight.T


def plain(base):
    model = copy.deepcopy(base)
    for layer in model.model.layers:
        layer.mlp.down_proj = Plain(layer.mlp.down_proj.weight)
    return model


def rounded(base, bits):
    model = plain(base)

    def how(path, module):
        return hasattr(module, "to_quantized") and {"group_size": GROUP, "bits": 8 if "embed" in path else bits}

    nn.quantize(model, group_size=GROUP, bits=bits, class_predicate=how)
    return model


def dense(model):
    """Return the weights as float32, as they are after rounding."""
    weights = {}
    for path, layer in tree_flatten(model.leaf_modules(), is_leaf=nn.Module.is_module):
        if hasattr(layer, "scales"):
            how = {"group_size": layer.group_size, "bits": layer.bits}
            weights[f"{path}.weight"] = mx.dequantize(layer.weight, layer.scales, layer.biases, **how)
        else:
            weights |= {f"{path}.{name}": value for name, value in tree_flatten(layer.parameters())}
    return weights


def log_probabilities(model, example):
    logits = model(mx.array(example.ids[None]))[0, example.target_start - 1 : -1]
    return logits - mx.logsumexp(logits, axis=-1, keepdims=True)


def word_errors(model, utterances):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copytree(demo.demo_model(), Path(folder, "model")))
        mx.save_safetensors(str(path / "model.safetensors"), dense(model), {"format": "mlx"})
        record(path, "model.safetensors")
        with gpa_mlx.load(path) as engine:
            heard = [engine.transcribe((padded(u, *(MARGIN_SAMPLES,) * 2).wave, 16_000)).text for u in utterances]
    return WordErrors.of([(u.text, text) for u, text in zip(utterances, heard, strict=True)])


def main(count: int = 150) -> None:
    config = DemoDataConfig(sequences=60, evaluation_sequences=count)
    requests = training_requests(config)
    chosen = np.random.default_rng(0).permutation(len(requests))[:CALIBRATION_UTTERANCES]
    parts = open_model(demo.demo_model())
    with tempfile.TemporaryDirectory() as folder:
        taught = make_utterances([requests[i] for i in chosen], Path(folder, "taught"), workers=1)
        unseen = make_utterances(evaluation_requests(config)[:count], Path(folder, "unseen"), workers=1)
    calibration = make_examples(parts, taught, stt_copies=1, tts_copies=1, vc_pairs=0, seed=1)
    examples = make_examples(parts, unseen, stt_copies=1, tts_copies=1, vc_pairs=0, seed=2)
    ids = np.concatenate([example.ids for example in calibration])
    chunks = mx.array(ids[: len(ids) // CHUNK_TOKENS * CHUNK_TOKENS].reshape(-1, CHUNK_TOKENS))
    base, _ = load_model(demo.demo_model())
    base.update(tree_map(lambda value: value.astype(mx.float32), base.parameters()))
    reference = [log_probabilities(base, example) for example in examples]
    mx.eval(reference)
    forms = {
        "float32": lambda: plain(base),
        **{f"rounded, {bits} bits": lambda bits=bits: rounded(base, bits) for bits in (8, 6, 4)},
        "GPTQ, 4 bits": lambda: gptq_quantize(plain(base), chunks, 4, GROUP, 8, GROUP)[0],
    }
    for name, make in forms.items():
        model = make()
        sums = {"stt": np.zeros(3), "tts-a": np.zeros(3)}
        for example, expected in zip(examples, reference, strict=True):
            found = log_probabilities(model, example)
            divergence = (mx.exp(expected) * (expected - found)).sum().item()
            others = (mx.argmax(expected, -1) != mx.argmax(found, -1)).sum().item()
            sums[example.task] += divergence, others, len(expected)
        errors = word_errors(model, unseen)
        line = f"{name:18} {compute_bits_per_weight(model):5.2f} bits"
        for task, (divergence, others, tokens) in sums.items():
            line += f"  {task}: {divergence / tokens:.5f} nats, {others:.0f} of {tokens:.0f} others"
        print(f"{line}  word errors {100 * errors.rate:.2f} % of {errors.words}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
