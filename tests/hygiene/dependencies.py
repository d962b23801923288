"""What is installed with the program: every run-time dependency, its licence and its size.

`make dependencies` lists them beside what was written down, NOTICE and `dependency_sizes.json`, and fails on a copyleft
licence that NOTICE does not name and on growth of more than a tenth; with WRITE=1 it writes both anew.
"""

from __future__ import annotations

import json
import platform
import re
import sys
import tomllib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
NOTICE = ROOT / "NOTICE"
SIZES = Path(__file__).with_name("dependency_sizes.json")
PLATFORM = f"{sys.platform}-{platform.machine()}"
MOST_GROWTH = 1.1

_COPYLEFT = re.compile(r"\b(?:A|L)?GPL|GNU (?:Affero|Lesser|Library|General)|\bSSPL|\bEUPL|\bOSL\b", re.IGNORECASE)
_ROW = re.compile(r"^- ([\w.-]+): (.+)$", re.MULTILINE)
_END = "Inside of these packages are, as their own files say:"


@dataclass(frozen=True, slots=True)
class Dependency:
    """An installed package.

    Attributes:
        name: Normalised.
        licence: As its metadata says it, in short.
        size: Bytes of its files, without compiled Python.
    """

    name: str
    licence: str
    size: int

    @property
    def is_copyleft(self) -> bool:
        """Whether its licence is of the GPL's kind, for all one can choose."""
        return all(_COPYLEFT.search(choice) for choice in re.split(r"\bOR\b", self.licence))


def dependencies() -> list[Dependency]:
    """Return what `pip install gpa-mlx` installs on this machine, without any extra, by name.

    Raises:
        PackageNotFoundError: One of them is not installed.
    """
    with (ROOT / "pyproject.toml").open("rb") as file:
        waiting = [(Requirement(line), "") for line in tomllib.load(file)["project"]["dependencies"]]
    found: dict[str, Dependency] = {}
    seen = set()
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        for wanted in {"", *requirement.extras} - {known for key, known in seen if key == name}:
            seen.add((name, wanted))
            package = metadata.distribution(requirement.name)
            found[name] = Dependency(name, _licence(package.metadata), _size(package))
            waiting += [(Requirement(line), wanted) for line in package.requires or ()]
    return sorted(found.values(), key=lambda each: each.name)


def problems(installed: list[Dependency]) -> list[str]:
    """Return what NOTICE and the sizes that were written down do not allow, a sentence each."""
    noted = _noted()
    said = [
        f"{each.name} has a new copyleft licence, {each.licence}."
        for each in installed
        if each.is_copyleft and noted.get(each.name) != each.licence
    ]
    missing = sorted({each.name for each in installed} - noted.keys())
    if missing:
        said.append(f"NOTICE does not name {', '.join(missing)}.")
    sizes = json.loads(SIZES.read_text(encoding="utf-8")).get(PLATFORM)
    if sizes is not None:
        before, now = sum(sizes.values()), sum(each.size for each in installed)
        if now > MOST_GROWTH * before:
            grown = sorted(installed, key=lambda each: sizes.get(each.name, 0) - each.size)[:3]
            said.append(
                f"The dependencies have grown from {before / 1e6:.0f} to {now / 1e6:.0f} MB, most of all "
                f"{', '.join(each.name for each in grown)}."
            )
    return said


def _noted() -> dict[str, str]:
    """Return the licences that NOTICE names, by package."""
    return dict(_ROW.findall(NOTICE.read_text(encoding="utf-8").partition(_END)[0]))


def _licence(about: metadata.PackageMetadata) -> str:
    stated = about.get("License-Expression") or about.get("License") or ""
    if stated and len(stated) < 80 and "\n" not in stated:
        return stated
    classifiers = [
        line.rpartition(" :: ")[2] for line in about.get_all("Classifier") or () if line.startswith("License")
    ]
    return " AND ".join(classifiers) or "unknown"


def _size(package: metadata.Distribution) -> int:
    files = (Path(str(file.locate())) for file in package.files or () if file.suffix != ".pyc")
    return sum(file.stat().st_size for file in files if file.is_file())


def _write(installed: list[Dependency]) -> None:
    head, _, rest = NOTICE.read_text(encoding="utf-8").partition("\n- ")
    tail = rest[rest.index(_END) :]
    # What is not installed here may be what other systems need, as mlx-metal.
    licences = _noted() | {each.name: each.licence for each in installed}
    rows = "".join(f"- {name}: {licence}\n" for name, licence in sorted(licences.items()))
    NOTICE.write_text(f"{head}\n{rows}\n{tail}", encoding="utf-8")
    sizes = json.loads(SIZES.read_text(encoding="utf-8")) if SIZES.exists() else {}
    sizes[PLATFORM] = {each.name: each.size for each in installed}
    SIZES.write_text(json.dumps(sizes, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def main(*arguments: str) -> int:
    """List them; `--write` writes NOTICE and the sizes anew."""
    installed = dependencies()
    if "--write" in arguments:
        _write(installed)
    for each in installed:
        print(f"{each.size / 1e6:8.1f} MB  {each.name:20} {each.licence}")
    print(f"{sum(each.size for each in installed) / 1e6:8.1f} MB  together")
    found = problems(installed)
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
