"""What was sent of one request, where somebody else is to see it too."""

from collections.abc import Iterator

from colonnade.ethics.domain.finding import Side

MOST_CHARACTERS = 100_000
"""Of each text; the rest is not looked at a second time."""


class Transcript:
    """An output that began anew is a text of its own."""

    def __init__(self) -> None:
        self._texts: list[tuple[Side, list[str]]] = []
        self._lengths: list[int] = []

    def add(self, side: Side, text: str, *, again: bool) -> None:
        place = next((at for at in reversed(range(len(self._texts))) if self._texts[at][0] is side), None)
        if place is None or again:
            self._texts.append((side, []))
            self._lengths.append(0)
            place = len(self._texts) - 1
        taken = text[: MOST_CHARACTERS - self._lengths[place]]
        self._texts[place][1].append(taken)
        self._lengths[place] += len(taken)

    def texts(self) -> Iterator[tuple[Side, str]]:
        """In the order in which they began; none that is empty."""
        for side, parts in self._texts:
            if text := "".join(parts):
                yield side, text

    def latest(self) -> Iterator[tuple[Side, str]]:
        """Of each side the last."""
        yield from dict(self.texts()).items()
