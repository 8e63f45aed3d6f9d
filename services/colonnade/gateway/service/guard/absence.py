"""What becomes of a request that cannot be screened."""

import time

from colonnade.errors import ColonnadeError, DeadlineExceeded, TooLarge, Unavailable
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.service.guard.bounds import GuardBounds
from colonnade.gateway.service.guard.metrics import UNAVAILABLE
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
PART = "guard"
"""As ``degraded`` calls it."""


def without_screening(exchange: Exchange, error: ColonnadeError | TimeoutError, bounds: GuardBounds) -> None:
    """Returns where it may go on all the same; else raises what is said of it."""
    if isinstance(error, TooLarge):
        raise error
    if exchange.deadline is not None and exchange.deadline <= time.monotonic():
        raise (
            error
            if isinstance(error, DeadlineExceeded)
            else DeadlineExceeded("the request's deadline passed")
        )
    why = (
        error.message
        if isinstance(error, ColonnadeError)
        else f"no verdict within {bounds.seconds:g} seconds"
    )
    _LOG.warning("text could not be screened", reason=why, required=bounds.required)
    UNAVAILABLE.inc()
    if bounds.required:
        raise Unavailable(
            "this could not be screened, and nothing goes on without that; try again", retry_after_seconds=1
        ) from None
    if exchange.guard is not None:
        exchange.guard.unavailable = why
    if PART not in exchange.degraded:
        exchange.degraded.append(PART)
