"""A family that is not GPA: audio enters as embeddings, and all it can do is transcribe."""

from __future__ import annotations

import json
from functools import partial
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import soundfile

from gpa_mlx.engine.gpa import GPA, load
from gpa_mlx.errors import GPAError, ModelFormatError
from gpa_mlx.lm.head import SlicedHead
from gpa_mlx.model.demo import demo_model, demo_voices
from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.model.family import ModelFamily
from gpa_mlx.model.parts import ModelParts, Part
from gpa_mlx.model.registry import FAMILIES, open_model
from gpa_mlx.model.tasks import Prompt, TextOutput
from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.store.manifest import FORMAT_VERSION, Manifest, UpstreamSource, read_manifest, write_manifest
from gpa_mlx.tokenizers.text import TextTokenizer

RATE_HZ = 16_000
WORDS = ["loud", "quiet", "<end>", "<is loud>", "<is quiet>"]
LOUD, QUIET, END, IS_LOUD, IS_QUIET = range(5)


class ToyNetwork(nn.Module):
    """A language model without layers: every id has one successor."""

    def __init__(self):
        super().__init__()
        self.successor = mx.zeros((5, 5))
        self.words = nn.Embedding(5, 5)

    @property
    def args(self):
        return SimpleNamespace(num_layers=1, max_position_embeddings=1000)

    @property
    def model(self):
        return self

    @property
    def output_layer(self):
        return self.words

    def __call__(self, ids, caches, *, embeddings=None):
        x = self.words(ids) if embeddings is None else embeddings
        for cache in caches:
            cache.attend(x[:, None], x[:, None], x[:, None], scale=1.0)
        return x @ self.successor


class ToyModel(ModelParts):
    family = "toy"

    def __init__(self, path, adapter=None):
        super().__init__(path, adapter)
        self.text = TextTokenizer.from_file(self.path / "tokenizer.json")

    @Part
    def language_model(self):
        return self.load_network("toy network", ToyNetwork(), "")

    @Part
    def head(self):
        return SlicedHead(self.language_model.output_layer, [(LOUD, END + 1)])

    needs: ClassVar = {"transcribe": (language_model, head)}

    @property
    def transcription(self):
        return ToyTranscription(self)


class ToyTranscription:
    max_samples = 30 * RATE_HZ

    def __init__(self, parts):
        self._parts = parts

    def prompt(self, recording):
        word = IS_LOUD if np.square(recording.channel_mean).mean() > 1e-3 else IS_QUIET
        return Prompt(ids=[END], embeddings=self._parts.language_model.words(mx.array([[word]])))

    def incremental(self):
        return self

    def output(self, options):
        return TextOutput(
            head=self._parts.head,
            stop_ids=frozenset({END}),
            end_ids=frozenset(),
            marker_ids=frozenset(),
            tokenizer=self._parts.text,
        )


