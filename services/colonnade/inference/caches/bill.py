"""What several answers of a request come to, and what of it is paid for."""

from collections.abc import Iterator

from colonnade.inference.domain import Chunk, Spent
from colonnade.inference.ports import Parcels


class Bill:
    def __init__(self, answers: int) -> None:
        self._answers = answers
        self._tokens: dict[int, int] = {}
        """Of answers that have not ended: those that came."""
        self._ended: dict[int, Spent] = {}
        self.paid = Spent()

    def heard(self, chunk: Chunk, parcels: Parcels) -> None:
        if chunk.last:
            self.ended(chunk, parcels)
        elif chunk.parcel is not None:
            self._tokens[chunk.index] = self._tokens.get(chunk.index, 0) + parcels.tokens(chunk.parcel)

    def ended(self, chunk: Chunk, parcels: Parcels) -> None:
        """The engine's own count: what a stop string cut off was generated as well."""
        if chunk.parcel is None:  # aborted before an engine had it
            self._ended = dict.fromkeys(range(self._answers), Spent())
        else:
            self._ended[chunk.index] = parcels.spent(chunk.parcel)

    @property
    def complete(self) -> bool:
        return len(self._ended) >= self._answers

    @property
    def spent(self) -> Spent:
        """The prompt once, the tokens of all answers."""
        ended = sum(each.completion for each in self._ended.values())
        open_ = sum(tokens for index, tokens in self._tokens.items() if index not in self._ended)
        return Spent(self._prompt, ended + open_)

    @property
    def owed(self) -> Spent:
        return self.spent.beyond(self.paid)

    def open(self) -> Iterator[tuple[int, Spent]]:
        """The answers that have not ended, and what came of each."""
        for index in range(self._answers):
            if index not in self._ended:
                yield index, Spent(self._prompt, self._tokens.get(index, 0))

    @property
    def _prompt(self) -> int:
        return self._ended[min(self._ended)].prompt if self._ended else 0
