"""Everything a model generates at a time, for however many readers: one batch behind token streams of their own.

Whoever needs a token has one step done for all, and the others find theirs waiting. So streams that take turns on one
thread share the work without knowing of each other; a single one is a batch of one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from itertools import count, islice

from gpa_mlx.lm.batch import Batch, BatchRequest, BatchToken
from gpa_mlx.lm.generate import Token
from gpa_mlx.lm.head import SlicedHead
from gpa_mlx.lm.language_model import LanguageModel
from gpa_mlx.runtime.cancellation import check_cancelled
from gpa_mlx.runtime.memory import check_use
from gpa_mlx.types import FinishReason


class DecodingPool:
    """The sequences that one model generates; for one thread.

    Args:
        model: The loaded decoder.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._batch = Batch(model)
        self._streams: dict[int, PooledTokens] = {}
        self._numbers = count()

    def begin(self, request: BatchRequest, head: SlicedHead) -> PooledTokens:
        """Take up a sequence: its prompt runs through the model now.

        Args:
            request: What to generate.
            head: The output rows that may be drawn.

        Raises:
            InputTooLongError: Prompt and budget exceed the model's positions.
            SettingsError: A sampling option cannot be used.
            CancelledError: The surrounding `cancellable` work was cancelled.
        """
        check_cancelled()
        number = next(self._numbers)
        deque(self._batch.join(number, request, head), maxlen=0)
        self._streams[number] = PooledTokens(self, number)
        return self._streams[number]

    def advance(self) -> None:
        """Do one step for all sequences.

        Raises:
            GPAError: The memory that is allowed is used up; the sequences go on when there is room again.
            Exception: The step failed. Every sequence has ended with this error.
        """
        check_use()
        try:
            found = self._batch.step()
        except Exception as error:
            streams, self._streams = self._streams, {}
            self._batch = Batch(self._model)
            for stream in streams.values():
                stream.fail(error)
            raise
        for item in found:
            stream = self._streams[item.index]
            stream.take(item)
            if item.finish_reason is not None:
                del self._streams[item.index]

    def end(self, number: int) -> None:
        """Forget a sequence; nothing happens if it has ended."""
        if self._streams.pop(number, None) is not None:
            self._batch.leave(number)


class PooledTokens(Iterator[Token]):
    """The ids of one sequence, by `DecodingPool.begin`: an iterator that ends after the last one.

    When it is the only sequence, the next step is already being computed while its last id is handled. `close` ends it.

    Attributes:
        finish_reason: `stop` or `length` once the last id has been given out.

    Raises:
        CancelledError: The surrounding `cancellable` work was cancelled; the others do not notice.
        GPAError: The memory that is allowed is used up.
    """

    def __init__(self, pool: DecodingPool, number: int) -> None:
        self.finish_reason: FinishReason | None = None
        self._pool = pool
        self._number = number
        self._waiting: deque[BatchToken] = deque()
        self._error: Exception | None = None
        self._is_closed = False

    @property
    def is_ready(self) -> bool:
        """Whether the next id, or the end, is there without another step."""
        return bool(self._waiting) or self._is_closed or self.finish_reason is not None

    def __next__(self) -> Token:
        if self._is_closed or self.finish_reason is not None:
            raise StopIteration
        check_cancelled()
        while not self._waiting:
            if self._error is not None:
                raise self._error
            self._pool.advance()
        item = self._waiting.popleft()
        self.finish_reason = item.finish_reason
        return item.token

    def close(self) -> None:
        """End the sequence: no more of its ids come."""
        self._is_closed = True
        self._waiting.clear()
        self._pool.end(self._number)

    def take(self, item: BatchToken) -> None:
        """Keep an id until it is asked for."""
        self._waiting.append(item)

    def fail(self, error: Exception) -> None:
        """Raise an error once the ids that are here have been given out."""
        self._error = error


class BatchGenerator(Iterator[BatchToken]):
    """Works off a queue of sequences, several at a time; an iterator of their ids.

    A sequence that ends leaves, and the next one that waits takes its place. Ids of a sequence come in order, those of
    all that are generated in turns. Prompts run through the model one by one when they join, so that memory is bounded
    by `rows` and the longest sequences, however many requests there are.

    Args:
        pool: Where they are generated.
        head: The output rows the task may use.
        requests: Taken one after the other, each when there is a place for it.
        rows: Most sequences at a time.

    Raises:
        InputTooLongError: A prompt and its budget exceed the model's positions (raised when the request is taken, like
            all errors; it ends the generation).
        SettingsError: A sampling option cannot be used.
    """

    def __init__(
        self, pool: DecodingPool, head: SlicedHead, requests: Iterable[BatchRequest], *, rows: int = 8
    ) -> None:
        self._places = rows
        self._waiting = enumerate(requests)
        self._open: dict[int, PooledTokens] = {}
        self._cancelled: set[int] = set()
        self._tokens = self._run(pool, head)

    def __next__(self) -> BatchToken:
        return next(self._tokens)

    def cancel(self, index: int) -> None:
        """End one sequence, whether it has begun or not: no more of its ids come."""
        self._cancelled.add(index)
        if (tokens := self._open.pop(index, None)) is not None:
            tokens.close()

    def close(self) -> None:
        """End all sequences."""
        self._tokens.close()
        for index in list(self._open):
            self.cancel(index)

    def _run(self, pool: DecodingPool, head: SlicedHead) -> Generator[BatchToken]:
        try:
            while True:
                for index, request in self._take(self._places - len(self._open)):
                    self._open[index] = pool.begin(request, head)
                if not self._open:
                    return
                for index, tokens in list(self._open.items()):
                    if index in self._cancelled:
                        continue
                    token = next(tokens)
                    if tokens.finish_reason is not None:
                        del self._open[index]
                    yield BatchToken(index=index, token=token, finish_reason=tokens.finish_reason)
        finally:
            for tokens in self._open.values():
                tokens.close()

    def _take(self, places: int) -> Iterator[tuple[int, BatchRequest]]:
        wanted = (waiting for waiting in self._waiting if waiting[0] not in self._cancelled)
        return islice(wanted, places)
