"""Where to look up what made an answer."""

from functools import lru_cache

from colonnade.gateway.domain.models import Target

LINEAGE = "x-colonnade-lineage"


def lineage_link(target: Target) -> str:
    """Relative to the gateway."""
    return _link(target.digest, target.adapter.digest if target.adapter else "")


@lru_cache(maxsize=1024)
def _link(digest: str, adapter: str) -> str:
    """Made once for each version that answers, not for each of its answers."""
    return f"/lineage?kind=version&id={digest}" + (f"&adapter={adapter}" if adapter else "")
