"""Decoding in pieces: the same sound for every way of cutting, with bounded work and memory."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.codec.decoder import Vocoder
from gpa_mlx.codec.speech import FIRST_CHUNK_CODES, MAX_CHUNK_CODES, SpeechChunker
from gpa_mlx.errors import GPAError
from gpa_mlx.nn.bicodec.config import BiCodecArgs
from gpa_mlx.nn.bicodec.reach import Span, evaluate
from gpa_mlx.nn.bicodec.vocos import ConvNeXtBlock
from gpa_mlx.nn.bicodec.wave_decoder import UpsamplingBlock, WaveDecoder
from gpa_mlx.runtime.backend import mx
from tests.bench.streaming_error import streaming_error_db
from tests.support.examples import examples

pytestmark = pytest.mark.slow  # not part of `make fast`

TOLERANCE = 1e-5
VOICE = list(range(9))
SHAPES = {
    "published": {"rates": [8, 5, 4, 2], "kernel_sizes": [16, 11, 8, 4], "sample_ratios": [1, 1]},
    "upsampling prenet": {"rates": [3, 2], "kernel_sizes": [9, 2], "sample_ratios": [3, 2]},
    "odd ratio": {"rates": [1, 4], "kernel_sizes": [5, 10], "sample_ratios": [5]},
    "shortest kernels": {"rates": [2], "kernel_sizes": [2], "sample_ratios": [2, 1], "layers": 1},
    "longest kernels": {"rates": [2, 2], "kernel_sizes": [40, 64], "sample_ratios": [1], "layers": 4},
}


def random_shape(seed):
    """Return sizes that nobody chose."""
    rng = np.random.default_rng(seed)
    rates = rng.integers(1, 6, rng.integers(1, 4))
    return {
        "rates": rates.tolist(),
        "kernel_sizes": (rates + 2 * rng.integers(0, 6, len(rates))).tolist(),
        "sample_ratios": rng.integers(1, 4, rng.integers(1, 3)).tolist(),
        "layers": int(rng.integers(1, 4)),
        "condition_dim": None if seed % 2 else 12,
        "tanh": bool(seed % 2),
    }


SHAPES |= {f"random {seed}": random_shape(seed) for seed in range(4)}


def small_args(small_a, *, rates, kernel_sizes, sample_ratios, layers=2, condition_dim=12, tanh=False):
    config = copy.deepcopy(yaml.safe_load((small_a / "BiCodec" / "config.yaml").read_text(encoding="utf-8")))
    config["latent_hop_length"] = math.prod(rates)
    sections = config["audio_tokenizer"]
    sections["encoder"]["out_channels"] = sections["quantizer"]["input_dim"] = 10
    sections["speaker_encoder"] |= {"out_dim": 12, "token_num": len(VOICE)}
    sections["prenet"] |= {"input_channels": 10, "vocos_dim": 8, "vocos_intermediate_dim": 16, "out_channels": 12}
    sections["prenet"] |= {"vocos_num_layers": layers, "sample_ratios": sample_ratios, "use_tanh_at_final": tanh}
    sections["prenet"]["condition_dim"] = condition_dim
    sections["decoder"] |= {"input_channel": 12, "channels": 16, "rates": rates, "kernel_sizes": kernel_sizes}
    return BiCodecArgs.from_dict(config, "config.yaml")


@pytest.fixture(scope="module", params=SHAPES)
def codec(request, small_a):
    """A vocoder of random weights, its network and its sizes."""
    args = small_args(small_a, **SHAPES[request.param])
    mx.random.seed(0)
    network = WaveDecoder(args)
    return Vocoder(network, args), network, args


@pytest.fixture(scope="module")
def small(small_a):
    """One of them, where the shape does not matter."""
    args = small_args(small_a, **SHAPES["published"])
    mx.random.seed(0)
    return Vocoder(WaveDecoder(args), args)


@pytest.fixture(scope="module")
def trained_like(converted_small_a):
    """The golden model's vocoder."""
    from gpa_mlx.model.families.gpa.family import GPAModel

    return GPAModel(converted_small_a).vocoder


def some_codes(count):
    return np.random.default_rng(count).integers(0, 512, count).tolist()


def cut(codes, sizes):
    """Cut into pieces of the given sizes, the last of which is what is left."""
    stops = np.minimum(np.cumsum([0, *sizes]), len(codes))
    return [codes[a:b] for a, b in zip(stops, [*stops[1:], len(codes)], strict=True)]


def streamed(decoder, pieces):
    return np.concatenate([*map(decoder.step, pieces), decoder.flush()])


# -- exact ------------------------------------------------------------------------------------------------------------


