"""How long to go on asking a server that fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to try again and when to give up.

    Attributes:
        stall_s: A connection that gives nothing for so long has failed.
        tries: Failures in a row, none of which brought a file further than ever, after which it is given up.
        first_wait_s: Before the second try; doubles from try to try.
        longest_wait_s: No wait is longer, whatever the server asks for.
        answer_s: A listing that is not there after so long is given up.
        slow_s: How long all connections together may be slower than `least_bytes_per_s` before they are given up: a
            byte now and then is no download. Longer than all waits in a row, which have their own end.
        least_bytes_per_s: Anything slower would take weeks.
    """

    stall_s: float
    tries: int = 6
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    answer_s: float = 60.0
    slow_s: float = 300.0
    least_bytes_per_s: float = 1_000.0

    @classmethod
    def default(cls) -> RetryPolicy:
        """Return what suits a person at a terminal; `HF_HUB_DOWNLOAD_TIMEOUT` sets the stall."""
        from huggingface_hub import constants

        return cls(stall_s=float(constants.HF_HUB_DOWNLOAD_TIMEOUT))

    def waits(self) -> Iterator[float]:
        """Yield the seconds to wait before each further try."""
        for failures in range(1, self.tries):
            yield self.wait_s(failures)

    def wait_s(self, failures: int, asked_s: float = 0.0) -> float:
        """Return the seconds to wait after so many failures in a row, at least `asked_s` if that is bearable."""
        return min(self.longest_wait_s, max(asked_s, self.first_wait_s * 2 ** (failures - 1)))


def is_retryable(status: int | None) -> bool:
    """Return whether an HTTP status, or None for a broken connection, is worth another try."""
    return status is None or status in (408, 425, 429) or status >= 500
