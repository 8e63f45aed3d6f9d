"""How busy engines are, in words."""

from colonnade.client import Engine
from colonnade.console.views.formats import short, size

_WHY_NOT = {"away": "away", "draining": "drains", "ejected": "set aside: it failed"}


def state_of(engine: Engine) -> str:
    if engine.ready:
        return "ready"
    told = _WHY_NOT.get(engine.why_not, engine.why_not or "not ready")
    return f"{told}, {engine.ejected_seconds:.0f} s more" if engine.ejected_seconds else told


def memory_of(engine: Engine) -> str:
    return f"{size(engine.memory_used_bytes)} of {size(engine.memory_budget_bytes)}"


def breakers_of(engine: Engine) -> str:
    """Versions that failed there, and whether one request may try again."""
    told = (
        f"{short(each.digest)} {each.state.replace('_', ' ')}"
        + (f", {each.seconds:.0f} s" if each.seconds else "")
        for each in engine.breakers
    )
    return "; ".join(told) or "closed"
