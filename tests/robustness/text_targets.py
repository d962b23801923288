"""Texts: settings, voices, tokens, manifests, words; and what makes texts: subtitles, passages, spoken forms."""

from __future__ import annotations

import hashlib
import json
import os
import re
from functools import cache
from typing import TYPE_CHECKING
from unittest.mock import patch

from gpa_mlx import settings
from gpa_mlx.history.entry import read_entry
from gpa_mlx.jobs.detokenize import parse_tokens
from gpa_mlx.model import demo
from gpa_mlx.model.parts import ADAPTER_CONFIG, read_json
from gpa_mlx.nn.bicodec.config import BiCodecArgs
from gpa_mlx.nn.lora import AdapterArgs
from gpa_mlx.nn.qwen3 import Qwen3Args
from gpa_mlx.nn.wav2vec2 import Wav2Vec2Args
from gpa_mlx.nn.whisper_vq import WhisperVQArgs
from gpa_mlx.provenance.metadata import Provenance
from gpa_mlx.store import models
from gpa_mlx.store.manifest import read_manifest, require_converted
from gpa_mlx.text.custom_vocabulary import read_custom_vocabulary
from gpa_mlx.text.normalization.lexicon import read_lexicon
from gpa_mlx.text.normalization.normalizer import normalize_text
from gpa_mlx.text.segmentation import split_passages
from gpa_mlx.tokenizers.glm import LogMelArgs
from gpa_mlx.train.language_model.training_manifest import read_training_manifest
from gpa_mlx.transcripts.cues import Layout, make_cues
from gpa_mlx.transcripts.formats import FORMATS, render
from gpa_mlx.types import Segment, Voice, VoiceOrigin
from gpa_mlx.voices.card import decode_card, format_card
from gpa_mlx_convert.sources import read_config
from tests.robustness.mutator import changed_text, either, mutated_json, mutated_lines, mutated_text, text_of
from tests.robustness.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from random import Random

    from tests.robustness.target import Run

_TEXTS = (
    "Dr. Smith paid $3.50 on 2026-11-21 at 5:30 p.m. for 2.5 kg of No. 7 (see https://a.b/c?d=1). It's 40% off!",
    "他在2026年11月21日付了￥3.50，气温是-5°C。第3章：“你好！”她说……然后GPU跑了100%。",
    "First line\nsecond line, wrapped\n\n# Heading\n- a list\n- of 2 things\n\n1. one; two: three - four — five",
    "a@b.cd +49 (0)30 123-456 1/2 ½ x² 10^6 1e-7 3x4 A/B U.S.A. e.g. i.e. XIV 007 1,234,567.89 12:34:56 50-60 mph",
    "word " * 60 + "." * 40 + "无" * 250 + "ﬁ ſ İ ß é e\u0301 👩\u200d👩 \u202e right to left",
)


def _file(name: str, use: Callable[[Path], object]) -> Callable[[Path], Run]:
    """Return what writes an input to a file and has it read."""

    def open_(folder: Path) -> Run:
        file = folder / name

        def run(content: bytes) -> None:
            file.write_bytes(content)
            use(file)

        return run

    return open_


# -- voices -----------------------------------------------------------------------------------------------------------

_VOICE = Voice(
    name="anna",
    global_tokens=tuple(range(0, 4000, 127)),
    family="bicodec-3ee4c26ddb2d",
    description="A woman, é.",
    origin=VoiceOrigin(source_sha256="a" * 64, start_s=1.5, end_s=7.5, made_on="2026-11-21", consent="Yes."),
)


def _card(draw: Random) -> bytes:
    """A card with one field changed and a check that fits, as somebody would forge it."""
    lines = format_card(_VOICE).replace("\n", " ")
    fields = re.findall(r"(name|family|description|source|window|made|consent|codes): (.*?)(?= \w+: )", lines)
    place = draw.randrange(len(fields))
    key, value = fields[place]
    fields[place] = (key, " ".join(changed_text(value, draw, ["99999999999", "1e5", "٣"]).split()))
    texts = [f"{key}: {value}".encode("utf-8", "replace") for key, value in fields]
    digests = "".join(hashlib.sha256(text).hexdigest()[:2] for text in texts)
    whole = hashlib.sha256(b"\n".join(texts)).hexdigest()[:8]
    head = b"gpa-mlx voice card, version 1"
    return b"\n".join([head, *texts, f"check: {whole} {digests}".encode(), b""])


def _decode_card(folder: Path) -> Run:
    def run(content: bytes) -> None:
        voice = decode_card(content, "card")
        assert decode_card(format_card(voice).encode(), "again") == voice

    return run


# -- settings ---------------------------------------------------------------------------------------------------------

