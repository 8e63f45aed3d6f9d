"""``Cache-Control`` on its way in; what the caches did, on its way out."""

from typing import Any

from colonnade.gateway.domain.caching import Cached, Caching

CACHE = "x-colonnade-cache"
CACHE_AGE = "x-colonnade-cache-age"
_DEFAULT = Caching()


def caching_of(cache_control: str | None) -> Caching:
    """``no-cache`` and ``no-store`` count; whatever else there is, is for caches on the way."""
    if not cache_control:
        return _DEFAULT
    wanted = {part.partition("=")[0].strip().lower() for part in cache_control.split(",")}
    return Caching(refresh="no-cache" in wanted, off="no-store" in wanted)


def cache_headers(cached: Cached | None) -> dict[str, str]:
    """None where caches had nothing to do with the answer."""
    if cached is None:
        return {}
    headers = {CACHE: cached.kind}
    return headers | {CACHE_AGE: f"{cached.age_seconds:.0f}"} if cached.reused else headers


def cache_part(cached: Cached | None) -> dict[str, Any]:
    """Of the body: only where the answer was not generated for this request."""
    if cached is None or not cached.reused:
        return {}
    about = {
        "kind": cached.kind,
        "age_seconds": round(cached.age_seconds, 3),
        "similarity": round(cached.similarity, 6),
    }
    return {"cache": about}
