"""Screening: scorers, the policies that hold, the record of what was decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from colonnade.api.ethics.v1.decisions_pb2_grpc import add_DecisionServiceServicer_to_server
from colonnade.api.ethics.v1.ethics_pb2_grpc import add_EthicsServiceServicer_to_server
from colonnade.api.ethics.v1.policies_pb2_grpc import add_PolicyServiceServicer_to_server
from colonnade.errors import ColonnadeError
from colonnade.ethics.decisions import servicer as decisions_servicer
from colonnade.ethics.decisions.domain import Held
from colonnade.ethics.decisions.recorder import Recorder
from colonnade.ethics.decisions.service import Decisions
from colonnade.ethics.decisions.sql import SqlDecisions
from colonnade.ethics.judging.bench import Bench
from colonnade.ethics.judging.dry_run import DryRuns
from colonnade.ethics.judging.shadows import Shadows
from colonnade.ethics.policies import policies_in
from colonnade.ethics.policies_kept import servicer as policies_servicer
from colonnade.ethics.policies_kept.choosing import Choosing
from colonnade.ethics.policies_kept.service import PoliciesInUse
from colonnade.ethics.policies_kept.sql import SqlPolicies
from colonnade.ethics.policies_kept.watching import Bound, Watching
from colonnade.ethics.servicer import FULL_NAME, EthicsServicer
from colonnade.ethics.wiring.ground import Ground, Room
from colonnade.ethics.wiring.scorers import scorers_of
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Writers:
    recorder: Recorder
    watching: Watching

    async def close(self) -> None:
        """What was decided last is kept too."""
        try:
            await self.recorder.flush()
            await self.watching.turn()
        except ColonnadeError as error:
            _LOG.warning("the last decisions could not be kept", reason=error.message)


async def screening_room(ground: Ground) -> Room:
    settings, server = ground.settings, ground.server
    scorers = scorers_of(settings, ground.inference, ground.registry)
    policy_store, decision_store = SqlPolicies(ground.database), SqlDecisions(ground.database)
    choosing = Choosing(policy_store, policies_in(settings.policies_dir), scorers)
    await choosing.refresh()
    policies = PoliciesInUse(policy_store, choosing, scorers, ground.trail)
    bound = Bound(settings.rollback_multiple, settings.rollback_requests)
    watching = Watching(policy_store, policies, bound, settings.service)
    recorder = Recorder(decision_store)
    ground.stack.push_async_callback(_Writers(recorder, watching).close)
    shadows = Shadows(scorers, recorder)
    bench = Bench(
        choosing, scorers, recorder, watching, shadows, ground.watching, sample=settings.keep_sample
    )
    decisions = Decisions(
        decision_store, recorder, days=settings.decision_days, most_samples=settings.sample_texts
    )
    dry_runs = DryRuns(decision_store, choosing, scorers)
    server.add(add_EthicsServiceServicer_to_server, EthicsServicer(bench, choosing, scorers), FULL_NAME)
    server.add(
        add_PolicyServiceServicer_to_server,
        policies_servicer.PolicyServicer(policies, dry_runs),
        policies_servicer.FULL_NAME,
    )
    server.add(
        add_DecisionServiceServicer_to_server,
        decisions_servicer.DecisionServicer(decisions),
        decisions_servicer.FULL_NAME,
    )

    async def erase(tenant: str, subject: str) -> Mapping[str, int]:
        decided, assigned = await decisions.erase(tenant, subject), await policy_store.erase(tenant, subject)
        return {**decided, **assigned}

    async def held(after: tuple[str, str], limit: int) -> Sequence[Held]:
        """Both in one order, everybody once."""
        authors = [Held(*each) for each in await policy_store.held(after, limit)]
        since: dict[tuple[str, str], datetime] = {}
        for each in (*await decisions.held(after, limit), *authors):
            whose = each.tenant, each.subject
            since[whose] = min(each.since, since.get(whose, each.since))
        return [Held(*whose, at) for whose, at in sorted(since.items())][:limit]

    return Room(
        erase=erase,
        held=held,
        background=(
            lambda: choosing.run(settings.refresh_seconds),
            recorder.run, watching.run, shadows.run, decisions.run,
        ),
    )  # fmt: skip
