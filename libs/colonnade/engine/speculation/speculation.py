"""One model's speculation: between two forwards it guesses, and says what the next step is to grant.

All of it runs in the core's thread, except for ``decoder``, which any thread may call.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from colonnade.engine.speculation.decoder import SpeculativeDecoder, suits
from colonnade.engine.speculation.guessers import Guesser, Wanted
from colonnade.engine.speculation.lengths import Lengths
from colonnade.models.protocol import Decoder, LanguageModel, Sampler, SequenceView
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)


class Speculating(SequenceView, Protocol):
    """What is needed of the engine's sequence."""

    lookahead: int

    @property
    def decoder(self) -> Decoder: ...
    @property
    def sampler(self) -> Sampler: ...
    @property
    def pending(self) -> int: ...


class Speculation:
    def __init__(self, guesser: Guesser, lengths: Lengths) -> None:
        self.guesser, self.lengths = guesser, lengths

    def decoder(self, model: LanguageModel, plain: Decoder, stop_ids: Collection[int] = ()) -> Decoder:
        """``plain``, made to take guesses where the family allows it."""
        if not suits(model, plain):
            return plain
        return SpeculativeDecoder(plain, self.lengths.pace(), stop_ids, self.lengths.heard)

    def prepare(self, grants: Sequence[tuple[Speculating, int]]) -> None:
        """Guesses for those that generate, each within its grant, before the step plans."""
        able = [
            (each, grant, each.decoder)
            for each, grant in grants
            if isinstance(each.decoder, SpeculativeDecoder) and not each.decoder.muted
        ]
        wanted: list[Wanted] = []
        decoders: list[SpeculativeDecoder] = []
        for each, grant, decoder in able:
            count = min(each.lookahead, grant - 1, each.remaining - 1)
            if each.pending == 1 and count > 0:
                wanted.append(Wanted(each, each.sampler, count, decoder.stop_ids))
                decoders.append(decoder)
        for decoder, guess in zip(decoders, self._guesses(wanted, decoders), strict=True):
            decoder.guess = guess
        self._look_ahead([(each, decoder) for each, grant, decoder in able if each.pending <= grant], grants)

    def leave(self, handle: int) -> None:
        """The sequence ended or lost its state: what guessing keeps for it is freed."""
        self.guesser.leave(handle)

    def forwarded(self, rows: int, seconds: float) -> None:
        """The model took so long for a forward of so many tokens."""
        self.lengths.forwarded(rows, seconds)

    def _guesses(
        self, wanted: Sequence[Wanted], decoders: Sequence[SpeculativeDecoder]
    ) -> list[Sequence[int]]:
        """A guesser that fails leaves the sequence it fails for unguessed from then on, and no other."""
        if not wanted:
            return []
        try:
            return self.guesser.guess(wanted)
        except Exception:
            if len(wanted) > 1:
                alone = zip(wanted, decoders, strict=True)
                return [self._guesses([each], [decoder])[0] for each, decoder in alone]
            _LOG.warning("guess failed", exc_info=True)
            decoders[0].muted = True
            self.guesser.leave(wanted[0].view.handle)
            return [()]

    def _look_ahead(
        self,
        generating: Sequence[tuple[Speculating, SpeculativeDecoder]],
        grants: Sequence[tuple[Speculating, int]],
    ) -> None:
        """Sets what those that will generate in the next step would like to have granted there."""
        rows = sum(min(each.pending, grant) for each, grant in grants)
        paces = [decoder.pace for _, decoder in generating]
        for (each, decoder), count in zip(generating, self.lengths.choose(paces, rows), strict=True):
            each.lookahead = 0 if decoder.muted else max(0, min(count, each.remaining - 1))
