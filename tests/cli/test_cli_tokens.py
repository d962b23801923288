"""`gpa-mlx tokenize` and `gpa-mlx detokenize`."""

from __future__ import annotations

import io
import json
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.errors import GPAError
from gpa_mlx.jobs.detokenize import parse_tokens


@pytest.fixture
def detokenize(gpa_mlx, converted_small_a, tmp_path):
    """Decode a document to `out.wav`."""

    def invoke(content: bytes | str, *options):
        (tmp_path / "tokens.json").write_bytes(content if isinstance(content, bytes) else content.encode())
        common = ("--model", converted_small_a, "-o", tmp_path / "out.wav")
        return gpa_mlx("detokenize", tmp_path / "tokens.json", *common, *options)

    return invoke


def test_tokenize_json(gpa_mlx, converted_small_a, golden, golden_audio):
    result = gpa_mlx("tokenize", golden_audio("slt"), "--model", converted_small_a, "--json")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == {
        "sample_rate": 16_000,
        "duration_s": 17840 / 16_000,
        "glm": golden("glm")["slt|tokens"].tolist(),
        "semantic": golden("bicodec_encode")["slt|semantic_tokens"].tolist(),
        "global": golden("bicodec_encode")["slt|global_tokens"].tolist(),
    }


def test_tokenize_for_people(gpa_mlx, converted_small_a, golden_audio):
    result = gpa_mlx("tokenize", golden_audio("slt"), "--model", converted_small_a)
    assert [line.split()[:2] for line in result.out.splitlines()] == [
        ["duration", "1.11"],
        ["glm", "14"],
        ["semantic", "55"],
        ["global", "32"],
    ]


def test_detokenize_writes_the_decoder_s_output(detokenize, golden, tmp_path):
    encoded = golden("bicodec_encode")
    document = {"semantic": encoded["slt|semantic_tokens"].tolist(), "global": encoded["slt|global_tokens"].tolist()}
    result = detokenize(json.dumps(document), "--subtype", "FLOAT")
    assert (result.code, result.out) == (0, "")
    assert "out.wav: 1.10 s" in result.err
    samples, rate = soundfile.read(tmp_path / "out.wav", dtype="float32")
    assert rate == 16_000
    np.testing.assert_allclose(samples, golden("bicodec_decode")["sem=slt,glob=slt|wav"], atol=1e-4)


def test_tokenize_feeds_detokenize(gpa_mlx, converted_small_a, golden_audio, tmp_path):
    tokens = gpa_mlx("tokenize", golden_audio("short01"), "--model", converted_small_a, "--json").out
    options = ("--model", converted_small_a, "-o", tmp_path / "out.wav")
    assert gpa_mlx("detokenize", "-", *options, stdin=tokens.encode()).code == 0
    assert soundfile.info(tmp_path / "out.wav").frames == 4 * 320


def test_tokens_of_standard_input_go_into_a_pipe_as_sound(gpa_mlx, converted_small_a, golden_audio, tmp_path):
    piped = golden_audio("short01").read_bytes()
    model = ("--model", converted_small_a)
    tokens = gpa_mlx("tokenize", "-", "--json", *model, stdin=piped)
    assert tokens.out == gpa_mlx("tokenize", golden_audio("short01"), "--track", 1, "--json", *model).out
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor() as pool:
        read = pool.submit((tmp_path / "pipe").read_bytes)
        assert gpa_mlx("detokenize", "-", "-o", tmp_path / "pipe", *model, stdin=tokens.out.encode()).code == 0
        samples, _ = soundfile.read(io.BytesIO(read.result(60)))
    assert len(samples) == 4 * 320


VALID_GLOBAL = ", ".join(["0"] * 32)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        (b"\xff\xfe\xfa", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('{"semantic": [' + "9" * 5000 + '], "global": [1]}', "not valid JSON"),
        ("[1, 2]", "no JSON object"),
        ("null", "no JSON object"),
        ('{"semantic": [1]}', "'global' is missing"),
        ('{"global": [1]}', "'semantic' is missing"),
        ('{"semantic": [], "global": [1]}', "at least one code"),
        ('{"semantic": "12", "global": [1]}', "at least one code"),
        ('{"semantic": {"0": 1}, "global": [1]}', "at least one code"),
        ('{"semantic": [1, true], "global": [1]}', "'semantic'[1] is True"),
        ('{"semantic": [1.0], "global": [1]}', "'semantic'[0] is 1.0"),
        ('{"semantic": [NaN], "global": [1]}', "'semantic'[0] is nan"),
        ('{"semantic": [1], "global": ["7"]}', "'global'[0] is '7'"),
        ('{"semantic": [1], "global": [null]}', "'global'[0] is None"),
        ('{"semantic": [-1], "global": [1]}', "'semantic'[0] is -1"),
        ('{"semantic": [[1]], "global": [1]}', "'semantic'[0] is [1]"),
        (f'{{"semantic": [512], "global": [{VALID_GLOBAL}]}}', "512"),
        (f'{{"semantic": [99999999999999999999], "global": [{VALID_GLOBAL}]}}', "99999999999999999999"),
        (f'{{"semantic": [1], "global": [{VALID_GLOBAL}, 0]}}', "33"),
        (f'{{"semantic": [1], "global": [{VALID_GLOBAL[:-1]}256]}}', "256"),
    ],
)
def test_bad_documents(detokenize, tree, content, words):
    result = detokenize(content)
    assert (result.code, result.out) == (1, "")
    assert words in result.err.splitlines()[0]
    assert result.err.count("\n") <= 2
    assert "unexpected" not in result.err
    assert tree() == ["tokens.json"]


@given(
    st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["semantic", "global", "glm"]), inner),
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_document_gives_codes_or_a_gpa_error(content):
    try:
        tokens = parse_tokens(content, "x")
    except GPAError:
        return
    assert all(type(code) is int and code >= 0 for code in [*tokens.semantic, *tokens.global_tokens])


def test_missing_document(gpa_mlx, tmp_path):
    result = gpa_mlx("detokenize", tmp_path / "none.json", "--model", "m", "-o", tmp_path / "out.wav")
    assert (result.code, result.out) == (1, "")
    assert "none.json cannot be read" in result.err


def test_the_document_is_not_overwritten(gpa_mlx, tmp_path):
    (tmp_path / "tokens.wav").write_text('{"semantic": [1], "global": [1]}')
    result = gpa_mlx("detokenize", tmp_path / "tokens.wav", "--model", "m", "-o", tmp_path / "tokens.wav")
    assert result.code == 2
    assert (tmp_path / "tokens.wav").read_text().startswith("{")
