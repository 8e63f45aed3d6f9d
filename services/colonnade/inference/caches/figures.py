"""How often the caches were of use."""

from collections import Counter

from colonnade.inference.domain import Kind
from colonnade.telemetry.metrics import REGISTRY, CollectorRegistry, counter, gauge


class CacheMetrics:
    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.counts: Counter[Kind] = Counter()
        """Of requests that might have been answered, since the process started."""
        self._hits = counter(
            "inference_cache", "hits", "Requests that a cache answered, by how", ("kind",), registry
        )
        self._misses = counter(
            "inference_cache", "misses", "Requests that a cache might have answered", (), registry
        )
        self._kept = counter("inference_cache", "kept", "Answers that were kept", (), registry)
        self._evictions = counter(
            "inference_cache", "evictions", "Answers that made room for others", (), registry
        )
        self._purged = counter("inference_cache", "purged", "Answers forgotten on purpose", (), registry)
        self.bytes = gauge("inference_cache", "bytes", "What the answers kept here take", (), registry)
        self.entries = gauge("inference_cache", "entries", "Answers kept here", (), registry)

    def answered(self, kind: Kind) -> None:
        self.counts[kind] += 1
        if kind is Kind.MISS:
            self._misses.inc()
        else:
            self._hits.labels(kind.value).inc()

    def kept(self) -> None:
        self._kept.inc()

    def evicted(self) -> None:
        self._evictions.inc()

    def purged(self, answers: int) -> None:
        self._purged.inc(answers)