@examples(7)
@given(st.lists(st.one_of(st.integers(0, 3), st.integers(0, 80)), max_size=12), st.integers(0, 40))
def test_every_cut_gives_what_decoding_at_once_gives(codec, sizes, rest):
    vocoder, _, args = codec
    codes = some_codes(max(sum(sizes) + rest, 1))
    wave = streamed(vocoder.stream(VOICE), cut(codes, sizes))
    expected = vocoder.decode(codes, VOICE)
    assert wave.dtype == np.float32
    assert wave.shape == expected.shape == (len(codes) * args.samples_per_code,)
    assert np.abs(wave - expected).max() <= TOLERANCE


def test_code_by_code(codec):
    vocoder, _, _ = codec
    decoder = vocoder.stream(VOICE)
    codes = some_codes(decoder.right_context + 30)
    expected = vocoder.decode(codes, VOICE)
    assert expected.std() > 1e-3
    assert np.abs(streamed(decoder, [[code] for code in codes]) - expected).max() <= TOLERANCE


@pytest.mark.parametrize("size", [1, 7, 50])
def test_the_golden_model(trained_like, golden, size):
    recorded = golden("streaming")
    codes, voice = recorded["semantic_tokens"].tolist(), recorded["global_tokens"].tolist()
    wave = streamed(trained_like.stream(voice), cut(codes, [size] * (len(codes) // size)))
    assert np.abs(wave - trained_like.decode(codes, voice)).max() <= TOLERANCE


def test_a_code_sounds_as_soon_as_its_context_is_known(codec):
    vocoder, _, args = codec
    decoder = vocoder.stream(VOICE)
    done = 0
    for count, code in enumerate(some_codes(decoder.right_context + 8), start=1):
        done += len(decoder.step([code]))
        assert done == max(count - decoder.right_context, 0) * args.samples_per_code


def reached_from(run, shape, position):
    """Return which outputs depend on one input: a NaN reaches them all, however weak the link, and no other."""
    x = np.random.default_rng(0).normal(size=(1, *shape)).astype(np.float32)
    x[0, position] = np.nan
    y = np.array(run(mx.array(x)))[0]
    return np.flatnonzero(np.isnan(y.reshape(len(y), -1)).any(axis=1)).tolist()


def test_the_stated_context_is_what_the_network_reaches(codec):
    vocoder, network, args = codec
    decoder = vocoder.stream(VOICE)
    before, after, samples = decoder.left_context, decoder.right_context, args.samples_per_code
    length, poisoned = 2 * (before + after) + 3, before + after + 1
    stages = network.local_stages(network.speaker_vector(mx.array([VOICE])))[1:]
    wanted = Span(0, length * samples)
    reached = reached_from(
        lambda latents: evaluate(stages, latents, 0, wanted), (length, args.quantizer.input_dim), poisoned
    )
    assert sorted({sample // samples for sample in reached}) == [*range(poisoned - after, poisoned + before + 1)]


def test_every_stage_knows_what_each_of_its_outputs_needs(codec):
    _, network, args = codec
    width = args.quantizer.input_dim
    for stage in network.local_stages(network.speaker_vector(mx.array([VOICE])))[1:]:
        reach = stage.input_span(Span(0, stage.rate))
        length, poisoned = 2 * (reach.stop - reach.start) + 1, reach.stop - reach.start
        needs = [stage.input_span(Span(output, output + 1)) for output in range(length * stage.rate)]
        dependent = [output for output, span in enumerate(needs) if span.start <= poisoned < span.stop]
        assert reached_from(stage.run, (length, width), poisoned) == dependent
        width = stage.run(mx.zeros((1, 1, width))).shape[-1]


def test_the_stages_are_the_network(codec):
    vocoder, network, args = codec
    codes = some_codes(20)
    stages = network.local_stages(network.speaker_vector(mx.array([VOICE])))
    wave = evaluate(stages, mx.array([codes]), 0, Span(0, 20 * args.samples_per_code))
    assert np.abs(np.array(wave[0]) - vocoder.decode(codes, VOICE)).max() <= TOLERANCE


# -- cost -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def positions(monkeypatch):
    """Positions given to the prenet's blocks and to the generator's blocks so far."""
    counts = {ConvNeXtBlock: 0, UpsamplingBlock: 0}

    def counting(kind, original):
        def call(self, x, *args, **named):
            counts[kind] += x.shape[1]
            return original(self, x, *args, **named)

        return call

    for kind in counts:
        monkeypatch.setattr(kind, "__call__", counting(kind, kind.__call__))
    return counts


@pytest.mark.parametrize("size", [1, 10])
def test_the_work_of_a_step_does_not_grow(small, positions, size):
    decoder = small.stream(VOICE)
    work, kept = [], []
    for piece in cut(some_codes(40 * size + 200), [size] * 40)[:40]:
        if not work:
            decoder.step(some_codes(200))
        before = dict(positions)
        decoder.step(piece)
        work.append({kind: positions[kind] - before[kind] for kind in positions})
        kept.append(len(decoder._codes))
    assert all(step == work[0] for step in work)
    assert max(kept) <= decoder.left_context + decoder.right_context


def test_the_generator_computes_little_twice(small, positions):
    codes = some_codes(400)
    small.decode(codes, VOICE)
    once = dict(positions)
    streamed(small.stream(VOICE), cut(codes, [40] * 10))
    twice = {kind: positions[kind] - once[kind] for kind in positions}
    assert once[UpsamplingBlock] < twice[UpsamplingBlock] <= 1.15 * once[UpsamplingBlock]
    assert twice[ConvNeXtBlock] <= 3.5 * once[ConvNeXtBlock]


# -- the ends of an utterance -----------------------------------------------------------------------------------------


def test_nothing_in_gives_nothing_out(small):
    decoder = small.stream(VOICE)
    for wave in (decoder.step([]), decoder.flush(), decoder.flush()):
        assert (wave.shape, wave.dtype) == ((0,), np.float32)


def test_after_a_flush_a_new_utterance_begins(small):
    decoder = small.stream(VOICE)
    for codes in (some_codes(70), some_codes(1), some_codes(3)):
        wave = streamed(decoder, cut(codes, [60, 5]))
        assert np.abs(wave - small.decode(codes, VOICE)).max() <= TOLERANCE


@pytest.mark.parametrize(
    ("voice", "what"), [(VOICE[:-1], "8 global tokens were given"), ([*VOICE[:-1], 256], "global token 256")]
)
def test_a_voice_of_another_model_is_refused(small, voice, what):
    with pytest.raises(GPAError, match=what):
        small.stream(voice)


def test_a_negative_lookahead_is_refused(small):
    with pytest.raises(GPAError, match="lookahead of -1"):
        small.stream(VOICE, lookahead=-1)


@pytest.mark.parametrize("bad", [-1, 512])
def test_an_unknown_code_is_refused_and_changes_nothing(small, bad):
    decoder = small.stream(VOICE)
    codes = some_codes(60)
    first = decoder.step(codes[:50])
    with pytest.raises(GPAError, match=f"semantic code {bad} does not exist"):
        decoder.step([1, bad])
    wave = np.concatenate([first, decoder.step(codes[50:]), decoder.flush()])
    assert np.abs(wave - small.decode(codes, VOICE)).max() <= TOLERANCE


# -- low latency ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lookahead", [0, 3])
def test_less_lookahead_sounds_earlier(small, lookahead):
    decoder = small.stream(VOICE, lookahead=lookahead)
    waves = [decoder.step([code]) for code in some_codes(10)]
    assert [len(wave) // 320 for wave in waves] == [0] * lookahead + [1] * (10 - lookahead)
    assert len(decoder.flush()) == lookahead * 320


def test_the_error_is_what_is_documented(trained_like, golden):
    recorded = golden("bicodec_encode")
    codes, voice = recorded["slt|semantic_tokens"].tolist(), recorded["slt|global_tokens"].tolist()
    for lookahead, documented_db in ((4, -4), (8, -8), (16, -26), (24, -62)):
        assert streaming_error_db(trained_like, codes, voice, lookahead) == pytest.approx(documented_db, abs=1.5)
    exact = trained_like.stream(voice).right_context
    assert streaming_error_db(trained_like, codes, voice, exact) < -100
    assert trained_like.stream(voice, lookahead=exact + 100).lookahead == exact


# -- chunks -----------------------------------------------------------------------------------------------------------


def pushed(vocoder, codes, **options):
    chunker = SpeechChunker(vocoder.stream(VOICE), **options)
    return [chunker.push(code) for code in codes], chunker.finish()


def test_the_first_chunk_is_short_and_the_later_ones_grow(small):
    waves, last = pushed(small, some_codes(450))
    sizes = [len(wave) // 320 for wave in waves]
    ready = small.stream(VOICE).right_context + FIRST_CHUNK_CODES
    assert np.flatnonzero(sizes)[0] == ready - 1
    chunks = [size for size in sizes if size]
    assert chunks == [10, 15, 22, 33, 49, 73, 100, 100]
    assert max(chunks) == MAX_CHUNK_CODES
    assert sum(chunks) * 320 + len(last) == 450 * 320


@pytest.mark.parametrize("count", [1, 5, 60, 130])
def test_chunks_are_the_wave_less_its_mean(small, count):
    codes = some_codes(count)
    wave = small.decode(codes, VOICE)
    waves, last = pushed(small, codes, as_reference=True)
    assert not any(len(wave) for wave in waves)
    assert np.abs(last - (wave - wave.mean())).max() <= TOLERANCE
    waves, last = pushed(small, codes)
    chunks = np.concatenate([*waves, last])
    count = np.arange(1, len(wave) + 1)
    means = np.cumsum(wave, dtype=np.float64) / count
    means[:3200] = means[:3200][-1]
    assert np.abs(chunks - (wave - means)).max() <= TOLERANCE