_SETTINGS = """# mine
model = "demo"
voice = "anna"
max_memory = "4GB"
cache_limit = "500 MB"
idle_unload_s = 600
history_days = 90.5
words_file = "/a/b"
theme = 'x'
ascii = false

[keys]
"app.quit" = "ctrl+q"
"""
_SETTINGS_LINES = (
    *(
        "idle_unload_s = " + number
        for number in ("1" + "0" * 400, "0x" + "f" * 6000, "-1", "nan", "inf", "1e400", "true")
    ),
    *(f'max_memory = "{size}"' for size in ("9" * 400 + "GB", "0.0000001GB", "1 GiB", "GB", "-1GB", "٣GB")),
    *(
        "model = " + "[" * 2000,
        "keys = " + "{a=" * 2000,
        "model = 1979-05-27T07:32:00Z",
        'keys."a.b" = "c"',
        "[[keys]]",
    ),
    *('words_file = "~/x\\u0000"', 'words_file = "~"', "[model]", '"" = 1', "keys.a = 1", "keys.a.b = 'c'", "a = {}"),
)
_VARIABLES = {"GPA_MLX_MODEL": "demo", "GPA_MLX_MAX_MEMORY": "4GB", "GPA_MLX_IDLE_UNLOAD_S": "60", "GPA_MLX_ASCII": "1"}
_VARIABLES |= {"GPA_MLX_HISTORY_DAYS": "9", "GPA_MLX_HISTORY_SIZE": "1 GiB", "GPA_MLX_WORDS_FILE": "~/words"}
_VARIABLE_WORDS = ("9" * 400, "9" * 400 + "GB", "1e999", "nan", "-1", "٣", "²", "0x10", "1_000", "yes", "~/", "inf")


def _load_settings(file: Path) -> None:
    loaded = settings.load_settings({}, file=file)
    for name, key in settings.KEYS.items():
        key.shown(getattr(loaded.settings, name))


def _load_variables(folder: Path) -> Run:
    def run(content: bytes) -> None:
        document = json.loads(content) if content[:1] == b"{" else {}
        environment = {name: text for name, text in document.items() if isinstance(text, str)}
        loaded = settings.load_settings(environment, file=folder / "none")
        for name, key in settings.KEYS.items():
            key.shown(getattr(loaded.settings, name))

    return lambda content: _if_json(run, content)


def _store_setting(folder: Path) -> Run:
    def run(content: bytes) -> None:
        (folder / "settings.toml").write_bytes(content)
        with patch.dict(os.environ, {"GPA_MLX_HOME": str(folder)}):
            settings.store("theme", "dark")
            assert settings.load_settings({}).settings.theme == "dark"
            settings.store("keys.app.quit", "q")
            settings.remove("theme")

    return run


# -- JSON that the program wrote --------------------------------------------------------------------------------------

_TOKENS = [{"semantic": [1, 2, 3], "global": [4, 5], "glm": [], "sample_rate": 16000}]
_ENTRY = [{"state": "recorded", "duration_s": 1.5, "text": "hello", "device": "mic", "error": ""}]
_ORIGIN = [{"repo": "a/b", "requested": None, "revision": "c" * 40, "dtype": "float32", "lm_bits": 4}]
_MANIFEST_LINES = [
    {"task": "stt", "audio": "a.wav", "text": "words"},
    {"task": "tts-a", "audio": "a.wav", "ref_audio": "a.wav", "text": "words"},
    {"task": "vc", "audio": "a.wav", "ref_audio": "a.wav", "vc_audio": "a.wav"},
]


def _if_json(run: Run, content: bytes) -> None:
    """Run only what a caller could have parsed."""
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return
    run(content)


@cache
def _demo_json(name: str) -> object:
    return json.loads((demo.demo_model() / name).read_bytes())


def _read_manifest(folder: Path) -> Run:
    def run(content: bytes) -> None:
        (folder / "gpa_mlx.json").write_bytes(content)
        read_manifest(folder)
        require_converted(folder)

    return run


_ARGS = {
    "config.json": Qwen3Args,
    "glm_tokenizer/config.json": WhisperVQArgs,
    "glm_tokenizer/preprocessor_config.json": LogMelArgs,
    "wav2vec2/config.json": Wav2Vec2Args,
    "bicodec/config.json": BiCodecArgs,
}


def _model_config(draw: Random) -> bytes:
    """The configs of all parts as one document, one of them with changes."""
    name = draw.choice(list(_ARGS))
    return name.encode() + b"\n" + mutated_json([_demo_json(name)])(draw)


