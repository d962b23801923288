"""Quality targets of the demo model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gpa_mlx.recipes.demo.evaluation.judges import JUDGES

if TYPE_CHECKING:
    from gpa_mlx.recipes.demo.evaluation.scores import DemoScores

MAX_EMBEDDED_BYTES = 12_000_000
"""Most bytes of everything that ships."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One figure and what it should be.

    Attributes:
        name: What is measured.
        figure: A share, 0 to 1, or a number of bytes; None where it could not be measured.
        bound: What it is compared with.
        sense: Whether the figure should be at most or at least the bound.
        unit: What figure and bound count.
    """

    name: str
    figure: float | None
    bound: float
    sense: Literal["at most", "at least"] = "at most"
    unit: Literal["share", "bytes"] = "share"

    @property
    def met(self) -> bool | None:
        """Whether the figure is as it should be; None where it could not be measured."""
        if self.figure is None:
            return None
        return self.figure <= self.bound if self.sense == "at most" else self.figure >= self.bound


def targets(scores: DemoScores) -> list[Target]:
    """Compare the figures with what they should be."""
    silence, conversion = scores.stt_non_speech, scores.conversion
    transcribed = max(1, silence.recordings)
    return [
        Target(name="word errors, voices of the training data", figure=scores.stt_trained.rate, bound=0.03),
        Target(name="word errors, voices that are not in it", figure=scores.stt_held_out.rate, bound=0.1),
        Target(name="word errors, noise at 10 dB", figure=scores.stt_noisy.rate, bound=0.15),
        Target(name="silence and noise without text", figure=silence.empty / transcribed, bound=1.0, sense="at least"),
        Target(name="word errors in its own speech", figure=scores.speak.overall.rate, bound=0.08),
        *(
            Target(
                name=f"word errors of {judge} in its speech, above those in the synthesiser's",
                figure=scores.judges[judge].difference if judge in scores.judges else None,
                bound=0.15,
            )
            for judge in JUDGES
        ),
        Target(name="word errors in converted speech", figure=conversion.words.rate, bound=0.15),
        Target(name="converted speech closer to the target", figure=conversion.closer, bound=0.95, sense="at least"),
        Target(name="size", figure=scores.size_bytes, bound=MAX_EMBEDDED_BYTES, unit="bytes"),
    ]
