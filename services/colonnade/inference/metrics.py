"""What the router counts: requests, retries, engines, loads, and what it leaves out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from colonnade.telemetry.metrics import (
    DURATION_BUCKETS,
    REGISTRY,
    CollectorRegistry,
    counter,
    gauge,
    histogram,
)

_LOAD_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0)


class Metrics:
    """``outcome`` is ``ok``, ``cancelled`` or a ``colonnade.errors.Code``; engines are those that are known
    now."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._requests = counter(
            "inference", "requests", "Requests by what became of them", ("operation", "outcome"), registry
        )
        self._retries = counter(
            "inference", "retries", "Requests that were put to an engine again", ("reason",), registry
        )
        self._unretried = counter(
            "inference_unretried",
            "requests",
            "Requests not put to an engine again for too many were",
            (),
            registry,
        )
        self._fallbacks = counter(
            "inference_fallback", "requests", "Requests that went on to another version", (), registry
        )
        self._choices = counter(
            "inference_engine", "choices", "Choices of engines by what decided them", ("by",), registry
        )
        self._aborts = counter("inference", "aborts", "Requests to end a generation", ("found",), registry)
        self._up = gauge("inference_engine", "up", "1 where the engine answers", ("engine",), registry)
        self._ejected = gauge("inference_ejected", "engines", "Engines left out now", (), registry)
        self._leased = gauge("inference_leased", "engines", "Engines that registered", (), registry)
        self._in_flight = gauge("inference_in_flight", "requests", "Requests under way", (), registry)
        self._load = histogram(
            "inference_load", "seconds", "Time to load a version", ("outcome",), _LOAD_BUCKETS, registry
        )
        self._copies = counter(
            "inference_shadow", "copies", "Shadow copies by what became of them", ("outcome",), registry
        )
        self._agreements = counter(
            "inference_shadow", "answers", "Shadow answers beside the ones given", ("agree",), registry
        )
        self._copy_seconds = histogram(
            "inference_shadow", "seconds", "Time of a shadow answer", (), DURATION_BUCKETS, registry
        )

    def ended(self, operation: str, outcome: str) -> None:
        self._requests.labels(operation, outcome).inc()

    def retried(self, reason: str) -> None:
        self._retries.labels(reason).inc()

    def not_retried(self) -> None:
        self._unretried.inc()

    def fell_back(self) -> None:
        self._fallbacks.inc()

    def chosen(self, by: str) -> None:
        """``prefix`` or ``load``."""
        self._choices.labels(by).inc()

    def aborted(self, *, found: bool) -> None:
        self._aborts.labels("yes" if found else "no").inc()

    def engine_up(self, address: str, up: bool) -> None:
        self._up.labels(_engine(address)).set(up)

    def engine_left(self, address: str) -> None:
        self._up.remove(_engine(address))

    def watch(self, ejected: Callable[[], int]) -> None:
        """Asks how many engines are left out, whenever somebody looks."""
        self._ejected.set_function(ejected)

    def leased(self, engines: int) -> None:
        self._leased.set(engines)

    def loaded(self, seconds: float, outcome: str) -> None:
        self._load.labels(outcome).observe(seconds)

    def shadowed(self, outcome: str) -> None:
        """``ok``, ``busy``, ``not_loaded``, ``cancelled`` or a code."""
        self._copies.labels(outcome).inc()

    def shadow_answered(self, seconds: float) -> None:
        self._copy_seconds.observe(seconds)

    def compared(self, *, agree: bool) -> None:
        self._agreements.labels("yes" if agree else "no").inc()

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        with self._in_flight.track_inprogress():
            yield


def _engine(address: str) -> str:
    return address.rsplit("/", 1)[-1]  # of a socket its name, not where it lies
