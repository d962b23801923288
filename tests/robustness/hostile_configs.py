"""Open a model with one number of its configs replaced, for every number, in a process whose memory is limited.

    python -m tests.robustness.hostile_configs MODEL LIMIT_BYTES < values.json

Reads a list of numbers from standard input; writes one JSON object: how often what came of it, and what was unexpected.
"""

from __future__ import annotations

import json
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.memory import peak_bytes

Place = tuple[str, ...]


def numbers(content: Any, place: Place = ()) -> Iterator[Place]:
    """Yield where the numbers of a parsed JSON document are."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from numbers(value, (*place, key))
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from numbers(value, (*place, str(index)))
    elif isinstance(content, int | float) and not isinstance(content, bool):
        yield place


def put(content: Any, place: Place, value: object) -> None:
    """Replace what is at a place."""
    *above, last = place
    for key in above:
        content = content[int(key) if isinstance(content, list) else key]
    content[int(last) if isinstance(content, list) else last] = value


def record(model: Path, name: str) -> None:
    """Let the manifest say of a file what it is now, as whoever sends a model would."""
    import hashlib

    manifest = json.loads((model / "gpa_mlx.json").read_text())
    content = (model / name).read_bytes()
    manifest["files"][name].update(size=len(content), sha256=hashlib.sha256(content).hexdigest())
    (model / "gpa_mlx.json").write_text(json.dumps(manifest))


def open_all(model: Path) -> str:
    """Load everything; return what came of it."""
    from gpa_mlx.errors import GPAError
    from gpa_mlx.model.registry import open_model

    try:
        parts = open_model(model)
        for task in parts.needs:
            parts.load(task)
    except GPAError:
        return "refused"
    return "opened"


def main(model: Path, limit_bytes: int, values: list[object]) -> None:
    """Try all values at all places."""
    open_all(model)  # everything is imported
    resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
    outcomes: Counter[str] = Counter()
    unexpected = []
    for path in sorted(model.rglob("*config.json")):
        name, original = str(path.relative_to(model)), path.read_text()
        for place in numbers(json.loads(original)):
            for value in values:
                content = json.loads(original)
                put(content, place, value)
                path.write_text(json.dumps(content))
                record(model, name)
                try:
                    outcomes[open_all(model)] += 1
                except BaseException as error:
                    unexpected.append(f"{name} {'.'.join(place)} = {value}: {type(error).__name__} {error}"[:300])
        path.write_text(original)
        record(model, name)
    print(json.dumps({"outcomes": outcomes, "unexpected": unexpected, "peak_bytes": peak_bytes()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), json.load(sys.stdin))
