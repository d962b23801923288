"""Losses, spectra, convolutions and quantisers of codec training, against independent computations."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from mlx.utils import tree_flatten

from gpa_mlx.audio.dsp.mel import linear_mel as numpy_linear_mel
from gpa_mlx.nn.bicodec.config import QuantizerArgs
from gpa_mlx.nn.bicodec.fsq import FiniteScalarQuantizer
from gpa_mlx.nn.bicodec.quantizer import FactorizedQuantizer
from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.train.audio_tokenizers.flat_parameters import FlatLayout
from gpa_mlx.train.audio_tokenizers.labelled_audio import IGNORED, AudioBatch, fit_labels, label_sequences, same_voice
from gpa_mlx.train.audio_tokenizers.losses import cross_entropy, ctc_loss, masked_l1
from gpa_mlx.train.audio_tokenizers.quantizers import (
    CodebookEMA,
    CodebookSettings,
    Quantized,
    quantize_glm,
    quantize_scalar,
    quantize_semantic,
)
from gpa_mlx.train.audio_tokenizers.spectral_losses import SpectrumArgs, linear_mel, magnitudes, stft_loss


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def log_softmax(x):
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def collapse(path):
    return [label for label, _ in itertools.groupby(path) if label != 0]


def brute_force_ctc(log_probs, target):
    """-log of the summed probability of every path that collapses to the target."""
    frames, classes = log_probs.shape
    paths = [p for p in itertools.product(range(classes), repeat=frames) if collapse(p) == list(target)]
    return -np.log(sum(np.exp(sum(log_probs[t, k] for t, k in enumerate(path))) for path in paths))


@pytest.mark.parametrize("target", [[], [1], [1, 2], [1, 1], [2, 2, 1]])
def test_ctc_equals_the_sum_over_all_paths(rng, target):
    log_probs = log_softmax(rng.normal(size=(5, 3))).astype(np.float32)
    loss = ctc_loss(mx.array(log_probs[None]), mx.array([5]), np.array([target], dtype=np.int32).reshape(1, -1))
    assert loss.item() == pytest.approx(brute_force_ctc(log_probs, target) / max(1, len(target)), rel=1e-5)


def test_ctc_and_its_gradient_equal_torch(rng):
    torch = pytest.importorskip("torch")
    logits = rng.normal(size=(3, 12, 6)).astype(np.float32)
    targets = np.array([[1, 2, 2, 5], [3, 4, IGNORED, IGNORED], [1, 5, 3, IGNORED]])
    frames, lengths = [12, 7, 9], [4, 2, 3]

    def ours(x):
        return ctc_loss(x - mx.logsumexp(x, axis=-1, keepdims=True), mx.array(frames), targets)

    value, gradient = mx.value_and_grad(ours)(mx.array(logits))
    theirs = torch.tensor(logits, requires_grad=True)
    log_probs = theirs.log_softmax(-1).transpose(0, 1)
    loss = torch.nn.functional.ctc_loss(log_probs, torch.tensor(targets).clamp(min=0), frames, lengths)
    loss.backward()
    assert value.item() == pytest.approx(loss.item(), rel=1e-5)
    np.testing.assert_allclose(np.array(gradient), theirs.grad.numpy(), atol=1e-6)


def test_ctc_of_a_target_that_does_not_fit_is_zero_with_zero_gradient(rng):
    log_probs = mx.array(log_softmax(rng.normal(size=(1, 3, 3))).astype(np.float32))
    value, gradient = mx.value_and_grad(lambda x: ctc_loss(x, mx.array([3]), np.array([[1, 1, 2, 2]])))(log_probs)
    assert value.item() == 0
    assert not np.array(gradient).any()


def test_cross_entropy_counts_labelled_frames_only(rng):
    logits = rng.normal(size=(1, 3, 4)).astype(np.float32)
    loss = cross_entropy(mx.array(logits), mx.array([[2, IGNORED, 0]]))
    expected = -(log_softmax(logits)[0, 0, 2] + log_softmax(logits)[0, 2, 0]) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert cross_entropy(mx.array(logits), mx.full((1, 3), IGNORED)).item() == 0


def test_masked_distance_ignores_padding():
    predicted, target = mx.zeros((1, 3, 2)), mx.array([[[1.0, 3.0], [2.0, 2.0], [100.0, 100.0]]])
    assert masked_l1(predicted, target, mx.array([[True, True, False]])).item() == 2


def test_label_sequences_collapse_frames():
    labels = np.array([[0, 1, 1, 0, 1, 2, 2, IGNORED], [0, 0, 0, 3, 3, 3, 3, 3]])
    assert label_sequences(labels).tolist() == [[1, 1, 2], [3, IGNORED, IGNORED]]
    assert fit_labels(labels[:, :3], 4).tolist() == [[0, 1, 1, IGNORED], [0, 0, 0, IGNORED]]


def test_padding_has_no_label():
    labels = np.array([[0, 1, 1], [2, 2, 0]])
    batch = AudioBatch(np.zeros((2, 960), dtype=np.float32), np.array([0, 1]), labels, np.array([960, 330]))
    assert batch.masked_labels.tolist() == [[0, 1, 1], [2, 2, IGNORED]]


def test_flat_parameters_are_the_trainable_ones_and_come_back_in_shape():
    network = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2), nn.Linear(2, 2))
    network.layers[2].freeze()
    layout, parameters = FlatLayout(network), network.trainable_parameters()
    flat = layout.flatten(parameters)
    assert {name: array.shape for name, array in flat.items()} == {"matrices": (1, 6), "vectors": (6,)}
    back = dict(tree_flatten(layout.unflatten(flat)))
    assert {name: array.tolist() for name, array in tree_flatten(parameters)} == {
        name: array.tolist() for name, array in back.items()
    }


def test_partners_share_the_voice_and_are_others_where_possible(rng):
    voices = np.array([0, 1, 0, 2, 0])
    partners = same_voice(voices, rng)
    assert (voices[partners] == voices).all()
    assert [index != partner for index, partner in enumerate(partners)] == [True, False, True, False, True]


def test_mel_equals_the_one_of_the_speaker_encoder(rng):
    samples = rng.normal(size=3200).astype(np.float32)
    mel = {"n_fft": 1024, "win_length": 640, "hop_length": 320}
    bands = {"f_min_hz": 10, "f_max_hz": None, "n_mels": 80}
    expected = numpy_linear_mel(samples, rate_hz=16000, **mel, **bands)
    # Frame t of the one is centred on sample 320 t, of the other on 320 t + 160.
    ours = linear_mel(magnitudes(mx.array(samples[None, 160:-160]), SpectrumArgs(**mel)), rate_hz=16000, **bands)
    np.testing.assert_allclose(np.array(ours[0, 2:-2]), expected[3:-3], rtol=1e-3)


@pytest.mark.parametrize(("n_fft", "hop"), [(256, 64), (1024, 320)])
def test_the_gradient_of_a_spectrum_equals_that_of_a_plain_fourier_transform(rng, n_fft, hop):
    samples = rng.normal(size=(2, 2100)).astype(np.float32)
    count, before = 2100 // hop, (n_fft - hop) // 2
    weights = mx.array(rng.normal(size=(2, count, n_fft // 2 + 1)).astype(np.float32))
    angles = 2 * np.pi * np.outer(np.arange(n_fft), np.arange(n_fft // 2 + 1)) / n_fft
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft)[:, None] / n_fft)
    cosines, sines = (mx.array((window * f(angles)).astype(np.float32)) for f in (np.cos, np.sin))
    places = mx.array(hop * np.arange(count)[:, None] + np.arange(n_fft))

    def ours(x):
        return (magnitudes(x, SpectrumArgs(n_fft, n_fft, hop)) * weights).sum()

    def plain(x):
        frames = mx.pad(x, [(0, 0), (before, n_fft)])[:, places]
        return (mx.sqrt((frames @ cosines) ** 2 + (frames @ sines) ** 2) * weights).sum()

    (value, gradient), (expected, slopes) = (mx.value_and_grad(f)(mx.array(samples)) for f in (ours, plain))
    assert value.item() == pytest.approx(expected.item(), rel=1e-3, abs=1e-2)
    np.testing.assert_allclose(np.array(gradient), np.array(slopes), atol=1e-2)


def test_stft_loss_is_near_zero_for_equal_waves_only(rng):
    wave = mx.array(rng.normal(size=(1, 4096)).astype(np.float32))
    assert stft_loss(wave, wave).item() < 1e-3
    assert stft_loss(0.5 * wave, wave).item() > 0.5
    gradient = mx.grad(stft_loss)(mx.zeros((1, 4096)), wave)
    assert bool(mx.isfinite(gradient).all())


def test_scalar_quantisation_has_the_codec_s_values_and_the_gradient_of_the_bound(rng):
    levels = (4, 4, 5)
    fsq = FiniteScalarQuantizer(6, levels)
    x = mx.array(rng.normal(size=(2, 7, 6)).astype(np.float32))
    np.testing.assert_allclose(
        np.array(quantize_scalar(fsq, x, levels)), np.array(fsq.decode(fsq.encode(x))), atol=1e-5
    )
    half = mx.array([2, 2, 2])
    soft = mx.grad(lambda x: fsq.project_out(fsq.bound(x) / half).sum())(x)
    hard = mx.grad(lambda x: quantize_scalar(fsq, x, levels).sum())(x)
    np.testing.assert_allclose(np.array(hard), np.array(soft), atol=1e-6)


def test_vector_quantisation_has_the_codec_s_values_and_passes_gradients_through(rng):
    quantizer = FactorizedQuantizer(QuantizerArgs(input_dim=6, codebook_size=16, codebook_dim=3))
    z, valid = mx.array(rng.normal(size=(2, 5, 6)).astype(np.float32)), mx.ones((2, 5), dtype=mx.bool_)
    quantized = quantize_semantic(quantizer, z, valid, bypass=False)
    assert quantized.codes.tolist() == quantizer.encode(z).tolist()
    np.testing.assert_allclose(np.array(quantized.latents), np.array(quantizer.decode(quantizer.encode(z))), atol=1e-5)

    def through(bypass):
        return mx.grad(lambda z: quantize_semantic(quantizer, z, valid, bypass=bypass).latents.sum())(z)

    np.testing.assert_allclose(np.array(through(False)), np.array(through(True)), atol=1e-6)
    assert quantize_semantic(quantizer, z, valid, bypass=True).commitment.item() == 0


def test_glm_quantisation_finds_the_nearest_row_and_commits_to_it(rng):
    codebook = nn.Embedding(8, 4)
    hidden = rng.normal(size=(1, 6, 4)).astype(np.float32)
    valid = np.array([[True] * 4 + [False] * 2])
    quantized = quantize_glm(codebook, mx.array(hidden), mx.array(valid), bypass=False)
    distances = ((hidden[0, :, None] - np.array(codebook.weight)) ** 2).sum(axis=-1)
    assert quantized.codes[0].tolist() == distances.argmin(axis=1).tolist()
    assert quantized.commitment.item() == pytest.approx(distances.min(axis=1)[:4].mean() / 4, rel=1e-4)


def clusters(rng, count=400):
    centres = np.eye(4, dtype=np.float32) * 5
    return (centres[rng.integers(0, 4, count)] + 0.1 * rng.normal(size=(count, 4))).astype(np.float32)


def test_a_codebook_starts_from_data_revives_dead_codes_and_finds_the_clusters(rng):
    settings = CodebookSettings(bypass_steps=2, decay=0.8, reseed_steps=5)
    trainer, codebook = CodebookEMA(settings, 8, 4), nn.Embedding(8, 4)
    codebook.weight = mx.full((8, 4), 100.0)
    assert trainer.bypassed(1)
    assert not trainer.bypassed(2)
    for step in range(40):
        vectors = mx.array(clusters(rng)[None])
        quantized = quantize_glm(codebook, vectors, mx.ones((1, 400), dtype=mx.bool_), bypass=trainer.bypassed(step))
        codebook.weight = trainer.next_codebook(codebook.weight, quantized, step, rng)
        if step == 0:
            assert codebook.weight.min().item() == 100
        if step == 10:
            # Half of the codes are thrown far away: nothing chooses them any more.
            far = mx.where(mx.arange(8)[:, None] < 4, 100.0, codebook.weight)
            codebook.weight, trainer.sums = far, far * trainer.counts[:, None]
    data = clusters(rng)
    nearest = np.sqrt(((data[:, None] - np.array(codebook.weight)) ** 2).sum(axis=-1)).min(axis=1)
    assert nearest.max() < 1
    assert np.array(codebook.weight).max() < 10
    assert trainer.perplexity().item() > 4


def test_a_codebook_is_the_mean_of_what_chose_it():
    trainer = CodebookEMA(CodebookSettings(bypass_steps=1, decay=0.5, reseed_steps=100), 2, 1)
    codebook = mx.array([[0.0], [10.0]])
    trainer.counts, trainer.sums = mx.array([2.0, 2.0]), mx.array([[0.0], [20.0]])
    vectors, codes = mx.array([[[1.0], [3.0], [9.0], [50.0]]]), mx.array([[0, 0, 1, 1]])
    quantized = Quantized(vectors, vectors, codes, mx.array([[True, True, True, False]]), mx.array(0.0))
    moved = trainer.next_codebook(codebook, quantized, 5, np.random.default_rng(0))
    assert moved[:, 0].tolist() == pytest.approx([(0.5 * 0 + 0.5 * 4) / 2, (0.5 * 20 + 0.5 * 9) / 1.5])
