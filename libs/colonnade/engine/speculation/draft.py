"""Guessing with a second, cheaper model: smaller, or the same one at fewer bits.

The draft keeps a state of its own for each sequence, in pages of its own. It is never told what became of
its guesses: before it guesses again it compares what it was fed with the sequence's tokens, forgets from the
first difference on and catches up. So acceptance, rejection, preemption and new sequences are one case.

Its pages count against the same budget as everyone's, but nobody ever waits for them: without room a sequence
goes unguessed, and what the draft holds is the first to go when a request needs the bytes.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from colonnade.engine.cache import CacheBudget, StateStore
from colonnade.engine.speculation.guessers import Wanted
from colonnade.models.protocol import Batch, LanguageModel, Span

CATCH_UP = 256
"""Tokens that sequences new to the draft, or long without a guess, may catch up in one step, together."""


@dataclass(slots=True)
class _Session:
    """What the draft was fed of a sequence: ``sure`` decided tokens, then guesses."""

    sure: int = 0
    guessed: list[int] = field(default_factory=list)

    @property
    def length(self) -> int:
        return self.sure + len(self.guessed)


@dataclass(slots=True)
class _Turn:
    """One sequence's part in guessing once."""

    wanted: Wanted
    session: _Session
    feed: Sequence[int]
    """Tokens of the next forward."""
    caught_up: bool
    """Whether a guess follows after them."""
    guess: list[int] = field(default_factory=list)

    @property
    def done(self) -> bool:
        ended = bool(self.guess) and self.guess[-1] in self.wanted.stop_ids
        return not self.caught_up or ended or len(self.guess) >= self.wanted.count


class DraftGuesser:
    """A ``Guesser`` that runs all sequences of a step together, one forward for each further guess."""

    def __init__(
        self,
        model: LanguageModel,
        store: StateStore,
        budget: CacheBudget,
        *,
        drafted: Callable[[int, float], None] = lambda rounds, seconds: None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """``drafted`` hears how long so many rounds took, when all had but a few tokens to be fed."""
        self._model, self._store, self._budget = model, store, budget
        self._drafted, self._clock = drafted, clock
        self._sessions: dict[int, _Session] = {}
        self._forgone: set[int] = set()
        """Sequences that had to give back their state: they are not guessed for again while they run."""
        store.join(budget)
        budget.may_forgo(self.forgo)

    @property
    def sequences(self) -> int:
        """That state is kept for."""
        return len(self._sessions)

    @torch.inference_mode()
    def guess(self, wanted: Sequence[Wanted]) -> list[Sequence[int]]:
        began, rounds = self._clock(), 0
        turns = self._turns(wanted)
        active = list(turns.values())
        quick = all(len(turn.feed) <= turn.wanted.count + 2 for turn in active)
        while active:
            self._round(active)
            rounds += 1
            active = [turn for turn in active if not turn.done]
        if rounds and quick:
            self._drafted(rounds, self._clock() - began)
        return [turns[each.view.handle].guess if each.view.handle in turns else () for each in wanted]

    def leave(self, handle: int) -> None:
        self._forgone.discard(handle)
        if self._sessions.pop(handle, None):
            self._store.close(handle)

    def forgo(self) -> bool:
        """Gives back what is held for the sequence that came last; False if nothing is."""
        if not self._sessions:
            return False
        last = next(reversed(self._sessions))
        self.leave(last)
        self._forgone.add(last)
        return True

    def close(self) -> None:
        """Gives everything back, for good."""
        self._budget.must_keep(self.forgo)
        while self.forgo():
            pass

    def _turns(self, wanted: Sequence[Wanted]) -> dict[int, _Turn]:
        """By handle; those without room for their state, in memory or in the draft's context, sit out."""
        turns: dict[int, _Turn] = {}
        left = CATCH_UP
        for each in wanted:
            handle, tokens = each.view.handle, each.view.tokens
            if len(tokens) + each.count > self._model.context_length:
                self.leave(handle)
                continue
            session = None if handle in self._forgone else self._session(each)
            if session is None or left <= 0:
                continue
            rest = tokens[session.sure :]
            feed = rest[:left]
            if len(feed) > each.count + 1:
                left -= len(feed)
            further = each.count - 1 if len(feed) == len(rest) else 0
            if self._store.extend(handle, session.sure + len(feed) + further):
                turns[handle] = _Turn(each, session, feed, len(feed) == len(rest))
        return turns

    def _session(self, wanted: Wanted) -> _Session | None:
        """The sequence's session, rewound to what it was fed and was right; None without room for one."""
        view = wanted.view
        session = self._sessions.get(view.handle)
        if session is None:
            positions = min(len(view.tokens) + view.remaining, self._model.context_length)
            if not self._store.open(view.handle, positions):
                return None
            session = self._sessions[view.handle] = _Session()
        self._rewind(session, view.handle, view.tokens)
        return session

    def _rewind(self, session: _Session, handle: int, tokens: Sequence[int]) -> None:
        """Keeps what was right; the newest token is always fed anew, for the row that follows it."""
        length = session.length
        for guess in session.guessed:
            if session.sure >= len(tokens) - 1 or tokens[session.sure] != guess:
                break
            session.sure += 1
        session.guessed.clear()
        session.sure = min(session.sure, len(tokens) - 1)
        if session.sure < length:
            session.sure = self._store.rewind(handle, session.sure)

    def _round(self, turns: Sequence[_Turn]) -> None:
        """One forward: feeds each turn's tokens, and draws a guess where it caught up with them."""
        spans = [
            Span(
                turn.wanted.view.handle,
                turn.feed,
                turn.session.length,
                commit=len(turn.feed),
                want=(len(turn.feed) - 1,) if turn.caught_up else (),
            )
            for turn in turns
        ]
        batch = Batch.of(spans, self._model.device)
        state = self._store.view(batch)
        rows = iter(self._model.forward(batch, state).logits_WV)
        state.commit()
        for turn in turns:
            if turn.guess:
                turn.session.guessed += turn.feed
            else:
                turn.session.sure += len(turn.feed)
        for turn in turns:
            if turn.caught_up:
                self._draw(turn, next(rows))

    def _draw(self, turn: _Turn, row_V: Tensor) -> None:
        tokens, guess = turn.wanted.view.tokens, turn.guess
        drawn = turn.wanted.sample(row_V, len(tokens) + len(guess), after=tuple(guess))
        guess.append(drawn.id)
        turn.feed = [drawn.id]
