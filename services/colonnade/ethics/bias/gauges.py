"""What the watch over bias exposes. Labels name tenants, versions, dimensions and groups, never people."""

from colonnade.telemetry.metrics import counter, gauge

_MOST_WATCHED = 500

ANSWERS = counter(
    "ethics_bias", "answers", "Sampled answers to requests that name a group: helped, refused or unkind",
    ("tenant", "model", "dimension", "group", "outcome"),
)  # fmt: skip
COMPARED = counter(
    "ethics_bias", "comparisons", "Requests that were asked about another group too: alike or biased",
    ("tenant", "model", "dimension", "outcome"),
)  # fmt: skip
EVIDENCE = gauge(
    "ethics_bias_evidence", "ratio", "Evidence of drift, as a share of what makes an alarm",
    ("tenant", "model", "dimension"),
)  # fmt: skip
ALARMS = counter("ethics_bias", "alarms", "Alarms of the watch over bias", ("tenant", "model", "dimension"))
UNSEEN = counter("ethics_bias_unseen", "answers", "Sampled, and let go: full or failed", ("why",))

_watched: set[tuple[str, str, str]] = set()


def labels_of(tenant: str, model: str, dimension: str) -> tuple[str, str, str]:
    """The first so many have labels of their own, the others share one."""
    watched = (tenant, model, dimension)
    if watched in _watched or len(_watched) < _MOST_WATCHED:
        _watched.add(watched)
        return watched
    return "other", "other", dimension
