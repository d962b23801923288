"""All three tasks through the public API against what the reference produced end to end."""

from __future__ import annotations

import numpy as np
import pytest

import gpa_mlx
from gpa_mlx.errors import GPAError
from gpa_mlx.types import GenerationOptions


@pytest.fixture(scope="module")
def gpa(converted_small_a):
    with gpa_mlx.load(converted_small_a) as model:
        yield model


def exact(max_tokens, penalty=1.0):
    return GenerationOptions(max_tokens=max_tokens, repetition_penalty=penalty, constrain=False)


@pytest.mark.parametrize("audio_id", ["slt", "rms", "cmn", "chirp"])
@pytest.mark.parametrize("vad", [True, False])
def test_transcripts_equal_the_reference(gpa, golden_meta, golden_audio, audio_id, vad):
    if audio_id == "chirp" and vad:
        pytest.skip("a chirp is not speech: the gate may drop it")
    result = gpa.transcribe(golden_audio(audio_id), options=exact(64), vad=vad)
    assert result.text == golden_meta["e2e"][f"stt/{audio_id}"]["text"]
    assert result.finish_reason == "stop"
    assert [segment.text for segment in result.segments] == [result.text]


def assert_speech(speech, recorded, name):
    reference = recorded[f"{name}|wav"]
    assert speech.audio.shape == reference.shape
    assert speech.audio.dtype == np.float32
    assert np.abs(speech.audio - reference).max() <= 1e-3


@pytest.mark.parametrize("penalty", ["1.0", "1.2"])
@pytest.mark.parametrize(("text", "voice"), [("en", "rms"), ("zh", "slt")])
def test_speech_equals_the_reference(gpa, golden, golden_meta, golden_audio, text, voice, penalty):
    speech = gpa.speak(
        golden_meta["texts"][text],
        voice=gpa.make_voice(golden_audio(voice), name=voice),
        options=exact(72, float(penalty)),
    )
    assert_speech(speech, golden("e2e"), f"tts|{text}_{voice}_rp{penalty}")


@pytest.mark.parametrize("penalty", ["1.0", "1.2"])
def test_converted_speech_equals_the_reference(gpa, golden, golden_audio, penalty):
    voice = gpa.make_voice(golden_audio("rms"), name="rms")
    speech = gpa.convert_voice(golden_audio("slt"), voice=voice, options=exact(72, float(penalty)))
    assert_speech(speech, golden("e2e"), f"vc|slt_rms_rp{penalty}")


def test_where_the_reference_crashes_on_no_speech_we_say_so(gpa, golden_audio):
    voice = gpa.make_voice(golden_audio("slt"), name="slt")
    with pytest.raises(GPAError, match="without any speech"):
        gpa.convert_voice(golden_audio("cmn"), voice=voice, options=exact(72))


def test_an_exhausted_budget_is_visible(gpa, golden_audio):
    voice = gpa.make_voice(golden_audio("rms"), name="rms")
    speech = gpa.speak("Hello there.", voice=voice, options=exact(5))
    assert speech.finish_reason == "length"
    assert len(speech.audio) == 320 * len(speech.codes)


def test_constrained_speech_is_semantic_codes_only(gpa, golden_audio):
    voice = gpa.make_voice(golden_audio("rms"), name="rms")
    options = GenerationOptions(max_tokens=20, temperature=1.5, seed=7)
    speech = gpa.speak("Hello there.", voice=voice, options=options)
    again = gpa.speak("Hello there.", voice=voice, options=options)
    assert speech.timings.generated_tokens - len(speech.codes) in (0, 1)  # at most the stop is not a code
    assert np.array_equal(speech.audio, again.audio)
    assert speech.seed == 7


def test_the_stream_ends_with_reason_and_timings_exactly_once(gpa, golden_audio):
    chunks = list(gpa.stream_transcribe(golden_audio("slt")))
    assert [chunk.finish_reason is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1].timings.audio_s == pytest.approx(17840 / 16000, abs=1e-3)
    assert "".join(chunk.text for chunk in chunks) == gpa.transcribe(golden_audio("slt")).text


def test_silence_gives_an_empty_transcript_with_a_reason(gpa, golden_audio):
    result = gpa.transcribe(golden_audio("silence1s"))
    assert (result.text, result.segments, result.finish_reason) == ("", (), "no_speech")


def test_a_bad_argument_fails_at_the_call_not_at_the_first_chunk(gpa, golden_audio, tmp_path):
    voice = gpa.make_voice(golden_audio("rms"), name="rms")
    with pytest.raises(GPAError):
        gpa.stream_speak("...", voice=voice)
    with pytest.raises(GPAError):
        gpa.stream_transcribe(tmp_path / "missing.wav")
    with pytest.raises(GPAError):
        gpa.stream_convert_voice(tmp_path / "missing.wav", voice=voice)


def test_speaking_loads_neither_encoder(converted_small_a, golden_audio):
    with gpa_mlx.load(converted_small_a) as model:
        voice = model.make_voice(golden_audio("rms"), name="rms")
        model.speak("Hello.", voice=voice, options=exact(8))
        assert set(model.parts_loaded) == {"speaker encoder", "language model", "BiCodec decoder"}
