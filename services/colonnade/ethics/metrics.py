"""What the ethics service counts. Labels are bounded: so many names of rules, actions, sides; never whose it
is."""

from colonnade.telemetry.metrics import counter, histogram

_MOST_RULES = 200
_SCREENING = (
    0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 2.0
)  # fmt: skip

DECISIONS = counter("ethics", "decisions", "Decisions by the rule that took them", ("rule", "action", "side"))
SECONDS = histogram(
    "ethics_screening", "seconds", "From a piece of text to its verdict", ("side",), _SCREENING
)
UNKEPT = counter(
    "ethics_unkept", "decisions", "Decisions that are not on record: too_many of a request, full", ("why",)
)
SHADOWS = counter(
    "ethics_shadows", "requests", "What shadows judged: judged, skipped or failed", ("outcome",)
)
TAKEN_BACK = counter("ethics_rolled_back", "candidates", "Policies on trial that refused too much")
FAILURES = counter("ethics_upkeep", "failures", "Turns of background work that failed", ("duty",))

_rules: set[str] = set()


def rule_label(rule: str) -> str:
    """Tenants name their rules as they like: the first so many have a label, the others share one."""
    if rule in _rules or len(_rules) < _MOST_RULES:
        _rules.add(rule)
        return rule
    return "other"
