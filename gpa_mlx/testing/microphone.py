"""A fake microphone: it gives the blocks that a test puts in."""

from __future__ import annotations

import queue
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpa_mlx.types import Samples


class FakeMicrophone:
    """A microphone whose blocks are given in advance or one by one; `gpa_mlx.audio.devices.microphone.AudioInput`.

    Args:
        blocks: `(samples,)` float64 at 16 kHz each; they wait to be taken as soon as the recording starts.
        ends: The recording stops by itself after these blocks, as if the user had stopped it.
        failure: Raised after these blocks, as a device does that is unplugged.
        unusable: Raised when it is opened.

    Attributes:
        overflows: How often blocks were lost; never.
        opened: How often it was opened.
        closed: How often it was closed.
    """

    name = "fake microphone"

    def __init__(
        self,
        blocks: Iterable[Samples] = (),
        *,
        ends: bool = False,
        failure: Exception | None = None,
        unusable: Exception | None = None,
    ) -> None:
        self._initial = list(blocks)
        self._ends, self._failure, self._unusable = ends, failure, unusable
        self._blocks: queue.SimpleQueue[Samples | Exception | None] = queue.SimpleQueue()
        self.overflows = 0
        self.opened = self.closed = 0

    def open(self) -> None:
        """Open it, or raise what makes it unusable."""
        if self._unusable is not None:
            raise self._unusable
        self.opened += 1

    def start(self) -> None:
        """Start a recording with the blocks given in advance."""
        self._blocks = queue.SimpleQueue()
        for block in self._initial:
            self._blocks.put(block)
        if self._failure is not None:
            self._blocks.put(self._failure)
        elif self._ends:
            self._blocks.put(None)

    def put(self, block: Samples) -> None:
        """Add a block."""
        self._blocks.put(block)

    def fail(self, error: Exception) -> None:
        """Unplug it."""
        self._blocks.put(error)

    def stop(self) -> None:
        """End the recording after the blocks that are there."""
        self._blocks.put(None)

    def close(self) -> None:
        """End the recording and release the device."""
        self.closed += 1
        self._blocks.put(None)

    def __iter__(self) -> Iterator[Samples]:
        """Yield blocks until the recording ends."""
        blocks = self._blocks
        while (block := blocks.get()) is not None:
            if isinstance(block, Exception):
                raise block
            yield block
