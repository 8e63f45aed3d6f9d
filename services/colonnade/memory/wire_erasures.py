"""Erasures in the words of their protobuf contract."""

from collections.abc import Sequence

from colonnade.api.erasure.v1 import erasure_pb2
from colonnade.api.erasure.v1 import subjects_pb2 as messages
from colonnade.memory.domain.erasures import Erasure, Step
from colonnade.memory.wire import stamp_of


def erasure(found: Erasure) -> messages.Erasure:
    return messages.Erasure(
        id=found.id,
        tenant=found.tenant,
        mark=found.mark,
        why=found.why,
        asked_by=found.asked_by.value,
        began_at=stamp_of(found.began_at),
        ended_at=stamp_of(found.ended_at) if found.ended_at else None,
        steps=map(_step, found.steps),
        affected=[
            erasure_pb2.AffectedVersion(model=each.model, version=each.version, why=each.why)
            for each in found.affected
        ],
        receipt=found.receipt,
    )


def erasures(found: Sequence[Erasure], page: str) -> messages.ListErasuresResponse:
    return messages.ListErasuresResponse(erasures=map(erasure, found), next_page=page)


def _step(step: Step) -> messages.ErasureStep:
    return messages.ErasureStep(
        service=step.service,
        round=step.round,
        done_at=stamp_of(step.done_at) if step.done_at else None,
        tries=step.tries,
        reason=step.reason,
        removed=step.removed,
    )
