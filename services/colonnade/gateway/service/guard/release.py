"""Lets the answers of one request through, as far as the verdicts on them go."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from colonnade.errors import ColonnadeError
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk, Finish, Timings, Usage
from colonnade.gateway.domain.guarding import Decision, GuardUse, Verdict
from colonnade.gateway.ports.screening import Screening
from colonnade.gateway.service.guard.absence import without_screening
from colonnade.gateway.service.guard.ahead import Ahead, reading_ahead
from colonnade.gateway.service.guard.bounds import GuardBounds
from colonnade.gateway.service.guard.form import form_of
from colonnade.gateway.service.guard.held import Held
from colonnade.gateway.service.guard.metrics import DECISIONS, FIRST_TEXT, HELD, STREAM
from colonnade.gateway.service.reading import REST_SECONDS

REFUSED = "content_filter"
"""The finish reason of an answer that a policy ended."""
_NO_MASK = "what had to be masked in it cannot be replaced without breaking the form of the answer"


@dataclass(slots=True)
class _Answer:
    """One of them on its way."""

    index: int
    held: Held
    screening: Screening
    again: bool
    """Its first text begins the output anew."""
    refused: bool = False
    unscreened: bool = False
    shown: bool = False
    most: int = 0
    came: float | None = None
    finish: Finish | None = None
    waiting: list[Chunk] = field(default_factory=list)
    """What may go, and is shown only with the rest."""


class Release:
    """One run of a model. ``thrown_away`` says whether it is to be asked again, with ``guidance``."""

    def __init__(
        self,
        exchange: Exchange,
        use: GuardUse,
        first: Screening,
        more: Callable[[], Screening],
        bounds: GuardBounds,
        *,
        attempt: int = 0,
    ) -> None:
        self.thrown_away = False
        self.guidance = ""
        self.usage = Usage()
        """Of a run that was thrown away."""
        self._exchange, self._use, self._bounds = exchange, use, bounds
        self._first, self._more, self._attempt = first, more, attempt
        self._form = form_of(exchange.asked)
        self._answers: dict[int, _Answer] = {}

    async def chunks(self, source: AsyncIterator[Chunk]) -> AsyncGenerator[Chunk, None]:
        async with reading_ahead(source) as ahead:
            while not self._ended and (batch := await ahead.some()):
                for index, group in _by_answer(batch).items():
                    for chunk in await self._take(self._answer(index), group):
                        yield chunk
                if self._stopped:
                    for chunk in await self._wound_up(ahead):
                        yield chunk
        for answer in self._answers.values():
            HELD.observe(answer.most)

    @property
    def _ended(self) -> bool:
        return len(self._answers) == self._exchange.asked.n and all(
            each.finish is not None for each in self._answers.values()
        )

    @property
    def _stopped(self) -> bool:
        """Nothing more is wanted of the model, which has not ended by itself."""
        every = len(self._answers) == self._exchange.asked.n
        done = all(each.refused or each.finish is not None for each in self._answers.values())
        return every and done and not self._ended

    def _answer(self, index: int) -> _Answer:
        if index not in self._answers:
            tokens = self._exchange.asked.logprobs is not None
            screening = self._first if index == 0 else self._more()
            held = Held(index, self._form, tokens=tokens)
            self._answers[index] = _Answer(index, held, screening, again=index == 0 and self._attempt > 0)
        return self._answers[index]

    async def _take(self, answer: _Answer, group: list[tuple[float, Chunk]]) -> list[Chunk]:
        """What may be seen, now that this came."""
        came, last = group[-1]
        if answer.refused:
            return self._end(answer, last.finish) if last.finish else []
        for at, chunk in group:
            answer.held.push(chunk)
            if chunk.text and answer.came is None:
                answer.came = at
        text = "".join(chunk.text for _, chunk in group)
        out: list[Chunk] = []
        if text or last.finish is not None:
            verdict = await self._screened(answer, text, last=last.finish is not None)
            answer.most = max(answer.most, answer.held.size)
            out = self._apply(answer, verdict, last=last.finish is not None)
        self._clock(answer, out, came, ended=last.finish is not None)
        if self.thrown_away:
            out, answer.waiting = [], []
        if self._waits:
            answer.waiting += out
            out = []
        answer.shown = answer.shown or any(each.text for each in out)
        return [*out, *(self._end(answer, last.finish) if last.finish else [])]

    async def _screened(self, answer: _Answer, text: str, *, last: bool) -> Verdict:
        again, answer.again = answer.again, False
        if not answer.unscreened:
            try:
                async with asyncio.timeout(self._bounds.seconds):
                    return await answer.screening.screen("output", text, last=last, again=again)
            except (ColonnadeError, TimeoutError) as error:
                without_screening(self._exchange, error, self._bounds)
                answer.unscreened = True
        return Verdict(answer.held.received)

    def _apply(self, answer: _Answer, verdict: Verdict, *, last: bool) -> list[Chunk]:
        self._use.note(verdict)
        until = verdict.allowed_until
        for made in verdict.decisions:
            decision = replace(made, index=answer.index)
            if decision.action == "mask" and not answer.held.mask(
                decision.start, decision.end, decision.replacement
            ):
                decision = _unmaskable(decision)
                until = min(until, decision.start)
            DECISIONS.labels("output", decision.action).inc()
            self._use.decisions.append(decision)
            if decision.ends:
                answer.refused = True
                self._throw_away(answer, decision)
                break
        return answer.held.release(until, last=last)

    def _throw_away(self, answer: _Answer, decision: Decision) -> None:
        """Where the policy wants another answer, none was seen yet, and it may be asked for."""
        asked = self._exchange.asked
        if (
            decision.action == "regenerate"
            and self._attempt < self._bounds.retries
            and asked.n == 1
            and asked.prompt_tokens is None
            and not answer.shown
        ):
            self.thrown_away, self.guidance = True, decision.guidance
            self._use.decisions = [
                each for each in self._use.decisions if each.side == "input" or each.action == "regenerate"
            ]

    @property
    def _waits(self) -> bool:
        """Nothing is seen before its end: until then all of it can be thrown away."""
        return self._exchange.whole and self._exchange.asked.n == 1

    def _end(self, answer: _Answer, finish: Finish) -> list[Chunk]:
        """The last of an answer; a chunk of text that goes now has it as well."""
        if answer.refused:
            finish = replace(finish, reason=REFUSED, stop="")
        answer.finish = finish
        if self.thrown_away:
            self.usage = finish.usage
            return []
        out, answer.waiting = answer.waiting, []
        return [*out, Chunk("", finish=finish, index=answer.index)]

    async def _wound_up(self, ahead: Ahead) -> list[Chunk]:
        """Ends the generation, and waits for the model's own account; the answers' last chunks."""
        told = {index: answer.finish for index, answer in self._answers.items()}
        with suppress(ColonnadeError, TimeoutError):
            async with asyncio.timeout(REST_SECONDS):
                if self._exchange.stop is not None:
                    await self._exchange.stop()
                while None in told.values() and (batch := await ahead.some()):
                    told |= {chunk.index: chunk.finish for _, chunk in batch if chunk.finish}
        counted = Finish(REFUSED, self._exchange.tally.usage, Timings(), 0)
        return [
            chunk
            for index, answer in self._answers.items()
            if answer.finish is None
            for chunk in self._end(answer, told[index] or counted)
        ]

    def _clock(self, answer: _Answer, out: list[Chunk], came: float, *, ended: bool) -> None:
        if self._exchange.whole:
            return  # nobody reads along
        now = time.monotonic()
        if answer.came is not None and not answer.shown and any(each.text for each in out):
            FIRST_TEXT.observe(now - answer.came + self._use.input_seconds)
        if ended:
            STREAM.observe(now - came)


def _by_answer(batch: list[tuple[float, Chunk]]) -> dict[int, list[tuple[float, Chunk]]]:
    groups: dict[int, list[tuple[float, Chunk]]] = {}
    for came, chunk in batch:
        groups.setdefault(chunk.index, []).append((came, chunk))
    return groups


def _unmaskable(decision: Decision) -> Decision:
    return replace(
        decision,
        action="refuse",
        replacement="",
        reason="Part of this answer cannot be shown.",
        explanation=f"{decision.explanation} The answer was refused, as {_NO_MASK}.",
    )
