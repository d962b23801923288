import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.errors import GPAError
from gpa_mlx.train.language_model.training_manifest import ManifestError, read_training_manifest


@pytest.fixture
def write(tmp_path):
    (tmp_path / "a.wav").touch()
    (tmp_path / "b.wav").touch()

    def write(*lines):
        path = tmp_path / "manifest.jsonl"
        path.write_bytes(b"\n".join(x if isinstance(x, bytes) else json.dumps(x).encode() for x in lines))
        return path

    return write


def test_all_tasks_with_files_beside_the_manifest(write, tmp_path):
    path = write(
        {"task": "stt", "audio": "a.wav", "text": " Hi.", "ref_audio": "", "begin_time": -1},
        b"",
        {"task": "tts-a", "audio": "a.wav", "text": "Hi", "ref_audio": str(tmp_path / "b.wav"), "vc_audio": ""},
        {"task": "vc", "audio": "a.wav", "ref_audio": "b.wav", "vc_audio": "b.wav"},
        {"audio": "b.wav", "text": ""},
    )
    lines = read_training_manifest(path)
    assert [(line.number, line.task, line.text) for line in lines] == [
        (1, "stt", " Hi."),
        (3, "tts-a", "Hi"),
        (4, "vc", ""),
        (5, "stt", ""),
    ]
    a, b = tmp_path / "a.wav", tmp_path / "b.wav"
    assert lines[1].audio == {"audio": a, "ref_audio": b}
    assert lines[2].audio == {"audio": a, "ref_audio": b, "vc_audio": b}


def test_every_bad_line_is_reported_at_once(write):
    bad = {
        2: (b"{", "JSON"),
        3: (b"[1]", "mapping of keys"),
        4: (b"\xff\xfe", "JSON"),
        5: ({"task": "asr", "audio": "a.wav", "text": "x"}, "asr"),
        6: ({"task": "stt", "text": "x"}, "'audio' is missing"),
        7: ({"task": "stt", "audio": "a.wav"}, "'text' is missing"),
        8: ({"task": "stt", "audio": "none.wav", "text": "x"}, "none.wav"),
        9: ({"task": "tts-a", "audio": "a.wav", "ref_audio": "", "text": "x"}, "'ref_audio' is empty"),
        10: ({"task": "tts-a", "audio": "a.wav", "ref_audio": "b.wav", "text": "..."}, "punctuation"),
        11: ({"task": "vc", "audio": "a.wav", "ref_audio": "b.wav"}, "'vc_audio' is missing"),
        12: ({"task": "stt", "audio": 5, "text": "x"}, "must be a string"),
        13: ({"task": "stt", "audio": "a.wav", "text": "\ud800"}, "Unicode"),
        14: ({"task": ["stt"], "audio": "a.wav", "text": "x"}, "'task'"),
        15: ({"task": "stt", "audio": "x" * 5000, "text": "x"}, "'audio'"),
    }
    path = write({"audio": "a.wav", "text": "good"}, *(line for line, _ in bad.values()))
    with pytest.raises(ManifestError) as caught:
        read_training_manifest(path)
    assert len(caught.value.problems) == len(bad)
    for problem, (number, (_, reason)) in zip(caught.value.problems, bad.items(), strict=True):
        assert problem.startswith(f"line {number}: ")
        assert reason in problem
        assert problem in caught.value.message


def test_an_empty_or_absent_manifest_is_an_error(write, tmp_path):
    with pytest.raises(GPAError, match="no lines"):
        read_training_manifest(write(b"  "))
    with pytest.raises(GPAError, match="cannot be read"):
        read_training_manifest(tmp_path / "none.jsonl")


keys = st.sampled_from(["task", "audio", "text", "ref_audio", "vc_audio"])
values = st.one_of(st.sampled_from(["stt", "tts-a", "vc", "a.wav"]), st.text(max_size=5), st.integers(), st.none())
BOM = b"\xef\xbb\xbf"
contents = st.one_of(st.binary(max_size=30), st.dictionaries(keys, values).map(lambda d: json.dumps(d).encode()))


@given(st.lists(contents, max_size=4))
def test_no_line_is_lost_or_crashes(write, contents):
    path = write(*contents)
    numbers = [n for n, line in enumerate(path.read_bytes().removeprefix(BOM).split(b"\n"), start=1) if line.strip()]
    try:
        seen = [line.number for line in read_training_manifest(path)]
    except ManifestError as error:
        seen = [int(problem.split()[1].rstrip(":")) for problem in error.problems]
        numbers = [number for number in numbers if number in seen]
    except GPAError:
        seen = []
    assert seen == numbers