def _read_model_config(folder: Path) -> Run:
    file = folder / "config.json"

    def run(content: bytes) -> None:
        name, _, document = content.partition(b"\n")
        file.write_bytes(document)
        _ARGS[name.decode()].from_dict(read_json(file), str(file))

    return run


def _read_adapter(folder: Path) -> Run:
    def run(content: bytes) -> None:
        (folder / ADAPTER_CONFIG).write_bytes(content)
        AdapterArgs.from_dict(read_json(folder / ADAPTER_CONFIG), ADAPTER_CONFIG)

    return run


def _read_origin(folder: Path) -> Run:
    (folder / "models").mkdir()

    def run(content: bytes) -> None:
        (folder / "models" / ".a.json").write_bytes(content)
        with patch.dict(os.environ, {"GPA_MLX_HOME": str(folder)}):
            models.read_origin("a")

    return run


def _read_entry(folder: Path) -> Run:
    def run(content: bytes) -> None:
        (folder / "entry.json").write_bytes(content)
        entry = read_entry(folder)
        assert entry is None or json.dumps(entry.document())

    return run


_RECORD = {"program": "gpa-mlx", "format_version": 1, "version": "0.1.0", "created": "2026-11-21T12:00:00Z"}
_RECORD |= {
    "making": {
        **{"kind": "AI-generated speech", "task": "speak", "seed": 1, "seeds": [1], "options": {"temperature": 0.2}},
        "model": {"name": "demo", "family": "f", "sha256": "a" * 64, "adapter_sha256": None},
        "voice": {"name": "anna", "sha256": "b" * 64},
        **{"text_sha256": "c" * 64, "source_sha256": None, "scores": [0.5, None]},
    },
    "sound": {"sha256": "d" * 64, "frames": 100, "sample_rate": 16000, "subtype": "PCM_16"},
}


def _record(draw: Random) -> bytes:
    """A record with changes and, half of the time, a checksum that fits."""
    content = mutated_json([_RECORD])(draw)
    try:
        document = json.loads(content)
        text = json.dumps(document, sort_keys=True, separators=(",", ":"))
        if isinstance(document, dict) and draw.random() < 0.8:
            return json.dumps({**document, "checksum": hashlib.sha256(text.encode()).hexdigest()}).encode()
    except (ValueError, RecursionError, TypeError):
        pass
    return content


def _read_record(folder: Path) -> Run:
    return lambda content: Provenance.from_json(content, "record").to_json()


_UPSTREAM = "a: 1\nb:\n  c: [1, 2, {d: e}]\n  f: 1.5e3\n  g: null\nh: 2026-11-21\ni: 'x'\nj: |\n  text\n"
_YAML_WORDS = (
    "&a [*a]",
    "*a",
    "<<: *a",
    "!!python/object/apply:os.system ['x']",
    "!!binary x",
    "? [a]",
    "- - - -",
    "%TAG",
)
_YAML_WORDS += (
    "a: 0x" + "f" * 6000,
    "a: 1" + "0" * 5000,
    "a: " + "[" * 3000,
    "{" * 3000,
    "2026-13-45: 1",
    "a: 99:99:99",
)


# -- words ------------------------------------------------------------------------------------------------------------

_WORDS = "GitHub # name\nKubernetes\njay son => JSON\nC#\n中文 => 英文\n\n# comment\nAnn's\n"
_LEXICON = "GPA = gee pee ay\n# comment\nC++ = see plus plus\n中 = zhong\nDr. = doctor\n10 km = ten\n"


def _use_words(file: Path) -> None:
    words = read_custom_vocabulary(file)
    corrected = words.correct(_TEXTS[0] + " git hub cubernetes jason jay son 中文")
    assert all(replacement.heard for replacement in corrected.replacements)


def _use_lexicon(file: Path) -> None:
    normalize_text("GPA in C++ by Dr. A, 10 km, 中", lexicon=read_lexicon(file))


# -- what makes texts -------------------------------------------------------------------------------------------------


def _segments(draw: Random) -> bytes:
    """Segments at any times up to centuries, with any texts, and a layout."""
    make = mutated_text(_TEXTS)
    times = (0, 0.5, 1, 59.9996, 3599.9999, 1e5, 1e10, -1, 1 / 3)
    segments = [
        [draw.choice(times) + draw.random() * draw.choice((0, 1, 100)), draw.choice(times), text_of(make(draw))[:300]]
        for _ in range(draw.randrange(6))
    ]
    width = draw.choice((None, 1, 2, 10, 42))
    return json.dumps([segments, width, None if width is None else draw.choice((None, 1, 2))]).encode()


