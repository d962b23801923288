"""The models: the default one must be whole, the others are looked at."""

from __future__ import annotations

from gpa_mlx.doctor.finding import Finding
from gpa_mlx.errors import GPAError
from gpa_mlx.jobs.models import default_model, find_model
from gpa_mlx.model import demo
from gpa_mlx.settings import Settings
from gpa_mlx.store import models
from gpa_mlx.store.manifest import Manifest, require_converted
from gpa_mlx.text.quantities import readable_size

_AREA = "models"
_GET_ONE = "`gpa-mlx model pull`"


def examine_models(settings: Settings) -> list[Finding]:
    """Look at the files of the default model, of the demo model and of all installed ones, by their sizes.

    Args:
        settings: Those of this run, which may name a default model.
    """
    return [_default(settings), *_demo(), *_installed()]


def _default(settings: Settings) -> Finding:
    if default_model(settings) is None:
        what = "Several are installed and none is the default." if models.installed_models() else "None is installed."
        fix = "`gpa-mlx model default NAME`" if models.installed_models() else f"{_GET_ONE}, or `--model demo`"
        return Finding(_AREA, "note", what, fix)
    try:
        path = find_model(settings, None)
        manifest = require_converted(path)
    except GPAError as error:
        return Finding(_AREA, "missing", f"The default model cannot be used: {error.message}", error.hint or _GET_ONE)
    return Finding(_AREA, "ok", f"The default is {default_model(settings)} ({path}), {_described(manifest)}.")


def _demo() -> list[Finding]:
    try:
        manifest = require_converted(demo.demo_model())
    except GPAError as error:
        fix = "`python -m pip install --force-reinstall gpa-mlx`"
        return [Finding(_AREA, "warning", f"The demo model cannot be used: {error.message}", fix)]
    return [Finding(_AREA, "ok", f"The demo model is whole, {_described(manifest)}.")]


def _installed() -> list[Finding]:
    findings = []
    for model in models.installed_models():
        if model.problem or model.manifest is None:
            fix = f"`gpa-mlx model repair {model.name}`"
            findings.append(Finding(_AREA, "warning", f"{model.name}: {model.problem}", fix))
        else:
            findings.append(Finding(_AREA, "ok", f"{model.name} is whole, {_described(model.manifest)}."))
    return findings


def _described(manifest: Manifest) -> str:
    parameters = sum(part.parameters for part in manifest.parts.values()) / 1e6
    size_bytes = sum(file.size for file in manifest.files.values())
    return f"{parameters:.1f} million parameters, {readable_size(size_bytes)} on disk"
