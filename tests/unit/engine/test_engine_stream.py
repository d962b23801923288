"""Speech as a stream: its chunks, its contract, and the rule that removes the mean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpa_mlx
from gpa_mlx.audio.dsp.loudness import DCOffsetRemover, remove_dc
from gpa_mlx.audio.dsp.noise_gate import NoiseGate
from gpa_mlx.errors import GPAError
from gpa_mlx.lm.generate import Token
from gpa_mlx.lm.pool import DecodingPool
from gpa_mlx.types import GenerationOptions

LONG = GenerationOptions(temperature=1.0, seed=3, max_tokens=130)


@pytest.fixture(scope="module")
def gpa(converted_small_a):
    with gpa_mlx.load(converted_small_a) as model:
        yield model


@pytest.fixture(scope="module")
def voice(gpa, golden_audio):
    return gpa.make_voice(golden_audio("rms"), name="rms")


@pytest.fixture
def script(monkeypatch, gpa):
    """Let the language model say given codes, and then stop; returns what was asked of it so far."""

    def install(count, *, stop=True):
        layout, asked = gpa._parts.layout, []
        codes = np.random.default_rng(5).integers(0, 512, count).tolist()

        def begin(pool, request, head):
            try:
                for code in codes:
                    asked.append(code)
                    yield Token(layout.semantic.id_of(code), -0.1)
                if stop:
                    yield Token(layout.im_end, -0.1)
            finally:
                asked.append("closed")

        monkeypatch.setattr(DecodingPool, "begin", begin)
        return codes, asked

    return install


def assert_one_end(chunks):
    for chunk in chunks[:-1]:
        assert (chunk.finish_reason, chunk.timings, chunk.seed) == (None, None, None)
        assert len(chunk.audio) > 0
    assert chunks[-1].finish_reason is not None
    assert chunks[-1].timings is not None


@pytest.mark.slow
@pytest.mark.parametrize("task", ["speak", "convert_voice"])
def test_the_speech_is_its_stream(gpa, voice, golden_audio, task):
    given_input = "Hello there." if task == "speak" else golden_audio("slt")
    chunks = list(getattr(gpa, f"stream_{task}")(given_input, voice=voice, options=LONG))
    speech = getattr(gpa, task)(given_input, voice=voice, options=LONG)
    assert_one_end(chunks)
    np.testing.assert_array_equal(np.concatenate([chunk.audio for chunk in chunks]), speech.audio)
    np.testing.assert_array_equal(np.concatenate([chunk.codes for chunk in chunks]), speech.codes)
    assert chunks[-1].seed == speech.seed == 3


def test_chunks_come_while_codes_are_generated(gpa, voice, script):
    codes, asked = script(300)
    exact = gpa._parts.vocoder.stream(voice.global_tokens).right_context
    chunks, when = [], []
    for chunk in gpa.stream_speak("Hello.", voice=voice, options=LONG):
        chunks.append(chunk)
        when.append(len(asked))
    assert [len(chunk.codes) for chunk in chunks] == [10, 15, 22, 33, 49, 73, 98]
    assert when == [exact + total for total in (10, 25, 47, 80, 129, 202)] + [301]
    for chunk in chunks:
        assert len(chunk.audio) == 320 * len(chunk.codes)
        assert (chunk.audio.dtype, chunk.codes.dtype) == (np.float32, np.int32)
    np.testing.assert_array_equal(np.concatenate([chunk.codes for chunk in chunks]), codes)
    assert_one_end(chunks)
    timings = chunks[-1].timings
    assert timings.audio_s == pytest.approx(6.0)
    assert 0 < timings.first_output_s < timings.processing_s + 1
    assert chunks[-1].finish_reason == "stop"


def test_the_audio_is_the_decoded_wave_less_its_running_mean_with_silent_pauses(gpa, voice, script):
    codes, _ = script(150)
    speech = gpa.speak("Hello.", voice=voice, options=LONG)
    mean = DCOffsetRemover()
    expected = np.concatenate([mean.step(gpa.detokenize(codes, voice.global_tokens)), mean.flush()])
    assert np.abs(speech.audio - NoiseGate().step(expected)).max() <= 1e-5


def test_the_reference_s_mean_leaves_all_audio_to_the_last_chunk(gpa, voice, script):
    codes, _ = script(150, stop=False)
    options = GenerationOptions(constrain=False, max_tokens=150)
    [chunk] = gpa.stream_speak("Hello.", voice=voice, options=options)
    assert chunk.finish_reason == "length"
    np.testing.assert_array_equal(chunk.codes, codes)
    assert np.abs(chunk.audio - remove_dc(gpa.detokenize(codes, voice.global_tokens))).max() <= 1e-5


@pytest.mark.parametrize("count", [1, 9, 45])
def test_short_speech_is_one_chunk(gpa, voice, script, count):
    script(count)
    [chunk] = gpa.stream_speak("Hello.", voice=voice, options=LONG)
    assert len(chunk.audio) == 320 * count
    assert (len(chunk.codes), chunk.finish_reason) == (count, "stop")


def test_a_closed_stream_stops_the_model(gpa, voice, script):
    _, asked = script(300)
    stream = gpa.stream_speak("Hello.", voice=voice, options=LONG)
    next(stream)
    stream.close()
    assert asked[-1] == "closed"
    assert len(asked) < 100
    script(20)
    assert len(gpa.speak("Hello.", voice=voice, options=LONG).codes) == 20


def test_an_interrupt_ends_the_stream(gpa, voice, script):
    _, asked = script(300)
    stream = gpa.stream_speak("Hello.", voice=voice, options=LONG)
    next(stream)
    with pytest.raises(KeyboardInterrupt):
        stream.throw(KeyboardInterrupt())
    assert asked[-1] == "closed"
    assert list(stream) == []


def test_no_speech_is_an_error(gpa, voice, script):
    script(0)
    with pytest.raises(GPAError, match="without any speech"):
        list(gpa.stream_speak("Hello.", voice=voice, options=LONG))


# -- the mean ---------------------------------------------------------------------------------------------------------


def centred(wave, sizes=(), settle_samples=3200):
    mean, stops = DCOffsetRemover(settle_samples), np.cumsum([0, *sizes])
    pieces = [wave[a:b] for a, b in zip(stops, [*stops[1:], len(wave)], strict=True)]
    return np.concatenate([*map(mean.step, pieces), mean.flush()])


def noise(count):
    return (np.random.default_rng(count).normal(0.1, 0.2, count)).astype(np.float32)


@given(st.lists(st.integers(0, 500), max_size=10), st.sampled_from([0, 1, 300, None]))
def test_cutting_does_not_change_a_bit(sizes, settle_samples):
    wave = noise(sum(sizes) + 100)
    whole = centred(wave, (), settle_samples)
    assert (whole.dtype, whole.shape) == (np.float32, wave.shape)
    np.testing.assert_array_equal(centred(wave, sizes, settle_samples), whole)


def test_a_mean_remover_starts_again():
    mean = DCOffsetRemover(10)
    first = [*mean.step(noise(25)), *mean.flush()]
    assert first == [*mean.step(noise(25)), *mean.flush()]
    assert len(DCOffsetRemover().flush()) == 0


@pytest.mark.parametrize("count", [1, 3199])
def test_short_or_held_speech_loses_its_whole_mean(count):
    np.testing.assert_array_equal(centred(noise(count)), remove_dc(noise(count)))
    np.testing.assert_array_equal(centred(noise(9000), (4000,), None), remove_dc(noise(9000)))


def test_a_constant_offset_goes_at_once():
    wave = np.full(20_000, 0.25, dtype=np.float32)
    assert np.abs(centred(wave)).max() == 0


def test_the_running_mean_is_close_to_the_reference_s(golden):
    recorded = golden("bicodec_decode")
    waves = [recorded[key] for key in recorded if key.endswith("|wav")]
    assert len(waves) == 7
    for wave in waves:
        whole = remove_dc(wave)
        difference = centred(wave) - whole
        assert np.abs(difference).max() <= 0.0015
        assert np.mean(difference**2) <= 10 ** (-45 / 10) * np.mean(whole**2)
        assert np.abs(difference[-1]) <= 1e-6  # at its end the running mean is that of the whole
