"""Codes of audio that grows are those of the whole, and finished blocks are not computed again."""

from __future__ import annotations

import numpy as np
import pytest

from gpa_mlx.nn.whisper_vq import WhisperVQ, WhisperVQArgs
from gpa_mlx.runtime.backend import mx
from gpa_mlx.tokenizers.glm import GLMTokenizer, LogMelArgs

FEATURES = LogMelArgs(n_mels=16, n_fft=400, hop_samples=160, max_samples=480_000)


def tokenizer_of(block_size, **change):
    args = WhisperVQArgs(
        **{
            "d_model": 32,
            "num_heads": 2,
            "ffn_dim": 48,
            "num_layers": 3,
            "num_mel_bins": 16,
            "max_source_positions": 1500,
            "causal_convolution": True,
            "block_size": block_size,
            "pooling_kernel_size": 4,
            "pooling_position": 3,
            "pooling_type": "avg",
            "codebook_size": 256,
        }
        | change
    )
    mx.random.seed(7)
    network = WhisperVQ(args)
    # Entries that lie where the states do, so that all of them are used.
    states = network.hidden(mx.random.normal((1, 2048, 16)), mx.ones((1, 2048), dtype=mx.bool_))[0]
    network.codebook.weight = states[mx.random.permutation(states.shape[0])[:256]]
    return GLMTokenizer(network, args, FEATURES)


@pytest.fixture
def embedded(monkeypatch):
    """From which positions on clips have been put into networks, in order."""
    starts, embed = [], WhisperVQ.embed

    def spy(self, log_mel, start=0):
        starts.append(start)
        return embed(self, log_mel, start)

    monkeypatch.setattr(WhisperVQ, "embed", spy)
    return starts


def growing_sound(seconds, seed):
    generator = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * 16_000)) / 16_000
    sound = generator.standard_normal(len(time_s)) * np.sin(2 * np.pi * 1.3 * time_s) ** 2
    return (0.1 * sound).astype(np.float32)


def lengths(total, seed):
    generator = np.random.default_rng(seed)
    stops = np.cumsum(generator.integers(300, 30_000, 60))
    return [*stops[stops < total].tolist(), total]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("block_size", "change", "reuses"),
    [
        (200, {}, True),
        (52, {}, True),
        (4, {}, True),
        (52, {"causal_convolution": False}, True),
        (52, {"pooling_type": "max"}, True),
        (52, {"pooling_position": 2}, True),
        (52, {"pooling_position": 1, "causal_convolution": False}, True),
        (50, {}, False),  # a code would lie across two blocks
        (None, {}, False),
    ],
)
def test_codes_of_every_length_are_those_of_the_whole(block_size, change, reuses, seed):
    tokenizer = tokenizer_of(block_size, **change)
    sound = growing_sound(6.3, seed)
    growing, taken_over = tokenizer.growing(), []
    for stop in lengths(len(sound), seed):
        taken_over.append(growing.finished_codes)
        expected = tokenizer.encode(sound[:stop])
        assert growing.encode(sound[:stop]).tolist() == expected.tolist()
        assert len(set(expected.tolist())) > 1 or len(expected) < 4
    assert (max(taken_over) > 0) == reuses


@pytest.mark.slow
@pytest.mark.parametrize("causal", [True, False])
def test_block_borders_to_the_sample(causal, embedded):
    """Around the sample from which a block counts as finished nothing jumps, and no block is finished too early."""
    tokenizer = tokenizer_of(8, causal_convolution=causal)
    sound = growing_sound(1.0, 3)
    growing, finished = tokenizer.growing(), []
    for stop in range(2 * 2560 - 300, 2 * 2560 + 500, 20):
        codes = growing.encode(sound[:stop]).tolist()
        finished.append(growing.finished_codes)
        # What was finished has been taken over ever since.
        assert embedded[-1] == (4 * finished[-2] if len(finished) > 1 else 0)
        assert codes == tokenizer.encode(sound[:stop]).tolist()
    assert set(finished) == {2, 4}


@pytest.mark.slow
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("frames", [15, 16, 17, 31, 32, 33, 47, 48, 49])
def test_the_future_does_not_change_finished_blocks(frames, causal):
    network = tokenizer_of(8, causal_convolution=causal)._network
    past = mx.random.normal((1, frames, 16))
    first, second = (
        network.extend(
            mx.concatenate([past, 10 * mx.random.normal((1, 64 - frames, 16))], axis=1),
            mx.ones((1, 64), dtype=mx.bool_),
            None,
            certain_frames=frames,
        )[1]
        for _ in range(2)
    )
    if first is None:
        assert second is None
        assert frames <= 16
        return
    assert first.positions == second.positions >= 8 * ((frames - 1) // 16)
    for one, other in zip(first.arrays(), second.arrays(), strict=True):
        np.testing.assert_allclose(np.array(one), np.array(other), rtol=1e-4, atol=1e-5)


def test_finished_blocks_are_not_computed_again(embedded):
    tokenizer = tokenizer_of(52)
    sound = growing_sound(6, 0)
    growing = tokenizer.growing()
    growing.encode(sound[: 5 * 16_000])
    growing.encode(sound)
    assert embedded[-1] == 4 * 52


def test_a_louder_moment_lifts_the_floor_of_what_is_finished():
    tokenizer = tokenizer_of(52)
    generator = np.random.default_rng(0)
    quiet = np.concatenate([1e-6 * generator.standard_normal(16_000), growing_sound(2, 1)])
    sound = np.concatenate([quiet, 30 * growing_sound(1, 2)]).astype(np.float32)
    growing = tokenizer.growing()
    before = growing.encode(sound[: len(quiet)])
    after = growing.encode(sound)
    assert after.tolist() == tokenizer.encode(sound).tolist()
    assert after[:12].tolist() != before[:12].tolist()


def test_a_stretch_that_begins_elsewhere_is_another():
    tokenizer = tokenizer_of(52)
    sound = growing_sound(6, 0)
    growing = tokenizer.growing()
    growing.encode(sound)
    assert growing.finished_codes
    for other in (sound[500:], sound[:2000], sound):
        assert growing.encode(other).tolist() == tokenizer.encode(other).tolist()
