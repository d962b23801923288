"""Processed distributions against the recorded ones, and against the library that defines them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gpa_mlx.lm.sampling import process_logits, seen_rows
from gpa_mlx.runtime.backend import mx
from gpa_mlx.types import GenerationOptions

GPA_DEFAULT = GenerationOptions(temperature=0.2, top_k=50, top_p=1.0, repetition_penalty=1.2)
SETTINGS = {
    "gpa_default": GPA_DEFAULT,
    "t1_p09": replace(GPA_DEFAULT, temperature=1.0, top_p=0.9),
    "t08_k20_p095_rp1": GenerationOptions(temperature=0.8, top_k=20, top_p=0.95, repetition_penalty=1.0),
    "t1_k0": replace(GPA_DEFAULT, temperature=1.0, top_k=0),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_recorded_first_step(golden, setting):
    recorded, llm = golden("sampling"), golden("llm")
    prompts = [key.split("|")[0] for key in recorded if key.endswith(f"|step0|{setting}|ids")]
    assert prompts
    for prompt in prompts:
        logits = mx.array(llm[f"{prompt}|last_logits"])
        scores = process_logits(logits, SETTINGS[setting], seen_rows(llm[f"{prompt}|prompt_ids"].tolist(), logits.size))
        case = f"{prompt}|step0|{setting}"
        kept = np.flatnonzero(np.isfinite(np.array(scores)))
        np.testing.assert_array_equal(kept, recorded[f"{case}|ids"])
        np.testing.assert_allclose(np.array(scores)[kept], recorded[f"{case}|scores"], rtol=1e-6, atol=1e-5)
        np.testing.assert_allclose(np.array(mx.softmax(scores))[kept], recorded[f"{case}|probs"], rtol=0, atol=1e-5)


LOGITS = {
    "smooth": lambda rng, size: rng.normal(size=size) * 4,
    "tied": lambda rng, size: np.round(rng.normal(size=size) * 2),
    "flat": lambda rng, size: np.zeros(size),
    "peaked": lambda rng, size: np.where(rng.random(size) < 0.01, 60.0, 0.0) + rng.normal(size=size),
}
OPTIONS = {
    "penalty": replace(GPA_DEFAULT, temperature=1.0, top_k=0),
    "reward": replace(GPA_DEFAULT, temperature=1.0, top_k=0, repetition_penalty=0.7),
    "default": GPA_DEFAULT,
    "k1": replace(GPA_DEFAULT, top_k=1),
    "k above the vocabulary": replace(GPA_DEFAULT, top_k=5000),
    "p": replace(GPA_DEFAULT, temperature=1.0, top_k=0, top_p=0.9),
    "p tiny": replace(GPA_DEFAULT, temperature=1.0, top_k=0, top_p=1e-6),
    "p almost 1": replace(GPA_DEFAULT, temperature=1.0, top_k=0, top_p=0.99999),
    "k and p, hot": replace(GPA_DEFAULT, temperature=3.0, top_k=37, top_p=0.63),
    "k and p, cold": replace(GPA_DEFAULT, temperature=0.05, top_k=20, top_p=0.95),
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
@pytest.mark.parametrize("kind", LOGITS)
def test_same_as_transformers(kind, options):
    torch = pytest.importorskip("torch")
    library = pytest.importorskip("transformers.generation.logits_process")
    rng = np.random.default_rng(17)
    for size in (1, 2, 61, 1792):
        logits = LOGITS[kind](rng, (2, size)).astype(np.float32)
        seen = rng.integers(0, size, size=(2, 30))
        chain = [library.RepetitionPenaltyLogitsProcessor(options.repetition_penalty)]
        chain.append(library.TemperatureLogitsWarper(options.temperature))
        if options.top_k > 0:
            chain.append(library.TopKLogitsWarper(options.top_k))
        if options.top_p < 1:
            chain.append(library.TopPLogitsWarper(options.top_p))
        expected = library.LogitsProcessorList(chain)(torch.from_numpy(seen), torch.from_numpy(logits.copy())).numpy()
        masks = mx.stack([seen_rows(row.tolist(), size) for row in seen])
        scores = np.array(process_logits(mx.array(logits), options, masks))
        # Which of several equal scores top-p drops is unspecified (the library sorts them in any order); how many, not.
        np.testing.assert_allclose(np.sort(scores), np.sort(expected), rtol=1e-6)
        if options.top_p == 1 or kind in ("smooth", "peaked"):
            np.testing.assert_allclose(scores, expected, rtol=1e-6)
