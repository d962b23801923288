"""`gpa-mlx tokenize` and `gpa-mlx detokenize`: recordings to discrete audio tokens and back."""

from __future__ import annotations

import hashlib
import json
import reprlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from gpa_mlx.cli.inputs import STANDARD_INPUT, open_engine, read_source, require_audio, require_writable
from gpa_mlx.cli.options import json_option, model_option, output_options
from gpa_mlx.cli.output import write_json
from gpa_mlx.errors import GPAError

if TYPE_CHECKING:
    from gpa_mlx.cli.program import Session
    from gpa_mlx.types import AudioTokens

_HINT = "Give what `gpa-mlx tokenize --json` writes: an object with the lists `semantic` and `global`."


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@model_option
@json_option
@click.pass_obj
def tokenize(session: Session, *, file: Path, model: str | None, as_json: bool) -> None:
    """Turn a recording into discrete audio tokens.

    GLM tokens carry the words (12.5 a second), semantic tokens the sound (50 a second), global tokens the speaker.
    """
    diagnostics = session.diagnostics
    require_audio(file)
    with open_engine(session, model) as engine, diagnostics.working(f"tokenizing {file}"):
        tokens = engine.tokenize(file)
        sample_rate = engine.sample_rate
    if tokens.glm_duration_s < tokens.duration_s:
        diagnostics.note(f"GLM tokens cover the first {tokens.glm_duration_s:g} s only, the tokenizer's limit.")
    if as_json:
        write_json(
            {
                "sample_rate": sample_rate,
                "duration_s": tokens.duration_s,
                "glm": tokens.glm.tolist(),
                "semantic": tokens.semantic.tolist(),
                "global": tokens.global_tokens.tolist(),
            }
        )
    else:
        click.echo(_table(tokens))


@click.command()
@click.argument("tokens", metavar="TOKENS.json|-")
@model_option
@output_options
@click.pass_obj
def detokenize(session: Session, *, tokens: str, model: str | None, output: Path, subtype: str, sidecar: bool) -> None:
    """Turn discrete audio tokens into a WAV file.

    TOKENS.json holds an object with the lists `semantic` and `global`; `-` reads it from standard input. The decoder's
    output is written as it is. The file says in itself that it was decoded from tokens, and OUT.wav.json beside it from
    which; `gpa-mlx verify OUT.wav` reads both.
    """
    from gpa_mlx.audio.files.reader import write_wav
    from gpa_mlx.provenance.metadata import GenerationMetadata, VoiceIdentity
    from gpa_mlx.provenance.tagging import identify_codes, identify_model, require_free_sidecar, tag_file

    diagnostics = session.diagnostics
    require_writable(output, *([] if tokens == STANDARD_INPUT else [Path(tokens)]))
    if sidecar:
        require_free_sidecar(output)
    document = read_source(tokens)
    codes = parse_tokens(document, "standard input" if tokens == STANDARD_INPUT else tokens)
    with open_engine(session, model) as engine, diagnostics.working("decoding"):
        audio = engine.detokenize(codes.semantic, codes.global_tokens)
        sample_rate = engine.sample_rate
        weights = identify_model(engine.path)
    write_wav(output, audio, sample_rate, subtype=subtype)
    making = GenerationMetadata(
        task="detokenize",
        model=weights,
        voice=VoiceIdentity(name=None, sha256=identify_codes(codes.global_tokens)),
        source_sha256=hashlib.sha256(document).hexdigest(),
        options={},
    )
    tag_file(output, making, sidecar=sidecar)
    diagnostics.inform(f"{output}: {len(audio) / sample_rate:.2f} s")


class SpeechTokens(NamedTuple):
    """What the decoder needs: the sound and the speaker."""

    semantic: list[int]
    global_tokens: list[int]


def parse_tokens(content: bytes, name: str) -> SpeechTokens:
    """Read the codes from a JSON document.

    Args:
        content: The document, UTF-8.
        name: Where it came from, for error messages.

    Raises:
        GPAError: Not JSON, no object, or a list is missing, empty or not made of codes.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise GPAError(f"{name} is not valid JSON: {error}.", hint=_HINT) from error
    if not isinstance(document, dict):
        raise GPAError(f"{name} holds no JSON object.", hint=_HINT)
    return SpeechTokens(_codes(document, "semantic", name), _codes(document, "global", name))


def _codes(document: dict[str, object], key: str, name: str) -> list[int]:
    codes = document.get(key)
    if not isinstance(codes, list) or not codes:
        problem = "is missing" if key not in document else "must be a list of at least one code"
        raise GPAError(f"{name}: '{key}' {problem}.", hint=_HINT)
    for position, code in enumerate(codes):
        if type(code) is not int or code < 0:
            raise GPAError(
                f"{name}: '{key}'[{position}] is {reprlib.repr(code)}, not a code (an integer from 0 up).", hint=_HINT
            )
    return codes


def _table(tokens: AudioTokens) -> str:
    rows = [f"duration {tokens.duration_s:8.2f} s"]
    for name, codes in (("glm", tokens.glm), ("semantic", tokens.semantic), ("global", tokens.global_tokens)):
        more = " ..." if len(codes) > 8 else ""
        rows.append(f"{name:<8} {len(codes):8d} codes: {' '.join(map(str, codes[:8]))}{more}")
    return "\n".join(rows)
