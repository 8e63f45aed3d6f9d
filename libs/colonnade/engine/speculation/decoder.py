"""Verification by coupling: left to right, several tokens a forward.

The sampler's noise belongs to (seed, position) alone. So each position of a guess is simply *sampled*, from
the logits that the model computed behind the guessed tokens before it. While sample and guess are equal,
those logits are the ones that plain decoding would have seen; the first unequal sample is the right token at
its position, and everything after it is forgotten. Where all guesses hold, the last row yields one more.
Leviathan et al. 2022 (arXiv:2211.17192) accept by a rejection test instead: equal in distribution, but with
other tokens than without speculation.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from colonnade.engine.speculation.lengths import Pace
from colonnade.models.decoding import AutoregressiveDecoder
from colonnade.models.protocol import (
    Decoder,
    LanguageModel,
    Outputs,
    SampledToken,
    Sampler,
    SequenceView,
    Span,
    Step,
)


@dataclass(frozen=True, slots=True)
class Tally:
    """Tokens guessed and verified, and how many of them the model agreed to."""

    proposed: int = 0
    accepted: int = 0


def suits(model: LanguageModel, decoder: Decoder) -> bool:
    """Whether guesses can be verified: plain autoregression over state that can forget its end."""
    plain = type(decoder) is AutoregressiveDecoder
    return plain and all(spec.rewind == "truncate" for spec in model.states)


class SpeculativeDecoder:
    """A ``Decoder`` around plain autoregression. Without a guess it does what that does."""

    def __init__(
        self,
        plain: Decoder,
        pace: Pace,
        stop_ids: Collection[int] = (),
        heard: Callable[[int, int], None] = lambda proposed, accepted: None,
    ) -> None:
        """``pace`` and ``heard`` learn, after each verification, what was proposed and accepted."""
        self.pace, self.stop_ids = pace, stop_ids
        self._plain, self._heard = plain, heard
        self.muted = False
        """Is given no more guesses: making them failed."""
        self.guess: Sequence[int] = ()
        """What may follow the newest token; used up by the next plan, wholly or not at all."""
        self.tally = Tally()

    def plan(self, sequence: SequenceView, budget: int) -> Span:
        span = self._plain.plan(sequence, budget)
        guess, self.guess = self.guess, ()
        room = min(budget - len(span.tokens), sequence.remaining - 1)
        if room < 1 or not guess or len(span.tokens) != 1 or not span.want:
            return span
        tokens = [*span.tokens, *guess[:room]]
        return replace(span, tokens=tokens, commit=len(tokens), want=range(len(tokens)))

    def absorb(self, sequence: SequenceView, span: Span, outputs: Outputs, sample: Sampler) -> Step:
        if len(span.want) < 2:
            return self._plain.absorb(sequence, span, outputs, sample)
        emitted = self._verified(span, outputs, sample)
        proposed = len(span.tokens) - 1
        accepted = sum(token.id == guess for token, guess in zip(emitted, span.tokens[1:], strict=False))
        self.tally = Tally(self.tally.proposed + proposed, self.tally.accepted + accepted)
        self.pace.heard(proposed, accepted)
        self._heard(proposed, accepted)
        kept = span.start + len(emitted)
        return Step(emitted, rewind_to=kept if kept < span.start + span.commit else None)

    def _verified(self, span: Span, outputs: Outputs, sample: Sampler) -> list[SampledToken]:
        """The samples up to the first that differs from its guess, or ends the answer, or is the last."""
        emitted: list[SampledToken] = []
        decided: list[int] = []
        for row_V, guess in zip(outputs.logits_WV, [*span.tokens[1:], None], strict=True):
            token = sample(row_V, span.start + 1 + len(decided), after=tuple(decided))
            emitted.append(token)
            decided.append(token.id)
            if token.id != guess or token.id in self.stop_ids:
                break
        return emitted


def tally_of(decoder: Decoder) -> Tally | None:
    """What was guessed for a request; None if nothing was."""
    tally = decoder.tally if isinstance(decoder, SpeculativeDecoder) else Tally()
    return tally if tally.proposed else None
