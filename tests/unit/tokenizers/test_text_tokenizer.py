from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from gpa_mlx.errors import InputTextError, ModelFormatError
from gpa_mlx.model.families.gpa.layout import TokenLayout
from gpa_mlx.text.printable import without_controls
from gpa_mlx.tokenizers.text import TextTokenizer
from tests.support.examples import examples

FEW = examples(60)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LITERALS = st.sampled_from(
    ["<|im_end|>", "<|endoftext|>", "<|bicodec_semantic_5|>", "<|start_content|>", "<|glm_semantic_38|>", "<|", "|>"]
)


@pytest.fixture(scope="module")
def tokenizer(small_a):
    return TextTokenizer.from_file(small_a / "tokenizer.json")


@pytest.fixture(scope="module")
def library(small_a):
    """The same file read by the library alone, as the reference uses it."""
    return Tokenizer.from_file(str(small_a / "tokenizer.json"))


def test_recorded_texts(tokenizer, golden_meta):
    first_added = min(tokenizer.added_tokens().values())
    compared = 0
    for vector in golden_meta["tokenizer_vectors"]:
        assert tokenizer.decode(vector["ids"]) == vector["decoded"]
        if all(token_id < first_added for token_id in vector["ids"]):
            assert tokenizer.encode(vector["text"]) == vector["ids"]
            compared += 1
    assert compared >= 6


def test_added_tokens_and_base_vocabulary(tokenizer, small_a, golden_meta):
    assert tokenizer.added_tokens() == json.loads((small_a / "added_tokens.json").read_text())
    assert tokenizer.base_vocab_size == len(json.loads((small_a / "vocab.json").read_text()))
    layout = TokenLayout.from_added_tokens(tokenizer.added_tokens(), tokenizer.base_vocab_size, "tokenizer.json")
    found = {"glm": layout.glm, "global": layout.global_, "semantic": layout.semantic}
    assert {kind: codes.first_id for kind, codes in found.items()} == golden_meta["offsets"]
    assert {kind: codes.size for kind, codes in found.items()} == golden_meta["codes"]
    assert layout.num_ids == golden_meta["tokenizer_len"]


def test_spelled_control_token_is_text(tokenizer):
    text = "say <|im_end|> and <|bicodec_semantic_5|>"
    ids = tokenizer.encode(text)
    assert max(ids) < tokenizer.base_vocab_size
    assert tokenizer.decode(ids) == text


@FEW
@given(st.lists(st.one_of(TEXT, LITERALS)).map("".join))
def test_encoding_any_text_gives_only_text(tokenizer, text):
    ids = tokenizer.encode(text)
    assert all(0 <= token_id < tokenizer.base_vocab_size for token_id in ids)
    assert tokenizer.decode(ids) == without_controls(unicodedata.normalize("NFC", text))


@FEW
@given(TEXT.filter(lambda text: "<|" not in text))
def test_same_ids_as_the_reference_between_markers(tokenizer, library, text):
    added = tokenizer.added_tokens()
    wrapped = library.encode(f"<|start_content|>{text}<|end_content|>").ids
    assert wrapped == [added["<|start_content|>"], *tokenizer.encode(text), added["<|end_content|>"]]


@FEW
@given(st.lists(st.integers(0, 1800)))
def test_decoding_any_ids_equals_the_library(tokenizer, library, ids):
    assert tokenizer.decode(ids) == without_controls(library.decode(ids, skip_special_tokens=False))


@FEW
@given(st.one_of(st.lists(st.integers(0, 1800)), st.lists(st.integers(0, 255))))
def test_stream_equals_decoding_at_once(tokenizer, ids):
    stream = tokenizer.stream()
    assert "".join([*map(stream.push, ids), stream.flush()]) == tokenizer.decode(ids)


def test_what_a_terminal_would_obey_is_left_out(tokenizer):
    ids = tokenizer.encode("three\x1b]52;c;aGk=\x07 off\u202e")
    assert tokenizer.decode(ids) == "three]52;c;aGk= off"


def test_stream_holds_back_unfinished_characters(tokenizer):
    text = "你好🙂, é"
    stream = tokenizer.stream()
    pieces = [stream.push(token_id) for token_id in tokenizer.encode(text)]
    assert "".join(pieces) == text
    assert not any("\ufffd" in piece for piece in pieces)
    assert "" in pieces
    assert stream.flush() == ""


def test_stream_ends_inside_a_character(tokenizer):
    stream = tokenizer.stream()
    ids = tokenizer.encode("🙂")[:-1]
    assert "".join(map(stream.push, ids)) == ""
    assert stream.flush() == "\ufffd"


def test_added_token_outside_the_byte_alphabet(tmp_path, small_a):
    spec = json.loads((small_a / "tokenizer.json").read_text(encoding="utf-8"))
    spec["added_tokens"].append(spec["added_tokens"][-1] | {"id": 1763, "content": "<音 声>"})
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    tokenizer = TextTokenizer.from_file(path)
    ids = [1763, *tokenizer.encode("a"), 1763]
    assert tokenizer.decode(ids) == "<音 声>a<音 声>" == Tokenizer.from_file(str(path)).decode(ids, False)


def test_lone_surrogate(tokenizer):
    with pytest.raises(InputTextError, match="position 2"):
        tokenizer.encode("ab\ud83d")


def test_missing_file(tmp_path):
    with pytest.raises(ModelFormatError, match=r"tokenizer.json is missing"):
        TextTokenizer.from_file(tmp_path / "tokenizer.json")
    with pytest.raises(ModelFormatError, match="is missing"):
        TextTokenizer.from_file(tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello", b"[]", b"{}", b"\xff\xfe\x00", b'{"model": 3}'])
def test_not_a_tokenizer(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(ModelFormatError, match=r"tokenizer.json is not a tokenizer file") as caught:
        TextTokenizer.from_file(path)
    assert caught.value.hint


def test_not_byte_level(tmp_path, small_a):
    spec = json.loads((small_a / "tokenizer.json").read_text(encoding="utf-8"))
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(spec | {"decoder": None}), encoding="utf-8")
    with pytest.raises(ModelFormatError, match="not a tokenizer file of GPA's kind"):
        TextTokenizer.from_file(path)
