"""The other end of `reference_torch.py`: starts it, asks, and ends it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


class TorchWorker:
    """The reference's networks in their own process; see `reference_torch.py`."""

    def __init__(self, source: Path) -> None:
        script = Path(__file__).with_name("reference_torch.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script), str(source)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, op: str, **arguments: object) -> dict[str, Any]:
        """Send one request and wait for its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"op": op, **arguments}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the torch worker ended during '{op}'; its error is above")
        return json.loads(answer)

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
