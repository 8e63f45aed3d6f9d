"""What adaptations say, as messages."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.ethics.v1 import adapting_pb2 as messages
from colonnade.ethics.adapting.domain.adaptations import Adaptation, Count, Figure
from colonnade.ethics.adapting.domain.pairs import Pair
from colonnade.ethics.adapting.domain.plans import Plan, plan_of


def plan(said: messages.AdaptationPlan) -> Plan:
    """``InvalidArgument`` or ``TooLarge``, naming the field."""
    return plan_of(
        said.model, version=said.version, sources=said.sources, prompts=said.prompts, answers=said.answers,
        reward_model=said.reward_model, steps=said.steps, policy=said.policy, route=said.route,
    )  # fmt: skip


def adaptation(found: Adaptation) -> messages.Adaptation:
    return messages.Adaptation(
        id=found.id,
        plan=_plan(found),
        digest=found.version.digest,
        state=found.state.value,
        created_at=_stamp(found.created_at),
        by=found.by,
        done=found.done,
        total=found.total,
        pairs=map(_count, found.counts),
        job=found.job,
        adapted=found.adapted.version if found.adapted else 0,
        figures=map(_figure, found.figures),
        rollout=found.rollout,
        why=found.why,
        ended_at=_stamp(found.ended_at) if found.ended_at else None,
    )


def pair(found: Pair) -> messages.AdaptationPair:
    return messages.AdaptationPair(
        source=found.source.value, prompt=found.prompt, chosen=found.chosen, rejected=found.rejected,
        chosen_harm=found.chosen_harm, rejected_harm=found.rejected_harm,
    )  # fmt: skip


def _plan(found: Adaptation) -> messages.AdaptationPlan:
    """With the version that the name stood for."""
    plan, version = found.plan, found.version
    return messages.AdaptationPlan(
        model=version.name, version=version.version, sources=[each.value for each in plan.sources],
        prompts=plan.prompts, answers=plan.answers, reward_model=plan.reward_model, steps=plan.steps,
        policy=plan.policy, route=plan.route,
    )  # fmt: skip


def _count(found: Count) -> messages.PairCount:
    return messages.PairCount(
        source=found.source.value, tried=found.tried, pairs=found.pairs, lowered=found.lowered
    )


def _figure(found: Figure) -> messages.AdaptationFigure:
    (before, before_low, before_high), (after, after_low, after_high) = found.before, found.after
    return messages.AdaptationFigure(
        measure=found.measure, before=before, before_low=before_low, before_high=before_high,
        after=after, after_low=after_low, after_high=after_high, count=found.count,
    )  # fmt: skip


def _stamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
