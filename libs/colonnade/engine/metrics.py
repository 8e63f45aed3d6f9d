"""What Prometheus sees of an engine."""

from collections.abc import Callable

from colonnade.engine.ports import Runner
from colonnade.engine.sequence import Finish, FinishReason
from colonnade.errors import Code
from colonnade.telemetry.metrics import (
    REGISTRY,
    SIZE_BUCKETS,
    CollectorRegistry,
    GenAiMetrics,
    counter,
    gauge,
    histogram,
)

_ERROR_OF = {FinishReason.CANCELLED: Code.CANCELLED, FinishReason.DEADLINE: Code.DEADLINE_EXCEEDED}
"""Endings that nobody wished for."""


class EngineMetrics:
    """Generation metrics under OpenTelemetry's names, the engine's own under ``colonnade_engine_*``."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._gen_ai = GenAiMetrics(registry)
        self._registry = registry
        self._requests = counter(
            "engine", "requests", "Requests by how they ended", ("model", "outcome"), registry=registry
        )
        self._tokens = counter("engine", "tokens", "Tokens worked off", ("model", "kind"), registry=registry)
        self._shared = counter(
            "engine_prefix_hit", "tokens", "Prompt tokens found in the cache", ("model",), registry=registry
        )
        self._preempted = counter(
            "engine_preempted", "requests", "Times that one gave way", ("model",), registry=registry
        )
        self._guessed = counter(
            "engine_speculation",
            "tokens",
            "Tokens guessed ahead (proposed), and those the model agreed to (accepted)",
            ("model", "kind"),
            registry=registry,
        )
        self._wait = histogram(
            "engine_queue_wait", "seconds", "From arrival to the running batch", registry=registry
        )
        self._batch = histogram(
            "engine_batch", "sequences", "Sequences in one forward", buckets=SIZE_BUCKETS, registry=registry
        )

    def batch(self, sequences: int) -> None:
        self._batch.observe(sequences)

    def watch(self, core: Runner, models_bytes: Callable[[], int]) -> None:
        """Reads queue, batch and memory at each scrape."""

        def show(what: str, unit: str, help_text: str, read: Callable[[], float]) -> None:
            gauge(what, unit, help_text, registry=self._registry).set_function(read)

        show("engine_queue", "requests", "Requests that wait", lambda: core.load().waiting)
        show("engine_running", "requests", "Requests that run", lambda: core.load().running)
        show("engine_cache", "bytes", "State held by sequences", lambda: core.load().cache_bytes)
        show("engine_cache_waste", "bytes", "Held, but not filled", lambda: core.load().wasted_bytes)
        show("engine_cache_shareable", "bytes", "Free, still shareable", lambda: core.load().cached_bytes)
        show("engine_cache_limit", "bytes", "State sequences may hold", lambda: core.limits.cache_bytes)
        show("engine_models", "bytes", "Weights of loaded models", models_bytes)

    def finished(self, operation: str, model: str, finish: Finish) -> None:
        total = finish.first_token_seconds + finish.decode_seconds
        later = finish.completion_tokens - 1
        self._requests.labels(model, finish.reason.value).inc()
        self._tokens.labels(model, "prompt").inc(finish.prompt_tokens)
        self._tokens.labels(model, "completion").inc(finish.completion_tokens)
        self._shared.labels(model).inc(finish.cached_prompt_tokens)
        self._preempted.labels(model).inc(finish.preemptions)
        if finish.speculation:
            self._guessed.labels(model, "proposed").inc(finish.speculation.proposed)
            self._guessed.labels(model, "accepted").inc(finish.speculation.accepted)
        self._wait.observe(finish.queue_seconds)
        if finish.completion_tokens:
            self._gen_ai.first_token(operation, model, finish.first_token_seconds)
        per_token = finish.decode_seconds / later if later > 0 else None
        error_type = _ERROR_OF.get(finish.reason, "")
        self._gen_ai.finished(operation, model, total, error_type=error_type, per_token=per_token)
        self._gen_ai.tokens(
            operation, model, prompt=finish.prompt_tokens, completion=finish.completion_tokens
        )

    def refused(self, operation: str, model: str, code: str, seconds: float) -> None:
        """A request that ended with an error, before or after it began."""
        self._requests.labels(model, code).inc()
        self._gen_ai.finished(operation, model, seconds, error_type=code)
