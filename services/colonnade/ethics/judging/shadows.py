"""Policies that judge after the fact, are recorded, and decide nothing."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from colonnade.ethics import metrics
from colonnade.ethics.decisions.domain import Kept, Request, new_id
from colonnade.ethics.decisions.recorder import Recorder
from colonnade.ethics.domain.decision import Decision
from colonnade.ethics.domain.finding import Side
from colonnade.ethics.domain.policy import Policy
from colonnade.ethics.judging.transcript import Transcript
from colonnade.ethics.ports import Scorer
from colonnade.ethics.screening import Screening
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_MOST_WAITING = 64
_MOST_DECISIONS = 500
_PIECE = 4096
"""Characters between which others have their turn."""


class Shadows:
    """On whole texts, whose decisions are those on the stream: however it was cut, they are the same."""

    def __init__(
        self,
        scorers: Mapping[str, Scorer],
        recorder: Recorder,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._scorers, self._recorder, self._clock = scorers, recorder, clock
        self._waiting: deque[tuple[Policy, Request, Transcript]] = deque()
        self._more = asyncio.Event()

    def judge(self, policy: Policy, request: Request, transcript: Transcript) -> None:
        """Soon; not at all where too many wait."""
        if len(self._waiting) >= _MOST_WAITING:
            metrics.SHADOWS.labels("skipped").inc()
            return
        self._waiting.append((policy, request, transcript))
        self._more.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._more.wait()
            self._more.clear()
            while self._waiting:
                await self._judged(*self._waiting.popleft())

    async def _judged(self, policy: Policy, request: Request, transcript: Transcript) -> None:
        try:
            for side, text in transcript.texts():
                found = await screened(policy, self._scorers, side, text)
                at = self._clock()
                self._recorder.add(
                    [
                        Kept(new_id("dec", at), at, request, side, each, policy.name, shadow=True)
                        for each in found[:_MOST_DECISIONS]
                    ]
                )
        except Exception as error:  # nobody waits for it
            metrics.SHADOWS.labels("failed").inc()
            _LOG.warning("a shadow failed", policy=policy.name, error=type(error).__name__)
        else:
            metrics.SHADOWS.labels("judged").inc()


async def screened(
    policy: Policy, scorers: Mapping[str, Scorer], side: Side, text: str
) -> tuple[Decision, ...]:
    """All decisions on a whole text; others have their turn in between."""
    screening = Screening(policy, scorers)
    found: list[Decision] = []
    for start in range(0, len(text), _PIECE):
        last = start + _PIECE >= len(text)
        verdict = await screening.screen(side, text[start : start + _PIECE], last=last)
        found += verdict.decisions
        if verdict.ended:
            break
        await asyncio.sleep(0)
    return tuple(found)
