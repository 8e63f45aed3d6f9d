"""The use case: pieces of text in, verdicts out."""

import asyncio
from collections.abc import Mapping

from colonnade.errors import InvalidArgument, TooLarge
from colonnade.ethics.checking import check_scorers
from colonnade.ethics.domain.decision import Decision, Verdict
from colonnade.ethics.domain.finding import Side
from colonnade.ethics.domain.policy import Policy
from colonnade.ethics.ports import Scored, Scorer, Stretch
from colonnade.ethics.window import Window
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
MAX_CHARACTERS = 4_000_000
"""Of one side."""


class Screening:
    """One request: its input, and its output, which may begin again."""

    def __init__(self, policy: Policy, scorers: Mapping[str, Scorer]) -> None:
        """Raises ``InvalidArgument`` for a policy that these scorers cannot carry out."""
        check_scorers(policy, scorers)
        self.policy = policy
        self._scorers = scorers
        self._windows = {side: Window(policy, side) for side in Side}
        self._received = dict.fromkeys(Side, 0)

    def again(self) -> None:
        """The output begins anew, from offset 0."""
        self._windows[Side.OUTPUT] = Window(self.policy, Side.OUTPUT)
        self._received[Side.OUTPUT] = 0

    async def screen(self, side: Side, text: str, *, last: bool = False) -> Verdict:
        """What may be released once ``text`` was added; ``last``: no more comes on this side."""
        window = self._windows[side]
        if window.ended:
            raise InvalidArgument(
                f"the {side} has ended; send nothing after the last of it, or after a refusal", field="text"
            )
        self._received[side] += len(text)
        if self._received[side] > MAX_CHARACTERS:
            raise TooLarge(
                f"the {side} is longer than {MAX_CHARACTERS} characters", field="text", limit=MAX_CHARACTERS
            )
        window.append(text, last=last)
        decisions, unscreened = await self._look(window, side)
        decisions += window.advance()
        return Verdict(
            side, window.allowed_until, tuple(decisions), self.policy.version, window.ended, tuple(unscreened)
        )

    async def _look(self, window: Window, side: Side) -> tuple[list[Decision], list[str]]:
        """Has all who are due look, at once; what failed of them, and what the policy says to that."""
        due = list(window.due())
        waiting = {name: each for name, each in due if not self._scorers[name].immediate}
        answers = dict(
            zip(
                waiting,
                await asyncio.gather(*(self._ask(*each, side) for each in waiting.items())),
                strict=True,
            )
        )
        decisions: list[Decision] = []
        unscreened: list[str] = []
        for name, stretch in due:
            answer = answers[name] if name in answers else await self._ask(name, stretch, side)
            if isinstance(answer, Scored):
                window.scored(name, stretch, answer)
            elif not window.ended:
                decisions += window.failed(name, answer)
                unscreened.append(name)
        return decisions, unscreened

    async def _ask(self, name: str, stretch: Stretch, side: Side) -> Scored | str:
        """What it found, or what went wrong."""
        scorer, seconds = self._scorers[name], self.policy.holding.timeout_seconds
        try:
            if scorer.immediate:
                return await scorer.score(stretch, side)
            async with asyncio.timeout(seconds):
                return await scorer.score(stretch, side)
        except TimeoutError:
            return f"did not answer within {seconds:g} seconds"
        except Exception as error:  # whatever it is, the policy says what becomes of it
            _LOG.error("a scorer failed", scorer=name, error=type(error).__name__)  # its message may quote
            return "failed"
