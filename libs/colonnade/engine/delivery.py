"""From the core's thread to whoever reads a request's answer.

A reader that is slow finds everything that came meanwhile merged into one chunk, so what waits for it never
exceeds one answer.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from colonnade.engine.sequence import Finish, Update
from colonnade.engine.text import Piece
from colonnade.errors import ColonnadeError


@dataclass(frozen=True, slots=True)
class Chunk:
    """What may be shown now, and in the last chunk how the answer ended."""

    pieces: tuple[Piece, ...]
    finish: Finish | None = None

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


class Mailbox:
    """One request's answer so far, less what was read. Used on the event loop alone."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._finish: Finish | None = None
        self._error: ColonnadeError | None = None
        self._news = asyncio.Event()

    @property
    def ended(self) -> bool:
        return self._finish is not None or self._error is not None

    def put(self, update: Update) -> None:
        self._pieces += update.pieces
        self._finish = update.finish
        self._error = update.error
        self._news.set()

    async def read(self) -> AsyncGenerator[Chunk, None]:
        """Chunks until the finish. Raises the request's error after the text that came before it."""
        while True:
            await self._news.wait()
            self._news.clear()
            # All taken together: more may come while the reader is busy with what it got.
            pieces, finish, error = tuple(self._pieces), self._finish, self._error
            self._pieces = []
            if pieces or finish:
                yield Chunk(pieces, finish)
            if error:
                raise error
            if finish:
                return
