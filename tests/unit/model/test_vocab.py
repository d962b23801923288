from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.errors import ModelFormatError
from gpa_mlx.model.families.gpa.layout import TokenLayout
from gpa_mlx.model.vocab import CodeRange

MARKERS = (
    "<|start_content|>",
    "<|end_content|>",
    "<|start_glm_token|>",
    "<|end_glm_token|>",
    "<|start_semantic_token|>",
    "<|end_semantic_token|>",
    "<|start_global_token|>",
    "<|end_global_token|>",
)
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def block(name: str, size: int) -> list[str]:
    return [f"<|{name}_{code}|>" for code in range(size)]


def numbered_from(first_id: int, contents: list[str] | tuple[str, ...]) -> dict[str, int]:
    return {content: first_id + n for n, content in enumerate(contents)}


def small(*, glm: str = "glm_semantic", first_id: int = 100) -> dict[str, int]:
    contents = [*CONTROL, *MARKERS, *block(glm, 6), *block("bicodec_global", 4), *block("bicodec_semantic", 5)]
    return numbered_from(first_id, contents)


def layout_of(added: dict[str, int], base: int = 100) -> TokenLayout:
    return TokenLayout.from_added_tokens(added, base, "model/tokenizer.json")


def test_published_layout():
    other = [f"<|speed_label_{n}|>" for n in range(151727 - 151643 - len(CONTROL) - len(MARKERS) + 1)]
    markers = [m for m in MARKERS if m != "<|end_content|>"]
    added = numbered_from(
        151643,
        [
            *CONTROL,
            *markers,
            *other,
            *block("glm_semantic", 16384),
            *block("bicodec_global", 4096),
            *block("bicodec_semantic", 8192),
            "<|end_content|>",
        ],
    )
    layout = layout_of(added, 151643)
    assert layout.glm == CodeRange(151727, 16384)
    assert layout.global_ == CodeRange(168111, 4096)
    assert layout.semantic == CodeRange(172207, 8192)
    assert layout.end_content == 180399
    assert layout.im_end == 151645
    assert layout.text_ranges == ((0, 151643),)
    assert layout.num_ids == 180400
    layout.check_codebooks(glm=16384, semantic=8192, global_=4096)


@pytest.mark.parametrize("glm", ["glm_semantic", "audio", "glm4_tok", "语音"])
def test_glm_block_is_found_whatever_its_name(glm):
    assert layout_of(small(glm=glm)).glm == CodeRange(111, 6)


def test_other_numbered_tokens_before_the_glm_block_are_not_part_of_it():
    contents = [*CONTROL, *MARKERS, *block("pitch_label", 5), *block("g", 6), *block("bicodec_global", 4)]
    layout = layout_of(numbered_from(100, [*contents, *block("bicodec_semantic", 5)]))
    assert layout.glm == CodeRange(116, 6)


def test_semantic_block_may_come_first():
    contents = [*block("bicodec_semantic", 5), *block("g", 6), *block("bicodec_global", 4), *MARKERS, *CONTROL]
    layout = layout_of(numbered_from(100, contents))
    assert (layout.semantic.first_id, layout.glm, layout.global_.first_id) == (100, CodeRange(105, 6), 111)


def test_order_of_the_mapping_does_not_matter():
    added = small()
    assert layout_of(dict(reversed(added.items()))) == layout_of(added)


@pytest.mark.parametrize("order", ["gpbs", "sbgp", "bgsp"])
def test_glm_block_not_right_before_the_global_block(order):
    blocks = {
        "g": block("glm_semantic", 6),
        "b": block("bicodec_global", 4),
        "s": block("bicodec_semantic", 5),
        "p": ["<|padding|>"],
    }
    contents = [*CONTROL, *MARKERS, *(token for key in order for token in blocks[key])]
    with pytest.raises(ModelFormatError, match=r"no GLM tokens right before <.bicodec_global_0.>"):
        layout_of(numbered_from(100, contents))


def test_global_block_right_after_the_semantic_block_has_no_glm_tokens():
    contents = [*CONTROL, *MARKERS, *block("g", 6), *block("bicodec_semantic", 5), *block("bicodec_global", 4)]
    with pytest.raises(ModelFormatError, match="no GLM tokens"):
        layout_of(numbered_from(100, contents))


def test_plain_text_tokenizer():
    with pytest.raises(ModelFormatError, match=r"^model/tokenizer.json has no audio tokens") as caught:
        layout_of(numbered_from(100, CONTROL))
    assert caught.value.hint
    with pytest.raises(ModelFormatError, match="no audio tokens"):
        layout_of({})


