"""A sequence's tokens on their way out: each with its text, held back while a stop string may begin in it.

The texts of the pieces, put together, are the text of the answer: every release is a run of whole tokens, a
character spread over several tokens belongs to the last of them, and a token cut by a stop string keeps the
part before it.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from colonnade.engine.text.detokenizer import Detokenizer
from colonnade.engine.text.stops import Stop, StopStrings
from colonnade.models.protocol import SampledToken
from colonnade.models.text import Tokenizer


@dataclass(frozen=True, slots=True)
class Piece:
    token: SampledToken
    text: str


class TextStream:
    """``push`` tokens until ``stopped`` says otherwise, then ``finish`` once."""

    def __init__(self, tokenizer: Tokenizer, prompt: Sequence[int] = (), stops: Sequence[str] = ()) -> None:
        self._detokenizer = Detokenizer(tokenizer, prompt)
        self._stops = StopStrings(stops)
        self._held: deque[Piece] = deque()
        self._released = 0
        """Characters that are out."""
        self._open = 0
        """How many of the last tokens have part in a character that is not finished."""
        self.stopped: Stop | None = None

    def push(self, token: SampledToken) -> list[Piece]:
        """The pieces that may be shown now."""
        assert self.stopped is None, "nothing follows a stop string"
        text = self._detokenizer.push(token.id)
        self._held.append(Piece(token, text))
        self._open = 0 if not self._detokenizer.unfinished else 1 if text else self._open + 1
        self.stopped = self._stops.push(text)
        if self.stopped:
            return self._cut(self.stopped.at)
        return self._release(self._stops.certain, keep=self._open)

    def finish(self) -> list[Piece]:
        """The rest, after the last token; nothing after a stop string."""
        if self.stopped:
            return []
        text = self._detokenizer.finish()
        if text and self._held:
            last = self._held.pop()
            self._held.append(replace(last, text=last.text + text))
            self.stopped = self._stops.push(text)
        if self.stopped:
            return self._cut(self.stopped.at)
        return self._release(self._released + sum(len(piece.text) for piece in self._held), keep=0)

    def _release(self, certain: int, keep: int) -> list[Piece]:
        """Whole pieces that end by character ``certain``, except the last ``keep``."""
        out = []
        while len(self._held) > keep and self._released + len(self._held[0].text) <= certain:
            out.append(self._held.popleft())
            self._released += len(out[-1].text)
        return out

    def _cut(self, end: int) -> list[Piece]:
        """The pieces before character ``end``; the one that crosses it is shortened, later ones go."""
        out = self._release(end, keep=0)
        if self._held and self._released < end:
            out.append(replace(self._held[0], text=self._held[0].text[: end - self._released]))
        self._held.clear()
        return out
