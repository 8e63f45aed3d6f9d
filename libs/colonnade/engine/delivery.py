"""From the core's thread to whoever reads a request's answers.

A reader that is slow finds everything that came meanwhile merged into one chunk an answer, so what waits for
it never exceeds the answers themselves.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from colonnade.engine.sequence import Finish, Update
from colonnade.engine.text import Piece
from colonnade.errors import ColonnadeError


@dataclass(frozen=True, slots=True)
class Chunk:
    """What may be shown now of one answer, and in its last chunk how it ended."""

    pieces: tuple[Piece, ...]
    finish: Finish | None = None
    index: int = 0
    """Which of the request's answers."""

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


@dataclass(slots=True)
class _News:
    """Of one answer: what was not read yet."""

    pieces: list[Piece] = field(default_factory=list)
    finish: Finish | None = None

    def take(self, index: int) -> Chunk:
        chunk = Chunk(tuple(self.pieces), self.finish, index)
        self.pieces, self.finish = [], None
        return chunk


class Mailbox:
    """One request's answers so far, less what was read. Used on the event loop alone."""

    def __init__(self, answers: int = 1) -> None:
        self._news = [_News() for _ in range(answers)]
        self._open = answers
        """Answers that have neither finished nor failed."""
        self._error: ColonnadeError | None = None
        self._arrived = asyncio.Event()

    @property
    def ended(self) -> bool:
        """Whether every answer came to its end."""
        return not self._open

    def put(self, update: Update) -> None:
        news = self._news[update.sequence.work.index]
        news.pieces += update.pieces
        if update.finish:
            news.finish = update.finish
        if update.finish or update.error:
            self._open -= 1
        self._error = self._error or update.error
        self._arrived.set()

    async def read(self) -> AsyncGenerator[Chunk, None]:
        """Chunks until every answer has its finish. Raises the request's error after what came before it."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            # All taken together: more may come while the reader is busy with what it got.
            chunks, ended, error = self._taken(), not self._open, self._error
            for chunk in chunks:
                yield chunk
            if error:
                raise error
            if ended:
                return

    def _taken(self) -> list[Chunk]:
        return [news.take(index) for index, news in enumerate(self._news) if news.pieces or news.finish]
