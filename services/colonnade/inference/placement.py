"""Chooses the engine for a piece of work, among those that are there and well."""

import asyncio
import math
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from colonnade.errors import ColonnadeError, Unavailable
from colonnade.inference.domain import (
    AFFINITY_SLACK_TOKENS,
    EngineView,
    Prefixes,
    Ref,
    Run,
    Work,
    choose,
    having,
)
from colonnade.inference.domain.health import Health, HealthLimits
from colonnade.inference.domain.retries import RetryBudget, RetryLimits
from colonnade.inference.fleet import Fleet
from colonnade.inference.loads import Loads
from colonnade.inference.manifests import Manifests
from colonnade.inference.metrics import Metrics
from colonnade.inference.refusals import Refusals
from colonnade.inference.slot import Slot
from colonnade.inference.spread import Spread
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
PREFIX_BLOCKS = 8192
SPREAD_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class Policy:
    """How requests are spread, and what is done about engines that fail."""

    retries: int = 3
    """How often a request may go to another engine, before its first chunk."""
    wait_seconds: float = 30.0
    """How long a request waits where no engine is ready, as after a crash."""
    slack_tokens: int = AFFINITY_SLACK_TOKENS
    prefix_blocks: int = PREFIX_BLOCKS
    """Beginnings of prompts that are remembered of each engine."""
    spread_tokens: int = SPREAD_TOKENS
    """Outstanding on each engine that has a version, beyond which another one loads it."""
    health: HealthLimits = field(default_factory=HealthLimits)
    budget: RetryLimits = field(default_factory=RetryLimits)


class Placement:
    """Shared by all requests; each makes its own ``Attempts``."""

    def __init__(
        self,
        fleet: Fleet,
        manifests: Manifests,
        metrics: Metrics,
        policy: Policy,
        refusals: Refusals | None = None,
    ) -> None:
        self.fleet = fleet
        self.manifests = manifests
        self.metrics = metrics
        self.policy = policy
        self.loads = Loads(metrics, refusals, manifests.forget)
        self.spread = Spread(fleet, manifests, self.loads, tokens=policy.spread_tokens)
        self.prefixes = Prefixes(policy.prefix_blocks)
        self.health = Health(policy.health, time.monotonic)
        self.budget = RetryBudget(policy.budget, time.monotonic)
        metrics.watch(lambda: len(self.ejected()))

    def ejected(self) -> dict[str, float]:
        """The addresses of engines that are left out, and for how many seconds more."""
        return self.health.ejected([view for view in self.fleet.views if view.ready])

    async def chosen(self, work: Work, tried: Collection[Run]) -> Slot:
        """A ready engine that was not tried; ``Unavailable`` where there is none in time."""
        try:
            async with asyncio.timeout(self.policy.wait_seconds):
                while (view := self._best(work, tried)) is None:
                    self._check_left_out(work, tried)
                    await self.fleet.changed(self.fleet.news)
        except TimeoutError:
            raise Unavailable(
                "no engine is ready; it may be starting, try again shortly", retry_after_seconds=2
            ) from None
        return self.fleet.slot(view.address)

    def has_room_elsewhere(self, work: Work, tried: Collection[Run]) -> bool:
        """Whether an engine that was not tried has the version: for one that is full, none has to load it."""
        fit = self.health.fit(self.fleet.views, work.digest)
        return bool(having([engine for engine in fit if engine.run not in tried], work.digest))

    def has_others(self, tried: Collection[Run]) -> bool:
        """Whether an engine is ready that was not tried."""
        return any(engine.ready and engine.run not in tried for engine in self.fleet.views)

    def forget(self, address: str) -> None:
        """What is remembered of an engine that has left."""
        self.health.forget(address)
        self.prefixes.forget(address)

    async def load_draft(self, slot: Slot) -> None:
        """Loads the version that guesses for the others on this engine, if it wants one. They do without if
        that fails."""
        stats = slot.view.stats
        if stats is None or not stats.draft or stats.draft in stats.loaded:
            return
        try:
            await self.loads.load(slot, await self.manifests.get(Ref(stats.draft)))
        except ColonnadeError as error:
            _LOG.warning("draft not loaded", digest=stats.draft, code=error.code, reason=error.message)

    def _best(self, work: Work, tried: Collection[Run]) -> EngineView | None:
        def matched(run: Run) -> int:
            return self.prefixes.match(run, work.prefix)

        fit = self.health.fit(self.fleet.views, work.digest)
        self.spread.consider(fit, work.ref)
        view = choose(fit, work, tried, matched=matched, slack=self.policy.slack_tokens)
        if view is not None and work.prefix:
            self.metrics.chosen("prefix" if matched(view.run) else "load")
        return view

    def _check_left_out(self, work: Work, tried: Collection[Run]) -> None:
        """Raises where all engines that are ready are left out because of what failed there: to wait for one
        would be to queue up before a closed door."""
        ready = [view for view in self.fleet.views if view.ready and view.run not in tried]
        if ready:
            seconds = max(1, math.ceil(self.health.soonest(ready, work.digest)))
            raise Unavailable(
                "this model failed lately on every engine that is ready, so that they are left alone for a "
                f"moment; try again in {seconds} s",
                retry_after_seconds=seconds,
            )
