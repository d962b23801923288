"""Endings of the files that generated speech is written to; light, for `--help` and others that answer at once."""

from __future__ import annotations

OUTPUT_ENDINGS = {
    "wav": (".wav", ".wave"),
    "flac": (".flac",),
    "mp3": (".mp3",),
    "ogg": (".ogg", ".oga"),
    "opus": (".opus",),
    "m4a": (".m4a",),
}
"""By the name of the format, the usual ending first; `gpa_mlx.audio.files.output_formats` has what belongs to each."""

USUAL_ENDINGS = tuple(endings[0] for endings in OUTPUT_ENDINGS.values())