@pytest.mark.parametrize("marker", [*MARKERS, "<|im_end|>"])
def test_missing_marker_is_named(marker):
    added = small()
    del added[marker]
    with pytest.raises(ModelFormatError) as caught:
        layout_of(added)
    assert marker in caught.value.message


@pytest.mark.parametrize("name", ["<|bicodec_semantic_2|>", "<|bicodec_global_0|>"])
def test_missing_code_is_named(name):
    added = small()
    del added[name]
    with pytest.raises(ModelFormatError) as caught:
        layout_of(added)
    assert name in caught.value.message


def test_gap_between_ids():
    added = small()
    added["<|bicodec_semantic_3|>"] += 10
    with pytest.raises(ModelFormatError, match=r"bicodec_semantic_3.* ids must be consecutive"):
        layout_of(added)


def test_swapped_codes():
    added = small()
    a, b = "<|bicodec_global_1|>", "<|bicodec_global_2|>"
    added[a], added[b] = added[b], added[a]
    with pytest.raises(ModelFormatError, match="consecutive"):
        layout_of(added)


def test_gap_in_the_glm_block_makes_it_smaller_than_its_codebook():
    added = small()
    del added["<|glm_semantic_2|>"]
    layout = layout_of(added)
    assert layout.glm.size == 3
    with pytest.raises(ModelFormatError, match="3 GLM tokens, but the GLM codebook has 6"):
        layout.check_codebooks(glm=6, semantic=5, global_=4)


def test_duplicated_id():
    added = small() | {"<|another|>": 101}
    with pytest.raises(ModelFormatError, match=r"<.im_start.> and <.another.> share the id 101"):
        layout_of(added)


def test_codebook_check():
    layout = layout_of(small())
    layout.check_codebooks(glm=6, semantic=5, global_=4)
    layout.check_codebooks(glm=5, semantic=4, global_=3)
    for sizes in ({"glm": 7}, {"semantic": 6}, {"global_": 5}):
        with pytest.raises(ModelFormatError, match="codebook"):
            layout.check_codebooks(**{"glm": 6, "semantic": 5, "global_": 4} | sizes)


def test_embedding_may_be_padded_but_not_short():
    layout = layout_of(small())
    layout.check_vocab_size(layout.num_ids)
    layout.check_vocab_size(layout.num_ids + 64)
    with pytest.raises(ModelFormatError, match=f"has {layout.num_ids - 1} rows"):
        layout.check_vocab_size(layout.num_ids - 1)


def test_text_is_the_base_vocabulary_without_added_tokens():
    assert layout_of(small()).text_ranges == ((0, 100),)
    inside = small() | {"<|a|>": 0, "<|b|>": 7, "<|c|>": 8, "<|d|>": 99}
    layout = layout_of(inside)
    assert layout.text_ranges == ((1, 7), (9, 99))
    assert [n for n in range(130) if layout.is_text(n)] == [*range(1, 7), *range(9, 99)]


@given(st.sets(st.integers(0, 99)), st.integers(1, 100))
def test_text_ranges_are_exactly_the_ids_that_are_not_added(taken, base):
    extra = {f"<|extra {n}|>": n for n in taken}
    layout = layout_of(small(first_id=200) | extra, base)
    ids = [n for first, stop in layout.text_ranges for n in range(first, stop)]
    assert ids == [n for n in range(base) if n not in taken]


@given(st.integers(0, 10**6), st.integers(1, 10**5), st.data())
def test_codes_and_ids_are_inverse(first_id, size, data):
    codes_of = CodeRange(first_id, size)
    codes = data.draw(st.lists(st.integers(0, size - 1)))
    ids = codes_of.ids_of(codes)
    assert all(token_id in codes_of for token_id in ids)
    assert [codes_of.code_of(token_id) for token_id in ids] == codes
    assert codes_of.codes_in([first_id - 1, *ids, first_id + size]) == codes
    assert all(first_id <= token_id < codes_of.ids[1] for token_id in ids)


def test_numpy_codes_become_plain_integers():
    ids = CodeRange(10, 4).ids_of(np.array([0, 3], dtype=np.int32))
    assert ids == [10, 13]
    assert all(type(token_id) is int for token_id in ids)


@pytest.mark.parametrize("code", [-1, 4])
def test_code_out_of_range(code):
    with pytest.raises(ModelFormatError, match=f"Code {code} is outside 0..3"):
        CodeRange(10, 4).id_of(code)


@pytest.mark.parametrize("token_id", [9, 14])
def test_id_out_of_range(token_id):
    assert token_id not in CodeRange(10, 4)
    with pytest.raises(ModelFormatError, match=f"Id {token_id} is outside 10..13"):
        CodeRange(10, 4).code_of(token_id)
