"""What this computer is, and what `gpa-mlx doctor` finds."""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING, Any

from gpa_mlx.doctor.first_run.processes import last_words
from gpa_mlx.version import __version__

if TYPE_CHECKING:
    from gpa_mlx.doctor.first_run.step import Notes, Surroundings

_PACKAGES = (
    "mlx",
    "mlx-metal",
    "mlx-cpu",
    "numpy",
    "tokenizers",
    "sounddevice",
    "soundfile",
    "soxr",
    "huggingface-hub",
    "click",
    "textual",
)
_ANONYMOUS_AREAS = ("machine", "backend", "clipboard", "tools", "network")
"""What the doctor says of these names nobody; of others, such as microphones, only the status is reported."""

_DEADLINE_S = 120.0


def examine_versions(surroundings: Surroundings, notes: Notes) -> None:
    """Write down versions, and which wheels of MLX were chosen; nothing is imported, so nothing can crash."""
    host = surroundings.host
    packages = {name: _distribution(name) for name in _PACKAGES}
    notes.facts |= {
        "gpa-mlx": __version__,
        "packages": {name: found["version"] for name, found in packages.items() if found},
        "wheels": {name: found["tags"] for name, found in packages.items() if found and name.startswith("mlx")},
        "system": {
            "platform": host.platform,
            "version": host.system_version,
            "kernel": platform.release(),
            "machine": host.architecture,
            "cores": host.cores,
            "memory_bytes": host.memory_bytes,
            "model": host.output(["sysctl", "-n", "hw.model"]) if host.is_mac else "",
            "virtual": host.is_mac and host.output(["sysctl", "-n", "kern.hv_vmm_present"]) == "1",
        },
        "python": {
            "version": host.python_version,
            "implementation": platform.python_implementation(),
            "compiler": platform.python_compiler(),
        },
    }
    system = "macOS" if host.is_mac else platform.system()
    mlx = packages["mlx"]
    if mlx is None:
        notes.problems.append("The package mlx is not installed.")
    notes.summary = (
        f"gpa-mlx {__version__}, MLX {mlx['version'] if mlx else 'missing'}, {system} "
        f"{host.system_version or platform.release()}, {host.architecture}, Python {host.python_version}"
    )


def _distribution(name: str) -> dict[str, Any] | None:
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return None
    lines = (found.read_text("WHEEL") or "").splitlines()
    return {
        "version": found.version,
        "tags": [line.partition(":")[2].strip() for line in lines if line.startswith("Tag:")],
    }


def examine_backend(surroundings: Surroundings, notes: Notes) -> None:
    """Let MLX compute something and write down what it says of the device."""
    found = surroundings.processes.measure("backend", deadline_s=_DEADLINE_S)
    notes.facts |= found
    name = found["device_info"].get("device_name", "")
    notes.summary = f"MLX computes on the {found['device'].upper()}{f' ({name})' if name else ''}"


def consult_doctor(surroundings: Surroundings, notes: Notes) -> None:
    """Run `gpa-mlx doctor` without its microphone."""
    ended = surroundings.processes.program("doctor", "--no-microphone", "--json", deadline_s=_DEADLINE_S)
    try:
        findings = json.loads(ended.out)["findings"]
    except (ValueError, LookupError, TypeError):
        notes.problems.append(f"`gpa-mlx doctor` {ended.fate}{last_words(ended)}.")
        return
    notes.facts["findings"] = [
        finding if finding["area"] in _ANONYMOUS_AREAS else {"area": finding["area"], "status": finding["status"]}
        for finding in findings
    ]
    statuses = [finding["status"] for finding in findings]
    notes.problems += [finding["what"] for finding in findings if finding["status"] == "missing"]
    notes.summary = ", ".join(f"{statuses.count(status)} {status}" for status in sorted(set(statuses)))
