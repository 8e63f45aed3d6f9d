"""Erasures of people, in words: whom one may have erased, how far an erasure is, and its receipt."""

import json

from colonnade.client import Identity
from colonnade.client.results.erasures import Erasure, ErasureStep
from colonnade.console.views.formats import moment, number
from colonnade.errors import InvalidArgument

_ROUNDS = 2


def names_others(who: Identity) -> bool:
    """Whether somebody else than oneself may be erased."""
    return "admin" in who.roles or who.key is None


def confirmed(subject: str, typed: str) -> None:
    """Raises ``InvalidArgument`` unless the name was typed as it is."""
    if not subject:
        raise InvalidArgument("say whom", field="subject")
    if typed != subject:
        raise InvalidArgument(f"to confirm, type the name as it stands: {subject}", field="confirmation")


def state_of(erasure: Erasure) -> str:
    if erasure.state == "done":
        return f"done, {moment(erasure.ended_at, 'just now')}"
    whole = len(erasure.steps)
    done = sum(step.done_at is not None for step in erasure.steps)
    return f"under way, {done} of {whole} steps done" if whole else "under way"


def step_rows(erasure: Erasure) -> list[tuple[str, str, str, str]]:
    """Service, round, how far it is and what it erased."""
    return [
        (step.service, f"{step.round} of {_ROUNDS}", _step(step), _removed(step)) for step in erasure.steps
    ]


def affected_of(erasure: Erasure) -> list[str]:
    """Versions that a person decides about."""
    return [
        f"{each.model}{f':{each.version}' if each.version else ''}: {each.why}" for each in erasure.affected
    ]


def receipt_of(erasure: Erasure) -> bytes:
    """As ``colonnade subjects verify`` reads it."""
    return json.dumps(dict(erasure.receipt or {}), indent=2).encode()


def _step(step: ErasureStep) -> str:
    if step.done_at is not None:
        return f"done, {moment(step.done_at)}"
    if step.reason:
        return f"tried {number(step.tries)} times: {step.reason}"
    return "waits"


def _removed(step: ErasureStep) -> str:
    told = ", ".join(
        f"{number(count)} {name.replace('_', ' ')}" for name, count in step.removed.items() if count
    )
    return told or ("nothing" if step.done_at is not None else "")