TOY = ModelFamily(name="toy", title="Toy", tasks=frozenset(ToyModel.needs), open_model=ToyModel)
WITH_TOY = {**FAMILIES, "toy": TOY}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A converted model of the toy family."""
    from tokenizers import Tokenizer, decoders, models

    folder = tmp_path_factory.mktemp("families") / "toy"
    folder.mkdir()
    tokenizer = Tokenizer(models.BPE(vocab={word: number for number, word in enumerate(WORDS)}, merges=[]))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))
    successor = np.zeros((5, 5), dtype=np.float32)
    for before, after in [(LOUD, END), (QUIET, END), (IS_LOUD, LOUD), (IS_QUIET, QUIET)]:
        successor[before, after] = 10
    tensors = {"successor": mx.array(successor), "words.weight": mx.eye(5)}
    mx.save_safetensors(str(folder / "model.safetensors"), tensors)
    write_manifest(
        folder,
        Manifest(
            format_version=FORMAT_VERSION,
            converter_version="0",
            model_family="toy-1",
            model_name="toy",
            source=UpstreamSource(location="here", revision=None, sha256={}),
            parts={},
            files={},
            architecture="toy",
        ),
    )
    return folder


@pytest.fixture
def gpa(folder):
    with load(folder, families=WITH_TOY) as gpa:
        yield gpa


def tone(level, seconds=1.0):
    return (level * np.sin(np.arange(round(seconds * RATE_HZ)) / 10)).astype(np.float32)


def test_it_transcribes_through_the_facade(gpa):
    assert gpa.parts_loaded == ()
    result = gpa.transcribe((tone(0.5), RATE_HZ), vad=False)
    assert (result.text, result.finish_reason) == ("loud", "stop")
    assert result.timings.prompt_tokens == 1
    assert result.timings.generated_tokens == 2
    assert gpa.transcribe((tone(0.01), RATE_HZ), vad=False).text == "quiet"
    assert gpa.parts_loaded == ("toy network",)
    gpa.close()
    assert gpa.parts_loaded == ()


def test_it_has_batches_and_live_transcription_too(gpa):
    sound = np.concatenate([tone(0.5, 29.0), tone(0.01, 29.0)])
    results = [gpa.transcribe((sound, RATE_HZ), vad=False, batch=batch) for batch in (1, 2)]
    assert [segment.text for segment in results[0].segments] == [segment.text for segment in results[1].segments]
    assert results[0].segments[0].text == "loud"
    assert results[0].segments[-1].text == "quiet"
    live = gpa.stream_transcribe_live([tone(0.5)], vad=False)
    assert [chunk.segment.text for chunk in live if chunk.segment] == ["loud"]


def test_the_command_transcribes_with_it(folder, tmp_path, monkeypatch, capsys):
    from gpa_mlx.cli.commands import cli
    from gpa_mlx.cli.program import run

    monkeypatch.setattr("gpa_mlx.engine.gpa.load", partial(load, families=WITH_TOY))
    soundfile.write(tmp_path / "a.wav", tone(0.5), RATE_HZ)
    assert run(cli, ["transcribe", str(tmp_path / "a.wav"), "--model", str(folder), "--no-vad", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["text"] == "loud"


def test_what_it_cannot_do_is_refused(gpa):
    assert gpa.capabilities.family == "toy"
    assert gpa.capabilities.tasks == {"transcribe"}
    voice = demo_voices()[0]
    for refused in (
        lambda: gpa.speak("one", voice=voice),
        lambda: gpa.stream_convert_voice((tone(0.5), RATE_HZ), voice=voice),
        lambda: gpa.make_voice((tone(0.5), RATE_HZ), name="a"),
        lambda: gpa.tokenize((tone(0.5), RATE_HZ)),
        lambda: gpa.detokenize([1], [1]),
        lambda: gpa.reference_s,
        lambda: gpa.warm("speak"),
    ):
        with pytest.raises(GPAError, match="The model 'toy' cannot") as refusal:
            refused()
        assert "this one can transcribe" in refusal.value.hint


def test_an_unknown_family_is_refused_with_those_that_are_known(folder):
    with pytest.raises(ModelFormatError, match="family 'toy', which this release") as refusal:
        open_model(folder)
    assert "Known families: gpa." in refusal.value.hint
    with pytest.raises(ModelFormatError, match="family 'toy', not 'gpa'"):
        GPAModel(folder)


def test_the_registry_cannot_be_changed():
    assert dict(FAMILIES) == {"gpa": FAMILIES["gpa"]}
    with pytest.raises(TypeError):
        FAMILIES["toy"] = TOY  # pyright: ignore[reportIndexIssue]


def test_a_manifest_that_names_no_family_is_one_of_gpa():
    assert "architecture" not in json.loads((demo_model() / "gpa_mlx.json").read_text())
    assert read_manifest(demo_model()).architecture == "gpa"
    with load(demo_model()) as gpa:
        assert isinstance(gpa, GPA)
        assert gpa.capabilities.tasks == {"transcribe", "speak", "vc"}


def test_asking_for_limits_loads_nothing():
    with load(demo_model()) as gpa:
        assert (gpa.max_segment_s > 0, gpa.reference_s > 0, gpa.max_passage_chars > 0) == (True, True, True)
        assert gpa.parts_loaded == ()
