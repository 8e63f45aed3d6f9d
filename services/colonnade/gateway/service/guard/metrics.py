"""What the guard costs, and what it does."""

from colonnade.telemetry.metrics import TIME_TO_FIRST_TOKEN_BUCKETS, TOKEN_BUCKETS, counter, histogram

_SECONDS = (0.0005, *TIME_TO_FIRST_TOKEN_BUCKETS)

INPUT = histogram("gateway_guard_input", "seconds", "Until an input was screened", buckets=_SECONDS)
FIRST_TEXT = histogram(
    "gateway_guard_first_text",
    "seconds",
    "That the first text came later, input included",
    buckets=_SECONDS,
)
STREAM = histogram(
    "gateway_guard_stream", "seconds", "That the end of an answer came later", buckets=_SECONDS
)
HELD = histogram(
    "gateway_guard_held", "characters", "Most that was held back of an answer at once", buckets=TOKEN_BUCKETS
)
DECISIONS = counter("gateway_guard", "decisions", "Decisions that were acted on", ("side", "action"))
UNAVAILABLE = counter("gateway_guard", "absences", "Requests that could not be screened")
