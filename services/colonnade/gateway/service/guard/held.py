"""The text of one answer that is held back until it may go."""

from collections import deque
from dataclasses import dataclass, replace

from colonnade.gateway.domain.generation import Chunk, Token
from colonnade.gateway.service.guard.json_text import Form, Place, maskable, replacement_in, whole_escapes


@dataclass(slots=True)
class _Piece:
    """Text up to ``end``, and what it came from."""

    end: int
    count: int
    token: Token | None


@dataclass(frozen=True, slots=True)
class _Mask:
    start: int
    end: int
    replacement: str


class Held:
    """Offsets are characters of the answer as the model wrote it. What goes is no longer held here.

    With ``tokens``, each goes with the whole of its text; one that a mask touches is only counted. Without,
    all are, and text may go in any portions."""

    def __init__(self, index: int, form: Form, *, tokens: bool) -> None:
        self.received = 0
        self._index, self._form, self._listed = index, form, tokens
        self._text = ""
        self._begin = 0  # of the text
        self._place = Place.first(form)  # right before it
        self._pieces: deque[_Piece] = deque()
        self._masks: deque[_Mask] = deque()

    @property
    def size(self) -> int:
        return len(self._text)

    def push(self, chunk: Chunk) -> None:
        self._text += chunk.text
        if self._listed and chunk.tokens and "".join(each.text for each in chunk.tokens) == chunk.text:
            for token in chunk.tokens:
                self._add(len(token.text), 1, token)
            self._pieces[-1].count += chunk.unlisted
        elif chunk.text or chunk.count:
            self._add(len(chunk.text), chunk.count, None)

    def mask(self, start: int, end: int, replacement: str) -> bool:
        """False where nothing can stand there instead: then nothing from ``start`` on may go."""
        if not self._form.free:
            found = maskable(self._place, self._text, start - self._begin, end - self._begin)
            if found is None:
                return False
            replacement = replacement_in(self._place, self._text, found[0], replacement)
            start, end = (self._begin + each for each in found)
        if self._masks:
            start = max(start, self._masks[-1].end)
        self._masks.append(_Mask(start, end, replacement))
        return True

    def release(self, until: int, *, last: bool = False) -> list[Chunk]:
        """What of it may go now, as few chunks as may be. ``last``: nothing more comes."""
        until = min(until, self.received)
        if not self._form.free and not (last and until == self.received):
            until = self._begin + whole_escapes(self._place, self._text[: until - self._begin])
        out: list[Chunk] = []
        begin = self._begin
        while self._pieces:
            piece = self._pieces[0]
            if piece.end > until and (piece.token is not None or begin >= until):
                break
            end = min(piece.end, until)
            text, touched = self._masked(begin, end)
            whole = end == piece.end
            self._join(
                out, text, piece, listed=whole and piece.token is not None and not touched, whole=whole
            )
            if whole:
                self._pieces.popleft()
            begin = end
        self._forget(begin)
        return [each for each in out if each.text or each.count]

    def _add(self, length: int, count: int, token: Token | None) -> None:
        self.received += length
        self._pieces.append(_Piece(self.received, count, token))

    def _masked(self, start: int, end: int) -> tuple[str, bool]:
        """The text as it may be seen, and whether a mask has part in it."""
        text, at, touched = "", start, False
        for mask in self._masks:
            if mask.start >= end:
                break
            if mask.end <= at:
                continue
            touched = True
            text += self._between(at, mask.start)
            if mask.start >= start:
                text += mask.replacement
            at = min(end, mask.end)
        return text + self._between(at, end), touched

    def _between(self, start: int, end: int) -> str:
        return self._text[max(0, start - self._begin) : max(0, end - self._begin)]

    def _join(self, out: list[Chunk], text: str, piece: _Piece, *, listed: bool, whole: bool) -> None:
        """One chunk has either tokens, each with its text, or text and a count."""
        if not out or bool(out[-1].tokens) is not listed:
            out.append(Chunk("", index=self._index))
        count = piece.count if whole else 0
        tokens = (piece.token,) if listed and piece.token else ()
        out[-1] = replace(
            out[-1],
            text=out[-1].text + text,
            tokens=out[-1].tokens + tokens,
            unlisted=out[-1].unlisted + count - len(tokens),
        )

    def _forget(self, until: int) -> None:
        gone = until - self._begin
        if not self._form.free:
            self._place.through(self._text[:gone])
        self._text, self._begin = self._text[gone:], until
        while self._masks and self._masks[0].end <= until:
            self._masks.popleft()
