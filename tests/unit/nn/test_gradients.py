"""Every network can be trained: finite gradients for every parameter that reaches the output."""

from __future__ import annotations

import numpy as np
import pytest
from mlx.utils import tree_flatten

from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.runtime.backend import mx, nn


@pytest.fixture(scope="module")
def parts(converted_small_a):
    return GPAModel(converted_small_a)


def normal(*shape):
    return mx.array(np.random.default_rng(0).normal(size=shape).astype(np.float32))


def assert_trainable(network, loss, *, untouched=()):
    value, gradients = nn.value_and_grad(network, loss)(network)
    assert np.isfinite(value.item())
    for name, gradient in tree_flatten(gradients):
        assert bool(mx.isfinite(gradient).all()), name
        if not name.startswith(untouched):
            assert float(mx.abs(gradient).max()) > 0, name


def test_the_decoder(parts):
    ids = mx.array(np.random.default_rng(0).integers(0, parts.lm_args.vocab_size, (2, 9)))
    assert_trainable(parts.language_model, lambda m: nn.losses.cross_entropy(m(ids[:, :-1]), ids[:, 1:]).mean())


def test_the_glm_tokenizer_up_to_its_quantiser(parts):
    mel, valid = normal(1, 24, parts.glm_args.num_mel_bins), mx.ones((1, 24), dtype=mx.bool_)
    assert_trainable(parts.glm._network, lambda m: (m.hidden(mel, valid) ** 2).mean(), untouched=("codebook",))


def test_wav2vec2(parts):
    samples = normal(1, 1600)
    # The bias of a key adds the same to all scores of a query, which a softmax does not feel.
    untouched = tuple(f"layers.{i}.self_attn.k_proj.bias" for i in range(16))
    assert_trainable(parts.semantic._features, lambda m: (m(samples) ** 2).mean(), untouched=untouched)


def test_the_wave_decoder(parts):
    codes, voice = mx.array([[1, 2, 3, 4]]), mx.array([list(range(32))])
    network = parts.vocoder._network
    assert_trainable(
        network, lambda m: (m(codes, voice) ** 2).mean(), untouched=("quantizer.in_project", "fsq.project_in")
    )
