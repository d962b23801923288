"""The language model at work on the engine's prompts, timed: one sequence, or several in a batch."""

from __future__ import annotations

import secrets
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, replace

from gpa_mlx.engine.timing import TaskTimer
from gpa_mlx.lm.batch import BatchRequest, BatchToken
from gpa_mlx.lm.generate import Token
from gpa_mlx.lm.pool import BatchGenerator, DecodingPool
from gpa_mlx.lm.sampling import check_options
from gpa_mlx.model.tasks import Prompt, SpeechOutput, TextOutput
from gpa_mlx.runtime.turns import turn_wanted
from gpa_mlx.types import ChannelChoice, GenerationOptions

DEFAULT_MAX_TOKENS = 512


@dataclass(frozen=True, slots=True)
class DecodingPass:
    """One run of a task: its options, and the clock that all its work adds to.

    Attributes:
        options: Checked, with a seed where one is needed.
        clock: Of the whole task.
    """

    options: GenerationOptions
    clock: TaskTimer


def checked(options: GenerationOptions) -> GenerationOptions:
    """Return options with a seed of their own where one is needed.

    Raises:
        SettingsError: An option is out of range.
    """
    check_options(options)
    if options.temperature > 0 and options.seed is None:
        options = replace(options, seed=secrets.randbits(31))
    return options


def heard_channels(options: GenerationOptions) -> ChannelChoice:
    """Return which mono a recording with several channels is read as: the one with the speech, or the reference's."""
    return "speech" if options.constrain else "reference"


def generate(
    pool: DecodingPool, output: TextOutput | SpeechOutput, prompt: Prompt, run: DecodingPass
) -> Generator[Token | None, None, None]:
    """Yield what the model makes of a prompt, up to and with a stop id or to the end of the budget.

    None comes before a step of the model while other work waits for this thread: whoever is let in then shares the
    step. So sequences that begin at the same time are soon one batch.

    Args:
        pool: Where it is generated.
        output: What the result is made of.
        prompt: What it begins with.
        run: Options and clock.

    Raises:
        InputTooLongError: Prompt and budget exceed the model's positions.
        CancelledError: The surrounding `cancellable` work was cancelled.
        GPAError: The memory that is allowed is used up.
    """
    yield from run.clock.generating(_begun(pool, output, prompt, run), prompts=True)


def _begun(
    pool: DecodingPool, output: TextOutput | SpeechOutput, prompt: Prompt, run: DecodingPass
) -> Generator[Token | None, None, None]:
    with closing(pool.begin(_request(prompt, output, run), output.head)) as tokens:
        while True:
            if turn_wanted() and not tokens.is_ready:
                yield None
            token = next(tokens, None)
            if token is None:
                return
            yield token


class BatchDecoder:
    """Several prompts together, each taken when there is a place for it in the batch.

    Args:
        pool: Where they are generated.
        output: What the results are made of.
        prompts: One for every sequence.
        run: Options and clock.
        batch: Most sequences at a time.
    """

    def __init__(
        self, pool: DecodingPool, output: TextOutput, prompts: Iterable[Prompt], run: DecodingPass, *, batch: int
    ) -> None:
        self._run = run
        requests = (_request(prompt, output, run) for prompt in prompts)
        self._generator = BatchGenerator(pool, output.head, requests, rows=batch)

    def tokens(self) -> Generator[BatchToken, None, None]:
        """Yield the tokens of all sequences in turns; closing ends all."""
        with closing(self._generator) as items:
            yield from self._run.clock.generating(items, prompts=False)

    def cancel(self, index: int) -> None:
        """End one sequence."""
        self._generator.cancel(index)


def _request(prompt: Prompt, output: TextOutput | SpeechOutput, run: DecodingPass) -> BatchRequest:
    run.clock.prompt_tokens += len(prompt.ids)
    return BatchRequest(
        prompt=prompt.ids,
        options=run.options,
        max_tokens=run.options.max_tokens or max(DEFAULT_MAX_TOKENS, prompt.min_budget),
        stop_ids=output.stop_ids,
        embeddings=prompt.embeddings,
    )
