"""What a receipt says of an erasure: never whom it was about, but by a mark."""

from typing import Any

from colonnade.memory.domain.erasures import Erasure

FORMAT = 1


def facts_of(erasure: Erasure) -> dict[str, Any]:
    """Of one that has ended."""
    assert erasure.ended_at is not None
    return {
        "format": FORMAT,
        "erasure": erasure.id,
        "tenant": erasure.tenant,
        "subject_mark": erasure.mark,
        "asked_by": erasure.asked_by.value,
        "why": erasure.why,
        "began_at": erasure.began_at.isoformat(),
        "ended_at": erasure.ended_at.isoformat(),
        "removed": erasure.removed,
        "done_at": {
            step.service: step.done_at.isoformat()
            for step in erasure.steps
            if step.round == 2 and step.done_at
        },
        "affected": [
            {"model": each.model, "version": each.version, "why": each.why} for each in erasure.affected
        ],
    }
