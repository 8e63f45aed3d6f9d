"""How many replicas there should be, by what they say of themselves."""

import math
from collections.abc import Iterable
from typing import Any, Protocol

from colonnade.serving.replica import REQUESTS

_Reports = dict[str, dict[Any, float]]


class Context(Protocol):
    """What this reads of Ray's ``AutoscalingContext``."""

    @property
    def aggregated_metrics(self) -> _Reports | None:
        """A value for each metric and replica, averaged over the window."""
        ...

    target_num_replicas: int
    config: Any


def wanted(requests: Iterable[float], target: float) -> int:
    """So many that each has ``target`` requests at most, if they are shared out evenly; 0 for none."""
    return math.ceil(sum(requests) / target)


def policy(context: Context) -> tuple[int, dict[str, Any]]:
    """What Ray calls again and again. Ray keeps to the least and the most, and to the delays.

    As many as there are, as long as nobody has reported: a controller that was started again knows nothing.
    """
    reports = (context.aggregated_metrics or {}).get(REQUESTS)
    if not reports:
        return context.target_num_replicas, {}
    return wanted(reports.values(), context.config.target_ongoing_requests), {}
