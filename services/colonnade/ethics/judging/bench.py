"""One request after the other: screened by the policy that holds for it, and recorded."""

import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from colonnade.ethics import metrics
from colonnade.ethics.bias.domain.live import Seen
from colonnade.ethics.bias.domain.reports import Version
from colonnade.ethics.decisions.domain import Kept, Request, Sample, new_id
from colonnade.ethics.decisions.recorder import Recorder
from colonnade.ethics.domain.decision import Decision, Verdict
from colonnade.ethics.domain.finding import Side
from colonnade.ethics.domain.policy import Action, Policy
from colonnade.ethics.judging.shadows import Shadows
from colonnade.ethics.judging.transcript import Transcript
from colonnade.ethics.policies_kept.choosing import Choosing, Chosen
from colonnade.ethics.policies_kept.domain import path_of
from colonnade.ethics.policies_kept.watching import Watching
from colonnade.ethics.ports import Scorer, Watch
from colonnade.ethics.screening import Screening
from colonnade.security.identity import Principal

MOST_DECISIONS = 500
"""Of one request that are kept; a text may have thousands of addresses."""


class Bench:
    """Implements ``ports.Bench``. ``sample`` is the share of requests whose text is kept."""

    def __init__(
        self,
        choosing: Choosing,
        scorers: Mapping[str, Scorer],
        recorder: Recorder,
        watching: Watching,
        shadows: Shadows,
        watch: Watch | None = None,
        *,
        sample: float = 0.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.scorers, self.recorder, self.watching, self.shadows = scorers, recorder, watching, shadows
        self.clock, self.watch = clock, watch
        self._choosing, self._sample = choosing, sample

    def begin(
        self, principal: Principal, route: str, request_id: str, version: Version | None = None
    ) -> "Case":
        route = path_of(route)
        chosen = self._choosing.choose(principal.tenant, route, request_id)
        request = Request(principal.tenant, principal.subject, request_id, route, self.clock())
        return Case(self, chosen, request, version, sampled=random.random() < self._sample)  # noqa: S311


class Case:
    """Implements ``ports.Judged``."""

    def __init__(
        self, bench: Bench, chosen: Chosen, request: Request, version: Version | None, *, sampled: bool
    ) -> None:
        self.policy: Policy = chosen.policy
        self._bench, self._chosen, self._request = bench, chosen, request
        self._screening = Screening(chosen.policy, bench.scorers)
        self._version, self._sampled = version, sampled
        self._watch = bench.watch if bench.watch is not None and bench.watch.samples() else None
        self._transcript = Transcript() if sampled or chosen.shadow or self._watch else None
        self._kept = 0
        self._refused = False
        self._screened = False

    async def take(self, side: Side, text: str, *, last: bool, again: bool) -> Verdict:
        if again:
            self._screening.again()
        if self._transcript is not None:
            self._transcript.add(side, text, again=again)
        began = time.perf_counter()
        made = await self._screening.screen(side, text, last=last)
        metrics.SECONDS.labels(side.value).observe(time.perf_counter() - began)
        self._screened = True
        self._record(side, made.decisions)
        return made

    def end(self) -> None:
        if not self._screened:
            return
        if self._chosen.arm:
            self._bench.watching.counted(self._chosen.arm, refused=self._refused)
        if self._transcript is None:
            return
        if self._chosen.shadow:
            self._bench.shadows.judge(self._chosen.shadow, self._request, self._transcript)
        if self._watch is not None:
            self._show(self._watch, dict(self._transcript.latest()))
        if self._sampled:
            at = self._bench.clock()
            for side, text in self._transcript.latest():
                self._bench.recorder.add_sample(Sample(new_id("smp", at), at, self._request, side, text))

    def _show(self, watch: Watch, texts: Mapping[Side, str]) -> None:
        """Of several answers to a request, those that come without it are not shown."""
        if Side.INPUT in texts and Side.OUTPUT in texts:
            asked, said = texts[Side.INPUT], texts[Side.OUTPUT]
            watch.saw(Seen(self._request.tenant, self._request.route, asked, said, self._version))

    def _record(self, side: Side, decisions: tuple[Decision, ...]) -> None:
        for each in decisions:
            metrics.DECISIONS.labels(metrics.rule_label(each.rule), each.action.value, side.value).inc()
            self._refused |= each.action is Action.REFUSE
        room = max(0, MOST_DECISIONS - self._kept)
        if len(decisions) > room:
            metrics.UNKEPT.labels("too_many").inc(len(decisions) - room)
        self._kept += len(decisions[:room])
        at = self._bench.clock()
        self._bench.recorder.add(
            [
                Kept(new_id("dec", at), at, self._request, side, each, self.policy.name)
                for each in decisions[:room]
            ]
        )
