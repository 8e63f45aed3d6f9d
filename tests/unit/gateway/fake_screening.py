"""The screening that the ethics service does, in this process, with a policy of the test's own."""

import asyncio
from dataclasses import dataclass, field

from colonnade.errors import ColonnadeError
from colonnade.ethics.domain.finding import Side as Where
from colonnade.ethics.policies import policy_of
from colonnade.ethics.screening import Screening as Judge
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.guarding import Decision, Side, Verdict
from colonnade.gateway.domain.models import Target
from tests.unit.ethics.streams import SCORERS

POLICY = """
name: house
rules:
  - {id: mail, scorer: email, sides: [output], action: mask, replacement: '[e-"mail"]'}
  - {id: mail-in, scorer: email, sides: [input], action: mask, replacement: "[e-mail]"}
  - {id: cards, scorer: card, sides: [output], threshold: 0.9, action: refuse, reason: No cards.}
  - {id: addresses, scorer: ip, sides: [output], action: regenerate, guidance: Name no addresses.}
  - {id: injection, scorer: injection, sides: [input], action: refuse, reason: No orders.}
  - {id: phones, scorer: phone, action: allow}
"""


@dataclass
class PlayedScreener:
    """``error``: raised by every call after the first ``error_after``; ``gate``: waited for by outputs."""

    policy: str = POLICY
    error: ColonnadeError | None = None
    error_after: int = 0
    gate: asyncio.Event | None = None
    opened: list[tuple[Caller, str]] = field(default_factory=list)
    asked: list[tuple[Side, str]] = field(default_factory=list)
    closed: int = 0

    def open(self, caller: Caller, route: str, target: Target | None = None) -> "PlayedStream":
        self.opened.append((caller, route))
        return PlayedStream(self, Judge(policy_of(self.policy), SCORERS))


@dataclass
class PlayedStream:
    _screener: PlayedScreener
    _judge: Judge

    async def screen(self, side: Side, text: str, *, last: bool = False, again: bool = False) -> Verdict:
        told = self._screener
        if told.error is not None and len(told.asked) >= told.error_after:
            raise told.error
        told.asked.append((side, text))
        if told.gate is not None and side == "output":
            await told.gate.wait()
        if again:
            self._judge.again()
        made = await self._judge.screen(Where(side), text, last=last)
        decisions = [
            Decision(
                side, each.rule, each.category, each.action.value, each.span.start, each.span.end, each.score,
                each.explanation, each.replacement, each.reason, each.guidance,
            )
            for each in made.decisions
        ]  # fmt: skip
        return Verdict(made.allowed_until, tuple(decisions), self._judge.policy.name, made.policy_version)

    async def close(self) -> None:
        self._screener.closed += 1