def _visible(text: str) -> str:
    """Return the characters that subtitles must keep, in order; dashes excepted, of which arrows lose some."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    kept = (
        char for char in text if not (char.isspace() or char <= " " or "\x7f" <= char < "\xa0" or char in "\ufeff-")
    )
    return "".join(kept)


def _write_subtitles(folder: Path) -> Run:
    def run(content: bytes) -> None:
        items, width, count = json.loads(content)
        segments = [Segment(start_s=start, end_s=end, text=text) for start, end, text in items]
        layout = Layout(max_line_width=width, max_line_count=count)
        for kind in FORMATS:
            render(kind, segments, layout).encode()
        cues = make_cues(segments, layout)
        ordered = sorted(segments, key=lambda segment: segment.start_s)
        assert _visible("".join("".join(cue.lines) for cue in cues)) == _visible("".join(each.text for each in ordered))
        before_ms = 0
        for cue in cues:
            assert before_ms <= cue.start_ms < cue.end_ms
            assert cue.lines
            assert all(line and len(line.splitlines()) == 1 and "-->" not in line for line in cue.lines)
            assert all(len(line) <= width for line in cue.lines if width)
            before_ms = cue.end_ms
        assert len(re.findall(r"(?m)^\d\d+:\d\d:\d\d,\d{3} --> ", render("srt", segments, layout))) == len(cues)

    return run


def _split(folder: Path) -> Run:
    def run(content: bytes) -> None:
        text = text_of(content)
        for limit in (20, 200):
            passages = split_passages(text, max_chars=limit)
            position = 0
            for passage in passages:
                assert passage.text == text[passage.start : passage.end] == passage.text.strip()
                assert len(passage.text) < limit
                assert any(map(str.isalnum, passage.text))
                assert passage.start >= position
                _check_gap(text, position, passage.start, limit)
                position = passage.end
            _check_gap(text, position, len(text), limit)

    return run


def _check_gap(text: str, start: int, end: int, limit: int) -> None:
    """Only blanks may be left out, and signs where very many stand together or nothing else is there."""
    if not text[start:end].strip():
        return
    run = next(m for m in re.finditer(r"[\W_]+", text) if m.start() <= start and end <= m.end())
    assert run.end() - run.start() >= limit // 2 or not any(map(str.isalnum, text))


def _speak(folder: Path) -> Run:
    def run(content: bytes) -> None:
        said = normalize_text(text_of(content)[:400])
        assert normalize_text(said) == said

    return run


def _training_manifest(draw: Random) -> bytes:
    lines = [mutated_json(_MANIFEST_LINES, ("a.wav", "vc", "tts-a"))(draw) for _ in range(draw.randint(1, 3))]
    return b"\n".join(lines)


def _read_training(folder: Path) -> Run:
    (folder / "a.wav").write_bytes(b"")

    def run(content: bytes) -> None:
        (folder / "train.jsonl").write_bytes(content)
        read_training_manifest(folder / "train.jsonl")

    return run


def _demo_manifest(draw: Random) -> bytes:
    return mutated_json([_demo_json("gpa_mlx.json")], ("../x", "x/" * 300, "config.json"))(draw)


TEXT_TARGETS = (
    Target("tokens", mutated_json(_TOKENS), lambda folder: lambda content: parse_tokens(content, "tokens.json"), 176),
    Target("voice-card", either(_card, mutated_lines([format_card(_VOICE)])), _decode_card, 70),
    Target("settings", mutated_lines([_SETTINGS], _SETTINGS_LINES), _file("settings.toml", _load_settings), 18),
    Target("variables", mutated_json([_VARIABLES], _VARIABLE_WORDS), _load_variables, 70),
    Target("store-setting", mutated_lines([_SETTINGS], _SETTINGS_LINES), _store_setting, 4),
    Target("manifest", _demo_manifest, _read_manifest, 26),
    Target("model-config", _model_config, _read_model_config, 35),
    Target("adapter", mutated_json([{"rank": 8, "scale": 2.0}]), _read_adapter, 35),
    Target("origin", mutated_json(_ORIGIN), _read_origin, 13),
    Target("history-entry", mutated_json(_ENTRY), _read_entry, 26),
    Target("record", _record, _read_record, 88),
    Target("training-manifest", _training_manifest, _read_training, 35),
    Target("upstream-yaml", mutated_lines([_UPSTREAM], _YAML_WORDS), _file("config.yaml", read_config), 4),
    Target("words", mutated_lines([_WORDS]), _file("words.txt", _use_words), 13),
    Target("lexicon", mutated_lines([_LEXICON]), _file("lexicon.txt", _use_lexicon), 2),
    Target("subtitles", _segments, _write_subtitles, 7),
    Target("sentences", mutated_text(_TEXTS), _split, 20),
    Target("spoken-form", mutated_text(_TEXTS), _speak, 6),
)
